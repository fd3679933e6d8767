"""Kafka's brokers let every client do everything.

What it checks: ``spec.kafka.authorization`` is set, to a type that the API version still has; a custom
authorizer that Strimzi can manage; no superUsers but the platform's; and no
``allow.everyone.if.no.acl.found``.

Why it matters: Without authorization any client reads and writes every topic, and deletes it.

How to fix: authorization: {type: simple}, and the ACLs that each KafkaUser needs.

When it is fine: Never where several services share the brokers.
"""

from collections.abc import Iterator

from msgspec import Struct

from conformant.leaf import check
from conformant.model import Cure, Finding, Path, Severity, dig, mapping, sequence
from conformant.views.kafka import Kafka


class Principals(Struct, frozen=True, forbid_unknown_fields=True):
    """`super_users` are the principals that may be super users."""

    super_users: tuple[str, ...] = ()


AUTHORIZATION = Path(("spec", "kafka", "authorization"))
SIMPLE = Cure("authorization: {type: simple}, with ACLs in the KafkaUsers", ((AUTHORIZATION, {"type": "simple"}),))
MANAGED = Cure("supportsAdminApi: true if the authorizer has it, or authorization: {type: simple}", grade="none")
FEWER = Cure("remove them, and give each the ACLs that it needs in its KafkaUser", grade="none")
CLOSED = Cure("remove the key: what no ACL allows is then denied", grade="none")
KNOWN_CLASSES = ("org.apache.kafka.metadata.authorizer.StandardAuthorizer", "kafka.security.authorizer.AclAuthorizer")


@check(
    id="KAF-003",
    severity=Severity.CRITICAL,
    requirement="store-transport",
    controls=[
        "nist-800-53r5/AC-3", "nist-800-53r5/AC-6", "soc2/CC6.3", "iso-27001-2022/A.8.3", "pci-dss-4.0/7.3.3",
    ],
)  # fmt: skip
def no_broker_authorization(kafka: Kafka, settings: Principals = Principals()) -> Iterator[Finding]:
    authorization = mapping(kafka.raw, *AUTHORIZATION)
    kind = dig(authorization, "type")
    if kind is None:
        yield Finding("no authorization: every client may do everything", AUTHORIZATION, cure=SIMPLE)
    elif kind in ("opa", "keycloak") and kafka.resource.version == "v1":
        yield Finding(f"authorization of type {kind!r} is not in v1 any more", AUTHORIZATION / "type", cure=SIMPLE)
    elif kind == "custom":
        known = dig(authorization, "authorizerClass") in KNOWN_CLASSES
        if not known and dig(authorization, "supportsAdminApi") is not True:
            message = "the custom authorizer cannot be managed through KafkaUsers (supportsAdminApi)"
            yield Finding(message, AUTHORIZATION, Severity.MEDIUM, MANAGED)
    extra = [user for user in sequence(authorization, "superUsers") if user not in settings.super_users]
    if extra:
        message = f"super users bypass all ACLs: {', '.join(str(user) for user in extra)}"
        yield Finding(message, AUTHORIZATION / "superUsers", cure=FEWER)
    if str(dig(kafka.config, "allow.everyone.if.no.acl.found")).lower() == "true":
        path = Path(("spec", "kafka", "config", "allow.everyone.if.no.acl.found"))
        yield Finding("a topic without ACLs is open to everyone", path, cure=CLOSED)
