"""Credentials travel in URLs.

What it checks: No provider of an authentication config takes a key or token from the query string
(``query_param`` and its like); Istio's JWT rules name where the token stands, and that is no query
parameter (without any location the defaults include ``access_token``); no URL in environment variables,
arguments, ConfigMaps, custom resources or Terraform carries a literal password
(``scheme://user:password@host``). A password that is a reference is fine.

Why it matters: URLs end up in access logs, traces, browser histories and error messages.

How to fix: Take credentials from headers; put passwords into a Secret and refer to it.

When it is fine: Never with a real credential.
"""

from collections.abc import Iterator
from typing import Any

from conformant.leaf import Item, aspects, check
from conformant.model import REMOVE, Cure, Finding, Path, Severity, dig, mapping, sequence
from conformant.regex import lazy
from conformant.views.literals import Anything

USERINFO = lazy(r"\b([A-Za-z][A-Za-z0-9+.-]*)://[^\s/?#@:\"'<>]*:(?![$%{<*])([^\s/?#@\"'<>]+)@([^\s/?#:\"'@,<>]+)")
HINT = lazy(r"://[^\s/?#@\"'<>]*@")
QUERY_KEYS = frozenset({"query_param", "queryParam", "param_name", "uri_param_names", "fromParams", "query_params"})
HEADER = Cure('name the header: fromHeaders: [{name: Authorization, prefix: "Bearer "}]')
REFERENCE = Cure("keep the password in a Secret and refer to it", grade="none")


@check(
    id="AUTH-001",
    severity=Severity.HIGH,
    requirement="secret-literal",
    controls=[
        "nist-800-53r5/IA-5", "nist-800-53r5/SC-8", "soc2/CC6.1", "iso-27001-2022/A.5.17",
        "iso-27001-2022/A.8.5", "pci-dss-4.0/8.3.2",
    ],
)  # fmt: skip
def credentials_in_url(thing: Anything) -> Iterator[Item]:
    resource = thing.resource
    if resource.kind == "AuthConfig":
        yield from aspects([_providers(thing)])
    elif resource.kind == "RequestAuthentication" and resource.group == "security.istio.io":
        yield from aspects([_jwt_rules(thing)])
    if thing.configurable and thing.may_hold(HINT):
        yield from _urls(thing)


def _providers(thing: Anything) -> Iterator[Finding]:
    providers = sequence(thing.raw, "authentication", "providers")
    for index, provider in enumerate(providers):
        base = Path(("authentication", "providers", index))
        for path, key, value in _keys(provider, base):
            if key in QUERY_KEYS and value not in (None, "", [], False):
                name = dig(provider, "name") or index
                message = f"provider {name!r} takes the credential from the URL ({key})"
                yield Finding(message, path, cure=Cure("delete the key: headers only", ((path, REMOVE),)))


def _keys(value: Any, way: Path) -> Iterator[tuple[Path, str, Any]]:
    """Every mapping entry below `value`: (path, key, value)."""
    if isinstance(value, dict):
        for key, entry in value.items():
            yield way / key, str(key), entry
            yield from _keys(entry, way / key)
    elif isinstance(value, list):
        for index, entry in enumerate(value):
            yield from _keys(entry, way / index)


def _jwt_rules(thing: Anything) -> Iterator[Finding]:
    for index, rule in enumerate(sequence(thing.raw, "spec", "jwtRules")):
        path = Path(("spec", "jwtRules", index))
        stated = mapping(rule)
        if sequence(stated, "fromParams"):
            yield Finding("the token may stand in a query parameter", path / "fromParams", cure=HEADER)
        elif not sequence(stated, "fromHeaders") and not sequence(stated, "fromCookies"):
            message = "no location is named: the defaults include the query parameter access_token"
            yield Finding(message, path, Severity.MEDIUM, HEADER)


def _urls(thing: Anything) -> Iterator[Finding]:
    parsed = thing.resource.parts
    for path, text in thing.texts("://"):
        if path[:1] == ("data",) and len(path) == 2 and path[1] in parsed and thing.resource.kind == "ConfigMap":
            continue
        if path[:3] == ("metadata", "annotations", "kubectl.kubernetes.io/last-applied-configuration"):
            continue
        match = USERINFO.search(text)
        if match is not None:
            message = f"{_name(path)} holds a {match[1]} URL with a literal password for {match[3]}"
            yield Finding(message, path, cure=REFERENCE)


def _name(path: Path) -> str:
    return next((str(step) for step in reversed(path) if isinstance(step, str)), "the value")
