# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, fields, models
from odoo.exceptions import UserError

from ..core.signing import KeyUnusable, check_pem


class LogisticsCredentialSet(models.TransientModel):
    """Set one credential of a connector; the value is never shown again."""

    _name = "logistics.credential.set"
    _description = "Set a Logistics Credential"

    connector_id = fields.Many2one(
        "logistics.connector", required=True, ondelete="cascade"
    )
    name = fields.Selection(
        selection="_selection_name", string="Credential", required=True
    )
    value = fields.Char(compute="_compute_value", inverse="_inverse_value")
    value_lines = fields.Text(
        string="Text",
        compute="_compute_value",
        inverse="_inverse_value",
        help="The whole text with its first and last lines, -----BEGIN …----- and "
        "-----END …-----.",
    )
    kind = fields.Char(compute="_compute_help_text")
    value_encrypted = fields.Char(groups=fields.NO_ACCESS)
    help_text = fields.Char(compute="_compute_help_text")
    overlap_hours = fields.Float(
        string="Keep the Old One For (Hours)",
        default=0,
        help="While the partner changes over, messages signed with the old secret "
        "are still accepted.",
    )

    @api.model
    def _selection_name(self):
        connector = self.env["logistics.connector"].browse(
            self.env.context.get("default_connector_id")
        )
        profiles = connector.exists().profile_id or self.env[
            "logistics.profile"
        ].search([("active", "=", True)])
        # Without a connector at hand (export, import) every name can occur.
        return sorted(
            {
                spec["name"]: spec["label"]
                for profile in profiles
                for spec in profile._compiled().credentials
            }.items()
        )

    @api.depends("name", "connector_id")
    def _compute_help_text(self):
        for wizard in self:
            specs = (
                {
                    spec["name"]: spec
                    for spec in wizard.connector_id.profile_id._compiled().credentials
                }
                if wizard.connector_id
                else {}
            )
            spec = specs.get(wizard.name, {})
            wizard.help_text = spec.get("help", "")
            wizard.kind = spec.get("kind", "password")

    def _compute_value(self):
        """Never show what was entered."""
        self.value = self.value_lines = False

    def _inverse_value(self):
        """Encrypt at once: the clear value reaches no table, not for a moment."""
        vault = self.env["logistics.credential"]._vault()
        for wizard in self:
            value = (wizard.value_lines or wizard.value or "").strip()
            if value:
                # Nobody may read the column; see the credential's own.
                wizard.sudo().value_encrypted = vault.encrypt(value)

    def action_set(self):
        """Keep the value as the connector's credential."""
        self.ensure_one()
        self.connector_id._check_admin()
        token = self.sudo().value_encrypted  # see _inverse_value
        value = (
            self.env["logistics.credential"]._vault().decrypt(token) if (token) else ""
        )
        if not value:
            raise UserError(self.env._("Enter the value the partner gave you."))
        try:
            check_pem(self.kind, value)
        except KeyUnusable as error:
            raise UserError(str(error)) from error
        label = dict(self._selection_name()).get(self.name, self.name)
        self.env["logistics.credential"]._store(
            self.connector_id, self.name, value, label, self.overlap_hours
        )
        self.connector_id.message_post(body=self.env._("Credential set: %s", label))
        if self.connector_id.is_auth_failed:
            self.connector_id.action_resume()
        self.unlink()
        return {"type": "ir.actions.act_window_close"}
