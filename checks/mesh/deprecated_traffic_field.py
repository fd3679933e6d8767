"""An Istio object uses a field that Istio has replaced.

What it checks: In DestinationRules: outlierDetection.consecutiveErrors (istiod does not read it at all),
LEAST_CONN, consistentHash.minimumRingSize, warmupDurationSecs. In VirtualServices: mirrorPercent,
corsPolicy.allowOrigin, fault.delay.percent. In Gateways and Sidecars: port.targetPort. In policies,
Telemetry and WasmPlugin: targetRef.

Why it matters: consecutiveErrors is ignored without a word, so that the default of five 5xx responses
applies instead of what is written; the others go away with some release.

How to fix: Write the successor of the field. consecutive5xxErrors counts every 5xx response,
consecutiveGatewayErrors only 502, 503 and 504, as consecutiveErrors once did.

When it is fine: Never.
"""

from collections.abc import Iterator
from typing import Any

from conformant.leaf import Item, check
from conformant.model import REMOVE, Cure, Finding, NotApplicable, Path, Severity, dig, mapping, sequence
from conformant.platform import Platform
from conformant.views.mesh import DestinationRule, MeshObject, TrafficPolicy

Patches = tuple[tuple[Path, Any], ...]
DETECTORS = ("consecutive5xxErrors", "consecutiveGatewayErrors", "consecutiveLocalOriginFailures")


@check(
    id="MESH-006",
    severity=Severity.MEDIUM,
    requirement="mesh-routing",
    controls=["nist-800-53r5/SA-22", "nist-800-53r5/CM-6", "soc2/CC8.1", "iso-27001-2022/A.8.8"],
)
def deprecated_traffic_field(thing: MeshObject, platform: Platform) -> Iterator[Item]:
    if not platform.has_mesh:
        yield NotApplicable("no mesh")
        return
    if thing.kind == "DestinationRule":
        for policy in platform.view(thing.resource, DestinationRule).policies():
            yield from _policy(policy)
    elif thing.kind == "VirtualService":
        for number, route in enumerate(thing.list("spec", "http")):
            yield from _route(mapping(route), Path(("spec", "http", number)))
    elif thing.kind in ("Gateway", "Sidecar"):
        yield from _ports(thing)
    else:
        yield from _target(thing)


def _replaced(path: Path, successor: str, patches: Patches = ()) -> Finding:
    advice = f"write {successor} instead"
    cure = Cure(advice, ((path, REMOVE), *patches)) if patches else Cure(advice, grade="none")
    return Finding(f"{path[-1]} is deprecated: {successor} has replaced it", path, cure=cure)


def _policy(policy: TrafficPolicy) -> Iterator[Finding]:
    yield from _outliers(mapping(policy.raw, "outlierDetection"), policy.path / "outlierDetection")
    balancer, path = mapping(policy.raw, "loadBalancer"), policy.path / "loadBalancer"
    if dig(balancer, "simple") == "LEAST_CONN":
        cure = Cure("write simple: LEAST_REQUEST", ((path / "simple", "LEAST_REQUEST"),))
        yield Finding("LEAST_CONN is deprecated: LEAST_REQUEST has replaced it", path / "simple", cure=cure)
    hash_path = path / "consistentHash"
    size = dig(balancer, "consistentHash", "minimumRingSize")
    if size is not None:
        successor = (hash_path / "ringHash", {"minimumRingSize": size})
        yield _replaced(hash_path / "minimumRingSize", "ringHash.minimumRingSize", (successor,))
    seconds = dig(balancer, "warmupDurationSecs")
    if seconds is not None and dig(balancer, "warmup") is None:
        yield _replaced(path / "warmupDurationSecs", "warmup.duration", ((path / "warmup", {"duration": seconds}),))


def _outliers(outliers: dict[Any, Any], path: Path) -> Iterator[Finding]:
    count = dig(outliers, "consecutiveErrors")
    if count is None:
        return
    field = path / "consecutiveErrors"
    effective = [name for name in DETECTORS if dig(outliers, name) is not None]
    if effective:
        message = f"consecutiveErrors is not read: {', '.join(effective)} beside it decides"
        yield Finding(message, field, cure=Cure("remove it", ((field, REMOVE),)))
        return
    cure = Cure(
        f"write consecutive5xxErrors: {count}, or consecutiveGatewayErrors to count 502, 503 and 504 only",
        ((field, REMOVE), (path / "consecutive5xxErrors", count)),
    )
    yield Finding("consecutiveErrors is not read: the default of five 5xx responses applies", field, cure=cure)


def _route(route: dict[Any, Any], path: Path) -> Iterator[Finding]:
    percent = dig(route, "mirrorPercent")
    if percent is not None:
        successor = (path / "mirrorPercentage", {"value": percent})
        yield _replaced(path / "mirrorPercent", "mirrorPercentage", (successor,))
    origins = dig(route, "corsPolicy", "allowOrigin")
    if origins:
        where = path / "corsPolicy" / "allowOrigin"
        stated = sequence(route, "corsPolicy", "allowOrigin")
        exact = [{"exact": origin} for origin in stated if isinstance(origin, str)]
        yield _replaced(where, "allowOrigins", ((path / "corsPolicy" / "allowOrigins", exact),) if exact else ())
    delay = dig(route, "fault", "delay", "percent")
    if delay is not None:
        where = path / "fault" / "delay"
        yield _replaced(where / "percent", "percentage", ((where / "percentage", {"value": delay}),))


def _ports(thing: MeshObject) -> Iterator[Finding]:
    for field in ("servers",) if thing.kind == "Gateway" else ("ingress", "egress"):
        for number, entry in enumerate(thing.list("spec", field)):
            if dig(mapping(entry), "port", "targetPort") is not None:
                path = Path(("spec", field, number, "port", "targetPort"))
                message = "targetPort is deprecated and has no effect: a Service's own ports say where it leads"
                yield Finding(message, path, cure=Cure("remove it", ((path, REMOVE),)))


def _target(thing: MeshObject) -> Iterator[Finding]:
    target = thing.map("spec", "targetRef")
    if target:
        path = Path(("spec", "targetRef"))
        others = sequence(thing.raw, "spec", "targetRefs")
        yield _replaced(path, "targetRefs", ((Path(("spec", "targetRefs")), [target]),) if not others else ())
