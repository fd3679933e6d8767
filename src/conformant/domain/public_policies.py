"""Which statements of a resource policy let in anybody at all."""

from collections.abc import Iterator
from typing import Any

from conformant.domain.policy_documents import conditions, everyone
from conformant.model import Undecided, Unknown, sequence
from conformant.regex import lazy

NARROWING = frozenset({
    "aws:principalaccount", "aws:principalarn", "aws:principalorgid", "aws:principalorgpaths",
    "aws:sourceaccount", "aws:sourcearn", "aws:sourceorgid", "aws:sourceorgpaths", "aws:sourceowner",
    "aws:sourcevpc", "aws:sourcevpce", "kms:calleraccount",
})  # fmt: skip
"""Condition keys that bind a request to an account, an organisation or a network, in lower case.
``kms:ViaService`` is none: the service works for every account."""

_EQUAL = frozenset({"stringequals", "stringequalsignorecase", "stringlike", "arnequals", "arnlike"})
_PREFIX = lazy("^(?:o|ou|r|vpc|vpce)-")


def public_statements(document: dict[str, Any]) -> Iterator[tuple[int, dict[str, Any]]]:
    """The Allow statements of a document (see `TerraformResource.policy_document`) for every principal that no
    condition narrows, with their positions. Raises Undecided at the end when it cannot tell for one."""
    doubt: Undecided | None = None
    for position, statement in enumerate(sequence(document, "Statement")):
        try:
            found = is_public(statement)
        except Undecided as undecided:
            doubt = undecided
            continue
        if found:
            yield position, statement
    if doubt is not None:
        raise doubt


def is_public(statement: Any) -> bool:
    """Whether a statement allows something to everybody. Raises Undecided when that is not known."""
    if isinstance(statement, Unknown):
        raise Undecided(statement.reason)
    if not isinstance(statement, dict) or statement.get("Effect") != "Allow":
        return False
    try:
        open_to_all = everyone(statement) or "NotPrincipal" in statement
    except Undecided:
        if is_narrowed(statement):
            return False
        raise
    return open_to_all and not is_narrowed(statement)


def is_narrowed(statement: dict[str, Any]) -> bool:
    """Whether a condition binds the request to named accounts, organisations, principals or networks."""
    return any(
        key in NARROWING and _compares(operator) and not any(_is_wide(each) for each in given)
        for operator, key, given in conditions(statement)
    )


def _compares(operator: str) -> bool:
    """Whether the operator demands that the key is there and equals one of the values."""
    return operator.lower().removeprefix("foranyvalue:") in _EQUAL


def _is_wide(value: Any) -> bool:
    """Whether any account meets a value: a bare wildcard, an ARN with a wildcard for the account, ``o-*``."""
    fixed, wildcard, _ = str(value).replace("?", "*").partition("*")
    if not wildcard:
        return False
    fields = str(value).split(":")
    if fields[0] == "arn":
        account, resource = fields[4:5], fields[5:6]
        return "*" in "".join(account) or not any(map(str.isalnum, "".join(account or resource) or "".join(resource)))
    return not any(map(str.isalnum, _PREFIX.sub("", fixed)))
