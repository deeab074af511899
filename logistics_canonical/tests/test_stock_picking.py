# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import Command
from odoo.tests import Form, tagged

from .common import LogisticsCommon


@tagged("post_install", "-at_install")
class TestStockPicking(LogisticsCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.warehouse = cls.env["stock.warehouse"].search(
            [("company_id", "=", cls.env.company.id)], limit=1
        )
        cls.product = cls.env["product.product"].create(
            {"name": "Lamp", "type": "consu", "is_storable": True, "weight": 1.0}
        )
        cls.env["stock.quant"]._update_available_quantity(
            cls.product, cls.warehouse.lot_stock_id, 100
        )
        cls.customer = cls.env["res.partner"].create({"name": "Customer"})
        # The least privileged person who ships: no logistics right at all.
        cls.packer = cls._create_user("packer", "stock.group_stock_user")

    def _create_delivery(self, picking_type=None):
        picking_type = picking_type or self.warehouse.out_type_id
        places = {
            "location_id": picking_type.default_location_src_id.id
            or self.env.ref("stock.stock_location_suppliers").id,
            "location_dest_id": picking_type.default_location_dest_id.id
            or self.env.ref("stock.stock_location_customers").id,
        }
        move = {"product_id": self.product.id, "product_uom_qty": 2, **places}
        picking = (
            self.env["stock.picking"]
            .with_user(self.packer)
            .create(
                {
                    "picking_type_id": picking_type.id,
                    "partner_id": self.customer.id,
                    "move_ids": [Command.create(move)],
                    **places,
                }
            )
        )
        picking.action_confirm()
        picking.action_assign()
        return picking

    def _validate(self, picking):
        picking.move_ids.quantity = 2
        picking.move_ids.picked = True
        picking.button_validate()

    def test_a_validated_delivery_becomes_a_shipment(self):
        picking = self._create_delivery()
        self.assertFalse(picking.sudo().logistics_shipment_ids)
        self._validate(picking)
        shipment = picking.sudo().logistics_shipment_ids
        self.assertEqual(len(shipment), 1)
        self.assertEqual(shipment.direction, "outgoing")
        self.assertEqual(shipment.partner_id, self.customer)
        self.assertEqual(len(shipment.parcel_ids), 1)
        self.assertIn(picking.name, shipment.reference_ids.mapped("value"))

    def test_the_responsible_is_not_told_of_each_shipment(self):
        boss = self._create_user("boss", "stock.group_stock_user")
        # As at work: tests have the messages switched off.
        picking = self._create_delivery().with_env(self.env(context={}))
        picking.user_id = boss
        told = [("partner_ids", "in", boss.partner_id.ids)]
        before = self.env["mail.message"].search(told)
        self._validate(picking)
        self.assertEqual(picking.sudo().logistics_shipment_ids.user_id, boss)
        self.assertEqual(self.env["mail.message"].search(told), before)

    def test_whoever_ships_sees_how_far_it_is(self):
        picking = self._create_delivery()
        self.assertFalse(picking.logistics_status)
        self._validate(picking)
        shipment = picking.sudo().logistics_shipment_ids
        shipment.status = "delivered"
        picking.invalidate_recordset()
        self.assertEqual(picking.with_user(self.packer).logistics_status, "delivered")
        shipment.copy({"picking_ids": [Command.link(picking.id)]}).status = "lost"
        picking.invalidate_recordset()
        self.assertEqual(picking.with_user(self.packer).logistics_status, "lost")

    def test_each_package_is_a_parcel(self):
        picking = self._create_delivery()
        picking.move_ids.quantity = 1
        picking.action_put_in_pack()
        line = picking.move_line_ids[:1].copy(
            {"quantity": 1, "result_package_id": False}
        )
        line.result_package_id = self.env["stock.package"].create({"name": "P2"})
        self._validate(picking)
        shipment = picking.sudo().logistics_shipment_ids
        self.assertEqual(len(shipment.parcel_ids), 2)

    def test_receipts_only_where_wanted(self):
        receipt = self._create_delivery(self.warehouse.in_type_id)
        self._validate(receipt)
        self.assertFalse(receipt.sudo().logistics_shipment_ids)
        self.env.company.logistics_track_incoming = True
        receipt = self._create_delivery(self.warehouse.in_type_id)
        self._validate(receipt)
        self.assertEqual(receipt.sudo().logistics_shipment_ids.direction, "incoming")

    def test_a_return_is_a_return(self):
        picking = self._create_delivery()
        self._validate(picking)
        with Form(
            self.env["stock.return.picking"].with_context(
                active_id=picking.id, active_model="stock.picking"
            )
        ) as form:
            pass
        wizard = form.save()
        wizard.product_return_moves.quantity = 2
        action = wizard.action_create_returns()
        back = self.env["stock.picking"].browse(action["res_id"])
        self._validate(back)
        self.assertEqual(back.logistics_shipment_ids.direction, "return")

    def test_following_by_hand(self):
        self.env.company.logistics_track_outgoing = False
        picking = self._create_delivery()
        self._validate(picking)
        self.assertFalse(picking.sudo().logistics_shipment_ids)
        user = self._create_user(
            "shipper", "stock.group_stock_user,logistics_canonical.group_logistics_user"
        )
        action = picking.with_user(user).action_create_logistics_shipment()
        shipment = self.env["logistics.shipment"].browse(action["res_id"])
        self.assertEqual(shipment.picking_ids, picking.sudo())
