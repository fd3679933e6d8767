"""Signed reports: any changed byte is noticed."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conformant.attest import AttestError, Tampered, sign, verify

pytest.importorskip("cryptography", reason="signing needs cryptography")

REPORT = b'{"schema": 1, "verdict": "pass", "results": [], "note": "\xc3\xa9"}\n'


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return pair(tmp_path_factory.mktemp("keys"))


def pair(folder: Path) -> tuple[Path, Path]:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

    key = Ed25519PrivateKey.generate()
    private, public = folder / "key.pem", folder / "key.pub"
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return private, public


def test_what_was_signed_is_verified(keys: tuple[Path, Path]) -> None:
    report, mark = verify(sign(REPORT, "report.json", keys[0]), [keys[1]])
    assert b'"verdict":"pass"' in report
    assert len(mark) == 64


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(data=st.data())
def test_any_changed_byte_is_noticed(keys: tuple[Path, Path], data: st.DataObject) -> None:
    envelope = bytearray(sign(REPORT, "report.json", keys[0]))
    at = data.draw(st.integers(0, len(envelope) - 1))
    envelope[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(Tampered):
        verify(bytes(envelope), [keys[1]])


@pytest.mark.parametrize("change", [b"", b" ", b"\n", b"{}"])
def test_added_and_missing_bytes_are_noticed(keys: tuple[Path, Path], change: bytes) -> None:
    envelope = sign(REPORT, "report.json", keys[0])
    for changed in (envelope + change if change else envelope[:-1], change + envelope if change else envelope[1:]):
        with pytest.raises(Tampered):
            verify(changed, [keys[1]])


def test_a_stranger_s_signature_is_refused(keys: tuple[Path, Path], tmp_path: Path) -> None:
    private, public = pair(tmp_path)
    with pytest.raises(Tampered, match="none of those given"):
        verify(sign(REPORT, "report.json", private), [keys[1]])
    assert verify(sign(REPORT, "report.json", private), [keys[1], public])[1]


def test_keys_that_cannot_be_used_are_named(keys: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "rsa.pem").write_text("no key")
    for key in (tmp_path / "none.pem", tmp_path / "rsa.pem", keys[1]):
        with pytest.raises(AttestError, match=key.name):
            sign(REPORT, "report.json", key)
    with pytest.raises(AttestError, match="--key"):
        verify(b"{}", [])
    with pytest.raises(AttestError, match="not a report"):
        sign(b"{", "report.json", keys[0])


def test_openssl_agrees_on_the_signature(keys: tuple[Path, Path], tmp_path: Path) -> None:
    """The signature is plain Ed25519 over DSSE's encoding: another implementation verifies it."""
    import shutil
    from base64 import b64decode

    import msgspec

    if shutil.which("openssl") is None:
        pytest.skip("openssl is not at hand")
    stated = msgspec.json.decode(sign(REPORT, "report.json", keys[0]))
    payload = b64decode(stated["payload"])
    kind = stated["payloadType"].encode()
    (tmp_path / "message").write_bytes(b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload))
    (tmp_path / "signature").write_bytes(b64decode(stated["signatures"][0]["sig"]))
    command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", str(keys[1]), "-rawin", "-in",
               str(tmp_path / "message"), "-sigfile", str(tmp_path / "signature")]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "Verified Successfully" in done.stdout, done.stderr
