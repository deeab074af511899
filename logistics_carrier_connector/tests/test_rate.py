# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import threading
from datetime import date, timedelta
from unittest.mock import patch

from odoo import fields
from odoo.exceptions import UserError
from odoo.tests import Form, freeze_time, tagged
from odoo.tools import mute_logger

from odoo.addons.logistics_canonical.transport import TransportError

from .common import CarrierCommon, ParcelCo, good, refusal

#: How long a test waits for what never fails to come.
PATIENCE = 20


@tagged("post_install", "-at_install")
class TestRate(CarrierCommon):
    """What a carrier asks for an order, while somebody waits for it."""

    def _rate(self, order, carrier=None):
        return (carrier or self.carrier).with_user(self.seller).rate_shipment(order)

    def _asked(self):
        return len(self.fake.asked("rate"))

    def _grow_old(self, **age):
        """Let what was answered be so old."""
        rates = self.env["logistics.rate"].search([])
        rates.asked_at = fields.Datetime.now() - timedelta(**age)

    # === ASKING === #

    def test_the_carrier_is_asked_from_the_quotation(self):
        order = self._create_order(quantity=3)
        rate = self._rate(order)
        self.assertTrue(rate["success"])
        self.assertEqual(rate["price"], 8.0)
        (request,) = self.fake.requests("rate")
        self.assertEqual(request.shipper.zip, "94105")
        self.assertEqual(request.recipient.zip, "02108")
        self.assertEqual([float(p.weight) for p in request.packages], [3.6])
        self.assertEqual(request.service, "ground")

    def test_it_leaves_on_the_wanted_day_but_not_in_the_past(self):
        self.warehouse.partner_id.tz = "Australia/Sydney"
        with freeze_time("2026-11-20 22:30:00"):
            for wanted in ("2026-11-03 12:00:00", "2026-11-24 20:00:00"):
                self._rate(self._create_order(commitment_date=wanted))
        self.assertEqual(
            [request.ship_on for request in self.fake.requests("rate")],
            [date(2026, 11, 21), date(2026, 11, 25)],
        )

    def test_the_cheapest_of_the_wanted_service(self):
        self.fake.quotes = [
            ("air", "3.00", "USD", 1),
            ("ground", "9.00", "USD", 3),
            ("ground", "8.50", "USD", 4),
        ]
        self.assertEqual(self._rate(self._create_order())["price"], 8.5)
        self.carrier.logistics_service = False
        self.assertEqual(self._rate(self._create_order())["price"], 3.0)

    def test_margins_are_odoos(self):
        self.carrier.write({"margin": 0.25, "fixed_margin": 1.0})
        self.assertEqual(self._rate(self._create_order())["price"], 11.0)

    def test_a_price_in_another_currency(self):
        self._create_euro(rate=0.5)
        self.fake.quotes = [("ground", "8.00", "EUR", 3)]
        self.assertEqual(self._rate(self._create_order())["price"], 16.0)

    def test_an_order_in_another_currency(self):
        """Its lines are in its own currency, as Odoo's own methods price it."""
        order = self._create_foreign_order(rate=0.5)
        self.carrier.fixed_margin = 1.0
        rate = self._rate(order)
        self.assertEqual(rate["price"], 4.5, "8 and 1 dollars")
        order.set_delivery_line(self.carrier, rate["price"])
        line = order.order_line.filtered("is_delivery")
        self.assertEqual((line.price_unit, line.currency_id.name), (4.5, "EUR"))
        self.fake.quotes = [("ground", "8.00", "EUR", 3)]
        self._grow_old(minutes=16)
        self.assertEqual(self._rate(order)["price"], 8.5)

    def test_no_answer_for_an_order_in_another_currency(self):
        order = self._create_foreign_order(rate=0.5)
        self._rate(order)
        self._grow_old(days=2)
        self.fake.prepare("rate", *[TransportError("Cut off")] * 2)
        self.assertEqual(self._rate(order)["price"], 4.0, "the last known price")
        self.carrier.write(
            {"logistics_fallback": "fixed", "logistics_fallback_price": 12.0}
        )
        self.assertEqual(self._rate(order)["price"], 6.0)

    def test_a_price_in_a_currency_nobody_knows(self):
        self.fake.quotes = [("ground", "8.00", "XXB", 3)]
        rate = self._rate(self._create_order())
        self.assertFalse(rate["success"])
        self.assertIn("XXB", rate["error_message"])
        self._grow_old(days=2)
        rate = self._without_answer("last")
        self.assertFalse(rate["success"])
        self.assertIn("XXB", rate["error_message"])

    def test_what_is_missing_is_named_before_any_call(self):
        self.customer.zip = False
        rate = self._rate(self._create_order())
        self.assertFalse(rate["success"])
        self.assertIn("postal code", rate["error_message"])
        self.assertFalse(self.fake.calls)

    def test_who_is_down_is_not_asked(self):
        self.carrier.logistics_fallback = "refuse"
        for values, words in (
            ({"breaker_state": "open"}, "does not answer"),
            ({"is_auth_failed": True, "breaker_state": "closed"}, "credentials"),
        ):
            self.connector.write(values)
            rate = self._rate(self._create_order())
            self.assertFalse(rate["success"])
            self.assertIn(words, rate["error_message"])
        self.assertFalse(self.fake.calls)

    def test_a_carrier_that_tells_no_prices(self):
        carrier = self._create_special("silent", without=("rate",))
        rate = self._rate(self._create_order(), carrier)
        self.assertFalse(rate["success"])
        self.assertIn("tells no prices", rate["error_message"])

    # === CACHE === #

    def test_asked_again_soon_the_answer_is_known(self):
        order = self._create_order()
        self._rate(order)
        again = self._create_order()
        self.assertEqual(self._rate(again)["price"], 8.0)
        self.assertEqual(self._asked(), 1)
        rates = self.env["logistics.rate"].search([])
        self.assertEqual(rates.order_id, order.sudo() | again.sudo())
        self.assertEqual(len(set(rates.mapped("asked_at"))), 1, "none grows young")

    def test_another_parcel_or_place_is_another_question(self):
        self._rate(self._create_order())
        self._rate(self._create_order(quantity=3))
        self.customer.zip = "02109"
        self._rate(self._create_order())
        self.assertEqual(self._asked(), 3)

    def test_another_day_is_another_question(self):
        for days in (3, 4, 4):
            day = fields.Datetime.now() + timedelta(days=days)
            self._rate(self._create_order(commitment_date=day))
        self.assertEqual(self._asked(), 2)

    def test_names_and_telephones_move_no_price(self):
        self._rate(self._create_order())
        self.customer.write({"phone": "+1 617 555 0199", "street": "2 Side Street"})
        self._rate(self._create_order())
        self.assertEqual(self._asked(), 1)

    def test_an_old_answer_is_asked_for_again(self):
        self._rate(self._create_order())
        self._grow_old(minutes=16)
        self.fake.quotes = [("ground", "9.00", "USD", 3)]
        self.assertEqual(self._rate(self._create_order())["price"], 9.0)

    def test_very_old_answers_are_thrown_away(self):
        self._rate(self._create_order())
        self._grow_old(days=31)
        self._rate(self._create_order())
        self.env["logistics.rate"]._gc_rates()
        self.assertEqual(self.env["logistics.rate"].search_count([]), 1)

    # === NO ANSWER === #

    def _without_answer(self, fallback, **values):
        self.carrier.write({"logistics_fallback": fallback, **values})
        self.fake.prepare("rate", TransportError("Cut off"))
        return self._rate(self._create_order())

    def test_no_price_is_shown(self):
        rate = self._without_answer("refuse")
        self.assertFalse(rate["success"])
        self.assertIn("Cut off", rate["error_message"])

    def test_the_fixed_price(self):
        rate = self._without_answer("fixed", logistics_fallback_price=12.0)
        self.assertEqual(rate["price"], 12.0)
        self.assertIn("Cut off", rate["warning_message"])

    def test_the_last_known_price(self):
        self._rate(self._create_order())
        self._grow_old(days=2)
        rate = self._without_answer("last")
        self.assertEqual(rate["price"], 8.0)
        when = fields.Date.today() - timedelta(days=2)
        self.assertIn(fields.Date.to_string(when), rate["warning_message"])

    def test_the_last_known_price_of_another_day(self):
        order = self._create_order(
            commitment_date=fields.Datetime.now() + timedelta(days=3)
        )
        self._rate(order)
        self._grow_old(days=2)
        order.commitment_date += timedelta(days=2)
        self.fake.prepare("rate", TransportError("Cut off"))
        self.assertEqual(self._rate(order)["price"], 8.0)

    def test_no_last_price_of_another_service_or_parcel(self):
        self._rate(self._create_order(quantity=5))
        self.assertFalse(self._without_answer("last")["success"])
        self._rate(self._create_order())
        self._grow_old(days=2)
        self.assertFalse(
            self._without_answer("last", logistics_service="air")["success"]
        )

    def test_a_service_the_carrier_does_not_offer(self):
        self.carrier.write({"logistics_service": "air", "logistics_fallback": "refuse"})
        rate = self._rate(self._create_order())
        self.assertFalse(rate["success"])
        self.assertIn("no service air", rate["error_message"])

    def test_nobody_waits_longer_than_the_deadline(self):
        over = threading.Event()
        self.addCleanup(over.set)

        def late(asked):
            over.wait(PATIENCE)
            return good(quotes=[])

        self.fake.prepare("rate", late)
        self.carrier.write({"logistics_deadline": 0.1, "logistics_fallback": "refuse"})
        rate = self._rate(self._create_order())
        self.assertFalse(over.is_set())
        self.assertIn("did not answer in time", rate["error_message"])

    @mute_logger("odoo.addons.logistics_carrier_connector.models.logistics_rate")
    def test_an_adapter_that_stumbles_is_a_carrier_without_a_price(self):
        stumbles = patch.object(ParcelCo, "read_rate", side_effect=RecursionError)
        self.carrier.logistics_fallback = "fixed"
        self.carrier.logistics_fallback_price = 12.0
        with stumbles:
            rate = self._rate(self._create_order())
        self.assertEqual(rate["price"], 12.0)
        self.assertIn("can't be read", rate["warning_message"])

    def test_a_refusal_repeats_no_secret(self):
        self.carrier.write(
            {"logistics_fallback": "refuse", "logistics_account": "A-4711"}
        )
        self.fake.prepare("rate", refusal("Key acme-api-key has no account A-4711"))
        text = self._rate(self._create_order())["error_message"]
        self.assertIn("has no account", text)
        self.assertNotIn("acme-api-key", text)
        self.assertNotIn("A-4711", text)


@tagged("post_install", "-at_install")
class TestCompare(CarrierCommon):
    """All carriers are asked at once, and one is proposed."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        connector = cls._create_connector(name="Air Co")
        cls.air = cls._create_carrier(connector, name="Air", logistics_service="air")
        cls.rail = cls._create_carrier(connector, name="Rail", logistics_service="rail")

    def setUp(self):
        super().setUp()
        self.fake.quotes = [
            ("ground", "8.00", "USD", 5),
            ("rail", "11.00", "USD", 2),
            ("air", "20.00", "USD", 1),
        ]
        self.order = self._create_order()

    def _open(self, **values):
        return (
            self.env["choose.delivery.carrier"]
            .with_user(self.seller)
            .create({"order_id": self.order.id, **values})
        )

    def _compare(self, **values):
        wizard = self._open(**values)
        wizard.action_logistics_compare()
        return wizard

    def test_the_rule_proposes_and_says_why(self):
        for rule, carrier, price, reason in (
            ("cheapest", self.carrier, 8.0, "The cheapest of 3 offers."),
            ("fastest", self.air, 20.0, "The fastest of 3 offers: 1 days."),
            ("balanced", self.rail, 11.0, "within a day of the fastest of 3"),
        ):
            with self.subTest(rule):
                wizard = self._compare(logistics_rule=rule)
                self.assertEqual(wizard.carrier_id, carrier)
                self.assertEqual(wizard.delivery_price, price)
                self.assertIn(reason, wizard.logistics_reason)
                self.assertEqual(
                    set(wizard.logistics_choice_ids.mapped("price")),
                    {8.0, 11.0, 20.0},
                )

    def test_all_are_asked_at_once(self):
        together = threading.Barrier(3)

        def meet(asked):
            together.wait(PATIENCE)
            return good(quotes=self.fake.quotes)

        self.fake.prepare("rate", meet, meet, meet)
        for carrier in (self.carrier, self.air, self.rail):
            carrier.logistics_deadline = PATIENCE
        wizard = self._compare()
        self.assertEqual(wizard.logistics_choice_ids.mapped("is_available"), [True] * 3)

    def test_the_order_remembers_why(self):
        self._compare(logistics_rule="fastest").button_confirm()
        self.assertEqual(self.order.carrier_id, self.air)
        self.assertEqual(self.order.order_line.filtered("is_delivery").price_unit, 20.0)
        self.assertIn("The fastest of 3", self.order.delivery_message)

    def test_chosen_by_hand(self):
        wizard = self._compare()
        offer = wizard.logistics_choice_ids.filtered(
            lambda choice: choice.carrier_id == self.rail
        )
        offer.action_take()
        self.assertEqual((wizard.carrier_id, wizard.delivery_price), (self.rail, 11.0))
        wizard.button_confirm()
        self.assertIn("Chosen by hand", self.order.delivery_message)

    def test_a_reason_holds_for_what_it_chose(self):
        with Form(self._compare()) as form:
            form.carrier_id = self.air
        wizard = form.record
        wizard.update_price()
        wizard.button_confirm()
        self.assertEqual(self.order.carrier_id, self.air)
        self.assertFalse(self.order.delivery_message)

    def test_who_does_not_answer_is_no_offer(self):
        self.carrier.write(
            {"logistics_fallback": "fixed", "logistics_fallback_price": 1.0}
        )
        self.rail.logistics_fallback = "refuse"

        def answer(asked):
            if asked.body["service"] == "air":
                return good(quotes=self.fake.quotes)
            return refusal("Down", 503)

        self.fake.prepare("rate", *[answer] * 3)
        wizard = self._compare()
        self.assertEqual(wizard.carrier_id, self.air)
        self.assertIn("only carrier", wizard.logistics_reason)
        by_carrier = {c.carrier_id: c for c in wizard.logistics_choice_ids}
        self.assertIn("fixed price", by_carrier[self.carrier].text)
        self.assertIn("Down", by_carrier[self.rail].text)
        with self.assertRaisesRegex(UserError, "gave no rate"):
            by_carrier[self.rail].action_take()

    def test_nobody_answers(self):
        for carrier in (self.carrier, self.air, self.rail):
            carrier.logistics_fallback = "refuse"
        self.fake.prepare("rate", *[TransportError("Cut off")] * 3)
        wizard = self._compare()
        self.assertEqual(wizard.logistics_reason, "No carrier gave a rate.")
        with self.assertRaisesRegex(UserError, "Choose a shipping method"):
            wizard.button_confirm()

    def test_prices_are_compared_in_one_currency(self):
        self._create_euro(rate=0.25)
        self.fake.quotes = [
            ("ground", "8.00", "EUR", 5),
            ("rail", "11.00", "USD", 2),
            ("air", "20.00", "USD", 1),
        ]
        wizard = self._compare()
        self.assertEqual((wizard.carrier_id, wizard.delivery_price), (self.rail, 11.0))

    def test_offers_are_in_the_currency_of_the_order(self):
        self.order = self._create_foreign_order(rate=0.25)
        wizard = self._compare()
        self.assertEqual((wizard.carrier_id, wizard.delivery_price), (self.carrier, 2))
        offers = wizard.logistics_choice_ids
        self.assertEqual(offers.currency_id.name, "EUR")
        self.assertEqual(set(offers.mapped("price")), {2.0, 2.75, 5.0})
        wizard.button_confirm()
        self.assertEqual(self.order.order_line.filtered("is_delivery").price_unit, 2.0)
