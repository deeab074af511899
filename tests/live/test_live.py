# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import base64
import json
import os
import signal
import subprocess
import threading
import time
import xmlrpc.client
from concurrent.futures import ThreadPoolExecutor

import requests

from conftest import CANARIES, PUBLIC_ID, sign, tracker

IT = ("in_transit", "arrived_at_facility")


def events_of(live, prefix):
    return live.sql(
        "SELECT p.tracking_number, count(*), count(DISTINCT e.identity) "
        "FROM logistics_event e JOIN logistics_parcel p ON p.id = e.parcel_id "
        "WHERE p.tracking_number LIKE %s GROUP BY 1",
        f"{prefix}%",
    )


def test_the_same_message_from_many_senders_is_one_row(live):
    mark = len(live.log_text())
    sessions = [requests.Session() for _sender in range(8)]
    with ThreadPoolExecutor(8) as pool:
        for number in range(100):
            body = tracker(f"RACE{number}", (*IT, "2026-01-01T10:00:00Z"))
            answers = list(
                pool.map(
                    lambda session, body=body: (
                        live.post(body, session=session).status_code
                    ),
                    sessions,
                )
            )
            assert set(answers) <= {200, 202}, answers
    rows = live.sql(
        "SELECT count(*) FROM logistics_message "
        "WHERE convert_from(body, 'UTF8') LIKE %s",
        "%RACE%",
    )
    assert rows == [(100,)]
    live.settle()
    assert len(events_of(live, "RACE")) == 100
    assert live.log_errors(mark) == []


class Load:
    """Senders that note what was acknowledged."""

    def __init__(self, live, prefix):
        self.live, self.prefix = live, prefix
        self.acknowledged, self.stop = set(), threading.Event()
        self.threads = [
            threading.Thread(target=self._send, args=(sender,)) for sender in range(6)
        ]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_exception):
        self.stop.set()
        for thread in self.threads:
            thread.join()

    def _send(self, sender):
        number = 0
        while not self.stop.is_set():
            name = f"{self.prefix}{sender}X{number}"
            body = tracker(
                name,
                (*IT, "2026-01-01T10:00:00Z"),
                ("delivered", "arrived_at_destination", "2026-01-02T10:00:00Z"),
            )
            try:
                if self.live.post(body).status_code in (200, 202):
                    self.acknowledged.add(name)
                    number += 1
            except requests.RequestException:
                time.sleep(0.2)


def check_nothing_lost_or_doubled(live, load):
    live.settle()
    found = {
        name: (count, distinct)
        for name, count, distinct in events_of(live, load.prefix)
    }
    assert load.acknowledged, "nothing was acknowledged, so nothing was tested"
    assert load.acknowledged <= set(found), "acknowledged and lost"
    assert set(found.values()) == {(2, 2)}, "applied twice or in part"
    states = live.sql(
        "SELECT DISTINCT s.status, s.event_count FROM logistics_shipment s "
        "JOIN logistics_parcel p ON p.shipment_id = s.id "
        "WHERE p.tracking_number LIKE %s",
        f"{load.prefix}%",
    )
    assert states == [("delivered", 2)]
    doubled = live.sql(
        "SELECT tracking_number FROM logistics_parcel WHERE tracking_number LIKE %s "
        "GROUP BY 1 HAVING count(*) > 1",
        f"{load.prefix}%",
    )
    assert doubled == []


def test_killed_workers_lose_nothing_and_double_nothing(live):
    with Load(live, "KILL") as load:
        for _round in range(5):
            time.sleep(1.0)
            for pid in live.worker_pids():
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            live.wait_until_up()
    check_nothing_lost_or_doubled(live, load)


def test_a_restarted_database_loses_nothing(live):
    """Restart the cluster; without control over it, end all connections at once,
    which is what a client sees of a failover."""
    with Load(live, "BASE") as load:
        time.sleep(1.5)
        command = os.environ.get("LOGISTICS_PG_RESTART")
        if command:
            subprocess.run(
                json.loads(command), check=True, cwd="/", capture_output=True
            )
        else:
            live.sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = 'live' AND pid <> pg_backend_pid()"
            )
        time.sleep(4.0)
    live.wait_until_up()
    check_nothing_lost_or_doubled(live, load)


def test_poison_stops_nobody(live):
    for number in range(30):
        body = tracker(f"GOOD{number}", (*IT, "2026-01-01T10:00:00Z"))
        assert live.post(body).status_code in (200, 202)
        if number % 3 == 0:
            cut = tracker(f"POISON{number}", (*IT, "2026-01-01T10:00:00Z"))[:-40]
            assert live.post(cut).status_code in (200, 202)
    live.settle()
    assert len(events_of(live, "GOOD")) == 30
    dead = live.sql(
        "SELECT count(*) FROM logistics_message WHERE state = 'dead' "
        "AND convert_from(body, 'UTF8') LIKE %s",
        "%POISON%",
    )
    assert dead == [(10,)]


def test_many_workers_on_one_shipment_lose_no_update(live):
    # The same parcel, told in a hundred messages, with three workers in the lane.
    bodies = [
        tracker("HOT1", (*IT, f"2026-01-01T{n // 60:02}:{n % 60:02}:00Z"), serial=n)
        for n in range(100)
    ]
    live.post(bodies[0])
    live.settle()
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda body: live.post(body).status_code, bodies[1:]))
    assert set(statuses) <= {200, 202}
    live.settle()
    assert events_of(live, "HOT1") == [("HOT1", 100, 100)]
    counted = live.sql(
        "SELECT s.event_count FROM logistics_shipment s JOIN logistics_parcel p "
        "ON p.shipment_id = s.id WHERE p.tracking_number = 'HOT1'"
    )
    assert counted == [(100,)]


def assert_refused(response, status):
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"].startswith("application/problem+json")
    assert json.loads(response.text)["status"] == status
    for word in ("Traceback", "/odoo/", ".py", "psycopg"):
        assert word not in response.text


def test_hostile_senders_are_refused(live):
    before = live.sql("SELECT count(*) FROM logistics_message")
    wrong = live.post(b"{}", signature="0" * 64)
    assert_refused(wrong, 401)
    assert_refused(live.post(b"{}", signature=""), 401)
    unknown = live.post(b"{}", public_id="f" * 32)
    assert_refused(unknown, 401)
    assert unknown.content == wrong.content
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert_refused(live.post(b"a=1", headers=form), 415)
    assert_refused(live.post(b"{}", headers={"Content-Encoding": "gzip"}), 415)
    large = b"x" * (1024 * 1024 + 1)
    assert live.post(large).status_code == 413
    signature = {"X-Hmac-Signature": f"hmac-sha256-hex={sign(large)}"}
    chunked = requests.post(
        f"{live.url}/logistics/v1/in/{PUBLIC_ID}",
        data=iter([large[:600_000], large[600_000:]]),
        headers={"Content-Type": "application/json", **signature},
        timeout=60,
    )
    assert_refused(chunked, 413)
    assert (
        requests.get(f"{live.url}/logistics/v1/in/{PUBLIC_ID}", timeout=60).status_code
        == 405
    )
    assert live.sql("SELECT count(*) FROM logistics_message") == before


def test_hostile_bodies_are_stored_and_set_aside(live):
    bomb = b'<!DOCTYPE z [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><z>&b;</z>'
    outside = b'<!DOCTYPE z [<!ENTITY x SYSTEM "file:///etc/passwd">]><z>&x;</z>'
    bodies = [
        b"{",
        b'{"hostile": NaN}',
        b"\xff\xfe\x00",
        b'{"hostile": "\x00"}',
        b"[" * 100_000,
        bomb,
        outside,
    ]
    before = live.sql("SELECT coalesce(max(id), 0) FROM logistics_message")[0][0]
    for body in bodies:
        assert live.post(body).status_code in (200, 202)
    live.settle()
    states = live.sql(
        "SELECT state, error_text FROM logistics_message WHERE id > %s", before
    )
    assert len(states) == len(bodies)
    assert {state for state, _text in states} == {"dead"}
    assert all(text and "Traceback" not in text for _state, text in states)
    assert not any("root:" in text for _state, text in states)


def test_a_message_is_visible_soon(live):
    """Not how fast, but that the lanes wake by themselves, long before a minute."""
    live.settle()
    live.post(tracker("SOON1", ("delivered", "x", "2026-01-02T10:00:00Z")))
    live.settle(20)
    assert events_of(live, "SOON1") == [("SOON1", 1, 1)]


def test_canary_secrets_turn_up_nowhere(live):
    spellings = {
        text
        for secret in CANARIES
        for text in (secret, base64.b64encode(secret.encode()).decode().rstrip("="))
    }
    log = live.log_text()
    assert not any(spelling in log for spelling in spellings)
    tables = live.sql(
        "SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public'"
    )
    for (table,) in tables:
        found = live.sql(
            f"SELECT count(*) FROM {table} t WHERE t::text LIKE ANY(%s)",
            [f"%{spelling}%" for spelling in spellings],
        )
        assert found == [(0,)], table
    for path in live.folder.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert not any(spelling.encode() in data for spelling in spellings), path
    uid = xmlrpc.client.ServerProxy(f"{live.url}/xmlrpc/2/common").authenticate(
        "live", "admin", "admin", {}
    )
    models = xmlrpc.client.ServerProxy(f"{live.url}/xmlrpc/2/object", allow_none=True)
    for model in ("logistics.connector", "logistics.credential", "logistics.profile"):
        rows = models.execute_kw("live", uid, "admin", model, "search_read", [[]])
        assert rows, model
        assert not any(spelling in str(rows) for spelling in spellings), model
