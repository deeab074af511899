# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, fields, models
from odoo.exceptions import UserError

from ..core import vocabulary


class LogisticsCodeMap(models.Model):
    """What a partner's status code means.

    Rows without a connector show the status table of a profile and change only
    with it. Rows with a connector override it for that connection alone.
    """

    _name = "logistics.code.map"
    _description = "Logistics Code Mapping"
    _order = "profile_id, connector_id, code"
    _rec_name = "code"
    _check_company_auto = True

    _profile_uniq = models.UniqueIndex(
        "(profile_id, code) WHERE connector_id IS NULL",
        "The profile maps this code already.",
    )
    _connector_uniq = models.UniqueIndex(
        "(connector_id, code) WHERE connector_id IS NOT NULL",
        "This connector maps the code already: change that row.",
    )

    profile_id = fields.Many2one(
        "logistics.profile", index=True, ondelete="cascade", readonly=True
    )
    connector_id = fields.Many2one(
        "logistics.connector", index=True, ondelete="cascade"
    )
    company_id = fields.Many2one(related="connector_id.company_id", store=True)
    code = fields.Char(required=True, help="The partner's code.")
    event_type_id = fields.Many2one(
        "logistics.event.type", string="Means", required=True, ondelete="restrict"
    )
    reason = fields.Selection(
        selection=lambda self: [
            (reason.code, reason.name) for reason in vocabulary.REASONS.values()
        ]
    )
    text = fields.Char(string="Partner's Words")

    @api.model_create_multi
    def create(self, vals_list):
        code_maps = super().create(vals_list)
        code_maps._check_not_packaged()
        self.env.registry.clear_cache()
        return code_maps

    def write(self, vals):
        self._check_not_packaged()
        result = super().write(vals)
        self.env.registry.clear_cache()
        return result

    @api.ondelete(at_uninstall=False)
    def _unlink_except_packaged(self):
        self._check_not_packaged()
        self.env.registry.clear_cache()

    def _check_not_packaged(self):
        if self.env.context.get("logistics_from_profile"):
            return
        if any(not code_map.connector_id for code_map in self):
            raise UserError(
                self.env._(
                    "The codes of a profile can't change. Add the code to a "
                    "connector instead; it then holds for that connection."
                )
            )
