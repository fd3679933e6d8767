"""A database dump is made too late, in no pod, or where no backup looks.

What it checks: The commands that Velero runs in pods (hooks of a Schedule or Backup, annotations of pods).
A command that dumps data (pg_dump, mysqldump, mongodump, redis-cli save, etcdctl snapshot, tar) belongs
before the backup, in `pre`; its errors are not passed over; its timeout is stated, for the default of 30
seconds is short; its container is in the pods; its file goes to a volume that the backup includes, under a
name that a half-written file does not get (pipefail, or mv at the end), and encrypted. The pods that the
hook selects are declared. Annotations stand on the pods, not on what makes them.

Why it matters: Velero runs `post` hooks when the volumes of the pod have been saved: today's dump is in
tomorrow's backup. A hook that meets no pod never runs, and the backup still says Completed.

How to fix: Move the command to `pre`, write to a temporary name on the volume and rename it when pg_dump has
succeeded, pipe it through gpg or age, set timeout and onError: Fail.

When it is fine: `post` is right for what undoes a `pre` hook, such as fsfreeze --unfreeze.
"""

from collections.abc import Iterator
from typing import Any

from conformant.domain.stores import Volume
from conformant.domain.velero import Velero, file_copied, selected
from conformant.leaf import Item, aspects, check
from conformant.model import REMOVE, Cure, Finding, NotApplicable, Path, Severity, Undecided, dig, mapping, sequence
from conformant.platform import Platform
from conformant.views.dumps import Dump, find_dump
from conformant.views.quantity import parse_duration
from conformant.views.velero import PODS, POST, PRE, BackupSpec, Hook, HookGroup, HookHolder, annotated_hooks
from conformant.views.workload import MAIN, SIDECAR, Container, Workload

ANNOTATIONS = Path(("metadata", "annotations"))
INJECTED = frozenset({"istio-proxy", "linkerd-proxy"})
CLAIMED = frozenset({"persistentVolumeClaim", "ephemeral"})
UNSAVED = frozenset({"hostPath", "secret", "configMap", "projected", "downwardAPI"})
WHOLE = "write to a temporary name and mv it at the end, with set -o pipefail"


@check(
    id="DR-002",
    severity=Severity.HIGH,
    requirement="backup-hook",
    controls=["nist-800-53r5/CP-9", "iso-27001-2022/A.8.13", "soc2/A1.2"],
)
def ineffective_dump_hook(holder: HookHolder, platform: Platform) -> Iterator[Item]:
    parts: list[Iterator[Item]] = []
    if holder.spec is None:
        workload = platform.view(holder.resource, Workload)
        template = workload.template_path
        if template:
            own = mapping(workload.raw, "metadata", "annotations")
            parts += [_on_controller(hook, workload) for hook in annotated_hooks(own, ANNOTATIONS)]
        for hook in annotated_hooks(workload.annotations, Path((*template, *ANNOTATIONS))):
            parts += [_dump(hook, None), _place(hook, workload, holder, platform)]
    else:
        for group in holder.spec.hook_groups:
            parts.append(_reach(group, holder.spec, platform))
            for hook in group.hooks:
                parts += [_dump(hook, group), _places(hook, group, holder, platform)]
    if parts:
        yield from aspects(parts)
    else:
        yield NotApplicable("no hooks")


def _on_controller(hook: Hook, workload: Workload) -> Iterator[Item]:
    message = f"an annotation of the {workload.kind}, not of its pods: the hook never runs"
    advice = "move the annotations to the metadata of the pod template"
    yield Finding(message, hook.key("command"), cure=Cure(advice, grade="none"))


def _reach(group: HookGroup, spec: BackupSpec, platform: Platform) -> Iterator[Item]:
    """Whether the hook ever runs."""
    shut_out = group.shutting_out(PODS) or spec.shutting_out(PODS)
    if shut_out:
        yield Finding("hooks run in pods only, and these are left out: the hook never runs", shut_out)
    elif selected(group, spec, platform) is None:
        key = next((key for key in ("labelSelector", "includedNamespaces") if dig(group.raw, key)), "name")
        advice = "select labels that the pod template of the database has (its own, not the controller's)"
        cure = Cure(advice, grade="none")
        yield Finding("the hook selects no pod that is declared: it never runs", group.path / key, cure=cure)


def _dump(hook: Hook, group: HookGroup | None) -> Iterator[Item]:
    """The command and its settings, wherever it runs."""
    dump = find_dump(hook.command)
    if dump is None:
        return
    if hook.phase == POST:
        message = f"{dump.tool} runs after the volumes have been saved: its dump is in the next backup only"
        path = hook.path if hook.prefix is None else hook.key("command")
        moved = _moved_annotations(hook) if group is None else _moved(group)
        yield Finding(message, path, cure=Cure("move the command from post to pre", moved))
    yield from aspects([_errors(hook, dump), _timeout(hook, dump), _file(hook, dump)])


def _errors(hook: Hook, dump: Dump) -> Iterator[Item]:
    if hook.goes_on_after_errors:
        message = f"the backup goes on when {dump.tool} fails, with the remaining hooks"
        yield Finding(message, hook.key("onError"), Severity.MEDIUM, _set(hook, "onError", "Fail"))


def _timeout(hook: Hook, dump: Dump) -> Iterator[Item]:
    if not parse_duration(hook.timeout):
        stated = "no timeout" if hook.timeout is None else "no effective timeout"
        message = f"{stated}: {dump.tool} is given up after 30 seconds, and may write on meanwhile"
        yield Finding(message, hook.key("timeout"), Severity.MEDIUM, _set(hook, "timeout", "10m"))


def _set(hook: Hook, key: str, value: str) -> Cure:
    """A patch, unless the hook has to move anyway."""
    return Cure(f"{key}: {value}", ((hook.key(key), value),) if hook.phase == PRE else ())


def _file(hook: Hook, dump: Dump) -> Iterator[Item]:
    if dump.redirected and not dump.guarded:
        message = f"when {dump.tool} breaks off, what it has written to {dump.target} looks like a whole dump"
        yield Finding(message, hook.script, Severity.MEDIUM, Cure(WHOLE, grade="none"))
    if dump.target and not dump.encrypted:
        message = f"the dump {dump.target} is not encrypted"
        yield Finding(message, hook.script, Severity.MEDIUM, Cure("pipe it through gpg or age", grade="none"))


# where the command runs


def _places(hook: Hook, group: HookGroup, holder: HookHolder, platform: Platform) -> Iterator[Item]:
    for workload in selected(group, holder.spec or group, platform) or ():
        yield from _place(hook, workload, holder, platform)


def _place(hook: Hook, workload: Workload, holder: HookHolder, platform: Platform) -> Iterator[Item]:
    candidates = workload.containers(MAIN, SIDECAR)
    name = hook.container
    container = next((each for each in candidates if each.name == name or not name), None)
    if container is None:
        if candidates and name not in INJECTED:
            message = f"{workload.resource.address} has no container {name!r}: the hook fails there"
            yield Finding(message, hook.key("container"), Severity.MEDIUM)
        return
    dump = find_dump(hook.command)
    if dump is not None and dump.target:
        problem = _unsaved(_directory(dump.target), container, holder, platform)
        if problem:
            message = f"the dump {dump.target} of {workload.resource.address} is not in the backup: {problem}"
            advice = "write to a persistent volume of the pod that the backup includes"
            yield Finding(message, hook.script, Severity.MEDIUM, Cure(advice, grade="none"))


def _directory(target: str) -> str:
    """The target as far as no variable comes in."""
    certain = target.partition("$")[0].partition("`")[0]
    if not certain.startswith("/") or (certain == "/" and certain != target):
        raise Undecided(f"the directory of the dump {target} is not known")
    return certain


def _unsaved(target: str, container: Container, holder: HookHolder, platform: Platform) -> str:
    """Why a backup does not have a file of a container; empty where it has it, or that is not known."""
    mounts = [mount for mount in sequence(container.raw, "volumeMounts") if isinstance(mount, dict)]
    within = [mount for mount in mounts if _holds(dig(mount, "mountPath"), target)]
    if not within:
        return f"no volume is mounted there in container {container.name!r}"
    workload = container.workload
    name = dig(max(within, key=lambda mount: len(str(mount["mountPath"]))), "name")
    volume = next((each for each in sequence(workload.pod, "volumes") if dig(each, "name") == name), None)
    kinds = set(volume or {"persistentVolumeClaim": None})
    if kinds & UNSAVED:
        return f"Velero does not save volume {name!r} ({min(kinds & UNSAVED)})"
    copied, snapshots = _saved(workload, str(name), holder, platform)
    if copied or (snapshots and kinds & CLAIMED):
        return ""
    return f"volume {name!r} is neither snapshotted nor copied as files"


def _holds(mount: object, target: str) -> bool:
    return isinstance(mount, str) and (target == mount or f"{target}/".startswith(f"{mount.rstrip('/')}/"))


def _saved(workload: Workload, volume: str, holder: HookHolder, platform: Platform) -> tuple[bool, bool]:
    """Whether backups copy the files of a volume, and whether they take snapshots."""
    velero = platform.derived(Velero)
    seen = Volume(volume, "", {}, {}, workload.annotations)
    specs = [(holder.spec, holder.namespace)] if holder.spec is not None else []
    if holder.spec is None:
        schedules = [(schedule.template, schedule.namespace) for schedule in velero.schedules]
        specs = [each for each in schedules if each[0].includes_namespace(workload.namespace)]
    if not specs:
        return file_copied(seen, False), True
    copied = any(file_copied(seen, velero.copies_files(*each)) for each in specs)
    return copied, any(dig(spec.raw, "snapshotVolumes") is not False for spec, _ in specs)


# cures


def _moved(group: HookGroup) -> tuple[tuple[Path, Any], ...]:
    """All dumps of a group in `pre`, the rest where it is."""
    late: list[Any] = []
    rest: list[Any] = []
    for item in sequence(group.raw, POST):
        command = [word for word in sequence(item, "exec", "command") if isinstance(word, str)]
        (late if find_dump(command) else rest).append(item)
    pre = (group.path / PRE, [*sequence(group.raw, PRE), *late])
    return pre, (group.path / POST, rest or REMOVE)


def _moved_annotations(hook: Hook) -> tuple[tuple[Path, Any], ...]:
    if hook.prefix != "post." or any(str(key).startswith(("pre.hook.", "hook.")) for key in hook.raw):
        return ()
    old = {key: value for key, value in hook.raw.items() if str(key).startswith("post.hook.backup.")}
    added = [(hook.path / key.replace("post.", "pre.", 1), value) for key, value in old.items()]
    return (*added, *((hook.path / key, REMOVE) for key in old))
