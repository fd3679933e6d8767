"""Pods lose requests when they stop.

What it checks: Every main container with ports, of a long-running workload, has a preStop hook. A hook that
sleeps leaves something of terminationGracePeriodSeconds (30 by default), within which it counts; that is not
0. A hook that needs a shell is not in an image that has none.

Why it matters: Endpoints are withdrawn while the pod already stops. Without a pause it refuses connections that
are still sent to it, at every rollout and every drain.

How to fix: lifecycle.preStop: {sleep: {seconds: 10}}, and a grace period that is longer.

When it is fine: Programs that go on serving for a while after SIGTERM: waive those.
"""

from collections.abc import Iterator

from conformant.leaf import Item, aspects, check
from conformant.model import Cure, Finding, NotApplicable, Path, Severity, dig, mapping, sequence
from conformant.profile import Profile
from conformant.views.dumps import simple_commands
from conformant.views.workload import MAIN, Container, Workload

GRACE = 30
PAUSE = 10
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
SHELLS = frozenset({"sh", "bash", "ash"})


@check(id="WRK-018", severity=Severity.LOW, requirement="redundancy", aliases=["DEL-001"])
def abrupt_shutdown(workload: Workload, profile: Profile) -> Iterator[Item]:
    serving = [container for container in workload.containers(MAIN) if container.ports]
    if workload.batch or not serving:
        yield NotApplicable("it runs to completion, or has no ports")
        return
    yield from aspects([_unprepared(workload, serving, profile), _grace(workload)])
    for container in serving:
        yield from aspects([_sleep(container), _shell(container)])


def _unprepared(workload: Workload, serving: list[Container], profile: Profile) -> Iterator[Finding]:
    hasty = [container for container in serving if not _hook(container)]
    if not hasty:
        return
    names = ", ".join(repr(container.name) for container in hasty)
    message = f"no preStop hook lets container {names} finish while its endpoint is withdrawn"
    yield Finding(message, hasty[0].path / "lifecycle" / "preStop", cure=_cure(workload, hasty, profile))


def _cure(workload: Workload, containers: list[Container], profile: Profile) -> Cure:
    pause: dict[str, object] = {"sleep": {"seconds": PAUSE}}
    if profile.at_least("kubernetes", "1.30") is False:
        pause = {"exec": {"command": ["sleep", str(PAUSE)]}}
    patches = tuple((Path((*container.path, "lifecycle", "preStop")), pause) for container in containers)
    enough = _period(workload) > PAUSE
    return Cure(f"a preStop hook that sleeps {PAUSE} s, within the grace period", patches if enough else ())


def _grace(workload: Workload) -> Iterator[Finding]:
    if _period(workload) == 0:
        path: Path = workload.pod_path / "terminationGracePeriodSeconds"
        cure = Cure(f"{GRACE} seconds, the default", ((path, GRACE),))
        yield Finding("the pods are killed at once: the grace period is 0", path, Severity.MEDIUM, cure)


def _sleep(container: Container) -> Iterator[Finding]:
    command = _command(container)
    asleep = sum(_seconds(each.words[1:]) for each in simple_commands(command) if each.name == "sleep")
    grace = _period(container.workload)
    if asleep >= grace > 0:
        whose = f"the preStop hook of container {container.name!r}"
        message = f"{whose} sleeps {asleep:g} s, and the pod is killed after {grace} s"
        path = Path((*container.path, "lifecycle", "preStop", "exec", "command"))
        yield Finding(message, path, Severity.MEDIUM, Cure("sleep less, or lengthen terminationGracePeriodSeconds"))


def _shell(container: Container) -> Iterator[Finding]:
    command = _command(container)
    image = container.image
    bare = "distroless" in container.reference or image.registry == "cgr.dev"
    if bare and "debug" not in image.tag and command and command[0].rpartition("/")[2] in SHELLS:
        path = Path((*container.path, "lifecycle", "preStop", "exec", "command"))
        message = f"the preStop hook of container {container.name!r} needs a shell, which its image hardly has"
        yield Finding(message, path, Severity.INFO, Cure(f"sleep: {{seconds: {PAUSE}}} needs none", grade="none"))


def _hook(container: Container) -> bool:
    return bool(mapping(container.raw.get("lifecycle"), "preStop"))


def _command(container: Container) -> list[str]:
    words = sequence(container.raw.get("lifecycle"), "preStop", "exec", "command")
    return [word for word in words if isinstance(word, str)]


def _period(workload: Workload) -> int:
    value = dig(workload.pod, "terminationGracePeriodSeconds")
    return value if isinstance(value, int) and not isinstance(value, bool) else GRACE


def _seconds(words: tuple[str, ...]) -> float:
    """What `sleep` adds up its arguments to; none of them counts where it is not a number."""
    total = 0.0
    for word in words:
        number, unit = (word[:-1], UNITS[word[-1]]) if word[-1:] in UNITS else (word, 1)
        total += float(number) * unit if number.replace(".", "", 1).isdecimal() else 0.0
    return total
