# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import os
from unittest.mock import patch

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import tagged

from .common import SECRET, LogisticsCommon


@tagged("post_install", "-at_install")
class TestConnector(LogisticsCommon):
    def test_secrets_are_encrypted_and_closed(self):
        self.env.flush_all()
        self.env.cr.execute(
            "SELECT value_encrypted, fingerprint FROM logistics_credential "
            "WHERE connector_id = %s",
            [self.connector.id],
        )
        stored = str(self.env.cr.fetchall())
        self.assertNotIn(SECRET, stored)
        admin = self._create_user(
            "c_admin", "base.group_user,logistics_canonical.group_connector_admin"
        )
        credential = self.connector.with_user(admin).credential_ids[:1]
        with self.assertRaises(AccessError):
            credential.read(["value_encrypted"])

    def test_the_dialog_keeps_no_clear_value(self):
        wizard = (
            self.env["logistics.credential.set"]
            .with_context(default_connector_id=self.connector.id)
            .create({"name": "webhook_secret", "value": "canary-value-1"})
        )
        self.env.flush_all()
        self.env.invalidate_all()
        self.assertFalse(wizard.value)
        self.env.cr.execute("SELECT * FROM logistics_credential_set")
        self.assertNotIn("canary-value-1", str(self.env.cr.fetchall()))
        wizard.action_set()
        self.assertEqual(
            self.connector._secrets()["webhook_secret"], [("canary-value-1", None)]
        )

    def test_without_a_key_it_says_what_to_do(self):
        environment = {
            k: v for k, v in os.environ.items() if k != "LOGISTICS_SECRET_KEY"
        }
        with (
            patch.dict(os.environ, environment, clear=True),
            self.assertRaisesRegex(UserError, "logistics_secret_key"),
        ):
            self.env["logistics.credential"]._store(self.connector, "api_key", "x")

    def test_it_starts_only_with_its_credentials(self):
        connector = self.env["logistics.connector"].create(
            {"name": "New", "profile_id": self.profile.id}
        )
        with self.assertRaisesRegex(UserError, "Webhook secret"):
            connector.action_start()
        self.assertEqual(connector.health, "warning")

    def test_loopback_is_for_the_sandbox(self):
        self.connector.allow_loopback = True
        with self.assertRaises(ValidationError):
            self.connector.environment = "production"

    def test_a_connector_with_messages_stays(self):
        self.connector._receive(b"{}")
        with self.assertRaises(UserError):
            self.connector.unlink()

    def test_health_tells_what_is_wrong(self):
        self.assertEqual(self.connector.health, "none")
        self._create_shipment("A1")
        self._take_in("A1", ("PU", "2026-01-01T10:00:00Z"))
        self.connector.invalidate_recordset()
        self.assertEqual(self.connector.health, "good")
        self.connector._receive(b"broken")
        self.lane._drain()
        self.connector.invalidate_recordset()
        self.assertEqual(self.connector.health, "warning")
        self.connector.is_auth_failed = True
        self.assertEqual(self.connector.health, "danger")

    def test_a_new_address_ends_the_old_one(self):
        old = self.connector.public_id
        self.connector.action_new_public_id()
        connectors = self.env["logistics.connector"]
        self.assertIsNone(connectors._inbound_route(old))
        self.assertTrue(connectors._inbound_route(self.connector.public_id))
