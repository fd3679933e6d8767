"""A VerticalPodAutoscaler's update mode is deprecated, left to a default that evicts, or unsupported.

What it checks: ``updateMode`` is stated and is not ``Auto``, a deprecated alias of Recreate. Without a
mode the default is Recreate: in production that is a fault of its own. ``InPlace`` is still behind a
feature gate. Values outside the enumeration, the boolean that YAML makes of an unquoted Off included,
are rejected by the API server and are reported by SCH-003.

Why it matters: ``Auto`` will be removed, and what it does may change before; an unstated mode evicts
pods that nobody expected to be evicted.

How to fix: Write Recreate for what Auto does today, or InPlaceOrRecreate, or "Off" for advice only.

When it is fine: Never for Auto; a default mode is fine outside production.
"""

from collections.abc import Iterator

from conformant.leaf import check
from conformant.model import Cure, Finding, Path, Severity
from conformant.profile import Profile
from conformant.views.scaling import VerticalPodAutoscaler

MODE = Path(("spec", "updatePolicy", "updateMode"))


@check(
    id="SCL-001",
    severity=Severity.MEDIUM,
    controls=["nist-800-53r5/SA-22", "nist-800-53r5/CM-6", "iso-27001-2022/A.8.8"],
)
def implicit_vpa_mode(vpa: VerticalPodAutoscaler, profile: Profile) -> Iterator[Finding]:
    mode = vpa.mode
    if mode == "Auto":
        cure = Cure("write Recreate: it means the same", ((MODE, "Recreate"),), "safe")
        yield Finding('updateMode "Auto" is a deprecated alias of Recreate', MODE, cure=cure)
    elif mode == "InPlace":
        cure = Cure("use InPlaceOrRecreate", ((MODE, "InPlaceOrRecreate"),))
        yield Finding('updateMode "InPlace" needs a feature gate that is off by default', MODE, cure=cure)
    elif mode is None and profile.environment == "prod":
        cure = Cure("state the mode: Recreate is what applies now", ((MODE, "Recreate"),))
        yield Finding("no updateMode: the default, Recreate, evicts pods", MODE, cure=cure)
