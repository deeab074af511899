# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import fields, models


class LogisticsAttempt(models.Model):
    """One try of a message, by a lane or by a person."""

    _name = "logistics.attempt"
    _description = "Logistics Message Attempt"
    _order = "id desc"
    _rec_name = "started_at"

    message_id = fields.Many2one(
        "logistics.message", required=True, index=True, ondelete="cascade"
    )
    company_id = fields.Many2one(related="message_id.company_id", store=True)
    started_at = fields.Datetime(default=fields.Datetime.now, readonly=True)
    duration_ms = fields.Integer(string="Duration (ms)", readonly=True)
    automatic = fields.Boolean(default=True, readonly=True)
    user_id = fields.Many2one("res.users", readonly=True)
    is_lookup = fields.Boolean(
        string="Question",
        readonly=True,
        help="The partner was asked whether it has got the message.",
    )
    http_status = fields.Integer(readonly=True)
    error_class = fields.Char(readonly=True)
    error_text = fields.Text(string="What Happened", readonly=True)
    request_excerpt = fields.Text(
        readonly=True, groups="logistics_canonical.group_payload"
    )
    response_excerpt = fields.Text(
        readonly=True, groups="logistics_canonical.group_payload"
    )
