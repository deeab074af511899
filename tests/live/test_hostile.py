# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What strangers, attackers and broken senders get, and what they leave behind."""

import json
import socket
import time

import harness
import pytest

MAX_BYTES = 1024 * 1024
SCAN = ("in_transit", "arrived_at_facility", "2026-03-01T10:00:00Z")


def count(database):
    return database.value("SELECT count(*) FROM logistics_message")


@pytest.fixture
def unchanged(database):
    """The test may leave nothing in the database."""
    before = count(database)
    yield
    assert count(database) == before


def assert_refused(answer, status):
    """The refusal is problem+json and tells nothing of the inside."""
    given, headers, body = answer
    assert given == status, body
    assert headers["Content-Type"] == "application/problem+json"
    assert "Set-Cookie" not in headers
    problem = json.loads(body)
    assert problem["status"] == status
    assert problem["title"] and problem["detail"]
    for inside in ("Traceback", "odoo", "psycopg2", ".py", "logistics_"):
        assert inside not in body.decode()


# === AT THE DOOR === #


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="missing"),
        pytest.param({"X-Hmac-Signature": ""}, id="empty"),
        pytest.param({"X-Hmac-Signature": "0" * 64}, id="no prefix"),
        pytest.param({"X-Hmac-Signature": f"hmac-sha256-hex={'0' * 64}"}, id="wrong"),
        pytest.param({"X-Hmac-Signature": "hmac-sha256-hex=xyz"}, id="not hex"),
        pytest.param({"X-Hmac-Signature": "hmac-sha256-hex=\xe9\xff"}, id="bytes"),
        pytest.param({"X-Hmac-Signature": "hmac-sha256-hex=" + "0" * 8000}, id="long"),
    ],
)
def test_a_bad_signature_is_refused(database, sender, unchanged, headers):
    body = harness.easypost_body("SIG1", SCAN)
    path = harness.path_of(database, "easypost")
    assert_refused(
        sender.send(path, body, {"Content-Type": "application/json", **headers}), 401
    )


def test_a_signature_of_other_bytes_is_refused(database, sender, unchanged):
    body = harness.easypost_body("SIG2", SCAN)
    headers = harness.signed_easypost(body)
    path = harness.path_of(database, "easypost")
    assert_refused(sender.send(path, body + b" ", headers), 401)


def test_the_secret_of_another_connector_is_refused(database, sender, unchanged):
    body = harness.easypost_body("SIG3", SCAN)
    headers = harness.signed_easypost(body, harness.SECRETS["sendcloud"])
    path = harness.path_of(database, "easypost")
    assert_refused(sender.send(path, body, headers), 401)


def test_an_unknown_address_answers_like_a_bad_signature(database, sender, unchanged):
    body = harness.easypost_body("SIG4", SCAN)
    headers = harness.signed_easypost(body, "wrong")
    known = sender.send(harness.path_of(database, "easypost"), body, headers)
    unknown = sender.send(f"/logistics/v1/in/{'f' * 32}", body, headers)
    malformed = sender.send("/logistics/v1/in/%27%20or%201=1--", body, headers)
    assert_refused(known, 401)
    for other in (unknown, malformed):
        assert other[0] == known[0]
        assert other[2] == known[2]
        names = [name for name in known[1] if name != "Date"]
        assert [name for name in other[1] if name != "Date"] == names
        assert [other[1][name] for name in names] == [known[1][name] for name in names]


@pytest.mark.parametrize("age", [301, 86400, -301, -86400])
def test_a_stale_or_future_timestamp_is_refused(database, sender, unchanged, age):
    body = harness.scans_body("OLD1", ("IT", "2026-03-01T10:00:00Z"))
    headers = harness.signed_standard(body, timestamp=int(time.time()) - age)
    path = harness.path_of(database, harness.PROFILE)
    assert_refused(sender.send(path, body, headers), 401)


@pytest.mark.parametrize(
    "timestamp", ["", "now", "nan", "inf", "1e400", "-1", "9" * 40]
)
def test_a_malformed_timestamp_is_refused(database, sender, unchanged, timestamp):
    body = harness.scans_body("OLD2", ("IT", "2026-03-01T10:00:00Z"))
    headers = harness.signed_standard(body, timestamp=timestamp)
    path = harness.path_of(database, harness.PROFILE)
    assert_refused(sender.send(path, body, headers), 401)


def test_a_changed_timestamp_or_id_breaks_the_signature(database, sender, unchanged):
    body = harness.scans_body("OLD3", ("IT", "2026-03-01T10:00:00Z"))
    path = harness.path_of(database, harness.PROFILE)
    headers = harness.signed_standard(body, timestamp=int(time.time()) - 200)
    fresh = dict(headers, **{"webhook-timestamp": str(int(time.time()))})
    assert_refused(sender.send(path, body, fresh), 401)
    renamed = dict(headers, **{"webhook-id": "msg_another"})
    assert_refused(sender.send(path, body, renamed), 401)


def test_a_replay_inside_the_tolerance_is_the_same_message(database, sender):
    body = harness.scans_body("REPLAY1", ("IT", "2026-03-01T10:00:00Z"))
    path = harness.path_of(database, harness.PROFILE)
    headers = harness.signed_standard(body)
    before = count(database)
    assert sender.send(path, body, headers)[0] == 202
    assert sender.send(path, body, headers)[0] == 200
    assert count(database) == before + 1


@pytest.mark.parametrize(
    "content_type",
    [
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "Application/X-WWW-Form-Urlencoded; charset=utf-8",
    ],
)
def test_form_bodies_are_refused(database, sender, unchanged, content_type):
    body = b'a=1&{"b":2}'
    headers = {**harness.signed_easypost(body), "Content-Type": content_type}
    path = harness.path_of(database, "easypost")
    assert_refused(sender.send(path, body, headers), 415)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "GZIP"])
def test_compressed_bodies_are_refused(database, sender, unchanged, encoding):
    body = b"\x1f\x8b" + b"0" * 50
    headers = {**harness.signed_easypost(body), "Content-Encoding": encoding}
    path = harness.path_of(database, "easypost")
    assert_refused(sender.send(path, body, headers), 415)


def test_an_empty_body_is_refused(database, sender, unchanged):
    headers = harness.signed_easypost(b"")
    path = harness.path_of(database, "easypost")
    assert_refused(sender.send(path, b"", headers), 400)


def test_an_unknown_stream_is_refused(database, sender, unchanged):
    body = harness.easypost_body("STREAM", SCAN)
    path = harness.path_of(database, "easypost", "nowhere")
    assert_refused(sender.send(path, body, harness.signed_easypost(body)), 404)


def test_only_post_is_answered(database, sender, unchanged):
    path = harness.path_of(database, "easypost")
    for method in ("GET", "PUT", "DELETE"):
        status, _headers, body = sender.send(path, None, {}, method=method)
        assert status == 405
        assert b"Traceback" not in body and b".py" not in body


def raw_answer(server, request, chunks):
    """Send bytes over a bare socket and return (status, head, body)."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as link:
        try:
            link.sendall(request)
            for chunk in chunks:
                link.sendall(chunk)
        except OSError:
            pass  # the server may answer and close before all was sent
        received = b""
        try:
            while part := link.recv(65536):
                received += part
        except OSError:
            pass
    head, _blank, body = received.partition(b"\r\n\r\n")
    assert head, "the server closed without an answer"
    return int(head.split()[1]), head.decode("latin-1"), body


@pytest.mark.parametrize("size", [MAX_BYTES + 1, 8 * MAX_BYTES])
def test_an_overlong_body_with_a_length_is_refused(database, server, unchanged, size):
    body = b"x" * size
    lines = {**harness.signed_easypost(body), "Content-Length": str(size)}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    path = harness.path_of(database, "easypost")
    request = f"POST {path} HTTP/1.1\r\nHost: localhost\r\n{head}\r\n".encode()
    status, head, body = raw_answer(server, request, [body])
    assert status == 413
    assert "application/problem+json" in head
    assert b"Traceback" not in body and b".py" not in body


def test_an_overlong_body_in_chunks_is_refused(database, server, unchanged):
    piece = b"x" * 65536
    whole = piece * 20
    lines = {**harness.signed_easypost(whole), "Transfer-Encoding": "chunked"}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    path = harness.path_of(database, "easypost")
    request = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{head}\r\n"
    ).encode()
    chunks = [f"{len(piece):x}\r\n".encode() + piece + b"\r\n"] * 20 + [b"0\r\n\r\n"]
    status, head, body = raw_answer(server, request, chunks)
    assert status == 413
    assert "application/problem+json" in head
    assert b"Traceback" not in body and b".py" not in body


def test_a_body_in_chunks_is_taken_whole(database, server):
    body = harness.easypost_body("CHUNKED", SCAN)
    lines = {**harness.signed_easypost(body), "Transfer-Encoding": "chunked"}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    path = harness.path_of(database, "easypost")
    request = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{head}\r\n"
    ).encode()
    chunks = [
        f"{len(part):x}\r\n".encode() + part + b"\r\n"
        for part in (body[:100], body[100:])
    ]
    status, _head, _body = raw_answer(server, request, [*chunks, b"0\r\n\r\n"])
    assert status in (200, 202)
    assert (
        database.value("SELECT count(*) FROM logistics_message WHERE body = %s", [body])
        == 1
    )


# === BEHIND THE DOOR: SIGNED, BUT HARMFUL OR BROKEN === #

BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "aaaaaaaaaa">'
    + b"".join(
        b'<!ENTITY %c "%s">' % (letter + 1, b"&%c;" % letter * 10)
        for letter in range(ord("a"), ord("j"))
    )
    + b"]><scan><number>&j;</number></scan>"
)
XXE = (
    b'<?xml version="1.0"?><!DOCTYPE s [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    b"<scan><number>&x;</number><code>IT</code><at>2026-03-01T10:00:00Z</at></scan>"
)
EXTERNAL_DTD = (
    b'<?xml version="1.0"?><!DOCTYPE s SYSTEM "http://127.0.0.1:1/evil.dtd">'
    b"<scan><number>XXE2</number></scan>"
)
HOSTILE = {
    "truncated": (b'{"number": "H1", "scans": [{"code": "IT"', "application/json"),
    "not json": (b"hello", "application/json"),
    "nul": (b"\x00", "application/json"),
    "nul in a string": (b'{"number": "H\x00", "scans": []}', "application/json"),
    "invalid utf-8": (b'{"number": "\xff\xfe", "scans": []}', "application/json"),
    "nan": (b'{"number": NaN, "scans": []}', "application/json"),
    "infinity": (b'{"number": "H3", "scans": [-Infinity]}', "application/json"),
    "huge number": (b'{"number": ' + b"9" * 5000 + b"}", "application/json"),
    "deep list": (b"[" * 100_000 + b"]" * 100_000, "application/json"),
    "deep object": (b'{"a":' * 50_000 + b"1" + b"}" * 50_000, "application/json"),
    "xml bomb": (BOMB, "application/xml"),
    "xxe": (XXE, "application/xml"),
    "external dtd": (EXTERNAL_DTD, "application/xml"),
    "deep xml": (b"<a>" * 20_000 + b"</a>" * 20_000, "application/xml"),
    "broken xml": (b"<scan><number>H4</scan>", "application/xml"),
}


def test_what_is_broken_is_stored_then_dead_and_never_half_written(database, server):
    path = harness.path_of(database, harness.PROFILE)
    sender = harness.Sender(server.port)
    events = database.value("SELECT count(*) FROM logistics_event")
    for name, (body, content_type) in HOSTILE.items():
        headers = harness.signed_standard(body, content_type=content_type)
        status, _headers, answer = sender.send(path, body, headers)
        assert status == 202, f"{name}: {status} {answer[:200]}"

    def settled():
        rows = database.sql(
            "SELECT body, state, error_class, error_text FROM logistics_message"
            " WHERE body IN %s",
            [tuple(body for body, _type in HOSTILE.values())],
        )
        if all(row[1] in ("dead", "done", "ignored", "waiting") for row in rows):
            return {bytes(row[0]): row[1:] for row in rows}
        return None

    found = harness.wait_until(settled, 90)
    for name, (body, _type) in HOSTILE.items():
        state, error_class, text = found[body]
        assert state == "dead", f"{name}: {state} {text}"
        assert error_class == "poison", name
        assert text and "root:" not in text, name
    assert database.value("SELECT count(*) FROM logistics_event") >= events
    assert (
        database.value(
            "SELECT count(*) FROM logistics_event event JOIN logistics_message message"
            " ON message.id = event.message_id WHERE message.body IN %s",
            [tuple(body for body, _type in HOSTILE.values())],
        )
        == 0
    )
    # People hear of it, once for each way of being broken.
    assert (
        database.value(
            "SELECT count(*) FROM logistics_exception WHERE connector_id = %s",
            [database.connectors()[harness.PROFILE][0]],
        )
        > 0
    )
    # And the lane is alive.
    good = harness.scans_body("AFTER", ("IT", "2026-03-01T10:00:00Z"))
    assert sender.send(path, good, harness.signed_standard(good))[0] == 202
    sender.close()
    harness.wait_until(
        lambda: database.value(
            "SELECT count(*) FROM logistics_message WHERE body = %s AND state = 'done'",
            [good],
        )
    )


def test_the_server_logged_no_error(server):
    assert server.log_lines("ERROR") == []
    assert server.log_lines("CRITICAL") == []
    assert "Traceback" not in server.log()
