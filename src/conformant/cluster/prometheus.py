"""Questions to Prometheus: by its own address, or through the API server's proxy."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from conformant.cluster.running import Unanswered
from conformant.cluster.tape import Fault
from conformant.cluster.transport import Request
from conformant.cluster.transport import path as address
from conformant.model import Undecided, mapping

if TYPE_CHECKING:
    from conformant.cluster.reader import Reader

SECONDS = 15


def fetch(reader: "Reader", path: str, query: Mapping[str, str]) -> Any:
    """The ``data`` of an answer of the Prometheus API. Raises Undecided."""
    stated = reader.live.prometheus
    if not stated:
        raise Undecided("no Prometheus is configured (live.prometheus)")
    if "://" in stated:
        body = reader.ask("prometheus", {"path": path, "query": dict(query)}, lambda: _get(stated, path, query))
    else:
        body = _through_the_server(reader, stated, path, query)
    document = mapping(body)
    if document.get("status") != "success":
        raise Unanswered(f"Prometheus refused {path}: {document.get('error') or 'no JSON answer'}")
    return document.get("data")


def _through_the_server(reader: "Reader", stated: str, path: str, query: Mapping[str, str]) -> Any:
    namespace, _, service = stated.partition("/")
    target = f"/api/v1/namespaces/{namespace}/services/{service}/proxy{path}"
    answer = reader.api.send(Request(address(target, dict(query))))
    return reader.api.good(answer, f"Prometheus at {stated}")


def _get(base: str, path: str, query: Mapping[str, str]) -> Any:
    """One GET. Raises Fault."""
    from http.client import HTTPException
    from urllib.request import Request as Get
    from urllib.request import urlopen

    import msgspec

    if not base.startswith(("http://", "https://")):
        raise Fault(f"{base.partition(':')[0]} is not a way to reach Prometheus")
    target = f"{base.rstrip('/')}{path}" + (f"?{urlencode(query)}" if query else "")
    try:
        with urlopen(Get(target, headers={"Accept": "application/json"}), timeout=SECONDS) as response:
            return msgspec.json.decode(response.read())
    except (OSError, HTTPException, msgspec.DecodeError) as error:
        raise Fault(f"Prometheus did not answer: {error}") from None
