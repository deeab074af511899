# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, fields, models

from ..core import vocabulary
from ..core.events import CLASSIFIERS, ZONE_BASES


class LogisticsEvent(models.Model):
    """A fact about a shipment or parcel, as a partner reported it.

    Append-only. What the partner said never changes; how it is understood (the
    type and the reason) follows the mapping when its message is processed again.
    """

    _name = "logistics.event"
    _description = "Logistics Event"
    _order = "occurred_at desc nulls last, received_at desc, id desc"
    _rec_name = "type_id"
    _allow_sudo_commands = False

    _identity_uniq = models.Constraint(
        "UNIQUE(connector_id, identity)", "This event is known already."
    )

    shipment_id = fields.Many2one(
        "logistics.shipment", required=True, index=True, ondelete="restrict"
    )
    parcel_id = fields.Many2one(
        "logistics.parcel", index="btree_not_null", ondelete="restrict"
    )
    connector_id = fields.Many2one(
        "logistics.connector", required=True, ondelete="restrict"
    )
    company_id = fields.Many2one("res.company", required=True)
    message_id = fields.Many2one(
        "logistics.message", index="btree_not_null", ondelete="restrict"
    )
    correlation_id = fields.Char(index=True)
    type_id = fields.Many2one("logistics.event.type", required=True)
    type_code = fields.Char(required=True)
    is_problem = fields.Boolean(related="type_id.is_problem")
    partner_code = fields.Char(help="The partner's code.")
    partner_text = fields.Char(string="Partner's Words")
    classifier = fields.Selection(
        [(code, code.capitalize()) for code in CLASSIFIERS], required=True
    )
    occurred_at = fields.Datetime(help="The instant it happened, or is expected.")
    occurred_text = fields.Char(
        string="Partner's Time", help="The time as the partner wrote it."
    )
    zone_basis = fields.Selection(
        [
            (code, label)
            for code, label in zip(
                ZONE_BASES,
                ("Given by the partner", "From the place", "Assumed", "Day only"),
                strict=True,
            )
        ],
        string="Time Zone",
        help="How the time zone was known.",
    )
    reported_at = fields.Datetime(help="When the partner reported it.")
    received_at = fields.Datetime(help="When its message was stored here.")
    reason = fields.Selection(
        selection=lambda self: [
            (reason.code, reason.name) for reason in vocabulary.REASONS.values()
        ]
    )
    sequence = fields.Integer()
    identity = fields.Char(required=True, exportable=False)
    retracts = fields.Char(exportable=False)
    clock_suspect = fields.Boolean(
        string="From the Future", help="Dated after it was received: doesn't count."
    )
    location_name = fields.Char()
    location_city = fields.Char()
    location_state = fields.Char()
    location_postal_code = fields.Char()
    location_country = fields.Char()
    location_code = fields.Char()
    location = fields.Char(compute="_compute_location")
    extra_json = fields.Text(string="Further Facts")

    @api.depends("location_name", "location_city", "location_country", "location_code")
    def _compute_location(self):
        for event in self:
            parts = (
                event.location_name,
                event.location_city,
                event.location_state,
                event.location_country,
            )
            event.location = (
                ", ".join(dict.fromkeys(part for part in parts if part))
                or event.location_code
            )

    def action_open_message(self):
        """Open the message this event came with."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "res_model": "logistics.message",
            "res_id": self.message_id.id,
            "view_mode": "form",
        }
