# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""(e) What one message costs when many are stored already."""

import contextlib

from common import ADDONS, BENCH, Table, harness, median, verdict

HISTORY = """
    INSERT INTO logistics_message (
        connector_id, company_id, direction, state, lane, stream, operation, body,
        content_type, headers_json, dedupe_key, correlation_id, received_at,
        next_attempt_at, tries, done_at, create_date, write_date)
    SELECT %(connector)s, %(company)s, 'in', 'done', 'standard', '', '',
           decode(repeat('7b7d', 60), 'hex'), 'application/json', '{}',
           encode(sha256(n::text::bytea), 'hex'), md5(n::text),
           now() - n * interval '1 second', now(), 1, now(), now(), now()
      FROM generate_series(1, %(count)s) n
"""
HISTORY_EVENTS = """
    INSERT INTO logistics_event (
        shipment_id, parcel_id, connector_id, company_id, message_id,
        correlation_id, type_id, type_code, classifier, occurred_at, received_at,
        sequence, identity, clock_suspect, create_date, write_date)
    SELECT parcel.shipment_id, parcel.id, %(connector)s, %(company)s, message.id,
           message.correlation_id, kind.id, kind.code, 'actual',
           message.received_at, message.received_at, 0, message.dedupe_key, false,
           now(), now()
      FROM (SELECT *, row_number() OVER (ORDER BY id) AS n FROM logistics_message
             WHERE state = 'done') message
      JOIN (SELECT *, row_number() OVER (ORDER BY id) AS n FROM logistics_parcel
             WHERE tracking_number LIKE 'OLD%%') parcel
        ON parcel.n = (message.n - 1) / 10 + 1
      JOIN logistics_event_type kind ON kind.code = 'in_transit'
"""
MEASURE = """
import sys, time
sys.path.insert(0, {bench!r})
import preload
lane = env["logistics.lane"]
connector = env["logistics.connector"].browse({connector_id})
key = (connector.id, connector.company_id.id)
result = {{"accept": [], "drain": []}}
for number, count in enumerate((100, {count})):
    prefix = "%s%d" % ({prefix!r}, number)
    preload.shipments(env.cr, key, prefix, count)
    env.cr.commit()
    numbers = preload.numbers(prefix, count)
    bodies = [preload.body(number).encode() for number in numbers]
    started = time.perf_counter()
    for body in bodies:
        connector._receive(body, "application/json", {{}})
        env.cr.commit()
    result["accept"].append((time.perf_counter() - started) / count * 1e6)
    env.invalidate_all()
    started = time.perf_counter()
    lane._cron_inbound("standard")
    result["drain"].append((time.perf_counter() - started) / count * 1e6)
    env.cr.execute("SELECT count(*) FROM logistics_message WHERE state <> 'done'")
    assert env.cr.fetchone()[0] == 0
result = {{name: values[1] for name, values in result.items()}}
"""


def fill(database, messages):
    """Store messages that are done, ten for each old shipment."""
    import preload

    connector_id = database.connectors()["easypost"][0]
    company_id = database.value(
        "SELECT company_id FROM logistics_connector WHERE id = %s", [connector_id]
    )
    values = {"connector": connector_id, "company": company_id, "count": messages}
    with contextlib.closing(database.connect()) as connection:
        cursor = connection.cursor()
        preload.shipments(cursor, (connector_id, company_id), "OLD", messages // 10)
        cursor.execute(HISTORY, values)
        cursor.execute(HISTORY_EVENTS, values)
        for table in ("message", "event", "shipment", "parcel", "reference"):
            cursor.execute(f"VACUUM ANALYZE logistics_{table}")
        cursor.execute("CHECKPOINT")


def run(database, quick):
    small, large = (10_000, 100_000) if quick else (10_000, 1_000_000)
    rounds, count = (3, 500) if quick else (7, 1000)
    databases, costs = {}, {}
    for size in (small, large):
        databases[size] = harness.Database(f"logistics_bench_{size}")
        databases[size].create_from(database.name)
        fill(databases[size], size)
        costs[size] = {"accept": [], "drain": []}
    for number in range(rounds):
        for size in (small, large) if number % 2 else (large, small):
            measured = databases[size].script(
                MEASURE.format(
                    bench=str(BENCH),
                    connector_id=databases[size].connectors()["easypost"][0],
                    prefix=f"G{number}R",
                    count=count,
                ),
                addons_path=str(ADDONS),
            )
            for name, cost in measured.items():
                costs[size][name].append(cost)
    table = Table(
        f"(e) Cost of a message with {small:,} and {large:,} stored ones, median of "
        f"{rounds} interleaved rounds",
        ("", f"us at {small:,}", f"us at {large:,}", "ratio", "target", ""),
    )
    for name, label in (
        ("accept", "store and commit"),
        ("drain", "stored to updated shipment"),
    ):
        low, high = median(costs[small][name]), median(costs[large][name])
        table.add(
            label,
            f"{low:.0f}",
            f"{high:.0f}",
            f"{high / low:.2f}",
            "<= 1.20",
            verdict(high / low <= 1.2),
        )
    table.show()
    for one in databases.values():
        one.drop()
