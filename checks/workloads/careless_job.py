"""A Job may run for ever, run twice at a time, or leave too little or too much behind.

What it checks: Jobs and CronJobs have an activeDeadlineSeconds and a backoffLimit of 6 at most. A Job that no
CronJob, Helm hook or Argo CD hook cleans up has ttlSecondsAfterFinished. A CronJob forbids or replaces a run
beside another, the more so where it copies data or mounts claims; has a startingDeadlineSeconds of 10 or more;
and keeps some history. Proxies and agents are restartable init containers, and so is Istio's sidecar: in
`containers` they keep the Job from ending.

Why it matters: A Job that hangs blocks the next, or piles up beside it; two backups into one place spoil each
other; without any history nobody learns that it failed.

How to fix: activeDeadlineSeconds, concurrencyPolicy: Forbid, startingDeadlineSeconds, a time to live.

When it is fine: Jobs that are made to run side by side: waive those.
"""

from collections.abc import Iterator

from conformant.domain.dump_jobs import DumpJob
from conformant.domain.mesh import INJECT, injected, native_sidecar
from conformant.leaf import Item, aspects, check
from conformant.model import Cure, Finding, Path, Severity, Undecided, dig, mapping, sequence
from conformant.platform import Platform
from conformant.views.workload import MAIN, Workload

MOST_RETRIES = 6
LEAST_DEADLINE = 10
HOOKS = (
    "helm.sh/hook", "helm.sh/hook-delete-policy", "argocd.argoproj.io/hook", "argocd.argoproj.io/hook-delete-policy",
)  # fmt: skip
PROXIES = frozenset({
    "istio-proxy", "proxyv2", "linkerd-proxy", "linkerd2-proxy", "envoy", "cloud-sql-proxy", "cloudsql-proxy",
    "gce-proxy", "vault-agent", "consul-dataplane", "daprd", "oauth2-proxy", "pgbouncer", "fluent-bit", "fluentd",
    "filebeat", "promtail", "vector", "otel-collector", "opentelemetry-collector", "opentelemetry-collector-contrib",
})  # fmt: skip
HISTORY = ("successfulJobsHistoryLimit", "failedJobsHistoryLimit")


@check(
    id="WRK-021",
    severity=Severity.MEDIUM,
    requirement="job-hygiene",
    controls=["nist-800-53r5/SC-5", "iso-27001-2022/A.8.6"],
    kinds=["Job", "CronJob"],
)
def careless_job(workload: Workload, platform: Platform) -> Iterator[Item]:
    yield from aspects([_endless(workload), _retries(workload), _proxies(workload), _sidecar(workload, platform)])
    if workload.kind == "CronJob":
        yield from aspects([_concurrency(workload), _start(workload), _history(workload)])
    else:
        yield from aspects([_remains(workload)])


def _job(workload: Workload) -> Path:
    """The path of the Job's own spec."""
    return Path(("spec", "jobTemplate", "spec") if workload.kind == "CronJob" else ("spec",))


def _endless(workload: Workload) -> Iterator[Finding]:
    path = _job(workload) / "activeDeadlineSeconds"
    if workload.get(*path) is None and dig(workload.pod, "activeDeadlineSeconds") is None:
        cure = Cure("activeDeadlineSeconds, well above the usual time", grade="none")
        yield Finding("nothing ends it when it hangs", path, Severity.LOW, cure)


def _retries(workload: Workload) -> Iterator[Finding]:
    path = _job(workload) / "backoffLimit"
    limit = workload.whole(*path)
    if limit is not None and limit > MOST_RETRIES:
        cure = Cure(f"backoffLimit: {MOST_RETRIES} or less", ((path, MOST_RETRIES),))
        yield Finding(f"it is tried again {limit} times before anybody learns that it fails", path, cure=cure)


def _proxies(workload: Workload) -> Iterator[Finding]:
    containers = workload.containers(MAIN)
    for container in containers if len(containers) > 1 else ():
        if container.name in PROXIES or container.image.base in PROXIES:
            message = f"container {container.name!r} never ends by itself, and so the Job does not"
            cure = Cure("make it an initContainer with restartPolicy: Always", grade="none")
            yield Finding(message, container.path, cure=cure)


def _sidecar(workload: Workload, platform: Platform) -> Iterator[Item]:
    if not platform.has_mesh or not injected(workload, platform).sidecar:
        return
    native = native_sidecar(workload, platform)
    if native is None and not _quits(workload):
        yield Undecided(
            "whether Istio's sidecar ends with the Job depends on its version, which the profile does not say"
        )
    elif native is False and not _quits(workload):
        path: Path = workload.template_path / "metadata"
        cure = Cure(f'{INJECT}: "false", native sidecars, or a call of /quitquitquit at the end', grade="none")
        yield Finding("Istio's sidecar never ends, and so the Job does not", path, cure=cure)


def _quits(workload: Workload) -> bool:
    """Whether the program ends the sidecar itself."""
    return any(
        isinstance(word, str) and "quitquitquit" in word
        for container in workload.containers(MAIN)
        for key in ("command", "args")
        for word in sequence(container.raw.get(key))
    )


def _concurrency(workload: Workload) -> Iterator[Finding]:
    path = Path(("spec", "concurrencyPolicy"))
    if workload.get(*path) not in (None, "Allow"):
        return
    job = DumpJob(workload)
    claims = any(dig(volume, "persistentVolumeClaim") for volume in sequence(workload.pod.get("volumes")))
    severity = None if claims or job.engines or job.archives else Severity.LOW
    cure = Cure("concurrencyPolicy: Forbid", ((path, "Forbid"),))
    yield Finding("a run may start beside one that has not ended", path, severity, cure)


def _start(workload: Workload) -> Iterator[Finding]:
    path = Path(("spec", "startingDeadlineSeconds"))
    deadline = workload.whole(*path)
    if deadline is None:
        cure = Cure("startingDeadlineSeconds, shorter than the time between two runs", grade="none")
        yield Finding("no startingDeadlineSeconds: after 100 missed runs it never runs again", path, Severity.LOW, cure)
    elif deadline < LEAST_DEADLINE:
        cure = Cure("10 seconds or more", ((path, 60),))
        yield Finding(
            f"it may miss its start: it is looked at every 10 s, and may be {deadline} s late", path, cure=cure
        )


def _history(workload: Workload) -> Iterator[Finding]:
    if all(workload.get("spec", name) == 0 for name in HISTORY):
        path = Path(("spec", HISTORY[1]))
        yield Finding("no run leaves a trace, not even one that failed", path, cure=Cure("keep some", ((path, 3),)))


def _remains(workload: Workload) -> Iterator[Finding]:
    path = Path(("spec", "ttlSecondsAfterFinished"))
    metadata = mapping(workload.raw, "metadata")
    annotations = mapping(metadata, "annotations")
    owned = any(dig(owner, "kind") == "CronJob" for owner in sequence(metadata, "ownerReferences"))
    if workload.get(*path) is None and not owned and not any(hook in annotations for hook in HOOKS):
        cure = Cure("ttlSecondsAfterFinished: 86400", ((path, 86400),))
        yield Finding("nothing removes the Job after its end", path, Severity.LOW, cure)
