# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import copy
import json
from dataclasses import replace
from datetime import date, datetime, timezone
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from odoo.addons.logistics_canonical.core.adapter import Response
from odoo.addons.logistics_canonical.core.calls import CallError, authorise
from odoo.addons.logistics_canonical.core.effects import fate, repeat_of
from odoo.addons.logistics_canonical.core.profile import load_profile
from odoo.addons.logistics_carrier_connector.adapters.ups import UpsAdapter
from odoo.addons.logistics_carrier_connector.core.shipping import (
    Address,
    BookedRef,
    Cancelled,
    Commodity,
    Package,
    PickupRequest,
    ShipRequest,
    to_payload,
)

HERE = Path(__file__).parent
PROFILE = load_profile(
    json.loads((HERE.parents[1] / "profiles/ups.json").read_text(encoding="utf-8"))
)
ADAPTER = UpsAdapter()

HAMBURG = Address(
    "DE",
    "Ada Kern",
    "Kern GmbH",
    "Am Kai 1",
    city="Hamburg",
    zip="20457",
    phone="+49 40 1234",
    label="warehouse",
)
LYON = Address(
    "FR", "Luc Roy", street="2 rue Neuve", city="Lyon", zip="69001", residential=True
)
RENO = Address(
    "US", "Bo Ling", "", "5 Alley Way", "", "Reno", "NV", "89501", "7755550100"
)
SALEM = Address(
    "US", "Ann T", "Old", "12 Elm St", "", "Salem", "MA", "01970", "9785550100"
)
ZURICH = Address("CH", "Uri", "", "Gasse 3", "", "Zurich", zip="8001", phone="044 1")
GOODS = Commodity(
    "Clock",
    Decimal(2),
    Decimal("0.5"),
    Decimal("30"),
    "EUR",
    "DE",
    "910500",
    "CLK-1",
)
BOXES = (
    Package("P1", Decimal("2.34"), Decimal(30), Decimal(20), Decimal(10)),
    Package("P2", Decimal("3")),
)
REQUEST = ShipRequest(
    "OUT-7-1",
    HAMBURG,
    LYON,
    BOXES,
    service="11",
    currency="EUR",
    ship_on=date(2026, 5, 4),
    order="SO9",
)
REF = BookedRef(
    "OUT-7-1",
    "1Z12345E6802345671",
    "1Z12345E6802345671",
    (("", "1Z12345E6802345671"), ("", "1Z12345E6802345682")),
)
PICKUP = PickupRequest(
    "PU-1",
    SALEM,
    datetime(2026, 5, 4, 14, tzinfo=timezone.utc),
    datetime(2026, 5, 4, 21, 30, tzinfo=timezone.utc),
    3,
    Decimal(12),
)


def fixture(name):
    return json.loads((HERE / "fixtures/ups" / f"{name}.json").read_text("utf-8"))


def parse(operation, answer, request, status=200):
    """``answer`` is what came, or the name of a fixture."""
    if isinstance(answer, str):
        answer = fixture(answer)
    return parse_raw(operation, answer, request, status)


def parse_raw(operation, answer, request, status):
    response = Response(status, {}, json.dumps(answer).encode())
    return ADAPTER.parse_response(operation, response, PROFILE, to_payload(request))


def value(operation, answer, request, status=200):
    result = parse(operation, answer, request, status)
    assert result.ok, result
    assert not result.parsed.problems
    return result.data["value"]


def build(operation, request):
    return ADAPTER.build_request(operation, to_payload(request), PROFILE)


def body(operation, request):
    return json.loads(build(operation, request).body)


# === ASKING === #


def test_the_account_number_is_no_part_of_a_stored_request():
    outbound = build("book", REQUEST)
    assert outbound.url == "https://onlinetools.ups.com/api/shipments/v2409/ship"
    assert outbound.headers["transId"] == "OUT-7-1"
    assert b"A1B2C3" not in outbound.body
    sent = authorise(outbound, PROFILE, {"account_number": "A1B2C3"}, "token")
    shipment = json.loads(sent.body)["ShipmentRequest"]["Shipment"]
    assert shipment["Shipper"]["ShipperNumber"] == "A1B2C3"
    charge = shipment["PaymentInformation"]["ShipmentCharge"]
    assert charge == [{"Type": "01", "BillShipper": {"AccountNumber": "A1B2C3"}}]
    with pytest.raises(CallError):
        authorise(outbound, PROFILE, {}, "token")


def test_tracking_goes_on_without_an_account_number():
    assert [row["required"] for row in PROFILE.credentials] == [
        True,
        True,
        False,
        False,
    ]


def test_where_the_reference_stands():
    shipment = body("book", REQUEST)["ShipmentRequest"]["Shipment"]
    assert shipment["ReferenceNumber"] == [
        {"Value": "OUT-7-1"},
        {"Code": "PO", "Value": "SO9"},
    ]
    assert "ReferenceNumber" not in shipment["Package"][0]
    domestic = replace(REQUEST, shipper=SALEM, recipient=RENO)
    shipment = body("book", domestic)["ShipmentRequest"]["Shipment"]
    assert "ReferenceNumber" not in shipment
    for package in shipment["Package"]:
        assert package["ReferenceNumber"][0] == {"Value": "OUT-7-1"}


def test_measures_follow_the_origin():
    package = body("book", REQUEST)["ShipmentRequest"]["Shipment"]["Package"][0]
    assert package["PackageWeight"] == {
        "UnitOfMeasurement": {"Code": "KGS"},
        "Weight": "2.4",
    }
    assert package["Dimensions"]["UnitOfMeasurement"] == {"Code": "CM"}
    american = replace(REQUEST, shipper=SALEM, recipient=RENO)
    package = body("book", american)["ShipmentRequest"]["Shipment"]["Package"][0]
    # 2.34 kg are 5.1588… pounds; 30 cm are 11.811… inches.
    assert package["PackageWeight"]["Weight"] == "5.2"
    assert package["PackageWeight"]["UnitOfMeasurement"] == {"Code": "LBS"}
    assert package["Dimensions"]["Length"] == "11.82"


@pytest.mark.parametrize(
    ("vat", "eori", "sent"),
    [
        ("DE123456789", "DE1234567890123", "DE123456789"),
        ("", "DE1234567890123", "DE1234567890123"),
        ("", "DE123456789012345", None),
        ("ATU12345678-LONG", "ATEOS1000000123", "ATEOS1000000123"),
    ],
)
def test_a_tax_number_is_sent_whole_or_not_at_all(vat, eori, sent):
    firm = replace(HAMBURG, vat=vat, eori=eori)
    shipment = body("book", replace(REQUEST, shipper=firm))["ShipmentRequest"]
    assert shipment["Shipment"]["Shipper"].get("TaxIdentificationNumber") == sent


def test_all_services_or_one():
    outbound = build("rate", replace(REQUEST, service=""))
    assert outbound.url.endswith("/rating/v2409/Shoptimeintransit")
    rate = json.loads(outbound.body)["RateRequest"]
    assert rate["Shipment"]["DeliveryTimeInformation"]["Pickup"] == {"Date": "20260504"}
    assert "Service" not in rate["Shipment"]
    outbound = build("rate", replace(REQUEST, ship_on=None))
    assert outbound.url.endswith("/rating/v2409/Rate")
    shipment = json.loads(outbound.body)["RateRequest"]["Shipment"]
    assert shipment["Service"] == {"Code": "11"}
    assert shipment["Package"][0]["PackagingType"] == {"Code": "02"}


def test_a_return_is_ours_and_comes_from_the_customer():
    back = replace(REQUEST, shipper=LYON, recipient=HAMBURG)
    shipment = body("return", back)["ShipmentRequest"]["Shipment"]
    assert shipment["ReturnService"] == {"Code": "9"}
    assert shipment["Shipper"]["Name"] == "Kern GmbH"
    assert shipment["ShipFrom"]["Name"] == "Luc Roy"
    assert shipment["ShipTo"]["Name"] == "Kern GmbH"


def test_the_price_of_a_return_names_it_where_rating_looks():
    back = replace(REQUEST, shipper=LYON, recipient=HAMBURG, is_return=True)
    shipment = body("rate", back)["RateRequest"]["Shipment"]
    assert shipment["ShipmentServiceOptions"]["ReturnService"] == {"Code": "9"}
    assert "ReturnService" not in shipment


def test_goods_that_cross_a_border_come_with_an_invoice():
    box = replace(BOXES[0], commodities=(GOODS,))
    abroad = replace(REQUEST, recipient=ZURICH, packages=(box,), incoterm="DDP")
    shipment = body("book", abroad)["ShipmentRequest"]["Shipment"]
    form = shipment["ShipmentServiceOptions"]["InternationalForms"]
    assert form["FormType"] == "01" and form["InvoiceDate"] == "20260504"
    assert form["Product"] == [
        {
            "Description": ["Clock"],
            "Unit": {
                "Number": "2",
                "UnitOfMeasurement": {"Code": "PCS"},
                "Value": "30",
            },
            "CommodityCode": "910500",
            "PartNumber": "CLK-1",
            "OriginCountryCode": "DE",
            "ProductWeight": {"UnitOfMeasurement": {"Code": "KGS"}, "Weight": "1"},
        }
    ]
    charges = shipment["PaymentInformation"]["ShipmentCharge"]
    assert [charge["Type"] for charge in charges] == ["01", "02"]
    with pytest.raises(CallError, match="listed"):
        build("book", replace(abroad, packages=BOXES))
    with pytest.raises(CallError, match="day"):
        build("book", replace(abroad, ship_on=None))
    with pytest.raises(CallError, match="origin of .*Clock is missing"):
        vague = replace(box, commodities=(replace(GOODS, origin=""),))
        build("book", replace(abroad, packages=(vague,)))
    assert (
        "ShipmentServiceOptions"
        not in body("book", REQUEST)["ShipmentRequest"]["Shipment"]
    )


def test_a_return_across_a_border_comes_with_a_partial_invoice():
    box = replace(BOXES[0], commodities=(GOODS,))
    back = replace(REQUEST, shipper=ZURICH, recipient=HAMBURG, packages=(box,))
    shipment = body("return", back)["ShipmentRequest"]["Shipment"]
    form = shipment["ShipmentServiceOptions"]["InternationalForms"]
    assert (form["FormType"], form["ReasonForExport"]) == ("05", "RETURN")


def test_services_beside_the_transport():
    asked = replace(
        REQUEST,
        options=("signature", "saturday_delivery"),
        cod=Decimal("12.50"),
        insured=Decimal(100),
    )
    shipment = body("book", asked)["ShipmentRequest"]["Shipment"]
    options = shipment["ShipmentServiceOptions"]
    assert options["DeliveryConfirmation"] == {"DCISType": "1"}
    assert options["COD"]["CODFundsCode"] == "1"
    assert options["COD"]["CODAmount"] == {
        "CurrencyCode": "EUR",
        "MonetaryValue": "12.5",
    }
    declared = [
        package["PackageServiceOptions"]["DeclaredValue"]["MonetaryValue"]
        for package in shipment["Package"]
    ]
    assert declared == ["50", "50"]
    american = replace(asked, shipper=SALEM, recipient=RENO, packages=BOXES[:1])
    package = body("book", american)["ShipmentRequest"]["Shipment"]["Package"][0]
    assert package["PackageServiceOptions"]["DeliveryConfirmation"] == {"DCISType": "2"}
    assert package["PackageServiceOptions"]["COD"]["CODFundsCode"] == "0"
    with pytest.raises(CallError, match="each package"):
        build("book", replace(american, packages=BOXES))
    with pytest.raises(CallError, match="dangerous goods"):
        build("book", replace(REQUEST, options=("dangerous_goods",)))


def test_insured_values_lose_no_cent():
    boxes = tuple(replace(BOXES[0], reference=f"P{i}") for i in range(3))
    asked = replace(REQUEST, packages=boxes, insured=Decimal("100"))
    packages = body("book", asked)["ShipmentRequest"]["Shipment"]["Package"]
    declared = [
        package["PackageServiceOptions"]["DeclaredValue"]["MonetaryValue"]
        for package in packages
    ]
    assert declared == ["33.33", "33.33", "33.34"]


def test_what_is_missing_is_said_before_ups_says_it():
    for changed, words in (
        ({"service": ""}, "service"),
        ({"packages": (replace(BOXES[0], weight=Decimal(-1)),)}, "P1 has no weight"),
        ({"shipper": replace(HAMBURG, street="")}, "Warehouse: there is no street"),
        (
            {"recipient": replace(LYON, street="x " * 80)},
            "Luc Roy: the street doesn't fit",
        ),
        ({"insured": Decimal(1), "currency": ""}, "currency"),
        ({"packages": BOXES[:1] * 51}, "at most 50"),
    ):
        with pytest.raises(CallError, match=words):
            build("book", replace(REQUEST, **changed))


def test_label_formats():
    specification = body("book", REQUEST)["ShipmentRequest"]["LabelSpecification"]
    assert specification["LabelImageFormat"] == {"Code": "GIF"}
    assert "LabelStockSize" not in specification
    zpl = body("book", replace(REQUEST, label_format="ZPL"))["ShipmentRequest"]
    assert zpl["LabelSpecification"] == {
        "LabelImageFormat": {"Code": "ZPL"},
        "LabelStockSize": {"Height": "6", "Width": "4"},
    }
    recovery = body("label", REF)["LabelRecoveryRequest"]
    assert recovery["LabelSpecification"] == {"LabelImageFormat": {"Code": "PDF"}}
    assert recovery["TrackingNumber"] == "1Z12345E6802345671"


def test_a_booking_of_unknown_fate_is_looked_up():
    assert repeat_of(PROFILE.operations["book"]) == "lookup"
    assert fate("lookup", "transient") == "unknown"
    outbound = ADAPTER.lookup_request("book", to_payload(REQUEST), PROFILE)
    assert outbound.url.endswith("/api/labels/v1/recovery")
    asked = json.loads(outbound.body)["LabelRecoveryRequest"]["ReferenceValues"]
    assert asked == {
        "ReferenceNumber": {"Value": "OUT-7-1"},
        "ShipperNumber": "{credential:account_number}",
    }
    assert PROFILE.operations["book"]["absence_is_proof"] is False


def test_voiding():
    outbound = build("cancel", REF)
    assert (outbound.method, outbound.body) == ("DELETE", b"")
    assert outbound.url.endswith("/shipments/v2409/void/cancel/1Z12345E6802345671")
    with pytest.raises(CallError):
        build("cancel", BookedRef("OUT-7-1"))


def test_a_collection_keeps_the_clock_of_its_place():
    asked = body("pickup", replace(PICKUP, bookings=(replace(REF, service="03"),)))
    asked = asked["PickupCreationRequest"]
    assert asked["PickupDateInfo"] == {
        "CloseTime": "1730",
        "ReadyTime": "1000",
        "PickupDate": "20260504",
    }
    assert asked["PickupPiece"] == [
        {
            "ServiceCode": "003",
            "Quantity": "2",
            "DestinationCountryCode": "US",
            "ContainerCode": "01",
        }
    ]
    assert asked["TotalWeight"] == {"Weight": "26.5", "UnitOfMeasurement": "LBS"}
    with pytest.raises(CallError, match="phone"):
        build("pickup", replace(PICKUP, address=replace(SALEM, phone="")))
    with pytest.raises(CallError, match="same day"):
        build("pickup", replace(PICKUP, close_at=datetime(2026, 5, 5, 14).astimezone()))
    with pytest.raises(CallError, match="no time zone"):
        build("pickup", replace(PICKUP, settings={"zone": "Nowhere"}))
    outbound = build("pickup_cancel", replace(PICKUP, confirmation="2929602E9CP"))
    assert outbound.headers["Prn"] == "2929602E9CP"
    assert outbound.url.endswith("/shipments/v2409/pickup/02")


# === READING === #


def test_a_booking():
    booked = value("book", "booked", replace(REQUEST, recipient=ZURICH))
    assert (booked.partner_id, booked.number) == ("1Z12345E6802345671",) * 2
    assert [(part.reference, part.tracking_number) for part in booked.packages] == [
        ("P1", "1Z12345E6802345671"),
        ("P2", "1Z12345E6802345682"),
    ]
    assert [
        (paper.kind, paper.content_type, paper.package) for paper in booked.documents
    ] == [
        ("label", "image/gif", "P1"),
        ("label", "image/gif", "P2"),
        ("invoice", "application/pdf", ""),
    ]
    assert booked.documents[0].data == b"GIF89a-label"
    assert [(line.code, line.amount) for line in booked.charges] == [
        ("freight", Decimal("20.00")),
        ("fuel", Decimal("3.00")),
        ("residential", Decimal("1.50")),
        ("tax", Decimal("5.04")),
    ]
    assert [line.code for line in booked.packages[0].charges] == ["signature"]
    lines = [*booked.charges, *booked.packages[0].charges]
    assert sum(line.amount for line in lines) == Decimal("31.54")


def test_a_single_object_is_a_list_of_one_and_negotiated_is_what_is_paid():
    one = replace(REQUEST, packages=BOXES[:1])
    booked = value("book", "booked_one", one)
    assert [(line.code, line.amount) for line in booked.charges] == [
        ("freight", Decimal("7.50")),
        ("fuel", Decimal("1.20")),
    ]
    assert booked.documents[0].content_type == "application/zpl"
    returned = value("return", "booked_one", one)
    assert returned.documents[0].kind == "return_label"


def test_a_booking_stands_without_its_label():
    answer = fixture("booked_one")
    results = answer["ShipmentResponse"]["ShipmentResults"]
    results["PackageResults"]["ShippingLabel"]["GraphicImage"] = "%%%"
    booked = value("book", answer, replace(REQUEST, packages=BOXES[:1]))
    assert booked.number and not booked.documents


def test_fewer_numbers_than_packages_leave_it_open():
    result = parse("book", "booked_one", REQUEST)
    assert result.error_class == "poison"
    assert "1 of 2 packages" in result.parsed.problems[0].text
    assert fate("lookup", result.error_class, status=200) == "unknown"


def test_prices():
    quotes = {
        q.service: q for q in value("rate", "rated", replace(REQUEST, service=""))
    }
    assert sorted(quotes) == ["07", "11", "54"]
    express, standard = quotes["07"], quotes["11"]
    assert (express.name, express.total, express.currency) == (
        "UPS Express",
        Decimal("49.00"),
        "EUR",
    )
    assert [
        (line.code, line.partner_code, line.amount) for line in express.charges
    ] == [
        ("freight", "BaseServiceCharge", Decimal("40.00")),
        ("fuel", "375", Decimal("5.00")),
        ("other", "999", Decimal("1.00")),
        ("other", "ServiceOptionsCharges", Decimal("3.00")),
    ]
    assert express.charges[2].text == "NEW FEE"
    assert (express.transit_days, express.deliver_by) == (1, date(2026, 5, 5))
    assert (express.weight, express.weight_basis) == (Decimal("4.53592370"), "billable")
    assert (standard.total, standard.transit_days) == (Decimal("12.00"), 3)
    assert sum(line.amount for line in standard.charges) == standard.total
    assert quotes["54"].total == Decimal("80.00")
    saturday = replace(REQUEST, service="", options=("saturday_delivery",))
    quotes = {quote.service: quote for quote in value("rate", "rated", saturday)}
    assert quotes["54"].total == Decimal("90.00")
    assert [line.code for line in quotes["54"].charges] == ["total"]


@pytest.mark.parametrize(
    ("code", "name"), [("03", "UPS Ground"), ("ZZ", "UPS ZZ")], ids=str
)
def test_services_without_a_description_have_a_name(code, name):
    rated = {
        "Service": {"Code": code, "Description": ""},
        "TotalCharges": {"CurrencyCode": "USD", "MonetaryValue": "10.00"},
    }
    (quote,) = value("rate", {"RateResponse": {"RatedShipment": [rated]}}, REQUEST)
    assert quote.name == name


def test_no_price_at_all():
    result = parse("rate", {"RateResponse": {"RatedShipment": []}}, REQUEST)
    assert result.error_class == "rejected"


def test_found_again():
    outcome, result = ADAPTER.parse_lookup(
        "book",
        Response(200, {}, json.dumps(fixture("recovered")).encode()),
        PROFILE,
        to_payload(REQUEST),
    )
    assert outcome == "found"
    booked = result.data["value"]
    assert [part.reference for part in booked.packages] == ["P1", "P2"]
    assert [paper.content_type for paper in booked.documents] == ["application/pdf"] * 2
    assert not booked.charges


def test_not_found_and_found_too_often():
    response = Response(400, {}, json.dumps(fixture("not_found")).encode())
    outcome, result = ADAPTER.parse_lookup(
        "book", response, PROFILE, to_payload(REQUEST)
    )
    assert outcome == "absent"
    assert "could not be found" in result.parsed.problems[0].text
    answer = fixture("recovered")
    answer["LabelRecoveryResponse"]["TrackingCandidate"] = [{"TrackingNumber": "1Z"}]
    response = Response(200, {}, json.dumps(answer).encode())
    outcome, result = ADAPTER.parse_lookup(
        "book", response, PROFILE, to_payload(REQUEST)
    )
    assert outcome == "failed"
    assert "several" in result.parsed.problems[0].text


def test_labels_again():
    papers = value("label", "recovered", REF)
    assert [paper.name for paper in papers] == [
        "1Z12345E6802345671.pdf",
        "1Z12345E6802345682.pdf",
    ]
    assert parse("label", "not_found", REF, 400).error_class == "rejected"


def test_fates_of_a_void():
    assert value("cancel", "voided", REF) == Cancelled("done", "Voided")
    again = value("cancel", "voided_before", REF, 400)
    assert again == Cancelled("already", "The Shipment has already been voided")
    result = parse("cancel", "voided_in_part", REF)
    assert result.error_class == "rejected"
    assert result.parsed.problems[0].text == (
        "UPS voided 1 of 2 packages. Not voided: 1Z12345E6802345682."
    )
    result = parse("cancel", "void_too_late", REF, 400)
    assert result.error_class == "rejected"
    assert result.parsed.problems[0].text == "Time for voiding has expired."


def test_whether_a_void_arrived():
    assert repeat_of(PROFILE.operations["cancel"]) == "lookup"
    outbound = ADAPTER.lookup_request("cancel", to_payload(REF), PROFILE)
    assert outbound.url.endswith("/labels/v1/recovery")

    def look_up(answer, status):
        response = Response(status, {}, json.dumps(answer).encode())
        return ADAPTER.parse_lookup("cancel", response, PROFILE, to_payload(REF))

    assert look_up(fixture("recovered"), 200)[0] == "absent"
    error = {"code": "9801040", "message": "The shipment has been voided."}
    outcome, result = look_up({"response": {"errors": [error]}}, 400)
    assert outcome == "found"
    assert result.data["value"] == Cancelled("done", "The shipment has been voided.")
    # It would have to be known to be voided.
    assert look_up(fixture("not_found"), 400)[0] == "failed"
    assert look_up({}, 500)[0] == "failed"


def test_collections():
    promised = value("pickup", "pickup", PICKUP)
    assert promised.confirmation == "2929602E9CP"
    assert [(line.code, line.text) for line in promised.charges] == [
        ("pickup", "BASE CHARGE"),
        ("other", "FUEL SURCHARGE"),
    ]
    assert value("pickup_cancel", "pickup_cancelled", PICKUP).fate == "done"
    assert (
        parse("pickup", {"PickupCreationResponse": {}}, PICKUP).error_class == "poison"
    )


@pytest.mark.parametrize(
    ("name", "status", "error_class", "texts"),
    [
        (
            "error",
            400,
            "rejected",
            [
                "Address Validation Error on ShipTo address",
                "Requested service is unavailable between the selected locations.",
            ],
        ),
        ("error", 200, "rejected", None),
        ("error_login", 401, "auth", ["Invalid Authentication Information."]),
        ("error_old", 500, "transient", ["Missing or invalid shipper number"]),
    ],
)
def test_errors(name, status, error_class, texts):
    result = parse("book", name, REQUEST, status)
    assert result.error_class == error_class
    if texts:
        assert [problem.text for problem in result.parsed.problems] == texts


def test_answers_that_are_none():
    for answer in (b"", b"{", b"[]", b"null", b"<html/>", b'{"ShipmentResponse": 3}'):
        response = Response(200, {}, answer)
        result = ADAPTER.parse_response("book", response, PROFILE, to_payload(REQUEST))
        assert result.error_class == "poison", answer


ANSWERS = [
    ("book", "booked", REQUEST),
    ("book", "booked_one", replace(REQUEST, packages=BOXES[:1])),
    ("return", "booked", REQUEST),
    ("rate", "rated", REQUEST),
    ("find", "recovered", REQUEST),
    ("label", "recovered", REF),
    ("cancel", "voided_in_part", REF),
    ("pickup", "pickup", PICKUP),
    ("pickup_cancel", "pickup_cancelled", PICKUP),
]
JUNK = st.sampled_from(
    [
        None,
        True,
        0,
        -1,
        1.5,
        "",
        " ",
        "x",
        "1e99999",
        "NaN",
        [],
        {},
        [[]],
        [None],
        {"": 1},
    ]
).map(copy.deepcopy)


def places(node, path=()):
    yield path
    parts = (
        node.items()
        if isinstance(node, dict)
        else enumerate(node)
        if isinstance(node, list)
        else ()
    )
    for key, part in parts:
        yield from places(part, (*path, key))


@given(st.data())
@settings(max_examples=300)
def test_broken_answers_break_nothing(data):
    operation, name, request = data.draw(st.sampled_from(ANSWERS))
    answer = copy.deepcopy(fixture(name))
    for _change in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(list(places(answer))))
        if not path:
            answer = data.draw(JUNK)
            continue
        node = answer
        for key in path[:-1]:
            node = node[key]
        if data.draw(st.booleans()):
            del node[path[-1]]
        else:
            node[path[-1]] = data.draw(JUNK)
    status = data.draw(st.sampled_from([200, 200, 200, 400, 404, 500]))
    result = parse_raw(operation, answer, request, status)
    if operation in ("book", "return", "find") and result.ok:
        booked = result.data["value"]
        assert booked.partner_id and booked.number
        assert all(part.tracking_number for part in booked.packages)
        assert len(booked.packages) == len(request.packages)
    if operation == "rate" and result.ok:
        assert all(quote.service and quote.currency for quote in result.data["value"])
    if operation == "pickup" and result.ok:
        assert result.data["value"].confirmation
