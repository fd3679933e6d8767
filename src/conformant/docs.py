"""Texts made from the checks: lists, explanations, and the pages below ``docs/``.

``python -m conformant.docs`` writes the pages; ``--check`` only says whether they are current.
"""

import re
import sys
from collections.abc import Iterator, Sequence
from inspect import cleandoc
from pathlib import Path
from typing import Any

import msgspec

from conformant.content import content
from conformant.leaf import Check, Leaf, Probe
from conformant.regex import lazy

_SECTIONS = lazy(r"^(What it checks|Why it matters|How to fix|When it is fine):", re.MULTILINE)


def entry(check: Leaf) -> dict[str, Any]:
    """What ``conformant checks --format json`` says of a check or a probe."""
    return {
        "id": check.id, "aliases": list(check.aliases), "slug": check.slug,
        "kind": "probe" if isinstance(check, Probe) else "check",
        "title": check.title, "severity": str(check.severity), "requirement": check.requirement,
        "controls": list(check.controls), "applies_to": applies_to(check), "tags": [check.area, *check.tags],
    }  # fmt: skip


def applies_to(check: Leaf) -> list[str]:
    """The kinds that a check sees; the view's name where it sees more than a list of kinds. Of a probe, the
    kinds that it reads."""
    if isinstance(check, Probe):
        reads = [need.split()[1] for need in check.needs if need.startswith(("get ", "list "))]
        return sorted({kind.lstrip("/") for kind in reads}) or ["the running platform"]
    if check.kinds:
        return sorted(check.kinds)
    kinds = getattr(check.view, "kinds", None)
    return sorted(kind.lstrip("/") for kind in kinds) if kinds else [check.view.__name__]


def listing(checks: Sequence[Leaf], style: str) -> Iterator[str]:
    """The list of checks as ``table``, ``json`` or ``markdown``."""
    if style == "json":
        yield msgspec.json.format(msgspec.json.encode([entry(check) for check in checks]), indent=2).decode()
        yield "\n"
    elif style == "markdown":
        yield "| id | severity | check | requirement | what is wrong |\n|---|---|---|---|---|\n"
        for check in checks:
            yield (
                f"| [{check.id}]({check.id}.md) | {check.severity} | {check.slug} "
                f"| {check.requirement} | {check.title} |\n"
            )
    else:
        width = max((len(check.slug) for check in checks), default=0)
        for check in checks:
            yield f"{check.id:<11} {check.severity!s:<9} {check.slug:<{width}}  {check.title}\n"


def explanation(check: Leaf) -> Iterator[str]:
    """What ``conformant explain`` prints."""
    yield f"{check.id} {check.slug} ({check.severity}): {check.title}\n"
    if check.aliases:
        yield f"also known as {', '.join(check.aliases)}\n"
    body = check.doc.partition("\n")[2].strip()
    yield f"\n{body}\n\nApplies to: {', '.join(applies_to(check))}\n"
    if check.requirement:
        yield f"Requirement: {check.requirement}\n"
    if check.controls:
        yield f"Controls: {', '.join(check.controls)}\n"
    for name, kind, value in _settings(check):
        yield f"Setting {name} ({kind}): {value}\n"
    yield f"\nAccept a finding: # conformant: waive {check.id} until YYYY-MM-DD owner NAME: reason\n"


def page(check: Leaf) -> str:
    """The check's page in Markdown."""
    lines = [
        f"# {check.id}: {check.title}", "",
        f"`{check.slug}` · severity **{check.severity}** · area {check.area}"
        + (f" · requirement `{check.requirement}`" if check.requirement else "")
        + (f" · also {', '.join(check.aliases)}" if check.aliases else ""), "",
    ]  # fmt: skip
    body = _SECTIONS.sub(r"**\1.**", check.doc.partition("\n")[2].strip()).replace("``", "`")
    lines += [body, "", f"**Applies to.** {', '.join(applies_to(check))}", ""]
    if isinstance(check, Probe):
        lines += [f"**What it does.** {_DOES[check.kind]}", ""]
        lines += ["**Needs.** " + ", ".join(f"`{need}`" for need in check.needs), ""] if check.needs else []
    settings = _settings(check)
    if settings:
        about = cleandoc(type(check.settings).__doc__ or "").replace("``", "`")
        lines += [f"**Settings.** {about}".rstrip(), "", "| name | type | default |", "|---|---|---|"]
        lines += [f"| `{name}` | {kind} | `{value}` |" for name, kind, value in settings] + [""]
    if check.controls:
        lines += ["**Controls.** " + ", ".join(f"`{control}`" for control in check.controls), ""]
    folder = fixtures(check)
    for verdict in ("fail", "pass"):
        example = next((file for file in sorted(folder.glob(f"{verdict}.*")) if file.is_file()), None)
        if example is not None:
            language = {"tf": "hcl", "yml": "yaml", "avsc": "json"}.get(example.suffix[1:], example.suffix[1:])
            text = example.read_text(encoding="utf-8").rstrip()
            lines += [f"**Example: {verdict}.**", "", f"```{language}", text, "```", ""]
    return "\n".join(lines)


_DOES = {
    "read": "Reads only.",
    "probe": "Sends packets, with `--probes` alone.",
    "drill": "Disturbs the platform: only with `--drill` and its id.",
}


def fixtures(leaf: Leaf) -> Path:
    """The folder of a leaf's fixtures."""
    base = content("fixtures") / "live" if isinstance(leaf, Probe) else content("fixtures")
    return base / leaf.area_path / Path(leaf.file).stem


def _settings(check: Leaf) -> list[tuple[str, str, str]]:
    if check.settings is None:
        return []
    fields = msgspec.structs.fields(type(check.settings))
    return [(field.name, _type(field.type), _text(getattr(check.settings, field.name))) for field in fields]


def _type(kind: Any) -> str:
    name: str = getattr(kind, "__origin__", kind).__name__
    return {"str": "text", "int": "number", "float": "number", "bool": "true or false", "tuple": "list"}.get(name, name)


def _text(value: Any) -> str:
    """A value as the configuration writes it."""
    return msgspec.json.encode(value).decode()


def configuration_page() -> str:
    """The reference of all settings, with their defaults."""
    from conformant.config import HistorySettings, Settings, StatedWaiver
    from conformant.profile import Live, Mesh, Profile

    lines = [
        "# Configuration", "",
        "`conformant.toml`, or `[tool.conformant]` in `pyproject.toml`, in the folder of the run or in",
        "the nearest parent inside the repository. Flags win over the file. A wrong key is an error",
        "that names its line. Paths in the file count from its folder.", "",
        "```toml",
        'fail_on = "medium"',
        'skip = ["NS-002"]',
        'exclude = ["charts/*/tests"]',
        "",
        "[profile]",
        'kubernetes = "1.34"',
        'registries = ["registry.example.com"]',
        "",
        "[settings.TF-AWS-018]",
        "most_days = 60",
        "",
        "[[waivers]]",
        'id = "WRK-006"',
        'resource = "DaemonSet/kube-system/*"',
        'reason = "the CNI agent programs the network of its node"',
        'owner = "platform-team"',
        "expires = 2027-01-31",
        "```", "",
    ]  # fmt: skip
    tables: tuple[tuple[str, type[msgspec.Struct]], ...] = (
        ("Settings", Settings),
        ("[profile]", Profile),
        ("[profile.mesh]", Mesh),
        ("[live]", Live),
        ("[history]", HistorySettings),
        ("[[waivers]]", StatedWaiver),
    )
    for title, kind in tables:
        lines += [f"## {title}", "", cleandoc(kind.__doc__ or "").replace("``", "`"), ""]
        lines += ["| key | default |", "|---|---|"]
        for field in msgspec.structs.fields(kind):
            lines.append(f"| `{field.encode_name}` | {_default(field)} |")
        lines.append("")
    return "\n".join(lines)


def _default(field: Any) -> str:
    if field.required:
        return "mandatory"
    value = field.default
    if value is msgspec.NODEFAULT:
        value = field.default_factory()
    if isinstance(value, msgspec.Struct):
        return "see below"
    text = _text(value)
    return f"`{text}`" if text not in ('""', "[]", "{}") else "empty"


def pages(checks: Sequence[Check], probes: Sequence[Probe] = ()) -> dict[str, str]:
    """All generated pages: path below ``docs/`` -> text."""
    made = {f"checks/{check.id}.md": page(check) for check in checks}
    made["checks/README.md"] = "# Checks\n\n" + "".join(listing(checks, "markdown"))
    if probes:
        made |= {f"probes/{probe.id}.md": page(probe) for probe in probes}
        made["probes/README.md"] = "# Probes\n\n" + "".join(listing(probes, "markdown"))
    made["configuration.md"] = configuration_page()
    return made


def main(arguments: Sequence[str]) -> int:
    """Write the pages below ``docs/`` of the checkout, or below a folder named; with ``--check`` only name
    those that differ."""
    from conformant.config import Settings
    from conformant.run import all_checks, all_probes

    named = [argument for argument in arguments if argument != "--check"]
    folder = Path(named[0]) if named else content("checks").parent / "docs"
    made = pages(all_checks(Settings()), all_probes())
    stale = sorted(
        name for name, text in made.items()
        if not (folder / name).is_file() or (folder / name).read_text(encoding="utf-8") != text
    )  # fmt: skip
    stale += sorted(
        f"{kind}/{file.name}"
        for kind in ("checks", "probes")
        for file in (folder / kind).glob("*.md")
        if f"{kind}/{file.name}" not in made
    )
    if "--check" in arguments:
        for name in stale:
            print(f"{folder / name} is not current: run make docs", file=sys.stderr)
        return 1 if stale else 0
    for name in stale:
        if name not in made:
            (folder / name).unlink()
            continue
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(made[name], encoding="utf-8")
    print(f"{len(made)} pages, {len(stale)} changed")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
