"""A function runs with its owner's rights, and others may steer it.

What it checks: A SECURITY DEFINER function sets its search_path; EXECUTE is revoked from PUBLIC, which has
it by default; and it executes no text that it builds with || or with format's %s. No function of whatever
kind is written in an untrusted language (plpython3u, plperlu, pltclu …).

Why it matters: Such a function is a door to its owner's rights. Without a search_path of its own the caller
chooses which table or operator a name in it means; with text glued together, which statement runs.
Untrusted languages do on the server what its operating system user may do.

How to fix: SET search_path = pg_catalog, app, pg_temp; REVOKE EXECUTE … FROM PUBLIC; format with %I and %L,
or EXECUTE … USING; a trusted language.

When it is fine: SECURITY INVOKER, the default, needs none of this.
"""

from collections.abc import Iterator

from conformant.leaf import Item, check
from conformant.model import Cure, Finding, NotApplicable, Path, Severity
from conformant.views.sql import Function

UNTRUSTED = frozenset({
    "plpythonu", "plpython2u", "plpython3u", "plperlu", "pltclu", "plsh", "plrubyu", "plr", "pllua_u", "plluau",
})  # fmt: skip
BUILT = {"concatenation": "glued together with ||", "format_s": "built with format's %s"}
PATH = Cure("SET search_path = pg_catalog, …, pg_temp", grade="none")
EXECUTE = Cure("REVOKE EXECUTE ON FUNCTION … FROM PUBLIC, and grant it to the roles that need it", grade="none")
TEXT = Cure("format with %I and %L, or EXECUTE … USING", grade="none")
LANGUAGE = Cure("PL/pgSQL, or a service beside the database", grade="none")


@check(
    id="SQL-008",
    severity=Severity.HIGH,
    requirement="definer-functions",
    controls=[
        "nist-800-53r5/AC-6", "nist-800-53r5/SI-10", "iso-27001-2022/A.8.28", "pci-dss-4.0/6.2.4",
    ],
)  # fmt: skip
def exposed_definer_function(function: Function) -> Iterator[Item]:
    untrusted = function.language in UNTRUSTED
    if untrusted:
        message = f"{function.qualified} is written in {function.language}, which may do anything on the server"
        yield Finding(message, Path(("language",)), cure=LANGUAGE)
    if function.security_definer:
        yield from _definer(function)
    elif not untrusted:
        yield NotApplicable("runs with its caller's rights")


def _definer(function: Function) -> Iterator[Item]:
    name = function.qualified
    if function.search_path is None:
        doubt = function.undecided("function")
        yield doubt or Finding(
            f"{name} runs as its owner with the caller's search_path", Path(("security_definer",)), cure=PATH
        )
    if function.execute_public:
        doubt = function.undecided("grant")
        yield doubt or Finding(f"{name} runs as its owner, and PUBLIC may execute it", Path(), cure=EXECUTE)
    for kind, path in function.dynamic:
        if kind in BUILT:
            yield Finding(f"{name} runs as its owner and executes text {BUILT[kind]}", path, cure=TEXT)
