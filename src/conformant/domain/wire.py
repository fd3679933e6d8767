"""What a prober saw on a port, classified: does it accept plaintext, and does its TLS end in the mesh?"""

from base64 import b64decode
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

PASS, FAIL, UNKNOWN, INAPPLICABLE = "pass", "fail", "unknown", "not_applicable"
_URI = 6
_REFUSALS = ("CERTIFICATE_REQUIRED", "HANDSHAKE_FAILURE", "BAD_CERTIFICATE", "CERTIFICATE_UNKNOWN", "ACCESS_DENIED")


class Verdict(Struct, frozen=True):
    """``pass``, ``fail``, ``unknown`` or ``not_applicable``, and why."""

    status: str
    why: str


def classify(seen: Mapping[str, Any], *, virtual: bool = False) -> Verdict:
    """The verdict on one target. `virtual` says that it was the address of a Service, not of a pod."""
    state = str(seen.get("connect"))
    if state == "refused":
        if virtual:
            return Verdict(UNKNOWN, "refused: the Service may have no ready endpoint")
        return Verdict(INAPPLICABLE, "nothing listens there")
    if state in ("timeout", "unreachable"):
        return Verdict(UNKNOWN, f"{state}: masked by a NetworkPolicy, or not there")
    if state != "open":
        return Verdict(UNKNOWN, state)
    spoken = [_map(seen.get("passive")), *(_map(one) for one in seen.get("plain") or ())]
    plain = next((one for one in spoken if one.get("kind") == "plain"), None)
    if plain is not None:
        note = "; authorization refused the request, the transport did not" if "403" in str(plain.get("start")) else ""
        return Verdict(FAIL, f"it answered in clear: {plain.get('start')!r}{note}")
    return _of_tls(_map(seen.get("tls")), spoken)


def _of_tls(tls: Mapping[str, Any], spoken: list[Mapping[str, Any]]) -> Verdict:
    """The verdict on a port that said nothing in clear."""
    leaf = b64decode(str(tls.get("leaf") or ""))
    handshake, after = str(tls.get("handshake")), str(tls.get("after"))
    if not leaf:
        if handshake == "timeout" and all(one.get("end") == "silence" for one in spoken):
            return Verdict(UNKNOWN, "it is silent: hung, or slow")
        return Verdict(UNKNOWN, f"it accepts and says nothing ({handshake}): a crashed application does that too")
    if not spiffe(leaf):
        return Verdict(FAIL, "its TLS does not end in the mesh: the certificate has no SPIFFE identity")
    if _refused(handshake) or _refused(after) or after == "refused while writing":
        return Verdict(PASS, f"silent in clear, a certificate is required ({handshake if after == '' else after})")
    if after in ("answered", "silent"):
        return Verdict(FAIL, "it does not require a client certificate")
    return Verdict(UNKNOWN, f"its TLS ended without a refusal ({after or handshake})")


def _refused(text: str) -> bool:
    upper = text.upper().replace(" ", "_")
    return any(word in upper for word in _REFUSALS)


def _map(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def spiffe(leaf: bytes) -> list[str]:
    """The SPIFFE identities in a certificate."""
    try:
        names = alternative_names(leaf) or []
    except (IndexError, ValueError):
        return []
    return [name for kind, name in names if kind == _URI and name.startswith("spiffe://")]


def alternative_names(der: bytes, start: int = 0, end: int | None = None) -> list[tuple[int, str]] | None:
    """(type, name) of the subjectAltName extension: type 6 is a URI, 2 a DNS name; None where it has none."""
    position, stop = start, len(der) if end is None else end
    while position < stop:
        tag, first, last = _element(der, position)
        if tag == 6 and der[first:last] == b"\x55\x1d\x11":
            return _names(der, last)
        if tag in (0x30, 0xA3):
            found = alternative_names(der, first, last)
            if found is not None:
                return found
        position = last
    return None


def _names(der: bytes, position: int) -> list[tuple[int, str]]:
    """The names of the extension whose identifier ends at `position`."""
    tag, first, last = _element(der, position)
    if tag == 1:  # whether it is critical
        _, first, last = _element(der, last)
    _, position, stop = _element(der, first)
    names: list[tuple[int, str]] = []
    while position < stop:
        tag, first, last = _element(der, position)
        names.append((tag & 31, der[first:last].decode("latin-1")))
        position = last
    return names


def _element(der: bytes, position: int) -> tuple[int, int, int]:
    """(tag, start, end) of the ASN.1 element at `position`."""
    tag, length, start = der[position], der[position + 1], position + 2
    if length & 128:
        size = length & 127
        length = int.from_bytes(der[start : start + size], "big")
        start += size
    return tag, start, start + length
