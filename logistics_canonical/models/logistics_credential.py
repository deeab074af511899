# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import os

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import config

from ..core.vault import Vault, VaultError

KEY_VARIABLE = "LOGISTICS_SECRET_KEY"
KEY_OPTION = "logistics_secret_key"


class LogisticsCredential(models.Model):
    """One secret of a connector, encrypted; it can be set but never read.

    A webhook secret may have two valid rows while the partner changes over.
    """

    _name = "logistics.credential"
    _description = "Logistics Credential"
    _order = "connector_id, name, id desc"
    _allow_sudo_commands = False

    connector_id = fields.Many2one(
        "logistics.connector", required=True, index=True, ondelete="cascade"
    )
    company_id = fields.Many2one(related="connector_id.company_id", store=True)
    name = fields.Char(
        required=True, readonly=True, help="The profile's name for it, e.g. api_key."
    )
    label = fields.Char(readonly=True)
    value_encrypted = fields.Char(
        groups=fields.NO_ACCESS, copy=False, exportable=False, readonly=True
    )
    fingerprint = fields.Char(
        readonly=True, help="Tells two values apart without showing either."
    )
    valid_until = fields.Datetime(
        readonly=True, help="An old value is still accepted until then."
    )

    @api.model
    def _vault(self):
        """Return the vault with the keys of this server.

        :raise UserError: when no usable key is configured
        """
        keys = os.environ.get(KEY_VARIABLE) or config.get(KEY_OPTION) or ""
        try:
            return Vault([key.strip() for key in str(keys).split(",") if key.strip()])
        except VaultError as error:
            raise UserError(str(error)) from error

    @api.model
    def _store(self, connector, name, value, label="", overlap_hours=0):
        """Encrypt and keep a new value of a credential.

        :param connector: ``logistics.connector`` record
        :param str name: the profile's name for it
        :param str value: the secret in clear
        :param float overlap_hours: how long the old value stays valid
        """
        vault = self._vault()
        # Credentials have no write access for anybody: this is the one way in,
        # and its callers check that the user administers the connector.
        credentials = self.sudo()
        previous = credentials.search(
            [("connector_id", "=", connector.id), ("name", "=", name)]
        )
        if overlap_hours:
            current = previous.filtered(lambda c: not c.valid_until)
            current.valid_until = fields.Datetime.add(
                fields.Datetime.now(), hours=overlap_hours
            )
            previous -= current
        previous.unlink()
        credentials.create(
            {
                "connector_id": connector.id,
                "name": name,
                "label": label or name,
                "value_encrypted": vault.encrypt(value),
                "fingerprint": vault.fingerprint(value),
            }
        )
        self.env.registry.clear_cache()

    def _reveal(self):
        """Return the secrets in clear, for the transport and the verifier only.

        :return: list of (name, value, valid_until or None), newest first
        :raise UserError: when the server's key can't decrypt them
        """
        credentials = self.sudo()  # the column is closed to everybody
        vault = self._vault()
        now = fields.Datetime.now()
        try:
            return [
                (
                    credential.name,
                    vault.decrypt(credential.value_encrypted),
                    credential.valid_until or None,
                )
                for credential in credentials
                if not credential.valid_until or credential.valid_until > now
            ]
        except VaultError as error:
            raise UserError(str(error)) from error

    @api.autovacuum
    def _gc_expired(self):
        """Forget values whose overlap has ended."""
        self.search([("valid_until", "<", fields.Datetime.now())]).unlink()
