"""A StatefulSet has no stable names, or its data hangs on defaults.

What it checks: serviceName is stated and is a headless Service of the namespace that selects the pods. Every
claim template names its storage class. Deleting the StatefulSet keeps the claims. Members of a quorum (etcd,
ZooKeeper, NATS …) are an odd number. No two volumes compete for one name or one mount path. OnDelete is a matter
of WRK-019.

Why it matters: Without a headless Service the members have no names to find each other by; a default storage
class may be one without encryption, and another tomorrow; with whenDeleted: Delete a slip of the hand deletes
the data.

How to fix: A Service with clusterIP: None, storageClassName, whenDeleted: Retain, 3 or 5 members.

When it is fine: Data that can be made again, for whenDeleted: Delete.
"""

from collections.abc import Iterator

from conformant.domain.declared import Declared
from conformant.domain.references import SERVICE, Reference
from conformant.domain.scaling import Scaling
from conformant.leaf import Item, aspects, check
from conformant.model import Cure, Finding, Path, Severity, dig, mapping, sequence
from conformant.platform import Platform
from conformant.views.selector import equals
from conformant.views.workload import MAIN, Workload

CLAIMS = Path(("spec", "volumeClaimTemplates"))
NAME = Path(("spec", "serviceName"))
RETENTION = Path(("spec", "persistentVolumeClaimRetentionPolicy", "whenDeleted"))
OLD_CLASS = "volume.beta.kubernetes.io/storage-class"
QUORUM = frozenset({"zookeeper", "etcd", "consul", "nats", "rabbitmq", "mongo", "vault"})
HEADLESS = Cure("a Service of that name with clusterIP: None", grade="none")


@check(
    id="WRK-022",
    severity=Severity.MEDIUM,
    requirement="stateful-sets",
    controls=["nist-800-53r5/SC-28", "iso-27001-2022/A.8.13", "iso-27001-2022/A.8.14"],
    kinds=["StatefulSet"],
)
def careless_stateful_set(workload: Workload, platform: Platform) -> Iterator[Item]:
    yield from aspects(
        [
            _service(workload, platform),
            _classes(workload),
            _retention(workload),
            _quorum(workload, platform),
            _names(workload),
            *(_mounts(container.path / "volumeMounts", container.raw) for container in workload.all_containers),
        ]
    )


def _service(workload: Workload, platform: Platform) -> Iterator[Item]:
    name = workload.get(*NAME)
    if not isinstance(name, str) or not name:
        severity = None if workload.list(*CLAIMS) else Severity.LOW
        yield Finding("no serviceName: the pods have no stable DNS names", NAME, severity, HEADLESS)
        return
    service = platform.find(SERVICE, workload.namespace, name)
    if service is not None:
        if dig(service.raw, "spec", "clusterIP") != "None":
            message = f"Service {name} is not headless: the pods have no DNS names of their own"
            yield Finding(message, NAME, cure=HEADLESS)
        elif not equals(mapping(service.raw, "spec", "selector"), workload.labels):
            message = f"Service {name} selects other pods: those of the StatefulSet have no DNS names"
            yield Finding(message, NAME, cure=Cure("select the pods' own labels", grade="none"))
        return
    missing = platform.derived(Declared).missing(
        Reference(NAME, (SERVICE,), workload.namespace, name), workload.resource
    )
    if isinstance(missing, Finding):
        yield Finding(f"{missing.message}: the pods have no stable DNS names", NAME, cure=HEADLESS)
    elif missing is not None:
        yield missing


def _classes(workload: Workload) -> Iterator[Finding]:
    for index, claim in enumerate(workload.list(*CLAIMS)):
        stated = dig(claim, "spec", "storageClassName")
        if stated is None and not dig(claim, "metadata", "annotations", OLD_CLASS):
            path = Path((*CLAIMS, index, "spec", "storageClassName"))
            message = f"claim {dig(claim, 'metadata', 'name')!r} takes whatever storage class is the default"
            yield Finding(message, path, cure=Cure("name an encrypted storage class", grade="none"))


def _retention(workload: Workload) -> Iterator[Finding]:
    if workload.get(*RETENTION) == "Delete" and workload.list(*CLAIMS):
        cure = Cure("whenDeleted: Retain", ((RETENTION, "Retain"),))
        yield Finding("deleting the StatefulSet deletes its data", RETENTION, cure=cure)


def _quorum(workload: Workload, platform: Platform) -> Iterator[Finding]:
    image = next((each.image.base for each in workload.containers(MAIN) if each.image.base in QUORUM), "")
    replicas = platform.derived(Scaling).least(workload) if image else 0
    if replicas >= 2 and replicas % 2 == 0:
        message = f"{replicas} members of {image} survive no more failures than {replicas - 1}, and more can fail"
        path = Path(("spec", "replicas"))
        yield Finding(message, path, cure=Cure("an odd number", ((path, replicas + 1),)))


def _names(workload: Workload) -> Iterator[Finding]:
    """Volumes of the template that a claim of the same name takes the place of; one that names that very claim
    says the same twice."""
    claims = {dig(claim, "metadata", "name") for claim in workload.list(*CLAIMS)} - {None}
    for index, volume in enumerate(sequence(workload.pod.get("volumes"))):
        name = dig(volume, "name")
        if isinstance(name, str) and name in claims and dig(volume, "persistentVolumeClaim", "claimName") != name:
            path = Path((*workload.pod_path, "volumes", index, "name"))
            message = f"volume {name!r} has no effect: the claim template of that name takes its place"
            yield Finding(message, path, cure=Cure("give one of them another name", grade="none"))


def _mounts(path: Path, container: dict[str, object]) -> Iterator[Finding]:
    """Paths that differ in how they are written alone; the API server refuses those that are equal."""
    seen: dict[str, str] = {}
    for index, mount in enumerate(sequence(container.get("volumeMounts"))):
        where = dig(mount, "mountPath")
        if not isinstance(where, str):
            continue
        plain = where.rstrip("/") or "/"
        if seen.get(plain, where) != where:
            message = f"two volumes are mounted at {plain}: one hides the other"
            place = Path((*path, index, "mountPath"))
            yield Finding(message, place, cure=Cure("mount one of them elsewhere", grade="none"))
        seen[plain] = where
