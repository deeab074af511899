# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Workers and the database die under load: nothing acknowledged is lost, nothing
is applied twice.

Partners send until they get an acknowledgement, as they do in life. Afterwards the
history is checked: what was acknowledged is stored, every fact is there once.
Without LOGISTICS_PG_RESTART the database's connections are ended instead of the
cluster being restarted (see ``harness.restart_database``).
"""

import contextlib
import hashlib
import os
import signal
import threading

import harness

SENDERS = 4
EACH = 60
SCANS = (
    ("pre_transit", "label_created", "2026-03-01T08:00:00Z"),
    ("in_transit", "departed_facility", "2026-03-02T09:00:00Z"),
    ("out_for_delivery", "out_for_delivery", "2026-03-03T07:00:00Z"),
)


def run_load(database, server, prefix, disturb):
    """Send from several partners, call ``disturb(n)`` after every acknowledgement.

    Each parcel's messages repeat the older scans, as EasyPost's do.

    :return: ({digest: body} of what was acknowledged, number of failed tries)
    """
    path = harness.path_of(database, "easypost")
    lock = threading.Lock()
    acknowledged, failures, errors = {}, [], []

    def send(mine):
        sender = harness.Sender(server.port)
        try:
            for n in range(EACH):
                number = f"{prefix}{mine}{n // len(SCANS):04}"
                body = harness.easypost_body(number, *SCANS[: n % len(SCANS) + 1])
                _status, tries = sender.deliver(
                    path, body, harness.signed_easypost(body)
                )
                with lock:
                    acknowledged[hashlib.sha256(body).hexdigest()] = body
                    failures.extend(tries)
                    disturb(len(acknowledged))
        except BaseException as error:
            errors.append(error)
        finally:
            sender.close()

    threads = [threading.Thread(target=send, args=(n,)) for n in range(SENDERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors, errors
    return acknowledged, failures


def settle(database, server, prefix):
    """Wait until all is processed, while messages go on trickling in.

    A lane whose worker died is woken by the next message or within a minute.
    """
    path = harness.path_of(database, "easypost")
    sender = harness.Sender(server.port)
    rounds = iter(range(10_000))

    def done():
        body = harness.easypost_body(f"TRICKLE{prefix}{next(rounds)}", SCANS[0])
        sender.deliver(path, body, harness.signed_easypost(body))
        open_ones = database.value(
            "SELECT count(*) FROM logistics_message WHERE state <> 'done'"
            " AND convert_from(body, 'UTF8') LIKE %s",
            [f'%"trk\\_{prefix}%'],
        )
        return not open_ones

    harness.wait_until(done, 90, every=0.5)
    sender.close()


def check(database, prefix, acknowledged):
    """What was acknowledged is stored once; every fact took effect once."""
    stored = database.sql(
        "SELECT encode(sha256(body), 'hex'), count(*), min(state)"
        " FROM logistics_message WHERE convert_from(body, 'UTF8') LIKE %s GROUP BY 1",
        [f'%"trk\\_{prefix}%'],
    )
    assert set(acknowledged) <= {digest for digest, _count, _state in stored}
    assert {count for _digest, count, _state in stored} == {1}
    assert {state for _digest, _count, state in stored} == {"done"}
    parcels = SENDERS * EACH // len(SCANS)
    assert database.sql(
        "SELECT count(*), count(DISTINCT event.identity),"
        " count(DISTINCT (event.parcel_id, event.type_code, event.occurred_at))"
        " FROM logistics_event event"
        " JOIN logistics_parcel parcel ON parcel.id = event.parcel_id"
        " WHERE parcel.tracking_number LIKE %s",
        [f"{prefix}%"],
    ) == [(parcels * len(SCANS),) * 3]
    assert database.sql(
        "SELECT count(*), count(DISTINCT tracking_number), count(DISTINCT shipment_id),"
        " min(event_count), max(event_count), min(milestone), max(milestone)"
        " FROM logistics_parcel WHERE tracking_number LIKE %s",
        [f"{prefix}%"],
    ) == [
        (
            parcels,
            parcels,
            parcels,
            len(SCANS),
            len(SCANS),
            "out_for_delivery",
            "out_for_delivery",
        )
    ]


def test_killed_workers_lose_nothing(database, server):
    killed = []

    def disturb(count):
        # One HTTP worker at a time; all cron workers at once, so that the busy one
        # is among them (twice: a message whose worker dies oftener is set aside).
        if count % 20 == 10:
            targets = server.workers("WorkerHTTP")[:1]
        elif count in (60, 140):
            targets = server.workers("WorkerCron")
        else:
            return
        for pid in targets:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                killed.append(pid)

    acknowledged, _failures = run_load(database, server, "KILL", disturb)
    assert len(killed) >= 15
    assert len(acknowledged) == SENDERS * EACH
    settle(database, server, "KILL")
    check(database, "KILL", acknowledged)


def test_a_database_restart_loses_nothing(database, server):
    restarts = []

    def disturb(count):
        if count in (70, 160):
            restarts.append(harness.restart_database(database))

    with server.supervised():
        acknowledged, failures = run_load(database, server, "RESTART", disturb)
        assert len(restarts) == 2
        assert len(acknowledged) == SENDERS * EACH
        # While the database is away Odoo knows no route and says 404; partners
        # repeat that like any other failure.
        assert set(failures) <= {0, 404, 500, 503}
        settle(database, server, "RESTART")
    check(database, "RESTART", acknowledged)


def test_only_the_message_that_kills_its_worker_is_set_aside(database, server):
    """A held lock stops the worker at one message; there it is killed each time."""
    path = harness.path_of(database, "easypost")
    sender = harness.Sender(server.port)

    def send(number, scans):
        body = harness.easypost_body(number, *SCANS[:scans])
        sender.deliver(path, body, harness.signed_easypost(body))
        return body

    def state(body):
        return database.sql(
            "SELECT state, error_class FROM logistics_message WHERE body = %s", [body]
        )[0]

    first = send("KILLER", 1)
    harness.wait_until(lambda: state(first)[0] == "done")
    rounds = iter(range(10_000))
    good, kills = [], 0
    with contextlib.closing(database.connect()) as connection:
        connection.autocommit = False
        connection.cursor().execute(
            "SELECT id FROM logistics_shipment WHERE id ="
            " (SELECT shipment_id FROM logistics_parcel"
            "   WHERE tracking_number = 'KILLER') FOR UPDATE"
        )
        # They wait together, so that one batch takes them up.
        pause = "UPDATE logistics_connector SET is_paused = %s"
        database.sql(pause, [True])
        good += [send(f"BYSTANDER{n}", 1) for n in range(4)]
        killer = send("KILLER", 2)
        good += [send(f"BYSTANDER{n}", 1) for n in range(4, 8)]
        database.sql(pause, [False])

        def stuck():
            """Return the connections of workers that wait for the lock."""
            good.append(send(f"PASSERBY{next(rounds)}", 1))
            if state(killer)[0] == "dead":
                return ["it is over"]
            return database.sql(
                "SELECT pid FROM pg_stat_activity WHERE datname = %s"
                " AND wait_event_type = 'Lock'",
                [database.name],
            )

        while harness.wait_until(stuck, 60, every=0.5) != ["it is over"]:
            for pid in server.workers("WorkerCron"):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            kills += 1
            assert kills < 10, "it is never set aside"
            # The server would notice the dead client only when the lock is free.
            database.sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = %s AND wait_event_type = 'Lock'",
                [database.name],
            )
        connection.rollback()
    assert state(killer) == ("dead", "poison")
    assert kills >= 2  # one crash alone may be anybody's fault
    settle(database, server, "BYSTANDER")
    settle(database, server, "PASSERBY")
    assert {state(body) for body in good} == {("done", None)}
    sender.close()
