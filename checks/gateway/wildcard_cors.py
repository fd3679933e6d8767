"""Any web site may call the API from its visitors' browsers.

What it checks: Kong's cors plugin names its origins: absent origins, ``*`` and ``.*`` admit all; with
``credentials: true`` that is high, without it medium. A VirtualService's corsPolicy with allowCredentials does
not admit all origins (regex ``.*``, exact ``*``, an empty prefix, or the old allowOrigin ``["*"]``).

Why it matters: With credentials, any page that a signed-in user opens acts and reads in that user's name.

How to fix: Name the origins: ``origins: [https://app.example.com]``.

When it is fine: Public data without credentials (medium: waive it).
"""

from collections.abc import Iterator

from conformant.leaf import Item, check
from conformant.model import Cure, Finding, NotApplicable, Path, Severity, dig, mapping, sequence
from conformant.platform import Platform
from conformant.views.gateway import CrossOrigin, KongPlugin

EVERY = ("*", ".*", "^.*$", ".+", "https?://.*", "^https?://.*$")
WITH_THEM = "every origin may call, with the user's credentials"
CURE = Cure("name the origins that may call", grade="none")


@check(
    id="GW-009",
    severity=Severity.HIGH,
    requirement="cross-origin",
    controls=["nist-800-53r5/AC-4", "soc2/CC6.6", "iso-27001-2022/A.8.26", "pci-dss-4.0/6.2.4"],
)
def wildcard_cors(thing: CrossOrigin, platform: Platform) -> Iterator[Item]:
    if thing.kind == "VirtualService":
        yield from _mesh(thing)
        return
    plugin = platform.view(thing.resource, KongPlugin)
    if plugin.plugin != "cors" or not plugin.enabled or platform.profile.gateway == "none":
        yield NotApplicable("no cors plugin in force")
        return
    stated = plugin.setting("origins")
    if stated is not None and not any(origin in EVERY for origin in sequence(stated)):
        return
    credentials = plugin.setting("credentials") is True
    what = WITH_THEM if credentials else "every origin may call"
    why = " (origins is not set)" if stated is None else ""
    yield Finding(what + why, Path(("config", "origins")), None if credentials else Severity.MEDIUM, CURE)


def _mesh(thing: CrossOrigin) -> Iterator[Item]:
    rules = enumerate(thing.list("spec", "http"))
    policies = [(number, policy) for number, rule in rules if (policy := mapping(rule, "corsPolicy"))]
    if not policies:
        yield NotApplicable("no corsPolicy")
    for number, policy in policies:
        if dig(policy, "allowCredentials") is not True:
            continue
        path = Path(("spec", "http", number, "corsPolicy"))
        for index, origin in enumerate(sequence(policy, "allowOrigins")):
            if dig(origin, "regex") in EVERY or dig(origin, "exact") == "*" or dig(origin, "prefix") == "":
                yield Finding(WITH_THEM, path / "allowOrigins" / index, cure=CURE)
        if "*" in sequence(policy, "allowOrigin"):
            yield Finding(WITH_THEM, path / "allowOrigin", cure=CURE)
