# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, tagged
from odoo.tools import mute_logger

from .common import CarrierCommon, refusal

EXPORT = "base.group_allow_export"
USER = "logistics_canonical.group_logistics_user"
OPERATOR = "logistics_canonical.group_exception_operator"
ADMIN = "logistics_canonical.group_connector_admin"
CHARGES = "logistics_carrier_connector.group_charges"


def _numbers(values):
    """Yield the numbers among what was read of a record."""
    for value in values.values():
        if isinstance(value, float):
            yield round(value, 2)


@tagged("post_install", "-at_install")
class TestCarrierRights(CarrierCommon):
    """Who may do and see what, in two companies."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.other_company = cls.env["res.company"].create({"name": "Second"})
        cls.other = cls._create_site(cls.other_company, " 2")

    # === WAREHOUSE PEOPLE === #

    def test_warehouse_people_do_it_all(self):
        """Without any group of logistics, on the screens they have."""
        self.fake.prepare("book", refusal("No"))
        picking = self._sell()
        picking.button_validate()
        self._drain()
        self.assertEqual(picking.logistics_booking_text, "No")
        action = picking.action_open_logistics_bookings()
        bookings = (
            self.env["logistics.booking"]
            .with_user(self.packer)
            .search(action["domain"])
        )
        self.assertEqual(bookings.error_text, "No")
        bookings.action_book_again()
        self._drain()
        booking = bookings.search(action["domain"])[0]
        self.assertEqual(booking.state, "booked")
        self.assertEqual(booking.label_ids.mapped("mimetype"), ["application/pdf"])
        booking.action_print()
        for model in ("logistics.pickup", "logistics.manifest"):
            record = (
                self.env[model]
                .with_user(self.packer)
                .create({"carrier_id": self.carrier.id})
            )
            record.action_collect()
            self.assertEqual(record.booking_ids, booking)
            if model == "logistics.pickup":
                record.action_request()
            else:
                record.action_close()
            self._drain()
            record.invalidate_recordset()
            self.assertIn(record.state, ("confirmed", "closed"))
        picking.action_logistics_book_return()
        booking.action_cancel()
        self._drain()
        self.assertEqual(booking.state, "cancelled")

    def test_their_screens_open(self):
        picking = self._sell()
        picking.button_validate()
        self._drain()
        for records in (
            picking,
            self._as(self.packer, self._booking(picking)),
            self.env["logistics.pickup"]
            .with_user(self.packer)
            .create({"carrier_id": self.carrier.id}),
            self.env["logistics.manifest"]
            .with_user(self.packer)
            .create({"carrier_id": self.carrier.id}),
        ):
            with self.subTest(records._name):
                self._read_screens(records)

    def _read_screens(self, records):
        """Read what the client reads to show these records."""
        for kind in ("form", "list"):
            view = records.get_views([(False, kind)])
            fields = view["models"][records._name]["fields"]
            names = set(view["views"][kind]["arch"].split('"')) & set(fields)
            records.web_read({name: {} for name in names})

    def test_a_tracking_number_by_hand(self):
        """Also taken away again, by somebody who sees no shipments."""
        picking = self._create_delivery()
        picking.carrier_tracking_ref = "T1"
        picking.carrier_tracking_ref = False
        picking.carrier_id = False
        picking.carrier_id = self.carrier

    def test_a_salesman_changes_the_method(self):
        order = self._create_order()
        order.action_confirm()
        other = self._create_carrier(name="Express", logistics_service="express")
        order.set_delivery_line(other, 9.0)
        self.assertEqual(order.sudo().picking_ids.carrier_id, other)

    def test_the_waiting_screen_is_for_those_who_see_the_transfer(self):
        picking = self._ship()
        nobody = self._create_user("nobody", "base.group_user")
        for user in (nobody, self.other.packer):
            with self.subTest(user.login), self.assertRaises(AccessError):
                self.env["stock.picking"].with_user(user).logistics_booking_progress(
                    picking.ids
                )

    # === WHAT IT COSTS IS NOT FOR EVERYBODY === #

    def _priced(self):
        """Return a booking with a quoted and a booked price."""
        order = self._create_order()
        self.carrier.with_user(self.seller).rate_shipment(order)
        order.set_delivery_line(self.carrier, 8.0)
        order.action_confirm()
        picking = self._as(self.packer, order.sudo().picking_ids)
        self._pick(picking)
        picking.button_validate()
        self._drain()
        booking = self._booking(picking)
        self.assertTrue(booking.amount and booking.quoted_amount)
        return booking

    @mute_logger("odoo.models")
    def _assert_closed(self, records, name):
        """No way leads to a field."""
        model = records.browse()
        for what, way in (
            ("read", lambda: records.read([name])),
            ("attribute", lambda: records.mapped(name)),
            ("search", lambda: model.search([(name, "!=", 1)])),
            ("filtered", lambda: records.filtered_domain([(name, "!=", 1)])),
            ("order", lambda: model.search([], order=f"{name} desc")),
            ("export", lambda: records.export_data([name])),
            (
                "grouped",
                lambda: model.formatted_read_group([], [name], ["__count"]),
            ),
            (
                "domain of a group",
                lambda: model.formatted_read_group([(name, "!=", 0)], [], ["__count"]),
            ),
            ("web", lambda: model.web_search_read([], {name: {}})),
        ):
            with self.subTest(field=name, way=what):
                try:
                    way()
                except (AccessError, ValueError):
                    continue
                self.fail(f"{records._name}.{name} can be reached by {what}")

    def test_prices_are_closed_to_warehouse_people(self):
        self.packer.group_ids = [Command.link(self.env.ref(EXPORT).id)]
        booking = self._as(self.packer, self._priced())
        for name in (
            "amount",
            "quoted_amount",
            "charge_ids",
            "connector_id",
            "message_id",
            "shipment_id",
            "settings",
            "parcel_refs",
        ):
            self._assert_closed(booking, name)

    def test_prices_can_not_be_found_out_by_asking(self):
        """Not by searching, sorting or grouping from what they may see."""
        booking = self._priced()
        self.carrier.logistics_account = "ACC-1"
        env = self.env(user=self.packer)
        for model, domain in (
            ("stock.picking", [("logistics_booking_ids.amount", ">", 1)]),
            ("stock.picking", [("logistics_booking_ids.charge_ids.amount", ">", 1)]),
            (
                "stock.picking",
                [("logistics_booking_ids", "any", [("quoted_amount", ">", 1)])],
            ),
            (
                "stock.picking",
                [("logistics_booking_ids.message_id.request_json", "like", "Ada")],
            ),
            ("stock.picking", [("carrier_id.logistics_account", "=", "ACC-1")]),
            ("stock.picking", [("carrier_id.logistics_connector_id.name", "=", "A")]),
            ("logistics.booking", [("carrier_id.logistics_account", "like", "ACC")]),
            ("logistics.pickup", [("booking_ids.amount", ">", 1)]),
            ("logistics.manifest", [("message_id.request_json", "like", "Ada")]),
            ("logistics.parcel", [("booking_id.amount", ">", 1)]),
        ):
            with self.subTest(model=model, domain=domain):
                with self.assertRaises(AccessError):
                    env[model].search(domain)
                with self.assertRaises(AccessError):
                    env[model].search_count(domain)
        for model, path in (
            ("stock.picking", "carrier_id.logistics_account"),
            ("logistics.booking", "message_id.request_json"),
        ):
            with self.subTest(model=model, path=path), self.assertRaises(AccessError):
                env[model].formatted_read_group([], [path], ["__count"])
        for model in (
            "logistics.connector",
            "logistics.credential",
            "logistics.rate",
            "logistics.charge",
            "logistics.message",
            "logistics.attempt",
        ):
            with self.subTest(model), self.assertRaises(AccessError):
                env[model].name_search("")
        exported = self._as(self.packer, booking.picking_id)
        self.packer.group_ids = [Command.link(self.env.ref(EXPORT).id)]
        for path in (
            "logistics_booking_ids/amount",
            "logistics_booking_ids/charge_ids/amount",
            "carrier_id/logistics_account",
        ):
            with self.subTest(path), self.assertRaises(AccessError):
                exported.export_data([path])

    def test_they_read_whole_records(self):
        """Whoever asks for no fields in particular gets all: ours are among them."""
        booking = self._priced()
        for user in (self.packer, self.seller):
            for record in (
                booking.picking_id,
                booking.picking_id.sale_id,
                self.carrier,
                self.warehouse.out_type_id,
            ):
                record = record.sudo(False).with_user(user)
                ours = [n for n in record.fields_get() if n.startswith("logistics_")]
                with self.subTest(user=user.login, model=record._name):
                    self.assertTrue(record.read(["id", *ours]))
        self.assertTrue(booking.with_user(self.packer).read())

    def test_people_who_sell_find_transfers_by_their_booking(self):
        booking = self._priced()
        transfers = self.env["stock.picking"].with_user(self.seller)
        booked = transfers.search([("logistics_booking_state", "=", "booked")])
        self.assertIn(booking.picking_id.id, booked.ids)
        self.assertEqual(set(booked.mapped("logistics_booking_state")), {"booked"})

    def test_nothing_they_can_read_tells_a_price(self):
        """Whatever field of whatever they may see, and all that is said."""
        booking = self._priced()
        self.carrier.logistics_account = "ACC-1"
        env = self.env(user=self.packer)
        for record in (booking.picking_id, booking):
            (values,) = env[record._name].browse(record.id).read()
            with self.subTest(record._name):
                self.assertFalse({7.73, 7.31, 0.42} & set(_numbers(values)))
                self.assertNotIn("ACC-1", str(values))
                self.assertNotIn("acme-api-key", str(values))
        for record in (booking.picking_id, booking.shipment_id):
            said = str(record.sudo().message_ids.mapped("body"))
            for price in ("7.73", "7.31", "0.42"):
                self.assertNotIn(price, said)

    def test_what_carriers_complain_about_repeats_no_secret(self):
        self.carrier.logistics_account = "ACC-4711"
        words = "Key acme-api-key may not use account ACC-4711"
        self.fake.prepare("book", refusal(words))
        picking = self._create_delivery()
        picking.button_validate()
        self._drain()
        booking = self._booking(picking)
        self.assertEqual(booking.state, "failed")
        (request,) = self.fake.requests()
        self.assertEqual(request.settings["carrier_account"], "ACC-4711")
        ((_model, _code, evidence),) = self.raised
        for text in (
            booking.error_text,
            picking.logistics_booking_text,
            self._messages_of(picking),
            str(evidence),
            booking.message_id.error_text,
            str(booking.message_id.attempt_ids.read()),
        ):
            self.assertNotIn("acme-api-key", text)
            self.assertNotIn("ACC-4711", text)
        self.assertIn("may not use account", picking.logistics_booking_text)

    def test_answers_of_carriers_are_for_those_who_may_see_prices(self):
        booking = self._priced()
        answer = booking.message_id.answer_ids
        operator = self._create_user("operator", OPERATOR)
        self.assertIn("7.31", answer.with_user(operator).body_text)
        follower = self._create_user("follower", USER)
        seen = answer.with_user(follower)
        self.assertNotIn("7.31", seen.body_text)
        self.assertTrue(seen.is_masked)
        for name in ("request_json", "body"):
            with self.assertRaises(AccessError):
                seen.read([name])
        with self.assertRaises(AccessError):
            seen.parent_id.attempt_ids.read(["response_excerpt"])
        with self.assertRaises(AccessError):
            booking.with_user(follower).read(["amount"])

    def test_sums_of_prices_are_closed_to_warehouse_people(self):
        bookings = self._as(self.packer, self._priced()).browse()
        for aggregate in ("amount:sum", "quoted_amount:max"):
            with self.assertRaises(AccessError):
                bookings.formatted_read_group([], ["carrier_id"], [aggregate])

    def test_closed_models(self):
        booking = self._priced()
        for user in (self.packer, self.seller):
            for records in (
                booking.charge_ids,
                self.env["logistics.rate"].search([]),
                self.connector,
                self.connector.credential_ids
                if "credential_ids" in self.connector
                else self.env["logistics.credential"].search([]),
                booking.message_id,
            ):
                self.assertTrue(records)
                with self.subTest(user=user.login, model=records._name):
                    closed = records.with_user(user)
                    with self.assertRaises(AccessError):
                        closed.read([])
                    with self.assertRaises(AccessError):
                        closed.search([])
        self.packer.group_ids = [Command.link(self.env.ref(CHARGES).id)]
        self.assertEqual(booking.with_user(self.packer).amount, 7.73)
        self.assertTrue(booking.charge_ids.with_user(self.packer).read(["amount"]))

    def test_accounts_are_closed_to_people_who_ship_and_sell(self):
        self.carrier.write(
            {"logistics_account": "ACC-1", "logistics_settings_text": "contract = 1"}
        )
        for user in (self.packer, self.seller):
            carrier = self.carrier.with_user(user)
            for name in ("logistics_account", "logistics_settings_text"):
                with self.assertRaises(AccessError):
                    carrier.read([name])

    def test_people_who_sell_see_rates_in_the_dialog_only(self):
        order = self._create_order()
        wizard = (
            self.env["choose.delivery.carrier"]
            .with_user(self.seller)
            .create({"order_id": order.id, "carrier_id": self.carrier.id})
        )
        wizard.action_logistics_compare()
        self.assertEqual(wizard.logistics_choice_ids.mapped("price"), [8.0])
        with self.assertRaises(AccessError):
            self.env["logistics.rate"].with_user(self.seller).search([])
        colleague = self._create_user("colleague", "sales_team.group_sale_salesman")
        with self.assertRaises(AccessError):
            wizard.logistics_choice_ids.with_user(colleague).read(["price"])

    def test_the_dialog_opens_for_warehouse_people(self):
        order = self._create_order()
        with Form(
            self.env["choose.delivery.carrier"]
            .with_user(self.packer)
            .with_context(default_order_id=order.id, default_carrier_id=self.carrier.id)
        ) as form:
            form.carrier_id = self.carrier

    def test_people_write_no_bookings(self):
        booking = self._priced()
        for user in (self.packer, self.seller):
            mine = booking.with_user(user)
            with self.assertRaises(AccessError):
                mine.write({"state": "cancelled"})
            with self.assertRaises(AccessError):
                mine.create({"name": "X"})
            with self.assertRaises(AccessError):
                mine.unlink()
        with self.assertRaises(AccessError):
            booking.with_user(self.seller).read(["state"])

    def test_selling_is_no_right_to_ship(self):
        """Who may only look at a transfer books and cancels nothing."""
        looker = self._create_user("looker", "base.group_user")
        picking = self._ship()
        booking = self._booking(picking)
        fresh = self._create_delivery()
        for way in (
            lambda: booking.with_user(looker).action_cancel(),
            lambda: booking.with_user(looker).action_book_again(),
            lambda: booking.with_user(looker).action_print(),
            lambda: booking.with_user(looker).action_send_first(),
            lambda: booking.with_user(looker).action_fetch_label(),
            lambda: self._as(looker, fresh).action_logistics_book(),
            lambda: self._as(looker, fresh).send_to_shipper(),
            lambda: self._as(looker, picking).action_logistics_book_return(),
            lambda: self._as(looker, picking).print_return_label(),
            lambda: self._as(looker, picking).cancel_shipment(),
            lambda: self._as(looker, picking).action_logistics_print(),
        ):
            with self.assertRaises(AccessError):
                way()
        self.assertEqual(booking.state, "booked")
        self.assertFalse(fresh.logistics_booking_ids)

    # === WHO MAY MORE === #

    def test_people_who_sell_need_no_warehouse_to_see_a_price(self):
        self.assertFalse(self.seller.has_group("stock.group_stock_user"))
        order = self._create_order()
        wizard = self.env["choose.delivery.carrier"].with_user(self.seller)
        wizard = wizard.create({"order_id": order.id, "carrier_id": self.carrier.id})
        wizard.update_price()
        self.assertEqual(wizard.delivery_price, 8.0)
        wizard.button_confirm()
        self.assertEqual(order.order_line.filtered("is_delivery").price_unit, 8.0)
        order.action_confirm()
        self.assertEqual(order.sudo().picking_ids.carrier_id, self.carrier)

    def test_the_right_to_see_charges_is_no_more_than_that(self):
        booking = self._priced()
        buyer = self._create_user("controller", f"base.group_user,{CHARGES}")
        charges = booking.charge_ids.with_user(buyer)
        self.assertEqual(charges.search([("id", "in", charges.ids)]), charges)
        rates = self.env["logistics.rate"].with_user(buyer).search([])
        self.assertTrue(rates.read(["quotes_json"]))
        for records in (charges, rates):
            with self.assertRaises(AccessError):
                records.write({"company_id": self.company.id})
            with self.assertRaises(AccessError):
                records.unlink()
        for records in (booking, booking.message_id, self.connector):
            with self.assertRaises(AccessError):
                records.with_user(buyer).read(["display_name"])

    def test_operators_mend_without_a_warehouse(self):
        """What they decide, retry and withdraw; not what it is booked with."""
        operator = self._create_user("operator", OPERATOR)
        self.connector.with_user(operator).action_pause()
        picking = self._create_delivery()
        picking.button_validate()
        self._drain()
        self.assertFalse(self.fake.calls)
        message = self._booking(picking).message_id.with_user(operator)
        message.action_first()
        self.connector.with_user(operator).action_resume()
        self._drain()
        booking = self._booking(picking).with_user(operator)
        self.assertEqual((booking.state, booking.amount), ("booked", 7.73))
        for way in (
            lambda: self.carrier.with_user(operator).write({"logistics_service": "x"}),
            lambda: self.carrier.with_user(operator).read(["logistics_account"]),
            lambda: self.connector.with_user(operator).write({"base_url": "x"}),
            lambda: self.connector.credential_ids.with_user(operator).read(["name"]),
            booking.action_cancel,
            booking.action_print,
        ):
            with self.assertRaises(AccessError):
                way()

    def test_administrators_of_connectors_keep_the_accounts(self):
        admin = self._create_user(
            "connector admin", f"{ADMIN},stock.group_stock_manager"
        )
        carrier = self.carrier.with_user(admin)
        carrier.logistics_account = "ACC-1"
        self.assertEqual(
            carrier.read(["logistics_account"])[0]["logistics_account"], "ACC-1"
        )
        boss = self._create_user("boss", "stock.group_stock_manager")
        carrier = self.carrier.with_user(boss)
        carrier.logistics_service = "express"
        for name in ("logistics_account", "logistics_settings_text"):
            with self.assertRaises(AccessError):
                carrier.write({name: "mine"})
            with self.assertRaises(AccessError):
                carrier.read([name])

    # === ANOTHER COMPANY === #

    def _everything_of_the_first(self):
        booking = self._priced()
        pickup = (
            self.env["logistics.pickup"]
            .with_user(self.packer)
            .create({"carrier_id": self.carrier.id})
        )
        manifest = (
            self.env["logistics.manifest"]
            .with_user(self.packer)
            .create({"carrier_id": self.carrier.id})
        )
        return booking, pickup, manifest

    def test_another_company_sees_nothing(self):
        booking, pickup, manifest = self._everything_of_the_first()
        rates = self.env["logistics.rate"].search([])
        boss = self._create_user(
            "boss 2", f"stock.group_stock_manager,{OPERATOR}", self.other_company
        )
        for records in (
            booking,
            pickup,
            manifest,
            booking.charge_ids,
            rates,
            booking.message_id,
            booking.shipment_id,
        ):
            theirs = records.sudo(False).with_user(boss)
            with self.subTest(records._name):
                self.assertFalse(theirs.search([]))
                with self.assertRaises(AccessError):
                    theirs.read(["id", "display_name", "create_date"])

    def test_another_company_can_do_nothing(self):
        booking, pickup, manifest = self._everything_of_the_first()
        user = self.other.packer
        theirs = [record.sudo(False).with_user(user) for record in (booking, pickup)]
        for way in (
            theirs[0].action_cancel,
            theirs[0].action_book_again,
            theirs[0].action_print,
            theirs[0].action_send_first,
            theirs[0].action_fetch_label,
            theirs[1].action_collect,
            theirs[1].action_request,
            theirs[1].action_cancel,
            manifest.with_user(user).action_collect,
            manifest.with_user(user).action_close,
            manifest.with_user(user).action_cancel,
            self._as(user, booking.picking_id).action_logistics_book,
            self._as(user, booking.picking_id).cancel_shipment,
            self._as(user, booking.picking_id).action_logistics_print,
            self._as(user, booking.picking_id).action_logistics_book_return,
        ):
            with self.assertRaises(AccessError):
                way()
        self.assertEqual(booking.state, "booked")
        self.assertEqual((pickup.state, manifest.state), ("draft", "draft"))

    def test_what_comes_of_a_booking_is_its_companys(self):
        """Whoever's turn it is: the worker knows no company of its own."""
        mine = self._ship()
        self.other.carrier.return_label_on_delivery = True
        order = self._create_order(site=self.other)
        self.other.carrier.with_user(self.other.seller).rate_shipment(order)
        order.set_delivery_line(self.other.carrier, 8.0)
        order.action_confirm()
        theirs = self._as(self.other.packer, order.sudo().picking_ids)
        self._pick(theirs)
        theirs.button_validate()
        self.other.connector.profile_id = self._create_profile("elsewhere")
        self._drain()
        self.assertEqual(theirs.logistics_booking_state, "booked")
        bookings = theirs.sudo().logistics_booking_ids
        self.assertEqual(set(bookings.mapped("kind")), {"ship", "return"})
        messages = bookings.message_id
        for records in (
            bookings,
            bookings.charge_ids,
            bookings.shipment_id,
            bookings.shipment_id.parcel_ids,
            bookings.shipment_id.event_ids,
            messages,
            messages.answer_ids,
            messages.attempt_ids,
            self.env["logistics.rate"].search([("order_id", "=", order.id)]),
            bookings.label_ids,
        ):
            with self.subTest(records._name):
                self.assertTrue(records)
                self.assertLessEqual(records.company_id, self.other_company)
        self.assertEqual(mine.sudo().logistics_booking_ids.company_id, self.company)
        for user, picking in ((self.packer, theirs), (self.other.packer, mine)):
            labels = picking.sudo().logistics_booking_ids.label_ids
            with self.assertRaises(AccessError):
                labels.with_user(user).read(["datas"])
            self.assertFalse(labels.with_user(user).search([("id", "in", labels.ids)]))

    def test_who_works_for_both_ships_with_the_right_connector(self):
        both = self._create_user("both", "stock.group_stock_user")
        both.company_ids = self.company | self.other_company
        pickings = [self._create_delivery(site=s) for s in (self.site, self.other)]
        together = self.env["stock.picking"].browse([p.id for p in pickings])
        self._as(both, together).button_validate()
        self._drain()
        for site, picking in zip((self.site, self.other), pickings, strict=True):
            booking = self._booking(picking)
            self.assertEqual(booking.state, "booked")
            self.assertEqual(booking.connector_id, site.connector)
            self.assertEqual(booking.company_id, site.company)

    def test_nobody_asks_in_the_name_of_another_company(self):
        shared = self._create_carrier(
            self.other.connector, name="Shared", company_id=False
        )
        boss = self._create_user("boss", "stock.group_stock_manager")
        find = self.env["logistics.service.find"].with_user(boss)
        find = find.create(
            {
                "carrier_id": shared.id,
                "company_id": self.other_company.id,
                "warehouse_id": self.warehouse.id,
                "partner_id": self.customer.id,
            }
        )
        with self.assertRaises(AccessError):
            find.action_find()
        self.assertFalse(self.fake.calls)

    def test_each_company_collects_its_own(self):
        mine = self._ship()
        theirs = self._ship(site=self.other)
        for site, picking in ((self.site, mine), (self.other, theirs)):
            for model in ("logistics.pickup", "logistics.manifest"):
                record = (
                    self.env[model]
                    .with_user(site.packer)
                    .create({"carrier_id": site.carrier.id})
                )
                self.assertEqual(record.company_id, site.company)
                self.assertEqual(record.warehouse_id, site.warehouse)
                record.action_collect()
                self.assertEqual(record.booking_ids.picking_id, picking)

    def test_the_method_of_another_company_is_not_asked(self):
        for model in ("logistics.pickup", "logistics.manifest"):
            with self.assertRaises(UserError):
                self.env[model].with_user(self.other.packer).create(
                    {"carrier_id": self.carrier.id}
                )
        shared = self._create_carrier(name="Shared", company_id=False)
        mine = self._ship()
        pickup = (
            self.env["logistics.pickup"]
            .with_user(self.other.packer)
            .create({"carrier_id": shared.id})
        )
        pickup.action_collect()
        self.assertFalse(pickup.booking_ids)
        with self.assertRaisesRegex(UserError, "another company"):
            pickup.action_request()
        self.assertFalse(self._booking(mine).pickup_id)
        self.assertFalse(self.fake.asked("pickup"))

    def test_bookings_are_not_put_on_lists_by_hand(self):
        booking, pickup, _manifest = self._everything_of_the_first()
        theirs = self._booking(self._ship(site=self.other))
        for record in (booking, theirs):
            with self.assertRaises(AccessError):
                pickup.booking_ids = [Command.link(record.id)]
