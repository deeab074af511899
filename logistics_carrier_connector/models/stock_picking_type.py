# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import fields, models


class StockPickingType(models.Model):
    _inherit = "stock.picking.type"

    logistics_open_labels = fields.Boolean(
        string="Print Carrier Labels When They Come",
        help="The browser of whoever validated prints the labels as soon as the "
        "carrier has given them.",
    )
    logistics_label_wait = fields.Integer(
        string="Wait for the Carrier Label (Seconds)",
        help="A desk that needs the label at once waits for it up to so long after "
        "validating. 0: nobody waits.",
    )

    _logistics_label_wait_bounded = models.Constraint(
        "CHECK (logistics_label_wait BETWEEN 0 AND 60)",
        "Nobody waits for a label longer than a minute.",
    )
