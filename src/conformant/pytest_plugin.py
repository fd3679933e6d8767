"""The pytest front end: ``pytest checks --conformant PATH …`` runs one item per check.

Inert without ``--conformant``. Folders, ``-k`` and ``-m`` select (markers: area, severity,
requirement, framework and control); failures list the findings with file:line:column;
``--junitxml`` carries id, severity, requirement and controls as properties.
"""

import gc
import sys
from collections.abc import Iterator, Sequence
from functools import cached_property
from os.path import lexists
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conformant.leaf import Check
    from conformant.model import Report, Result
    from conformant.run import Session

_LISTS = {
    "exclude": "pattern of paths to leave out",
    "values": "values file for Helm charts and templates in documents",
    "var": "Terraform variable, NAME=VALUE",
    "var-file": "file of Terraform variables",
    "crds": "file or folder with custom resource definitions",
}
_TEXTS = {
    "config": "configuration file (default: conformant.toml, pyproject.toml)",
    "fail-on": "lowest severity that fails an item (default: low)",
    "baseline": "file of accepted findings",
    "kubernetes": "target Kubernetes version, such as 1.34",
    "today": "judge as of this day (YYYY-MM-DD)",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("conformant", "policy and compliance checks of a platform")
    group.addoption("--conformant", nargs="+", action="extend", metavar="PATH", help="run the checks over these")
    group.addoption("--conformant-strict", action="store_true", default=None, help="undecided items fail")
    for name, text in _TEXTS.items():
        group.addoption(f"--conformant-{name}", metavar=name.upper(), help=text)
    for name, text in _LISTS.items():
        group.addoption(f"--conformant-{name}", action="append", default=[], metavar=name.upper(), help=text)


class _AsWritten:
    """Imports without pytest's rewriting of asserts, which costs a second where bytecode cannot be kept."""

    def __init__(self, config: pytest.Config) -> None:
        self.hook: Any = config.pluginmanager.rewrite_hook

    def __enter__(self) -> None:
        self.place = sys.meta_path.index(self.hook) if self.hook in sys.meta_path else None
        if self.place is not None:
            del sys.meta_path[self.place]

    def __exit__(self, *_: object) -> None:
        if self.place is not None:
            sys.meta_path.insert(self.place, self.hook)


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--conformant"):
        as_written = _AsWritten(config)
        with as_written:
            config.pluginmanager.register(Plugin(config, as_written), "conformant-run")


class Plugin:
    """Collects leaf files as items and runs them over one platform, read once per process."""

    def __init__(self, config: pytest.Config, as_written: _AsWritten) -> None:
        """Raises pytest.UsageError where the options or the configuration are wrong."""
        from conformant.config import ConfigurationError, day, resolve, variables

        def option(name: str) -> Any:
            return config.getoption(f"--conformant-{name}")

        self.paths: list[str] = config.getoption("--conformant")
        self.as_written = as_written
        self.judged: set[str] = set()
        try:
            flags: dict[str, Any] = {name: tuple(option(name)) for name in ("exclude", "values", "crds")}
            flags |= {"variables": variables(option("var")), "variable_files": tuple(option("var-file"))}
            flags |= {"fail_on": option("fail-on"), "strict": option("strict"), "baseline": option("baseline")}
            self.settings, self.file = resolve(option("config"), flags, option("kubernetes"))
            self.today = day(option("today"))
        except ConfigurationError as error:
            raise pytest.UsageError(f"conformant: {error}") from None
        missing = next((path for path in self.paths if path != "-" and not lexists(path)), None)
        if missing is not None:
            raise pytest.UsageError(f"conformant: {missing}: no such file or folder")

    @cached_property
    def session(self) -> "Session":
        """The platform. Raises pytest.UsageError where the run cannot begin."""
        with self.as_written:
            return self._load()

    def _load(self) -> "Session":
        from conformant.config import ConfigurationError
        from conformant.leaf import LeafError
        from conformant.load.files import NoSuchInput
        from conformant.run import Session

        try:
            session = Session(self.paths, self.settings, file=self.file)
            session.waivers  # noqa: B018 -- reads the baseline, which may be malformed
        except (ConfigurationError, LeafError, NoSuchInput) as error:
            raise pytest.UsageError(f"conformant: {error}") from None
        return session

    def pytest_sessionstart(self) -> None:
        gc.disable()  # a run allocates much and frees at its end

    def pytest_sessionfinish(self) -> None:
        gc.freeze()
        gc.enable()

    def pytest_collect_file(self, file_path: Path, parent: pytest.Collector) -> "CheckFile | None":
        if file_path.suffix != ".py" or file_path.name.startswith("_"):
            return None
        if b"\n@check(" not in file_path.read_bytes():
            return None
        return CheckFile.from_parent(parent, path=file_path, plugin=self)

    @pytest.hookimpl(wrapper=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item], config: pytest.Config) -> Iterator[None]:
        checks = [item for item in items if isinstance(item, CheckItem)]
        for name in sorted({mark.name for item in checks for mark in item.own_markers}):  # for --strict-markers
            config.addinivalue_line("markers", f"{name}: checks of conformant")
        if checks and (self.session.waivers.stated or self.session.waivers.faults):
            judged = [item.check for item in checks]
            items.append(WaiverItem.from_parent(checks[0].session, plugin=self, checks=judged))
        yield
        checks = [item for item in items if isinstance(item, CheckItem)]
        if checks and next(self.obstacles(), None) is not None:  # whatever is selected: not read is not verified
            items.insert(0, InputItem.from_parent(checks[0].session, plugin=self))

    def judge(self, checks: "Sequence[Check]") -> "Report":
        """The verdicts of some checks."""
        self.judged.update(check.id for check in checks)
        session = self.session
        with self.as_written:
            return session.judge(checks, today=self.today)

    def obstacles(self) -> Iterator[str]:
        """What the run cannot look at although it should."""
        coverage = self.session.loaded.coverage
        if not coverage.resources:
            yield f"nothing to check in {' '.join(self.paths)}: no resource was found"
        for entry in coverage.files:
            if entry.status == "unreadable":
                yield f"{entry.place or f'{entry.file}:1:1'}: cannot be read: {entry.reason}"


class CheckFile(pytest.File):
    """A leaf file."""

    def __init__(self, *, plugin: Plugin, **rest: Any) -> None:
        super().__init__(**rest)
        self.plugin = plugin

    def collect(self) -> Iterator["CheckItem"]:
        from conformant.leaf import Check, load
        from conformant.run import selected

        with self.plugin.as_written:
            check: Check = load(str(self.path), Check)
        if selected(check, self.plugin.settings):
            yield CheckItem.from_parent(self, plugin=self.plugin, check=check)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        from conformant.leaf import LeafError

        return str(excinfo.value) if isinstance(excinfo.value, LeafError) else super().repr_failure(excinfo)


class Failed(Exception):
    """What is wrong, in lines."""


class _Item(pytest.Item):
    """Anything that this run verifies."""

    def __init__(self, *, plugin: Plugin, **rest: Any) -> None:
        super().__init__(**rest)
        self.plugin = plugin

    def mark(self, *names: str) -> None:
        """Let ``-m`` select the item by these names."""
        for name in sorted({*names} - {""}):
            self.own_markers.append(pytest.Mark(name, (), {}, _ispytest=True))
            self.keywords[name] = self

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        return str(excinfo.value) if isinstance(excinfo.value, Failed) else super().repr_failure(excinfo, style)


class CheckItem(_Item):
    """One check over the whole platform."""

    def __init__(self, *, check: "Check", **rest: Any) -> None:
        super().__init__(name=f"{check.id}-{check.slug}", **rest)
        self.check = check
        self.user_properties += [("id", check.id), ("severity", str(check.severity))]
        self.user_properties += [("requirement", check.requirement)] if check.requirement else []
        self.user_properties += [("controls", " ".join(check.controls))] if check.controls else []
        frameworks = [control.partition("/")[0] for control in check.controls]
        self.mark(
            check.area, check.area_path, str(check.severity), check.requirement, *frameworks, *check.controls,
            *check.tags,
        )  # fmt: skip

    def runtest(self) -> None:
        report = self.plugin.judge([self.check])
        _judge(report, report.results)
        if report.coverage.idle_checks:
            pytest.skip("not applicable: nothing of its kind in the input")

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, 0, f"{self.check.id} {self.check.slug}"


class WaiverItem(_Item):
    """The waivers themselves: expired, malformed, unused."""

    def __init__(self, *, checks: "list[Check]", **rest: Any) -> None:
        super().__init__(name="WVR-001-waivers", **rest)
        self.checks = checks
        self.user_properties += [("id", "WVR-001"), ("severity", "low"), ("requirement", "waivers")]
        self.mark("low", "waivers")

    def runtest(self) -> None:
        plugin = self.plugin
        report = plugin.judge([check for check in self.checks if check.id not in plugin.judged])
        _judge(report, plugin.session.audit(self.checks, today=plugin.today))

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, 0, "WVR-001 waivers"


class InputItem(_Item):
    """Fails: there are inputs that cannot be read, or none at all."""

    def __init__(self, **rest: Any) -> None:
        super().__init__(name="input", **rest)

    def runtest(self) -> None:
        raise Failed("\n".join(self.plugin.obstacles()))

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, 0, "input"


def _judge(report: "Report", results: "Sequence[Result]") -> None:
    """Raise Failed for findings and errors; skip for what stays undecided."""
    from conformant.model import Status
    from conformant.text import one_line

    lines: list[str] = []
    unknown: list[str] = []
    for result in results:
        address = result.resource.address
        if result.status is Status.FAIL:
            for finding in result.findings:
                if finding.severity is not None and finding.severity >= report.fail_on:
                    lines.append(f"{finding.place}: {finding.severity}: {address}: {finding.message}")
                    lines += [f"    cure: {finding.cure.advice}"] if finding.cure is not None else []
        elif result.status is Status.ERROR:
            lines.append(f"{result.place}: error: {address}: {result.reason}")
        elif result.status is Status.UNKNOWN:
            unknown.append(f"{result.place}: undecided: {address}: {result.reason}")
    if lines or (unknown and report.strict):
        raise Failed("\n".join(map(one_line, [*lines, *unknown])))
    if unknown:
        more = f"; and {len(unknown) - 3} more" if len(unknown) > 3 else ""
        pytest.skip(one_line("; ".join(unknown[:3])) + more)
