# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo.exceptions import UserError
from odoo.tests import tagged

from odoo.addons.logistics_canonical.core.events import CanonicalEvent, Reference

from .common import CarrierCommon, refusal


@tagged("post_install", "-at_install")
class TestRebooking(CarrierCommon):
    """What changes between a booking and its truck: nothing is paid twice, and no
    label stands for goods that are gone."""

    def _numbers(self, picking):
        """Return the states and numbers of bookings, oldest first."""
        bookings = picking.sudo().logistics_booking_ids.sorted("id")
        return [(booking.state, booking.number or "") for booking in bookings]

    def _parcels(self, picking):
        return picking.sudo().logistics_shipment_ids.parcel_ids.sorted("id")

    def _deliver(self, picking, *numbers):
        when = self.env.cr.now().astimezone()
        for number in numbers:
            self.env["logistics.shipment"]._ingest(
                [
                    CanonicalEvent(
                        references=(Reference("tracking_number", number),),
                        code="delivered",
                        occurred_at=when,
                        occurred_text="",
                        parcel=number,
                        identity=f"delivered-{number}",
                    )
                ],
                self._booking(picking).message_id,
            )
        return picking.sudo().logistics_shipment_ids.outcome

    def _ready(self, picking):
        """What the tests' packing leaves, as the packing screen does."""
        picking.sudo().move_ids.state = "assigned"
        picking.invalidate_recordset()

    def _refused_in_two(self):
        """Return a delivery whose two packages the carrier refused."""
        picking = self._create_delivery(quantity=4)
        self._pack(picking, 2, 2)
        self._ready(picking)
        self.fake.prepare("book", refusal("Too heavy"))
        picking.action_logistics_book()
        self._drain()
        return picking

    # === PACKED ANEW === #

    def test_what_is_booked_loose_and_packed_then_is_one_parcel(self):
        for answered in (False, True):
            with self.subTest(answered=answered):
                picking = self._create_delivery(quantity=4)
                picking.action_logistics_book()
                if answered:
                    self._drain()
                (package,) = self._pack(picking, 4)
                picking.button_validate()
                self._drain()
                ((state, number),) = self._numbers(picking)
                self.assertEqual(state, "booked")
                self.assertEqual(self._parcels(picking).package_id, package)
                self.assertEqual(self._parcels(picking).tracking_number, number)
                self.assertEqual(self._deliver(picking, number), "delivered")

    def test_a_package_more_than_was_booked_is_booked_too(self):
        picking = self._create_delivery(quantity=4)
        picking.action_logistics_book()
        self._drain()
        self._pack(picking, 2, 2)
        picking.button_validate()
        self._drain()
        self.assertEqual(
            self._numbers(picking), [("booked", "PC000001"), ("booked", "PC000002")]
        )
        self.assertEqual(len(self._parcels(picking)), 2)

    def test_what_is_booked_and_gone_has_to_be_cancelled_first(self):
        for answered in (False, True):
            with self.subTest(answered=answered):
                picking = self._create_delivery(quantity=4)
                first, second = self._pack(picking, 2, 2)
                self._ready(picking)
                picking.action_logistics_book()
                if answered:
                    self._drain()
                self._pack(picking, 4)
                with self.assertRaises(UserError) as caught:
                    picking.button_validate()
                for name in (first.name, second.name, picking.name):
                    self.assertIn(name, str(caught.exception))
                picking.cancel_shipment()
                self._drain()
                picking.button_validate()
                self._drain()
                (*others, (state, number)) = self._numbers(picking)
                self.assertEqual({state for state, _number in others}, {"cancelled"})
                self.assertEqual(state, "booked")
                self.assertEqual(picking.carrier_tracking_ref, number)

    def test_what_was_refused_and_packed_anew_is_over_once_it_is_booked(self):
        picking = self._refused_in_two()
        self.assertEqual(picking.logistics_booking_state, "failed")
        (package,) = self._pack(picking, 4)
        picking.button_validate()
        self._drain()
        self.assertEqual(picking.logistics_booking_state, "booked")
        self.assertFalse(picking.logistics_can_book)
        self.assertEqual(self._parcels(picking).package_id, package)
        self.assertIn("booking_failed", [code for _m, code, _e in self.resolved])
        self.assertEqual(
            self._deliver(picking, picking.carrier_tracking_ref), "delivered"
        )

    def test_what_was_refused_and_is_loose_again_is_one_parcel(self):
        picking = self._refused_in_two()
        picking.move_line_ids.result_package_id = False
        picking.button_validate()
        self._drain()
        self.assertEqual(len(self._parcels(picking)), 1)
        self.assertEqual(picking.logistics_booking_state, "booked")

    def test_two_packages_of_one_name_are_two_parcels(self):
        picking = self._create_delivery(quantity=4)
        self._pack(picking, 2, 2).name = "SAME"
        picking.button_validate()
        self._drain()
        booking = self._booking(picking)
        self.assertEqual(booking.state, "booked")
        self.assertEqual(
            set(booking.parcel_ids.mapped("tracking_number")),
            {"PC000001", "PC000002"},
        )

    def test_packed_transfers_validated_at_once_are_booked(self):
        pickings = self._create_delivery() | self._create_delivery()
        for picking in pickings:
            self._pack(picking, 1, 1)
        pickings.button_validate()
        self._drain()
        self.assertEqual(
            pickings.mapped("logistics_booking_state"), ["booked", "booked"]
        )

    # === ONE OF SEVERAL === #

    def _two_bookings(self, *answers, **values):
        carrier = self._create_special("single1", "single")
        picking = self._create_delivery(quantity=4, carrier_id=carrier.id, **values)
        self._pack(picking, 2, 2)
        self.fake.prepare("book", *answers)
        picking.button_validate()
        self._drain()
        return picking, *picking.sudo().logistics_booking_ids.sorted("id")

    def test_booking_one_again_leaves_alone_what_was_cancelled(self):
        picking, first, second = self._two_bookings(self.fake._book, refusal("No"))
        self._as(self.packer, first).action_cancel()
        self._drain()
        self._as(self.packer, second).action_book_again()
        self._drain()
        self.assertEqual(
            self._numbers(picking),
            [("cancelled", "PC000001"), ("failed", ""), ("booked", "PC000002")],
        )

    def test_mending_what_was_refused_leaves_alone_what_was_cancelled(self):
        picking, first, second = self._two_bookings(self.fake._book, refusal("No"))
        self._as(self.packer, first).action_cancel()
        self._drain()
        self.assertTrue(second.shipment_id._mend("booking_failed"))
        self._drain()
        self.assertEqual(
            self._numbers(picking),
            [("cancelled", "PC000001"), ("failed", ""), ("booked", "PC000002")],
        )

    def test_cancelling_again_cancels_what_was_to_be_cancelled(self):
        picking, first, _second = self._two_bookings()
        self.fake.prepare("cancel", refusal("Too late"))
        self._as(self.packer, first).action_cancel()
        self._drain()
        (evidence,) = [e for _m, code, e in self.raised if code == "void_failed"]
        self.assertTrue(
            first.shipment_id._mend("void_failed", evidence["reference_key"])
        )
        self._drain()
        self.assertEqual(
            self._numbers(picking), [("cancelled", "PC000001"), ("booked", "PC000002")]
        )

    def test_a_refused_return_is_mended(self):
        picking = self._ship()
        self.fake.prepare("return", refusal("No phone"))
        picking.action_logistics_book_return()
        self._drain()
        booking = self._booking(picking)
        self.assertEqual((booking.kind, booking.state), ("return", "failed"))
        self.assertTrue(booking.shipment_id._mend("booking_failed"))
        self._drain()
        self.assertEqual(self._booking(picking).state, "booked")

    def test_what_nothing_mends_is_said(self):
        picking = self._ship()
        self.assertIsNone(self._booking(picking).shipment_id._mend("booking_failed"))
        self.assertIsNone(self._booking(picking).shipment_id._mend("void_failed", "X"))

    # === ANOTHER METHOD === #

    def test_the_method_of_what_is_booked_stays(self):
        other = self._create_special("otherco")
        picking = self._create_delivery()
        picking.action_logistics_book()
        for answered in (False, True):
            with self.subTest(answered=answered):
                with self.assertRaisesRegex(UserError, "Cancel the booking"):
                    picking.carrier_id = other
                picking.carrier_id = self.carrier
                self._drain()
        picking.cancel_shipment()
        self._drain()
        picking.carrier_id = other
        picking.button_validate()
        self._drain()
        self.assertEqual(self._parcels(picking).connector_id.name, "otherco")

    def test_a_booking_is_cancelled_whatever_its_method_has_become(self):
        picking = self._ship()
        self.carrier.write({"delivery_type": "fixed"})
        picking.cancel_shipment()
        self._drain()
        self.assertEqual(self._numbers(picking), [("cancelled", "PC000001")])

    # === GONE === #

    def test_what_was_booked_for_a_deleted_transfer_is_voided(self):
        boss = self._create_user("boss", "stock.group_stock_manager", self.company)
        for answered in (False, True):
            with self.subTest(answered=answered):
                self.fake.reset()
                picking = self._create_delivery()
                picking.action_logistics_book()
                if answered:
                    self._drain()
                booking = self._booking(picking)
                self._as(boss, picking).unlink()
                self._drain()
                self.assertEqual(booking.state, "cancelled")
                self.assertEqual(len(self.fake.asked("book")), int(answered))
                self.assertEqual(len(self.fake.asked("cancel")), int(answered))

    def test_what_was_booked_for_cancelled_goods_is_voided(self):
        picking = self._create_delivery()
        picking.action_logistics_book()
        self._drain()
        picking.move_ids._action_cancel()
        self._drain()
        self.assertEqual(picking.state, "cancel")
        self.assertEqual(self._numbers(picking), [("cancelled", "PC000001")])

    # === SEVERAL STEPS === #

    def _two_steps(self):
        self.warehouse.delivery_steps = "pick_ship"
        self.product = self._create_product("Stored", is_storable=True)
        self.env["stock.quant"]._update_available_quantity(
            self.product, self.warehouse.lot_stock_id, 100
        )
        order = self._create_order(price=8.0)
        order.action_confirm()
        return order, self._as(self.packer, order.sudo().picking_ids)

    def test_goods_booked_when_picked_are_not_booked_when_they_leave(self):
        for answered in (False, True):
            with self.subTest(answered=answered):
                self.fake.calls.clear()
                order, pick = self._two_steps()
                pick.action_logistics_book()
                if answered:
                    self._drain()
                self._pick(pick)
                pick.button_validate()
                out = self._as(self.packer, order.sudo().picking_ids) - pick
                self._pick(out)
                with self.assertRaisesRegex(UserError, pick.name):
                    out.action_logistics_book()
                out.button_validate()
                self._drain()
                self.assertEqual(len(self.fake.asked("book")), 1)
                self.assertTrue(pick.carrier_tracking_ref)
                self.assertEqual(out.carrier_tracking_ref, pick.carrier_tracking_ref)
                self.assertFalse(out.logistics_can_book)
                shipment = out.sudo().logistics_shipment_ids
                self.assertEqual(shipment, pick.sudo().logistics_shipment_ids)
                self.assertEqual(len(shipment.parcel_ids), 1)

    def test_goods_whose_booking_was_cancelled_are_booked_when_they_leave(self):
        order, pick = self._two_steps()
        pick.action_logistics_book()
        self._drain()
        pick.cancel_shipment()
        self._drain()
        self._pick(pick)
        pick.button_validate()
        out = self._as(self.packer, order.sudo().picking_ids) - pick
        self.assertFalse(out.carrier_tracking_ref)
        self._pick(out)
        out.button_validate()
        self._drain()
        self.assertEqual(self._numbers(out), [("booked", "PC000002")])
