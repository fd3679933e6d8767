"""AWS Backup: which stores a plan covers, and whether its copies leave the region."""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import partial
from typing import Any

from conformant.domain.aws_regions import arn_region, in_other_region
from conformant.domain.certainty import any_holds
from conformant.domain.terraform_links import TerraformIndex
from conformant.model import ROOT, Path, Undecided, Unknown, dig, mapping
from conformant.platform import Platform
from conformant.views.terraform import TerraformResource

_ARNS = {
    "aws_db_instance": ("rds", "db:", "identifier"),
    "aws_rds_cluster": ("rds", "cluster:", "cluster_identifier"),
    "aws_efs_file_system": ("elasticfilesystem", "file-system/", "id"),
}
_TAG = "aws:resourcetag/"


class BackupPlans:
    """All selections and plans of one run: ``platform.derived(BackupPlans)``."""

    def __init__(self, platform: Platform) -> None:
        self._index = platform.derived(TerraformIndex)
        self._naming: dict[int, list[TerraformResource]] = {}
        self._matching: list[TerraformResource] = []
        for selection in self._index.of_type("aws_backup_selection"):
            for named in self._index.targets(selection, "resources"):
                self._naming.setdefault(id(named.resource), []).append(selection)
            arns = selection.raw.get("resources")
            if not isinstance(arns, list) or not all(_is_reference(arn) for arn in arns):
                self._matching.append(selection)

    def covers(self, store: TerraformResource) -> bool:
        """Whether a selection assigns `store` to a plan. Raises Undecided when none is known to, but one may."""
        return any_holds(partial(self._selects, selection, store) for selection in self._candidates(store))

    def copies_abroad(self, store: TerraformResource) -> bool:
        """Whether a plan that covers `store` copies to a vault of another region. Raises Undecided likewise."""
        return any_holds(
            partial(self._copies, selection, plan, path, store)
            for selection in self._candidates(store)
            for plan, path in self._copy_actions(selection)
        )

    def _candidates(self, store: TerraformResource) -> list[TerraformResource]:
        return [*self._naming.get(id(store.resource), ()), *self._matching]

    def _copy_actions(self, selection: TerraformResource) -> Iterator[tuple[TerraformResource | None, Path]]:
        plans = [each for each in self._index.targets(selection, "plan_id") if each.type == "aws_backup_plan"]
        if not plans:
            yield None, ROOT
        for plan in plans:
            for path, _ in plan.blocks("rule", "copy_action"):
                yield plan, path

    def _copies(
        self, selection: TerraformResource, plan: TerraformResource | None, path: Path, store: TerraformResource
    ) -> bool:
        if not self._selects(selection, store):
            return False
        if plan is None:
            raise Undecided(f"the plan of {selection.address} is not known")
        for vault in self._index.targets(plan, *path, "destination_vault_arn"):
            if vault.type == "aws_backup_vault":
                return in_other_region(vault, store)
        destination = plan.get(*path, "destination_vault_arn")
        region = arn_region(destination) if isinstance(destination, str) else ""
        if not region or store.region is None:
            raise Undecided(f"the region of {store.address} or of its backup vault is not known")
        return region != store.region

    def _selects(self, selection: TerraformResource, store: TerraformResource) -> bool:
        if "not_resources" in selection.raw and self._names(selection, "not_resources", store):
            return False
        if "resources" in selection.raw and not self._names(selection, "resources", store):
            return False
        if not _tagged(selection, store):
            return False
        if selection.doubt and selection.doubt != store.doubt:
            raise Undecided(f"whether {selection.address} exists is not known: {selection.doubt}")
        return True

    def _names(self, selection: TerraformResource, argument: str, store: TerraformResource) -> bool:
        """Whether a list of ARNs and patterns has one for `store`."""
        if any(each.resource is store.resource for each in self._index.targets(selection, argument)):
            return True
        return any_holds(partial(_matches, arn, store) for arn in selection.list(argument))


def _matches(arn: Any, store: TerraformResource) -> bool:
    if isinstance(arn, Unknown):
        if _is_reference(arn):
            return False
        raise Undecided(arn.reason)
    if arn == "*":
        return True
    fields = str(arn).split(":", 5)
    if len(fields) < 6:
        return False
    service, prefix, argument = _ARNS[store.type]
    name = store.raw.get(argument)
    if not fnmatchcase(service, fields[2]) or not (store.region is None or fnmatchcase(store.region, fields[3])):
        return False
    return fnmatchcase(prefix + (name if isinstance(name, str) else "?"), fields[5])


def _is_reference(arn: Any) -> bool:
    """Whether an element certainly means resources of Terraform, and no others."""
    references = arn.references if isinstance(arn, Unknown) else ()
    return bool(references) and all(_is_resource(address) for address in references)


def _is_resource(address: str) -> bool:
    *parts, _ = address.split(".")
    return "data" not in parts and any(part.startswith("aws_") for part in parts)


def _tagged(selection: TerraformResource, store: TerraformResource) -> bool:
    """Whether the tags of `store` meet the tag conditions: one of ``selection_tag``, each of ``condition``."""
    tests = selection.blocks("selection_tag")
    if tests and not any_holds(partial(_has_tag, store, test, "string_equals") for _, test in tests):
        return False
    return all(
        _has_tag(store, test, operator) is not operator.startswith("string_not")
        for operator in ("string_equals", "string_like", "string_not_equals", "string_not_like")
        for _, test in selection.blocks("condition", operator)
    )


def _has_tag(store: TerraformResource, test: Any, operator: str) -> bool:
    key, wanted = str(dig(test, "key")), str(dig(test, "value"))
    if key.lower().startswith(_TAG):
        key = key[len(_TAG) :]
    value = dig(mapping(store.get("tags")), key)
    if value is None:
        return False
    return fnmatchcase(str(value), wanted) if operator.endswith("like") else str(value) == wanted
