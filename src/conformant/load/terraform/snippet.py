"""Terraform cut out of a document."""

from conformant.load.terraform.directory import Directory
from conformant.load.terraform.emit import Emitter
from conformant.load.terraform.evaluate import Budget
from conformant.load.terraform.instance import Children, Instance
from conformant.load.terraform.lexer import SyntaxFault
from conformant.load.terraform.parser import parse
from conformant.load.terraform.roots import backends_in, describe
from conformant.load.terraform.syntax import SourceFile
from conformant.model import FileCoverage, Resource

_MOST_RESOURCES = 10_000


def read_snippet(file: str, text: str, first_line: int) -> tuple[list[Resource], list[FileCoverage]]:
    """See `load_snippet`."""
    source = SourceFile(file, text.replace("\r\n", "\n"), first_line)
    try:
        whole = parse(source)
    except SyntaxFault as fault:
        return [], [FileCoverage(file, "unreadable", 0, fault.message, source.place(fault.offset))]
    directory = Directory(file, file)
    directory.add(whole)
    instance = Instance(directory, "snippet", Budget(), enter=_unread)
    emitter = Emitter(file, "document", "snippet", _MOST_RESOURCES)
    emitter.instance(instance)
    backends, origins = backends_in(directory, instance)
    resources = [*emitter.resources, describe(directory, "snippet", instance, backends, origins, "document")]
    return resources, [FileCoverage(file, "read", len(resources))]


def _unread(caller: Instance, name: str) -> Children:
    source = caller.directory.calls[name].attributes.get("source")
    value = getattr(source.value, "value", "") if source else ""
    return Children({}, f"was not read ({value})" if value else "was not read")
