# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo.exceptions import UserError
from odoo.http import Request
from odoo.tests import HttpCase, tagged
from odoo.tools import mute_logger

from .common import CarrierCommon, good, paper, refusal


class ReturnCommon(CarrierCommon):
    def _returns(self, picking):
        return picking.sudo().logistics_booking_ids.filtered(
            lambda booking: booking.kind == "return"
        )


@tagged("post_install", "-at_install")
class TestReturn(ReturnCommon):
    """Labels for the way back."""

    def test_asked_for_later(self):
        picking = self._sell()
        picking.button_validate()
        self._drain()
        picking.action_logistics_book_return()
        self._drain()
        (there,) = self.fake.requests("book")
        (back,) = self.fake.requests("return")
        self.assertEqual(back.shipper, there.recipient)
        self.assertEqual(back.recipient, there.shipper)
        self.assertTrue(back.is_return)
        self.assertEqual(
            [(p.weight, p.commodities) for p in back.packages],
            [(p.weight, p.commodities) for p in there.packages],
        )
        booking = self._returns(picking)
        self.assertEqual((booking.state, booking.number), ("booked", "PC000002"))
        self.assertEqual(picking.carrier_tracking_ref, "PC000001", "it went there")
        self.assertEqual(picking.return_label_ids, booking.label_ids)
        shipment = booking.shipment_id
        self.assertEqual(shipment.direction, "return")
        self.assertEqual(shipment.parcel_ids.tracking_number, "PC000002")
        self.assertNotIn(shipment, picking.sudo().logistics_shipment_ids)

    def test_with_the_delivery(self):
        self.carrier.return_label_on_delivery = True
        picking = self._ship()
        self.assertEqual(
            picking.sudo().logistics_booking_ids.mapped("kind"), ["return", "ship"]
        )
        self.assertEqual(len(picking.return_label_ids), 1)
        self.assertEqual(picking.logistics_booking_state, "booked")

    def test_its_refusal_does_not_spoil_the_delivery(self):
        self.carrier.return_label_on_delivery = True
        self.fake.prepare("return", refusal("No returns from there"))
        picking = self._ship()
        self.assertEqual(picking.logistics_booking_state, "booked")
        self.assertEqual(self._returns(picking).state, "failed")
        self.assertIn("booking_failed", self._codes())

    def test_in_a_batch_what_is_missing_goes_to_the_queue(self):
        """The deliveries are booked all the same; nobody is at the screen to tell."""
        single = self._create_special("phones", "single", return_label_on_delivery=True)
        self.warehouse.partner_id.phone = False
        pickings = self._create_delivery(carrier_id=single.id)
        pickings |= self._create_delivery(carrier_id=single.id)
        pickings.button_validate()
        self._drain()
        self.assertEqual(
            pickings.mapped("logistics_booking_state"), ["booked", "booked"]
        )
        self.assertFalse(self._returns(pickings))
        self.assertEqual(self._codes(), ["booking_failed", "booking_failed"])
        _model, code, evidence = self.raised[0]
        for word in (pickings[0].name, "Depot", "phone number", "Return Label"):
            self.assertIn(word, evidence["text"])
        condition = (code, evidence["reference_key"])
        resolved = [(code, e.get("reference_key")) for _m, code, e in self.resolved]
        self.assertNotIn(condition, resolved, "the delivery's booking mends it not")
        self.warehouse.partner_id.phone = "+1 415 555 0100"
        pickings[0].action_logistics_book_return()
        resolved = [(code, e.get("reference_key")) for _m, code, e in self.resolved]
        self.assertIn(condition, resolved)
        other = self.raised[1][2]["reference_key"]
        self.assertTrue(
            pickings[1].sudo().logistics_shipment_ids._mend("booking_failed", other)
        )
        self._drain()
        self.assertEqual(self._returns(pickings).mapped("state"), ["booked", "booked"])

    def test_asked_for_twice_it_is_made_once(self):
        picking = self._ship()
        picking.action_logistics_book_return()
        picking.action_logistics_book_return()
        self._drain()
        picking.action_logistics_book_return()
        self._drain()
        self.assertEqual(len(self.fake.asked("return")), 1)

    def test_refused_and_asked_for_again(self):
        self.fake.prepare("return", refusal("Not today"))
        picking = self._ship()
        picking.action_logistics_book_return()
        self._drain()
        first = self._returns(picking)
        self._as(self.packer, first).action_book_again()
        self._drain()
        second = self._returns(picking) - first
        self.assertEqual((first.state, second.state), ("failed", "booked"))
        self.assertEqual(second.shipment_id, first.shipment_id)

    def test_cancelled_and_asked_for_again(self):
        picking = self._ship()
        picking.action_logistics_book_return()
        self._drain()
        first = self._returns(picking)
        self._as(self.packer, first).action_cancel()
        self._drain()
        self.assertEqual(picking.carrier_tracking_ref, "PC000001", "that one stands")
        picking.action_logistics_book_return()
        self._drain()
        self.assertEqual(
            sorted(self._returns(picking).mapped("state")), ["booked", "cancelled"]
        )

    def _take_back(self, picking):
        """Return the receipt that takes in what a delivery sent."""
        wizard = (
            self.env["stock.return.picking"]
            .with_user(self.packer)
            .with_context(active_id=picking.id, active_model="stock.picking")
            .create({})
        )
        wizard.product_return_moves.quantity = 2
        receipt = picking.browse(wizard.action_create_returns()["res_id"])
        receipt.carrier_id = self.carrier
        return receipt

    def test_printed_on_the_receipt_that_takes_it_in(self):
        """Its parcels are followed once, under the number they come back with."""
        receipt = self._take_back(self._ship())
        receipt.print_return_label()
        self._drain()
        self.assertEqual(len(receipt.return_label_ids), 1)
        shipment = self._returns(receipt).shipment_id
        self.assertEqual(receipt.sudo().logistics_shipment_ids, shipment)
        receipt.button_validate()
        self.assertEqual(receipt.sudo().logistics_shipment_ids, shipment)
        self.assertEqual(shipment.parcel_ids.tracking_number, "PC000002")
        self.assertEqual(receipt.logistics_status, "announced")

    def test_printed_on_a_receipt_that_is_followed_already(self):
        receipt = self._take_back(self._ship())
        receipt.action_create_logistics_shipment()
        shipment = receipt.sudo().logistics_shipment_ids
        receipt.print_return_label()
        self._drain()
        self.assertEqual(self._returns(receipt).shipment_id, shipment)
        self.assertEqual(shipment.parcel_ids.tracking_number, "PC000002")

    def test_refused_on_the_receipt_it_is_never_sent_out(self):
        self.fake.prepare("return", refusal("Not today"))
        receipt = self._take_back(self._ship())
        receipt.print_return_label()
        self._drain()
        self._returns(receipt).shipment_id._mend("booking_failed")
        self._drain()
        self.assertEqual(len(self.fake.asked("book")), 1, "the delivery itself")

    def test_several_parcels_come_back(self):
        picking = self._create_delivery()
        self._pack(picking, 1, 1)
        picking.button_validate()
        picking.action_logistics_book_return()
        self._drain()
        booking = self._returns(picking)
        self.assertEqual(len(booking.parcel_ids), 2)
        self.assertEqual(len(picking.return_label_ids), 2)

    def test_numbered_when_the_label_is_used(self):
        """Some platforms give a label without a number."""
        self.fake.prepare(
            "return",
            lambda asked: good(
                id="R1",
                parcels=[(p["reference"], "") for p in asked.body["packages"]],
                documents=[paper("return_label")],
            ),
        )
        picking = self._ship()
        picking.action_logistics_book_return()
        self._drain()
        booking = self._returns(picking)
        self.assertEqual((booking.state, booking.number), ("booked", False))
        self.assertEqual(len(picking.return_label_ids), 1)

    def test_a_carrier_that_makes_none(self):
        carrier = self._create_special("oneway", without=("return",))
        self.assertFalse(carrier.can_generate_return)
        picking = self._ship(carrier_id=carrier.id)
        with self.assertRaisesRegex(UserError, "makes none"):
            picking.action_logistics_book_return()

    def test_nothing_comes_back_before_it_was_sent(self):
        picking = self._create_delivery()
        with self.assertRaisesRegex(UserError, "it was not sent"):
            picking.action_logistics_book_return()

    def test_what_is_missing_is_named(self):
        picking = self._ship()
        self.customer.zip = False
        with self.assertRaisesRegex(UserError, "Ada Customer.*postal code"):
            picking.action_logistics_book_return()
        self.assertFalse(self._returns(picking))


@tagged("post_install", "-at_install")
class TestReturnPortal(ReturnCommon, HttpCase):
    """What customers get, and others don't, without a browser."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.carrier.get_return_label_from_portal = True
        cls.buyer = cls._create_user("buyer", "base.group_portal")
        cls.stranger = cls._create_user("stranger", "base.group_portal")
        for user in (cls.buyer, cls.stranger):
            values = cls.customer.copy_data()[0]
            user.partner_id.write({**values, "name": user.name, "user_ids": []})

    def setUp(self):
        super().setUp()
        self.picking = self._sell(partner_id=self.buyer.partner_id.id)
        self.picking.button_validate()
        self._drain()
        self.order = self.picking.sale_id.sudo()

    def _ask(self, order=None, picking=None, **values):
        response = self.url_open(
            f"/my/orders/{(order or self.order).id}/return_label/"
            f"{(picking or self.picking).id}",
            data={"csrf_token": Request.csrf_token(self), **values},
            allow_redirects=False,
        )
        self.env.invalidate_all()
        return response

    def _drain(self):
        """Send what the browser has left, too: it came after the test began."""
        self.env.invalidate_all()
        self._let_time_pass(hours=1)
        return super()._drain()

    def _login(self, user):
        self.authenticate(user.login, user.login)

    def test_the_buyer_gets_a_label(self):
        self._login(self.buyer)
        response = self._ask()
        self.assertIn(f"/my/orders/{self.order.id}", response.headers["Location"])
        self._drain()
        (label,) = self.picking.return_label_ids
        page = self.url_open(f"/my/orders/{self.order.id}").text
        self.assertIn(f"/web/content/{label.id}?access_token=", page)

    def test_a_void_label_makes_room_for_another(self):
        self._login(self.buyer)
        self._ask()
        self._drain()
        url = f"/my/orders/{self.order.id}"
        (void,) = self.picking.return_label_ids
        link = f"/web/content/{void.id}?access_token={void.sudo().access_token}"
        self.assertEqual(self.url_open(link).status_code, 200)
        self._as(self.packer, self._returns(self.picking)).action_cancel()
        self._drain()
        page = self.url_open(url).text
        self.assertNotIn(f"/web/content/{void.id}?", page)
        self.assertNotEqual(self.url_open(link).status_code, 200, "nor by the old link")
        self.assertIn("o_logistics_return_label", page, "another one is offered")
        self._ask()
        self._drain()
        (label,) = self.picking.return_label_ids
        self.assertNotEqual(label, void)
        page = self.url_open(url).text
        self.assertIn(f"/web/content/{label.id}?access_token=", page)
        self.assertNotIn("o_logistics_return_label", page)

    def test_a_stranger_asks_and_sees_nothing(self):
        self._login(self.stranger)
        response = self._ask()
        self.assertTrue(response.headers["Location"].endswith("/my"))
        self.assertFalse(self._returns(self.picking))
        self.picking.action_logistics_book_return()
        self._drain()
        (label,) = self.picking.return_label_ids
        for url in (
            f"/web/content/{label.id}",
            f"/web/content/{label.id}?access_token=guessed",
        ):
            self.assertNotEqual(self.url_open(url).status_code, 200)
        (paid,) = (
            self._booking(self.picking)
            .search([("picking_id", "=", self.picking.id), ("kind", "=", "ship")])
            .label_ids
        )
        self._login(self.buyer)
        self.assertNotEqual(self.url_open(f"/web/content/{paid.id}").status_code, 200)

    def test_a_stranger_asks_through_an_order_of_their_own(self):
        own = self._sell(partner_id=self.stranger.partner_id.id).sale_id.sudo()
        self._login(self.stranger)
        self._ask(order=own)
        self.assertFalse(self._returns(self.picking))

    def test_whoever_got_the_link_by_mail_needs_no_login(self):
        self.authenticate(None, None)
        self._ask(access_token="guessed")
        self.assertFalse(self._returns(self.picking))
        self._ask(access_token=self.order._portal_ensure_token())
        self.assertTrue(self._returns(self.picking))

    def test_another_site_can_not_ask_for_the_buyer(self):
        self._login(self.buyer)
        with mute_logger("odoo.http"):
            self.assertEqual(self._ask(csrf_token="forged").status_code, 400)
        self.assertFalse(self._returns(self.picking))

    def test_a_method_that_offers_none(self):
        self.carrier.get_return_label_from_portal = False
        self._login(self.buyer)
        self._ask()
        self.assertFalse(self._returns(self.picking))

    def test_what_is_missing_is_for_us_to_mend(self):
        self.warehouse.partner_id.zip = False
        self._login(self.buyer)
        for _click in range(2):
            response = self._ask()
        self.assertIn(f"/my/orders/{self.order.id}", response.headers["Location"])
        self.assertFalse(self._returns(self.picking))
        activity = self.picking.sudo().activity_ids
        self.assertEqual(activity.user_id, self.order.user_id)
        self.assertIn("could not be booked", activity.note)

    def test_without_a_salesperson_whoever_sent_it_is_told(self):
        self.order.user_id = False
        self._login(self.buyer)
        self.fake.prepare("return", refusal("Not today"))
        self._ask()
        self._drain()
        self.warehouse.partner_id.zip = False
        self._ask()
        self.assertEqual(self.picking.sudo().activity_ids.user_id, self.packer)
