# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import json

from odoo import api, fields, models

TABLE = """
    CREATE TABLE IF NOT EXISTS logistics_bench_message (
        id serial PRIMARY KEY,
        dedupe_key varchar NOT NULL UNIQUE,
        body bytea,
        received_at timestamp NOT NULL DEFAULT (now() AT TIME ZONE 'UTC'),
        state varchar NOT NULL DEFAULT 'received',
        status varchar
    )
"""


class LogisticsBenchJob(models.AbstractModel):
    """The work of one message, as one writes it with the ORM, one by one."""

    _name = "logistics.bench.job"
    _description = "Logistics Benchmark Job"

    def init(self):
        self.env.cr.execute(TABLE)

    @api.model
    def process(self, connector_id, text):
        """Parse a message, find its shipment, add the event, write the shipment."""
        tracker = json.loads(text)["result"]
        scan = tracker["tracking_details"][-1]
        reference = self.env["logistics.reference"].search(
            [
                ("type", "=", "tracking_number"),
                ("key", "=", tracker["tracking_code"]),
            ],
            limit=1,
        )
        shipment = reference.shipment_id.with_context(tracking_disable=True)
        kind = self.env["logistics.event.type"].search(
            [("code", "=", "in_transit")], limit=1
        )
        occurred_at = fields.Datetime.to_datetime(
            scan["datetime"][:19].replace("T", " ")
        )
        self.env["logistics.event"].create(
            {
                "shipment_id": shipment.id,
                "parcel_id": reference.parcel_id.id,
                "connector_id": connector_id,
                "company_id": shipment.company_id.id,
                "type_id": kind.id,
                "type_code": kind.code,
                "partner_code": scan["status"],
                "partner_text": scan["message"],
                "classifier": "actual",
                "occurred_at": occurred_at,
                "received_at": fields.Datetime.now(),
                "identity": f"{tracker['tracking_code']}|{scan['datetime']}",
            }
        )
        shipment.write(
            {
                "milestone": "in_transit",
                "status": "in_transit",
                "last_event_at": occurred_at,
                "event_count": shipment.event_count + 1,
            }
        )
        return True
