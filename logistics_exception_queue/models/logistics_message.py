# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import models


class LogisticsMessage(models.Model):
    _inherit = "logistics.message"

    def action_open_exceptions(self):
        """Open the exceptions of what this message shows."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "logistics_exception_queue.logistics_exception_action"
        )
        action["domain"] = [
            ("connector_id", "=", self.connector_id.id),
            "|",
            "|",
            "|",
            ("message_id", "=", self.id),
            "&",
            ("error_key", "!=", False),
            ("error_key", "=", self.error_key),
            ("partner_code", "in", self.problem_ids.mapped("code")),
            ("reference_key", "in", self.problem_ids.mapped("reference_key")),
        ]
        action["context"] = {}
        return action
