"""The `Running` of an audit: each kind listed once, everything asked over the tape."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from threading import RLock
from typing import Any

from conformant.cluster.api import Api
from conformant.cluster.discovery import Served, kinds, plain, stale
from conformant.cluster.running import Unanswered
from conformant.cluster.tape import Fault
from conformant.cluster.transport import DISCOVERY, METADATA, Request
from conformant.model import FileCoverage, Path, Place, Resource, Step, Undecided, mapping, sequence
from conformant.platform import Platform
from conformant.profile import Live, Profile


class InCluster:
    """Locates an object of a cluster by the path under which the API server has it."""

    __slots__ = ("file",)

    def __init__(self, file: str) -> None:
        self.file = file

    def place(self, path: Sequence[Step]) -> Place:
        return Place(self.file, note=str(Path(path)) if path else "")

    def comments(self, path: Sequence[Step]) -> Iterable[tuple[int, str]]:
        return ()


class Reader:
    """Reads one running platform; see `Running`."""

    def __init__(self, api: Api, *, name: str, now: datetime, live: Live, profile: Profile) -> None:
        self.api = api
        self.name = name
        self.now = now
        self.live = live
        self.profile = profile
        self.cluster = scope(name)
        self.coverage: list[FileCoverage] = []
        self.stale: list[str] = []
        self._served: dict[str, Served] | None = None
        self._lists: dict[str, list[Resource] | Undecided] = {}
        self._objects: dict[tuple[str, str, str], Resource | Undecided | None] = {}
        self._platforms: dict[tuple[str, ...], Platform] = {}
        self._answers: dict[str, Any] = {}
        self._lock = RLock()

    # what is served

    def kinds(self) -> dict[str, Served]:
        """Everything the cluster serves, by ``group/Kind``. Raises Refused, Unanswered."""
        with self._lock:
            if self._served is None:
                self._served = self._discover()
            return self._served

    def _discover(self) -> dict[str, Served]:
        documents = [self.api.get(root, accept=DISCOVERY) for root in ("/api", "/apis")]
        if all(mapping(document).get("kind") == "APIGroupDiscoveryList" for document in documents):
            self.stale = stale(documents)
            return kinds(documents)
        return self._discover_one_by_one(documents)

    def _discover_one_by_one(self, documents: Sequence[Any]) -> dict[str, Served]:
        """For servers that answer only the plain way: one request for each group, its preferred version."""
        found: dict[str, Served] = {}
        for served in plain("", self.api.get("/api/v1")):
            found.setdefault(served.key, served)
        for group in sequence(mapping(documents[1]), "groups"):
            name = str(mapping(group).get("name"))
            preferred = mapping(group, "preferredVersion").get("groupVersion")
            for served in plain(name, self.api.get(f"/apis/{preferred}")):
                found.setdefault(served.key, served)
        return found

    def served(self, kind: str) -> bool:
        return kind in self.kinds()

    # objects

    def objects(self, kind: str) -> list[Resource]:
        with self._lock:
            if kind not in self._lists:
                self._lists[kind] = self._listed(kind)
            found = self._lists[kind]
        if isinstance(found, Undecided):
            raise found
        return found

    def _listed(self, kind: str) -> "list[Resource] | Undecided":
        """The objects of a kind, or why there are none; either is part of the coverage."""
        try:
            served = self.kinds().get(kind)
            if served is None or "list" not in served.verbs:
                return []
            secret = kind == "/Secret"
            found = [self.resource(served, item) for item in self.api.items(served.path(), secret=secret)]
        except Undecided as undecided:
            reason = f"{kind.lstrip('/')} could not be listed: {undecided.reason}"
            self.coverage.append(FileCoverage(self.file(kind), "unreadable", 0, undecided.reason))
            return type(undecided)(reason)
        self.coverage.append(FileCoverage(self.file(kind), "read", len(found)))
        return found

    def file(self, kind: str) -> str:
        """What stands for a file in the coverage."""
        return f"{self.name}:{kind.lstrip('/')}"

    def resource(self, served: Served, item: dict[Any, Any]) -> Resource:
        """An object as a resource; items of a list do not say their kind themselves."""
        raw = {"apiVersion": served.api_version, "kind": served.kind, **item}
        raw["apiVersion"], raw["kind"] = served.api_version, served.kind
        metadata = mapping(raw, "metadata")
        namespace, name = str(metadata.get("namespace") or ""), str(metadata.get("name") or "?")
        where = f"{namespace}/{name}" if namespace else name
        return Resource(
            family="kubernetes", group=served.group, version=served.version, kind=served.kind, namespace=namespace,
            name=name, raw=raw, locator=InCluster(f"{self.file(served.key)}/{where}"), source="cluster",
        )  # fmt: skip

    def get(self, kind: str, namespace: str, name: str) -> Resource | None:
        known = self._lists.get(kind)
        if isinstance(known, list):
            return next((one for one in known if (one.namespace, one.name) == (namespace, name)), None)
        return self._one(kind, namespace, name, "application/json")

    def secret(self, namespace: str, name: str) -> Resource | None:
        return self._one("/Secret", namespace, name, METADATA)

    def _one(self, kind: str, namespace: str, name: str, accept: str) -> Resource | None:
        key = (kind, namespace, name)
        with self._lock:
            if key not in self._objects:
                self._objects[key] = self._asked(kind, namespace, name, accept)
            found = self._objects[key]
        if isinstance(found, Undecided):
            raise found
        return found

    def _asked(self, kind: str, namespace: str, name: str, accept: str) -> Resource | Undecided | None:
        try:
            served = self.kinds().get(kind)
            if served is None:
                return None
            body = self.api.get(served.path(namespace, name), accept=accept, secret=kind == "/Secret")
        except Undecided as undecided:
            return type(undecided)(f"{kind.lstrip('/')} {namespace}/{name} could not be read: {undecided.reason}")
        if not isinstance(body, dict):
            return None
        if accept == METADATA and body.get("kind") != "PartialObjectMetadata":
            return Unanswered("the API server does not give Secrets as metadata alone; it was dropped")
        return self.resource(served, body)

    def platform(self, *kinds: str) -> Platform:
        key = tuple(sorted(set(kinds)))
        with self._lock:
            if key not in self._platforms:
                found = [resource for kind in key for resource in self.objects(kind)]
                self._platforms[key] = Platform(found, self.profile)
            return self._platforms[key]

    # permissions

    def may(self, verb: str, kind: str, namespace: str = "", name: str = "") -> bool:
        """Whether the identity has a permission; `kind` may end in a subresource (``/Pod/exec``).
        Raises Refused, Unanswered."""
        group, _, rest = kind.partition("/")
        what, _, subresource = rest.partition("/")
        served = self.kinds().get(f"{group}/{what}")
        attributes = {
            "verb": verb, "group": group, "resource": served.plural if served else what, "subresource": subresource,
            "namespace": namespace, "name": name,
        }  # fmt: skip
        body = {
            "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {name: value for name, value in attributes.items() if value}},
        }  # fmt: skip
        target = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        answer = self.api.send(Request(target, "POST", body=body))
        return mapping(self.api.good(answer, "access review"), "status").get("allowed") is True

    # Prometheus and the rest

    def prometheus(self, query: str) -> list[Mapping[str, Any]]:
        data = mapping(self.fetch("/api/v1/query", {"query": query, "time": f"{self.now.timestamp():.0f}"}))
        return [entry for entry in sequence(data, "result") if isinstance(entry, dict)]

    def fetch(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        from conformant.cluster.prometheus import fetch

        return fetch(self, path, query or {})

    def ask(self, channel: str, question: Any, how: Callable[[], Any]) -> Any:
        try:
            return self.api.tape.ask(channel, question, how)
        except Fault as fault:
            raise Unanswered(f"{channel}: {fault}") from None


def scope(name: str) -> Resource:
    """The cluster as a whole, as something that a verdict is about."""
    return Resource(
        family="scope", group="", version="", kind="Cluster", namespace="", name=name, raw={},
        locator=InCluster(f"{name}:"), source="cluster",
    )  # fmt: skip
