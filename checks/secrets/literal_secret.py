"""A credential stands in the open.

What it checks: No environment variable, argument, command, annotation, ConfigMap, custom resource or
Terraform block holds a credential as plain text. A text counts as one when its name says so (a password,
token, secret, credential, API, access, private or signing key) and its value is neither empty nor a
reference, path, number or switch; and wherever it stands when it has the form of one: a private key, an
AWS, GitHub or Slack key, a signed JWT, a webhook address with its key. Configs inside ConfigMaps are read
line by line and key by key. A value that is only a placeholder is reported one step lower. Secrets are
judged by plaintext-secret, passwords in URLs by credentials-in-url.

Why it matters: Everybody who can read the repository, the cluster's objects, a crash report or the state
file has the credential too, and it stays in the history of all of them.

How to fix: Treat the value as known to others and replace it. Keep the new one in the secret store, bring
it into the cluster with an ExternalSecret and refer to it: valueFrom.secretKeyRef, a mounted file, a
reference to a Secret in the custom resource; in Terraform a managed password, an ephemeral value or a data
source.

When it is fine: Throw-away credentials of a test that nothing else accepts. Waive them by name.
"""

from collections.abc import Iterable, Iterator
from json import loads
from typing import Any

from conformant.leaf import Item, aspects, check
from conformant.model import REMOVE, Cure, Finding, Path, Severity, Undecided, Unknown, mapping, sequence
from conformant.platform import Platform
from conformant.secret_names import (
    OBJECT_NAME,
    Hint,
    Shape,
    assignments_in,
    is_password_name,
    is_secret_name,
    may_name_an_object,
    settings_in,
    shape,
    token_in,
)
from conformant.views.literals import Anything, texts
from conformant.views.secrets import decoded, named_texts
from conformant.views.workload import Container, Workload

ADVICE = "replace the credential, keep it in the secret store and refer to it"
MOVE = Cure(ADVICE, grade="none")
BUILT_IN = frozenset({
    "", "apps", "batch", "autoscaling", "policy", "extensions", "networking.k8s.io", "rbac.authorization.k8s.io",
    "storage.k8s.io", "apiextensions.k8s.io", "admissionregistration.k8s.io", "apiregistration.k8s.io",
    "certificates.k8s.io", "coordination.k8s.io", "discovery.k8s.io", "events.k8s.io", "node.k8s.io",
    "flowcontrol.apiserver.k8s.io", "scheduling.k8s.io", "resource.k8s.io", "snapshot.storage.k8s.io",
})  # fmt: skip
ELSEWHERE = frozenset({"Secret", "SealedSecret", "Config", "EnvFile", "KeyFile"})
UNJUDGED_BLOCKS = frozenset({"variable", "output", "root", "terraform"})
PAGING_KEYS = frozenset({"service_key", "routing_key", "user_key", "serviceKey", "routingKey", "userKey"})
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
OBJECT_ANNOTATIONS = ("vault.hashicorp.com/", "reloader.stakater.com/", "checksum/", "sidecar.istio.io/")


@check(
    id="SEC-012",
    severity=Severity.CRITICAL,
    requirement="secret-literal",
    aliases=["WRK-020", "AUTH-008", "OBS-003"],
    controls=[
        "nist-800-53r5/IA-5", "nist-800-53r5/IA-5(7)", "nist-800-53r5/SC-28", "cis-k8s-1.12/5.4.1",
        "cis-k8s-1.12/5.4.2", "nsa-hardening-1.2/secrets", "soc2/CC6.1", "iso-27001-2022/A.5.17",
        "iso-27001-2022/A.8.24", "pci-dss-4.0/8.6.2",
    ],
)  # fmt: skip
def literal_secret(thing: Anything, platform: Platform) -> Iterator[Item]:
    resource = thing.resource
    if resource.kind in ELSEWHERE and resource.group in ("", "bitnami.com"):
        return
    if resource.family == "terraform":
        yield from aspects([_block(thing)])
    elif resource.family == "config":
        yield from _embedded(thing)
    else:
        yield from _object(thing, platform)


# findings


def _found(path: Iterable[Any], what: str, kind: Shape, cure: Cure = MOVE) -> Iterator[Finding]:
    if kind is Shape.LITERAL:
        yield Finding(f"{what} as plain text", Path(path), cure=cure)
    elif kind is Shape.PLACEHOLDER:
        yield Finding(f"{what}: a placeholder now, a plain text once it is filled in", Path(path), Severity.HIGH, cure)


def _text(path: tuple[Any, ...], label: str, text: str, *, command: bool = False, config: bool = False) -> Iterator[Finding]:
    """What a text without a secret name holds: a token, or assignments."""
    token = token_in(text)
    if token is not None:
        yield from _found(path, f"{label} holds {token[0]}", token[1])
        return
    seen: set[str] = set()
    if config or "=" in text or command:
        for name, value in settings_in(text) if config else assignments_in(text):
            if name not in seen:
                seen.add(name)
                yield from _found((*path, name) if config else path, f"{label} sets {name}", _command_shape(name, value))


def _command_shape(name: str, value: str) -> Shape:
    if may_name_an_object(name) and OBJECT_NAME.fullmatch(value):
        return Shape.HARMLESS
    return shape(name, value)


# Kubernetes objects


def _object(thing: Anything, platform: Platform) -> Iterator[Item]:
    resource = thing.resource
    raw = thing.raw
    reported: set[Path] = set()

    def once(items: Iterable[Item]) -> Iterator[Item]:
        for item in items:
            if isinstance(item, Finding):
                if item.path in reported:
                    continue
                reported.add(item.path)
            yield item

    metadata = raw.get("metadata")
    if metadata.__class__ is dict and metadata.get("annotations"):
        yield from once(_annotations(metadata["annotations"], ("metadata", "annotations")))
    if resource.kind == "ConfigMap" and resource.group == "":
        yield from once(_config_map(thing, platform))
    elif f"{resource.group}/{resource.kind}" in _WORKLOADS:
        yield from once(_workload(platform.view(resource, Workload)))
    elif resource.group not in BUILT_IN:
        yield from once(_custom(thing))
    if thing.may_hold(Hint):  # type: ignore[arg-type]
        yield from once(_tokens(thing, platform))


_WORKLOADS = Workload.kinds or frozenset()


def _tokens(thing: Anything, platform: Platform) -> Iterator[Finding]:
    """Credentials that are recognised by their form, anywhere."""
    for path, text in texts(thing.raw, ()):
        if path[:3] == ("metadata", "annotations", LAST_APPLIED) or _is_child(thing, platform, path):
            continue
        token = token_in(text)
        if token is not None:
            yield from _found(path, f"{_label(path)} holds {token[0]}", token[1])


def _label(path: tuple[Any, ...]) -> str:
    return next((str(step) for step in reversed(path) if isinstance(step, str)), "the value")


def _annotations(annotations: Any, way: tuple[Any, ...]) -> Iterator[Finding]:
    for key, value in mapping(annotations).items():
        if value.__class__ is not str or key.__class__ is not str or key == LAST_APPLIED:
            continue
        name = key.rpartition("/")[2]
        if is_secret_name(name) and not key.startswith(OBJECT_ANNOTATIONS) and not key.endswith("/reload"):
            if not (OBJECT_NAME.fullmatch(value) and may_name_an_object(name)):
                yield from _found((*way, key), f"annotation {key} holds a credential", shape(name, value))


def _config_map(thing: Anything, platform: Platform) -> Iterator[Item]:
    for section in ("data", "binaryData"):
        entries = thing.raw.get(section)
        if entries.__class__ is not dict:
            continue
        for key, value in entries.items():
            path = (section, key)
            if value.__class__ is Unknown:
                if is_secret_name(str(key)):
                    yield Undecided(value.reason)
                continue
            if value.__class__ is int and is_password_name(str(key)):
                value = str(value)
            text = decoded(value) if section == "binaryData" and isinstance(value, str) else value
            if text.__class__ is not str or _is_child(thing, platform, path):
                continue
            found = shape(str(key), text) if is_secret_name(str(key)) else Shape.HARMLESS
            if found is not Shape.HARMLESS and token_in(text) is None:
                yield from _found(path, f"key {key} holds a credential", found)
            elif "=" in text or "\n" in text or section == "binaryData":
                yield from _text(path, f"key {key}", text)


def _is_child(thing: Anything, platform: Platform, path: tuple[Any, ...]) -> bool:
    """Whether a key of a ConfigMap is a resource of its own, judged there."""
    if thing.resource.kind != "ConfigMap" or len(path) != 2:
        return False
    return path[1] in platform.derived(_children).get(id(thing.resource), ())


def _children(platform: Platform) -> dict[int, set[str]]:
    found: dict[int, set[str]] = {}
    for resource in platform.resources:
        if resource.parent is not None:
            found.setdefault(id(resource.parent), set()).add(resource.name)
    return found


def _workload(workload: Workload) -> Iterator[Item]:
    template = workload.template.get("metadata")
    if workload.template_path and template.__class__ is dict and template.get("annotations"):
        way = (*workload.template_path, "metadata", "annotations")
        yield from _annotations(template["annotations"], way)
    yield from aspects(_container(container) for container in workload.all_containers)


def _container(container: Container) -> Iterator[Item]:
    raw = container.raw
    entries = raw.get("env")
    if entries.__class__ is list:
        for index, entry in enumerate(entries):
            if entry.__class__ is dict and "value" in entry:
                yield from _variable(container, index, entry["value"], str(entry.get("name")))
    elif entries is not None:
        sequence(entries)
    for section in ("command", "args"):
        if section in raw:
            yield from _command(sequence(raw, section), (*container.path, section), f"container {container.name!r}: ")


def _variable(container: Container, index: int, value: Any, name: str) -> Iterator[Item]:
    if value.__class__ is Unknown:
        if is_secret_name(name):
            yield Undecided(value.reason)
        return
    if value.__class__ is int and is_password_name(name):
        value = str(value)
    if value.__class__ is not str or not value:
        return
    path = container.path / "env" / index / "value"
    if is_secret_name(name):
        if token_in(value) is None:
            what = f"container {container.name!r}: variable {name} holds a credential"
            yield from _found(path, what, shape(name, value), _from_secret(container, index, name))
            return
    elif len(value) < 16 or ("=" not in value and "\n" not in value):
        return
    yield from _text(path, f"container {container.name!r}: variable {name}", value)


def _from_secret(container: Container, index: int, name: str) -> Cure:
    entry = container.path / "env" / index
    key = name.lower().replace("_", "-")
    reference = {"secretKeyRef": {"name": container.workload.name, "key": key}}
    return Cure(ADVICE, ((entry / "value", REMOVE), (entry / "valueFrom", reference)))


def _command(words: list[Any], way: tuple[Any, ...], label: str) -> Iterator[Finding]:
    """The words of a command line: one after the other, and as a flag and its value."""
    for index, word in enumerate(words):
        if word.__class__ is not str:
            continue
        flag = words[index - 1] if index else None
        if flag.__class__ is str and flag.startswith("-") and "=" not in flag and " " not in flag:
            name = flag.lstrip("-")
            if is_secret_name(name) and not word.startswith("-"):
                yield from _found((*way, index), f"{label}{flag} gives a credential", _command_shape(name, word))
                continue
        if "=" in word or " " in word or len(word) > 19:
            yield from _text((*way, index), f"{label}a word of the command line", word, command=True)


# custom resources and configs


def _custom(thing: Anything) -> Iterator[Item]:
    group = thing.resource.group
    strict = group in ("configuration.konghq.com", "apiserver.config.k8s.io")
    skipped = ("metadata", "status", "apiVersion", "kind")
    for key, value in thing.raw.items():
        if key not in skipped:
            yield from _walk(value, (key,), str(key), objects=not strict, group=group)


def _walk(value: Any, way: tuple[Any, ...], name: str, *, objects: bool, group: str = "") -> Iterator[Finding]:
    for path, known, text, listed in named_texts(value, way, name):
        if is_secret_name(known):
            if (known == "secretKey" and group == "external-secrets.io") or path[:2] == _COLLECTOR:
                continue
            if (listed or (objects and may_name_an_object(known))) and OBJECT_NAME.fullmatch(text):
                continue
            if text.isdigit() and not is_password_name(known):
                continue
            if token_in(text) is None:
                yield from _found(path, f"{_at(path)} holds a credential", shape(known, text))
        elif known in ("command", "args") and listed:
            index = path[-1]
            yield from _text(path, f"{_at(path[:-1])}[{index}]", text, command=True)
        elif known == "values" and "\n" in text:
            yield from _text(path, _at(path), text, config=True)


_COLLECTOR = ("spec", "config")


def _at(path: tuple[Any, ...]) -> str:
    return str(Path(path))


def _embedded(thing: Anything) -> Iterator[Finding]:
    raw = thing.raw
    if raw.__class__ is str:
        yield from _text((), thing.name, raw, config=True)
        return
    reported: set[Path] = set()
    for finding in _walk(raw, (), "", objects=False):
        reported.add(finding.path)
        yield finding
    paging = thing.kind == "AlertmanagerConfig"
    for path, text in texts(raw, ()):
        if path in reported:
            continue
        if paging and path and path[-1] in PAGING_KEYS:
            yield from _found(path, f"{_at(path)} holds a credential", shape("token", text))
        elif len(text) > 19 and Hint.search(text):
            token = token_in(text)
            if token is not None:
                yield from _found(path, f"{_at(path)} holds {token[0]}", token[1])


# Terraform


def _block(thing: Anything) -> Iterator[Finding]:
    if thing.kind in UNJUDGED_BLOCKS:
        return
    for path, known, text, listed in named_texts(thing.raw, ()):
        if is_secret_name(known):
            if (listed or may_name_an_object(known)) and OBJECT_NAME.fullmatch(text):
                continue
        elif len(text) < 20:
            continue
        ...
