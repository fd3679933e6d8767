"""A credential stands in the open.

What it checks: No environment variable, argument, command, annotation, ConfigMap, custom resource or
Terraform block holds a credential as plain text. A text counts as one when its name says so (a password,
token, secret, credential, an API, access, private or signing key) and its value is no reference, path,
address, number or switch; and wherever it stands when it has the form of one: a private key, an AWS,
GitHub or Slack key, a signed JWT, a webhook address with its key. Configs in ConfigMaps are read key by key,
scripts and command lines assignment by assignment. A placeholder is reported one step lower. Secrets are
judged by plaintext-secret, passwords in URLs by credentials-in-url.

Why it matters: Everybody who can read the repository, the objects of the cluster, a crash report or the
state file has the credential too, and it stays in the history of all of them.

How to fix: Treat the value as known to others and replace it. Keep the new one in the secret store, bring
it into the cluster with an ExternalSecret and refer to it: valueFrom.secretKeyRef, a mounted file, a
reference to a Secret in the custom resource; in Terraform a managed password, an ephemeral value or a data
source.

When it is fine: Throw-away credentials of a test that nothing else accepts. Waive them by name.
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import chain
from typing import Any

from conformant.leaf import Item, check
from conformant.model import REMOVE, Cure, Finding, Path, Severity, Undecided, Unknown, mapping, sequence
from conformant.views.literals import Anything
from conformant.views.secret_names import (
    TOKEN_HINT,
    Shape,
    assignments_in,
    is_secret_name,
    names_an_object,
    secret_names_among,
    settings_in,
    shape,
    token_in,
)
from conformant.views.secrets import (
    Named,
    Steps,
    decoded,
    may_hold_token,
    may_name_secret,
    named_texts,
    terraform_texts,
)
from conformant.views.workload import Container, Workload

ADVICE = "replace the credential, keep it in the secret store and refer to it"
MOVE = Cure(ADVICE, grade="none")
BUILT_IN = frozenset({
    "", "apps", "batch", "autoscaling", "policy", "extensions", "networking.k8s.io", "rbac.authorization.k8s.io",
    "storage.k8s.io", "apiextensions.k8s.io", "admissionregistration.k8s.io", "apiregistration.k8s.io",
    "certificates.k8s.io", "coordination.k8s.io", "discovery.k8s.io", "events.k8s.io", "node.k8s.io",
    "flowcontrol.apiserver.k8s.io", "scheduling.k8s.io", "resource.k8s.io", "snapshot.storage.k8s.io",
})  # fmt: skip
JUDGED_ELSEWHERE = frozenset({"/Secret", "/Config", "/EnvFile", "/KeyFile", "bitnami.com/SealedSecret"})
DECLARATIONS = frozenset({"variable", "output", "root", "terraform"})
HOLDERS = frozenset({
    "KongPlugin", "KongClusterPlugin", "EncryptionConfiguration", "InitConfiguration", "ClusterConfiguration",
    "JoinConfiguration",
})  # fmt: skip
"""Kinds that hold secrets themselves where others hold the names of Secrets."""
WORKLOADS = Workload.kinds or frozenset()
PAGING_KEYS = frozenset({"service_key", "routing_key", "user_key"})
SECTIONED = frozenset({"FluentdConfig", "FluentBitConfig"})
"""Configs that are neither YAML nor JSON."""
TELLING = frozenset({"command", "args", "values", *PAGING_KEYS})
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
TOOLS = ("vault.hashicorp.com/", "secret.reloader.stakater.com/", "checksum/", "kubectl.kubernetes.io/")
"""Annotations that speak of secrets and hold none."""


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
def literal_secret(thing: Anything) -> Iterable[Item]:
    sources = _sources(thing)
    return _worst(chain.from_iterable(sources)) if sources else ()


def _sources(thing: Anything) -> list[Iterable[Item]]:
    """What there is to look at; nothing for most resources, which a glance at their text rules out."""
    resource = thing.resource
    family, group, kind = resource.family, resource.group, resource.kind
    if family == "terraform":
        return [] if kind in DECLARATIONS else [_tokens(terraform_texts(resource)), _terraform(thing)]
    key = f"{group}/{kind}"
    if key in JUDGED_ELSEWHERE:
        return []
    sources: list[Iterable[Item]] = []
    if may_hold_token(resource):
        sources.append(_tokens(_all(thing)))
    if family == "config":
        sources.append(_config(thing))
        return sources
    if names := _secret_annotations(thing.raw):
        sources.append(_annotations(thing.raw, (), names))
    if key in WORKLOADS:
        sources.append(_workload(resource.seen_as(Workload)))
    elif key == "/ConfigMap":
        sources.append(_config_map(thing))
    elif group not in BUILT_IN and may_name_secret(resource):
        sources.append(_custom(thing))
    return sources


def _worst(items: Iterable[Item]) -> Iterator[Item]:
    """One finding for each path: the worst."""
    found: dict[Path, Finding] = {}
    for item in items:
        if not isinstance(item, Finding):
            yield item
        elif item.path not in found or (found[item.path].severity is not None and item.severity is None):
            found[item.path] = item
    yield from found.values()


# judging one text


def _named(
    path: Steps, name: str, text: str, *, objects: bool, listed: bool = False, what: str = "", cure: Cure = MOVE
) -> Iterator[Finding]:
    """A text under a secret name. Where names of `objects` are to be expected, such a name is fine."""
    if name.startswith(TOOLS) or (objects and names_an_object(name, text, listed=listed)):
        return
    yield from _found(path, what or str(Path(path)), shape(name, text), cure)


def _found(path: Steps, what: str, kind: Shape, cure: Cure = MOVE, thing: str = "a credential") -> Iterator[Finding]:
    if kind is Shape.LITERAL:
        yield Finding(f"{what} holds {thing} as plain text", Path(path), cure=cure)
    elif kind is Shape.PLACEHOLDER:
        message = f"{what} holds a placeholder where {thing} would stand as plain text"
        yield Finding(message, Path(path), Severity.HIGH, cure)


def _tokens(entries: Iterable[Named]) -> Iterator[Finding]:
    """Credentials that are recognised by their own form."""
    for path, name, text, _ in entries:
        if len(text) > 15 and TOKEN_HINT.search(text):
            token = token_in(text)
            if token is not None:
                yield from _found(path, name or str(Path(path)), token[1], thing=token[0])


def _assigned(path: Steps, text: str, what: str) -> Iterator[Finding]:
    """What a command line or a script assigns; one finding is enough."""
    for name, value in assignments_in(text):
        kind = Shape.HARMLESS if names_an_object(name, value) else shape(name, value)
        if kind is not Shape.HARMLESS:
            yield from _found(path, f"{what}: {name}", kind)
            return


def _all(thing: Anything) -> Iterator[Named]:
    """All texts of an object but those that are judged elsewhere."""
    held = thing.resource.parts
    for entry in named_texts(thing.raw):
        path = entry[0]
        if path[-1:] != (LAST_APPLIED,) and not (held and len(path) == 2 and path[1] in held):
            yield entry


# Kubernetes objects


def _secret_annotations(holder: dict[Any, Any]) -> tuple[str, ...]:
    """The names of those annotations of an object or template that may hold secrets."""
    metadata = holder.get("metadata")
    annotations = metadata.get("annotations") if metadata.__class__ is dict else None
    return secret_names_among(tuple(annotations)) if annotations.__class__ is dict else ()


def _annotations(holder: dict[Any, Any], way: Steps, names: Iterable[str]) -> Iterator[Finding]:
    for name in names:
        value = holder["metadata"]["annotations"][name]
        if isinstance(value, str):
            path = (*way, "metadata", "annotations", name)
            yield from _named(path, name, value, objects=True, what=f"annotation {name}")


def _workload(workload: Workload) -> Iterator[Item]:
    if workload.template_path and (names := _secret_annotations(workload.template)):
        yield from _annotations(workload.template, workload.template_path, names)
    for container in workload.all_containers:
        try:
            yield from _variables(container)
            yield from _words(container)
        except Undecided as undecided:
            yield undecided


def _variables(container: Container) -> Iterator[Item]:
    for index, entry in container.env:
        value, name = entry.get("value"), entry.get("name")
        if value is None or value == "" or not isinstance(name, str):
            continue
        path = (*container.path, "env", index, "value")
        if value.__class__ is Unknown:
            if is_secret_name(name):
                yield Undecided(value.reason)
        elif is_secret_name(name):
            what = f"variable {name} of container {container.name!r}"
            cure = _reference(container, index, name)
            yield from _named(path, name, str(value), objects=False, what=what, cure=cure)
        elif isinstance(value, str) and "=" in value:
            yield from _assigned(path, value, f"variable {name} of container {container.name!r}")


def _reference(container: Container, index: int, name: str) -> Cure:
    entry = container.path / "env" / index
    reference = {"secretKeyRef": {"name": container.workload.name, "key": name.lower().replace("_", "-")}}
    return Cure(ADVICE, ((entry / "value", REMOVE), (entry / "valueFrom", reference)))


def _words(container: Container) -> Iterator[Finding]:
    for section in ("command", "args"):
        if section in container.raw:
            way = (*container.path, section)
            yield from _command_line(
                way, sequence(container.raw, section), f"{section} of container {container.name!r}"
            )


def _command_line(way: Steps, words: Iterable[object], what: str) -> Iterator[Finding]:
    """The words of a command line: each for itself, and as the value of the flag before it."""
    flag = ""
    for index, word in enumerate(words):
        before, flag = flag, ""
        if not isinstance(word, str):
            continue
        if is_secret_name(before) and not word.startswith("-"):
            yield from _named((*way, index), before, word, objects=True, what=f"{what}: {before}")
        elif "=" in word or " " in word:
            yield from _assigned((*way, index), word, what)
        elif word.startswith("-"):
            flag = word.lstrip("-")


def _config_map(thing: Anything) -> Iterator[Item]:
    held = thing.resource.parts
    for section in ("data", "binaryData"):
        for key, value in mapping(thing.raw, section).items():
            path = (section, key)
            if value.__class__ is Unknown:
                if is_secret_name(str(key)):
                    yield Undecided(value.reason)
                continue
            if key in held or isinstance(value, bool | dict | list) or value is None:
                continue
            text = str(value) if section == "data" else decoded(str(value)) or ""
            if section == "binaryData":
                yield from _tokens([(path, str(key), text, False)])
            if is_secret_name(str(key)) and (section == "data" or text.isprintable()):
                yield from _named(path, str(key), text, objects=False, what=f"key {key}")
            elif "=" in text:
                yield from _assigned(path, text, f"key {key}")


# custom resources, configs, Terraform


def _custom(thing: Anything) -> Iterator[Finding]:
    group = thing.resource.group
    objects = thing.kind not in HOLDERS
    for key, value in thing.raw.items():
        if key in ("metadata", "status", "apiVersion", "kind"):
            continue
        for path, name, text, listed in named_texts(value, (key,), str(key), wanted=_telling):
            if is_secret_name(name):
                if (name == "secretKey" and group == "external-secrets.io") or _is_collector(thing, path):
                    continue
                yield from _named(path, name, text, objects=objects, listed=listed or _in_reference(path))
            elif listed and name in ("command", "args"):
                yield from _assigned(path, text, name)
            elif name == "values" and "\n" in text:
                yield from _settings(path, text)


@lru_cache(65536)
def _telling(name: str) -> bool:
    return name in TELLING or is_secret_name(name)


def _in_reference(path: Steps) -> bool:
    """Inside a reference to a Secret, where keys of that Secret are named, or among labels."""
    holder = path[-2] if len(path) > 1 else None
    return isinstance(holder, str) and holder.lower().endswith(("secret", "ref", "selector", "labels"))


def _is_collector(thing: Anything, path: Steps) -> bool:
    """The config of an OpenTelemetryCollector is a resource of its own."""
    return thing.kind == "OpenTelemetryCollector" and path[:2] == ("spec", "config")


def _settings(path: Steps, text: str) -> Iterator[Finding]:
    seen: set[str] = set()
    for name, value in settings_in(text):
        if name not in seen:
            seen.add(name)
            yield from _named((*path, name), name, value, objects=False, what=name)


def _config(thing: Anything) -> Iterator[Finding]:
    if isinstance(thing.raw, str):
        yield from _settings((), thing.raw)
        return
    paging = thing.kind == "AlertmanagerConfig"
    if not paging and thing.kind not in SECTIONED and not may_name_secret(thing.resource):
        return
    for path, name, text, listed in named_texts(thing.raw, wanted=_telling):
        if is_secret_name(name):
            yield from _named(path, name, text, objects=listed)
        elif paging and name in PAGING_KEYS:
            yield from _named(path, "token", text, objects=False)


def _terraform(thing: Anything) -> Iterator[Finding]:
    for path, name, text, _ in terraform_texts(thing.resource):
        if is_secret_name(name):
            yield from _named(path, name, text, objects=True)
        elif "\n" in text and "=" in text:
            yield from _assigned(path, text, str(Path(path)))
