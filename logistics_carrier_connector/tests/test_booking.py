# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import json
from datetime import date, timezone
from decimal import Decimal

from odoo import Command
from odoo.exceptions import UserError
from odoo.tests import freeze_time, tagged

from .common import PDF, CarrierCommon, good, paper, refusal


@tagged("post_install", "-at_install")
class TestBooking(CarrierCommon):
    """A validated transfer is booked in the background."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.operator = cls._create_user(
            "operator", "base.group_user,logistics_canonical.group_exception_operator"
        )

    # === WHAT COMES OF IT === #

    def test_validating_books_in_the_background(self):
        picking = self._sell()
        picking.button_validate()
        self.assertEqual(picking.state, "done")
        self.assertFalse(self.fake.calls, "nobody waits for the carrier")
        self.assertEqual(picking.logistics_booking_state, "booking")
        self.assertTrue(picking.logistics_booking_text, "it says what it waits for")
        self.assertFalse(picking.carrier_tracking_ref)
        self._drain()
        self.assertEqual(picking.logistics_booking_state, "booked")
        self.assertEqual(picking.carrier_tracking_ref, "PC000001")
        self.assertEqual(
            picking.carrier_tracking_url, "https://parcelco.example/follow/PC000001"
        )
        booking = self._as(self.packer, picking.logistics_booking_ids)
        self.assertEqual(booking.number, "PC000001")
        self.assertEqual(booking.parcel_count, 1)
        self.assertEqual(booking.weight, 2.4)
        self.assertEqual(
            booking.label_ids.mapped("name"),
            ["LabelShipping-logistics-PC000001.pdf"],
        )
        self.assertEqual(booking.label_ids.raw, PDF)
        shipment = picking.sudo().logistics_shipment_ids
        self.assertEqual(shipment.event_ids.mapped("type_code"), ["booked"])
        self.assertEqual(shipment.milestone, "announced")
        self.assertEqual(shipment.parcel_ids.connector_id, self.connector)
        self.assertEqual(self.fake.calls[0].operation, "book")
        self.assertEqual(len(self.fake.calls), 1)

    def test_it_leaves_on_the_day_it_is_booked_by_the_senders_clock(self):
        self.fake.prepare("book", refusal("Not today"))
        with freeze_time("2026-11-12 12:00:00"):
            picking = self._sell()
            picking.button_validate()
        self._drain()
        self.warehouse.partner_id.tz = "Australia/Sydney"
        with freeze_time("2026-11-20 22:30:00"):
            picking.action_logistics_book()
        self._drain()
        with freeze_time("2026-12-01 12:00:00"):
            picking.action_logistics_book_return()
        self._drain()
        self.assertEqual(
            [
                request.ship_on
                for operation in ("book", "return")
                for request in self.fake.requests(operation)
            ],
            [date(2026, 11, 12), date(2026, 11, 21), date(2026, 12, 1)],
        )

    def test_a_second_company_books_with_its_own_connector(self):
        company = self.env["res.company"].create({"name": "Second"})
        site = self._create_site(company, " 2")
        picking = self._sell(site=site)
        picking.button_validate()
        self._drain()
        booking = self._booking(picking)
        self.assertEqual(booking.state, "booked")
        self.assertEqual(booking.company_id, company)
        self.assertEqual(booking.connector_id, site.connector)
        self.assertEqual(booking.message_id.company_id, company)
        self.assertEqual(booking.shipment_id.company_id, company)
        self.assertEqual(booking.shipment_id.milestone, "announced")
        self.assertEqual(picking.carrier_tracking_ref, booking.number)

    def test_a_method_that_only_rates_books_nothing(self):
        self.carrier.integration_level = "rate"
        picking = self._create_delivery()
        picking.button_validate()
        self.assertFalse(picking.logistics_booking_ids)

    def test_a_receipt_is_not_booked(self):
        picking_type = self.warehouse.in_type_id
        picking = self._create_delivery(
            picking_type_id=picking_type.id,
            location_id=self.env.ref("stock.stock_location_suppliers").id,
            location_dest_id=self.warehouse.lot_stock_id.id,
        )
        picking.button_validate()
        self.assertFalse(picking.logistics_booking_ids)

    def test_each_package_is_a_parcel(self):
        package_type = self.env["stock.package.type"].create(
            {"name": "Box", "packaging_length": 300, "width": 200, "height": 105}
        )
        picking = self._create_delivery(quantity=3)
        packages = self._pack(picking, 1, 2, weight=3.5, package_type=package_type)
        picking.button_validate()
        self._drain()
        (request,) = self.fake.requests()
        self.assertEqual(
            [package.weight for package in request.packages], [Decimal("3.5")] * 2
        )
        # Odoo keeps millimetres.
        box = request.packages[0]
        self.assertEqual(
            (box.length, box.width, box.height),
            (Decimal("30"), Decimal("20"), Decimal("10.5")),
        )
        self.assertEqual(
            [package.commodities[0].quantity for package in request.packages], [1, 2]
        )
        self.assertEqual(picking.carrier_tracking_ref, "PC000001,PC000002")
        self.assertEqual(
            json.loads(picking.carrier_tracking_url),
            [
                [number, f"https://parcelco.example/follow/{number}"]
                for number in ("PC000001", "PC000002")
            ],
        )
        booking = self._booking(picking)
        self.assertEqual(len(booking), 1)
        self.assertEqual(
            booking.label_ids.sorted("id").mapped("name"),
            [
                "LabelShipping-logistics-PC000001.pdf",
                "LabelShipping-logistics-PC000002.pdf",
            ],
        )
        parcels = booking.parcel_ids
        self.assertEqual(
            {(p.package_id, p.tracking_number) for p in parcels},
            {(packages[0], "PC000001"), (packages[1], "PC000002")},
        )
        self.assertEqual(set(parcels.mapped("status")), {"announced"})

    def test_packages_weigh_what_the_transfer_put_into_them(self):
        """Goods that aren't kept in stock are in no package afterwards."""
        self.assertFalse(self.product.is_storable)
        picking = self._create_delivery(quantity=3)
        self._pack(picking, 1, 2)
        picking.button_validate()
        self._drain()
        (request,) = self.fake.requests()
        self.assertEqual(
            [package.weight for package in request.packages],
            [Decimal("1.2"), Decimal("2.4")],
        )

    def test_numbers_go_to_the_parcel_they_name(self):
        """Carriers answer in any order; a label on the wrong box goes astray."""
        picking = self._create_delivery(quantity=2)
        packages = self._pack(picking, 1, 1, weight=1.0)

        def turned_around(asked):
            first, second = (package["reference"] for package in asked.body["packages"])
            return good(id="1", parcels=[[second, "B"], [first, "A"]])

        self.fake.prepare("book", turned_around)
        picking.button_validate()
        self._drain()
        numbers = {
            parcel.package_id: parcel.tracking_number
            for parcel in self._booking(picking).parcel_ids
        }
        self.assertEqual(numbers, {packages[0]: "A", packages[1]: "B"})

    def test_a_carrier_that_takes_one_parcel_at_a_time(self):
        carrier = self._create_special("single", "single")
        picking = self._create_delivery(quantity=3, carrier_id=carrier.id)
        self._pack(picking, 1, 1, 1, weight=1.0)
        picking.button_validate()
        self._drain()
        bookings = picking.sudo().logistics_booking_ids
        self.assertEqual(bookings.mapped("state"), ["booked"] * 3)
        self.assertEqual(picking.carrier_tracking_ref, "PC000001,PC000002,PC000003")
        self.assertEqual([len(r.packages) for r in self.fake.requests()], [1, 1, 1])
        self.assertEqual(
            len({request.reference for request in self.fake.requests()}), 3
        )

    def test_one_of_several_bookings_is_refused(self):
        carrier = self._create_special("single", "single")
        picking = self._create_delivery(quantity=2, carrier_id=carrier.id)
        self._pack(picking, 1, 1, weight=1.0)
        self.fake.prepare("book", refusal("Too ugly"))
        picking.button_validate()
        self._drain()
        self.assertEqual(picking.logistics_booking_state, "failed")
        self.assertEqual(picking.logistics_booking_text, "Too ugly")
        self.assertEqual(picking.carrier_tracking_ref, "PC000001")
        picking.action_logistics_book()
        self._drain()
        self.assertEqual(picking.logistics_booking_state, "booked")
        self.assertEqual(len(self.fake.asked("book")), 3, "what stands is left alone")
        self.assertEqual(
            set(picking.carrier_tracking_ref.split(",")), {"PC000001", "PC000002"}
        )
        self.assertIn(("logistics.shipment", "booking_failed", {}), self.resolved)

    # === WHAT IS ASKED === #

    def test_what_the_carrier_is_told(self):
        picking = self._sell(client_order_ref="PO-77")
        picking.button_validate()
        self._drain()
        (request,) = self.fake.requests()
        booking = self._booking(picking)
        self.assertEqual(request.reference, booking.reference)
        self.assertLessEqual(len(request.reference), 35)
        self.assertEqual(request.order, "PO-77")
        self.assertEqual(request.service, "ground")
        self.assertEqual(request.shipper.company, "Depot")
        self.assertFalse(request.shipper.name)
        self.assertEqual(request.recipient.name, "Ada Customer")
        self.assertEqual(request.recipient.state, "MA")
        self.assertTrue(request.recipient.residential)
        (package,) = request.packages
        self.assertEqual(package.weight, Decimal("2.4"))
        self.assertEqual(package.value, Decimal(40))
        (lamp,) = package.commodities
        self.assertEqual(lamp.quantity, 2)
        self.assertEqual(lamp.weight, Decimal("1.2"))
        self.assertEqual(lamp.value, Decimal(20))
        self.assertEqual(lamp.sku, "LAMP")
        self.assertEqual(lamp.hs_code, "940521")
        self.assertFalse(request.insured)
        self.assertFalse(request.cod)

    def test_pounds_and_feet_are_told_as_kilograms_and_centimetres(self):
        self.env["ir.config_parameter"].set_param("product.weight_in_lbs", "1")
        self.env["ir.config_parameter"].set_param("product.volume_in_cubic_feet", "1")
        self.carrier.logistics_package_type_id = self.env["stock.package.type"].create(
            {"name": "Box", "packaging_length": 2, "width": 1, "height": 0.5}
        )
        self.product.weight = 10
        self._ship(quantity=1)
        (package,) = self.fake.requests()[0].packages
        # A pound is 0.45359237 kg, a foot 30.48 cm, by definition.
        self.assertEqual(package.weight, Decimal("4.536"))
        self.assertEqual(package.commodities[0].weight, Decimal("4.536"))
        self.assertEqual(
            (package.length, package.width, package.height),
            (Decimal("61.0"), Decimal("30.5"), Decimal("15.2")),
        )

    def test_options_insurance_and_settings(self):
        self.carrier.write(
            {
                "shipping_insurance": 50,
                "logistics_option_ids": [
                    Command.set(
                        [
                            self.env.ref(
                                f"logistics_carrier_connector.option_{code}"
                            ).id
                            for code in ("signature", "saturday_delivery")
                        ]
                    )
                ],
                "logistics_account": "ACC-1",
                "logistics_settings_text": "contract_id = 1234\n\nneighbours = no",
                "logistics_label_format": "ZPL",
                "logistics_contents": "gift",
            }
        )
        picking = self._sell()
        picking.button_validate()
        self._drain()
        (request,) = self.fake.requests()
        self.assertEqual(request.insured, Decimal(20), "half of what it is worth")
        self.assertEqual(set(request.options), {"signature", "saturday_delivery"})
        self.assertEqual(
            request.settings,
            {"contract_id": "1234", "neighbours": False, "carrier_account": "ACC-1"},
        )
        self.assertEqual(request.label_format, "ZPL")
        self.assertEqual(request.contents, "gift")

    def test_what_changes_at_a_method_holds_from_the_next_booking(self):
        signature = self.env.ref("logistics_carrier_connector.option_signature")

        def asked():
            picking = self._sell()
            picking.button_validate()
            self._drain()
            return self.fake.requests()[-1].options

        self.assertEqual(asked(), ())
        self.carrier.logistics_option_ids = signature
        self.assertEqual(asked(), ("signature",))
        signature.unlink()
        self.assertEqual(asked(), ())

    def _pay_on_delivery(self, order, amount):
        provider = self.env["payment.provider"].search(
            [("custom_mode", "=", "cash_on_delivery")], limit=1
        )
        self.env["payment.transaction"].create(
            {
                "provider_id": provider.id,
                "payment_method_id": self.env["payment.method"]
                .with_context(active_test=False)
                .search([("code", "=", "cash_on_delivery")], limit=1)
                .id,
                "reference": order.name,
                "amount": amount,
                "currency_id": order.currency_id.id,
                "partner_id": order.partner_id.id,
                "sale_order_ids": [Command.set(order.ids)],
                "state": "pending",
            }
        )

    def _sell_on_delivery(self, carrier, amount, quantity=2):
        order = self._create_order(carrier, 8.0, quantity=quantity)
        self._pay_on_delivery(order.sudo(), amount)
        order.action_confirm()
        picking = self._as(self.packer, order.sudo().picking_ids)
        self._pick(picking)
        return picking

    def test_cash_on_delivery(self):
        self.carrier.allow_cash_on_delivery = True
        picking = self._sell_on_delivery(self.carrier, 48.0)
        self.assertEqual(picking.logistics_cod_amount, 48.0)
        picking.button_validate()
        self._drain()
        self.assertEqual(self.fake.requests()[0].cod, Decimal(48))
        self.assertEqual(self.fake.requests()[0].currency, "USD")

    def test_cash_is_collected_once(self):
        """However many parcels, bookings and transfers an order becomes."""
        carrier = self._create_special("single", "single", allow_cash_on_delivery=True)
        picking = self._sell_on_delivery(carrier, 88.0, quantity=4)
        self._pack(picking, 1, 1, weight=1.0)

        # Both are asked at once; either may arrive first.
        def refuse_to_collect(asked):
            wants_cash = Decimal(asked.body.get("cod") or 0)
            return refusal("No") if wants_cash else self.fake._book(asked)

        self.fake.prepare("book", refuse_to_collect, refuse_to_collect)
        picking.with_context(skip_backorder=True).button_validate()
        self._drain()
        self.assertEqual(
            sorted(request.cod for request in self.fake.requests()), [0, Decimal(88)]
        )
        self.fake.calls.clear()
        picking.action_logistics_book()
        self._drain()
        self.assertEqual(
            [request.cod for request in self.fake.requests()],
            [Decimal(88)],
            "the one that was to collect it was refused",
        )
        backorder = picking.backorder_ids
        self.assertEqual(backorder.logistics_cod_amount, 0)

    # === WHAT IT COSTS === #

    def _charges_of(self, picking, stage):
        charges = self._booking(picking).charge_ids
        return {
            charge.code: charge.amount for charge in charges if charge.stage == stage
        }

    def test_charges_are_kept_as_quoted_and_as_booked(self):
        order = self._create_order()
        rate = self.carrier.with_user(self.seller).rate_shipment(order)
        self.assertEqual(rate["price"], 8.0)
        order.set_delivery_line(self.carrier, rate["price"])
        order.action_confirm()
        picking = self._as(self.packer, order.sudo().picking_ids)
        self._pick(picking)
        picking.button_validate()
        booking = self._booking(picking)
        self._drain()
        self.assertEqual(booking.quoted_amount, 8.0)
        self.assertEqual(self._charges_of(picking, "quoted"), {"freight": 8.0})
        self.assertEqual(
            self._charges_of(picking, "booked"), {"freight": 7.31, "fuel": 0.42}
        )
        self.assertEqual(booking.amount, 7.73)
        self.assertEqual(booking.currency_id, self.env.ref("base.USD"))

    def test_the_price_shows_to_nobody_at_the_transfer(self):
        picking = self._sell()
        picking.button_validate()
        self._drain()
        self.assertFalse(picking.carrier_price)
        texts = self._messages_of(picking)
        for price in ("7.73", "7.31", "0.42", "8.0"):
            self.assertNotIn(price, texts)
        self.assertIn("PC000001", texts)

    def _delivery_lines(self, picking):
        return picking.sudo().sale_id.order_line.filtered("is_delivery")

    def test_an_estimated_price_stays(self):
        picking = self._sell(price=5.0)
        picking.button_validate()
        self._drain()
        self.assertEqual(self._delivery_lines(picking).mapped("price_unit"), [5.0])

    def test_the_quote_of_the_chosen_one_of_two_methods_is_kept(self):
        express = self._create_carrier(name="Express", logistics_service="express")
        prices = {"ground": "8.00", "express": "20.00"}

        def answer(asked):
            service = asked.body["service"]
            return good(quotes=[(service, prices[service], "USD", 3)])

        for carrier, quoted in ((self.carrier, 8.0), (express, 20.0)):
            with self.subTest(carrier.name):
                self.env["logistics.rate"].search([]).unlink()
                order = self._create_order()
                self.fake.prepare("rate", answer, answer)
                (self.carrier | express).with_user(self.seller)._logistics_rates(order)
                order.set_delivery_line(carrier, quoted)
                order.action_confirm()
                picking = self._as(self.packer, order.sudo().picking_ids)
                self._pick(picking)
                picking.button_validate()
                self._drain()
                self.assertEqual(self._booking(picking).quoted_amount, quoted)

    def test_the_real_price_is_put_on_the_order(self):
        self.carrier.write(
            {"invoice_policy": "real", "margin": 0.1, "fixed_margin": 1.0}
        )
        picking = self._sell(price=5.0)
        self.assertEqual(self._delivery_lines(picking).mapped("price_unit"), [0.0])
        picking.button_validate()
        self._drain()
        # 7.73 with a margin of 10 %, and one dollar.
        self.assertAlmostEqual(self._delivery_lines(picking).price_unit, 9.50, places=2)

    def test_the_real_price_is_put_on_an_order_in_another_currency(self):
        self.carrier.write({"invoice_policy": "real", "fixed_margin": 1.0})
        order = self._create_foreign_order(rate=0.5, price=5.0)
        order.action_confirm()
        picking = self._as(self.packer, order.sudo().picking_ids)
        self._pick(picking)
        picking.button_validate()
        self._drain()
        # Half of 7.73, rounded, and of one dollar.
        self.assertAlmostEqual(self._delivery_lines(picking).price_unit, 4.37, places=2)

    def test_the_real_price_of_several_bookings_is_paid_once(self):
        carrier = self._create_special("single", "single", invoice_policy="real")
        picking = self._sell(carrier)
        self._pack(picking, 1, 1, weight=1.0)
        picking.button_validate()
        self._drain()
        self.assertAlmostEqual(
            sum(self._delivery_lines(picking).mapped("price_unit")), 15.46
        )

    def test_the_real_price_after_booking_again_is_paid_once(self):
        self.carrier.invoice_policy = "real"
        picking = self._sell()
        picking.button_validate()
        self._drain()
        picking.cancel_shipment()
        self._drain()
        self.assertEqual(sum(self._delivery_lines(picking).mapped("price_unit")), 0)
        self._let_time_pass(minutes=1)
        picking.action_logistics_book()
        self._drain()
        self.assertAlmostEqual(
            sum(self._delivery_lines(picking).mapped("price_unit")), 7.73
        )

    def test_each_delivery_of_an_order_has_its_price(self):
        self.carrier.invoice_policy = "real"
        picking = self._sell(quantity=4)
        picking.move_ids.quantity = 1
        picking.with_context(skip_backorder=True).button_validate()
        self._drain()
        backorder = self._as(self.packer, picking.backorder_ids)
        self._pick(backorder)
        backorder.button_validate()
        self._drain()
        self.assertEqual(
            len({picking.carrier_tracking_ref} | {backorder.carrier_tracking_ref}), 2
        )
        self.assertAlmostEqual(
            sum(self._delivery_lines(picking).mapped("price_unit")), 15.46
        )

    def test_above_the_amount_it_is_free(self):
        self.carrier.write(
            {"invoice_policy": "real", "free_over": True, "amount": 30.0}
        )
        picking = self._sell()
        picking.button_validate()
        self._drain()
        self.assertEqual(sum(self._delivery_lines(picking).mapped("price_unit")), 0)

    def test_a_locked_order_does_not_lose_the_label(self):
        """What the carrier did is written down, whatever the order thinks of it."""
        self.carrier.invoice_policy = "real"
        picking = self._sell()
        picking.sudo().sale_id.action_lock()
        picking.button_validate()
        self._drain()
        self.assertEqual(picking.logistics_booking_state, "booked")
        self.assertTrue(picking.carrier_tracking_ref)

    # === WHAT STANDS IN THE WAY === #

    def test_what_is_missing_is_named_before_any_call(self):
        for values, words in (
            ({"zip": False}, ["Ada Customer", "postal code"]),
            ({"zip": "0210"}, ["Ada Customer", "postal code", "0210"]),
            ({"city": False}, ["Ada Customer", "city"]),
            ({"street": False}, ["Ada Customer", "street"]),
            ({"state_id": False}, ["Ada Customer", "state"]),
            ({"country_id": False, "state_id": False}, ["Ada Customer", "country"]),
            ({"email": "nobody"}, ["Ada Customer", "e-mail", "nobody"]),
        ):
            with self.subTest(values):
                picking = self._create_delivery(
                    partner_id=self.customer.copy({**values, "name": "Ada Customer"}).id
                )
                with self.assertRaises(UserError) as caught:
                    picking.button_validate()
                for word in words:
                    self.assertIn(word, str(caught.exception))
                self.assertIn("delivery address", str(caught.exception))
        self.assertFalse(self.fake.calls)

    def test_a_transfer_to_nobody(self):
        picking = self._create_delivery(partner_id=False)
        with self.assertRaises(UserError) as caught:
            picking.button_validate()
        self.assertEqual(
            str(caught.exception), f"{picking.name} has no delivery address."
        )

    def test_the_address_the_warehouse_lacks_is_named(self):
        self.warehouse.partner_id.city = False
        with self.assertRaisesRegex(UserError, r"sender.*Depot.*city"):
            self._create_delivery().button_validate()

    def test_a_product_without_a_weight_is_named(self):
        feather = self._create_product("Feather", weight=0.0)
        with self.assertRaisesRegex(UserError, r"Feather.*weight"):
            self._create_delivery(product=feather).button_validate()
        picking = self._create_delivery(product=feather)
        self._pack(picking, 2)
        with self.assertRaisesRegex(UserError, r"Feather.*weight"):
            picking.button_validate()

    def test_the_terms_of_the_sale_go_before_the_companys(self):
        self.env.company.incoterm_id = self.env.ref("account.incoterm_EXW")
        agreed = self._sell()
        agreed.sale_id.incoterm = self.env.ref("account.incoterm_DDP")
        agreed.button_validate()
        self._sell().button_validate()
        self._drain()
        self.assertEqual([r.incoterm for r in self.fake.requests()], ["DDP", "EXW"])

    def test_what_customs_wants_is_named(self):
        self.product.hs_code = False
        customer = self._create_address(
            "Bob",
            "Berlin",
            "10115",
            "",
            country_id=self.env.ref("base.de").id,
            phone=False,
        )
        with self.assertRaises(UserError) as caught:
            self._create_delivery(partner_id=customer.id).button_validate()
        self.assertRegex(str(caught.exception), r"LAMP.*HS code")
        self.assertRegex(str(caught.exception), r"Bob.*phone number")

    def test_what_one_carrier_wants_is_named(self):
        carrier = self._create_special("single", "single")
        customer = self.customer.copy({"name": "Eve", "phone": False})
        with self.assertRaisesRegex(UserError, r"Eve.*phone number"):
            self._create_delivery(
                carrier_id=carrier.id, partner_id=customer.id
            ).button_validate()

    def test_what_only_a_booking_wants_keeps_nobody_from_a_price(self):
        carrier = self._create_special("single", "single")
        customer = self.customer.copy({"name": "Eve", "phone": False})
        order = self._create_order(partner_id=customer.id)
        self.assertTrue(carrier.rate_shipment(order)["success"])

    def test_a_connector_that_is_not_started(self):
        self.connector.action_stop()
        with self.assertRaisesRegex(UserError, "not started"):
            self._create_delivery().button_validate()

    def test_an_archived_connector_asks_for_nothing_new(self):
        booked = self._ship()
        self.connector.action_archive()
        with self.assertRaisesRegex(UserError, "archived"):
            self._create_delivery().button_validate()
        rate = self.carrier.with_user(self.seller).rate_shipment(self._create_order())
        self.assertIn("archived", rate["error_message"])
        self.assertFalse(self.fake.asked("rate"))
        booked.cancel_shipment()
        self._drain()
        self.assertEqual(booked.logistics_booking_state, "cancelled")

    def test_the_connector_of_another_company_is_not_used(self):
        company = self.env["res.company"].create({"name": "Second"})
        site = self._create_site(company, " 2")
        shared = self._create_carrier(name="Shared", company_id=False)
        self.assertFalse(shared.company_id)
        picking = self._create_delivery(site=site, carrier_id=shared.id)
        with self.assertRaisesRegex(UserError, "company"):
            picking.button_validate()
        order = self._create_order(site=site)
        rate = shared.with_user(site.seller).rate_shipment(order)
        self.assertFalse(rate["success"])
        self.assertFalse(self.fake.calls)

    def test_one_bad_transfer_does_not_hold_up_the_others(self):
        feather = self._create_product("Feather", weight=0.0)
        nowhere = self.customer.copy({"name": "Nowhere", "zip": False})
        for trouble in (
            {"partner_id": nowhere.id},
            {"product": feather},
        ):
            for place in range(3):
                with self.subTest(trouble=trouble, place=place):
                    self.raised.clear()
                    pickings = [self._create_delivery() for _n in range(2)]
                    bad = self._create_delivery(**trouble)
                    pickings.insert(place, bad)
                    batch = bad.browse([p.id for p in pickings])
                    told = batch.button_validate()["params"]["message"]
                    self.assertIn("being booked: 2", told)
                    self.assertIn(bad.name, told)
                    self.assertEqual(set(batch.mapped("state")), {"done"})
                    self._drain()
                    self.assertEqual(
                        sorted(batch.mapped("logistics_booking_state")),
                        ["booked", "booked", "none"],
                    )
                    self.assertEqual(bad.logistics_booking_state, "none")
                    self.assertEqual(self._codes(), ["booking_failed"])
                    text = self.raised[0][2]["text"]
                    self.assertIn(
                        "Feather" if "product" in trouble else "Nowhere", text
                    )

    def test_mended_and_booked_again(self):
        nowhere = self.customer.copy({"name": "Nowhere", "zip": False})
        bad = self._create_delivery(partner_id=nowhere.id)
        told = (self._create_delivery() | bad).button_validate()["params"]["message"]
        self.assertIn("being booked: 1.", told)
        self.assertEqual(self._codes(), ["booking_failed"])
        with self.assertRaisesRegex(UserError, "Nowhere"):
            bad.action_logistics_book()
        nowhere.zip = "02108"
        bad.action_logistics_book()
        self.resolved.clear()
        self._drain()
        self.assertEqual(bad.logistics_booking_state, "booked")
        self.assertIn(("logistics.shipment", "booking_failed", {}), self.resolved)

    # === ONCE === #

    def test_a_parcel_is_booked_once(self):
        picking = self._create_delivery()
        picking.button_validate()
        booking = self._booking(picking)
        picking.action_logistics_book()
        self.assertEqual(self._booking(picking), booking, "it is under way")
        with self.assertRaisesRegex(UserError, "booked already"):
            self.env["logistics.booking"]._book(
                self.carrier,
                picking,
                booking.shipment_id,
                [(booking.parcel_ids, lambda reference: None)],
                "ship",
            )
        self._drain()
        picking.action_logistics_book()
        picking.send_to_shipper()
        self._drain()
        self.assertEqual(self._booking(picking), booking, "it is booked")
        self.assertEqual(len(self.fake.calls), 1)

    def test_what_is_rolled_back_leaves_no_message(self):
        picking = self._create_delivery()
        messages = self.env["logistics.message"].search_count([])
        with self.assertRaises(ValueError), self.env.cr.savepoint():
            picking.button_validate()
            raise ValueError
        self.env.invalidate_all()
        self.assertEqual(self.env["logistics.message"].search_count([]), messages)
        self._drain()
        self.assertFalse(self.fake.calls)
        self.assertEqual(picking.state, "assigned")

    def test_the_rest_is_booked_with_its_own_transfer(self):
        picking = self._create_delivery(quantity=5)
        picking.move_ids.quantity = 2
        picking.with_context(skip_backorder=True).button_validate()
        self._drain()
        backorder = self._as(self.packer, picking.backorder_ids)
        self.assertFalse(backorder.logistics_booking_ids)
        self.assertFalse(backorder.carrier_tracking_ref)
        self._pick(backorder)
        backorder.button_validate()
        self._drain()
        self.assertEqual(picking.carrier_tracking_ref, "PC000001")
        self.assertEqual(backorder.carrier_tracking_ref, "PC000002")
        self.assertEqual(
            [
                package.commodities[0].quantity
                for request in self.fake.requests()
                for package in request.packages
            ],
            [2, 3],
        )

    def test_booked_before_it_leaves_the_shelf(self):
        """Some label first and pack then; validating books nothing more."""
        picking = self._create_delivery()
        self.assertTrue(picking.logistics_can_book)
        picking.action_logistics_book()
        self._drain()
        self.assertEqual(picking.state, "assigned")
        self.assertEqual(picking.carrier_tracking_ref, "PC000001")
        picking.button_validate()
        self._drain()
        self.assertEqual(len(self.fake.calls), 1)

    def test_nothing_is_booked_for_what_is_not_sent(self):
        cancelled = self._create_delivery()
        cancelled.action_cancel()
        with self.assertRaises(UserError):
            cancelled.action_logistics_book()
        receipt = self._create_delivery(
            picking_type_id=self.warehouse.in_type_id.id,
            location_id=self.env.ref("stock.stock_location_suppliers").id,
            location_dest_id=self.warehouse.lot_stock_id.id,
        )
        with self.assertRaises(UserError):
            receipt.action_logistics_book()
        self.assertFalse((cancelled | receipt).logistics_booking_ids)

    # === AT THE DESK === #

    def test_a_desk_waits_for_the_label(self):
        self.warehouse.out_type_id.logistics_label_wait = 20
        picking = self._create_delivery()
        action = picking.button_validate()
        self.assertEqual(action["tag"], "logistics_wait_for_labels")
        self.assertEqual(action["params"]["picking_ids"], picking.ids)
        self.assertEqual(action["params"]["seconds"], 20)
        message = self._booking(picking).message_id
        self.assertEqual((message.lane, message.priority), ("realtime", 10))
        progress = picking.logistics_booking_progress(picking.ids)
        self.assertEqual(
            progress, {"open": 1, "booked": 0, "failed": [], "label_ids": []}
        )
        self._drain()
        progress = picking.logistics_booking_progress(picking.ids)
        self.assertEqual(progress["open"], 0)
        self.assertEqual(progress["booked"], 1)
        self.assertEqual(progress["label_ids"], self._booking(picking).label_ids.ids)

    def test_several_are_told_to_be_under_way(self):
        pickings = self._create_delivery() | self._create_delivery()
        action = pickings.button_validate()
        self.assertEqual(action["tag"], "display_notification")
        self.assertIn("being booked: 2", action["params"]["message"])

    def test_before_the_others(self):
        first, second = self._create_delivery(), self._create_delivery()
        (first | second).button_validate()
        self._as(self.packer, self._booking(second)).action_send_first()
        messages = [self._booking(picking).message_id for picking in (first, second)]
        self.assertLess(messages[0].priority, messages[1].priority)

    # === REFUSED === #

    def test_refused_by_the_carrier(self):
        self.fake.prepare("book", refusal("Postal code is not served"))
        picking = self._create_delivery()
        picking.button_validate()
        self._drain()
        self.assertEqual(picking.logistics_booking_state, "failed")
        self.assertEqual(picking.logistics_booking_text, "Postal code is not served")
        self.assertTrue(picking.logistics_can_book)
        self.assertEqual(self._codes(), ["booking_failed"])
        model, _code, evidence = self.raised[0]
        self.assertEqual(model, "logistics.shipment")
        for word in ("Postal code is not served", picking.name, "Ground"):
            self.assertIn(word, evidence["text"])
        self.assertIn("Postal code is not served", evidence["why"])
        self._as(self.packer, self._booking(picking)).action_book_again()
        self.assertEqual(picking.logistics_booking_state, "booking")
        self._drain()
        self.assertEqual(picking.logistics_booking_state, "booked")
        self.assertEqual(len(picking.logistics_booking_ids), 2)
        self.assertIn(("logistics.shipment", "booking_failed", {}), self.resolved)
        references = [request.reference for request in self.fake.requests()]
        self.assertEqual(len(set(references)), 2, "a reference is used once")

    def test_an_old_message_sends_nothing_any_more(self):
        self.fake.prepare("book", refusal("No"))
        picking = self._ship()
        old = self._booking(picking)
        self.assertEqual(old.message_id.state, "dead")
        old.message_id.with_user(self.operator).action_retry()
        self._drain()
        self.assertEqual(old.message_id.state, "cancelled")
        self.assertEqual(len(self.fake.calls), 1)
        picking.action_logistics_book()
        self._drain()
        self.assertEqual(len(self.fake.calls), 2)
        self.assertEqual(picking.logistics_booking_state, "booked")

    def test_what_is_not_over_is_not_booked_again(self):
        picking = self._ship()
        with self.assertRaisesRegex(UserError, "not over"):
            self._as(self.packer, self._booking(picking)).action_book_again()

    def test_the_filters_find_what_the_badge_says(self):
        refused, mended, booked, waiting, none = (
            self._create_delivery() for _n in range(5)
        )
        self.fake.prepare("book", refusal("No"), refusal("No"))
        refused.button_validate()
        mended.button_validate()
        self._drain()
        mended.action_logistics_book()
        booked.button_validate()
        self._drain()
        waiting.button_validate()
        everything = refused | mended | booked | waiting | none

        def found(*states):
            return everything.search(
                [
                    ("id", "in", everything.ids),
                    ("logistics_booking_state", "in", states),
                ]
            )

        for state, pickings in (
            ("failed", refused),
            ("booked", mended | booked),
            ("booking", waiting),
            ("none", none),
        ):
            with self.subTest(state):
                self.assertEqual(set(found(state)), set(pickings))
                self.assertEqual(
                    set(pickings.mapped("logistics_booking_state")), {state}
                )
        self.assertEqual(set(found("none", "booking")), {none, waiting})

    def test_times_of_events_are_the_databases(self):
        picking = self._ship()
        (event,) = picking.sudo().logistics_shipment_ids.event_ids
        now = self.env.cr.now().replace(microsecond=0)
        self.assertEqual(event.occurred_at, now)
        self.assertEqual(
            event.occurred_text[:19],
            now.replace(tzinfo=timezone.utc).isoformat()[:19],
        )

    # === PAPERS === #

    def test_other_papers_are_no_labels(self):
        self.fake.prepare(
            "book",
            lambda asked: self.fake._book(
                asked,
                documents=[paper(), paper("invoice")],
            ),
        )
        picking = self._ship()
        booking = self._booking(picking)
        self.assertEqual(len(booking.label_ids), 1)
        papers = self.env["ir.attachment"].search(
            [("res_model", "=", "stock.picking"), ("res_id", "=", picking.id)]
        )
        self.assertEqual(
            sorted(papers.mapped("name")),
            [
                "LabelShipping-logistics-PC000001-1.pdf",
                "ShippingDoc-logistics-PC000001-2.pdf",
            ],
        )
