"""A small API server over real sockets, which answers as a real one was seen to.

It knows pagination with tokens, metadata-only answers, aggregated discovery, access reviews and the errors
401, 403, 404, 409, 410, 429 and 5xx in their real shapes. What it should do wrong is set on it.
"""

import base64
import copy
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import yaml

from conformant.cluster.discovery import plural

Object = dict[str, Any]

BUILTIN = {
    "v1": ["Namespace*", "Node*", "Pod", "Service", "Endpoints", "ServiceAccount", "PersistentVolume*", "ConfigMap",
           "PersistentVolumeClaim", "Event", "ResourceQuota", "LimitRange", "Secret"],
    "apps/v1": ["Deployment", "ReplicaSet", "StatefulSet", "DaemonSet"],
    "batch/v1": ["CronJob", "Job"],
    "autoscaling/v2": ["HorizontalPodAutoscaler"],
    "policy/v1": ["PodDisruptionBudget"],
    "networking.k8s.io/v1": ["NetworkPolicy", "Ingress", "IngressClass*"],
    "discovery.k8s.io/v1": ["EndpointSlice"],
    "storage.k8s.io/v1": ["StorageClass*", "CSIDriver*"],
    "rbac.authorization.k8s.io/v1": ["Role", "RoleBinding", "ClusterRole*", "ClusterRoleBinding*"],
    "coordination.k8s.io/v1": ["Lease"],
    "authorization.k8s.io/v1": ["SelfSubjectAccessReview*"],
}  # fmt: skip
"""The kinds that every cluster serves; a star marks those without a namespace."""
VERBS = ["create", "delete", "get", "list", "patch", "update", "watch"]


class Cluster:
    """What the server holds, and how it misbehaves. Every request is counted in `requests`."""

    def __init__(self, objects: list[Object] = [], uid: str = "uid-1") -> None:  # noqa: B006 -- never changed
        self.kinds: dict[str, tuple[str, str, bool]] = {}
        for version, names in BUILTIN.items():
            for name in names:
                self.serve(version, name.rstrip("*"), not name.endswith("*"))
        self.objects: list[Object] = []
        self.requests: list[tuple[str, str]] = []
        self.forbidden: Callable[[str, str], bool] = lambda verb, resource: False
        self.trouble: Callable[[str, str, int], tuple[int, dict[str, str]] | None] = lambda method, path, nth: None
        self.created: Callable[[Object], None] = lambda item: None
        self.logs: dict[str, str] = {}
        self.rights: Callable[[Object], bool] = lambda attributes: (
            attributes["verb"] in ("get", "list") and (attributes.get("resource") not in ("secrets", "nodes"))
        )
        self.unauthorized = False
        self.delay = 0.0
        self.lock = threading.RLock()
        self.counter = 100
        self.add({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kube-system", "uid": uid}})
        for item in objects:
            self.add(item)

    def serve(self, version: str, kind: str, namespaced: bool = True) -> None:
        """Serve one more kind."""
        self.kinds[f"{version}/{plural(kind)}"] = (version, kind, namespaced)

    def add(self, item: Object) -> Object:
        """Put an object in, with what a server sets."""
        item = copy.deepcopy(item)
        version, kind = item["apiVersion"], item["kind"]
        if f"{version}/{plural(kind)}" not in self.kinds:
            self.serve(version, kind, "namespace" in item["metadata"])
        with self.lock:
            self.counter += 1
            metadata = item["metadata"]
            metadata.setdefault("uid", f"uid-{self.counter}")
            metadata["resourceVersion"] = str(self.counter)
            metadata.setdefault("creationTimestamp", "2026-11-01T00:00:00Z")
            metadata.setdefault("managedFields", [{"manager": "test", "operation": "Update"}])
            self.objects.append(item)
            return item

    def find(self, version: str, kind: str, namespace: str = "") -> list[Object]:
        """The objects of a kind, ordered as a server orders them."""
        with self.lock:
            found = [
                item for item in self.objects
                if (item["apiVersion"], item["kind"]) == (version, kind)
                and (not namespace or item["metadata"].get("namespace") == namespace)
            ]  # fmt: skip
        return sorted(found, key=lambda item: (item["metadata"].get("namespace", ""), item["metadata"]["name"]))


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    cluster: Cluster

    def log_message(self, format: str, *arguments: object) -> None:
        return

    def handle_any(self) -> None:
        cluster, parts = self.cluster, urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        with cluster.lock:
            nth = sum(one == (self.command, parts.path) for one in cluster.requests)
            cluster.requests.append((self.command, parts.path))
        time.sleep(cluster.delay)
        if cluster.unauthorized:
            self.status(401, "Unauthorized", "Unauthorized")
            return
        trouble = cluster.trouble(self.command, self.path, nth)
        if trouble is not None:
            code, headers = trouble
            self.status(code, {410: "Expired", 429: "TooManyRequests"}.get(code, "InternalError"), "trouble", headers)
            return
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self.route(parts.path, query, body)

    do_GET = do_POST = do_DELETE = do_PUT = do_PATCH = handle_any

    def route(self, path: str, query: dict[str, str], body: Any) -> None:
        if path in ("/api", "/apis"):
            self.discovery(core=path == "/api")
            return
        steps = path.strip("/").split("/")
        version, rest = ("v1", steps[2:]) if steps[0] == "api" else ("/".join(steps[1:3]), steps[3:])
        namespace = ""
        if len(rest) > 2 and rest[0] == "namespaces":
            namespace, rest = rest[1], rest[2:]
        if not rest:
            self.text(404, "404 page not found\n")
            return
        plural_name, name, sub = rest[0], rest[1] if len(rest) > 1 else "", rest[2] if len(rest) > 2 else ""
        verb = {"GET": "get" if name else "list", "POST": "create", "DELETE": "delete", "PUT": "update"}[self.command]
        group = version.rpartition("/")[0]
        if self.cluster.forbidden(verb, plural_name):
            where = f' in the namespace "{namespace}"' if namespace else " at the cluster scope"
            self.status(
                403, "Forbidden",
                f'{plural_name}{"." if group else ""}{group} is forbidden: User "auditor" cannot {verb} resource '
                f'"{plural_name}" in API group "{group}"{where}',
            )  # fmt: skip
            return
        served = self.cluster.kinds.get(f"{version}/{plural_name}")
        if served is None:
            self.text(404, "404 page not found\n")
            return
        kind = served[1]
        if kind == "SelfSubjectAccessReview":
            allowed = self.cluster.rights(body["spec"]["resourceAttributes"])
            self.json(201, {**body, "metadata": {}, "status": {"allowed": allowed}})
        elif verb == "list":
            self.listing(version, kind, namespace, query)
        elif verb == "create":
            self.create(version, kind, namespace, query, body)
        else:
            self.one(version, kind, namespace, name, sub, body)

    def one(self, version: str, kind: str, namespace: str, name: str, sub: str, body: Any) -> None:
        found = [one for one in self.cluster.find(version, kind, namespace) if one["metadata"]["name"] == name]
        if not found:
            self.status(404, "NotFound", f'{plural(kind)} "{name}" not found')
        elif sub == "log":
            self.text(200, self.cluster.logs.get(name, ""))
        elif self.command == "DELETE":
            self.delete(found[0])
            self.json(200, {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"})
        elif self.command == "PUT":
            with self.cluster.lock:
                found[0].update(body)
            self.json(200, found[0])
        else:
            self.json(200, self.shaped(found[0], "PartialObjectMetadata"))

    def delete(self, item: Object) -> None:
        """The garbage collector included: what the object owns goes with it."""
        uid = item["metadata"]["uid"]
        with self.cluster.lock:
            self.cluster.objects.remove(item)
            owned = [
                one for one in self.cluster.objects
                if any(owner["uid"] == uid for owner in one["metadata"].get("ownerReferences", ()))
            ]  # fmt: skip
        for one in owned:
            self.delete(one)

    def create(self, version: str, kind: str, namespace: str, query: dict[str, str], body: Object) -> None:
        metadata = body["metadata"]
        if namespace:
            metadata["namespace"] = namespace
        if any(one["metadata"]["name"] == metadata["name"] for one in self.cluster.find(version, kind, namespace)):
            self.status(409, "AlreadyExists", f'{plural(kind)} "{metadata["name"]}" already exists')
            return
        if query.get("dryRun") == "All":
            self.json(201, body)
            return
        item = self.cluster.add({**body, "apiVersion": version, "kind": kind})
        self.cluster.created(item)
        self.json(201, item)

    def listing(self, version: str, kind: str, namespace: str, query: dict[str, str]) -> None:
        found = self.cluster.find(version, kind, namespace)
        for term in filter(None, query.get("labelSelector", "").split(",")):
            key, _, value = term.partition("=")
            found = [one for one in found if one["metadata"].get("labels", {}).get(key) == value]
        token = query.get("continue", "")
        start = int(json.loads(base64.urlsafe_b64decode(token + "=="))["start"]) if token else 0
        limit = int(query.get("limit") or 0) if "resourceVersion" not in query else 0
        page = found[start : start + limit] if limit else found[start:]
        metadata: Object = {"resourceVersion": str(self.cluster.counter)}
        if limit and start + limit < len(found):
            more = json.dumps({"v": "meta.k8s.io/v1", "rv": 1, "start": start + limit}).encode()
            metadata["continue"] = base64.urlsafe_b64encode(more).decode().rstrip("=")
            metadata["remainingItemCount"] = len(found) - start - limit
        custom = "." in version and not version.partition("/")[0].endswith("k8s.io")
        partial = "PartialObjectMetadataList" in self.headers.get("Accept", "")
        items = [self.shaped(one, "PartialObjectMetadataList") for one in page]
        if not (custom or partial):  # items of built-in lists do not say their kind
            items = [
                {name: value for name, value in one.items() if name not in ("kind", "apiVersion")} for one in items
            ]
        document = {"kind": f"{kind}List", "apiVersion": version, "metadata": metadata, "items": items}
        if partial:
            document |= {"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1"}
        self.json(200, document)

    def shaped(self, item: Object, name: str) -> Object:
        """The object as the Accept header asks for it. Metadata includes the last applied configuration."""
        if f"as={name};" not in self.headers.get("Accept", ""):
            return item
        return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": item["metadata"]}

    def discovery(self, core: bool) -> None:
        groups: dict[str, dict[str, list[Object]]] = {}
        for key, (version, kind, namespaced) in self.cluster.kinds.items():
            group, _, number = version.rpartition("/")
            if (group == "") != core:
                continue
            resource = {
                "resource": key.rpartition("/")[2], "singularResource": kind.lower(), "verbs": VERBS,
                "responseKind": {"group": "", "version": "", "kind": kind},
                "scope": "Namespaced" if namespaced else "Cluster",
            }  # fmt: skip
            groups.setdefault(group, {}).setdefault(number, []).append(resource)
        items = [
            {"metadata": {"name": group} if group else {}, "versions": [
                {"version": number, "resources": resources, "freshness": "Current"}
                for number, resources in versions.items()
            ]}
            for group, versions in groups.items()
        ]  # fmt: skip
        self.json(200, {"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "items": items})

    def status(self, code: int, reason: str, message: str, headers: dict[str, str] | None = None) -> None:
        body = {
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message,
            "reason": reason, "code": code,
        }  # fmt: skip
        self.json(code, body, headers)

    def json(self, code: int, document: Any, headers: dict[str, str] | None = None) -> None:
        self.reply(code, json.dumps(document).encode(), "application/json", headers)

    def text(self, code: int, text: str) -> None:
        self.reply(code, text.encode(), "text/plain; charset=utf-8")

    def reply(self, code: int, data: bytes, kind: str, headers: dict[str, str] | None = None) -> None:
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)


def serving(cluster: Cluster, folder: Path) -> Iterator[Path]:
    """A kubeconfig whose context ``test`` is this cluster, served until the generator ends."""
    handler = type("Bound", (Handler,), {"cluster": cluster})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    file = folder / "kubeconfig"
    address = f"http://127.0.0.1:{server.server_address[1]}"
    file.write_text(
        yaml.safe_dump({
            "apiVersion": "v1", "kind": "Config", "current-context": "other",
            "clusters": [{"name": "test", "cluster": {"server": address}}],
            "users": [{"name": "test", "user": {"token": "bearer-canary-0123456789"}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        })
    )  # fmt: skip
    try:
        yield file
    finally:
        server.shutdown()
        server.server_close()
