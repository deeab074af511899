# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import SUPERUSER_ID, api
from odoo.tests import HttpCase, tagged

from odoo.addons.logistics_canonical.transport import TransportError

from .common import CarrierCommon, refusal


class ScreensCommon(CarrierCommon, HttpCase):
    def _drain(self):
        """Send what the browser has left, too: it came after the test began."""
        self.env.invalidate_all()
        self._let_time_pass(hours=1)
        return super()._drain()

    def _answer_while_waited_for(self):
        """Let the carrier answer between the first look at a booking and the next."""
        looks = []
        pickings = self.env.registry["stock.picking"]
        progress = pickings.logistics_booking_progress

        @api.model
        def look(self, picking_ids):
            looks.append(picking_ids)
            if len(looks) > 1:
                env = self.with_user(SUPERUSER_ID).env
                env["logistics.outbox"]._drain()
                env.invalidate_all()
            return progress(self, picking_ids)

        self.patch(pickings, "logistics_booking_progress", look)
        return looks


@tagged("post_install", "-at_install")
class TestScreens(ScreensCommon):
    """The people with the fewest rights do their work on the screen."""

    def test_the_desk_waits_prints_and_cancels(self):
        self.warehouse.out_type_id.logistics_label_wait = 30
        self._answer_while_waited_for()
        picking = self._sell()
        self.start_tour(
            f"/odoo/deliveries/{picking.id}",
            "logistics_book_at_the_desk",
            login="packer",
        )
        self._drain()
        self.assertEqual(picking.logistics_booking_state, "cancelled")
        self.assertFalse(picking.carrier_tracking_ref)
        self.assertEqual(
            [call.operation for call in self.fake.calls], ["book", "cancel"]
        )

    def test_an_open_transfer_shows_the_news(self):
        looks = self._answer_while_waited_for()
        looks.append("the browser's first look is the one that finds the answer")
        picking = self._sell()
        picking.button_validate()
        self.start_tour(
            f"/odoo/deliveries/{picking.id}", "logistics_booking_news", login="packer"
        )

    def test_carriers_are_compared_on_the_quotation(self):
        self._create_carrier(name="Air", logistics_service="air")
        self.fake.quotes = [("ground", "8.00", "USD", 3), ("air", "19.00", "USD", 1)]
        order = self._create_order()
        self.start_tour(
            f"/odoo/action-sale.action_quotations_with_onboarding/{order.id}",
            "logistics_compare_carriers",
            login="seller",
        )
        self.env.invalidate_all()
        self.assertEqual(order.carrier_id, self.carrier)
        self.assertIn("The cheapest of 2 offers", order.delivery_message)
        self.assertEqual(order.order_line.filtered("is_delivery").price_unit, 8.0)

    def test_customers_get_a_return_label(self):
        self.carrier.get_return_label_from_portal = True
        customer = self._create_user("customer", "base.group_portal").partner_id
        customer.write(
            self.customer.copy_data()[0] | {"name": customer.name, "user_ids": []}
        )
        picking = self._sell(partner_id=customer.id)
        picking.button_validate()
        self._drain()
        page = f"/my/orders/{picking.sale_id.id}"
        self.start_tour(page, "logistics_ask_for_a_return_label", login="customer")
        self._drain()
        self.assertEqual(self._booking(picking).kind, "return")
        self.assertEqual(self._booking(picking).state, "booked")
        self.start_tour(page, "logistics_print_the_return_label", login="customer")

    def test_an_unknown_outcome_is_decided(self):
        self._create_user(
            "decider", "base.group_user,logistics_canonical.group_exception_operator"
        )
        picking = self._create_delivery()
        picking.button_validate()
        self.fake.prepare("book", TransportError("Cut off"))
        self._drain()
        booking = self._booking(picking)
        self.assertEqual(booking.message_id.state, "unknown")
        self.start_tour(
            "/odoo/action-logistics_canonical.logistics_message_outbox_action",
            "logistics_decide",
            login="decider",
        )
        self.env.invalidate_all()
        self.assertEqual(booking.state, "booked")
        self.assertEqual(picking.carrier_tracking_ref, "PC777777")


@tagged("post_install", "-at_install")
class TestScreensOnThePhone(ScreensCommon):
    browser_size = "375x667"
    touch_enabled = True

    def test_what_was_refused_is_booked_again(self):
        self.warehouse.out_type_id.logistics_label_wait = 30
        self._answer_while_waited_for()
        self.fake.prepare("book", refusal("The street is not known"))
        picking = self._create_delivery()
        self.start_tour(
            f"/odoo/deliveries/{picking.id}",
            "logistics_book_on_the_phone",
            login="packer",
        )
        self.env.invalidate_all()
        self.assertEqual(picking.carrier_tracking_ref, "PC000001")

    def test_a_pickup_is_asked_for(self):
        picking = self._ship()
        self.start_tour(
            "/odoo/action-logistics_carrier_connector.logistics_pickup_action",
            "logistics_pickup",
            login="packer",
        )
        self._drain()
        pickup = self.env["logistics.pickup"].search([])
        self.assertEqual(pickup.state, "confirmed")
        self.assertEqual(pickup.confirmation, "C-1")
        self.assertEqual(pickup.booking_ids, self._booking(picking))
