"""The program that probe pods run: opens connections, says what it saw, judges nothing.

One file and the standard library alone: it stands in the probe image, or is mounted from a ConfigMap into any image
with Python 3.11. It reads its work, ``{"nonce": …, "agent": …, "tasks": […]}``, from the file that is its argument, and
writes one line of JSON, which ends with the nonce and the number of answers: without that end it was cut off.
"""

import base64
import json
import os
import select
import socket
import ssl
import struct
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

CONNECT, READ = 3.0, 1.5
TRIES = 3
AT_ONCE = 20
MOST = 4096
ALPN = ["istio-peer-exchange", "istio"]
HINTS = (b"HTTP request to an HTTPS server", b"plain HTTP request was sent to HTTPS port")

Task = dict[str, Any]
Seen = dict[str, Any]


def opener(kind: str, host: str, nonce: str, agent: str) -> bytes:
    """The harmless first bytes of a protocol."""
    if kind == "http":
        lines = (f"GET /__verify_{nonce} HTTP/1.1", f"Host: {host}", f"User-Agent: {agent}", "Connection: close")
        return ("\r\n".join(lines) + "\r\n\r\n").encode()
    if kind == "postgresql":
        return struct.pack("!II", 8, 80877103)
    if kind == "redis":
        return b"PING\r\n"
    if kind == "kafka":
        client = agent.encode()[:64]
        body = struct.pack("!hhih", 18, 0, 1, len(client)) + client
        return struct.pack("!i", len(body)) + body
    return b"\x00" + os.urandom(15)


def connect(host: str, port: int) -> tuple[socket.socket | None, str]:
    """A connection, or what kept it from being one: refused, timeout, unreachable, reset."""
    try:
        return socket.create_connection((host, port), CONNECT), "open"
    except ConnectionRefusedError:
        return None, "refused"
    except ConnectionResetError:
        return None, "reset"
    except TimeoutError:
        return None, "timeout"
    except OSError as error:
        return None, "unreachable" if error.errno in (101, 113) else f"error {error.errno}"


def receive(sock: socket.socket, seconds: float) -> tuple[bytes, str]:
    """What arrives within `seconds`, and how it ended: data, silence, closed, reset."""
    sock.settimeout(seconds)
    try:
        data = sock.recv(MOST)
    except TimeoutError:
        return b"", "silence"
    except OSError:
        return b"", "reset"
    return data, "data" if data else "closed"


def kind_of(data: bytes) -> str:
    """What bytes in clear are: ``alert`` and ``https`` come from servers that want TLS, ``plain`` does not."""
    if not data:
        return ""
    if data[:2] == b"\x15\x03":
        return "alert"
    if data.startswith(b"HTTP/1.") and b" 400" in data[:16] and any(hint in data for hint in HINTS):
        return "https"
    return "plain"


def in_clear(task: Task, first: bytes) -> Seen:
    """One connection: listen, then say the opener, then listen. Bodies are not kept, only how they begin."""
    sock, state = connect(task["host"], task["port"])
    if sock is None:
        return {"connect": state}
    with sock:
        data, end = receive(sock, READ) if not first else (b"", "silence")
        if first:
            try:
                sock.sendall(first)
            except OSError:
                return {"connect": "open", "end": "reset", "kind": "", "bytes": 0}
            data, end = receive(sock, READ)
        start = data[:16].decode("latin-1").partition("\r")[0].partition("\n")[0]
        return {"connect": "open", "end": end, "kind": kind_of(data), "bytes": len(data), "start": start}


def certificate(received: bytes) -> bytes:
    """The leaf in the clear text of a TLS 1.2 handshake: the first of the Certificate message."""
    messages, position = b"", 0
    while position + 5 <= len(received):
        kind, _, length = struct.unpack("!BHH", received[position : position + 5])
        if kind == 22:
            messages += received[position + 5 : position + 5 + length]
        elif kind == 20:
            break
        position += 5 + length
    position = 0
    while position + 4 <= len(messages):
        length = int.from_bytes(messages[position + 1 : position + 4], "big")
        if messages[position] == 11:
            size = int.from_bytes(messages[position + 7 : position + 10], "big")
            return messages[position + 10 : position + 10 + size]
        position += 4 + length
    return b""


class Handshake:
    """TLS driven by hand, so that the certificate is seen even where the handshake fails."""

    def __init__(self, sock: socket.socket, *, alpn: bool, old: bool) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        if old:
            context.maximum_version = ssl.TLSVersion.TLSv1_2
        else:
            context.minimum_version = ssl.TLSVersion.TLSv1_3
        if alpn:
            context.set_alpn_protocols(ALPN)
        self.sock = sock
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing)
        self.received = b""
        self.deadline = 0.0

    def drive(self, step: Callable[[], Any]) -> Any:
        """Run one step of the state machine to its end. Raises ssl.SSLError, OSError, TimeoutError."""
        while True:
            try:
                result = step()
            except ssl.SSLWantReadError:
                self.flush()
                self.more()
            except ssl.SSLError:
                self.flush()
                raise
            else:
                self.flush()
                return result

    def flush(self) -> None:
        data = self.outgoing.read()
        if data:
            self.sock.sendall(data)

    def more(self) -> None:
        left = self.deadline - time.monotonic()
        if left <= 0 or not select.select([self.sock], [], [], left)[0]:
            raise TimeoutError
        data = self.sock.recv(65536)
        if data:
            self.received += data
            self.incoming.write(data)
        else:
            self.incoming.write_eof()

    def within(self, seconds: float, step: Callable[[], Any]) -> Any:
        self.deadline = time.monotonic() + seconds
        return self.drive(step)


def in_tls(task: Task, first: bytes, *, alpn: bool = True, old: bool = False) -> Seen:
    """One TLS connection without a client certificate: the leaf, and whether its absence is accepted."""
    sock, state = connect(task["host"], task["port"])
    if sock is None:
        return {"connect": state}
    with sock:
        shake = Handshake(sock, alpn=alpn, old=old)
        seen: Seen = {"connect": "open", "handshake": "done", "alpn": alpn, "old": old, "leaf": "", "after": ""}
        try:
            shake.within(CONNECT, shake.tls.do_handshake)
        except (ssl.SSLError, OSError) as error:
            seen["handshake"] = said(error)
            leaf = certificate(shake.received)
        else:
            leaf = shake.tls.getpeercert(True) or b""
            seen["version"] = shake.tls.version()
            seen["after"] = after(shake, first)
        seen["leaf"] = base64.b64encode(leaf).decode()
        return seen


def after(shake: Handshake, first: bytes) -> str:
    """What follows the handshake. Read first: a refusal arrives there, and is lost where one writes first."""
    for write in (False, True):
        try:
            if write:
                shake.within(READ, lambda: shake.tls.write(first))
            data = shake.within(READ, lambda: shake.tls.read(MOST))
        except TimeoutError:
            continue
        except (ssl.SSLError, OSError) as error:
            broken = said(error)
            return "refused while writing" if write and broken in ("closed", "reset") else broken
        return "answered" if data else "closed"
    return "silent"


def said(error: Exception) -> str:
    """A TLS or socket error in one word or its own text."""
    if isinstance(error, TimeoutError):
        return "timeout"
    if isinstance(error, ssl.SSLZeroReturnError | ssl.SSLEOFError):
        return "closed"
    if isinstance(error, ssl.SSLError):
        return error.reason or str(error)
    return "reset"


def plaintext(task: Task, nonce: str, agent: str) -> Seen:
    """Whether a port speaks in clear, and what its TLS is: LIVE-MTLS-001."""
    first = opener(task.get("opener", ""), task["host"], nonce, agent)
    passive = in_clear(task, b"")
    if passive["connect"] not in ("open", "reset"):
        return {"connect": passive["connect"]}
    spoken = [in_clear(task, first) for _ in range(TRIES)] if not passive.get("kind") else []
    greeting = opener("http", task["host"], nonce, agent)
    shakes = [in_tls(task, greeting)]
    text = shakes[0].get("handshake", "").lower().replace("_", " ")
    if "no application protocol" in text:
        shakes.append(in_tls(task, greeting, alpn=False))
    elif "protocol version" in text:
        shakes.append(in_tls(task, greeting, old=True))
    return {"connect": "open", "passive": passive, "plain": spoken, "tls": shakes[-1]}


def reach(task: Task, nonce: str, agent: str) -> Seen:
    """Whether an address answers: TCP connects, and with ``echo`` returns the nonce; UDP echoes it."""
    started = time.monotonic()
    if task.get("protocol") == "UDP":
        seen = datagram(task, nonce)
    else:
        sock, state = connect(task["host"], task["port"])
        seen = {"outcome": state}
        if sock is not None:
            with sock:
                seen["outcome"] = echoed(sock, nonce) if task.get("echo") else "open"
    return seen | {"seconds": round(time.monotonic() - started, 3)}


def echoed(sock: socket.socket, nonce: str) -> str:
    try:
        sock.sendall(nonce.encode() + b"\n")
    except OSError:
        return "connected, no data"
    data, _ = receive(sock, READ)
    return "open" if nonce.encode() in data else "connected, no data"


def datagram(task: Task, nonce: str) -> Seen:
    """One datagram from a port of its own: silence may be a block, a loss or a server that is silent."""
    family = socket.AF_INET6 if ":" in task["host"] else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.bind(("", 0))
        sock.settimeout(CONNECT)
        try:
            sock.connect((task["host"], task["port"]))
            sock.send(nonce.encode())
            return {"outcome": "open" if sock.recv(MOST) else "connected, no data"}
        except ConnectionRefusedError:
            return {"outcome": "refused"}
        except TimeoutError:
            return {"outcome": "timeout"}
        except OSError as error:
            return {"outcome": "unreachable" if error.errno in (101, 113) else f"error {error.errno}"}


DOES = {"plaintext": plaintext, "reach": reach}


def answer(task: Task, nonce: str, agent: str) -> Seen:
    """The answer to one task; what breaks is an answer too."""
    try:
        seen = DOES[task["do"]](task, nonce, agent)
    except Exception as error:  # noqa: BLE001 -- one target must not cost the others their answers
        seen = {"connect": f"the prober broke: {type(error).__name__}"}
    return {"id": task["id"], **seen}


def work(stated: dict[str, Any]) -> str:
    """The line for all tasks, its end marker included."""
    nonce, agent = stated["nonce"], stated.get("agent", "conformant")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(lambda task: answer(task, nonce, agent), stated["tasks"]))
    return json.dumps({"answers": answers, "end": nonce, "count": len(answers)})


def main(arguments: list[str]) -> int:
    with open(arguments[0], encoding="utf-8") as stream:
        print(work(json.load(stream)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
