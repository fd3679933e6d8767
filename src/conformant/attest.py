"""Signed reports: an in-toto statement about a report, in a DSSE envelope, signed with Ed25519.

https://github.com/secure-systems-lab/dsse and https://github.com/in-toto/attestation. The report is the
predicate, so that one file holds everything; its SHA-256 is that of the subject.
"""

from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Sequence
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

PAYLOAD = "application/vnd.in-toto+json"
STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://conformant.dev/report/v1"


class AttestError(Exception):
    """A key or envelope that cannot be used; the message says which and why."""

    exit_code = 2


class Tampered(Exception):
    """A signed report is not what was signed."""

    exit_code = 1


def sign(report: bytes, name: str, key: Path) -> bytes:
    """The envelope of a report (a JSON text) under the private key in a PEM file. Raises AttestError."""
    private = _private(key)
    try:
        predicate = msgspec.json.decode(report)
    except msgspec.DecodeError as error:
        raise AttestError(f"{name}: not a report: {error}") from None
    statement = {
        "_type": STATEMENT,
        "subject": [{"name": name, "digest": {"sha256": sha256(_canonical(predicate)).hexdigest()}}],
        "predicateType": PREDICATE,
        "predicate": predicate,
    }
    payload = _canonical(statement)
    signature = private.sign(_encoded(payload))
    return _envelope(payload, _id_of(private.public_key()), signature)


def verify(envelope: bytes, keys: Sequence[Path]) -> tuple[bytes, str]:
    """The report (a JSON text) in an envelope, and the id of the key that signed it.

    Raises Tampered where any byte is not as it was signed, or by none of these public keys; AttestError
    where the keys cannot be read.
    """
    if not keys:
        raise AttestError("no public key to verify with: name one with --key")
    trusted = {_id_of(public): public for public in map(_public, keys)}
    try:
        stated = msgspec.json.decode(envelope)
        payload = b64decode(stated["payload"], validate=True)
        [signature] = stated["signatures"]
        mark, value = str(signature["keyid"]), b64decode(signature["sig"], validate=True)
    except (msgspec.DecodeError, NotBase64, KeyError, TypeError, ValueError):
        raise Tampered("it is no signed report (a DSSE envelope with one signature)") from None
    if mark not in trusted:
        raise Tampered(f"it is signed with the key {mark[:16]}, which is none of those given")
    if stated.get("payloadType") != PAYLOAD or not _holds(trusted[mark], value, _encoded(payload)):
        raise Tampered("the signature does not fit what is in it")
    if _envelope(payload, mark, value) != envelope:
        raise Tampered("bytes around the signed content are not as they were written")
    return _predicate(payload), mark


def _predicate(payload: bytes) -> bytes:
    statement = msgspec.json.decode(payload)
    predicate = _canonical(statement.get("predicate"))
    digest = statement.get("subject", [{}])[0].get("digest", {}).get("sha256")
    if statement.get("predicateType") != PREDICATE or digest != sha256(predicate).hexdigest():
        raise Tampered("it is a statement about something else than a conformant report")
    return predicate


def _encoded(payload: bytes) -> bytes:
    """DSSE's pre-authentication encoding: what is signed."""
    return b"DSSEv1 %d %s %d %s" % (len(PAYLOAD), PAYLOAD.encode(), len(payload), payload)


def _envelope(payload: bytes, mark: str, signature: bytes) -> bytes:
    document = {
        "payloadType": PAYLOAD,
        "payload": b64encode(payload).decode(),
        "signatures": [{"keyid": mark, "sig": b64encode(signature).decode()}],
    }
    return msgspec.json.encode(document) + b"\n"


def _canonical(document: Any) -> bytes:
    return msgspec.json.encode(document, order="sorted")


def _holds(key: "Ed25519PublicKey", signature: bytes, message: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature

    try:
        key.verify(signature, message)
    except InvalidSignature:
        return False
    return True


def _id_of(key: "Ed25519PublicKey") -> str:
    """SHA-256 of the raw public key."""
    return sha256(key.public_bytes_raw()).hexdigest()


def _private(file: Path) -> "Ed25519PrivateKey":
    _needed()
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(_read(file), None)
    except (ValueError, TypeError) as error:
        raise AttestError(f"{file}: not a private key without passphrase: {error}") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise AttestError(f"{file}: not an Ed25519 key (openssl genpkey -algorithm ed25519)")
    return key


def _public(file: Path) -> "Ed25519PublicKey":
    _needed()
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(_read(file))
    except ValueError as error:
        raise AttestError(f"{file}: not a public key: {error}") from None
    if not isinstance(key, Ed25519PublicKey):
        raise AttestError(f"{file}: not an Ed25519 key (openssl pkey -in KEY -pubout)")
    return key


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise AttestError(f"{file}: {(error.strerror or str(error)).lower()}") from None


def _needed() -> None:
    if find_spec("cryptography") is None:
        raise AttestError("signing needs cryptography: pip install 'conformant[sign]'")
