# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import json
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given, strategies as st

from odoo.addons.logistics_carrier_connector.core.shipping import (
    CHARGE_CODES,
    Address,
    BookedRef,
    Charge,
    Commodity,
    Document,
    ManifestRequest,
    Package,
    PickupRequest,
    Quote,
    ShipRequest,
    from_payload,
    to_payload,
)

texts = st.text(max_size=8)
words = st.text(min_size=1, max_size=8)
amounts = st.decimals(0, 10**7, places=3)
days = st.dates()
moments = st.datetimes(
    timezones=st.integers(-14 * 60, 14 * 60).map(
        lambda minutes: timezone(timedelta(minutes=minutes))
    )
)
settings = st.dictionaries(texts, texts | st.booleans(), max_size=3)
addresses = st.builds(
    Address,
    country=words,
    name=texts,
    company=texts,
    street=texts,
    zip=texts,
    residential=st.booleans(),
    label=texts,
)
commodities = st.builds(
    Commodity, words, quantity=amounts, weight=amounts, value=amounts, sku=texts
)
packages = st.builds(
    Package,
    reference=words,
    weight=amounts,
    length=amounts,
    value=amounts,
    currency=texts,
    commodities=st.lists(commodities, max_size=2).map(tuple),
)
bookings = st.builds(
    BookedRef,
    reference=words,
    partner_id=texts,
    number=texts,
    parcels=st.lists(st.tuples(texts, texts), max_size=2).map(tuple),
    settings=settings,
)
ship_requests = st.builds(
    ShipRequest,
    reference=words,
    shipper=addresses,
    recipient=addresses,
    packages=st.lists(packages, max_size=2).map(tuple),
    insured=amounts,
    cod=amounts,
    options=st.lists(words, max_size=2).map(tuple),
    ship_on=st.none() | days,
    is_return=st.booleans(),
    contents=words,
    settings=settings,
)
values = st.one_of(
    ship_requests,
    bookings,
    st.builds(
        PickupRequest,
        reference=words,
        address=addresses,
        ready_at=moments,
        close_at=moments,
        parcels=st.integers(0, 10**6),
        weight=amounts,
        bookings=st.lists(bookings, max_size=2).map(tuple),
        settings=settings,
    ),
    st.builds(
        ManifestRequest,
        reference=words,
        bookings=st.lists(bookings, max_size=2).map(tuple),
        address=st.none() | addresses,
        closed_on=st.none() | days,
        settings=settings,
    ),
    st.builds(
        Quote,
        service=words,
        total=amounts,
        currency=words,
        charges=st.lists(
            st.builds(Charge, st.sampled_from(CHARGE_CODES), amounts, words),
            max_size=2,
        ).map(tuple),
        transit_days=st.none() | st.integers(0, 99),
        deliver_by=st.none() | days | moments,
        weight=amounts,
    ),
    st.builds(Document, kind=words, name=texts, url=words, package=texts),
)


@given(values)
def test_what_goes_through_the_database_comes_back_the_same(value):
    payload = json.loads(json.dumps(to_payload(value)))
    back = from_payload(type(value), payload)
    assert back == value
    assert type(getattr(back, "deliver_by", None)) is type(
        getattr(value, "deliver_by", None)
    )


@given(
    st.sampled_from([ShipRequest, PickupRequest, ManifestRequest, BookedRef, Quote]),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | texts,
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                texts
                | st.sampled_from(["reference", "packages", "shipper", "weight"])
                | st.sampled_from(["ready_at", "bookings", "total", "parcels"]),
                inner,
                max_size=4,
            )
        ),
        max_leaves=8,
    ),
)
def test_what_does_not_fit_is_said_so(kind, payload):
    try:
        value = from_payload(kind, payload)
    except ValueError:
        return
    assert isinstance(value, kind)


@given(ship_requests)
def test_the_way_back_takes_the_same_goods_and_no_cash(request_):
    back = request_.turned_around()
    assert (back.shipper, back.recipient) == (request_.recipient, request_.shipper)
    assert back.packages == request_.packages
    assert back.is_return
    assert back.cod == 0
    assert (back.service, back.insured) == (request_.service, request_.insured)


def test_a_zero_is_told_and_nothing_is_not():
    package = Package("P-1", Decimal("0"), currency="")
    assert to_payload(package)["weight"] == "0"
    assert "currency" not in to_payload(package)
    assert "transit_days" not in to_payload(Quote("A", Decimal(1), "EUR"))
    assert (
        to_payload(Quote("A", Decimal(1), "EUR", transit_days=0))["transit_days"] == 0
    )


def test_money_keeps_its_cents():
    quote = Quote("A", Decimal("19.10"), "EUR")
    assert str(from_payload(Quote, to_payload(quote)).total) == "19.10"


@pytest.mark.parametrize("told", [date(2026, 7, 1), datetime(2026, 7, 1, 9, 30)])
def test_a_day_is_no_midnight(told):
    """A promise for a day is not one for its first minute."""
    quote = replace(Quote("A", Decimal(1), "EUR"), deliver_by=told)
    assert from_payload(Quote, to_payload(quote)).deliver_by.isoformat() == (
        told.isoformat()
    )


def test_goods_are_named_as_people_know_them():
    assert Commodity("Desk lamp", sku="LAMP").label == "[LAMP] Desk lamp"
    assert Commodity("Desk lamp").label == "Desk lamp"
