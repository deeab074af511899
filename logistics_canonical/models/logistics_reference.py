# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, fields, models
from odoo.tools import SQL

from ..core.events import REFERENCE_TYPES, normalise_reference


class LogisticsReference(models.Model):
    """An identifier by which messages find a shipment or one of its parcels."""

    _name = "logistics.reference"
    _description = "Logistics Reference"
    _order = "type, value, id"
    _rec_name = "value"
    _check_company_auto = True

    _key_idx = models.Index("(company_id, key, type)")

    shipment_id = fields.Many2one(
        "logistics.shipment", required=True, index=True, ondelete="cascade"
    )
    parcel_id = fields.Many2one(
        "logistics.parcel",
        index="btree_not_null",
        ondelete="cascade",
        domain="[('shipment_id', '=', shipment_id)]",
    )
    company_id = fields.Many2one(
        related="shipment_id.company_id", store=True, precompute=True
    )
    type = fields.Selection(
        [(code, code.replace("_", " ").capitalize()) for code in REFERENCE_TYPES],
        required=True,
        default="tracking_number",
    )
    value = fields.Char(required=True)
    key = fields.Char(compute="_compute_key", store=True, precompute=True)

    @api.depends("value")
    def _compute_key(self):
        for reference in self:
            reference.key = normalise_reference(reference.value or "")

    @api.model_create_multi
    def create(self, vals_list):
        references = super().create(vals_list)
        references._wake_messages()
        return references

    def _wake_messages(self):
        """Process again what came before anybody knew these numbers."""
        if not self:
            return
        self.flush_recordset()
        # Whoever adds a number to a shipment need not see the messages that wait
        # for it; they are taken up by the lanes, with their own rights.
        waiting = (
            self.env["logistics.message"]
            .sudo()
            .browse(
                row[0]
                for row in self.env.execute_query(
                    SQL(
                        """
                    SELECT DISTINCT problem.message_id
                      FROM logistics_message_problem problem
                      JOIN logistics_reference reference
                        ON reference.company_id = problem.company_id
                       AND reference.key = problem.reference_key
                     WHERE reference.id IN %s
                       AND problem.state = 'open'
                       AND problem.kind IN
                           ('unknown_reference', 'ambiguous_reference')
                    """,
                        tuple(self.ids),
                    )
                )
            )
        )
        waiting._requeue()
