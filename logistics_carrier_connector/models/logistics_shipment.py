# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import fields, models


class LogisticsShipment(models.Model):
    _inherit = "logistics.shipment"

    carrier_id = fields.Many2one(
        "delivery.carrier", string="Delivery Method", check_company=True
    )
    booking_ids = fields.One2many("logistics.booking", "shipment_id")
    booking_count = fields.Integer(compute="_compute_booking_count")

    def _compute_booking_count(self):
        counts = dict(
            self.env["logistics.booking"]._read_group(
                [("shipment_id", "in", self.ids)], ["shipment_id"], ["__count"]
            )
        )
        for shipment in self:
            shipment.booking_count = counts.get(shipment, 0)

    def action_poll(self):
        """Ask the carriers for news now."""
        self.check_access("read")
        parcels = self.parcel_ids._poll_now()
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "title": self.env._("Asking the carrier"),
                "message": self.env._(
                    "Parcels being asked about: %s. News appears in the timeline.",
                    len(parcels),
                )
                if parcels
                else self.env._(
                    "No parcel here has both a tracking number and a carrier that "
                    "can be asked."
                ),
                "type": "success" if parcels else "warning",
            },
        }

    def action_open_bookings(self):
        """Open the bookings of these shipments."""
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "logistics_carrier_connector.logistics_booking_action"
        )
        action["domain"] = [("shipment_id", "in", self.ids)]
        action["context"] = {}
        return action

    # === BOOKING === #

    def _booking_failed(self, booking, why):
        """Say that a person has to mend what the carrier refused."""
        self.ensure_one()
        self._raise_exception(
            "booking_failed",
            reference=booking.reference,
            message=booking.message_id,
            why=why,
            text=self.env._(
                "%(carrier)s did not take %(transfer)s: %(why)s Correct it on the "
                "transfer or the address, then press \u201cBook Again\u201d.",
                carrier=booking.carrier_id.name,
                transfer=booking.picking_id.name or self.name,
                why=why if why.endswith(".") else f"{why}.",
            ),
        )

    def _booking_succeeded(self):
        """Resolve what stood in the way, once nothing does."""
        for shipment in self:
            if all(parcel.booking_id for parcel in shipment.parcel_ids):
                shipment._resolve_exception("booking_failed")

    def _mend(self, code, reference_key=""):
        """See the mixin: book again what was refused, void again what was not."""
        self.ensure_one()
        if code == "booking_failed":
            refused = self.booking_ids.filtered(lambda b: b.state == "failed")
            # What can't be asked for yet has no booking; a key tells that it is the
            # way back of a delivery.
            sent = self.picking_ids if reference_key else refused.picking_id
            if self.direction == "return" or reference_key:
                again = [picking._logistics_book_return() for picking in sent]
            else:
                again = self.picking_ids._logistics_book(again=refused)
            return bool(again) or None
        if code == "void_failed":
            # What else was booked with it is wanted.
            booked = self.booking_ids.filtered(
                lambda b: b.state == "booked" and b.reference == reference_key
            )
            return booked._cancel() if booked else None
        return super()._mend(code, reference_key)
