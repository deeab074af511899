# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Fills a database with shipments and messages, by SQL, before the clock starts.

Imported by the scripts that run inside Odoo, too: no imports of this folder.
"""

import json

SHIPMENTS = """
    WITH numbers AS (
        SELECT %(prefix)s || lpad(n::text, 8, '0') AS number
          FROM generate_series(1, %(count)s) n
    ), shipments AS (
        INSERT INTO logistics_shipment (
            name, company_id, direction, status, milestone, outcome, trust,
            is_delayed, is_held, is_action_required, is_attempt_failed, active,
            event_count, create_date, write_date)
        SELECT number, %(company)s, 'outgoing', 'announced', 'announced', 'open',
               'live', false, false, false, false, true, 2, now(), now()
          FROM numbers RETURNING id, name
    ), parcels AS (
        INSERT INTO logistics_parcel (
            shipment_id, company_id, connector_id, name, tracking_number, status,
            milestone, outcome, trust, is_delayed, is_held, is_action_required,
            is_attempt_failed, event_count, create_date, write_date)
        SELECT id, %(company)s, %(connector)s, name, name, 'announced', 'announced',
               'open', 'live', false, false, false, false, 2, now(), now()
          FROM shipments RETURNING id, shipment_id, name
    ), refs AS (
        INSERT INTO logistics_reference (
            shipment_id, parcel_id, company_id, type, value, key)
        SELECT shipment_id, id, %(company)s, 'tracking_number', name, name
          FROM parcels
    )
    INSERT INTO logistics_event (
        shipment_id, parcel_id, connector_id, company_id, type_id, type_code,
        classifier, occurred_at, received_at, sequence, identity, clock_suspect,
        create_date, write_date)
    SELECT shipment_id, parcels.id, %(connector)s, %(company)s, kind.id, kind.code,
           'actual', timestamp '2026-02-01' + step * interval '1 hour', now(), 0,
           parcels.name || '-' || step, false, now(), now()
      FROM parcels
     CROSS JOIN generate_series(1, 2) step
      JOIN logistics_event_type kind ON kind.code = 'label_created'
"""

MESSAGES = """
    INSERT INTO logistics_message (
        connector_id, company_id, direction, state, lane, stream, operation, body,
        content_type, headers_json, dedupe_key, correlation_id, received_at,
        next_attempt_at, tries, create_date, write_date)
    VALUES %s
"""
MESSAGE = (
    "(%s, %s, 'in', 'received', 'standard', '', '', %s, 'application/json', '{}', %s,"
    " %s, now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC', 0, now(), now())"
)


def body(number, size=2048):
    """Return a 2 kB EasyPost message with one new scan of a parcel."""
    event = {
        "id": f"evt_{number}",
        "object": "Event",
        "created_at": "2026-03-01T10:00:00Z",
        "description": "tracker.updated",
        "mode": "test",
        "result": {
            "id": f"trk_{number}",
            "object": "Tracker",
            "tracking_code": number,
            "status": "in_transit",
            "status_detail": "departed_facility",
            "created_at": "2026-03-01T10:00:00Z",
            "updated_at": "2026-03-01T10:00:00Z",
            "carrier": "UPS",
            "tracking_details": [
                {
                    "object": "TrackingDetail",
                    "message": "Departed from facility",
                    "description": "Departed from facility",
                    "status": "in_transit",
                    "status_detail": "departed_facility",
                    "datetime": "2026-03-01T10:00:00Z",
                    "source": "UPS",
                    "carrier_code": "",
                    "tracking_location": {
                        "object": "TrackingLocation",
                        "city": "LOUISVILLE",
                        "state": "KY",
                        "country": "US",
                        "zip": "40213",
                    },
                }
            ],
        },
    }
    event["padding"] = "x" * max(0, size - len(json.dumps(event)) - 16)
    return json.dumps(event)


def numbers(prefix, count):
    return [f"{prefix}{n:08}" for n in range(1, count + 1)]


def shipments(cursor, connector, prefix, count):
    """Add shipments with one parcel, one number and two events each."""
    connector_id, company_id = connector
    cursor.execute(
        SHIPMENTS,
        {
            "prefix": prefix,
            "count": count,
            "connector": connector_id,
            "company": company_id,
        },
    )


def messages(cursor, connector, prefix, count):
    """Add a waiting message for each of the shipments."""
    from psycopg2.extras import execute_values

    execute_values(
        cursor,
        MESSAGES,
        [
            (*connector, body(number).encode(), f"key-{number}", number)
            for number in numbers(prefix, count)
        ],
        template=MESSAGE,
        page_size=500,
    )


def bare_messages(cursor, prefix, count):
    """Add the same messages to the table of the bare loop."""
    from psycopg2.extras import execute_values

    execute_values(
        cursor,
        "INSERT INTO logistics_bench_message (dedupe_key, body) VALUES %s",
        [(number, body(number).encode()) for number in numbers(prefix, count)],
        page_size=500,
    )


def drain_bare(connection):
    """The least that can be done: claim 100, parse, update, commit."""
    from psycopg2.extras import execute_values

    cursor, done = connection.cursor(), 0
    while True:
        cursor.execute(
            "UPDATE logistics_bench_message SET state = 'processing' WHERE id IN ("
            " SELECT id FROM logistics_bench_message WHERE state = 'received'"
            " ORDER BY id LIMIT 100 FOR UPDATE SKIP LOCKED) RETURNING id, body"
        )
        rows = cursor.fetchall()
        if not rows:
            connection.commit()
            return done
        execute_values(
            cursor,
            "UPDATE logistics_bench_message m SET state = 'done', status = v.status"
            " FROM (VALUES %s) AS v (id, status) WHERE m.id = v.id",
            [
                (row_id, json.loads(bytes(content))["result"]["status"])
                for row_id, content in rows
            ],
        )
        connection.commit()
        done += len(rows)
