# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import json

from odoo.exceptions import UserError, ValidationError
from odoo.tests import tagged

from ..core import vocabulary
from .common import ACME, LogisticsCommon


@tagged("post_install", "-at_install")
class TestProfile(LogisticsCommon):
    def test_a_used_profile_never_changes(self):
        with self.assertRaises(UserError):
            self.profile.data_json = json.dumps({**ACME, "description": "Other."})

    def test_a_copy_is_a_new_version_to_work_on(self):
        copy = self.profile.copy()
        self.assertEqual(copy.version, 2)
        copy.data_json = json.dumps({**ACME, "codes": {**ACME["codes"], "ZZ": "lost"}})
        self.assertIn("ZZ", copy.code_map_ids.mapped("code"))
        self.assertEqual(self.connector.newer_profile_id, copy)
        self.connector.action_use_newer_profile()
        self.assertEqual(self.connector.profile_id, copy)

    def test_a_wrong_profile_is_told_where(self):
        wrong = {**ACME, "codes": {"PU": "beamed_up"}}
        with self.assertRaisesRegex(ValidationError, "/codes/PU"):
            self.profile.copy({"data_json": json.dumps(wrong)})

    def test_the_status_table_is_shown_and_closed(self):
        row = self.profile.code_map_ids.filtered(lambda r: r.code == "AF")
        self.assertEqual(row.event_type_id.code, "delivery_attempted")
        self.assertEqual(row.reason, "consignee_absent")
        with self.assertRaises(UserError):
            row.reason = "weather"
        with self.assertRaises(UserError):
            row.unlink()

    def test_the_vocabulary_is_complete_in_the_database(self):
        types = self.env["logistics.event.type"].search([])
        self.assertEqual(set(types.mapped("code")), set(vocabulary.EVENT_TYPES))
        status = self.env["logistics.shipment"]._fields
        self.assertEqual(
            {code for code, _label in status["milestone"].selection},
            set(vocabulary.MILESTONES),
        )
        self.assertEqual(
            {code for code, _label in status["outcome"].selection},
            set(vocabulary.OUTCOMES),
        )
        self.assertEqual(
            {code for code, _label in status["trust"].selection}, set(vocabulary.TRUST)
        )
