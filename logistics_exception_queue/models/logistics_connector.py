# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import fields, models


class LogisticsConnector(models.Model):
    _inherit = "logistics.connector"

    exception_count = fields.Integer(compute="_compute_exception_count")

    def _compute_exception_count(self):
        counts = dict(
            self.env["logistics.exception"]._read_group(
                [
                    ("connector_id", "in", self.ids),
                    ("state", "in", ("open", "acknowledged")),
                ],
                ["connector_id"],
                ["__count"],
            )
        )
        for connector in self:
            connector.exception_count = counts.get(connector, 0)

    def action_open_exceptions(self):
        """Open this connector's exceptions."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "logistics_exception_queue.logistics_exception_action"
        )
        action["domain"] = [("connector_id", "=", self.id)]
        return action
