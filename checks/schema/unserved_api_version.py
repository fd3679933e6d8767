"""An object's API version is not served, or is on its way out.

What it checks: The API server of the target version (profile `kubernetes`; the newest known unless stated)
serves the kind at this version and has not deprecated it. Custom kinds are judged by their
CustomResourceDefinition where it is at hand (--crds), else by what is known of their operators' releases
(profile `versions`: strimzi, eso, kic, redis-operator …; the newest unless stated). Of a kind that nothing
at hand knows the first object is undecided, in the name of all others of its kind.

Why it matters: The server refuses the whole object, and after an upgrade of the cluster or of an operator
what was once applied can no longer be changed.

How to fix: Change apiVersion to the one that is named; where the schema changed with it, the fields too.

When it is fine: A cluster that does run the older version: state it in the profile.
"""

from collections.abc import Iterator

from conformant.leaf import Item, check
from conformant.model import Cure, Finding, Path, Severity, Undecided, dig, mapping, sequence
from conformant.platform import Platform
from conformant.schema import Problem, Schemas, Served
from conformant.schema.releases import known_versions, too_early
from conformant.schema.unjudged import for_a_program, for_all_of_its_kind
from conformant.views.base import Object

PATH = Path(("apiVersion",))
SAME_SCHEMA = frozenset({
    ("batch/v1beta1", "CronJob"), ("policy/v1beta1", "PodDisruptionBudget"),
    ("autoscaling/v2beta2", "HorizontalPodAutoscaler"),
})  # fmt: skip
EXTERNAL_SECRETS = "external-secrets.io/v1beta1"


@check(
    id="SCH-002",
    severity=Severity.HIGH,
    aliases=["SEC-001"],
    controls=[
        "nist-800-53r5/CM-2", "nist-800-53r5/SA-22", "nist-800-53r5/SI-2", "nist-800-53r5/CM-6",
        "nsa-hardening-1.2/upgrading", "soc2/CC7.1", "iso-27001-2022/A.8.8", "pci-dss-4.0/6.3.3",
    ],
)  # fmt: skip
def unserved_api_version(thing: Object, platform: Platform) -> Iterator[Item]:
    resource = thing.resource
    served = platform.schemas.served(resource.group, resource.version, resource.kind)
    if served.state == "served":
        if served.component == "eso" and resource.api_version == EXTERNAL_SECRETS:
            cure = Cure("upgrade External Secrets, then change apiVersion to external-secrets.io/v1", grade="none")
            yield Finding(f"{EXTERNAL_SECRETS} goes away with eso 0.17", PATH, Severity.MEDIUM, cure)
        return
    program = for_a_program(resource)
    if program is not None:
        yield program
    elif served.state == "unknown":
        yield from by_releases(thing, platform)
    else:
        level = Severity.MEDIUM if served.state == "deprecated" else None
        yield Finding(message(thing, served), PATH, level, bump(thing, served.replacement, platform.schemas))


def message(thing: Object, served: Served) -> str:
    """What became of the version, and when."""
    what = f"{thing.kind} of {thing.api_version}"
    component = "Kubernetes" if served.component == "kubernetes" else served.component
    if served.state == "removed":
        return f"{what} is no longer served" + (f": {component} {served.since} removed it" if served.since else "")
    if served.state == "unserved":
        by = f"Kubernetes {served.since}" if served.component else served.source
        versions = ", ".join(served.versions)
        return f"{what} is not served by {by}" + (f", which serves {versions}" if versions else "")
    since = f" since {component} {served.since}" if served.since else ""
    ends = f"; {component} {served.removed_in} removes it" if served.removed_in else ""
    note = f": {served.note}" if served.note else ""
    return f"{what} is deprecated{since}{ends}{note}"


def by_releases(thing: Object, platform: Platform) -> Iterator[Item]:
    """The verdict on a custom kind without a definition, by what its operator's releases serve."""
    resource = thing.resource
    versions = known_versions(resource.group, resource.kind)
    early = too_early(resource.api_version, platform.profile.versions)
    if not versions:
        yield for_all_of_its_kind(resource, platform, "nothing at hand says whether it is served (--crds)")
    elif resource.version not in versions:
        text = f"{thing.kind} of {thing.api_version} is not served by current releases, which serve {versions[0]}"
        replacement = f"{resource.group}/{versions[0]}"
        yield Finding(text, PATH, cure=bump(thing, replacement, platform.schemas))
    elif early:
        component, first = early
        stated = platform.profile.versions[component]
        text = f"{thing.api_version} is served from {component} {first} on, and the profile states {stated}"
        yield Finding(text, PATH, cure=Cure(f"upgrade {component} to {first} or newer", grade="none"))


def bump(thing: Object, replacement: str, schemas: Schemas) -> Cure | None:
    """The bump to `replacement`, as a patch unless the new version is known to refuse the object."""
    api_version, _, kind = replacement.partition(":")
    if not api_version:
        return None
    if kind:
        return Cure(f"move it to a {kind} of {api_version}", grade="none")
    group, _, version = api_version.rpartition("/")
    advice = f"change apiVersion to {api_version}"
    if not taken(schemas, group, version, thing):
        return Cure(f"{advice}, and the fields that changed with it", grade="none")
    return Cure(advice, ((PATH, api_version),), "safe" if unchanged(thing) else "review")


def taken(schemas: Schemas, group: str, version: str, thing: Object) -> bool:
    """Whether nothing is known that speaks against the object as one of this version."""
    if not schemas.knows(group, version, thing.kind):
        return schemas.served(group, version, thing.kind).state in ("served", "unknown")
    raw = {**thing.raw, "apiVersion": f"{group}/{version}".lstrip("/")}
    found = schemas.rejections(group, version, thing.kind, raw)
    return not any(isinstance(each, Problem) and each.kind != "tolerated" for each in found)


def unchanged(thing: Object) -> bool:
    """Whether the new version means the same by all that the object says."""
    try:
        if thing.api_version == EXTERNAL_SECRETS:
            return not any(
                dig(entry, "sourceRef", "generatorRef")
                for steps in (("spec", "data"), ("spec", "externalSecretSpec", "data"))
                for entry in sequence(thing.raw, *steps)
            )
        selector = mapping(thing.raw, "spec", "selector")
    except Undecided:
        return False
    return (thing.api_version, thing.kind) in SAME_SCHEMA and (thing.kind != "PodDisruptionBudget" or bool(selector))
