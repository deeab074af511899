# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import json
from unittest.mock import patch

from odoo.exceptions import UserError
from odoo.tests import tagged
from odoo.tools import mute_logger

from odoo.addons.logistics_canonical.core.adapter import Response
from odoo.addons.logistics_canonical.models.logistics_outbox import _perform
from odoo.addons.logistics_canonical.transport import TransportError

from .common import JSON, OUTBOX, PARCELCO, PDF, CarrierCommon, good, paper, refusal


@tagged("post_install", "-at_install")
class TestBookingOutcome(CarrierCommon):
    """What the carrier answers, or doesn't, and what people do about it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.operator = cls._create_user(
            "operator", "base.group_user,logistics_canonical.group_exception_operator"
        )

    # === NOBODY KNOWS === #

    def _lose_the_answer(self, **values):
        """Return a delivery whose booking may or may not have been made."""
        self.fake.prepare("book", TransportError("Cut off"))
        picking = self._create_delivery(**values)
        picking.button_validate()
        self._drain()
        self.assertEqual(self._booking(picking).message_id.state, "unknown")
        self.assertEqual(picking.logistics_booking_state, "booking")
        return picking

    def _decide(self, message, outcome, number=""):
        wizard = (
            self.env["logistics.message.decide"]
            .with_user(self.operator)
            .create(
                {
                    "message_id": message.id,
                    "outcome": outcome,
                    "number": number,
                    "note": "Asked them",
                }
            )
        )
        wizard.action_decide()
        return wizard

    def test_a_person_knows_that_it_was_booked(self):
        picking = self._lose_the_answer()
        message = self._booking(picking).message_id
        self.assertIn("outcome_unknown", self._codes())
        with self.assertRaisesRegex(UserError, "one for each of 1"):
            self._decide(message, "done")
        with self.assertRaisesRegex(UserError, "one for each of 1"):
            self._decide(message, "done", "X1, X2")
        self._decide(message, "done", " X1 ")
        self.assertEqual(picking.logistics_booking_state, "booked")
        self.assertEqual(picking.carrier_tracking_ref, "X1")
        self._drain()
        self.assertEqual(len(self.fake.asked("book")), 1, "nothing is sent again")
        self.assertEqual(len(self.fake.asked("label")), 1, "but its label fetched")
        self.assertEqual(
            self._booking(picking).label_ids.mapped("name"),
            ["LabelShipping-logistics-X1.pdf"],
        )

    def test_a_person_enters_a_number_of_another_parcel(self):
        booked = self._ship()
        picking = self._lose_the_answer()
        message = self._booking(picking).message_id
        with self.assertRaisesRegex(UserError, self._booking(booked).reference):
            self._decide(message, "done", booked.carrier_tracking_ref)

    def test_a_person_knows_that_it_was_not_booked(self):
        picking = self._lose_the_answer()
        self._decide(self._booking(picking).message_id, "not_done")
        self._drain()
        self.assertEqual(picking.logistics_booking_state, "booked")
        first, second = self.fake.requests()
        self.assertEqual(first, second, "the same, under the same reference")

    def test_the_choices_name_what_is_at_stake(self):
        order = self._create_order()
        self.carrier.with_user(self.seller).rate_shipment(order)
        order.set_delivery_line(self.carrier, 8.0)
        order.action_confirm()
        picking = self._as(self.packer, order.sudo().picking_ids)
        self._pick(picking)
        self.fake.prepare("book", TransportError("Cut off"))
        picking.button_validate()
        self._drain()
        message = self._booking(picking).message_id
        price = self.env.ref("base.USD").format(8.0)
        for outcome, words in (
            ("not_done", ["second label", price]),
            ("done", ["no label"]),
        ):
            wizard = (
                self.env["logistics.message.decide"]
                .with_user(self.operator)
                .create({"message_id": message.id, "outcome": outcome})
            )
            for word in words:
                self.assertIn(word, wizard.if_wrong)
        (evidence,) = [
            e for _model, code, e in self.raised if code == "outcome_unknown"
        ]
        self.assertNotIn(price, evidence["text"], "not everybody who reads it may")

    def test_cancelled_while_nobody_knows(self):
        """The cancellation waits until it is known what there is to cancel."""
        picking = self._lose_the_answer()
        booking = self._booking(picking)
        picking.cancel_shipment()
        self.assertEqual(booking.state, "cancelling")
        self._drain()
        self.assertFalse(self.fake.asked("cancel"))
        self._decide(booking.message_id, "done", "X1")
        self._drain()
        self.assertEqual(self.fake.asked("cancel")[0]["number"], "X1")
        self.assertEqual(booking.state, "cancelled")
        self.assertFalse(picking.carrier_tracking_ref)

    def test_cancelled_while_the_carrier_knows_our_key(self):
        """It is sent once more to learn its number, and then voided."""
        book = {**PARCELCO["operations"]["book"], "repeat": "keyed"}
        data = {
            **PARCELCO,
            "key": "keyed",
            "operations": {**PARCELCO["operations"], "book": book},
        }
        profile = self.env["logistics.profile"].create(
            {
                "name": "Keyed",
                "key": "keyed",
                "version": 1,
                "data_json": json.dumps(data),
            }
        )
        connector = self._create_connector(name="Keyed", profile_id=profile.id)
        carrier = self._create_carrier(connector)
        self.fake.prepare("book", TransportError("Cut off"))
        picking = self._create_delivery(carrier_id=carrier.id)
        picking.button_validate()
        self._drain()
        booking = self._booking(picking)
        picking.cancel_shipment()
        self.assertEqual(booking.state, "cancelling")
        self._let_time_pass(minutes=1)
        self._drain()
        self.assertEqual(
            [call.operation for call in self.fake.calls], ["book", "book", "cancel"]
        )
        first, second = self.fake.requests()
        self.assertEqual(first, second)
        self.assertEqual(self.fake.asked("cancel")[0]["number"], "PC000001")
        self.assertEqual(booking.state, "cancelled")

    def test_cancelled_and_never_booked(self):
        picking = self._lose_the_answer()
        booking = self._booking(picking)
        picking.cancel_shipment()
        self._decide(booking.message_id, "not_done")
        self._drain()
        self.assertEqual(len(self.fake.asked("book")), 1, "it is not wanted any more")
        self.assertFalse(self.fake.asked("cancel"), "there is nothing to take back")
        self.assertEqual(booking.state, "cancelled")
        picking.action_logistics_book()
        self._drain()
        self.assertEqual(picking.logistics_booking_state, "booked")

    # === ANSWERS TO SOMETHING ELSE === #

    def _assert_disbelieved(self, picking):
        booking = self._booking(picking)
        self.assertEqual(booking.message_id.state, "unknown")
        self.assertEqual(booking.state, "booking")
        self.assertFalse(picking.carrier_tracking_ref)
        self.assertFalse(booking.label_ids)
        self.assertIn("outcome_unknown", self._codes())
        self._drain()
        self.assertEqual(len(self.fake.asked("book")), 1)

    def test_more_or_fewer_numbers_than_parcels(self):
        for parcels in ([], [["", "X1"], ["", "X2"]]):
            with self.subTest(parcels):
                self.fake.reset()
                self.fake.prepare("book", good(id="1", parcels=parcels))
                self._assert_disbelieved(self._ship())

    def test_the_number_of_another_booking(self):
        booked = self._ship()
        self.fake.reset()
        number = booked.carrier_tracking_ref
        self.fake.prepare("book", good(id="1", parcels=[["", number]]))
        self._assert_disbelieved(self._ship())
        parcels = self.env["logistics.parcel"].search(
            [("tracking_number", "=", number)]
        )
        self.assertEqual(parcels, self._booking(booked).parcel_ids)

    def test_the_same_number_twice(self):
        self.fake.prepare("book", good(id="1", parcels=[["", "X1"], ["", "X1"]]))
        picking = self._create_delivery(quantity=2)
        self._pack(picking, 1, 1, weight=1.0)
        picking.button_validate()
        self._drain()
        self._assert_disbelieved(picking)

    def test_two_numbers_for_the_same_parcel(self):
        """Numbers are never lost: what names no parcel of its own goes in order."""

        def confused(asked):
            first = asked.body["packages"][0]["reference"]
            return good(id="1", parcels=[[first, "X1"], [first, "X2"]])

        self.fake.prepare("book", confused)
        picking = self._create_delivery(quantity=2)
        self._pack(picking, 1, 1, weight=1.0)
        picking.button_validate()
        self._drain()
        self.assertEqual(
            set(self._booking(picking).parcel_ids.mapped("tracking_number")),
            {"X1", "X2"},
        )

    def test_half_an_answer(self):
        self.fake.prepare("book", Response(200, JSON, b'{"id": "1", "parc'))
        self._assert_disbelieved(self._ship())

    # === PAPERS === #

    def test_the_label_is_kept_by_the_carrier(self):
        def kept(asked):
            return self.fake._book(
                asked,
                documents=[paper(data=b"", url="https://parcelco.example/document/1")],
            )

        self.fake.prepare("book", kept)
        picking = self._create_delivery()
        picking.button_validate()
        self._drain()
        booking = self._booking(picking)
        self.assertEqual(booking.label_ids.raw, b"%PDF-1.4 kept")
        self.assertEqual(booking.label_ids.name, "LabelShipping-logistics-PC000001.pdf")
        self.assertFalse(booking.missing_labels)
        call = self.fake.calls[-1]
        self.assertEqual(call.url, "https://parcelco.example/document/1")

    def test_the_label_can_not_be_fetched(self):
        def kept(asked):
            return self.fake._book(
                asked,
                documents=[paper(data=b"", url="https://parcelco.example/document/1")],
            )

        self.fake.prepare("book", kept)
        self.fake.prepare("document", Response(404, {}, b""))
        picking = self._create_delivery()
        picking.button_validate()
        self._drain()
        booking = self._booking(picking)
        self.assertEqual(booking.state, "booked")
        self.assertEqual(picking.carrier_tracking_ref, "PC000001")
        self.assertFalse(booking.label_ids)
        self.assertIn("could not be fetched", self._messages_of(picking))
        self.assertEqual(self._codes(), ["label_missing"])
        # Somebody who wants it asks for it again, another way.
        action = picking.action_logistics_print()
        self.assertIn("being fetched", action["params"]["message"])
        self._drain()
        self.assertEqual(booking.label_ids.raw, b"%PDF-1.4 fetched")
        self.assertIn("label_missing", [code for _m, code, _e in self.resolved])

    def test_asked_for_the_label_the_carrier_says_where_it_is(self):
        url = "https://parcelco.example/document/7"
        self.fake.prepare("label", good(documents=[paper(data=b"", url=url)]))
        picking = self._ship()
        booking = self._booking(picking)
        booking.action_fetch_label()
        self._drain()
        self.assertEqual(self.fake.calls[-1].url, url)
        self.assertEqual(
            sorted(booking.label_ids.mapped("raw")), [PDF, b"%PDF-1.4 kept"]
        )
        self.assertFalse(booking.missing_labels)

    def test_a_lost_invoice_is_no_lost_label(self):
        def kept(asked):
            url = "https://parcelco.example/document/1"
            return self.fake._book(
                asked, documents=[paper(), paper("invoice", data=b"", url=url)]
            )

        self.fake.prepare("book", kept)
        self.fake.prepare("document", Response(404, {}, b""))
        picking = self._create_delivery()
        picking.button_validate()
        self._drain()
        self.assertEqual(self._booking(picking).label_ids.raw, PDF)
        self.assertNotIn("label_missing", self._codes())

    def test_fetched_again_by_hand(self):
        self.carrier.logistics_label_format = "ZPL"
        picking = self._ship()
        # What the method says today is of later bookings.
        self.carrier.logistics_label_format = "PDF"
        booking = self._as(self.packer, self._booking(picking))
        booking.action_fetch_label()
        self._drain()
        (asked,) = self.fake.asked("label")
        self.assertEqual(asked["number"], "PC000001")
        self.assertEqual(asked["settings"]["label_format"], "ZPL")
        self.assertEqual(
            sorted(booking.label_ids.mapped("raw")), [PDF, b"%PDF-1.4 fetched"]
        )
        carrier = self._create_special("once", without=("label",))
        picking = self._ship(carrier_id=carrier.id)
        with self.assertRaisesRegex(UserError, "each label once"):
            self._as(self.packer, self._booking(picking)).action_fetch_label()

    def test_the_answer_without_a_label(self):
        self.fake.prepare(
            "book", lambda asked: self.fake._book(asked, documents=[paper("invoice")])
        )
        picking = self._ship()
        self.assertEqual(self._booking(picking).label_ids.raw, b"%PDF-1.4 fetched")

    def test_printing_again(self):
        picking = self._ship()
        booking = self._as(self.packer, self._booking(picking))
        self.assertTrue(picking.logistics_has_labels)
        self.assertFalse(booking.is_printed)
        for _time in range(2):
            action = picking.action_logistics_print()
            self.assertEqual(action["tag"], "logistics_print_labels")
            self.assertEqual(action["params"]["label_ids"], booking.label_ids.ids)
        self.assertTrue(booking.is_printed)
        with self.assertRaisesRegex(UserError, "no label"):
            self._create_delivery().action_logistics_print()

    def test_only_what_has_a_label_is_printed(self):
        """The others stay among what is not printed, and are asked for."""
        self.fake.prepare("label", Response(404, {}, b""))
        self.fake.prepare(
            "book", lambda asked: self.fake._book(asked, documents=[paper("invoice")])
        )
        late, ready = self._ship(), self._ship()
        self._let_time_pass(minutes=1)
        bookings = self._as(self.packer, self._booking(late) | self._booking(ready))
        action = bookings.action_print()
        self.assertEqual(
            action["params"]["label_ids"], self._booking(ready).label_ids.ids
        )
        self.assertEqual(bookings.filtered("is_printed").picking_id, ready)
        self._drain()
        self.assertEqual(self._booking(late).label_ids.raw, b"%PDF-1.4 fetched")
        action = bookings.action_print()
        self.assertEqual(len(action["params"]["label_ids"]), 2)
        self.assertEqual(bookings.mapped("is_printed"), [True, True])

    def test_a_void_label_is_neither_printed_nor_fetched(self):
        void, ready = self._ship(), self._ship()
        void.cancel_shipment()
        self._drain()
        booking = self._as(self.packer, self._booking(void))
        with self.assertRaisesRegex(UserError, "no label"):
            booking.action_print()
        with self.assertRaisesRegex(UserError, "not booked"):
            booking.action_fetch_label()
        both = booking | self._as(self.packer, self._booking(ready))
        self.assertEqual(
            both.action_print()["params"]["label_ids"],
            self._booking(ready).label_ids.ids,
        )
        self.assertFalse(booking.is_printed)
        self._drain()
        self.assertFalse(self.fake.asked("label"))

    def test_a_label_asked_for_before_the_booking_was_cancelled(self):
        picking = self._ship()
        booking = self._booking(picking)
        picking.cancel_shipment()
        jobs = self.outbox._take([])
        booking._fetch_label()
        self.outbox._settle([_perform(job) for job in jobs])
        self._drain()
        self.assertEqual(booking.state, "cancelled")
        self.assertFalse(self.fake.asked("label"))
        self.assertEqual(len(booking.label_ids), 1)

    def test_formats(self):
        for content_type, data, extension in (
            ("application/zpl", b"^XA^XZ", "zpl"),
            ("image/png", b"\x89PNG", "png"),
        ):
            with self.subTest(content_type):
                document = paper(data=data, content_type=content_type)
                self.fake.prepare(
                    "book",
                    lambda asked, document=document: self.fake._book(
                        asked, documents=[document]
                    ),
                )
                label = self._booking(self._ship()).label_ids
                self.assertTrue(label.name.endswith(f".{extension}"))
                self.assertEqual(label.raw, data)

    # === CANCELLING === #

    def test_cancelled_before_it_left(self):
        picking = self._create_delivery()
        picking.button_validate()
        self.assertTrue(picking.logistics_can_cancel)
        picking.cancel_shipment()
        self.assertEqual(picking.logistics_booking_state, "cancelled")
        self.assertEqual(self._booking(picking).message_id.state, "cancelled")
        self._drain()
        self.assertFalse(self.fake.calls)
        picking.action_logistics_book()
        self._drain()
        self.assertEqual(picking.logistics_booking_state, "booked")

    def test_cancelled_while_it_is_booked(self):
        picking = self._create_delivery()
        picking.button_validate()
        booking = self._booking(picking)

        jobs = self.outbox._take([])
        self.assertEqual(booking.message_id.state, "sending")
        picking.cancel_shipment()
        self.assertEqual(picking.logistics_booking_state, "cancelling")
        self.assertEqual(booking.cancel_message_id.after_id, booking.message_id)
        self.assertFalse(self.outbox._take([]), "the booking comes first")
        self.outbox._settle([_perform(job) for job in jobs])
        self._drain()
        self.assertEqual(
            [call.operation for call in self.fake.calls], ["book", "cancel"]
        )
        self.assertEqual(self.fake.asked("cancel")[0]["number"], "PC000001")
        self.assertEqual(booking.state, "cancelled")
        self.assertFalse(picking.carrier_tracking_ref)

    def test_booked_and_voided(self):
        picking = self._ship()
        booking = self._booking(picking)
        picking.cancel_shipment()
        self.assertEqual(picking.logistics_booking_state, "cancelling")
        self.assertEqual(picking.carrier_tracking_ref, "PC000001", "until it is done")
        self._let_time_pass(days=1)
        self._drain()
        (asked,) = self.fake.asked("cancel")
        self.assertEqual(asked["reference"], booking.reference)
        self.assertEqual(asked["partner_id"], "shipment-PC000001")
        self.assertEqual(asked["parcels"], [["id-PC000001", "PC000001"]])
        self.assertEqual(booking.state, "cancelled")
        self.assertEqual(booking.error_text, "Voided")
        self.assertFalse(picking.carrier_tracking_ref)
        shipment = picking.sudo().logistics_shipment_ids
        self.assertEqual(shipment.outcome, "cancelled")
        self.assertFalse(picking.logistics_can_cancel)
        self.assertFalse(picking.logistics_has_labels, "a void label isn't printed")
        self._let_time_pass(days=1)
        picking.action_logistics_book()
        self._drain()
        self.assertEqual(picking.carrier_tracking_ref, "PC000002")
        self.assertEqual(shipment.outcome, "open", "it is on its way after all")

    def test_the_carrier_does_not_void(self):
        self.fake.prepare("cancel", refusal("Too late"))
        picking = self._ship()
        booking = self._booking(picking)
        picking.cancel_shipment()
        self._drain()
        self.assertEqual(picking.logistics_booking_state, "booked")
        self.assertEqual(booking.error_text, "Too late")
        self.assertEqual(picking.carrier_tracking_ref, "PC000001")
        (evidence,) = [e for _model, code, e in self.raised if code == "void_failed"]
        for word in (booking.reference, "PC000001", "Too late", "charged"):
            self.assertIn(word, evidence["text"])
        with self.assertRaisesRegex(UserError, "booked already"):
            self.env["logistics.booking"]._book(
                self.carrier,
                picking,
                booking.shipment_id,
                [(booking.parcel_ids, None)],
                "ship",
            )
        self.assertTrue(
            booking.shipment_id._mend("void_failed", evidence["reference_key"])
        )
        self._drain()
        self.assertEqual(booking.state, "cancelled")
        self.assertIn(
            ("logistics.shipment", "void_failed", {"reference_key": booking.reference}),
            self.resolved,
        )

    def test_a_carrier_that_can_not_cancel(self):
        carrier = self._create_special("forever", without=("cancel",))
        picking = self._ship(carrier_id=carrier.id)
        picking.cancel_shipment()
        booking = self._booking(picking)
        self.assertEqual(booking.state, "cancelled")
        self.assertIn("Destroy the label", booking.error_text)
        self.assertFalse(picking.carrier_tracking_ref)
        picking = self._create_delivery(carrier_id=carrier.id)
        picking.button_validate()
        self.outbox._take([])
        with self.assertRaisesRegex(UserError, "Wait for its number"):
            picking.cancel_shipment()

    def test_a_cancelled_transfer_voids_its_label(self):
        picking = self._create_delivery()
        picking.action_logistics_book()
        self._drain()
        picking.action_cancel()
        self._drain()
        self.assertEqual(self._booking(picking).state, "cancelled")
        self.assertEqual(len(self.fake.asked("cancel")), 1)
        self.assertFalse(picking.carrier_tracking_ref)

    def test_people_who_sell_cancel_too(self):
        picking = self._sell()
        picking.action_logistics_book()
        self._drain()
        self._as(self.seller, picking).action_cancel()
        self._drain()
        self.assertEqual(picking.state, "cancel")
        self.assertEqual(self._booking(picking).state, "cancelled")

    def test_a_cancelled_transfer_needs_nobody_any_more(self):
        self.fake.prepare("book", refusal("No"))
        picking = self._create_delivery()
        picking.action_logistics_book()
        self._drain()
        self.assertEqual(self._codes(), ["booking_failed"])
        self.resolved.clear()
        picking.action_cancel()
        self.assertIn(("logistics.shipment", "booking_failed", {}), self.resolved)

    def test_one_of_several_is_cancelled(self):
        carrier = self._create_special("single", "single")
        picking = self._create_delivery(quantity=2, carrier_id=carrier.id)
        self._pack(picking, 1, 1, weight=1.0)
        picking.button_validate()
        self._drain()
        bookings = picking.sudo().logistics_booking_ids.sorted("id")
        self._as(self.packer, bookings[0]).action_cancel()
        self._drain()
        self.assertEqual(bookings.mapped("state"), ["cancelled", "booked"])
        self.assertEqual(picking.carrier_tracking_ref, bookings[1].number)

    def test_withdrawn_by_hand(self):
        """An operator takes back the message; the booking can be cancelled then."""
        picking = self._create_delivery()
        picking.button_validate()
        booking = self._booking(picking)
        booking.message_id.with_user(self.operator).action_cancel()
        picking.cancel_shipment()
        self._drain()
        self.assertEqual(booking.state, "cancelled")
        self.assertFalse(self.fake.calls)

    @mute_logger(OUTBOX)
    def test_a_booking_whose_answer_is_here_was_made(self):
        """Even if its message ended as one that never left, as some once did."""
        picking = self._create_delivery()
        picking.button_validate()
        with patch.object(
            self.env.registry["logistics.booking"],
            "_take_documents",
            side_effect=ValueError("The disk is full"),
        ):
            self._drain()
        booking = self._booking(picking)
        booking.message_id.state = "cancelled"
        picking.cancel_shipment()
        self.assertEqual(booking.state, "cancelling")
        self.assertEqual(booking.parcel_ids.booking_id, booking)
        self._drain()
        self.assertEqual(booking.parcel_ids.booking_id, booking, "nor freed then")
        self.assertFalse(self.fake.asked("cancel"), "nobody knows its number")
        (evidence,) = [e for _m, code, e in self.raised if code == "void_failed"]
        self.assertIn("press Retry", evidence["why"])

    def test_what_is_cancelled_is_not_handed_over(self):
        picking = self._ship()
        booking = self._booking(picking)
        manifest = (
            self.env["logistics.manifest"]
            .with_user(self.packer)
            .create({"carrier_id": self.carrier.id})
        )
        manifest.action_collect()
        self.assertEqual(manifest.sudo().booking_ids, booking)
        picking.cancel_shipment()
        self._drain()
        self.assertFalse(manifest.sudo().booking_ids)

    def test_whoever_waits_is_told(self):
        """The screens of the one who booked, and nobody else's."""
        told = []
        self.patch(
            self.env.registry["res.users"],
            "_bus_send",
            lambda user, kind, values: told.append((user.login, values["event"])),
        )
        self.fake.prepare("book", refusal("No"))
        picking = self._ship()
        self.assertEqual(told, [("packer", "failed")])
        told.clear()
        picking.action_logistics_book()
        self._drain()
        self.assertEqual(set(told), {("packer", "booked"), ("packer", "labels")})
