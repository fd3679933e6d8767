"""``conformant report``, as a user calls it."""

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: NAME, namespace: shop}\nspec: {hostPID: true, containers: []}\n"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "one.yaml").write_text(POD.replace("NAME", "one"))
    return tmp_path


def run(place: Path, *words: str) -> tuple[int, str, str]:
    surroundings = {**os.environ, "XDG_STATE_HOME": str(place / "state"), "XDG_CACHE_HOME": str(place / "cache")}
    done = subprocess.run(
        [sys.executable, "-m", "conformant", *words], cwd=place, env=surroundings, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


def test_runs_are_kept_listed_exported_and_compared(place: Path) -> None:
    assert run(place, "report", "runs")[1].startswith("no run is kept")
    assert run(place, "check", "--keep", "--quiet", "one.yaml")[0] == 1
    (place / "two.yaml").write_text(POD.replace("NAME", "two"))
    (place / "conformant.toml").write_text('[history]\nkeep = true\nplatform = "test"\n')
    assert run(place, "check", "--quiet", "one.yaml", "two.yaml")[0] == 1
    code, listed, _ = run(place, "report", "runs", "--format", "json")
    assert (code, [one["platform"] for one in msgspec.json.decode(listed)]) == (0, ["", "test"])
    code, page, _ = run(place, "report", "--run", "latest", "--format", "markdown")
    assert code == 0
    assert "two.yaml" in page
    code, told, _ = run(place, "report", "diff", "latest~1", "latest")
    assert code == 1
    assert told.splitlines()[0].endswith("newly undecided")
    assert "WRK-023 Pod/shop/two" in told
    assert run(place, "report", "diff", "latest", "latest")[0] == 0
    assert "open " in run(place, "report", "--trend")[1]
    [alone] = msgspec.json.decode(run(place, "report", "trend", "--platform", "test", "--format", "json")[1])
    assert {one["check"] for one in alone["findings"]} >= {"WRK-023"}


def test_files_are_merged_signed_and_verified(place: Path) -> None:
    pytest.importorskip("cryptography", reason="signing needs cryptography")
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

    key = Ed25519PrivateKey.generate()
    (place / "k.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (place / "k.pub").write_bytes(public)
    run(place, "check", "one.yaml", "--format", "json", "--output", "a.json")
    code, whole, _ = run(place, "report", "merge", "a.json", "a.json")
    assert (code, len(msgspec.json.decode(whole)["results"]) > 2) == (0, True)
    assert run(place, "report", "sign", "a.json", "--key", "k.pem") == (0, "signed: a.dsse.json\n", "")
    assert run(place, "report", "verify", "a.dsse.json", "--key", "k.pub")[0] == 0
    (place / "conformant.toml").write_text('[history]\ntrusted = ["k.pub"]\n')
    code, told, _ = run(place, "report", "verify", "a.dsse.json", "--output", "back.json")
    assert (code, "verified" in told) == (0, True)
    assert run(place, "report", "--run", "back.json", "--format", "json")[0] == 0
    damaged = (place / "a.dsse.json").read_bytes().replace(b"payload", b"paylaod", 1)
    (place / "bad.json").write_bytes(damaged)
    code, _, error = run(place, "report", "verify", "bad.json")
    assert (code, "NOT VERIFIED" in error) == (1, True)


@pytest.mark.parametrize(
    ("words", "why"),
    [(("report", "--run", "none.json"), "none.json: no such file"), (("report",), "holds no run"),
     (("report", "merge", "one.yaml"), "not a report"), (("report", "--format", "odd"), "no format 'odd'"),
     (("report", "verify", "one.yaml"), "no public key"), (("report", "prune", "--days", "0"), "nothing is pruned"),
     (("report", "runs", "--history", "odd"), "cannot be opened")],
)  # fmt: skip
def test_wrong_use_is_one_line_and_exit_code_2(place: Path, words: tuple[str, ...], why: str) -> None:
    code, out, error = run(place, *words)
    assert (code, out) == (2, "")
    assert why in error
    assert error.count("\n") == 1


def test_a_run_that_cannot_be_kept_says_so_and_its_verdict_stands(place: Path) -> None:
    (place / "conformant.toml").write_text('[history]\nkeep = true\nurl = "sqlite:////proc/none/h.db"\n')
    code, out, error = run(place, "check", "one.yaml")
    assert code == 1
    assert out.startswith("FAIL")
    assert "this run was not kept" in error
