# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import json
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given, settings, strategies as st

from odoo.addons.logistics_canonical.core.adapter import Response
from odoo.addons.logistics_canonical.core.calls import CallError, authorise
from odoo.addons.logistics_canonical.core.effects import repeat_of
from odoo.addons.logistics_canonical.core.profile import load_profile
from odoo.addons.logistics_carrier_connector.adapters.dhl_express import (
    DhlExpressAdapter,
)
from odoo.addons.logistics_carrier_connector.core.shipping import (
    CHARGE_CODES,
    Address,
    BookedRef,
    Charge,
    Commodity,
    Package,
    PickupRequest,
    ShipRequest,
    to_payload,
)

ADDON = Path(__file__).parents[2]
FIXTURES = Path(__file__).parent / "fixtures" / "dhl_express"
PROFILE = load_profile(
    json.loads((ADDON / "profiles" / "dhl_express.json").read_text(encoding="utf-8"))
)
ADAPTER = DhlExpressAdapter()

BARCELONA = Address(
    country="ES",
    company="Taller Roca SL",
    name="Marta Roca",
    street="Carrer de Mallorca 401",
    city="Barcelona",
    zip="08013",
    phone="+34 930 000 000",
    vat="ESB00000000",
    eori="ESB00000000",
)
BOSTON = Address(
    country="US",
    name="Ann Lee",
    street="1 Beacon St",
    street2="Floor 2",
    city="Boston",
    state="MA",
    zip="02108",
    phone="+1 617 000 0000",
    email="ann@example.com",
    residential=True,
)
BERLIN = Address(
    country="DE",
    company="Lampen GmbH",
    street="Torstr. 1",
    city="Berlin",
    zip="10119",
    phone="+49 30 000000",
)
LAMP = Commodity(
    "Desk lamp",
    quantity=Decimal(2),
    weight=Decimal("1.2"),
    value=Decimal("30.5"),
    currency="EUR",
    origin="PT",
    hs_code="940520",
    sku="LAMP-1",
)
BOX = Package(
    "P1",
    Decimal("3.4567"),
    Decimal(30),
    Decimal(20),
    Decimal("10.5"),
    commodities=(LAMP,),
)
SHIPMENT = ShipRequest(
    reference="LS-000123",
    shipper=BARCELONA,
    recipient=BOSTON,
    packages=(BOX, replace(BOX, reference="P2")),
    service="P",
    currency="EUR",
    ship_on=date(2026, 11, 21),
    order="S00042",
    incoterm="DAP",
)
PICKUP = PickupRequest(
    reference="PU-7",
    address=BARCELONA,
    ready_at=datetime(2026, 11, 21, 13, tzinfo=timezone.utc),
    close_at=datetime(2026, 11, 21, 17, 30, tzinfo=timezone.utc),
    parcels=2,
    weight=Decimal(7),
    instructions="Ring twice",
    bookings=(BookedRef("LS-000123", service="P"),),
)


def build(operation, request):
    return ADAPTER.build_request(operation, to_payload(request), PROFILE)


def body(operation, request):
    return json.loads(build(operation, request).body)


def parse(operation, content, request=SHIPMENT, status=200):
    if not isinstance(content, bytes):
        content = json.dumps(content).encode()
    response = Response(status, {"content-type": "application/json"}, content)
    return ADAPTER.parse_response(operation, response, PROFILE, to_payload(request))


def fixture(name):
    return (FIXTURES / f"{name}.json").read_bytes()


# === RATES === #


def test_a_rate_is_asked_for():
    request = build("rate", replace(SHIPMENT, service=""))
    assert (request.method, request.auth) == ("POST", "basic")
    assert request.url == "https://express.api.dhl.com/mydhlapi/rates"
    assert 28 <= len(request.headers["Message-Reference"]) <= 36
    asked = json.loads(request.body)
    assert asked["customerDetails"]["receiverDetails"] == {
        "postalCode": "02108",
        "cityName": "Boston",
        "countryCode": "US",
        "provinceCode": "MA",
        "addressLine1": "1 Beacon St",
        "addressLine2": "Floor 2",
    }
    # The account number is put in its place only when the request leaves.
    assert asked["accounts"] == [
        {"typeCode": "shipper", "number": "{credential:account_number}"}
    ]
    assert asked["plannedShippingDateAndTime"] == "2026-11-21T12:00:00 GMT+01:00"
    assert asked["isCustomsDeclarable"] is True
    assert asked["packages"][0] == {
        "weight": 3.457,
        "dimensions": {"length": 30, "width": 20, "height": 10.5},
    }
    assert asked["monetaryAmount"] == [
        {"typeCode": "declaredValue", "value": 122, "currency": "EUR"}
    ]
    assert "productsAndServices" not in asked
    sent = authorise(
        request,
        PROFILE,
        {"username": "u", "password": "p", "account_number": "123456789"},
    )
    assert json.loads(sent.body)["accounts"][0]["number"] == "123456789"
    assert sent.headers["Authorization"] == "Basic dTpw"


def test_a_rate_of_one_product_with_services():
    asked = body(
        "rate",
        replace(
            SHIPMENT,
            service="N/1",
            insured=Decimal("250.005"),
            cod=Decimal(40),
            options=("signature", "saturday_delivery"),
            settings={"value_added_services": ["PT"], "payer_country": "ES"},
        ),
    )
    (product,) = asked["productsAndServices"]
    assert (product["productCode"], product["localProductCode"]) == ("N", "1")
    assert product["valueAddedServices"] == [
        {"serviceCode": "II", "value": 250.01, "currency": "EUR"},
        {"serviceCode": "KB", "value": 40, "currency": "EUR"},
        {"serviceCode": "SA"},
        {"serviceCode": "AA"},
        {"serviceCode": "PT"},
    ]
    assert asked["payerCountryCode"] == "ES"


@pytest.mark.parametrize(
    ("changes", "declarable"),
    [
        ({}, True),
        ({"recipient": BERLIN}, False),
        ({"recipient": BARCELONA}, False),
        ({"contents": "documents"}, False),
        ({"recipient": BERLIN, "settings": {"customs_declarable": True}}, True),
        ({"settings": {"customs_declarable": False}}, False),
    ],
)
def test_what_has_to_be_declared(changes, declarable):
    assert (
        body("rate", replace(SHIPMENT, **changes))["isCustomsDeclarable"] is declarable
    )


def test_a_parcel_of_unknown_size_counts_by_weight():
    bare = Package("P1", Decimal(2))
    asked = body("rate", replace(SHIPMENT, packages=(bare,), recipient=BERLIN))
    assert asked["packages"] == [
        {"weight": 2, "dimensions": {"length": 1, "width": 1, "height": 1}}
    ]


@pytest.mark.parametrize(
    ("zone", "written"),
    [
        ("America/New_York", "2026-11-21T12:00:00 GMT-05:00"),
        ("Asia/Kolkata", "2026-11-21T12:00:00 GMT+05:30"),
    ],
)
def test_noon_by_the_clock_of_a_zone(zone, written):
    asked = body("rate", replace(SHIPMENT, settings={"zone": zone}))
    assert asked["plannedShippingDateAndTime"] == written


def test_rates_are_read():
    quotes = parse("rate", fixture("rates"), replace(SHIPMENT, service="")).data[
        "value"
    ]
    # A price of nothing is no price.
    assert [(q.service, q.name, q.total) for q in quotes] == [
        ("P", "EXPRESS WORLDWIDE", Decimal("96.8")),
        ("N/1", "EXPRESS DOMESTIC", Decimal("18.40")),
        ("N/C", "EXPRESS DOMESTIC 12:00", Decimal(24)),
    ]
    first = quotes[0]
    assert (first.currency, first.transit_days) == ("EUR", 2)
    # A time whose zone nobody names is good for its day.
    assert first.deliver_by == date(2026, 11, 24)
    assert quotes[2].deliver_by.utcoffset() == timedelta(hours=1)
    assert (first.weight, first.weight_basis) == (Decimal("4.2"), "volumetric")
    told = [(c.code, c.partner_code, c.amount) for c in first.charges]
    assert told == [
        ("tax", "EU_VAT", Decimal("12.6")),
        ("freight", "", Decimal("60.0")),
        ("tax", "EU_VAT", Decimal("3.15")),
        ("fuel", "FF", Decimal("15.00")),
        ("tax", "EU_VAT", Decimal("1.05")),
        ("remote_area", "OO", Decimal("5.0")),
    ]
    assert sum(c.amount for c in first.charges) == first.total
    assert first.charges[3].text == "FUEL SURCHARGE"
    # A price without parts is its own part.
    assert quotes[1].charges == (Charge("total", Decimal("18.40"), "EUR"),)


def test_a_local_product_that_was_asked_for_keeps_its_name():
    only = json.loads(fixture("rates"))
    only["products"] = only["products"][1:2]
    (quote,) = parse("rate", only, replace(SHIPMENT, service="N/1")).data["value"]
    assert quote.service == "N/1"
    (quote,) = parse("rate", only, replace(SHIPMENT, service="N")).data["value"]
    assert quote.service == "N"


def test_a_summary_stands_in_for_lines():
    answer = json.loads(fixture("rates"))
    del answer["products"][0]["detailedPriceBreakdown"]
    first = parse("rate", answer).data["value"][0]
    assert [(c.code, c.amount) for c in first.charges] == [
        ("tax", Decimal("16.8")),
        ("freight", Decimal("80.0")),
    ]


# === BOOKINGS === #


def test_a_booking_with_customs():
    asked = body("book", SHIPMENT)
    assert asked["productCode"] == "P"
    # Which of its local forms it is, DHL knows.
    assert "localProductCode" not in asked
    assert asked["pickup"] == {"isRequested": False}
    assert asked["customerReferences"][0] == {"value": "LS-000123", "typeCode": "CU"}
    shipper = asked["customerDetails"]["shipperDetails"]
    assert shipper["contactInformation"] == {
        "fullName": "Marta Roca",
        "companyName": "Taller Roca SL",
        "phone": "+34 930 000 000",
    }
    assert [n["typeCode"] for n in shipper["registrationNumbers"]] == ["VAT", "EOR"]
    assert asked["customerDetails"]["receiverDetails"]["typeCode"] == "private"
    content = asked["content"]
    assert content["incoterm"] == "DAP"
    assert (content["declaredValue"], content["declaredValueCurrency"]) == (122, "EUR")
    assert content["packages"][1]["customerReferences"] == [
        {"value": "P2", "typeCode": "CU"}
    ]
    declaration = content["exportDeclaration"]
    assert declaration["invoice"] == {"number": "S00042", "date": "2026-11-21"}
    assert declaration["exportReasonType"] == "commercial_purpose_or_sale"
    assert [line["number"] for line in declaration["lineItems"]] == [1, 2]
    assert declaration["lineItems"][0] == {
        "number": 1,
        "description": "Desk lamp",
        "price": 30.5,
        "priceCurrency": "EUR",
        "quantity": {"value": 2, "unitOfMeasurement": "PCS"},
        "exportReasonType": "commercial_purpose_or_sale",
        "manufacturerCountry": "PT",
        "weight": {"netValue": 2.4, "grossValue": 2.4},
        "commodityCodes": [{"typeCode": "outbound", "value": "940520"}],
        "customerReferences": [{"typeCode": "PAN", "value": "LAMP-1"}],
    }
    images = asked["outputImageProperties"]["imageOptions"]
    assert [i["typeCode"] for i in images if i["isRequested"]] == ["label", "invoice"]
    assert asked["getAdditionalInformation"] == [
        {"typeCode": "linkLabelsByPieces", "isRequested": True}
    ]


def test_half_a_metre_is_one_piece():
    cloth = replace(LAMP, quantity=Decimal("0.5"))
    asked = body(
        "book", replace(SHIPMENT, packages=(replace(BOX, commodities=(cloth,)),))
    )["content"]
    (line,) = asked["exportDeclaration"]["lineItems"]
    assert line["quantity"] == {"value": 1, "unitOfMeasurement": "PCS"}
    assert line["price"] == asked["declaredValue"] == 15.25
    assert line["weight"] == {"netValue": 0.6, "grossValue": 0.6}


def test_a_booking_within_the_customs_union():
    asked = body(
        "book",
        replace(SHIPMENT, recipient=BERLIN, packages=(BOX,), label_format="ZPL"),
    )
    assert "exportDeclaration" not in asked["content"]
    assert asked["outputImageProperties"]["encodingFormat"] == "zpl"
    assert "getAdditionalInformation" not in asked
    # A firm without a contact is its own.
    contact = asked["customerDetails"]["receiverDetails"]["contactInformation"]
    assert contact["fullName"] == contact["companyName"] == "Lampen GmbH"


def test_somebody_else_can_pay():
    markers = {"use_payer_account": True, "use_duties_account": True, "paperless": True}
    asked = body("book", replace(SHIPMENT, settings=markers, incoterm="DDP"))
    assert [(a["typeCode"], a["number"]) for a in asked["accounts"]] == [
        ("shipper", "{credential:account_number}"),
        ("payer", "{credential:payer_account_number}"),
        ("duties-taxes", "{credential:duties_account_number}"),
    ]
    codes = [service["serviceCode"] for service in asked["valueAddedServices"]]
    assert codes == ["DD", "WY"]


def test_we_pay_for_a_return():
    asked = body("return", replace(SHIPMENT, shipper=BOSTON, recipient=BARCELONA))
    assert asked["accounts"][1] == {
        "typeCode": "payer",
        "number": "{credential:account_number}",
    }
    assert asked["content"]["exportDeclaration"]["exportReasonType"] == "return"


@pytest.mark.parametrize(
    ("operation", "kind"), [("book", "commercial"), ("return", "returns")]
)
def test_the_customs_paper_says_whether_goods_come_back(operation, kind):
    images = body(operation, SHIPMENT)["outputImageProperties"]["imageOptions"]
    (invoice,) = [image for image in images if image["typeCode"] == "invoice"]
    assert invoice["invoiceType"] == kind


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"service": ""}, "product"),
        ({"ship_on": None}, "day"),
        ({"options": ("no_neighbour",)}, "no_neighbour"),
        ({"recipient": replace(BOSTON, phone="")}, "phone"),
        ({"recipient": replace(BOSTON, city="")}, "city"),
        ({"recipient": replace(BOSTON, street="x" * 50)}, "3 lines"),
        ({"packages": (replace(BOX, weight=Decimal(-1)),)}, "no weight"),
        ({"packages": (replace(BOX, commodities=()),)}, "names no goods"),
        ({"settings": {"zone": "Mars/Olympus"}}, "time zone"),
        ({"order": "{credential:password}"}, "credential"),
    ],
)
def test_what_is_missing_is_said(changes, said):
    with pytest.raises(CallError, match=said):
        build("book", replace(SHIPMENT, **changes))


def test_a_booking_is_read():
    result = parse("book", fixture("booked"), status=201)
    assert result.ok
    assert not result.parsed.problems
    booked = result.data["value"]
    assert (booked.partner_id, booked.number) == ("5374534611", "5374534611")
    assert [(p.reference, p.tracking_number) for p in booked.packages] == [
        ("P1", "JD014600004617230701"),
        ("P2", "JD014600004617230702"),
    ]
    papers = [(d.kind, d.package, d.content_type, d.data) for d in booked.documents]
    assert papers == [
        ("label", "P1", "application/pdf", b"%PDF-1.4 one"),
        ("label", "P2", "application/pdf", b"%PDF-1.4 two"),
        ("invoice", "", "application/pdf", b"%PDF-1.4 inv"),
        ("other", "P1", "image/png", b"\x89PNG\r\n\x1a\n"),
    ]
    assert [(c.code, c.partner_code, c.amount) for c in booked.charges] == [
        ("freight", "", Decimal("127.5")),
        ("fuel", "FF", Decimal("12.5")),
        ("insurance", "II", Decimal(6)),
        ("other", "CA", Decimal(1)),
    ]
    assert all(c.code in CHARGE_CODES for c in booked.charges)


def test_a_return_has_return_labels():
    booked = parse("return", fixture("booked")).data["value"]
    assert [d.kind for d in booked.documents][:3] == [
        "return_label",
        "return_label",
        "invoice",
    ]


def test_one_parcel_can_go_without_a_piece_number():
    one = replace(SHIPMENT, packages=(BOX,))
    label = {"typeCode": "label", "content": "JVBERi0xLjQ="}
    for pieces in ([], [{"referenceNumber": 1}]):
        booked = parse(
            "book",
            {
                "shipmentTrackingNumber": 5374534611,
                "packages": pieces,
                "documents": label,
                "shipmentCharges": [{"price": 10, "priceCurrency": "eur"}],
            },
            one,
        ).data["value"]
        assert booked.packages[0].tracking_number == "5374534611"
        assert booked.documents[0].package == "P1"
        assert [(c.code, c.amount, c.currency) for c in booked.charges] == [
            ("total", Decimal(10), "EUR")
        ]


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"{}",
        b"<html>Maintenance</html>",
        b'{"shipmentTrackingNumber": ""}',
        b'{"shipmentTrackingNumber": "5374534611"}',
        b'{"shipmentTrackingNumber": "1", "packages": [{"trackingNumber": "J"}]}',
        b'{"shipmentTrackingNumber": "1", "packages": [{"referenceNumber": 1},'
        b' {"referenceNumber": 2}]}',
    ],
)
def test_half_an_answer_leaves_open_what_was_done(answer):
    result = parse("book", answer)
    assert result.error_class == "poison"
    assert "value" not in result.data


def test_each_error_is_told():
    result = parse("book", fixture("refused"), status=400)
    assert result.error_class == "rejected"
    assert [(p.code, p.text[:20]) for p in result.parsed.problems] == [
        ("7008", "The requested Specia"),
        ("400", "#/content/descriptio"),
    ]
    # An error that comes as a success is one.
    assert parse("book", fixture("refused"), status=200).error_class == "rejected"


@pytest.mark.parametrize(
    ("status", "answer", "error_class"),
    [
        (401, {"reasons": [{"code": "401", "msg": "Invalid Credentials"}]}, "auth"),
        (429, {"title": "Too many", "status": 429}, "throttled"),
        (500, {"detail": "999: Process failure", "code": "500"}, "transient"),
        (422, {"detail": "#/productCode: minLength", "status": "422"}, "rejected"),
    ],
)
def test_classes_of_errors(status, answer, error_class):
    assert parse("rate", answer, status=status).error_class == error_class


# === LOOKUP === #


def test_a_booking_of_unknown_fate_is_looked_for():
    assert repeat_of(PROFILE.operations["book"]) == "lookup"
    request = ADAPTER.lookup_request("book", to_payload(SHIPMENT), PROFILE)
    assert request.method == "GET"
    assert parse_qs(urlsplit(request.url).query) == {
        "shipmentReference": ["LS-000123"],
        "shipmentReferenceType": ["CU"],
        "dateRangeFrom": ["2026-11-11"],
        "dateRangeTo": ["2026-12-21"],
        "trackingView": ["shipment-details-only"],
        "levelOfDetail": ["all"],
    }
    sent = authorise(
        request, PROFILE, {"username": "u", "password": "p", "account_number": "12"}
    )
    assert sent.url.endswith("&shipperAccountNumber=12")


def look(content, status=200):
    response = Response(status, {}, content)
    return ADAPTER.parse_lookup("book", response, PROFILE, to_payload(SHIPMENT))


def test_what_is_found():
    outcome, result = look(fixture("found"))
    assert outcome == "found"
    booked = result.data["value"]
    assert booked.number == "5374534611"
    assert [p.tracking_number for p in booked.packages] == [
        "JD014600004617230701",
        "JD014600004617230702",
    ]


def test_what_is_not_found_proves_nothing():
    missing = json.dumps(
        {"status": "404", "detail": "No Shipments Found for ReferenceID | LS-000123"}
    ).encode()
    assert look(missing, 404)[0] == "absent"
    assert look(missing, 200)[0] == "absent"
    assert look(b'{"shipments": []}')[0] == "absent"
    assert PROFILE.operations["book"]["absence_is_proof"] is False


def test_what_tells_neither():
    twice = json.loads(fixture("found"))
    twice["shipments"].append({"shipmentTrackingNumber": "999"})
    outcome, result = look(json.dumps(twice).encode())
    assert outcome == "failed"
    assert "several" in result.parsed.problems[0].text
    assert look(b'{"status": "400", "detail": "Missing"}', 400)[0] == "failed"
    assert look(b"", 503)[0] == "failed"


def test_there_is_no_cancellation():
    assert not {"cancel", "label", "manifest"} & set(PROFILE.operations)


# === PICKUPS === #


def test_a_pickup():
    asked = body("pickup", PICKUP)
    assert asked["plannedPickupDateAndTime"] == "2026-11-21T14:00:00 GMT+01:00"
    assert asked["closeTime"] == "18:30"
    assert asked["locationType"] == "business"
    (shipment,) = asked["shipmentDetails"]
    assert shipment["productCode"] == "P"
    assert [package["weight"] for package in shipment["packages"]] == [3.5, 3.5]
    assert asked["specialInstructions"] == [{"value": "Ring twice"}]
    with pytest.raises(CallError, match="product"):
        build("pickup", replace(PICKUP, bookings=()))


def test_a_pickup_is_confirmed():
    answer = {"dispatchConfirmationNumbers": ["PRG1", "PRG2"], "warnings": []}
    assert parse("pickup", answer, PICKUP).data["value"].confirmation == "PRG1,PRG2"
    answer = {"dispatchConfirmationNumber": "PRG3"}
    assert parse("pickup", answer, PICKUP).data["value"].confirmation == "PRG3"
    assert parse("pickup", {"warnings": ["x"]}, PICKUP).error_class == "poison"


def test_a_pickup_is_cancelled():
    pickup = replace(PICKUP, confirmation="PRG1")
    request = build("pickup_cancel", pickup)
    assert request.method == "DELETE"
    assert urlsplit(request.url).path == "/mydhlapi/pickups/PRG1"
    assert parse_qs(urlsplit(request.url).query)["requestorName"] == ["Marta Roca"]
    assert parse("pickup_cancel", b"", pickup).data["value"].fate == "done"
    with pytest.raises(CallError, match="several numbers"):
        build("pickup_cancel", replace(PICKUP, confirmation="PRG1,PRG2"))


def test_a_pickup_that_cannot_be_cancelled():
    pickup = replace(PICKUP, confirmation="PRG1")
    gone = {"status": "400", "detail": "The pickup was already cancelled"}
    result = parse("pickup_cancel", gone, pickup, 400)
    assert result.ok
    assert result.data["value"].fate == "already"
    for status, words in ((400, "already cancelled or completed"), (404, "Not found")):
        answer = {"status": str(status), "detail": words}
        result = parse("pickup_cancel", answer, pickup, status)
        assert result.error_class == "rejected"


# === ANYTHING === #

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)


def spoil(tree, path, value):
    """Return a tree with something else at a place."""
    if isinstance(tree, dict) and tree and path:
        name = sorted(tree)[path[0] % len(tree)]
        return {**tree, name: spoil(tree[name], path[1:], value)}
    if isinstance(tree, list) and tree and path:
        at = path[0] % len(tree)
        return [*tree[:at], spoil(tree[at], path[1:], value), *tree[at + 1 :]]
    return value


@settings(max_examples=300)
@given(
    case=st.sampled_from(
        [
            ("rate", "rates"),
            ("book", "booked"),
            ("return", "booked"),
            ("find", "found"),
            ("pickup", "booked"),
            ("pickup_cancel", "refused"),
        ]
    ),
    path=st.lists(st.integers(0, 20), max_size=7),
    value=JSON,
    status=st.sampled_from([200, 201, 400, 404, 500]),
)
def test_spoilt_answers_raise_nothing(case, path, value, status):
    operation, name = case
    asked = PICKUP if operation.startswith("pickup") else SHIPMENT
    spoilt = json.dumps(spoil(json.loads(fixture(name)), path, value)).encode()
    result = parse(operation, spoilt, asked, status)
    if result.ok and operation in ("book", "return", "find"):
        booked = result.data["value"]
        assert booked.number
        assert all(package.tracking_number for package in booked.packages)
        assert len(booked.packages) == len(SHIPMENT.packages)
    if result.ok and operation == "rate":
        for quote in result.data["value"]:
            assert quote.service and quote.currency and quote.total > 0


@given(body=st.binary(max_size=100), status=st.sampled_from([200, 404, 500]))
def test_any_bytes_raise_nothing(body, status):
    for operation in ("rate", "book", "find", "pickup", "pickup_cancel"):
        asked = PICKUP if operation.startswith("pickup") else SHIPMENT
        result = parse(operation, body, asked, status)
        if operation in ("book", "find"):
            assert not result.ok
