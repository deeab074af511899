# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from .common import CarrierCommon


@tagged("post_install", "-at_install")
class TestServiceFind(CarrierCommon):
    """An administrator of the warehouse chooses a service from what is offered."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.manager = cls._create_user("stock-manager", "stock.group_stock_manager")

    def _find(self, user=None):
        carrier = self.carrier.with_user(user or self.manager)
        action = carrier.action_logistics_find_services()
        return (
            self.env["logistics.service.find"]
            .with_user(user or self.manager)
            .with_context(**action["context"])
            .create({"partner_id": self.customer.id, "warehouse_id": self.warehouse.id})
        )

    def test_what_is_offered_can_be_used(self):
        self.fake.quotes = [
            ("express", "31.00", "USD", 1),
            ("ground", "8.00", "USD", None),
        ]
        find = self._find()
        find.action_find()
        self.assertEqual(find.line_ids.mapped("service"), ["ground", "express"])
        self.assertEqual(find.line_ids.mapped("transit_days"), [0, 1])
        find.line_ids[1].action_use()
        self.assertEqual(self.carrier.logistics_service, "express")
        (asked,) = self.fake.requests("rate")
        self.assertFalse(asked.service, "it is asked for all of them")

    def test_prices_are_for_those_who_may_see_them(self):
        find = self._find()
        find.action_find()
        with self.assertRaises(AccessError):
            find.line_ids.read(["price"])

    def test_what_is_missing_is_named(self):
        self.customer.zip = False
        with self.assertRaisesRegex(UserError, "postal code"):
            self._find().action_find()
        self.assertFalse(self.fake.calls)

    def test_a_packer_chooses_no_service(self):
        with self.assertRaises(AccessError):
            self._find(self.packer)
