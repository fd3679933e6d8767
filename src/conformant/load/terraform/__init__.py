"""Terraform to resources: folders of HCL, blocks of a document, plans.

Kinds are the types of resources (``aws_s3_bucket``) and data sources
(``data.aws_iam_policy_document``), and of the language itself: ``module`` (a call with its
inputs), ``provider``, ``terraform``, ``variable``, ``output``, ``locals``, ``tfvars``, and
``root`` for each module directory.

Values are plain Python. Nested blocks are always lists of mappings. What cannot be known without
running Terraform is an `Unknown` with its reason; null is left out. `Resource.meta` is a `Meta`.
"""

from collections.abc import Callable, Mapping, Sequence

from conformant.load.terraform.variables import Variables
from conformant.model import FileCoverage, Resource

__all__ = ["Variables", "load_directory", "load_plan", "load_snippet"]


def _same(path: str) -> str:
    return path


def load_directory(
    directory: str,
    files: Mapping[str, bytes],
    *,
    shown: Callable[[str], str] = _same,
    variables: Variables = Variables(),
) -> tuple[list[Resource], list[FileCoverage]]:
    """Every module directory below `directory`, and what became of each file.

    `files` are the ``*.tf``, ``*.tf.json``, ``*.tfvars``, ``*.tfvars.json``, ``*.tfbackend``,
    ``terragrunt.hcl`` and ``.terraform.lock.hcl`` files below it, path to bytes; `shown` turns such a
    path into the one that places carry. A directory that others call is evaluated once per call,
    with the inputs of that call. Raises OSError or BadFile for a `variables` file that is not
    there or not readable.
    """
    from conformant.load.terraform.project import Project

    project = Project(directory, files, shown, variables)
    return list(project.resources()), sorted(project.coverage, key=lambda read: read.file)


def load_snippet(file: str, text: str, first_line: int) -> tuple[list[Resource], list[FileCoverage]]:
    """A block cut out of `file`, which begins there on `first_line`."""
    from conformant.load.terraform.snippet import read_snippet

    return read_snippet(file, text, first_line)


def load_plan(file: str, data: bytes, hcl: Sequence[Resource] = ()) -> tuple[list[Resource], list[FileCoverage]]:
    """A plan (``terraform show -json``) joined with the HCL resources that it was made from.

    Returns the plan's resources and those of `hcl` which it does not replace. A plan's resource
    that replaces one of `hcl` takes its places and has it in ``meta.twin``.
    """
    from conformant.load.terraform.plan import read_plan

    return read_plan(file, data, hcl)
