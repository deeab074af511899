# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from contextlib import nullcontext
from datetime import datetime
from types import SimpleNamespace
from unittest.mock import patch

from odoo.exceptions import AccessError
from odoo.tests import tagged
from odoo.tools import mute_logger

from .. import waker
from ..models.logistics_lane import LeaseLost
from .common import LogisticsCommon


@tagged("post_install", "-at_install")
class TestMessage(LogisticsCommon):
    def test_a_master_number_is_of_the_shipment_and_no_parcel(self):
        shipment = self._create_shipment("PIECE1", "PIECE2")
        shipment._attach_reference("master_tracking_number", "WAYBILL7")
        self._take_in("WAYBILL7", ("IT", "2026-01-02T10:00:00Z"))
        self.assertEqual(len(shipment.parcel_ids), 2)
        self.assertEqual(
            shipment.parcel_ids.mapped("status"), ["in_transit", "in_transit"]
        )

    def test_stored_before_understood(self):
        body = b"this is no JSON"
        message_id, is_new = self.connector._receive(body, "application/json")
        message = self.messages.browse(message_id)
        self.assertTrue(is_new)
        self.assertEqual(message.state, "received")
        self.assertEqual(message.sudo().body, body)
        self.lane._drain()
        self.assertEqual(message.state, "dead")
        self.assertEqual(message.error_class, "poison")
        self.assertEqual(message.sudo().body, body)

    def test_who_is_called_and_does_not_come_is_called_again(self):
        workers = self.lane._workers("standard")
        database = SimpleNamespace(cursor=lambda: nullcontext(self.env.cr))
        workers._trigger()
        for others in ("realtime", "out"):
            self.assertFalse(self.lane._is_called(others))
        for comes in (False, True):
            with (
                self.subTest(comes=comes),
                patch.object(waker, "Registry", return_value=database),
                patch.object(self.env.registry["ir.cron"], "_notifydb") as notify,
                patch.object(waker, "_plan") as plan,
            ):
                if comes:
                    self.env["ir.cron.trigger"].search([]).unlink()
                waker._remind(self.env.cr.dbname, "standard", 1)
                self.assertEqual((notify.called, plan.called), (not comes, not comes))

    def test_a_lane_whose_time_is_up_wakes_another_worker(self):
        """What it left would wait for the scheduler's next round otherwise."""
        self.connector._receive(self._body("A1", ("PU", "2026-01-01T10:00:00Z")))
        registry = self.env.registry
        left = []

        def no_time(_cron, _done=0, *, remaining=None):
            left.append(remaining)
            return 0.0

        with (
            patch.object(registry["ir.cron"], "_commit_progress", no_time),
            patch.object(registry["logistics.lane"], "_wake_after_commit") as wake,
        ):
            self.lane._cron_inbound("standard")
        self.assertEqual(left[-1], 1)
        wake.assert_called_with("standard")

    def test_a_copy_is_no_second_row(self):
        first, _new = self.connector._receive(
            self._body("A1", ("PU", "2026-01-01T10:00:00Z"))
        )
        again, is_new = self.connector._receive(
            self._body("A1", ("PU", "2026-01-01T10:00:00Z"))
        )
        self.assertFalse(is_new)
        self.assertFalse(again)
        self.assertEqual(
            self.messages.search_count([("connector_id", "=", self.connector.id)]), 1
        )
        self.assertTrue(first)

    def test_events_become_the_state(self):
        shipment = self._create_shipment("A1")
        message = self._take_in(
            "A1",
            ("PU", "2026-01-01T10:00:00+01:00"),
            ("OD", "2026-01-02T07:30:00+01:00"),
        )
        self.assertEqual(message.state, "done")
        self.assertEqual(shipment.milestone, "out_for_delivery")
        self.assertEqual(shipment.status, "out_for_delivery")
        self.assertEqual(shipment.last_event_at, datetime(2026, 1, 2, 6, 30))
        self.assertEqual(shipment.event_ids.message_id, message)
        self.assertEqual(
            set(shipment.event_ids.mapped("correlation_id")), {message.correlation_id}
        )

    def test_a_late_scan_does_not_undo_a_delivery(self):
        shipment = self._create_shipment("A1")
        self._take_in("A1", ("DL", "2026-01-03T12:00:00Z"))
        self._take_in("A1", ("IT", "2026-01-02T12:00:00Z"))
        self.assertEqual(shipment.status, "delivered")
        self.assertEqual(shipment.delivered_at, datetime(2026, 1, 3, 12))
        self.assertEqual(shipment.event_count, 2)

    def test_the_same_fact_in_two_messages_is_one_event(self):
        shipment = self._create_shipment("A1")
        self._take_in("A1", ("PU", "2026-01-01T10:00:00Z"))
        self._take_in(
            "A1", ("PU", "2026-01-01T10:00:00Z"), ("IT", "2026-01-01T18:00:00Z")
        )
        self.assertEqual(len(shipment.event_ids), 2)

    def test_an_event_from_the_future_does_not_count(self):
        shipment = self._create_shipment("A1")
        self._take_in(
            "A1", ("PU", "2026-01-01T10:00:00Z"), ("DL", "2150-01-01T10:00:00Z")
        )
        self.assertEqual(shipment.milestone, "picked_up")
        self.assertEqual(shipment.trust, "clock_suspect")
        future = shipment.event_ids.filtered("clock_suspect")
        self.assertEqual(future.type_code, "delivered")

    def test_parcels_have_states_of_their_own(self):
        shipment = self._create_shipment("A1", "A2")
        self._take_in("A1", ("DL", "2026-01-03T12:00:00Z"))
        self.assertEqual(shipment.outcome, "partially_delivered")
        self.assertEqual(shipment.parcel_ids.mapped("status"), ["delivered", "new"])
        self._take_in("A2", ("DL", "2026-01-04T12:00:00Z"))
        self.assertEqual(shipment.outcome, "delivered")
        self.assertEqual(shipment.delivered_at, datetime(2026, 1, 4, 12))

    def test_poison_between_good_ones_stops_nobody(self):
        shipment = self._create_shipment("A1", "A2")
        self.connector._receive(self._body("A1", ("PU", "2026-01-01T10:00:00Z")))
        poison, _new = self.connector._receive(b'{"number": "A1", "scans": [')
        self.connector._receive(self._body("A2", ("PU", "2026-01-01T10:00:00Z")))
        self.lane._drain()
        self.assertEqual(self.messages.browse(poison).state, "dead")
        self.assertEqual(shipment.milestone, "picked_up")

    @mute_logger("odoo.addons.logistics_canonical.models.logistics_lane")
    def test_what_fails_in_a_batch_fails_alone(self):
        shipment = self._create_shipment("A1", "A2")
        self.connector._receive(self._body("A1", ("PU", "2026-01-01T10:00:00Z")))
        bad, _new = self.connector._receive(
            self._body("A2", ("PU", "2026-01-01T10:00:00Z"))
        )
        original = type(shipment)._ingest_batch

        def ingest(shipments, items):
            if any(message.id == bad for _connector, message, _event in items):
                raise ValueError("a bug")
            return original(shipments, items)

        with patch.object(type(shipment), "_ingest_batch", ingest):
            self.lane._drain()
        self.assertEqual(self.messages.browse(bad).state, "dead")
        self.assertIn("a bug", self.messages.browse(bad).error_text)
        self.assertEqual(shipment.parcel_ids.mapped("milestone"), ["picked_up", "new"])

    def test_an_unknown_number_waits_for_its_shipment(self):
        message = self._take_in("LATE1", ("PU", "2026-01-01T10:00:00Z"))
        self.assertEqual(message.state, "waiting")
        self.assertEqual(message.problem_ids.kind, "unknown_reference")
        shipment = self._create_shipment("late-1")
        self.lane._drain()
        self.assertEqual(message.state, "done")
        self.assertEqual(shipment.milestone, "picked_up")
        self.assertFalse(message.problem_ids.filtered(lambda p: p.state == "open"))

    def test_an_ambiguous_number_is_no_guess(self):
        one, other = self._create_shipment("A1"), self._create_shipment("A1")
        message = self._take_in("A1", ("DL", "2026-01-01T10:00:00Z"))
        self.assertEqual(message.state, "waiting")
        self.assertEqual(message.problem_ids.kind, "ambiguous_reference")
        self.assertEqual((one + other).mapped("status"), ["new", "new"])

    def test_the_carrier_of_a_parcel_settles_an_ambiguity(self):
        other = self._create_connector(name="Other")
        mine, theirs = self._create_shipment("A1"), self._create_shipment("A1")
        mine.parcel_ids.connector_id = self.connector
        theirs.parcel_ids.connector_id = other
        self._take_in("A1", ("DL", "2026-01-01T10:00:00Z"))
        self.assertEqual(mine.status, "delivered")
        self.assertEqual(theirs.status, "new")

    def test_an_order_number_finds_the_shipment_and_brings_a_parcel(self):
        shipment = self.env["logistics.shipment"].create({})
        self.env["logistics.reference"].create(
            {"shipment_id": shipment.id, "type": "sales_order", "value": "S00042"}
        )
        self._take_in("NEW9", ("PU", "2026-01-01T10:00:00Z"), order="S00042")
        self.assertEqual(shipment.milestone, "picked_up")
        self.assertEqual(shipment.parcel_ids.tracking_number, "NEW9")

    def test_shipments_from_messages_where_wanted(self):
        self.connector.create_from_events = True
        self._take_in("N1", ("PU", "2026-01-01T10:00:00Z"))
        self._take_in("N1", ("DL", "2026-01-02T10:00:00Z"))
        parcel = self.env["logistics.parcel"].search([("tracking_number", "=", "N1")])
        self.assertEqual(len(parcel), 1)
        self.assertEqual(parcel.shipment_id.status, "delivered")

    def test_an_unmapped_code_moves_nothing_and_is_not_lost(self):
        shipment = self._create_shipment("A1")
        message = self._take_in(
            "A1",
            ("PU", "2026-01-01T10:00:00Z"),
            ("ZZ", "2026-01-02T10:00:00Z", "Zapped"),
        )
        self.assertEqual(shipment.milestone, "picked_up")
        self.assertEqual(message.state, "done")
        self.assertEqual(message.problem_ids.code, "ZZ")
        unmapped = shipment.event_ids.filtered(lambda e: e.type_code == "unmapped")
        self.assertEqual(unmapped.partner_text, "Zapped")

    def test_mapping_a_code_lets_history_catch_up(self):
        shipment = self._create_shipment("A1")
        message = self._take_in("A1", ("ZZ", "2026-01-02T10:00:00Z"))
        self.env["logistics.code.map"].create(
            {
                "connector_id": self.connector.id,
                "code": "ZZ",
                "event_type_id": self.env["logistics.event.type"]._ids_by_code()[
                    "delivered"
                ],
            }
        )
        message.action_retry()
        self.lane._drain()
        self.assertEqual(shipment.status, "delivered")
        self.assertEqual(len(shipment.event_ids), 1)
        self.assertEqual(
            message.problem_ids.filtered(lambda p: p.state == "open").ids, []
        )

    def test_replaying_adds_nothing(self):
        shipment = self._create_shipment("A1")
        message = self._take_in("A1", ("DL", "2026-01-02T10:00:00Z"))
        replay = self.env["logistics.message.replay"].create(
            {"message_ids": message.ids}
        )
        self.assertEqual(replay.count, 1)
        replay.action_run()
        self.assertEqual(message.state, "received")
        self.lane._drain()
        self.assertEqual(message.state, "done")
        self.assertEqual(len(shipment.event_ids), 1)
        self.assertFalse(message.attempt_ids.automatic)

    def test_replaying_a_window_counts_first(self):
        self._create_shipment("A1")
        self._take_in("A1", ("DL", "2026-01-02T10:00:00Z"))
        self.connector._receive(b"broken")
        self.lane._drain()
        replay = self.env["logistics.message.replay"].create(
            {"scope": "window", "connector_id": self.connector.id}
        )
        self.assertEqual(replay.count, 1, "only what failed")
        replay.only_failed = False
        self.assertEqual(replay.count, 2)

    def test_paused_takes_in_and_waits(self):
        shipment = self._create_shipment("A1")
        self.connector.action_pause()
        message = self._take_in("A1", ("DL", "2026-01-02T10:00:00Z"))
        self.assertEqual(message.state, "received")
        self.assertEqual(shipment.status, "new")
        self.connector.action_resume()
        self.lane._drain()
        self.assertEqual(shipment.status, "delivered")

    def test_a_lost_lease_finishes_nothing(self):
        self._create_shipment("A1")
        self.connector._receive(self._body("A1", ("PU", "2026-01-01T10:00:00Z")))
        claimed = self.lane._claim(["standard"])
        self.assertEqual(len(claimed), 1)
        stale = claimed[0]._replace(token="another worker's")
        with self.assertRaises(LeaseLost), self.env.cr.savepoint():
            self.lane._work_inbound([stale])
        self.assertFalse(
            self.env["logistics.event"].search_count(
                [("parcel_id.tracking_number", "=", "A1")]
            )
        )

    def test_an_ended_lease_is_taken_over(self):
        shipment = self._create_shipment("A1")
        self.connector._receive(self._body("A1", ("PU", "2026-01-01T10:00:00Z")))
        self.env["ir.config_parameter"].set_param(
            "logistics_canonical.lease_seconds", 0
        )
        self.assertTrue(self.lane._claim(["standard"]))
        self.lane._drain()
        self.assertEqual(shipment.milestone, "picked_up")

    def test_after_a_crash_each_message_is_tried_alone(self):
        shipment = self._create_shipment("A1", "A2", "A3")
        for number in ("A1", "A2", "A3"):
            self.connector._receive(self._body(number, ("PU", "2026-01-01T10:00:00Z")))
        self.env["ir.config_parameter"].set_param(
            "logistics_canonical.lease_seconds", 0
        )
        self.assertEqual(len(self.lane._claim(["standard"])), 3)
        # Their worker dies here. What killed it is among them.
        alone = self.lane._claim(["standard"])
        self.assertEqual(len(alone), 1)
        messages = self.messages.search([("connector_id", "=", self.connector.id)])
        self.assertEqual(sorted(messages.mapped("tries")), [1, 1, 2])
        for _crash in range(2):
            self.assertEqual(self.lane._claim(["standard"])[0].id, alone[0].id)
        self.lane._drain()
        self.assertEqual(sorted(messages.mapped("state")), ["dead", "done", "done"])
        self.assertEqual(
            sorted(shipment.parcel_ids.mapped("milestone")),
            ["new", "picked_up", "picked_up"],
        )

    def test_set_aside_and_taken_up_again(self):
        message_id, _new = self.connector._receive(b"broken")
        self.lane._drain()
        message = self.messages.browse(message_id)
        message.action_ignore()
        self.assertEqual(message.state, "ignored")
        message.action_retry()
        self.lane._drain()
        self.assertEqual(message.state, "dead")

    def test_nobody_writes_messages_by_hand(self):
        administrator = self.env.ref("base.user_admin")
        with self.assertRaises(AccessError):
            self.messages.with_user(administrator).create(
                {
                    "connector_id": self.connector.id,
                    "company_id": self.env.company.id,
                    "direction": "in",
                    "state": "received",
                    "dedupe_key": "x",
                }
            )

    def test_retention_keeps_the_skeleton(self):
        self._create_shipment("A1")
        message = self._take_in("A1", ("DL", "2026-01-02T10:00:00Z"))
        self.env.company.logistics_retention_days = 30
        self.env.cr.execute(
            "UPDATE logistics_message SET received_at = now() - interval '31 days' "
            "WHERE id = %s",
            [message.id],
        )
        message.invalidate_recordset()
        self.messages._gc_bodies()
        self.assertFalse(message.sudo().body)
        self.assertEqual(message.state, "done")
        _id, is_new = self.connector._receive(
            self._body("A1", ("DL", "2026-01-02T10:00:00Z"))
        )
        self.assertFalse(is_new, "a very late copy is still known")
