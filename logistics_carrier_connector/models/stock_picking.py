# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import re

from odoo import models

SEPARATORS = re.compile(r"[,;|\n]+")


class StockPicking(models.Model):
    _inherit = "stock.picking"

    def write(self, vals):
        result = super().write(vals)
        if "carrier_tracking_ref" in vals or "carrier_id" in vals:
            self._logistics_follow_tracking_ref()
        return result

    def _logistics_follow_tracking_ref(self):
        """Follow the numbers a transfer was given, by hand or by a carrier."""
        followed = self.filtered(
            lambda picking: (
                picking.carrier_tracking_ref and picking._logistics_is_tracked()
            )
        )
        followed._logistics_ensure_shipment()
        # A number that was taken away again ends in its parcel too.
        (self - followed).filtered("logistics_shipment_ids")._logistics_sync_parcels()

    def _logistics_tracking_numbers(self):
        """Return the numbers in the tracking reference, in their order."""
        self.ensure_one()
        parts = SEPARATORS.split(self.carrier_tracking_ref or "")
        return list(dict.fromkeys(part.strip() for part in parts if part.strip()))

    def _prepare_logistics_shipment_vals(self):
        return dict(
            super()._prepare_logistics_shipment_vals(), carrier_id=self.carrier_id.id
        )

    def _logistics_sync_shipment_parcels(self, shipment):
        """Give each tracking number its parcel, beside the packages'."""
        result = super()._logistics_sync_shipment_parcels(shipment)
        # Warehouse people see no connectors; the shipment is already sudo.
        connector = self.carrier_id.sudo().logistics_connector_id
        if connector.company_id and connector.company_id != shipment.company_id:
            connector = connector.browse()
        shipment.carrier_id = self.carrier_id
        numbers = self._logistics_tracking_numbers()
        parcels = shipment.parcel_ids
        for parcel in parcels:
            if parcel.tracking_number and parcel.tracking_number not in numbers:
                # A number with events is history; without, it was a mistake.
                if not parcel.event_ids and len(shipment.picking_ids) <= 1:
                    parcel.tracking_number = False
        taken = set(parcels.mapped("tracking_number"))
        free = parcels.filtered(lambda p: not p.tracking_number).sorted("id")
        for number in numbers:
            if number in taken:
                continue
            if free:
                parcel, free = free[0], free[1:]
                parcel.write({"tracking_number": number, "connector_id": connector.id})
            else:
                parcels.create(
                    {
                        "shipment_id": shipment.id,
                        "tracking_number": number,
                        "connector_id": connector.id,
                    }
                )
        for parcel in shipment.parcel_ids:
            if parcel.tracking_number in numbers and connector != parcel.connector_id:
                parcel.connector_id = connector
        return result
