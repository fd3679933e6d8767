"""The prober against real servers on loopback, and what its answers are taken for."""

import datetime
import json
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from conformant.cluster import prober
from conformant.domain.wire import alternative_names, classify

Talk = Callable[[socket.socket], None]
IDENTITY = "spiffe://cluster.local/ns/shop/sa/web"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prober, "READ", 0.3)
    monkeypatch.setattr(prober, "CONNECT", 1.0)


@contextmanager
def server(talk: Talk) -> Iterator[int]:
    """A server on a port of loopback that has every connection go through `talk`."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(connection: socket.socket) -> None:
        with connection, suppress(OSError, ssl.SSLError):
            talk(connection)

    def accept() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.close()


def certificate(folder: Path, *names: x509.GeneralName) -> Path:
    """A certificate with these alternative names and its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
        .serial_number(1).not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))
    )  # fmt: skip
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=True)
    made = builder.sign(key, hashes.SHA256())
    file = folder / f"{len(names)}-{abs(hash(names))}.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return file


def over_tls(file: Path, *, client: bool, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> Talk:
    """A TLS server that requires a client certificate, or does not, and answers like HTTP."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    context.maximum_version = version
    if client:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(file)

    def talk(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as inside:
            if inside.recv(100):
                inside.sendall(b"HTTP/1.1 404 Not Found\r\n\r\n")

    return talk


def answering(reply: bytes, expected: bytes = b"") -> Talk:
    def talk(connection: socket.socket) -> None:
        data = connection.recv(1000)
        if data.startswith(expected):
            connection.sendall(reply)

    return talk


def banner(connection: socket.socket) -> None:
    connection.sendall(b"220 ready\r\n")
    connection.recv(100)


def silent(connection: socket.socket) -> None:
    while connection.recv(1000):
        pass


def closing(connection: socket.socket) -> None:
    return


def resetting(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")


def probed(port: int, opener: str = "http") -> tuple[str, str]:
    task = {"id": "t", "do": "plaintext", "host": "127.0.0.1", "port": port, "opener": opener}
    verdict = classify(prober.answer(task, "abc", "conformant/test"))
    return verdict.status, verdict.why


@pytest.mark.parametrize(
    ("opener", "talk"),
    [
        ("http", answering(b"HTTP/1.1 404 Not Found\r\n\r\n", b"GET /__verify_abc HTTP/1.1\r\nHost: 127.0.0.1\r\n")),
        ("postgresql", answering(b"N", b"\0\0\0\x08\x04\xd2\x16\x2f")),
        ("postgresql", answering(b"S")),
        ("redis", answering(b"+PONG\r\n", b"PING\r\n")),
        ("redis", answering(b"-NOAUTH Authentication required.\r\n")),
        ("kafka", answering(b"\0\0\0\x10\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0")),
        ("redis", answering(b"HTTP/1.1 400 Bad Request\r\n\r\n")),
        ("", answering(b"what?")),
        ("http", banner),
    ],
)  # fmt: skip
def test_answers_in_clear_fail(opener: str, talk: Talk) -> None:
    with server(talk) as port:
        status, why = probed(port, opener)
    assert (status, why.partition(":")[0]) == ("fail", "it answered in clear")


def test_a_refusal_by_authorization_is_an_answer_in_clear() -> None:
    with server(answering(b"HTTP/1.1 403 Forbidden\r\n\r\nRBAC: access denied")) as port:
        status, why = probed(port)
    assert status == "fail"
    assert "authorization refused" in why


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_mutual_tls_passes(tmp_path: Path, version: ssl.TLSVersion) -> None:
    file = certificate(tmp_path, x509.UniformResourceIdentifier(IDENTITY))
    with server(over_tls(file, client=True, version=version)) as port:
        for _ in range(10):
            status, why = probed(port)
            assert status == "pass", why


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_without_a_client_certificate_fails(tmp_path: Path, version: ssl.TLSVersion) -> None:
    file = certificate(tmp_path, x509.UniformResourceIdentifier(IDENTITY))
    with server(over_tls(file, client=False, version=version)) as port:
        assert probed(port) == ("fail", "it does not require a client certificate")


def test_tls_of_the_application_fails(tmp_path: Path) -> None:
    file = certificate(tmp_path, x509.DNSName("web.shop"))
    with server(over_tls(file, client=True)) as port:
        status, why = probed(port)
    assert status == "fail"
    assert "no SPIFFE identity" in why


def test_the_hint_of_a_go_server_is_no_plaintext(tmp_path: Path) -> None:
    file = certificate(tmp_path, x509.UniformResourceIdentifier(IDENTITY))
    tls = over_tls(file, client=True)

    def talk(connection: socket.socket) -> None:
        if connection.recv(1, socket.MSG_PEEK) == b"\x16":
            tls(connection)
        else:
            connection.recv(1000)
            connection.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n")

    with server(talk) as port:
        assert probed(port)[0] == "pass"


@pytest.mark.parametrize("talk", [closing, resetting, silent], ids=["closing", "resetting", "silent"])
def test_what_says_nothing_is_undecided(talk: Talk) -> None:
    with server(talk) as port:
        status, why = probed(port)
    assert status == "unknown"
    assert ("silent" in why) is (talk is silent)


def test_a_closed_port_has_nothing_to_judge() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert probed(port) == ("not_applicable", "nothing listens there")
    assert classify({"connect": "refused"}, virtual=True).status == "unknown"


@pytest.mark.parametrize("state", ["timeout", "unreachable", "error 1", "the prober broke: KeyError"])
def test_what_was_not_reached_is_never_a_pass(state: str) -> None:
    assert classify({"connect": state}).status == "unknown"


def test_names_of_certificates(tmp_path: Path) -> None:
    names = [x509.DNSName("a.b"), x509.UniformResourceIdentifier(IDENTITY)]
    der = ssl.PEM_cert_to_DER_cert(
        certificate(tmp_path, *names).read_text().partition("-----END PRIVATE KEY-----\n")[2]
    )
    assert alternative_names(der) == [(2, "a.b"), (6, IDENTITY)]
    bare = ssl.PEM_cert_to_DER_cert(certificate(tmp_path).read_text().partition("-----END PRIVATE KEY-----\n")[2])
    assert alternative_names(bare) is None


def test_the_program_ends_with_its_marker(tmp_path: Path) -> None:
    def echo(connection: socket.socket) -> None:
        connection.sendall(connection.recv(100))

    with server(echo) as port:
        tasks = [
            {"id": "a", "do": "reach", "host": "127.0.0.1", "port": port, "echo": True},
            {"id": "b", "do": "nothing", "host": "127.0.0.1", "port": port},
        ]
        work = tmp_path / "work.json"
        work.write_text(json.dumps({"nonce": "abcd", "tasks": tasks}))
        done = subprocess.run(
            [sys.executable, "-I", prober.__file__, str(work)], capture_output=True, text=True, timeout=30, check=True
        )
    [line] = done.stdout.splitlines()
    assert line.endswith('"end": "abcd", "count": 2}')
    first, second = json.loads(line)["answers"]
    assert (first["id"], first["outcome"]) == ("a", "open")
    assert second["connect"] == "the prober broke: KeyError"
