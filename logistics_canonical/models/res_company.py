# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import fields, models


class ResCompany(models.Model):
    _inherit = "res.company"

    logistics_track_outgoing = fields.Boolean(
        string="Shipments for Deliveries", default=True
    )
    logistics_track_incoming = fields.Boolean(string="Shipments for Receipts")
    logistics_track_return = fields.Boolean(
        string="Shipments for Returns", default=True
    )
    logistics_silent_hours = fields.Integer(
        string="Silent After (Hours)",
        default=48,
        help="An open shipment without news for this long is marked silent. 0: never.",
    )
    logistics_retention_days = fields.Integer(
        string="Keep Payloads (Days)",
        default=180,
        help="Bodies of processed messages are expunged after this many days; what "
        "came when, from whom and what it led to stays. 0: keep them.",
    )
