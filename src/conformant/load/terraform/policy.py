"""IAM policy documents, read structurally even where parts of them are unknown.

In a document that is known in parts, a string that mixes text with unknowns keeps its text and
shows each unknown as ``${aws_s3_bucket.logs.arn}``: it equals no literal, and whoever concludes
from the absence of a character has to look for ``${`` first. An unknown that is the whole string
is an `Unknown`, unless a provider computes it (an ARN, an id), which is never a wildcard.
"""

import json
import re
from collections.abc import Sequence
from typing import Any

from conformant.load.terraform.values import Partial, Pending, Symbolic
from conformant.model import Unknown
from conformant.regex import lazy

_MARK = lazy("\ue000(\\d+)\ue001")
_STRING_OR_MARK = lazy('"(?:[^"\\\\]|\\\\.)*"|\ue000\\d+\ue001', re.S)


def parsed(value: Any) -> Any:
    """The document that a string holds, or None when it is not JSON. An `Unknown` stays one."""
    if isinstance(value, Partial):
        return leaf(value.document) if value.document is not None else _template(value.parts)
    if isinstance(value, str):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return None
    return leaf(value)


def leaf(value: Any) -> Any:
    """A value inside a document, as checks see it."""
    if isinstance(value, dict):
        return {key: leaf(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [leaf(inner) for inner in value]
    if isinstance(value, Symbolic):
        return {str(leaf(key)): leaf(inner) for key, inner in value.entries}
    if isinstance(value, Partial) and value.parts:
        return "".join(part if isinstance(part, str) else _opaque(part) for part in value.parts)
    if isinstance(value, Pending):
        return _opaque(value) if value.computed else Unknown(value.reason, value.references)
    return value


def _opaque(value: Pending) -> str:
    return f"${{{value.subject}}}"


def _template(parts: Sequence[str | Pending]) -> Any:
    pending = [part for part in parts if isinstance(part, Pending)]
    marks = iter(range(len(pending)))
    text = "".join(part if isinstance(part, str) else f"\ue000{next(marks)}\ue001" for part in parts)
    quoted = _STRING_OR_MARK.sub(lambda found: found[0] if found[0][0] == '"' else f'"{found[0]}"', text)
    try:
        document = json.loads(quoted)
    except (ValueError, RecursionError):
        return Unknown(f"a document depends on {pending[0].reason}" if pending else "a document is not JSON")
    return _unmarked(document, pending)


def _unmarked(value: Any, pending: Sequence[Pending]) -> Any:
    if isinstance(value, dict):
        return {_unmarked_text(key, pending): _unmarked(inner, pending) for key, inner in value.items()}
    if isinstance(value, list):
        return [_unmarked(inner, pending) for inner in value]
    if isinstance(value, str):
        whole = _MARK.fullmatch(value)
        if whole and int(whole[1]) < len(pending):
            found = pending[int(whole[1])]
            return parsed(found) if isinstance(found, Partial) else leaf(found)
        return _unmarked_text(value, pending)
    return value


def _unmarked_text(value: str, pending: Sequence[Pending]) -> str:
    return _MARK.sub(lambda found: _opaque(pending[int(found[1])]) if int(found[1]) < len(pending) else found[0], value)


def from_data(values: dict[str, Any]) -> dict[str, Any]:
    """The JSON document that an `aws_iam_policy_document` with these values makes.

    Source and override documents are merged by statement id; an unknown one is one unknown
    statement.
    """
    sources = [*_all(values, "source_policy_documents"), *_given(values, "source_json")]
    overrides = [*_all(values, "override_policy_documents"), *_given(values, "override_json")]
    statements: list[Any] = []
    for source in sources:
        statements.extend(_statements(parsed(source)))
    own = [_statement(each) for each in values.get("statement", [])]
    for each in [*own, *(each for source in overrides for each in _statements(parsed(source)))]:
        _put(statements, each)
    return {"Version": values.get("version") or "2012-10-17", "Statement": statements}


def _put(statements: list[Any], new: Any) -> None:
    sid = new.get("Sid") if isinstance(new, dict) else None
    if isinstance(sid, str) and sid:
        for position, old in enumerate(statements):
            if isinstance(old, dict) and isinstance(old.get("Sid"), str) and old["Sid"] == sid:
                statements[position] = new
                return
    statements.append(new)


def _all(values: dict[str, Any], name: str) -> list[Any]:
    found = values.get(name, [])
    return found if isinstance(found, list) else [found]


def _given(values: dict[str, Any], name: str) -> list[Any]:
    return [values[name]] if name in values else []


def normal(document: Any) -> dict[str, Any] | None:
    """The document with its statements as a list; None for what is not a policy document."""
    if not isinstance(document, dict):
        return None
    return {**document, "Statement": _statements(document)}


def _statements(document: Any) -> list[Any]:
    if isinstance(document, Unknown):
        return [document]
    found = document.get("Statement", []) if isinstance(document, dict) else []
    return found if isinstance(found, list) else [found]


_NAMES = {
    "sid": "Sid", "actions": "Action", "not_actions": "NotAction", "resources": "Resource",
    "not_resources": "NotResource",
}  # fmt: skip


def _statement(block: Any) -> Any:
    if not isinstance(block, dict):
        return leaf(block)
    made: dict[str, Any] = {"Effect": leaf(block.get("effect", "Allow"))}
    for name, key in _NAMES.items():
        if name in block:
            made[key] = _single(leaf(block[name]))
    for name, key in (("principals", "Principal"), ("not_principals", "NotPrincipal")):
        if block.get(name):
            made[key] = _principals(block[name])
    conditions: dict[str, Any] = {}
    for each in block.get("condition", []):
        condition = leaf(each)
        known = condition if isinstance(condition, dict) else {}
        test, variable = known.get("test"), known.get("variable")
        if not isinstance(test, str) or not isinstance(variable, str):
            unknown = isinstance(condition, Unknown)
            made["Condition"] = condition if unknown else Unknown("a condition is not known")
            return made
        tests = conditions.setdefault(test, {})
        tests[variable] = _both(tests.get(variable), known.get("values", []))
    if conditions:
        made["Condition"] = {
            test: {name: _single(values) for name, values in tests.items()} for test, tests in conditions.items()
        }
    return made


def _principals(blocks: list[Any]) -> Any:
    made: dict[str, Any] = {}
    for block in blocks:
        if not isinstance(block, dict) or not isinstance(block.get("type"), str):
            return leaf(block) if isinstance(block, Unknown) else Unknown("a principal is not known")
        identifiers = leaf(block.get("identifiers", []))
        if block["type"] == "*":
            return "*"
        made[block["type"]] = _both(made.get(block["type"]), identifiers)
    return {type: _single(identifiers) for type, identifiers in made.items()}


def _both(first: Any, second: Any) -> Any:
    return [*first, *second] if isinstance(first, list) and isinstance(second, list) else second


def _single(values: Any) -> Any:
    """A list of one string as that string, as the provider writes it."""
    return values[0] if isinstance(values, list) and len(values) == 1 and isinstance(values[0], str) else values
