# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import fields, models


class LogisticsDeliveryOption(models.Model):
    """A service beside the transport itself; codes are ``core/shipping.OPTIONS``."""

    _name = "logistics.delivery.option"
    _description = "Delivery Option"
    _order = "sequence, id"

    _code_uniq = models.Constraint("UNIQUE(code)", "There is one of each code.")

    name = fields.Char(required=True, translate=True)
    code = fields.Char(required=True, readonly=True)
    sequence = fields.Integer(default=10)

    def unlink(self):
        # Delivery methods lose it.
        self.env.registry.clear_cache("stable")
        return super().unlink()
