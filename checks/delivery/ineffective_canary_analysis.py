"""A canary release is promoted without being put to the test.

What it checks: A Flagger Canary has an analysis that is not skipped, looks at success rate (at least 95 per
cent) and latency (an upper limit) or at metrics of its own templates, over windows of four scrapes or more,
no more often than metrics are scraped; gives up after ten failed checks at most; shifts traffic in one way,
iterations, stepWeight or ascending stepWeights, that its provider knows; has a source of traffic; tells
somebody; and has the autoscaler of its target, where there is one. A Canary that is suspended, or that
leaves its target at zero replicas when it is deleted, is pointed out.

Webhooks without a type are rollout hooks. Flagger's load tester answers at once and works on in the
background, so a short timeout beside a long `hey -z` is right.

Why it matters: A check without traffic, without limits or without a reader promotes a broken release as
quietly as a good one.

How to fix: request-success-rate with thresholdRange.min 99 and request-duration with thresholdRange.max,
interval 1m; a rollout webhook that makes requests; alerts with a provider.

When it is fine: Real traffic may stand in for the load test: list the Canary in `real_traffic`.
"""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from itertools import pairwise

from msgspec import Struct

from conformant.domain.stores import known, known_containers, known_list
from conformant.leaf import Item, aspects, check
from conformant.model import Cure, Finding, Path, Resource, Severity, Undecided, dig, mapping, sequence
from conformant.platform import Platform
from conformant.views.config import PrometheusRules
from conformant.views.flagger import DURATION, SUCCESS_RATE, Canary, Metric
from conformant.views.quantity import parse_duration
from conformant.views.workload import Container


class Analysis(Struct, frozen=True, forbid_unknown_fields=True):
    """`scrape_interval` is how often Prometheus scrapes (a Go duration), `success` the least rate of
    successful requests in per cent, `failures` the most failed checks before a rollback.
    `real_traffic` are patterns of ``namespace/name`` of Canaries with enough traffic of their own."""

    scrape_interval: str = "15s"
    success: float = 95
    failures: int = 10
    real_traffic: tuple[str, ...] = ()


WEAK_FAILURES = 20
ANALYSIS = Path(("spec", "analysis"))
METRICS = ANALYSIS / "metrics"
SKIP, SUSPEND, REVERT, SCALER = (
    Path(("spec", key)) for key in ("skipAnalysis", "suspend", "revertOnDeletion", "autoscalerRef")
)
MODES = ("iterations", "stepWeight", "stepWeights")
BOUNDS = {SUCCESS_RATE: ("min", 99), DURATION: ("max", 500)}
SCALERS = ("autoscaling/HorizontalPodAutoscaler", "keda.sh/ScaledObject")
CHANNELS = ("slack-url", "msteams-url", "event-webhook")
CHANNEL_NAMES = frozenset({"SLACK_URL", "MSTEAMS_URL", "EVENT_WEBHOOK_URL"})


@check(
    id="DEL-004",
    severity=Severity.HIGH,
    controls=[
        "nist-800-53r5/CM-3", "nist-800-53r5/CM-4", "nist-800-53r5/SI-2", "iso-27001-2022/A.8.32", "soc2/CC8.1",
    ],
)  # fmt: skip
def ineffective_canary_analysis(canary: Canary, platform: Platform, settings: Analysis = Analysis()) -> Iterator[Item]:
    parts = [_switches(canary), _autoscaler(canary, platform)]
    if canary.analysis:
        parts += [
            _pace(canary, settings),
            _modes(canary, platform),
            _metrics(canary, platform, settings),
            *(_windows(metric, canary, platform, settings) for metric in canary.metrics),
            _traffic(canary, settings),
            _alerts(canary, platform),
        ]
    else:
        old = canary.get("spec", "canaryAnalysis") is not None
        message = "canaryAnalysis is not read any more: there is no analysis" if old else "there is no analysis"
        parts.append(iter([Finding(message, Path(("spec", "canaryAnalysis")) if old else ANALYSIS)]))
    yield from aspects(parts)


def _switches(canary: Canary) -> Iterator[Item]:
    if canary.get(*SKIP) is True:
        message = "releases are promoted without analysis"
        yield Finding(message, SKIP, cure=Cure("skipAnalysis: false", ((SKIP, False),)))
    if canary.get(*SUSPEND) is True:
        message = "the Canary is suspended: new versions are not released"
        yield Finding(message, SUSPEND, Severity.MEDIUM, Cure("suspend: false", ((SUSPEND, False),)))
    if canary.get(*REVERT) is not True:
        message = "deleting the Canary removes the primary and leaves the target at zero replicas"
        yield Finding(message, REVERT, Severity.INFO, Cure("revertOnDeletion: true", ((REVERT, True),)))


def _autoscaler(canary: Canary, platform: Platform) -> Iterator[Item]:
    if canary.get(*SCALER):
        return
    kind, name = canary.target
    for key in SCALERS:
        for scaler in platform.kind(key):
            target = mapping(scaler.raw, "spec", "scaleTargetRef")
            same = (dig(target, "kind") or "Deployment", dig(target, "name")) == (kind, name)
            if same and scaler.namespace == canary.namespace:
                reference = {"apiVersion": scaler.api_version, "kind": scaler.kind, "name": scaler.name}
                message = f"{scaler.kind} {scaler.name} scales the target, and the primary gets no autoscaler"
                yield Finding(message, SCALER, cure=Cure("name it in autoscalerRef", ((SCALER, reference),)))


def _pace(canary: Canary, settings: Analysis) -> Iterator[Item]:
    threshold, most = canary.count("threshold"), settings.failures
    if threshold > most:
        level = Severity.LOW if threshold <= max(WEAK_FAILURES, most) else Severity.MEDIUM
        path = ANALYSIS / "threshold"
        message = f"a bad release is rolled back after {threshold} failed checks only"
        yield Finding(message, path, level, Cure(f"threshold: {most} or less", ((path, most),)))
    if canary.interval < _scrape(settings):
        path = ANALYSIS / "interval"
        message = f"checked every {canary.interval:g} s, while metrics are scraped every {settings.scrape_interval}"
        yield Finding(message, path, cure=Cure("interval: 1m", ((path, "1m"),)))


def _scrape(settings: Analysis) -> float:
    return parse_duration(settings.scrape_interval) or 0.0


def _modes(canary: Canary, platform: Platform) -> Iterator[Item]:
    """Traffic is shifted in one way, which leads somewhere."""
    weights = [weight for weight in sequence(canary.analysis, "stepWeights") if isinstance(weight, int)]
    chosen = [mode for mode in MODES if (weights if mode == "stepWeights" else canary.count(mode))]
    if not chosen:
        yield Finding("neither iterations nor stepWeight nor stepWeights: no traffic is ever shifted", ANALYSIS)
    if len(chosen) > 1:
        message = f"{' and '.join(chosen)} exclude each other"
        yield Finding(message, ANALYSIS / chosen[1], cure=Cure("keep one of them", grade="none"))
    most = canary.count("maxWeight") or 100
    if "stepWeight" in chosen and most > 100:
        yield Finding(f"a maxWeight of {most} per cent is never reached", ANALYSIS / "maxWeight")
    elif "stepWeight" in chosen and canary.count("stepWeight") > most:
        message = f"the first step, {canary.count('stepWeight')} per cent, is beyond the last one, {most}"
        yield Finding(message, ANALYSIS / "stepWeight")
    if any(later <= earlier for earlier, later in pairwise(weights)) or any(weight > 100 for weight in weights):
        yield Finding("stepWeights must ascend, to 100 at most", ANALYSIS / "stepWeights")
    if _provider(canary, platform) == "kubernetes":
        unknown = [mode for mode in chosen if mode != "iterations"] + ["match"] * bool(canary.analysis.get("match"))
        for key in unknown:
            message = f"provider kubernetes shifts no traffic: it knows iterations only, not {key}"
            yield Finding(message, ANALYSIS / key, cure=Cure("iterations, or a mesh or ingress provider", grade="none"))


# metrics


def _metrics(canary: Canary, platform: Platform, settings: Analysis) -> Iterator[Item]:
    metrics = canary.metrics
    own = [metric for metric in metrics if not metric.is_builtin and metric.is_bounded and metric.is_asked]
    missing = []
    for name, (side, example) in BOUNDS.items():
        found = [metric for metric in metrics if metric.name == name]
        if not found:
            missing.append(name)
        for metric in found:
            limit = metric.limit(side) if metric.old_threshold is None else metric.old_threshold
            path = metric.path / "thresholdRange" / side
            cure = Cure(f"thresholdRange.{side}: {example}", ((path, example),))
            if limit is None:
                yield Finding(f"{name} has no {side}: it accepts any value", path, cure=cure)
            elif name == SUCCESS_RATE and limit < settings.success:
                path = metric.path / "threshold" if metric.old_threshold is not None else path
                yield Finding(f"a release passes with {limit:g} per cent of successful requests", path, cure=cure)
    if len(missing) < len(BOUNDS) and _provider(canary, platform) == "kubernetes":
        yield Undecided(
            "whether the application exports http_request_duration_seconds, which provider kubernetes reads"
        )
    level = Severity.MEDIUM if own else None
    for name in missing[len(own) :]:
        yield Finding(f"no metric looks at {name}, nor one of a template in its place", METRICS, level)
    if missing:
        yield from (Undecided(doubt) for metric in own for doubt in [_doubt(metric, canary, platform)] if doubt)


def _doubt(metric: Metric, canary: Canary, platform: Platform) -> str:
    template = metric.template
    if template is None or _template(metric, canary, platform) is not None:
        return ""
    return f"MetricTemplate {template[1]!r} of metric {metric.name!r} is not declared here"


def _template(metric: Metric, canary: Canary, platform: Platform) -> Resource | None:
    if metric.template is None:
        return None
    namespace, name = metric.template
    return platform.find("flagger.app/MetricTemplate", namespace or canary.namespace, name)


def _windows(metric: Metric, canary: Canary, platform: Platform, settings: Analysis) -> Iterator[Item]:
    """How a metric is asked for."""
    if not metric.is_asked:
        message = f"metric {metric.name!r} is not built in, and has no template: every check fails"
        yield Finding(message, metric.path / "templateRef", cure=Cure("templateRef, or remove it", grade="none"))
    for key, instead in (("threshold", "thresholdRange"), ("query", "templateRef")):
        if dig(metric.raw, key) is not None:
            message = f"{key} of metric {metric.name!r} is deprecated: {instead} takes its place"
            yield Finding(message, metric.path / key, Severity.LOW, Cure(instead, grade="none"))
    scrape = _scrape(settings)
    if metric.window < 4 * scrape and _is_scraped(metric, canary, platform):
        path = metric.path / "interval"
        message = f"a window of {metric.window:g} s has few samples of metrics that are scraped every {scrape:g} s"
        yield Finding(message, path, Severity.LOW, Cure("interval: 1m", ((path, "1m"),)))


def _is_scraped(metric: Metric, canary: Canary, platform: Platform) -> bool:
    if metric.is_builtin or metric.template is None:
        return True
    template = _template(metric, canary, platform)
    return template is not None and dig(template.raw, "spec", "provider", "type") == "prometheus"


# traffic and alerts


def _traffic(canary: Canary, settings: Analysis) -> Iterator[Item]:
    if any(not dig(hook, "type") or dig(hook, "type") == "rollout" for hook in canary.webhooks):
        return
    if any(fnmatchcase(f"{canary.namespace}/{canary.name}", pattern) for pattern in settings.real_traffic):
        return
    analysis = canary.analysis
    live = not canary.count("iterations") or bool(dig(analysis, "match")) or dig(analysis, "mirror") is True
    message = "no rollout webhook makes traffic: without requests there is nothing to measure"
    advice = "a rollout webhook to the load tester"
    yield Finding(message, ANALYSIS / "webhooks", Severity.MEDIUM if live else None, Cure(advice, grade="none"))


def _alerts(canary: Canary, platform: Platform) -> Iterator[Item]:
    if sequence(canary.analysis, "alerts") or any(dig(hook, "type") == "event" for hook in canary.webhooks):
        return
    if not platform.derived(_alerts_globally):
        advice = "alerts with an AlertProvider, or a channel of Flagger's own"
        message = "nobody is told when a release is rolled back"
        yield Finding(message, ANALYSIS / "alerts", Severity.MEDIUM, Cure(advice, grade="none"))


def _alerts_globally(platform: Platform) -> bool:
    """Whether Flagger itself tells somebody, or an alert watches its metrics."""
    for server in platform.derived(_servers):
        if any(_option(server, channel) for channel in CHANNELS):
            return True
        if any(str(known(entry, "name")) in CHANNEL_NAMES for entry in known_list(server.raw, "env")):
            return True
    rules = (rule for file in platform.of(PrometheusRules) for _, rule in file.alerts())
    return any("flagger_canary_status" in str(rule.get("expr")) for rule in rules)


def _provider(canary: Canary, platform: Platform) -> str:
    """The mesh or ingress controller: the Canary's, else Flagger's; empty where neither is known."""
    stated = canary.get("spec", "provider")
    servers = platform.derived(_servers)
    return str(stated or next((value for each in servers for value in [_option(each, "mesh-provider")] if value), ""))


def _servers(platform: Platform) -> list[Container]:
    """The containers that run Flagger."""
    return [
        container
        for workload in platform.workloads
        for container in known_containers(workload)
        if str(known(container.raw, "image")).partition(":")[0].endswith("/flagger")
    ]


def _option(server: Container, name: str) -> str:
    """The value of a command line option; empty where it is absent."""
    for word in known_list(server.raw, "args"):
        if isinstance(word, str) and word.lstrip("-").startswith(f"{name}="):
            return word.partition("=")[2]
    return ""
