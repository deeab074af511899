# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import fields, models


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    logistics_track_outgoing = fields.Boolean(
        related="company_id.logistics_track_outgoing", readonly=False
    )
    logistics_track_incoming = fields.Boolean(
        related="company_id.logistics_track_incoming", readonly=False
    )
    logistics_track_return = fields.Boolean(
        related="company_id.logistics_track_return", readonly=False
    )
    logistics_silent_hours = fields.Integer(
        related="company_id.logistics_silent_hours", readonly=False
    )
    logistics_retention_days = fields.Integer(
        related="company_id.logistics_retention_days", readonly=False
    )
