"""Reading IAM policy documents, identity and resource policies alike.

A document is what `TerraformResource.policy_document` gives: ``Statement`` is a list. Touching
what is not known raises `Undecided`.
"""

from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Any

from conformant.model import Undecided, Unknown, mapping, sequence


def statements(document: dict[str, Any], effect: str) -> Iterator[dict[str, Any]]:
    """The statements with this effect, ``Allow`` or ``Deny``. An unknown one raises Undecided, after all known ones."""
    unknown: Unknown | None = None
    for each in sequence(document, "Statement"):
        if isinstance(each, Unknown):
            unknown = each
        elif isinstance(each, dict) and each.get("Effect") == effect:
            yield each
    if unknown is not None:
        raise Undecided(unknown.reason)


def values(statement: dict[str, Any], key: str) -> list[Any]:
    """One or several values as a list: of Action, NotAction, Resource, NotResource."""
    found = statement.get(key)
    if found is None:
        return []
    return found if isinstance(found, list) else [found]


def acts(statement: dict[str, Any], action: str) -> bool:
    """Whether a statement speaks of an action such as ``s3:GetObject``."""
    wanted = action.lower()
    if "NotAction" in statement:
        return not any(fnmatchcase(wanted, str(each).lower()) for each in values(statement, "NotAction"))
    return any(fnmatchcase(wanted, str(each).lower()) for each in values(statement, "Action"))


def everyone(statement: dict[str, Any]) -> bool:
    """Whether the principal is ``*``: anybody, with credentials of any account or none."""
    principal = statement.get("Principal")
    if isinstance(principal, Unknown):
        raise Undecided(principal.reason)
    if not isinstance(principal, dict):
        return bool(principal == "*")
    named = principal.get("AWS", [])
    if isinstance(named, Unknown):
        raise Undecided(named.reason)
    listed = named if isinstance(named, list) else [named]
    return any(not isinstance(each, Unknown) and each == "*" for each in listed)


def conditions(statement: dict[str, Any]) -> list[tuple[str, str, list[Any]]]:
    """The conditions, all of which must hold: operator, key in lower case, values."""
    found = []
    for operator, tests in mapping(statement, "Condition").items():
        for key, given in mapping(tests).items():
            found.append((str(operator), str(key).lower(), given if isinstance(given, list) else [given]))
    return found


def denies_plaintext(document: dict[str, Any], actions: Sequence[str]) -> bool:
    """Whether requests without TLS are denied to everyone for all of `actions`. A resource policy
    guards what stands below its resource, so one of the resources has to end with ``*``."""
    missing = set(actions)
    for statement in statements(document, "Deny"):
        if everyone(statement) and _only_plaintext(conditions(statement)) and _below(values(statement, "Resource")):
            missing -= {action for action in missing if acts(statement, action)}
            if not missing:
                return True
    return False


def _only_plaintext(tests: Sequence[tuple[str, str, list[Any]]]) -> bool:
    if len(tests) != 1:
        return False
    operator, key, given = tests[0]
    insecure = [str(each).lower() for each in given] == ["false"]
    return operator in ("Bool", "BoolIfExists") and key == "aws:securetransport" and insecure


def _below(resources: Iterable[Any]) -> bool:
    listed = list(resources)
    return not listed or any(isinstance(each, Unknown) or str(each).endswith("*") for each in listed)
