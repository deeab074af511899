# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import json
from datetime import timedelta

from odoo import Command, fields
from odoo.tests import tagged

from odoo.addons.logistics_canonical.tests.common import LogisticsCommon


@tagged("post_install", "-at_install")
class TestTracking(LogisticsCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.carrier = cls.env["delivery.carrier"].create(
            {
                "name": "Acme Ground",
                "product_id": cls.env["product.product"]
                .create({"name": "Shipping", "type": "service"})
                .id,
                "logistics_connector_id": cls.connector.id,
            }
        )
        cls.warehouse = cls.env["stock.warehouse"].search(
            [("company_id", "=", cls.env.company.id)], limit=1
        )
        cls.packer = cls._create_user("packer", "stock.group_stock_user")

    def _create_delivery(self):
        picking_type = self.warehouse.out_type_id
        places = {
            "location_id": picking_type.default_location_src_id.id,
            "location_dest_id": self.env.ref("stock.stock_location_customers").id,
        }
        product = self.env["product.product"].create({"name": "Lamp", "type": "consu"})
        return (
            self.env["stock.picking"]
            .with_user(self.packer)
            .create(
                {
                    "picking_type_id": picking_type.id,
                    "carrier_id": self.carrier.id,
                    "move_ids": [
                        Command.create(
                            {"product_id": product.id, "product_uom_qty": 1, **places}
                        )
                    ],
                    **places,
                }
            )
        )

    def _parcels(self, picking):
        return picking.sudo().logistics_shipment_ids.parcel_ids

    def test_several_numbers_are_several_parcels(self):
        picking = self._create_delivery()
        picking.carrier_tracking_ref = "T1, T2;T3"
        parcels = self._parcels(picking)
        self.assertEqual(parcels.mapped("tracking_number"), ["T1", "T2", "T3"])
        self.assertEqual(parcels.connector_id, self.connector)
        shipment = parcels.shipment_id
        self.assertEqual(shipment.carrier_id, self.carrier)
        self._take_in("T2", ("DL", "2026-01-02T10:00:00Z"))
        self.assertEqual(parcels.mapped("status"), ["new", "delivered", "new"])
        self.assertEqual(shipment.outcome, "partially_delivered")

    def test_a_corrected_number(self):
        picking = self._create_delivery()
        picking.carrier_tracking_ref = "T1"
        picking.carrier_tracking_ref = "T9"
        self.assertEqual(self._parcels(picking).mapped("tracking_number"), ["T9"])
        references = self.env["logistics.reference"].search([("value", "=", "T1")])
        self.assertFalse(references, "the wrong number finds nothing any more")

    def test_a_number_with_history_stays(self):
        picking = self._create_delivery()
        picking.carrier_tracking_ref = "T1"
        self._take_in("T1", ("PU", "2026-01-02T10:00:00Z"))
        picking.carrier_tracking_ref = "T2"
        self.assertEqual(
            set(self._parcels(picking).mapped("tracking_number")), {"T1", "T2"}
        )

    def test_a_message_that_came_before_the_number(self):
        message = self._take_in("T1", ("PU", "2026-01-02T10:00:00Z"))
        self.assertEqual(message.state, "waiting")
        picking = self._create_delivery()
        picking.carrier_tracking_ref = "T1"
        self.lane._drain()
        self.assertEqual(self._parcels(picking).milestone, "picked_up")

    def _parcel(self, number="T1"):
        shipment = self._create_shipment()
        return self.env["logistics.parcel"].create(
            {
                "shipment_id": shipment.id,
                "tracking_number": number,
                "connector_id": self.connector.id,
            }
        )

    def _calls(self):
        return self.messages.search(
            [("direction", "=", "out"), ("connector_id", "=", self.connector.id)]
        )

    def test_a_parcel_is_asked_about_when_its_time_has_come(self):
        parcel = self._parcel()
        self.assertGreater(parcel.next_poll_at, fields.Datetime.now())
        parcel._poll_due()
        self.assertFalse(self._calls())
        parcel.next_poll_at = fields.Datetime.now()
        parcel._poll_due()
        self.assertEqual(self._calls().operation, "track")
        self.assertEqual(
            json.loads(self._calls().request_json)["tracking_number"], "T1"
        )
        self.assertGreater(parcel.next_poll_at, fields.Datetime.now())

    def test_nobody_asks_after_the_end(self):
        parcel = self._parcel()
        delivered = fields.Datetime.now() - timedelta(days=10)
        self._take_in("T1", ("DL", delivered.strftime("%Y-%m-%dT%H:%M:%SZ")))
        parcel.next_poll_at = fields.Datetime.now()
        parcel._poll_due()
        self.assertFalse(parcel.next_poll_at)
        self.assertEqual(parcel.poll_ended_reason, "final")
        self.assertEqual(parcel.status, "delivered", "the last state stays")
        self.assertFalse(self._calls())

    def test_nobody_asks_for_ever(self):
        parcel = self._parcel()
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE logistics_parcel SET create_date = now() - interval '100 days', "
            "next_poll_at = now() - interval '1 hour' WHERE id = %s",
            [parcel.id],
        )
        parcel.invalidate_recordset()
        parcel._poll_due()
        self.assertEqual(parcel.poll_ended_reason, "no_data")

    def test_a_paused_connector_asks_nobody(self):
        parcel = self._parcel()
        parcel.next_poll_at = fields.Datetime.now()
        self.connector.action_pause()
        parcel._poll_due()
        self.assertFalse(self._calls())

    def test_asking_by_hand(self):
        parcel = self._parcel()
        user = self._create_user(
            "asker", "base.group_user,logistics_canonical.group_logistics_user"
        )
        action = parcel.shipment_id.with_user(user).action_poll()
        self.assertEqual(action["params"]["type"], "success")
        self.assertEqual(self._calls().lane, "realtime")
        empty = self._create_shipment()
        self.assertEqual(empty.action_poll()["params"]["type"], "warning")

    def test_the_packaged_profiles_are_there_and_read(self):
        profiles = self.env["logistics.profile"].search(
            [("module", "=", "logistics_carrier_connector")]
        )
        self.assertLessEqual(
            {"easypost", "sendcloud", "ups", "fedex", "dhl_express", "royalmail"}
            | {"chronopost"},
            set(profiles.mapped("key")),
        )
        for profile in profiles:
            self.assertTrue(profile.code_map_ids, profile.key)

    def test_a_hint_makes_us_ask(self):
        profile = self.profile.copy()
        data = dict(json.loads(profile.data_json), push="hint")
        profile.data_json = json.dumps(data)
        connector = self._create_connector(name="Unsigned", profile_id=profile.id)
        shipment = self._create_shipment("T1")
        self._take_in("T1", ("DL", "2026-01-02T10:00:00Z"), connector=connector)
        self.assertEqual(shipment.status, "new", "a hint is no fact")
        asked = self.messages.search(
            [("connector_id", "=", connector.id), ("direction", "=", "out")]
        )
        self.assertEqual(asked.operation, "track")
        connector.trust_push = True
        self._take_in("T1", ("DL", "2026-01-02T11:00:00Z"), connector=connector)
        self.assertEqual(shipment.status, "delivered")
