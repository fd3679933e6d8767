"""A gateway credential may travel in URLs or bodies, or is handed on to the services.

What it checks: Kong's plugins take credentials from headers only and keep them: key-auth states
``key_in_query: false`` (Kong's default is true) and ``hide_credentials: true``, and not ``key_in_body``; jwt states
``uri_param_names: []`` (the default reads ``?jwt=``) and verifies ``exp``; openid-connect's
``bearer_token_param_type`` holds neither query nor body (its default holds both) where it takes bearer tokens.

Why it matters: URLs stand in access logs, histories and Referer headers, and a key that reaches every service
can be replayed by each. A token without an end is valid for ever.

How to fix: State the three settings; clients that send ``?apikey=`` must change first.

When it is fine: Services that read the key themselves (hide_credentials).
"""

from collections.abc import Iterator
from typing import Any

from conformant.leaf import Item, aspects, check
from conformant.model import Cure, Finding, NotApplicable, Path, Severity, sequence
from conformant.profile import Profile
from conformant.views.gateway import KongPlugin

CONFIG = Path(("config",))
KEYS = ("key-auth", "key-auth-enc")
BEARER = frozenset({"bearer", "introspection", "userinfo", "kong_oauth2"})
"""Ways of openid-connect that look for a bearer token."""


@check(
    id="GW-007",
    severity=Severity.HIGH,
    requirement="gateway-credentials",
    controls=[
        "nist-800-53r5/IA-5", "nist-800-53r5/SC-8", "soc2/CC6.1", "iso-27001-2022/A.5.17", "iso-27001-2022/A.8.5",
        "pci-dss-4.0/8.3.2",
    ],
)  # fmt: skip
def exposed_gateway_credential(plugin: KongPlugin, profile: Profile) -> Iterator[Item]:
    judges = JUDGES.get(plugin.plugin)
    if judges is None or not plugin.enabled or profile.gateway == "none":
        yield NotApplicable("it takes no credential that could be exposed")
        return
    yield from aspects(judge(plugin) for judge in judges)


def _key_in_query(plugin: KongPlugin) -> Iterator[Finding]:
    stated = plugin.setting("key_in_query")
    if stated is not False:
        why = "true by default" if stated is None else "true"
        yield _finding("key_in_query", f"keys are taken from the URL (key_in_query is {why})", False)


def _key_in_body(plugin: KongPlugin) -> Iterator[Finding]:
    if plugin.setting("key_in_body") is True:
        yield _finding("key_in_body", "keys are taken from the body (key_in_body)", False)


def _passed_on(plugin: KongPlugin) -> Iterator[Finding]:
    if plugin.setting("hide_credentials") is not True:
        yield _finding("hide_credentials", "the key is handed on to the service (hide_credentials is not true)", True)


def _token_in_query(plugin: KongPlugin) -> Iterator[Finding]:
    stated = plugin.setting("uri_param_names")
    if stated != []:
        names = ", ".join(str(name) for name in sequence(stated)) or "jwt, by default"
        yield _finding("uri_param_names", f"tokens are taken from the URL (uri_param_names: {names})", [])


def _no_end(plugin: KongPlugin) -> Iterator[Finding]:
    stated = sequence(plugin.setting("claims_to_verify"))
    if "exp" not in stated:
        message = "tokens that have ended are accepted (claims_to_verify lacks exp)"
        yield _finding("claims_to_verify", message, [*stated, "exp"])


def _bearer_elsewhere(plugin: KongPlugin) -> Iterator[Finding]:
    methods = plugin.setting("auth_methods")
    if isinstance(methods, list) and BEARER.isdisjoint(str(method) for method in methods):
        return
    stated = plugin.setting("bearer_token_param_type")
    places = [place for place in ("query", "body") if stated is None or place in sequence(stated)]
    if places:
        why = "by default" if stated is None else "bearer_token_param_type"
        message = f"bearer tokens are taken from {' and '.join(places)} ({why})"
        yield _finding("bearer_token_param_type", message, ["header"])


def _finding(name: str, message: str, value: Any) -> Finding:
    text = str(value).lower() if isinstance(value, bool) else f"[{', '.join(map(str, value))}]"
    return Finding(message, CONFIG / name, cure=Cure(f"{name}: {text}", ((CONFIG / name, value),)))


JUDGES = {
    **dict.fromkeys(KEYS, (_key_in_query, _key_in_body, _passed_on)),
    "jwt": (_token_in_query, _no_end),
    "openid-connect": (_bearer_elsewhere,),
}
