"""Reading IAM policy documents."""

from typing import Any

import pytest

from conformant.domain.policy_documents import acts, conditions, denies_plaintext, everyone, statements
from conformant.model import Undecided, Unknown

READ_AND_WRITE = ("s3:GetObject", "s3:PutObject")
DENIAL: dict[str, Any] = {
    "Effect": "Deny",
    "Principal": "*",
    "Action": "s3:*",
    "Resource": ["arn:aws:s3:::data", "arn:aws:s3:::data/*"],
    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
}


@pytest.mark.parametrize(
    ("principal", "expected"),
    [
        ("*", True),
        ({"AWS": "*"}, True),
        ({"AWS": ["arn:aws:iam::111122223333:root", "*"]}, True),
        ({"AWS": [Unknown("an input"), "*"]}, True),
        ({"AWS": "arn:aws:iam::111122223333:root"}, False),
        ({"Service": "s3.amazonaws.com"}, False),
        (None, False),
    ],
)
def test_everyone(principal: Any, expected: bool) -> None:
    assert everyone({"Principal": principal}) is expected


def test_unknown_principal_is_undecided() -> None:
    for principal in (Unknown("an input"), {"AWS": Unknown("an input")}):
        with pytest.raises(Undecided, match="an input"):
            everyone({"Principal": principal})


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ({"Action": "*"}, True),
        ({"Action": "s3:get*"}, True),
        ({"Action": ["s3:PutObject", "S3:GetObject"]}, True),
        ({"Action": "s3:GetObjectAcl"}, False),
        ({"NotAction": "s3:PutObject"}, True),
        ({"NotAction": ["s3:Get*"]}, False),
        ({}, False),
    ],
)
def test_acts(statement: dict[str, Any], expected: bool) -> None:
    assert acts(statement, "s3:GetObject") is expected


def test_conditions() -> None:
    statement = {"Condition": {"Bool": {"aws:SecureTransport": "false"}, "StringEquals": {"aws:SourceAccount": ["1"]}}}
    assert conditions(statement) == [
        ("Bool", "aws:securetransport", ["false"]),
        ("StringEquals", "aws:sourceaccount", ["1"]),
    ]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, True),
        ({"Condition": {"BoolIfExists": {"AWS:securetransport": ["FALSE"]}}}, True),
        ({"Condition": {"Bool": {"aws:SecureTransport": False}}}, True),
        ({"Condition": {"Bool": {"aws:SecureTransport": "true"}}}, False),
        ({"Condition": {**DENIAL["Condition"], "StringEquals": {"aws:SourceAccount": "1"}}}, False),
        ({"Condition": {}}, False),
        ({"Effect": "Allow"}, False),
        ({"Principal": {"AWS": "arn:aws:iam::111122223333:root"}}, False),
        ({"Action": "s3:GetObject"}, False),
        ({"Resource": "arn:aws:s3:::data"}, False),
        ({"Resource": "${aws_s3_bucket.data.arn}/*"}, True),
        ({"Resource": Unknown("an input")}, True),
    ],
)
def test_denies_plaintext(change: dict[str, Any], expected: bool) -> None:
    assert denies_plaintext({"Statement": [{**DENIAL, **change}]}, READ_AND_WRITE) is expected


def test_one_statement_for_each_action_is_enough() -> None:
    both = [{**DENIAL, "Action": action} for action in READ_AND_WRITE]
    assert denies_plaintext({"Statement": both}, READ_AND_WRITE)


def test_unknown_statement_decides_only_where_the_known_ones_do_not() -> None:
    unknown = Unknown("a document")
    assert denies_plaintext({"Statement": [unknown, DENIAL]}, READ_AND_WRITE)
    with pytest.raises(Undecided, match="a document"):
        denies_plaintext({"Statement": [unknown]}, READ_AND_WRITE)
    with pytest.raises(Undecided, match="a document"):
        list(statements({"Statement": [unknown, DENIAL]}, "Allow"))
