"""An object lands in the namespace default, or wherever the applying tool happens to point.

What it checks: Every namespaced object names its namespace, and not ``default``. A namespace that the
profile assumes (`assumed_namespace`), or that the overlay or chart sets, counts as named.

Why it matters: The same file ends up in different namespaces with different people's tools, and in
``default`` no policy, quota or admission label of your own applies.

How to fix: Write metadata.namespace.

When it is fine: Templates whose namespace the deploying tool sets: state it in the profile.
"""

from collections.abc import Iterator

from conformant.leaf import check
from conformant.model import Cure, Finding, Path, Severity, dig
from conformant.profile import Profile
from conformant.views.base import Object

NAMESPACE = Path(("metadata", "namespace"))
CURE = Cure("name the namespace", grade="review")


@check(
    id="NS-002",
    severity=Severity.MEDIUM,
    controls=[
        "nist-800-53r5/CM-6",
        "cis-k8s-1.12/5.6.1",
        "cis-k8s-1.12/5.6.4",
        "nsa-hardening-1.2/namespaces",
    ],
)
def implicit_namespace(thing: Object, profile: Profile) -> Iterator[Finding]:
    if not thing.namespace:
        return
    declared = dig(thing.raw, "metadata", "namespace")
    if declared == "default":
        yield Finding("it is placed in the namespace default", NAMESPACE, cure=CURE)
    elif not declared and not profile.assumed_namespace:
        yield Finding("no namespace is named: it lands in default or wherever kubectl points", NAMESPACE, cure=CURE)
