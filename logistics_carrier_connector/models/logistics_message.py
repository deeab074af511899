# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import models

#: What carriers answer about these has prices in it.
PRICED = ("logistics.booking", "logistics.pickup", "logistics.manifest")


class LogisticsMessage(models.Model):
    _inherit = "logistics.message"

    def _compute_body_text(self):
        result = super()._compute_body_text()
        if self.env.user.has_group("logistics_carrier_connector.group_charges"):
            return result
        for message in self:
            if message.parent_id.res_model in PRICED:
                message.body_text = self.env._(
                    "(The carrier's answer has prices in it; shown with the right "
                    "only.)"
                )
                message.is_masked = True
        return result
