# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Messages that can't be read stop nobody; two workers lose nothing."""

import threading

import harness

GOOD = 60
SECOND_WORKERS = """
for xmlid in ("realtime", "standard"):
    cron = env.ref("logistics_canonical.ir_cron_lane_" + xmlid)
    cron.copy({"name": cron.name + " (2)"})
env.cr.commit()
result = True
"""


def test_poison_between_good_messages_stops_nobody(database, server, sender):
    path = harness.path_of(database, "easypost")
    good, bad = [], []
    for n in range(GOOD):
        body = harness.easypost_body(
            f"POISON{n:04}", ("in_transit", "departed_facility", "2026-03-01T10:00:00Z")
        )
        good.append(body)
        assert sender.send(path, body, harness.signed_easypost(body))[0] in (200, 202)
        if n % 10 == 5:
            body = body[: len(body) // 2]
            bad.append(body)
            status = sender.send(path, body, harness.signed_easypost(body))[0]
            assert status in (200, 202)

    def states(bodies):
        return [
            state
            for (state,) in database.sql(
                "SELECT state FROM logistics_message WHERE body IN %s", [tuple(bodies)]
            )
        ]

    harness.wait_until(lambda: states(good) == ["done"] * GOOD)
    harness.wait_until(lambda: states(bad) == ["dead"] * len(bad))
    texts = database.sql(
        "SELECT DISTINCT error_class, error_text <> '' FROM logistics_message"
        " WHERE body IN %s",
        [tuple(bad)],
    )
    assert texts == [("poison", True)]
    assert (
        database.value(
            "SELECT count(*) FROM logistics_event WHERE identity IN (SELECT identity"
            " FROM logistics_event GROUP BY identity HAVING count(*) > 1)"
        )
        == 0
    )
    assert (
        database.value(
            "SELECT count(*) FROM logistics_parcel"
            " WHERE tracking_number LIKE 'POISON%%' AND milestone = 'in_transit'"
        )
        == GOOD
    )


def test_two_workers_on_one_shipment_lose_no_update(database, server):
    """Four workers, two lanes, one shipment: every event counts, none twice."""
    database.script(SECOND_WORKERS)
    number, each = "SHARED1", 100
    first = harness.scans_body(number, ("PU", "2026-03-01T00:00:00Z"))
    paths = [harness.path_of(database, harness.PROFILE, s) for s in ("fast", "")]
    sender = harness.Sender(server.port)
    assert sender.send(paths[0], first, harness.signed_standard(first))[0] == 202
    harness.wait_until(
        lambda: database.value(
            "SELECT count(*) FROM logistics_parcel WHERE tracking_number = %s", [number]
        )
    )

    def send(lane):
        sender = harness.Sender(server.port)
        for n in range(each):
            at = f"2026-03-0{2 + lane}T{n // 60:02}:{n % 60:02}:00Z"
            body = harness.scans_body(number, ("HUB", at))
            sender.deliver(paths[lane], body, harness.signed_standard(body))
        sender.close()

    threads = [threading.Thread(target=send, args=(lane,)) for lane in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    last = harness.scans_body(number, ("DL", "2026-03-09T00:00:00Z"))
    assert sender.send(paths[1], last, harness.signed_standard(last))[0] == 202
    sender.close()
    total = 2 * each + 2
    harness.wait_until(
        lambda: (
            database.value(
                "SELECT count(*) FROM logistics_message WHERE connector_id = %s"
                " AND state = 'done'",
                [database.connectors()[harness.PROFILE][0]],
            )
            == total
        ),
        90,
    )
    assert database.sql(
        "SELECT count(*), count(DISTINCT event.identity),"
        " count(DISTINCT event.shipment_id)"
        " FROM logistics_event event"
        " JOIN logistics_parcel parcel ON parcel.id = event.parcel_id"
        " WHERE parcel.tracking_number = %s",
        [number],
    ) == [(total, total, 1)]
    assert database.sql(
        "SELECT event_count, milestone, outcome,"
        " to_char(last_event_at, 'YYYY-MM-DD HH24:MI')"
        " FROM logistics_parcel WHERE tracking_number = %s",
        [number],
    ) == [(total, "delivered", "delivered", "2026-03-09 00:00")]


def test_the_server_logged_no_error(server):
    assert server.log_lines("ERROR") == []
    assert "Traceback" not in server.log()
