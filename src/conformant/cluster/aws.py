"""Questions to AWS: read-only calls over the tape, through boto3, which is loaded when the first one is asked."""

from collections.abc import Iterator, Mapping
from typing import Any

from conformant.cluster.running import Refused, Running, Unanswered
from conformant.cluster.tape import Fault
from conformant.model import Undecided, mapping, sequence

CONNECT_SECONDS, READ_SECONDS, TRIES = 5, 15, 5
_READING = ("describe_", "get_", "list_")
FORBIDDEN = frozenset({
    "get_secret_value", "batch_get_secret_value", "get_parameter", "get_parameters", "get_parameters_by_path",
    "get_object", "get_item", "get_session_token", "get_federation_token", "get_login_profile",
    "get_authorization_token", "get_random_password", "get_password_data", "get_records",
})  # fmt: skip
"""Calls that read what is stored rather than how it is kept."""


def call(running: Running, service: str, operation: str, *, region: str = "", **parameters: Any) -> dict[str, Any]:
    """The answer of one call (``route53``, ``list_hosted_zones``), all its pages put together; times are
    ISO texts. Without a region, that of the platform's first. Raises Undecided: also where no AWS account
    is configured, or the credentials are those of another."""
    if not running.live.aws_account:
        raise Undecided("no AWS account is configured (live.aws_account)")
    if not operation.startswith(_READING) or operation in FORBIDDEN:
        raise ValueError(f"{service}.{operation} is not a call that an audit may make")
    if operation != "get_caller_identity":
        _same_account(running)
    chosen = region or next(iter(running.live.aws_regions), "us-east-1")
    question = {"service": service, "operation": operation, "region": chosen, "parameters": parameters}
    answer = running.ask("aws", question, lambda: _asked(running.live.aws_endpoint, question))
    refusal = mapping(answer).get("refused")
    if refusal:
        raise Refused(f"AWS refused {service} {operation}: {refusal}")
    return mapping(mapping(answer), "answer")


def _same_account(running: Running) -> None:
    account = call(running, "sts", "get_caller_identity").get("Account")
    if account != running.live.aws_account:
        raise Unanswered(f"the AWS credentials are those of account {account}, not {running.live.aws_account}")


def entries(running: Running, service: str, operation: str, key: str, **parameters: Any) -> Iterator[dict[str, Any]]:
    """The mappings in the list `key` of an answer. Raises as `call` does."""
    found = call(running, service, operation, **parameters)
    return (entry for entry in sequence(found, key) if isinstance(entry, dict))


_REFUSALS = ("AccessDenied", "Unauthorized", "Forbidden", "NotAuthorized")


def _asked(endpoint: str, question: Mapping[str, Any]) -> dict[str, Any]:
    """One call with all its pages. Raises Fault."""
    try:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError, ClientError
    except ImportError:
        raise Fault("asking AWS needs its client: pip install 'conformant[live]'") from None
    config = Config(
        retries={"mode": "adaptive", "max_attempts": TRIES}, connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
    )  # fmt: skip
    try:
        client = boto3.client(
            question["service"], region_name=question["region"], endpoint_url=endpoint or None, config=config
        )
        return {"answer": _pages(client, question["operation"], question["parameters"])}
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code"))
        if any(word in code for word in _REFUSALS):
            return {"refused": code}
        raise Fault(f"{question['service']} {question['operation']}: {code}") from None
    except BotoCoreError as error:
        raise Fault(f"{question['service']} {question['operation']}: {type(error).__name__}") from None


def _pages(client: Any, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    if client.can_paginate(operation):
        whole = client.get_paginator(operation).paginate(**parameters).build_full_result()
    else:
        whole = getattr(client, operation)(**parameters)
    plain: dict[str, Any] = _plain(whole)
    plain.pop("ResponseMetadata", None)
    return plain


def _plain(value: Any) -> Any:
    """An answer in terms that JSON has."""
    if isinstance(value, dict):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return value.isoformat() if hasattr(value, "isoformat") else f"<{type(value).__name__}>"
