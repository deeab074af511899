# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from datetime import datetime, timedelta
from decimal import Decimal

from odoo import Command
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import tagged

from odoo.addons.logistics_canonical.core.adapter import Response
from odoo.addons.logistics_canonical.models.logistics_outbox import _perform
from odoo.addons.logistics_canonical.transport import TransportError

from ..core.shipping import ManifestRequest, PickupRequest, from_payload
from .common import CarrierCommon, good, paper, refusal


class RequestCommon(CarrierCommon):
    """What a packer asks a carrier about many bookings."""

    model = None

    def _create(self, **values):
        values.setdefault("carrier_id", self.carrier.id)
        return self.env[self.model].with_user(self.packer).create(values)

    def _collect(self, **values):
        record = self._create(**values)
        record.action_collect()
        return record

    def _decide_done(self, message, number):
        operator = self._create_user(
            "operator", "logistics_canonical.group_exception_operator"
        )
        self.env["logistics.message.decide"].with_user(operator).create(
            {
                "message_id": message.id,
                "outcome": "done",
                "number": number,
                "note": "They told me",
            }
        ).action_decide()


@tagged("post_install", "-at_install")
class TestPickup(RequestCommon):
    model = "logistics.pickup"

    def test_the_carrier_promises_to_come(self):
        self.warehouse.partner_id.tz = "America/Los_Angeles"
        pickings = self._ship() | self._ship(quantity=3)
        pickup = self._collect(
            ready_at=datetime(2026, 7, 1, 21),
            close_at=datetime(2026, 7, 1, 23),
            instructions="Gate 3",
        )
        self.assertEqual(pickup.booking_ids.picking_id, pickings)
        self.assertEqual((pickup.parcel_count, pickup.weight), (2, 6.0))
        pickup.action_request()
        self.assertEqual(pickup.state, "requesting")
        self.assertFalse(self.fake.asked("pickup"), "nobody waits for the carrier")
        self._drain()
        (asked,) = self.fake.asked("pickup")
        asked = from_payload(PickupRequest, asked)
        self.assertEqual(asked.address.city, "San Francisco")
        self.assertEqual(asked.ready_at.isoformat(), "2026-07-01T14:00:00-07:00")
        self.assertEqual(asked.close_at.isoformat(), "2026-07-01T16:00:00-07:00")
        self.assertEqual(asked.parcels, 2)
        self.assertEqual(asked.weight, Decimal("6.0"))
        self.assertEqual(asked.instructions, "Gate 3")
        self.assertEqual(
            {booking.number for booking in asked.bookings}, {"PC000001", "PC000002"}
        )
        self.assertEqual((pickup.state, pickup.confirmation), ("confirmed", "C-1"))
        with self.assertRaisesRegex(UserError, "asked for already"):
            pickup.action_request()

    def test_an_offer_is_bought(self):
        self.fake.prepare("pickup", good(offer="cheapest"))
        pickup = self._create()
        pickup.action_request()
        self._drain()
        self.assertEqual(self.fake.asked("pickup_buy"), [{"offer": "cheapest"}])
        self.assertEqual((pickup.state, pickup.confirmation), ("confirmed", "C-1"))

    def test_refused_and_asked_for_again(self):
        self.fake.prepare("pickup", refusal("Too late for today"))
        pickup = self._create()
        pickup.action_request()
        self._drain()
        self.assertEqual(pickup.state, "failed")
        self.assertEqual(pickup.error_text, "Too late for today")
        self.assertEqual(pickup.activity_ids.user_id, self.packer)
        pickup.action_request()
        self._drain()
        self.assertEqual((pickup.state, pickup.error_text), ("confirmed", False))
        first, second = self.fake.asked("pickup")
        self.assertNotEqual(first["reference"], second["reference"])

    def test_nobody_knows_whether_they_come(self):
        self.fake.prepare("pickup", TransportError("Cut off"))
        pickup = self._create()
        pickup.action_request()
        self._drain()
        self.assertEqual(pickup.state, "requesting")
        self.assertEqual(len(self.fake.asked("pickup")), 1, "they may come")
        self._decide_done(pickup.sudo().message_id, "C-77")
        self.env.invalidate_all()
        self.assertEqual((pickup.state, pickup.confirmation), ("confirmed", "C-77"))

    def test_cancelled_at_the_carrier(self):
        self._ship()
        pickup = self._collect()
        pickup.action_request()
        self._drain()
        pickup.action_cancel()
        self.assertEqual(pickup.state, "cancelling")
        self._drain()
        (asked,) = self.fake.asked("pickup_cancel")
        self.assertEqual(asked["confirmation"], "C-1")
        self.assertEqual(pickup.state, "cancelled")
        self.assertFalse(pickup.booking_ids, "another one can collect them")

    def test_cancelled_before_it_left(self):
        pickup = self._create()
        pickup.action_request()
        pickup.action_cancel()
        self._drain()
        self.assertEqual(pickup.state, "cancelled")
        self.assertFalse(self.fake.calls)

    def _cancel_while_asked(self, pickup):
        """Cancel while the carrier is being asked, and let it answer."""
        jobs = self.outbox._take([])
        self.assertEqual(len(jobs), 1)
        pickup.action_cancel()
        self.assertEqual(pickup.state, "cancelling")
        self.assertFalse(self.outbox._take([]), "the answer comes first")
        self.outbox._settle([_perform(job) for job in jobs])

    def test_cancelled_while_it_is_offered(self):
        """What is offered then is not bought, so no driver comes."""
        self._ship()
        self.fake.prepare("pickup", good(offer="cheapest"))
        pickup = self._collect()
        pickup.action_request()
        self._cancel_while_asked(pickup)
        self._drain()
        self.assertEqual(pickup.state, "cancelled")
        self.assertFalse(self.fake.asked("pickup_buy"))
        self.assertFalse(self.fake.asked("pickup_cancel"), "there is nothing to cancel")
        self.assertFalse(pickup.booking_ids, "another one can collect them")

    def test_cancelled_before_the_offer_is_bought(self):
        self.fake.prepare("pickup", good(offer="cheapest"))
        pickup = self._create()
        pickup.action_request()
        self.outbox._settle([_perform(job) for job in self.outbox._take([])])
        pickup.action_cancel()
        self._drain()
        self.assertEqual(pickup.state, "cancelled")
        self.assertFalse(self.fake.asked("pickup_buy"))

    def test_cancelled_while_the_offer_is_bought(self):
        self.fake.prepare("pickup", good(offer="cheapest"))
        pickup = self._create()
        pickup.action_request()
        self.outbox._settle([_perform(job) for job in self.outbox._take([])])
        self._cancel_while_asked(pickup)
        self._drain()
        (asked,) = self.fake.asked("pickup_cancel")
        self.assertEqual(asked["confirmation"], "C-1")
        self.assertEqual(pickup.state, "cancelled")

    def test_cancelled_while_it_is_refused(self):
        self.fake.prepare("pickup", refusal("Too late for today"))
        pickup = self._create()
        pickup.action_request()
        self._cancel_while_asked(pickup)
        self._drain()
        self.assertEqual(pickup.state, "cancelled")
        self.assertFalse(pickup.activity_ids, "nobody wants it any more")

    def test_cancelled_after_its_message_was_withdrawn(self):
        pickup = self._create()
        pickup.action_request()
        pickup.sudo().message_id._withdraw("By an operator")
        pickup.action_cancel()
        self._drain()
        self.assertEqual(pickup.state, "cancelled")
        self.assertFalse(self.fake.calls)

    def test_they_come_nevertheless(self):
        self.fake.prepare("pickup_cancel", refusal("The driver is on his way"))
        pickup = self._create()
        pickup.action_request()
        self._drain()
        pickup.action_cancel()
        self._drain()
        self.assertEqual(pickup.state, "confirmed")
        self.assertEqual(pickup.error_text, "The driver is on his way")

    def test_a_carrier_that_can_only_be_called(self):
        carrier = self._create_special("caller", without=("pickup_cancel",))
        pickup = self._create(carrier_id=carrier.id)
        pickup.action_request()
        self._drain()
        with self.assertRaisesRegex(UserError, "C-1"):
            pickup.action_cancel()

    def test_a_carrier_that_does_not_come(self):
        carrier = self._create_special("depot", without=("pickup",))
        with self.assertRaisesRegex(UserError, "can't be asked for pickups"):
            self._create(carrier_id=carrier.id).action_request()

    def test_what_is_missing_is_named(self):
        self.warehouse.partner_id.phone = False
        with self.assertRaisesRegex(UserError, "Depot.*phone number"):
            self._create().action_request()
        self.assertFalse(self.fake.calls)

    def test_it_ends_after_it_begins(self):
        now = datetime(2026, 7, 1, 12)
        with self.assertRaises(ValidationError):
            self._create(ready_at=now, close_at=now - timedelta(hours=1))

    def test_only_drafts_are_deleted(self):
        draft, asked = self._create(), self._create()
        asked.action_request()
        draft.unlink()
        with self.assertRaisesRegex(UserError, "Cancel the pickup"):
            asked.unlink()

    def test_a_parcel_is_collected_once(self):
        picking = self._ship()
        first, second = self._collect(), self._collect()
        self.assertEqual(first.booking_ids.picking_id, picking)
        self.assertFalse(second.booking_ids)

    def test_only_what_is_here_and_goes_with_them(self):
        """Not what another carrier takes or another warehouse holds, nor returns."""
        here = self._ship()
        here.action_logistics_book_return()
        other = self._create_special("other")
        self._ship(carrier_id=other.id)
        away = self.env["stock.warehouse"].create({"name": "Away", "code": "AW"})
        away.partner_id = self.warehouse.partner_id
        there = self._ship(site=self.site._replace(warehouse=away))
        self.assertEqual(self._booking(there).state, "booked")
        self.assertEqual(self._collect().booking_ids.picking_id, here)
        elsewhere = self._collect(warehouse_id=away.id)
        self.assertEqual(elsewhere.booking_ids.picking_id, there)

    def test_what_the_carrier_has_is_not_collected(self):
        gone, here = self._ship(), self._ship()
        self._booking(gone)._tell("picked_up", [gone.carrier_tracking_ref])
        self.assertEqual(self._collect().booking_ids.picking_id, here)

    def test_some_parcels_of_a_booking_are_still_here(self):
        picking = self._create_delivery()
        self._pack(picking, 1, 1)
        picking.button_validate()
        self._drain()
        booking = self._booking(picking)
        booking._tell("picked_up", booking.parcel_ids[:1].mapped("tracking_number"))
        self.assertEqual(self._collect().booking_ids, booking.sudo(False))

    def test_another_carrier_collects_other_parcels(self):
        self._ship()
        pickup = self._collect()
        pickup.carrier_id = self._create_special("other")
        self.assertFalse(pickup.booking_ids)

    def test_what_the_carrier_said_is_not_changed_by_hand(self):
        """Asking once more, or another one, would be paid for."""
        pickup = self._create()
        pickup.action_request()
        self._drain()
        other = self._create_special("other")
        for values in (
            {"state": "draft"},
            {"confirmation": "C-2"},
            {"reference": "X"},
            {"carrier_id": other.id},
        ):
            with self.subTest(values), self.assertRaises(AccessError):
                pickup.write(values)
        with self.assertRaises(AccessError):
            self._create(state="confirmed")
        self.assertEqual((pickup.state, pickup.carrier_id), ("confirmed", self.carrier))


@tagged("post_install", "-at_install")
class TestManifest(RequestCommon):
    model = "logistics.manifest"

    def test_the_day_is_closed(self):
        pickings = self._ship() | self._ship()
        manifest = self._create()
        manifest.action_close()
        self.assertEqual(manifest.state, "closing")
        self._drain()
        (asked,) = self.fake.asked("manifest")
        asked = from_payload(ManifestRequest, asked)
        bookings = pickings.sudo().logistics_booking_ids
        self.assertEqual(
            {(b.reference, b.number) for b in asked.bookings},
            {(b.reference, b.number) for b in bookings},
        )
        self.assertEqual(asked.address.city, "San Francisco")
        self.assertEqual((manifest.state, manifest.partner_ref), ("closed", "M-1"))
        self.assertEqual((manifest.booking_count, manifest.parcel_count), (2, 2))
        self.assertEqual(manifest.document_ids.mapped("name"), ["manifest.pdf"])
        with self.assertRaisesRegex(UserError, "closed already"):
            manifest.action_close()
        with self.assertRaisesRegex(UserError, "can't be taken back"):
            manifest.action_cancel()
        with self.assertRaisesRegex(UserError, "on no manifest yet"):
            self._create().action_close()

    def test_what_the_carrier_left_out_goes_on_the_next(self):
        pickings = self._ship() | self._ship()
        left = self._booking(pickings[0])
        self.fake.prepare(
            "manifest", good(id="M-1", missing=[(left.reference, "Not scanned")])
        )
        manifest = self._create()
        manifest.action_close()
        self._drain()
        self.assertEqual(manifest.missing_text, f"{left.reference}: Not scanned")
        self.assertEqual(manifest.booking_ids.picking_id, pickings[1])
        self.assertEqual(self._collect().booking_ids, left.sudo(False))

    def test_only_what_this_carrier_booked_and_has_not_got(self):
        """A method that changes to another connector takes no old booking along."""
        gone, here = self._ship(), self._ship()
        self._booking(gone)._tell("delivered", [gone.carrier_tracking_ref])
        self.carrier.logistics_connector_id = self._create_connector(
            name="Successor", profile_id=self.profile.id
        )
        new = self._ship()
        self.assertEqual(self._collect().booking_ids.picking_id, new)
        former = self._create_carrier(self.connector)
        manifest = self._collect(carrier_id=former.id)
        self.assertEqual(manifest.booking_ids.picking_id, here)

    def test_its_paper_is_kept_by_the_carrier(self):
        self._ship()
        self.fake.prepare(
            "manifest",
            good(
                id="M-1",
                documents=[
                    paper("manifest", data=b"", url="https://parcelco.example/document")
                ],
            ),
        )
        manifest = self._create()
        manifest.action_close()
        self._drain()
        self._drain()
        self.assertEqual(manifest.document_ids.raw, b"%PDF-1.4 kept")
        self.assertEqual(manifest.state, "closed")

    def test_its_paper_is_lost(self):
        """The day is closed all the same."""
        self._ship()
        self.fake.prepare(
            "manifest",
            good(
                id="M-1",
                documents=[
                    paper("manifest", data=b"", url="https://parcelco.example/document")
                ],
            ),
        )
        self.fake.prepare("document", Response(404, {}, b""))
        manifest = self._create()
        manifest.action_close()
        self._drain()
        self._drain()
        self.assertFalse(manifest.document_ids)
        self.assertEqual(manifest.state, "closed")

    def test_refused_and_closed_again(self):
        self._ship()
        self.fake.prepare("manifest", refusal("Not before noon"))
        manifest = self._create()
        manifest.action_close()
        self._drain()
        self.assertEqual(
            (manifest.state, manifest.error_text), ("failed", "Not before noon")
        )
        self.assertEqual(manifest.activity_ids.user_id, self.packer)
        manifest.action_close()
        self._drain()
        self.assertEqual(manifest.state, "closed")

    def test_nobody_knows_whether_it_was_closed(self):
        self._ship()
        self.fake.prepare("manifest", TransportError("Cut off"))
        manifest = self._create()
        manifest.action_close()
        self._drain()
        self.assertEqual(manifest.state, "closing")
        self._decide_done(manifest.sudo().message_id, "M-9")
        self.env.invalidate_all()
        self.assertEqual((manifest.state, manifest.partner_ref), ("closed", "M-9"))

    def test_cancelled_before_it_left(self):
        self._ship()
        manifest = self._create()
        manifest.action_close()
        manifest.action_cancel()
        self._drain()
        self.assertEqual(manifest.state, "cancelled")
        self.assertFalse(self.fake.asked("manifest"))
        self.assertTrue(self._collect().booking_ids)

    def test_a_carrier_that_needs_none(self):
        carrier = self._create_special("direct", without=("manifest",))
        self._ship(carrier_id=carrier.id)
        with self.assertRaisesRegex(UserError, "needs no manifest"):
            self._create(carrier_id=carrier.id).action_close()

    def test_bookings_are_not_moved_by_hand(self):
        self._ship()
        manifest = self._collect()
        with self.assertRaises(AccessError):
            manifest.booking_ids = [Command.clear()]
