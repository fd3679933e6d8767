"""The pytest front end: ``pytest checks --conformant PATH …`` runs one item per check.

Inert without ``--conformant``. Folders, ``-k`` and ``-m`` select (markers: area, severity,
requirement, framework and control); failures list the findings with file:line:column;
``--junitxml`` carries id, severity, requirement and controls as properties.
"""

from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conformant.leaf import Check
    from conformant.model import Report, Result
    from conformant.run import Session

_FLAGS = (
    ("values", "values file for Helm charts and templates in documents"),
    ("crds", "file or folder with custom resource definitions"),
    ("exclude", "pattern of paths to leave out"),
)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("conformant", "policy and compliance checks of a platform")
    group.addoption("--conformant", nargs="+", action="extend", metavar="PATH", help="run the checks over these")
    group.addoption("--conformant-config", metavar="FILE", help="configuration (default: conformant.toml)")
    group.addoption("--conformant-fail-on", metavar="SEVERITY", help="lowest severity that fails an item")
    group.addoption("--conformant-strict", action="store_true", default=None, help="undecided items fail")
    group.addoption("--conformant-baseline", metavar="FILE", help="findings listed there are accepted")
    group.addoption("--conformant-today", metavar="DATE", help="judge as of this day (YYYY-MM-DD)")
    for name, text in _FLAGS:
        group.addoption(f"--conformant-{name}", action="append", default=[], metavar=name.upper(), help=text)


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--conformant"):
        config.pluginmanager.register(Plugin(config), "conformant-run")


class Plugin:
    """Collects leaf files as items and runs them over one platform, read once per process."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self._session: Session | None = None
        day = config.getoption("--conformant-today")
        self.today = date.fromisoformat(day) if day else date.today()

    def pytest_collect_file(self, file_path: Path, parent: pytest.Collector) -> "CheckFile | None":
        if file_path.suffix != ".py" or file_path.name.startswith("_"):
            return None
        if "@check(" not in file_path.read_text(encoding="utf-8", errors="replace"):
            return None
        return CheckFile.from_parent(parent, path=file_path, plugin=self)

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        checks = [item for item in items if isinstance(item, CheckItem)]
        if checks and (self.session.loaded.waivers or self.session.settings.waivers):
            file = CheckFile.from_parent(checks[0].session, path=checks[0].path, plugin=self)
            items.append(WaiverItem.from_parent(file, name="WVR-001-waivers", checks=[i.check for i in checks]))

    @property
    def session(self) -> "Session":
        """The platform. Raises pytest.UsageError where the run cannot begin."""
        if self._session is None:
            self._session = self._load()
        return self._session

    def _load(self) -> "Session":
        from conformant.config import ConfigurationError, Settings, discover, merged, read
        from conformant.leaf import LeafError
        from conformant.load.files import NoSuchInput
        from conformant.run import Session

        option = self.config.getoption
        stated = option("--conformant-config")
        try:
            file = Path(stated) if stated else discover(Path.cwd())
            settings = merged(
                read(file) if file else Settings(),
                {
                    "fail_on": option("--conformant-fail-on"),
                    "strict": option("--conformant-strict"),
                    "baseline": option("--conformant-baseline"),
                    **{name: tuple(option(f"--conformant-{name}")) for name, _ in _FLAGS},
                },
            )
            session = Session(option("--conformant"), settings, file=file)
        except (ConfigurationError, LeafError, NoSuchInput) as error:
            raise pytest.UsageError(f"conformant: {error}") from None
        if not session.loaded.coverage.resources:
            raise pytest.UsageError(f"conformant: nothing to check in {' '.join(option('--conformant'))}")
        return session

    def report(self, checks: "list[Check]") -> "Report":
        return self.session.judge(checks, today=self.today)


class CheckFile(pytest.File):
    """A leaf file."""

    def __init__(self, *, plugin: Plugin, **rest: Any) -> None:
        super().__init__(**rest)
        self.plugin = plugin

    def collect(self) -> Iterator["CheckItem"]:
        from conformant.leaf import Check, load
        from conformant.run import selected

        check: Check = load(str(self.path), Check)
        if selected(check, self.plugin.session.settings):
            yield CheckItem.from_parent(self, name=f"{check.id}-{check.slug}", check=check)


class CheckItem(pytest.Item):
    """One check over the whole platform."""

    def __init__(self, *, check: "Check", **rest: Any) -> None:
        super().__init__(**rest)
        self.check = check
        self.user_properties += [("id", check.id), ("severity", str(check.severity))]
        if check.requirement:
            self.user_properties.append(("requirement", check.requirement))
        self.user_properties += [("control", control) for control in check.controls]
        frameworks = {control.partition("/")[0] for control in check.controls}
        names = {
            check.area,
            str(check.severity),
            check.requirement,
            *frameworks,
            *check.controls,
            *check.tags,
        }
        for name in sorted(names - {""}):
            self.own_markers.append(pytest.Mark(name, (), {}, _ispytest=True))
            self.keywords[name] = self

    def runtest(self) -> None:
        plugin = self.parent.plugin if isinstance(self.parent, CheckFile) else None
        assert plugin is not None
        report = plugin.report([self.check])
        _judge(report, [result for result in report.results if result.check == self.check.id])

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, Failed):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, 0, f"{self.check.id} {self.check.slug}"


class WaiverItem(pytest.Item):
    """The waivers themselves: expired, malformed, unused."""

    def __init__(self, *, checks: "list[Check]", **rest: Any) -> None:
        super().__init__(**rest)
        self.checks = checks

    def runtest(self) -> None:
        from conformant.waivers import AUDIT

        assert isinstance(self.parent, CheckFile)
        session = self.parent.plugin.session
        report = session.report(session.checks(), today=self.parent.plugin.today)
        _judge(report, [result for result in report.results if result.check == AUDIT])

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        return str(excinfo.value) if isinstance(excinfo.value, Failed) else super().repr_failure(excinfo, style)


class Failed(Exception):
    """A check with findings; the text lists them."""


def _judge(report: "Report", results: "Iterable[Result]") -> None:
    """Raise Failed for findings and errors, skip for what stays undecided or has nothing to judge."""
    from conformant.model import Status

    lines: list[str] = []
    unknown: list[str] = []
    for result in results:
        if result.status is Status.FAIL:
            for finding in result.findings:
                if finding.severity is not None and finding.severity >= report.fail_on:
                    lines.append(f"{finding.place}: {finding.severity}: {result.resource.address}: {finding.message}")
                    if finding.cure is not None:
                        lines.append(f"    cure: {finding.cure.advice}")
        elif result.status is Status.ERROR:
            lines.append(f"{result.place}: error: {result.resource.address}: {result.reason}")
        elif result.status is Status.UNKNOWN:
            unknown.append(f"{result.place}: undecided: {result.resource.address}: {result.reason}")
    if lines or (unknown and report.strict):
        raise Failed("\n".join([*lines, *unknown]))
    if unknown:
        pytest.skip("undecided: " + "; ".join(unknown[:3]) + (" …" if len(unknown) > 3 else ""))
    if report.coverage.idle_checks:
        pytest.skip("not applicable: nothing of its kind in the input")
