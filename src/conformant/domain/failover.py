"""DNS failover: records of one name, of which Route 53 answers with a healthy one."""

from collections.abc import Iterator

from conformant.domain.terraform_links import TerraformIndex, identity
from conformant.model import Undecided
from conformant.platform import Platform
from conformant.regex import lazy
from conformant.views.route53 import DnsRecord
from conformant.views.terraform import TerraformResource

ROLES = ("PRIMARY", "SECONDARY")

_ELB_HOST = lazy(r"\.([a-z]{2}(?:-[a-z]+)+-\d)\.elb\.amazonaws\.com$|\.elb\.([a-z]{2}(?:-[a-z]+)+-\d)\.amazon")
_GLOBAL = ("aws_cloudfront_", "aws_globalaccelerator_", "aws_route53_", "data.", "var", "module")

Name = tuple[str, str, str]
"""Zone, name and type of records; a part that starts with ``?`` is not known (see `identity`)."""


class FailoverRecords:
    """The records of one run by zone, name and type: ``platform.derived(FailoverRecords)``."""

    def __init__(self, platform: Platform) -> None:
        self._index = platform.derived(TerraformIndex)
        self._names: dict[int, Name] = {}
        self._records: dict[Name, list[DnsRecord]] = {}
        self._by_label: dict[str, list[Name]] = {}
        for record in platform.of(DnsRecord):
            name = self._names[id(record)] = _name(record)
            if name not in self._records:
                self._by_label.setdefault(_label(name), []).append(name)
            self._records.setdefault(name, []).append(record)

    def name(self, record: DnsRecord) -> Name:
        return self._names[id(record)]

    def beside(self, record: DnsRecord) -> list[DnsRecord]:
        """The failover records of the same zone, name and type, in input order, `record` among them."""
        return self.under(self.name(record))

    def under(self, name: Name) -> list[DnsRecord]:
        return [each for each in self._records.get(name, ()) if each.routing == "failover"]

    def has_role(self, records: list[DnsRecord], role: str) -> bool:
        """Whether one of `records` has this role. Raises Undecided when that depends on an unknown one."""
        unknown: Undecided | None = None
        for each in records:
            try:
                if each.role == role:
                    return True
            except Undecided as undecided:
                unknown = undecided
        if unknown is not None:
            raise unknown
        return False

    def possible_partner(self, record: DnsRecord, role: str) -> DnsRecord | None:
        """A record with `role` whose zone or name is not known and may be that of `record`."""
        own = self.name(record)
        labels = [_label(own), ""] if _label(own) else list(self._by_label)
        for name in (each for label in labels for each in self._by_label.get(label, ())):
            if name != own and all(map(_may_equal, own, name)):
                for each in self.under(name):
                    if self._is_alone(each, role):
                        return each
        return None

    def _is_alone(self, record: DnsRecord, role: str) -> bool:
        return all(_stated_role(each) == role for each in self.beside(record))

    def regions(self, record: DnsRecord) -> Iterator[str]:
        """Where the targets of a record are: names of regions, else marks for one provider configuration. Nothing
        where that is not known, or for targets of no region."""
        found = _ELB_HOST.search(identity(record, *record.target_path).rstrip("."))
        if found is not None:
            yield found[1] or found[2]
            return
        for target in self.targets(record):
            if target.type.startswith(_GLOBAL):
                continue
            if target.region is not None:
                yield target.region
            elif not target.has("region"):
                yield f"?{target.meta.root}|{target.module}|{target.provider}"

    def targets(self, record: DnsRecord) -> list[TerraformResource]:
        """The known resources that a record points to."""
        return self._index.targets(record, *record.target_path)


def _name(record: DnsRecord) -> Name:
    zone = identity(record, "zone_id")
    if zone.startswith("?"):
        referred = record.references("zone_id")
        zone = f"?{record.meta.root}|{' '.join(referred)}" if referred else zone
    return zone, identity(record, "name").rstrip("."), identity(record, "type")


def _label(name: Name) -> str:
    """The name of the records, empty where it is not known."""
    return "" if name[1].startswith("?") else name[1]


def _stated_role(record: DnsRecord) -> str:
    """The role, empty where it is not known."""
    try:
        return record.role
    except Undecided:
        return ""


def _may_equal(one: str, other: str) -> bool:
    return one == other or one.startswith("?") or other.startswith("?")
