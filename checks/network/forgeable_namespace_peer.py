"""A policy's peer picks namespaces by a label that is not theirs by nature.

What it checks: Every non-empty namespaceSelector of a NetworkPolicy peer, and of a Strimzi listener's
networkPolicyPeers, pins ``kubernetes.io/metadata.name`` (by matchLabels, or by an In or Exists
expression); further keys only narrow. Other labels count when a Namespace manifest here sets them and
the profile names them in `trusted_namespace_labels`.

Why it matters: The API server sets kubernetes.io/metadata.name on every namespace and lets nobody
change it. A label such as ``name`` is set by nobody unless you do: the peer then matches nothing, or
whoever may label a namespace lets his own in.

How to fix: Select by kubernetes.io/metadata.name. Mind that this may bring a dead rule to life.

When it is fine: Labels that an admission policy protects: list them in the profile.
"""

from collections.abc import Iterator
from typing import Any

from conformant.leaf import Item, aspects, check
from conformant.model import REMOVE, Cure, Finding, Path, Severity, dig, mapping, sequence
from conformant.platform import Platform
from conformant.views.network import PeerHolder
from conformant.views.selector import is_empty

NAME = "kubernetes.io/metadata.name"


@check(
    id="NET-005",
    severity=Severity.HIGH,
    requirement="netpol-matrix",
    controls=["nist-800-53r5/AC-4", "nist-800-53r5/CM-6", "iso-27001-2022/A.8.22"],
)
def forgeable_namespace_peer(holder: PeerHolder, platform: Platform) -> Iterator[Item]:
    yield from aspects(_judge(path, selector, platform) for path, selector in holder.namespace_selectors)


def _judge(path: Path, selector: Any, platform: Platform) -> Iterator[Finding]:
    if is_empty(selector):
        return
    labels = mapping(selector, "matchLabels")
    expressions = sequence(selector, "matchExpressions")
    keys = [*labels, *(dig(term, "key") for term in expressions)]
    pinned = NAME in labels or any(
        dig(term, "key") == NAME and dig(term, "operator") in ("In", "Exists") for term in expressions
    )
    if pinned or any(_trusted(key, platform) for key in keys):
        return
    shown = ", ".join(repr(str(key)) for key in keys)
    where = path / "matchLabels" / keys[0] if len(labels) == 1 and not expressions else path
    message = (
        f"the peer picks namespaces by the label{'s' if len(keys) > 1 else ''} {shown}: no namespace has such a "
        "label by itself, and whoever may edit a namespace can forge it"
    )
    yield Finding(message, where, cure=_cure(path, labels, platform))


def _trusted(key: Any, platform: Platform) -> bool:
    if key not in platform.profile.trusted_namespace_labels:
        return False
    return any(namespace.declared and key in namespace.labels for namespace in platform.namespaces.values())


def _cure(path: Path, labels: dict[Any, Any], platform: Platform) -> Cure:
    value = labels.get("name")
    if isinstance(value, str) and value in platform.namespaces:
        patches = ((path / "matchLabels" / "name", REMOVE), (path / "matchLabels" / NAME, value))
        return Cure(f"select {NAME}: {value}", patches)
    return Cure(f"select by {NAME}", grade="none")
