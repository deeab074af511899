# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import fields, models


class LogisticsShipment(models.Model):
    _inherit = "logistics.shipment"

    carrier_id = fields.Many2one(
        "delivery.carrier", string="Delivery Method", check_company=True
    )

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
                    "%s parcels are being asked about. News appears in the timeline.",
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
