# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import fields, models


class LogisticsShipment(models.Model):
    _inherit = "logistics.shipment"

    exception_ids = fields.One2many("logistics.exception", "shipment_id")
    exception_count = fields.Integer(compute="_compute_exception_count")

    def _compute_exception_count(self):
        counts = dict(
            self.env["logistics.exception"]._read_group(
                [
                    ("shipment_id", "in", self.ids),
                    ("state", "in", ("open", "acknowledged")),
                ],
                ["shipment_id"],
                ["__count"],
            )
        )
        for shipment in self:
            shipment.exception_count = counts.get(shipment, 0)

    def action_open_exceptions(self):
        """Open this shipment's exceptions."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "logistics_exception_queue.logistics_exception_action"
        )
        action["domain"] = [("shipment_id", "=", self.id)]
        action["context"] = {}
        return action
