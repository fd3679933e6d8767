"""A DNS failover is not a pair of one primary and one secondary that stand apart.

What it checks: For each zone, name and type with `failover_routing_policy` there is exactly one PRIMARY and one
SECONDARY record. Their set identifiers differ, their targets are not the same, and not in the same region where
that can be seen. No record with another routing policy, or none, has the same zone, name and type. When the A
target is dual-stack, an AAAA pair exists too (a lower finding). Names are compared without the trailing dot; a
zone that is not known is compared by what it refers to.

Why it matters: With half a pair, or both halves in one place, there is nothing to fail over to, and it shows on
the day on which the region is gone.

How to fix: Two records of the same name and type, PRIMARY and SECONDARY, each with a `set_identifier` of its own,
pointing to load balancers of two regions.

When it is fine: When the other half is kept in a configuration that this run does not see. Waive the record.
"""

from collections.abc import Iterator

from conformant.domain.failover import ROLES, FailoverRecords
from conformant.domain.terraform_links import identity, written
from conformant.leaf import Item, aspects, check
from conformant.model import ROOT, Cure, Finding, NotApplicable, Path, Severity, Undecided
from conformant.platform import Platform
from conformant.views.route53 import DnsRecord

APART = Cure("let the secondary record point to a load balancer in another region", grade="none")


@check(
    id="TF-AWS-001",
    severity=Severity.HIGH,
    requirement="dns-failover",
    controls=["nist-800-53r5/CP-7", "nist-800-53r5/SC-22", "iso-27001-2022/A.8.14"],
)
def broken_failover_pair(record: DnsRecord, platform: Platform) -> Iterator[Item]:
    records = platform.derived(FailoverRecords)
    if record.routing != "failover":
        if records.beside(record):
            routing = f"{record.routing} routing" if record.routing else "no routing policy"
            message = f"{record.address} with {routing} stands beside failover records of the same name and type"
            yield Finding(message, ROOT, cure=Cure("give it another name, or remove it", grade="none"))
        else:
            yield NotApplicable("not a failover record")
        return
    role = record.role
    if role not in ROLES:
        message = f"failover type {role!r} is neither PRIMARY nor SECONDARY"
        yield Finding(message, record.role_path)
        return
    yield from aspects([
        _alone_in_role(record, role, records), _distinct(record, records), _partner(record, role, records),
        _apart(record, role, records), _both_families(record, role, records),
    ])  # fmt: skip


def _before(record: DnsRecord, records: FailoverRecords) -> list[DnsRecord]:
    beside = records.beside(record)
    return beside[: beside.index(record)]


def _alone_in_role(record: DnsRecord, role: str, records: FailoverRecords) -> Iterator[Item]:
    for earlier in _before(record, records):
        if earlier.role == role:
            message = f"a second {role} record beside {earlier.address}"
            yield Finding(message, record.role_path, cure=Cure("keep one record of each role", grade="none"))
            return


def _distinct(record: DnsRecord, records: FailoverRecords) -> Iterator[Item]:
    own = identity(record, "set_identifier")
    for earlier in _before(record, records):
        if identity(earlier, "set_identifier") == own:
            message = f"set_identifier is the same as that of {earlier.address}"
            yield Finding(message, Path(("set_identifier",)), cure=Cure("make set_identifier distinct", grade="none"))
            return


def _partner(record: DnsRecord, role: str, records: FailoverRecords) -> Iterator[Item]:
    other = "SECONDARY" if role == "PRIMARY" else "PRIMARY"
    beside = records.beside(record)
    if records.has_role(beside, other) or beside[0] is not record:
        return
    possible = records.possible_partner(record, other)
    if possible is not None:
        yield Undecided(f"whether {possible.address} has the same zone and name is not known")
        return
    message = f"no {other} record: there is nothing to fail over {'to' if role == 'PRIMARY' else 'from'}"
    yield Finding(message, record.role_path, cure=Cure(f"declare the {other} record of this name", grade="none"))


def _apart(record: DnsRecord, role: str, records: FailoverRecords) -> Iterator[Item]:
    if role != "SECONDARY":
        return
    for primary in records.beside(record):
        if primary.role != "PRIMARY":
            continue
        if primary.is_alias == record.is_alias and _target(primary) == _target(record):
            message = f"both halves point to the same target as {primary.address}"
            yield Finding(message, record.target_path, cure=APART)
        else:
            common = set(records.regions(primary)) & set(records.regions(record))
            for region in sorted(common):
                where = "the same region" if region.startswith("?") else region
                yield Finding(
                    f"both halves point to {where}, as does {primary.address}", record.target_path, cure=APART
                )
        return


def _target(record: DnsRecord) -> str:
    if record.is_alias:
        target = identity(record, *record.target_path).rstrip(".").removeprefix("dualstack.")
        is_planned = target.startswith("?") and not written(record, *record.target_path)
        return f"?{record.references(*record.target_path)}" if is_planned else target
    stated = record.raw.get("records")
    if stated.__class__ is list and all(each.__class__ is str for each in stated):
        return " ".join(sorted(stated)).lower()
    return f"{identity(record, 'records')} {record.references('records')}"


def _both_families(record: DnsRecord, role: str, records: FailoverRecords) -> Iterator[Item]:
    zone, name, kind = records.name(record)
    if role != "PRIMARY" or kind != "a" or not _is_dualstack(record, records):
        return
    if not records.under((zone, name, "aaaa")):
        message = "the target is dual-stack, but no AAAA failover records of this name exist"
        cure = Cure("declare the same pair with type AAAA", grade="none")
        yield Finding(message, record.target_path, Severity.MEDIUM, cure)


def _is_dualstack(record: DnsRecord, records: FailoverRecords) -> bool:
    if record.is_alias and identity(record, *record.target_path).startswith("dualstack."):
        return True
    return any(
        target.type in ("aws_lb", "aws_alb") and target.get("ip_address_type") == "dualstack"
        for target in records.targets(record)
    )
