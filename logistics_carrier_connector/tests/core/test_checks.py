# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Postal codes are examples of the Universal Postal Union or of public places."""

from dataclasses import replace
from datetime import datetime, timezone
from decimal import Decimal

import pytest
from hypothesis import given, strategies as st

from odoo.addons.logistics_carrier_connector.core.checks import (
    Finding,
    check,
    check_pickup,
)
from odoo.addons.logistics_carrier_connector.core.shipping import (
    Address,
    Commodity,
    Package,
    PickupRequest,
    ShipRequest,
)

LAMP = Commodity(
    "Desk lamp",
    weight=Decimal("1.2"),
    value=Decimal(20),
    currency="EUR",
    origin="DE",
    hs_code="940521",
    sku="LAMP",
)
PACKAGE = Package("P-1", Decimal("2.4"), commodities=(LAMP,))
HAMBURG = Address(
    "DE", name="Depot", street="Kai 1", city="Hamburg", zip="20457", label="sender"
)
PARIS = Address(
    "FR", name="Ada", street="Rue 2", city="Paris", zip="75008", label="consignee"
)
BOSTON = Address(
    "US",
    name="Bob",
    street="1 Main Street",
    city="Boston",
    state="MA",
    zip="02108",
    phone="+1 617 555 0100",
    label="consignee",
)
REQUEST = ShipRequest("BK1", HAMBURG, PARIS, (PACKAGE,), currency="EUR")
ABROAD = replace(REQUEST, shipper=replace(HAMBURG, phone="+49 40 1"), recipient=BOSTON)


def to(**values):
    return replace(REQUEST, recipient=replace(PARIS, **values))


def with_package(**values):
    return replace(REQUEST, packages=(replace(PACKAGE, **values),))


def found(request, **how):
    return [(f.code, f.subject, f.field) for f in check(request, **how)]


def test_nothing_to_mend():
    assert check(REQUEST) == []
    assert check(ABROAD) == []


@pytest.mark.parametrize("field", ["street", "city", "zip", "name", "country"])
def test_what_an_address_lacks_is_named(field):
    consignee = replace(ABROAD, recipient=replace(BOSTON, **{field: ""}))
    assert found(consignee) == [("missing", "consignee", field)]
    sender = replace(ABROAD, shipper=replace(ABROAD.shipper, **{field: ""}))
    assert found(sender) == [("missing", "sender", field)]


def test_a_missing_country_asks_for_nothing_else():
    assert found(to(country="")) == [("missing", "consignee", "country")]


def test_a_firm_needs_no_person():
    assert found(to(name="", company="Ada & Co")) == []


def test_states_where_carriers_want_them():
    boston = replace(ABROAD, recipient=replace(BOSTON, state=""))
    assert found(boston) == [("missing", "consignee", "state")]


@pytest.mark.parametrize("country", ["HK", "AE", "QA"])
def test_countries_without_postal_codes(country):
    request = replace(ABROAD, recipient=replace(BOSTON, country=country, zip=""))
    assert found(request) == []


@pytest.mark.parametrize(
    ("country", "good", "bad"),
    [
        ("US", ["02108", "02108-1234", "021081234"], ["2108", "ABCDE"]),
        ("CA", ["K1A 0B1", "k1a0b1"], ["K1A 0BB", "12345"]),
        ("GB", ["SW1A 1AA", "M1 1AE", "EC1A1BB"], ["12345", "SW1A"]),
        ("DE", ["20457"], ["2045", "D-20457"]),
        ("NL", ["1012 AB", "1012AB"], ["1012", "AB 1012"]),
        ("PL", ["00-950", "00950"], ["0-9500"]),
        ("PT", ["1000-001"], ["1000"]),
        ("SE", ["114 55", "11455"], ["1145"]),
        ("CH", [" 8001 "], ["80011"]),
    ],
)
def test_postal_codes_are_written_as_their_country_does(country, good, bad):
    for text, fits in [(t, True) for t in good] + [(t, False) for t in bad]:
        recipient = replace(BOSTON, country=country, zip=text)
        expected = [] if fits else [("impossible", "consignee", "zip")]
        assert found(replace(ABROAD, recipient=recipient)) == expected, text


def test_blanks_are_nothing():
    assert found(to(city="  ")) == [("missing", "consignee", "city")]


def test_what_stands_there_is_shown():
    assert check(to(zip="7500")) == [Finding("impossible", "consignee", "zip", "7500")]
    assert check(to(email="ada(at)example.com")) == [
        Finding("impossible", "consignee", "email", "ada(at)example.com")
    ]


def test_what_one_carrier_wants_besides():
    assert found(REQUEST, required={"recipient.phone", "service"}) == [
        ("missing", "consignee", "phone"),
        ("missing", "", "service"),
    ]
    assert found(to(phone="1"), required={"recipient.phone"}) == []


# === PARCELS === #


def test_the_goods_without_a_weight_are_named():
    feather = Commodity("Feather")
    request = with_package(weight=Decimal(0), commodities=(LAMP, feather))
    assert found(request) == [("missing", "Feather", "weight")]
    weighed = with_package(weight=Decimal(1), commodities=(LAMP, feather))
    assert found(weighed) == [], "what was weighed needs no weights of goods"


def test_the_parcel_without_a_weight_is_named():
    assert found(with_package(weight=Decimal(0))) == [("missing", "P-1", "weight")]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"weight": Decimal(1200)}, ("impossible", "P-1", "weight")),
        ({"weight": Decimal(-1)}, ("missing", "P-1", "weight")),
        ({"length": Decimal(30)}, ("missing", "P-1", "dimensions")),
    ],
)
def test_slips_in_the_unit_of_measure(values, expected):
    assert found(with_package(**values)) == [expected]


def test_a_side_no_van_can_take():
    sides = {"length": Decimal(3000), "width": Decimal(20), "height": Decimal(10)}
    (finding,) = check(with_package(**sides))
    assert (finding.code, finding.field) == ("impossible", "dimensions")
    assert finding.value == "3000 x 20 x 10 cm"


def test_too_many_and_none():
    two = replace(REQUEST, packages=(PACKAGE, replace(PACKAGE, reference="P-2")))
    assert found(two, max_packages=1) == [("too_many", "", "packages")]
    assert found(two, max_packages=2) == []
    assert found(replace(REQUEST, packages=())) == [("missing", "", "packages")]


@pytest.mark.parametrize("field", ["cod", "insured"])
def test_money_has_a_currency(field):
    request = replace(REQUEST, currency="", **{field: Decimal(5)})
    assert found(request) == [("missing", "", "currency")]


# === CUSTOMS === #


@pytest.mark.parametrize(
    ("start", "end", "contents", "expected"),
    [
        ("DE", "DE", "merchandise", False),
        ("DE", "FR", "merchandise", False),
        ("DE", "CH", "merchandise", True),
        ("GB", "IE", "merchandise", True),
        ("DE", "US", "gift", True),
        ("DE", "US", "documents", False),
    ],
)
def test_where_customs_are(start, end, contents, expected):
    """There, and only there, goods want a number of the customs tariff."""
    ends = [replace(BOSTON, country=country, zip="") for country in (start, end)]
    goods = (replace(LAMP, hs_code=""),)
    for shipper, recipient in (ends, ends[::-1]):
        request = ShipRequest(
            "R",
            shipper,
            recipient,
            (replace(PACKAGE, commodities=goods),),
            contents=contents,
        )
        fields = {finding.field for finding in check(request)}
        assert ("hs_code" in fields) is expected


@pytest.mark.parametrize("field", ["hs_code", "origin", "value"])
def test_what_customs_want_of_the_goods(field):
    empty = Decimal(0) if field == "value" else ""
    goods = replace(LAMP, **{field: empty})
    packages = (replace(PACKAGE, commodities=(LAMP, goods)),)
    assert found(replace(ABROAD, packages=packages)) == [
        ("missing", "[LAMP] Desk lamp", field)
    ]
    assert found(replace(REQUEST, packages=packages)) == [], "not within the Union"


def test_abroad_somebody_is_called_and_goods_are_listed():
    silent = replace(ABROAD, recipient=replace(BOSTON, phone=""))
    assert found(silent) == [("missing", "consignee", "phone")]
    empty = replace(ABROAD, packages=(replace(PACKAGE, commodities=()),))
    assert found(empty) == [("missing", "P-1", "commodities")]


def test_the_same_goods_are_complained_about_once():
    goods = replace(LAMP, hs_code="")
    packages = tuple(
        replace(PACKAGE, reference=name, commodities=(goods,))
        for name in ("P-1", "P-2")
    )
    assert len(check(replace(ABROAD, packages=packages))) == 1


def test_a_pickup_needs_a_door_and_a_telephone():
    moment = datetime(2026, 7, 1, 12, tzinfo=timezone.utc)
    request = PickupRequest("PU1", replace(HAMBURG, street=""), moment, moment)
    assert [(f.code, f.subject, f.field) for f in check_pickup(request)] == [
        ("missing", "sender", "phone"),
        ("missing", "sender", "street"),
    ]
    assert not check_pickup(replace(request, address=BOSTON))


@given(st.builds(Address, country=st.text(max_size=3), zip=st.text(max_size=9)))
def test_whatever_stands_in_an_address_something_is_said(address):
    findings = check(replace(REQUEST, recipient=address))
    assert ("missing", "name") in {(f.code, f.field) for f in findings} or (
        not address.country
    )
