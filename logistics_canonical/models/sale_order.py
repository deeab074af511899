# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import fields, models

from .logistics_shipment import SHIPMENT_GROUPS


class SaleOrder(models.Model):
    _inherit = "sale.order"

    logistics_shipment_ids = fields.One2many(
        "logistics.shipment", "sale_id", string="Shipments", groups=SHIPMENT_GROUPS
    )
    logistics_shipment_count = fields.Integer(
        compute="_compute_logistics_shipment_count", groups=SHIPMENT_GROUPS
    )

    def _compute_logistics_shipment_count(self):
        counts = dict(
            self.env["logistics.shipment"]._read_group(
                [("sale_id", "in", self.ids)], ["sale_id"], ["__count"]
            )
        )
        for order in self:
            order.logistics_shipment_count = counts.get(order, 0)

    def action_open_logistics_shipments(self):
        """Open the shipments of this order."""
        self.ensure_one()
        return self.logistics_shipment_ids._action_open()
