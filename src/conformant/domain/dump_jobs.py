"""CronJobs that copy the data of stores elsewhere."""

import re
from collections.abc import Sequence

from conformant.domain.stores import Store, known, known_containers, known_list
from conformant.platform import Platform
from conformant.views.dumps import FILES, MONGODB, MYSQL, POSTGRESQL, find_dump, simple_commands
from conformant.views.workload import Container, Workload

_WORD = re.compile("[A-Za-z0-9-]+")
_SERVICE_SUFFIXES = ("rw", "ro", "r", "repl", "primary", "headless", "0")
_ARCHIVERS = frozenset({"restic", "kopia", "borg", "rclone", "rsync", "duplicity"})
_IMAGE_WORDS = {"postgres": POSTGRESQL, "pg": POSTGRESQL, "mysql": MYSQL, "mariadb": MYSQL, "mongo": MONGODB}


class DumpJob:
    """A CronJob that dumps databases or archives the volumes that it mounts. `engines` are the kinds
    of stores that it dumps, `named` the stores among them whose hosts it names; `archives` says that it copies
    files."""

    def __init__(self, workload: Workload) -> None:
        self.workload = workload
        self.engines: set[str] = set()
        self.claims: tuple[str, ...] = ()
        self.archives = False
        self.named: set[int] = set()
        self._words: set[str] = set()
        for container in known_containers(workload):
            self._read(container)

    def _read(self, container: Container) -> None:
        argv = [word for key in ("command", "args") for word in known_list(container.raw, key) if isinstance(word, str)]
        dump = find_dump(argv)
        engine = dump.engine if dump is not None else _engine_of_image(container)
        if engine and engine != FILES:
            self.engines.add(engine)
            values = [str(known(entry, "value")) for entry in known_list(container.raw, "env")]
            self._words.update(word for text in (*argv, *values) for word in _WORD.findall(text))
        if engine == FILES or any(command.name in _ARCHIVERS for command in simple_commands(argv)):
            self.archives = True
            volumes = known_list(self.workload.pod, "volumes")
            self.claims = tuple(str(known(each, "persistentVolumeClaim", "claimName")) for each in volumes)

    def find_named(self, stores: Sequence[Store]) -> None:
        """Note which stores the job names: by name in its own namespace, else with the namespace of the store."""
        for store in stores:
            resource = store.resource
            if store.engine in self.engines and (
                resource.namespace == self.workload.namespace or resource.namespace in self._words
            ):
                hosts = {resource.name, *(f"{resource.name}-{suffix}" for suffix in _SERVICE_SUFFIXES)}
                if hosts & self._words:
                    self.named.add(id(resource))

    def copies(self, store: Store) -> bool:
        """Whether the job copies the data of a store: it names it, or names none and is beside it."""
        if store.engine in self.engines:
            if self.named:
                return id(store.resource) in self.named
            return store.resource.namespace == self.workload.namespace
        if not self.claims or store.resource.namespace != self.workload.namespace:
            return False
        return any(is_claim(claim, volume.claim) for claim in self.claims for volume in store.volumes)


def jobs(platform: Platform, stores: Sequence[Store]) -> list[DumpJob]:
    """The CronJobs of a platform that run and copy data."""
    found = []
    for workload in platform.workloads:
        if workload.kind == "CronJob" and known(workload.raw, "spec", "suspend") is not True:
            job = DumpJob(workload)
            if job.engines or job.claims:
                job.find_named([store for store in stores if store.resource.family == "kubernetes"])
                found.append(job)
    return found


def is_claim(claim: str, stated: str) -> bool:
    """Whether a claim is the one that a volume states; a StatefulSet's claims end in a number."""
    return claim == stated or (stated.endswith("-") and claim.removeprefix(stated).isdigit())


def _engine_of_image(container: Container) -> str:
    """What an image dumps that is made for nothing else; empty where it is none."""
    base = str(known(container.raw, "image") or "").partition("@")[0].rpartition("/")[2]
    if "backup" not in base and "dump" not in base:
        return ""
    return next((engine for word, engine in _IMAGE_WORDS.items() if word in base), "")
