"""Measures reachability in a process of its own: ``python reachability.py PODS POLICIES`` prints CPU seconds and
peak bytes for the classes, the whole matrix and the causes of all its rectangles."""

import random
import resource
import sys
from time import process_time
from typing import Any

from conformant.model import Resource
from conformant.platform import Nowhere, Platform
from conformant.profile import Profile
from conformant.reach.because import decisions
from conformant.reach.classes import numbers
from conformant.reach.engine import Reachability
from conformant.views.network import EGRESS, INGRESS

APPS, SPACING = 10, 10


def made(group: str, kind: str, namespace: str, name: str, spec: Any, labels: Any = None) -> Resource:
    raw = {"metadata": {"name": name, "namespace": namespace, "labels": labels or {}}, "spec": spec}
    return Resource(
        family="kubernetes", group=group, version="v1", kind=kind, namespace=namespace, name=name, raw=raw,
        locator=Nowhere(), source="benchmark",
    )  # fmt: skip


def platform(pods: int, policies: int) -> Platform:
    """Namespaces of ten applications; each policy closes one, and opens it to two others and to a network."""
    chance = random.Random(7)
    spaces = [f"ns{number}" for number in range(policies // SPACING)]
    resources = [made("", "Namespace", "", name, {}, {"team": f"t{number % 5}"}) for number, name in enumerate(spaces)]
    containers = [{"name": "main", "ports": [{"name": "http", "containerPort": 8080}]}]
    for number in range(pods):
        labels = {"app": f"a{number // len(spaces) % APPS}", "pod-template-hash": f"{number}"}
        resources.append(
            made("", "Pod", spaces[number % len(spaces)], f"p{number}", {"containers": containers}, labels)
        )
    for number in range(policies):
        app = {"matchLabels": {"app": f"a{number // len(spaces) % APPS}"}}
        resources.append(
            made(
                "networking.k8s.io",
                "NetworkPolicy",
                spaces[number % len(spaces)],
                f"n{number}",
                spec(app, spaces, chance),
            )
        )
    return Platform(resources, Profile())


def spec(app: Any, spaces: list[str], chance: random.Random) -> Any:
    def anybody() -> Any:
        return {"podSelector": {"matchLabels": {"app": f"a{chance.randrange(APPS)}"}}}

    other = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": chance.choice(spaces)}}, **anybody()}
    return {
        "podSelector": app, "policyTypes": ["Ingress", "Egress"],
        "ingress": [
            {"from": [other, anybody()], "ports": [{"port": 8080}]},
            {"from": [{"ipBlock": {"cidr": f"10.{chance.randrange(20)}.0.0/16"}}], "ports": [{"port": "http"}]},
        ],
        "egress": [{"to": [{"namespaceSelector": {}}], "ports": [{"port": 8080, "endPort": 8090}]}],
    }  # fmt: skip


def measure(pods: int, policies: int) -> None:
    known = platform(pods, policies)
    _ = known.workloads
    before = process_time()
    reach = Reachability.of(known)
    count = 0
    for each in reach.matrix():
        source, destination = next(numbers(each.sources)), next(numbers(each.destinations))
        causes = [*decisions(reach.side(EGRESS, source), each.egress)]
        causes += decisions(reach.side(INGRESS, destination), each.ingress)
        count += len(causes)
    seconds = process_time() - before
    print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, count)


if __name__ == "__main__":
    measure(int(sys.argv[1]), int(sys.argv[2]))
