"""Requests to one API server, through the official client; loaded only where a run connects."""

from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import urlencode

import msgspec

from conformant.cluster.receipt import received
from conformant.cluster.running import ClusterError
from conformant.cluster.tape import Fault

CONNECT_SECONDS, CALL_SECONDS = 3.0, 15.0
METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
DISCOVERY = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"


class Request(msgspec.Struct, frozen=True, omit_defaults=True):
    """One request. `path` includes the query; `secret` says that the answer speaks of Secrets."""

    path: str
    method: str = "GET"
    accept: str = "application/json"
    body: Any = None
    content_type: str = ""
    secret: bool = False


class Answer(msgspec.Struct, omit_defaults=True):
    """An HTTP answer; `body` is JSON, or a text where it is something else."""

    status: int
    body: Any = None
    headers: dict[str, str] = {}

    @property
    def reason(self) -> str:
        """The message of a Status, or the text."""
        if isinstance(self.body, dict):
            return str(self.body.get("message") or self.body.get("reason") or f"HTTP {self.status}")
        text = str(self.body or "").strip()
        return text[:200] or f"HTTP {self.status}"


class Transport(Protocol):
    """Carries one request. Raises Fault where no answer came."""

    def send(self, request: Request) -> Answer: ...


def path(base: str, query: Mapping[str, str | int]) -> str:
    """A path with its query."""
    stated = {name: value for name, value in query.items() if value not in ("", None)}
    return f"{base}?{urlencode(stated)}" if stated else base


class KubernetesTransport:
    """The official client, used for its configuration, credentials and connections."""

    def __init__(self, context: str, kubeconfig: str | None) -> None:
        """Raises ClusterError where the client is missing or the context cannot be used."""
        try:
            from kubernetes import client, config
        except ImportError:
            raise ClusterError("auditing a cluster needs its client: pip install 'conformant[live]'") from None
        configuration = client.Configuration()
        try:
            config.load_kube_config(kubeconfig, context=context, client_configuration=configuration)
        except (config.ConfigException, OSError, ValueError, TypeError) as error:
            raise ClusterError(f"context {context!r} cannot be used: {error}") from None
        configuration.retries = False
        self.host = str(configuration.host)
        self._client = client.ApiClient(configuration)
        self._refusal = client.ApiException

    def send(self, request: Request) -> Answer:
        from urllib3.exceptions import HTTPError

        headers = {"Accept": request.accept}
        if request.content_type or request.body is not None:
            headers["Content-Type"] = request.content_type or "application/json"
        try:
            response = self._client.call_api(
                request.path, request.method, header_params=headers, body=request.body, auth_settings=["BearerToken"],
                _preload_content=False, _return_http_data_only=True,
                _request_timeout=(CONNECT_SECONDS, CALL_SECONDS),
            )  # fmt: skip
            status, data, stated = response.status, response.data, response.headers
        except self._refusal as error:
            if not error.status:
                raise Fault(str(error.reason)) from None
            status, data, stated = error.status, error.body, error.headers or {}
        except (HTTPError, OSError) as error:
            raise Fault(_why(error)) from None
        return Answer(int(status), _body(data, request.secret), _headers(stated))


def _body(data: Any, secret: bool) -> Any:
    raw = data.encode() if isinstance(data, str) else bytes(data or b"")
    try:
        return received(msgspec.json.decode(raw), secret=secret)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return raw.decode("utf-8", "replace")


def _headers(stated: Mapping[str, str]) -> dict[str, str]:
    kept = ("content-type", "retry-after")
    return {name.lower(): value for name, value in stated.items() if name.lower() in kept}


def _why(error: Exception) -> str:
    """The innermost cause in a few words: the client wraps it several times."""
    cause: BaseException = error
    while True:
        inner = getattr(cause, "reason", None) or cause.__cause__ or cause.__context__
        if not isinstance(inner, BaseException) or inner is cause:
            break
        cause = inner
    name = type(cause).__name__
    if "Timeout" in name or isinstance(cause, TimeoutError):
        return "it did not answer in time"
    if isinstance(cause, ConnectionRefusedError):
        return "connection refused"
    text = str(cause).strip().rpartition(": ")[2] or name
    return f"{name}: {text}"[:200]
