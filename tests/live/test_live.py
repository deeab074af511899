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

from conftest import CANARIES, tracker

IT = ("in_transit", "arrived_at_facility")


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    """A server with three workers in the standard lane, and its database."""
    server = Live(tmp_path_factory.mktemp("live"))
    server.create()
    server.start()
    yield server
    server.stop()
    server.sql("DROP DATABASE IF EXISTS live WITH (FORCE)", database="postgres")


def events_of(live, prefix):
    return live.sql(
        "SELECT p.tracking_number, count(*), count(DISTINCT e.identity) "
        "FROM logistics_event e JOIN logistics_parcel p ON p.id = e.parcel_id "
        "WHERE p.tracking_number LIKE %s GROUP BY 1",
        f"{prefix}%",
    )


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
