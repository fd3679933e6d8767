"""Which statements are open to everyone, and what narrows them."""

from typing import Any

import pytest

from conformant.domain.public_policies import is_public, public_statements
from conformant.model import Undecided, Unknown

OPEN = {"Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*"}


def where(operator: str, key: str, value: Any) -> dict[str, Any]:
    return {**OPEN, "Condition": {operator: {key: value}}}


@pytest.mark.parametrize(
    "statement",
    [
        OPEN,
        {**OPEN, "Principal": {"AWS": ["arn:aws:iam::111122223333:root", "*"]}},
        {"Effect": "Allow", "NotPrincipal": {"AWS": "arn:aws:iam::111122223333:root"}, "Action": "kms:*"},
        where("StringEquals", "kms:ViaService", "s3.us-east-1.amazonaws.com"),
        where("StringNotEquals", "aws:PrincipalOrgID", "o-abc"),
        where("StringEqualsIfExists", "aws:PrincipalOrgID", "o-abc"),
        where("ForAllValues:StringLike", "aws:PrincipalOrgPaths", "o-abc/*"),
        where("StringLike", "aws:PrincipalOrgID", "o-*"),
        where("StringLike", "kms:CallerAccount", ["111122223333", "*"]),
        where("ArnLike", "aws:PrincipalArn", "arn:aws:iam::*:role/app"),
        where("ArnLike", "aws:SourceArn", "arn:aws:s3:::*"),
        where("ArnLike", "aws:SourceArn", "arn:*"),
    ],
)
def test_open(statement: dict[str, Any]) -> None:
    assert is_public(statement)


@pytest.mark.parametrize(
    "statement",
    [
        {**OPEN, "Effect": "Deny"},
        {**OPEN, "Principal": {"AWS": "arn:aws:iam::111122223333:root"}},
        where("StringEquals", "kms:CallerAccount", "111122223333"),
        where("stringequals", "AWS:PRINCIPALORGID", ["o-abc"]),
        where("ForAnyValue:StringLike", "aws:PrincipalOrgPaths", "o-abc/r-root/*"),
        where("ArnLike", "aws:PrincipalArn", "arn:aws:iam::111122223333:role/*"),
        where("ArnEquals", "aws:SourceArn", "arn:aws:s3:::logs"),
        where("ArnLike", "aws:SourceArn", "arn:aws:sns:*:111122223333:*"),
        where("StringEquals", "aws:SourceVpce", "vpce-0123456789abcdef0"),
        {**where("StringEquals", "kms:CallerAccount", "111122223333"), "Principal": Unknown("var.principal")},
        "not a statement",
    ],
)
def test_narrow(statement: Any) -> None:
    assert not is_public(statement)


def test_an_unknown_principal_is_undecided_after_what_is_certain() -> None:
    found = public_statements({"Statement": [{**OPEN, "Principal": Unknown("var.principal")}, OPEN]})
    assert next(found) == (1, OPEN)
    with pytest.raises(Undecided, match="principal"):
        next(found)
