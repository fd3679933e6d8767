"""Kafka's pods may do more than brokers need.

What it checks: The container templates of Kafka, its node pools, ZooKeeper, the topic and user operators, Cruise
Control and the exporter have a securityContext with allowPrivilegeEscalation: false, all capabilities dropped and,
there or for the pod, runAsNonRoot. Where a template has none, the operator's STRIMZI_POD_SECURITY_PROVIDER_CLASS
counts: ``restricted`` sets all of it. Without the operator in the input that is undecided; the setting `provider`
says it then.

Why it matters: A broker holds the certificates and the data of every service; a foothold in it should end there.

How to fix: STRIMZI_POD_SECURITY_PROVIDER_CLASS=restricted for the operator, or securityContext in the templates.

When it is fine: Platforms that set the context at admission: say provider = "restricted".
"""

from collections.abc import Iterator

from msgspec import Struct

from conformant.domain.hardening import may_be_root, open_rights
from conformant.domain.strimzi import Pods, operator_environment, pods
from conformant.leaf import Item, aspects, check
from conformant.model import Cure, Finding, NotApplicable, Severity, Undecided, mapping
from conformant.platform import Platform
from conformant.views.kafka import KafkaNodes

VARIABLE = "STRIMZI_POD_SECURITY_PROVIDER_CLASS"


class Provider(Struct, frozen=True, forbid_unknown_fields=True):
    """`provider` is the operator's pod security provider where the input does not hold the operator:
    restricted, baseline or a class."""

    provider: str = ""


CURE = Cure(f"{VARIABLE}=restricted for the operator, or a securityContext in the template", grade="none")


@check(
    id="KAF-009",
    severity=Severity.MEDIUM,
    requirement="pod-isolation",
    controls=["cis-k8s-1.12/5.6.3", "nist-800-53r5/AC-6"],
)
def privileged_kafka_pods(
    holder: KafkaNodes, platform: Platform, settings: Provider = Provider()
) -> Iterator[Item]:  # fmt: skip
    found = pods(holder, platform)
    if not found:
        yield NotApplicable("its node pools make the pods")
    for each in found:
        yield from aspects([_judge(each, platform, settings)])


def _judge(each: Pods, platform: Platform, settings: Provider) -> Iterator[Item]:
    container = mapping(each.container, "securityContext")
    if container:
        missing = open_rights(container)
        if may_be_root(mapping(each.pod, "securityContext"), container):
            missing.append("runAsNonRoot: true")
        if missing:
            message = f"{each.label}: the securityContext lacks {', '.join(missing)}"
            yield Finding(message, each.container_path / "securityContext", cure=CURE)
        return
    provider = _provider(platform, settings)
    if provider.rpartition(".")[2] in ("restricted", "RestrictedPodSecurityProvider"):
        return
    if provider in ("baseline", "io.strimzi.plugin.security.profiles.impl.BaselinePodSecurityProvider"):
        message = f"{each.label} has no securityContext, and the operator's provider (baseline) sets none"
        yield Finding(message, each.container_path, cure=CURE)
    elif provider:
        yield Undecided(f"what the operator's pod security provider {provider} sets is not known")
    else:
        yield Undecided(f"{each.label} has no securityContext, and the operator's {VARIABLE} is not in the input")


def _provider(platform: Platform, settings: Provider) -> str:
    environment = platform.derived(operator_environment)
    if environment is None:
        return settings.provider
    return environment.get(VARIABLE) or "baseline"
