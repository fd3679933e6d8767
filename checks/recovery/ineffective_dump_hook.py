"""A database dump is made too late, in no pod, or where no backup looks.

What it checks: The commands that Velero runs in pods (hooks of a Schedule or Backup, annotations of pods).
A command that dumps data (pg_dump, mysqldump, mongodump, redis-cli save, etcdctl snapshot, tar) belongs
before the backup, in `pre`; its errors are not passed over; its timeout is stated, for the default of 30
seconds is short; its container is in the pods; its file goes to a volume that the backup includes, under a
name that a half-written file does not get (pipefail, or mv at the end), and encrypted. The pods that the
hook selects are declared.

Why it matters: Velero runs `post` hooks when the volumes of the pod have been saved: today's dump is in
tomorrow's backup. A hook that meets no pod never runs, and the backup still says Completed.

How to fix: Move the command to `pre`, write to a temporary name on the volume and rename it when pg_dump has
succeeded, pipe it through gpg or age, set timeout and onError: Fail.

When it is fine: `post` is right for what undoes a `pre` hook, such as fsfreeze --unfreeze.
"""

from collections.abc import Iterator
from typing import Any

from conformant.leaf import Item, aspects, check
from conformant.model import REMOVE, Cure, Finding, NotApplicable, Path, Severity, dig, sequence
from conformant.platform import Platform
from conformant.velero import Velero, file_copied, selected
from conformant.stores import Volume
from conformant.views.dumps import Dump, find_dump
from conformant.views.quantity import parse_duration
from conformant.views.velero import PODS, POST, PRE, BackupSpec, Hook, HookGroup, HookHolder, annotated_hooks
from conformant.views.workload import Container, Workload

MAIN, SIDECAR = "main", "sidecar"
INJECTED = frozenset({"istio-proxy", "linkerd-proxy"})
UNSAVED = ("hostPath", "secret", "configMap", "projected", "downwardAPI")
TEMPORARY = "write to a temporary name and mv it when the dump has succeeded, with set -o pipefail"


@check(
    id="DR-002",
    severity=Severity.HIGH,
    requirement="backup-hook",
    controls=["nist-800-53r5/CP-9", "iso-27001-2022/A.8.13", "soc2/A1.2"],
)
def ineffective_dump_hook(holder: HookHolder, platform: Platform) -> Iterator[Item]:
    spec = holder.spec
    if spec is None:
        workload = platform.view(holder.resource, Workload)
        hooks = list(annotated_hooks(workload))
        parts = [part for hook in hooks for part in _aspects(hook, [workload], None, platform)]
    else:
        parts = [part for group in spec.hook_groups for part in _group(group, spec, platform)]
    if parts:
        yield from aspects(parts)
    else:
        yield NotApplicable("no hooks")
