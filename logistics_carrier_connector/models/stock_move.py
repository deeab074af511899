# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import models


class StockMove(models.Model):
    _inherit = "stock.move"

    def _action_cancel(self):
        """Cancel; a transfer without goods is cancelled, and what was booked voided."""
        pickings = self.picking_id
        result = super()._action_cancel()
        pickings._logistics_after_cancel()
        return result
