"""A cluster that is served over HTTP, and the command line on it."""

import importlib.util
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from conformant.cli import main
from conformant.cluster.pace import Pace

spec = importlib.util.spec_from_file_location("live_apiserver", Path(__file__).with_name("apiserver.py"))
assert spec is not None
assert spec.loader is not None
apiserver = importlib.util.module_from_spec(spec)
sys.modules["live_apiserver"] = apiserver
spec.loader.exec_module(apiserver)

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def cluster() -> Any:
    """An empty cluster, to be filled before it is asked."""
    return apiserver.Cluster()


@pytest.fixture
def kubeconfig(cluster: Any, tmp_path: Path) -> Iterator[Path]:
    """The cluster, served."""
    yield from apiserver.serving(cluster, tmp_path)


@pytest.fixture
def audit(kubeconfig: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """``conformant audit`` on it: (exit code, output, errors)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("conformant.cluster.api.sleep", lambda seconds: None)
    monkeypatch.setattr("conformant.cluster.api.Pace", lambda: Pace(per_second=1e6))
    (tmp_path / "conformant.toml").write_text('[live]\ncluster_uid = "uid-1"\n')

    def run(*arguments: str) -> tuple[int, str, str]:
        cluster = () if "--replay" in arguments else ("--context", "test", "--kubeconfig", str(kubeconfig))
        code = main(["audit", *cluster, *arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture
def report(audit: Run) -> Callable[..., dict[str, Any]]:
    """The JSON report of an audit, passing results included."""

    def run(*arguments: str) -> dict[str, Any]:
        _, output, errors = audit("--format", "json", "--all", *arguments)
        assert output, errors
        document: dict[str, Any] = json.loads(output)
        return document

    return run
