# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, strategies as st

from odoo.addons.logistics_carrier_connector.core.rates import (
    RULES,
    cache_key,
    choose,
    days,
)
from odoo.addons.logistics_carrier_connector.core.shipping import (
    Address,
    Commodity,
    Package,
    Quote,
    ShipRequest,
    to_payload,
)

quotes = st.builds(
    Quote,
    service=st.sampled_from("ABC"),
    total=st.decimals(0, 100, places=2),
    currency=st.just("EUR"),
    transit_days=st.none() | st.integers(0, 10),
)


def quote(service, total, transit_days=None, currency="EUR"):
    return Quote(service, Decimal(total), currency, transit_days=transit_days)


@given(st.lists(quotes, min_size=2, max_size=6))
def test_nothing_offered_suits_better_than_what_is_chosen(offers):
    cheapest, _why = choose(offers, "cheapest")
    assert all(cheapest.total <= offer.total for offer in offers)
    fastest, _why = choose(offers, "fastest")
    assert all(days(fastest) <= days(offer) for offer in offers)
    balanced, _why = choose(offers, "balanced")
    in_time = [offer for offer in offers if days(offer) <= days(fastest) + 1]
    assert balanced in in_time
    assert all(balanced.total <= offer.total for offer in in_time)


@given(st.lists(quotes, max_size=6), st.sampled_from(RULES))
def test_the_order_of_answers_does_not_move_the_price(offers, rule):
    chosen, why = choose(offers, rule)
    again, why_again = choose(offers[::-1], rule)
    assert why == why_again
    if chosen:
        assert (chosen.total, days(chosen)) == (again.total, days(again))


@pytest.mark.parametrize(
    ("rule", "service"), [("cheapest", "C"), ("fastest", "A"), ("balanced", "B")]
)
def test_rules(rule, service):
    offers = [quote("A", 20, 1), quote("B", 11, 2), quote("C", 8, 5), quote("D", 9)]
    chosen, why = choose(offers, rule)
    assert (chosen.service, why) == (service, rule)


def test_of_equal_prices_the_faster_and_of_equal_speed_the_cheaper():
    slow, fast, dear = quote("A", 8, 5), quote("B", 8, 2), quote("C", 9, 2)
    assert choose([slow, fast, dear], "cheapest")[0] == fast
    assert choose([slow, dear, fast], "fastest")[0] == fast


def test_who_promises_nothing_is_not_the_fastest():
    assert choose([quote("A", 1), quote("B", 9, 30)], "fastest")[0].service == "B"


def test_nothing_to_choose_from():
    assert choose([], "cheapest") == (None, "")
    assert choose([quote("A", 8)], "fastest") == (quote("A", 8), "only")


def test_prices_in_another_currency_are_not_compared():
    offers = [quote("A", 8), quote("B", 5, currency="JPY"), quote("C", 9)]
    assert choose(offers, "cheapest") == (offers[0], "cheapest")
    assert choose(offers[:2], "cheapest") == (offers[0], "only")


# === THE SAME QUESTION === #

PACKAGE = Package(
    "P-1",
    Decimal("2.400"),
    value=Decimal(40),
    currency="EUR",
    commodities=(Commodity("Lamp", sku="LAMP"),),
)
REQUEST = ShipRequest(
    reference="BK1",
    shipper=Address("DE", name="Depot", street="Kai 1", city="Hamburg", zip="20457"),
    recipient=Address("FR", name="Ada", street="Rue 2", city="Paris", zip="75008"),
    packages=(PACKAGE,),
    service="ground",
    currency="EUR",
    ship_on=date(2026, 7, 1),
)


def key(request, connector=1):
    return cache_key(connector, to_payload(request))


@pytest.mark.parametrize(
    "other",
    [
        replace(REQUEST, reference="BK2"),
        replace(REQUEST, order="S0002", invoice_number="OUT/2"),
        replace(REQUEST, label_format="ZPL"),
        replace(
            REQUEST,
            recipient=replace(
                REQUEST.recipient, name="Bob", phone="1", email="b@c.fr", street="3"
            ),
        ),
        replace(REQUEST, packages=(replace(PACKAGE, reference="X"),)),
    ],
)
def test_what_moves_no_price_is_the_same_question(other):
    assert key(other) == key(REQUEST)


@pytest.mark.parametrize(
    "other",
    [
        replace(REQUEST, service="air"),
        replace(REQUEST, options=("signature",)),
        replace(REQUEST, insured=Decimal(40)),
        replace(REQUEST, cod=Decimal(40)),
        replace(REQUEST, currency="USD"),
        replace(REQUEST, is_return=True),
        replace(REQUEST, contents="documents"),
        replace(REQUEST, settings={"carrier_account": "A"}),
        replace(REQUEST, shipper=replace(REQUEST.shipper, zip="20459")),
        replace(REQUEST, recipient=replace(REQUEST.recipient, zip="75009")),
        replace(REQUEST, recipient=replace(REQUEST.recipient, city="Lyon")),
        replace(REQUEST, recipient=replace(REQUEST.recipient, country="BE")),
        replace(REQUEST, recipient=replace(REQUEST.recipient, state="IDF")),
        replace(REQUEST, recipient=replace(REQUEST.recipient, residential=True)),
        replace(REQUEST, packages=(PACKAGE, PACKAGE)),
        replace(REQUEST, packages=(replace(PACKAGE, weight=Decimal("2.5")),)),
        replace(REQUEST, packages=(replace(PACKAGE, length=Decimal(30)),)),
        replace(REQUEST, packages=(replace(PACKAGE, width=Decimal(30)),)),
        replace(REQUEST, packages=(replace(PACKAGE, height=Decimal(30)),)),
        replace(REQUEST, packages=(replace(PACKAGE, packaging="BOX"),)),
        replace(REQUEST, packages=(replace(PACKAGE, value=Decimal(41)),)),
    ],
)
def test_what_moves_a_price_is_another_question(other):
    assert key(other) != key(REQUEST)


def test_the_price_of_another_day_can_stand_in():
    assert key(replace(REQUEST, ship_on=date(2026, 7, 4))) == key(REQUEST)


def test_another_connector_has_its_own_prices():
    assert key(REQUEST, 2) != key(REQUEST, 1)


def test_the_same_question_in_another_order_of_words():
    payload = to_payload(REQUEST)
    assert cache_key(1, dict(reversed(payload.items()))) == key(REQUEST)
