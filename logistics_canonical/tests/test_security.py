# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo.exceptions import AccessError
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import LogisticsCommon

BOTH = "base.group_user,logistics_canonical."


@tagged("post_install", "-at_install")
class TestSecurity(LogisticsCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.user = cls._create_user("log_user", f"{BOTH}group_logistics_user")
        cls.operator = cls._create_user(
            "log_operator", f"{BOTH}group_exception_operator"
        )
        cls.admin = cls._create_user("log_admin", f"{BOTH}group_connector_admin")
        cls.auditor = cls._create_user("log_auditor", f"{BOTH}group_auditor")
        cls.employee = cls._create_user("log_employee", "base.group_user")
        cls.shipment = cls._create_shipment("A1")
        cls.message = cls._take_in(
            "A1",
            ("PU", "2026-01-01T10:00:00Z"),
            consignee_name="Ada Lovelace",
            api_token="t0ken",
        )
        cls.company_2 = cls.env["res.company"].create({"name": "Second"})
        cls.user_2 = cls._create_user(
            "log_user_2", f"{BOTH}group_connector_admin", cls.company_2
        )

    def test_payloads_are_masked(self):
        masked = self.message.with_user(self.user)
        self.assertTrue(masked.is_masked)
        self.assertNotIn("Lovelace", masked.body_text)
        self.assertIn("A1", masked.body_text)
        full = self.message.with_user(self.auditor)
        self.assertIn("Lovelace", full.body_text)
        self.assertNotIn("t0ken", full.body_text, "a secret is shown to nobody")

    def test_the_body_is_closed_to_everybody(self):
        for user in (self.user, self.admin, self.auditor):
            with self.assertRaises(AccessError):
                self.message.with_user(user).read(["body"])

    @mute_logger("odoo.addons.base.models.ir_model")
    def test_employees_see_nothing(self):
        for model in ("message", "event", "shipment", "connector", "credential"):
            with self.assertRaises(AccessError):
                self.env[f"logistics.{model}"].with_user(self.employee).search([])

    @mute_logger("odoo.addons.base.models.ir_model")
    def test_users_read_and_do_not_mend(self):
        self.assertEqual(self.shipment.with_user(self.user).status, "in_transit")
        for action in ("action_retry", "action_ignore", "action_replay"):
            with self.assertRaises(AccessError):
                getattr(self.message.with_user(self.user), action)()
        with self.assertRaises(AccessError):
            self.connector.with_user(self.user).action_pause()
        with self.assertRaises(AccessError):
            self.env["logistics.credential"].with_user(self.user).search([])

    def test_operators_mend(self):
        self.message.with_user(self.operator).action_retry()
        self.assertEqual(self.message.state, "received")
        self.connector.with_user(self.operator).action_pause()
        self.assertTrue(self.connector.is_paused)
        self.connector.with_user(self.operator).action_resume()
        with self.assertRaises(AccessError):
            self.connector.with_user(self.operator).action_stop()

    @mute_logger("odoo.addons.base.models.ir_model")
    def test_auditors_change_nothing(self):
        self.assertTrue(self.shipment.with_user(self.auditor).event_ids)
        with self.assertRaises(AccessError):
            self.shipment.with_user(self.auditor).write({"user_id": self.auditor.id})
        with self.assertRaises(AccessError):
            self.message.with_user(self.auditor).action_retry()

    def test_the_status_is_set_by_nobody(self):
        for user in (self.user, self.admin):
            with self.assertRaises(AccessError):
                self.shipment.with_user(user).write({"status": "delivered"})
        self.shipment.with_user(self.user).write({"user_id": self.user.id})

    @mute_logger("odoo.addons.base.models.ir_model")
    def test_events_are_append_only(self):
        for user in (self.user, self.operator, self.admin):
            with self.assertRaises(AccessError):
                self.shipment.event_ids.with_user(user).write({"partner_text": "x"})
            with self.assertRaises(AccessError):
                self.shipment.event_ids.with_user(user).unlink()

    @mute_logger("odoo.addons.base.models.ir_rule")
    def test_companies_do_not_see_each_other(self):
        connector_2 = self._create_connector(
            name="Acme second", company_id=self.company_2.id
        )
        shipment_2 = self._create_shipment("A1", company_id=self.company_2.id)
        self._take_in("A1", ("DL", "2026-01-02T10:00:00Z"), connector=connector_2)
        self.assertEqual(shipment_2.status, "delivered")
        self.assertEqual(
            self.shipment.status, "in_transit", "same number, other company"
        )
        theirs = {
            "logistics.shipment": self.shipment,
            "logistics.message": self.message,
            "logistics.event": self.shipment.event_ids,
            "logistics.parcel": self.shipment.parcel_ids,
            "logistics.reference": self.shipment.reference_ids
            | self.env["logistics.reference"].search(
                [("shipment_id", "=", self.shipment.id)]
            ),
            "logistics.connector": self.connector,
            "logistics.credential": self.connector.sudo().credential_ids,
        }
        for model, records in theirs.items():
            seen = self.env[model].with_user(self.user_2).search([])
            self.assertTrue(records, model)
            self.assertFalse(seen & records.with_user(self.user_2), model)
            with self.assertRaises(AccessError):
                records.with_user(self.user_2).read(["id", "create_date"])

    def test_machine_users_have_one_company_and_one_group(self):
        machine = self.connector.user_id
        self.assertEqual(machine.company_ids, self.connector.company_id)
        self.assertTrue(machine.has_group("logistics_canonical.group_machine"))
        self.assertFalse(machine.has_group("base.group_user"))
