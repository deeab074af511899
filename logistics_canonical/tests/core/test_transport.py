# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import gzip
import ipaddress
import json
import socket
import ssl
import threading
import time
import zlib
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given, settings, strategies as st

from odoo.addons.logistics_canonical.core.adapter import Outbound, Response
from odoo.addons.logistics_canonical.core.profile import load_profile
from odoo.addons.logistics_canonical.transport import (
    Call,
    TransportError,
    guard,
    http,
    send,
)

OAUTH = {
    "scheme": "oauth2_client_credentials",
    "token_url": {"production": "https://api.acme.example/token"},
    "client_id": "{client_id}",
    "client_secret": "{client_secret}",
}
PUBLIC = "93.184.216.34"


def profile(auth=None, **limits):
    return load_profile(
        {
            "format": 1,
            "key": "acme",
            "name": "Acme",
            "version": 1,
            "credentials": [
                {"name": name, "label": name}
                for name in (
                    *("client_id", "client_secret", "certificate", "private_key"),
                    "key_password",
                )
            ],
            "endpoints": {"production": "https://api.acme.example"},
            "auth": {"main": auth or {"scheme": "none"}},
            "limits": limits,
            "messages": [{"name": "x"}],
            "codes": {},
        }
    )


def call(url, auth=None, *, method="GET", body=b"", headers=None, limits=None, **more):
    more.setdefault("allow_loopback", True)
    more.setdefault("credentials", {"client_id": "me", "client_secret": "hush"})
    return Call(
        outbound=Outbound(method, url, headers or {}, body, "main"),
        profile=profile(auth, **(limits or {})),
        **more,
    )


class Server:
    """A partner that does with each connection what the test says.

    :ivar requests: what came in, head and body
    """

    def __init__(self, handle, context=None):
        self._handle, self._context = handle, context
        self.requests = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def url(self):
        return f"{'https' if self._context else 'http'}://127.0.0.1:{self.port}"

    def _serve(self):
        while True:
            try:
                sock, _address = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._work, args=(sock,), daemon=True).start()

    def _work(self, sock):
        try:
            if self._context:
                sock = self._context.wrap_socket(sock, server_side=True)
            with sock:
                self._handle(self, sock)
        except OSError:
            sock.close()

    def read(self, sock):
        """Read one request."""
        head = b""
        while b"\r\n\r\n" not in head:
            part = sock.recv(4096)
            if not part:
                raise OSError("gone")
            head += part
        head, _end, body = head.partition(b"\r\n\r\n")
        length = 0
        for line in head.split(b"\r\n"):
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        while len(body) < length:
            body += sock.recv(4096)
        self.requests.append(head + b"\r\n\r\n" + body)
        return head, body

    def close(self):
        self._listener.close()


@contextmanager
def serving(handle, context=None):
    server = Server(handle, context)
    try:
        yield server
    finally:
        server.close()


def answering(body=b"{}", status="200 OK", **headers):
    def handle(server, sock):
        server.read(sock)
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}"]
        lines += [f"{name.replace('_', '-')}: {text}" for name, text in headers.items()]
        sock.sendall("\r\n".join([*lines, "", ""]).encode() + body)

    return handle


def refused(the_call):
    with pytest.raises(TransportError) as caught:
        send(the_call)
    return caught.value


# === WHETHER IT LEFT === #


def test_an_answer_is_an_answer_whatever_its_status():
    with serving(answering(b'{"a": 1}', "503 Busy", Retry_After="7")) as server:
        answer = send(call(server.url + "/t?x=1", headers={"X-Own": "1"}))
    assert (answer.status, answer.body) == (503, b'{"a": 1}')
    assert answer.headers["retry-after"] == "7"
    head = server.requests[0]
    assert head.startswith(b"GET /t?x=1 HTTP/1.1\r\n")
    assert b"X-Own: 1\r\n" in head
    assert f"Host: 127.0.0.1:{server.port}\r\n".encode() in head


def test_nothing_left_when_nobody_listens():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    error = refused(call(f"http://127.0.0.1:{port}/"))
    assert (error.error_class, error.left) == ("transient", False)


def test_nothing_left_when_the_name_is_unknown(monkeypatch):
    def unknown(*args, **kwargs):
        raise socket.gaierror("no such name")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    error = refused(call("https://api.acme.example/"))
    assert (error.error_class, error.left) == ("transient", False)


def test_nothing_left_when_the_name_server_is_silent(monkeypatch):
    release = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: release.wait(20))
    error = refused(call("https://api.acme.example/", limits={"timeout_s": 0.3}))
    release.set()
    assert (error.error_class, error.left) == ("transient", False)


@pytest.mark.parametrize(
    "url",
    ["http://10.0.0.1/", "https://[::ffff:10.0.0.1]/", "https://169.254.169.254/"],
)
def test_nothing_left_for_an_address_that_is_refused(url):
    error = refused(call(url))
    assert (error.error_class, error.left) == ("rejected", False)


def test_nothing_left_without_tls_where_it_is_needed():
    error = refused(call("http://127.0.0.1:1/", allow_loopback=False))
    assert (error.error_class, error.left) == ("rejected", False)


def test_nothing_left_when_a_credential_is_missing():
    auth = {"scheme": "basic", "username": "{client_id}", "password": "{private_key}"}
    with serving(answering()) as server:
        error = refused(call(server.url, auth))
    assert (error.error_class, error.left) == ("auth", False)
    assert server.requests == []


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "日本"])
def test_nothing_left_when_a_header_is_malformed(value):
    with serving(answering()) as server:
        error = refused(call(server.url, headers={"X-Name": value}))
    assert (error.error_class, error.left) == ("rejected", False)
    assert server.requests == []


def test_it_may_have_left_when_the_connection_breaks():
    with serving(lambda server, sock: server.read(sock)) as server:
        error = refused(call(server.url))
    assert (error.error_class, error.left) == ("transient", True)


@pytest.mark.parametrize(
    "answer",
    [
        b"go away\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\nabc",
        b"HTTP/1.1 200 OK\r\n" + b"X: 1\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
    ],
)
def test_it_may_have_left_when_the_answer_is_no_http(answer):
    def handle(server, sock):
        server.read(sock)
        sock.sendall(answer)

    with serving(handle) as server:
        error = refused(call(server.url))
    assert (error.error_class, error.left) == ("transient", True)


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\n{}",
    ],
)
def test_half_an_answer_is_none(head):
    def handle(server, sock):
        server.read(sock)
        sock.sendall(head)

    with serving(handle) as server:
        error = refused(call(server.url))
    assert (error.error_class, error.left) == ("transient", True)


def saying(*parts):
    """Answer with these bytes, whatever comes in."""

    def handle(server, sock):
        server.read(sock)
        sock.sendall(b"".join(parts))

    return handle


BOOKED = b'HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{"number":"N1"}'


@pytest.mark.parametrize(
    "interim",
    [
        b"HTTP/1.1 102 Processing\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\nContent-Length: 9\r\n\r\n",
        b"HTTP/1.1 103 Hints\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" * 3,
    ],
)
def test_what_comes_before_the_answer_is_not_the_answer(interim):
    with serving(saying(interim, BOOKED)) as server:
        answer = send(call(server.url, method="POST", body=b"{}"))
    assert (answer.status, answer.body) == (200, b'{"number":"N1"}')
    assert "link" not in answer.headers


def test_interim_answers_without_end_are_no_answer():
    hints = b"HTTP/1.1 103 Early Hints\r\n\r\n"
    with serving(saying(hints * 1000, BOOKED)) as server:
        error = refused(call(server.url, method="POST", body=b"{}"))
    assert (error.error_class, error.left) == ("transient", True)


def test_a_refusal_before_the_whole_body_was_read_is_an_answer():
    def handle(server, sock):
        sock.recv(1000)
        sock.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
        # Take the rest, so that the answer isn't lost with the connection.
        while sock.recv(65536):
            pass

    with serving(handle) as server:
        answer = send(call(server.url, method="POST", body=b"x" * 3_000_000))
    assert answer.status == 413


_PIECES = st.sampled_from(
    [
        *(
            b"HTTP/1.1 200 OK\r\n",
            b"HTTP/1.1 100 Continue\r\n\r\n",
            b"\r\n",
            b"\r\n\r\n",
        ),
        *(b"Content-Length: ", b"Transfer-Encoding: chunked\r\n", b"5", b"-1", b"\xff"),
        *(
            b"Content-Encoding: gzip\r\n",
            b"Content-Encoding: deflate\r\n",
            b"x" * 70000,
        ),
        *(gzip.compress(b"x"), zlib.compress(b"x"), b" : ", b"\x00", b"9" * 5000),
    ]
)


@settings(max_examples=60)
@given(
    start=st.sampled_from([b"", b"HTTP/1.1 200 OK\r\n"]),
    rest=st.lists(st.one_of(_PIECES, st.binary(max_size=9)), max_size=8),
)
def test_whatever_comes_back_is_an_answer_or_a_failure_that_is_told(start, rest):
    def handle(server, sock):
        server.read(sock)
        sock.sendall(start + b"".join(rest))

    with serving(handle) as server:
        try:
            assert isinstance(send(call(server.url)), Response)
        except TransportError as error:
            assert error.left


# === TIME === #


def dripping(first, byte):
    """Send the start of an answer and then a byte now and then, for ever."""

    def handle(server, sock):
        server.read(sock)
        sock.sendall(first)
        while True:
            sock.sendall(byte)
            time.sleep(0.05)

    return handle


@pytest.mark.parametrize(
    ("first", "byte"),
    [
        (b"HTTP/1.1 200 OK\r\nX-Long: ", b"a"),
        (b"HTTP/1.1 200 OK\r\n", b"X: 1\r\n"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"HTTP/1.1 103 Early Hints\r\n\r\n", b"X: 1\r\n"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n", b"a"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n"),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"a"),
        (b"", b""),
    ],
)
def test_a_partner_that_drips_is_cut_off(first, byte):
    with serving(dripping(first, byte)) as server:
        error = refused(call(server.url, limits={"timeout_s": 0.6}))
    assert (error.error_class, error.left) == ("transient", True)


def test_the_time_holds_for_token_and_repetition_together(monkeypatch):
    ends = []

    def exchange(the_call, outbound, deadline):
        ends.append(deadline)
        if outbound.url.endswith("/token"):
            body = json.dumps({"access_token": f"t{len(ends)}"}).encode()
            return Response(200, {}, body)
        return Response(401)

    monkeypatch.setattr(http, "_request", exchange)
    the_call = call("https://x.example", OAUTH, cache_key="together")
    send(the_call)
    assert len(ends) == 2, "a token that was just fetched is not fetched again"
    ends.clear()
    send(the_call)
    assert len(ends) == 3, "call, token, call"
    assert len(set(ends)) == 1


def test_reading_too_slowly_while_we_send_ends_too():
    def handle(server, sock):
        sock.recv(10)
        time.sleep(10)

    with serving(handle) as server:
        error = refused(
            call(
                server.url,
                method="POST",
                body=b"x" * 8_000_000,
                limits={"timeout_s": 0.5},
            )
        )
    assert (error.error_class, error.left) == ("transient", True)


@pytest.mark.parametrize(
    ("limits", "seconds"),
    [({}, 30), ({"timeout_s": 12}, 12), ({"timeout_s": 60}, 55)],
)
def test_the_time_is_the_profiles_and_always_less_than_the_lease(limits, seconds):
    assert call("https://x.example", limits=limits).timeout == seconds


# === SIZE AND REDIRECTS === #


def test_a_redirect_is_not_followed():
    with serving(answering(b"", "302 Found", Location="http://10.0.0.1/")) as server:
        assert send(call(server.url)).status == 302
    assert len(server.requests) == 1


@pytest.mark.parametrize("announced", [True, False])
def test_an_answer_that_is_too_large_is_refused(monkeypatch, announced):
    monkeypatch.setattr(http, "MAX_BYTES", 1000)

    def handle(server, sock):
        server.read(sock)
        length = b"Content-Length: 5000\r\n" if announced else b""
        sock.sendall(b"HTTP/1.1 200 OK\r\n" + length + b"\r\n" + b"x" * 5000)

    with serving(handle) as server:
        error = refused(call(server.url))
    assert (error.error_class, error.left) == ("poison", True)


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
    ],
)
def test_lengths_that_lie_do_not_fill_the_memory(monkeypatch, head):
    monkeypatch.setattr(http, "MAX_RECEIVED", 300_000)
    monkeypatch.setattr(http, "MAX_BYTES", 200_000)

    def handle(server, sock):
        server.read(sock)
        while True:
            sock.sendall(head if b"100" in head or not server.started else b"x" * 9999)
            server.started = True

    with serving(handle) as server:
        server.started = False
        error = refused(call(server.url))
    assert (error.error_class, error.left) == ("poison", True)


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [
        ("gzip", gzip.compress),
        ("gzip", lambda body: gzip.compress(body[:9]) + gzip.compress(body[9:])),
        ("gzip", lambda body: gzip.compress(body) + b"\0" * 9),
        ("deflate", zlib.compress),
        ("deflate", lambda body: zlib.compress(body)[2:-4]),
        ("identity", bytes),
    ],
)
def test_a_compressed_answer_is_unpacked(encoding, pack):
    with serving(answering(pack(b'{"a": 1}' * 9), Content_Encoding=encoding)) as server:
        assert send(call(server.url)).body == b'{"a": 1}' * 9


@pytest.mark.parametrize(
    ("encoding", "body", "error_class"),
    [
        ("gzip", gzip.compress(b"{}")[:-1], "transient"),
        ("gzip", gzip.compress(b"{}") + gzip.compress(b"{}")[:-9], "transient"),
        ("deflate", zlib.compress(b"{}")[:-1], "transient"),
        ("gzip", gzip.compress(b"{}") + b"<html>", "poison"),
        ("gzip", b"{}", "poison"),
        ("br", b"{}", "poison"),
    ],
)
def test_what_can_not_be_unpacked_to_its_end_is_no_answer(encoding, body, error_class):
    with serving(answering(body, Content_Encoding=encoding)) as server:
        error = refused(call(server.url))
    assert (error.error_class, error.left) == (error_class, True)


@pytest.mark.parametrize("parts", [1, 3])
def test_a_compressed_answer_can_not_fill_the_memory(parts):
    bomb = gzip.compress(b"\0" * (http.MAX_BYTES * 3 // parts)) * parts
    with serving(answering(bomb, Content_Encoding="gzip")) as server:
        error = refused(call(server.url))
    assert (error.error_class, error.left) == ("poison", True)


# === TLS === #


class Authority:
    """Makes certificates."""

    def __init__(self, folder, name):
        self.key, self.certificate = self._make(name, None)
        self.file = folder / f"{name}.pem"
        self.file.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))
        self._folder = folder

    def _make(self, name, issuer):
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.now(timezone.utc)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer.certificate.subject if issuer else subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(not issuer, None), critical=True)
        )
        if issuer:
            address = x509.DNSName(name)
            if name[0].isdigit():
                address = x509.IPAddress(ipaddress.ip_address(name))
            builder = builder.add_extension(
                x509.SubjectAlternativeName([address]), critical=False
            )
        signer = issuer.key if issuer else key
        return key, builder.sign(signer, hashes.SHA256())

    def issue(self, name, password=b""):
        """Return (certificate, private key) as PEM."""
        key, certificate = self._make(name, self)
        return (
            certificate.public_bytes(serialization.Encoding.PEM).decode(),
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.BestAvailableEncryption(password)
                if password
                else serialization.NoEncryption(),
            ).decode(),
        )

    def server_context(self, name="127.0.0.1", clients=None, version=None):
        certificate, key = self.issue(name)
        path = self._folder / f"{name}-server.pem"
        path.write_text(certificate + key)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        if version:
            context.maximum_version = version
        if clients:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(clients.file)
        return context


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path, "authority")


MUTUAL = {
    "scheme": "none",
    "client_certificate": {
        "certificate": "{certificate}",
        "private_key": "{private_key}",
        "password": "{key_password}",
    },
}


def test_a_trusted_server_is_called(authority):
    with serving(answering(), authority.server_context()) as server:
        answer = send(call(server.url, ca_file=str(authority.file)))
    assert answer.status == 200


def test_an_untrusted_server_is_not(authority):
    with serving(answering(), authority.server_context()) as server:
        error = refused(call(server.url))
    assert (error.error_class, error.left) == ("transient", False)
    assert "certificate" in str(error)
    assert server.requests == []


def test_a_server_with_another_name_is_not(authority):
    context = authority.server_context("other.example")
    with serving(answering(), context) as server:
        error = refused(call(server.url, ca_file=str(authority.file)))
    assert error.left is False
    assert server.requests == []


def test_a_server_that_stops_in_the_handshake_is_cut_off():
    def handle(server, sock):
        while True:
            sock.sendall(b"\x16")
            time.sleep(0.05)

    with serving(handle) as server:
        url = server.url.replace("http://", "https://")
        error = refused(call(url, limits={"timeout_s": 0.5}))
    assert (error.error_class, error.left) == ("transient", False)


def test_a_dripping_server_is_cut_off_over_tls_too(authority):
    handle = dripping(b"HTTP/1.1 200 OK\r\nX: ", b"a")
    with serving(handle, authority.server_context()) as server:
        error = refused(
            call(server.url, ca_file=str(authority.file), limits={"timeout_s": 0.6})
        )
    assert (error.error_class, error.left) == ("transient", True)


@pytest.mark.parametrize("password", ["", "open sesame"])
@pytest.mark.parametrize("in_one", [False, True])
def test_a_client_certificate_opens_the_connection(authority, password, in_one):
    certificate, key = authority.issue("us", password.encode())
    auth = MUTUAL
    credentials = {"certificate": certificate.strip(), "private_key": key.strip()}
    if in_one:
        auth = {**MUTUAL, "client_certificate": {**MUTUAL["client_certificate"]}}
        del auth["client_certificate"]["private_key"]
        credentials = {"certificate": certificate + key}
    if password:
        credentials["key_password"] = password
    context = authority.server_context(clients=authority)
    with serving(answering(b"in"), context) as server:
        answer = send(
            call(server.url, auth, ca_file=str(authority.file), credentials=credentials)
        )
    assert answer.body == b"in"


@pytest.mark.parametrize(
    ("version", "left"),
    [(ssl.TLSVersion.TLSv1_2, False), (ssl.TLSVersion.TLSv1_3, True)],
)
def test_without_a_client_certificate_there_is_no_answer(authority, version, left):
    """With TLS 1.3 the refusal comes after the request went out."""
    context = authority.server_context(clients=authority, version=version)
    with serving(answering(), context) as server:
        error = refused(call(server.url, ca_file=str(authority.file)))
    assert (error.error_class, error.left) == ("transient", left)


def test_a_client_certificate_that_can_not_be_used_is_a_matter_of_credentials(
    authority,
):
    certificate, _key = authority.issue("us")
    _other, key = authority.issue("them", b"secret")
    for credentials in (
        {},
        {"certificate": certificate},
        {"certificate": "junk", "private_key": "junk"},
        {"certificate": certificate, "private_key": key},
        {"certificate": certificate, "private_key": key, "key_password": "wrong"},
        {"certificate": certificate, "private_key": key, "key_password": "secret"},
    ):
        error = refused(call("https://127.0.0.1:1", MUTUAL, credentials=credentials))
        assert (error.error_class, error.left) == ("auth", False)
        assert "BEGIN" not in str(error)


def test_a_private_key_leaves_no_file_behind(authority, monkeypatch, tmp_path):
    monkeypatch.setattr(http.tempfile, "tempdir", str(tmp_path))
    with http._as_file("key") as path, open(path) as file:
        assert file.read() == "key"
    monkeypatch.delattr(http.os, "memfd_create", raising=False)
    with http._as_file("key") as path:
        assert http.os.stat(path).st_mode & 0o777 == 0o600
        with open(path) as file:
            assert file.read() == "key"
    assert not [one for one in tmp_path.iterdir() if one.name.startswith("tmp")]


# === PROXY === #


def proxying(context=None):
    """A proxy; whatever it is asked for, it connects to ``server.target``."""

    def handle(server, sock):
        head, _rest = server.read(sock)
        status = server.status
        sock.sendall(f"HTTP/1.1 {status}\r\n\r\n".encode())
        if not status.startswith("200"):
            return
        with socket.create_connection(("127.0.0.1", server.target)) as far:
            back = threading.Thread(target=_copy, args=(far, sock), daemon=True)
            back.start()
            _copy(sock, far)
            back.join(5)

    return handle


def _copy(source, target):
    try:
        while part := source.recv(65536):
            target.sendall(part)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


@pytest.fixture
def names(monkeypatch):
    """Names that lead where the test says; addresses lead to themselves."""
    known = {"api.acme.example": [PUBLIC]}
    real = socket.getaddrinfo

    def lookup(host, port, *args, **kwargs):
        if host not in known:
            if not host[0].isdigit():
                raise socket.gaierror("no such name")
            return real(host, port, *args, **kwargs)
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
            for address in known[host]
        ]

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    return known


def through(proxy, authority, **more):
    more.setdefault("allow_private_proxy", True)
    return call(
        "https://api.acme.example/t",
        proxy_url=proxy.url,
        ca_file=str(authority.file),
        allow_loopback=False,
        **more,
    )


@pytest.mark.parametrize("secured", [False, True])
def test_a_proxy_opens_the_connection_and_sees_nothing_of_it(authority, names, secured):
    own = authority.server_context("127.0.0.1") if secured else None
    partner = serving(answering(b"hello"), authority.server_context("api.acme.example"))
    with partner as server, serving(proxying(), own) as proxy:
        proxy.target, proxy.status = server.port, "200 Fine"
        answer = send(through(proxy, authority))
    assert answer.body == b"hello"
    assert proxy.requests[0].startswith(b"CONNECT api.acme.example:443 HTTP/1.1\r\n")
    assert len(proxy.requests) == 1
    assert server.requests[0].startswith(b"GET /t HTTP/1.1\r\nHost: api.acme.example")


def test_a_proxy_is_asked_for_public_names_only(authority, names):
    names["api.acme.example"] = [PUBLIC, "10.0.0.5"]
    with serving(proxying()) as proxy:
        error = refused(through(proxy, authority))
        assert (error.error_class, error.left) == ("rejected", False)
        del names["api.acme.example"]
        error = refused(through(proxy, authority))
    assert (error.error_class, error.left) == ("transient", False)
    assert proxy.requests == []


def test_a_proxy_in_the_own_network_has_to_be_allowed(authority, names):
    with serving(proxying()) as proxy:
        error = refused(through(proxy, authority, allow_private_proxy=False))
    assert (error.error_class, error.left) == ("rejected", False)
    assert "allow_private_proxy" in str(error)
    assert proxy.requests == []


def test_a_proxy_that_refuses_is_no_answer_of_the_partner(authority, names):
    with serving(proxying()) as proxy:
        proxy.status = "407 Who Are You"
        error = refused(through(proxy, authority))
    assert (error.error_class, error.left) == ("transient", False)
    assert "407" in str(error)


def test_a_dripping_proxy_is_cut_off(authority, names):
    with serving(dripping(b"HTTP/1.1 200 OK\r\nX: ", b"a")) as proxy:
        error = refused(through(proxy, authority, limits={"timeout_s": 0.5}))
    assert (error.error_class, error.left) == ("transient", False)


def test_no_proxy_has_a_part_in_calls_to_this_machine():
    with serving(answering()) as server, serving(proxying()) as proxy:
        answer = send(call(server.url, proxy_url=proxy.url, allow_private_proxy=True))
    assert answer.status == 200
    assert proxy.requests == []


def test_what_a_private_proxy_may_be():
    def may(address):
        return guard.allowed(address, allow_loopback=True, allow_private=True)

    assert may("10.1.2.3") and may("192.168.0.1") and may("fd00::1")
    assert may("127.0.0.1") and may(PUBLIC)
    for address in ("169.254.169.254", "0.0.0.0", "224.0.0.1", "fe80::1", "::"):
        assert not may(address), address


@pytest.mark.parametrize(
    "address",
    ["64:ff9b::a00:1", "2002:a00:1::1", "::ffff:10.0.0.1", "::10.0.0.1", "::"],
)
def test_a_private_address_in_another_spelling_is_private(address):
    assert not guard.allowed(address, allow_loopback=False)


@pytest.mark.parametrize(
    "address", ["192.0.0.1", "192.0.0.192", "::ffff:192.0.0.192", "fec0::1", "feff::1"]
)
def test_what_only_some_pythons_take_for_special_is_special(address):
    assert not guard.allowed(address, allow_loopback=False)
    assert not guard.allowed(address, allow_loopback=True, allow_private=True)


# === SECRETS === #


def test_what_was_sent_counts_as_secret():
    auth = {"scheme": "basic", "username": "{client_id}", "password": "{client_secret}"}
    with serving(answering()) as server:
        the_call = call(server.url, auth)
        send(the_call)
    assert {"hush", "bWU6aHVzaA=="} <= set(the_call.secrets)


def test_a_private_key_is_secret_line_by_line(authority):
    certificate, key = authority.issue("us")
    the_call = call(
        "https://x.example",
        credentials={"certificate": certificate, "private_key": key},
    )
    line = key.splitlines()[1]
    assert line in the_call.secrets
    assert key in the_call.secrets
