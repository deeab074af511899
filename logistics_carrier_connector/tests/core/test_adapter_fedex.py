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
from odoo.addons.logistics_canonical.core.effects import after_lookup, fate, repeat_of
from odoo.addons.logistics_canonical.core.profile import load_profile
from odoo.addons.logistics_carrier_connector.adapters.fedex import FedexAdapter
from odoo.addons.logistics_carrier_connector.core.shipping import (
    Address,
    BookedRef,
    Cancelled,
    Commodity,
    ManifestRequest,
    Package,
    PickupRequest,
    ShipRequest,
    to_payload,
)

HERE = Path(__file__).parent
PROFILE = load_profile(
    json.loads((HERE.parents[1] / "profiles/fedex.json").read_text(encoding="utf-8"))
)
ADAPTER = FedexAdapter()

SALEM = Address(
    "US", "Ann T", "Old", "12 Elm St", "", "Salem", "MA", "01970", "(978) 555-0100"
)
RENO = Address(
    "US",
    "Bo Ling",
    "",
    "5 Alley Way",
    "",
    "Reno",
    "NV",
    "89501",
    "7755550100",
    residential=True,
    label="delivery address",
)
LAVAL = Address("CA", "Kit", "", "1 Rue A", "", "Laval", "QC", "H7A 1A1", "4505550100")
GOODS = Commodity(
    "Clock", Decimal(2), Decimal("0.5"), Decimal("30"), "USD", "US", "910500", "CLK-1"
)
BOXES = (
    Package("P1", Decimal("2.341"), Decimal("30.2"), Decimal(20), Decimal(10)),
    Package("P2", Decimal("3")),
)
REQUEST = ShipRequest(
    "OUT-7-1",
    SALEM,
    RENO,
    BOXES,
    service="FEDEX_GROUND",
    currency="USD",
    ship_on=date(2026, 5, 4),
    order="SO9",
)
REF = BookedRef("OUT-7-1", "794953535000", "794953535000", service="FEDEX_GROUND")
PICKUP = PickupRequest(
    "PU-1",
    SALEM,
    datetime(2026, 5, 4, 14, tzinfo=timezone.utc),
    datetime(2026, 5, 4, 21, 30, tzinfo=timezone.utc),
    3,
    Decimal(12),
    bookings=(REF,),
)
CLOSE = ManifestRequest(
    "DAY-1",
    (REF, replace(REF, reference="OUT-8-1", service="FIRST_OVERNIGHT")),
    closed_on=date(2026, 5, 4),
)


def fixture(name):
    return json.loads((HERE / "fixtures/fedex" / f"{name}.json").read_text("utf-8"))


def parse(operation, answer, request, status=200):
    """``answer`` is what came, or the name of a fixture."""
    if isinstance(answer, str):
        answer = fixture(answer)
    return parse_raw(operation, answer, request, status)


def parse_raw(operation, answer, request, status):
    response = Response(status, {}, json.dumps(answer).encode())
    return ADAPTER.parse_response(operation, response, PROFILE, to_payload(request))


def look_up(answer, request, status=200):
    response = Response(status, {}, json.dumps(answer).encode())
    return ADAPTER.parse_lookup("book", response, PROFILE, to_payload(request))


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
    assert outbound.url == "https://apis.fedex.com/ship/v1/shipments"
    assert outbound.headers["x-customer-transaction-id"] == "OUT-7-1"
    sent = authorise(outbound, PROFILE, {"account_number": "740561073"}, "token")
    asked = json.loads(sent.body)
    assert asked["accountNumber"] == {"value": "740561073"}
    payment = asked["requestedShipment"]["shippingChargesPayment"]
    account = payment["payor"]["responsibleParty"]["accountNumber"]
    assert account == {"value": "740561073"}
    with pytest.raises(CallError):
        authorise(outbound, PROFILE, {}, "token")
    assert [row["required"] for row in PROFILE.credentials] == [True, True, False]


def test_a_booking_as_asked():
    asked = body("book", REQUEST)
    assert asked["labelResponseOptions"] == "LABEL"
    shipment = asked["requestedShipment"]
    assert shipment["labelSpecification"] == {
        "imageType": "PDF",
        "labelStockType": "PAPER_4X6",
    }
    assert shipment["shipDatestamp"] == "2026-05-04"
    assert shipment["recipients"][0]["address"] == {
        "streetLines": ["5 Alley Way"],
        "city": "Reno",
        "stateOrProvinceCode": "NV",
        "postalCode": "89501",
        "countryCode": "US",
        "residential": True,
    }
    assert shipment["shipper"]["contact"]["phoneNumber"] == "9785550100"
    first = shipment["requestedPackageLineItems"][0]
    assert first["weight"] == {"units": "KG", "value": 2.35}
    assert first["dimensions"] == {
        "length": 31,
        "width": 20,
        "height": 10,
        "units": "CM",
    }
    assert first["sequenceNumber"] == 1
    assert first["customerReferences"] == [
        {"customerReferenceType": "CUSTOMER_REFERENCE", "value": "OUT-7-1"},
        {"customerReferenceType": "P_O_NUMBER", "value": "SO9"},
    ]
    assert "customsClearanceDetail" not in shipment


def test_all_services_or_one():
    outbound = build("rate", replace(REQUEST, service=""))
    assert outbound.url == "https://apis.fedex.com/rate/v1/rates/quotes"
    asked = json.loads(outbound.body)
    assert asked["rateRequestControlParameters"] == {"returnTransitTimes": True}
    shipment = asked["requestedShipment"]
    assert "serviceType" not in shipment
    assert shipment["rateRequestType"] == ["ACCOUNT"]
    assert shipment["shipDateStamp"] == "2026-05-04"
    assert shipment["recipient"]["address"]["postalCode"] == "89501"
    asked = body("rate", REQUEST)["requestedShipment"]
    assert asked["serviceType"] == "FEDEX_GROUND"


def test_a_price_needs_neither_phone_nor_street():
    bare = replace(RENO, phone="", street="")
    shipment = body("rate", replace(REQUEST, recipient=bare))["requestedShipment"]
    assert shipment["recipient"] == {
        "address": {
            "city": "Reno",
            "stateOrProvinceCode": "NV",
            "postalCode": "89501",
            "countryCode": "US",
            "residential": True,
        }
    }
    # Where there is a street, it is told.
    assert shipment["shipper"]["address"]["streetLines"] == ["12 Elm St"]


def test_a_return():
    back = replace(REQUEST, shipper=RENO, recipient=SALEM)
    shipment = body("return", back)["requestedShipment"]
    assert shipment["shipmentSpecialServices"] == {
        "specialServiceTypes": ["RETURN_SHIPMENT"],
        "returnShipmentDetail": {"returnType": "PRINT_RETURN_LABEL"},
    }


def test_goods_that_cross_a_border():
    box = replace(BOXES[0], commodities=(GOODS,))
    abroad = replace(
        REQUEST,
        recipient=LAVAL,
        packages=(box,),
        incoterm="DAP",
        invoice_number="INV1",
        contents="gift",
    )
    shipment = body("book", abroad)["requestedShipment"]
    customs = shipment["customsClearanceDetail"]
    assert customs["dutiesPayment"] == {"paymentType": "RECIPIENT"}
    assert customs["totalCustomsValue"] == {"amount": 60.0, "currency": "USD"}
    assert customs["isDocumentOnly"] is False
    assert customs["commercialInvoice"]["shipmentPurpose"] == "GIFT"
    assert customs["commercialInvoice"]["termsOfSale"] == "DAP"
    assert customs["commodities"] == [
        {
            "description": "Clock",
            "quantity": 2,
            "quantityUnits": "PCS",
            "numberOfPieces": 1,
            "unitPrice": {"amount": 30.0, "currency": "USD"},
            "customsValue": {"amount": 60.0, "currency": "USD"},
            "countryOfManufacture": "US",
            "harmonizedCode": "910500",
            "partNumber": "CLK-1",
            "weight": {"units": "KG", "value": 1.0},
        }
    ]
    paid = body("book", replace(abroad, incoterm="DDP"))["requestedShipment"]
    payment = paid["customsClearanceDetail"]["dutiesPayment"]
    assert payment["paymentType"] == "SENDER" and payment["payor"]
    with pytest.raises(CallError, match="listed"):
        build("book", replace(abroad, packages=BOXES))
    with pytest.raises(CallError, match="origin of .*Clock is missing"):
        vague = replace(box, commodities=(replace(GOODS, origin=""),))
        build("book", replace(abroad, packages=(vague,)))


def test_services_beside_the_transport():
    asked = replace(
        REQUEST,
        service="PRIORITY_OVERNIGHT",
        options=("adult_signature", "saturday_delivery"),
        cod=Decimal("12.50"),
        insured=Decimal(100),
    )
    shipment = body("book", asked)["requestedShipment"]
    specials = shipment["shipmentSpecialServices"]
    assert specials["specialServiceTypes"] == ["SATURDAY_DELIVERY", "COD"]
    amount = specials["shipmentCODDetail"]["codCollectionAmount"]
    assert amount == {"amount": 12.5, "currency": "USD"}
    assert shipment["totalDeclaredValue"]["amount"] == 100.0
    for package in shipment["requestedPackageLineItems"]:
        assert package["declaredValue"]["amount"] == 50.0
        assert package["packageSpecialServices"] == {
            "specialServiceTypes": ["SIGNATURE_OPTION"],
            "signatureOptionType": "ADULT",
        }
    with pytest.raises(CallError, match="each package"):
        build("book", replace(asked, service="FEDEX_GROUND"))
    for option in ("dangerous_goods", "evening_delivery", "carbon_neutral"):
        with pytest.raises(CallError, match=option.replace("_", " ")):
            build("book", replace(REQUEST, options=(option,)))


def test_what_is_missing_is_said_before_fedex_says_it():
    for changed, words in (
        ({"service": ""}, "service"),
        (
            {"recipient": replace(RENO, phone="")},
            "Delivery address: FedEx needs a phone number",
        ),
        (
            {"recipient": replace(RENO, street="")},
            "Delivery address: there is no street",
        ),
        ({"insured": Decimal(1), "currency": ""}, "currency"),
        ({"packages": BOXES[:1] * 31}, "at most 30"),
        (
            {
                "packages": (
                    replace(BOXES[0], packaging="FEDEX_BOX"),
                    replace(BOXES[0], packaging="FEDEX_TUBE"),
                )
            },
            "one kind of packaging",
        ),
    ):
        with pytest.raises(CallError, match=words):
            build("book", replace(REQUEST, **changed))


def test_a_booking_of_unknown_fate_is_looked_up():
    assert repeat_of(PROFILE.operations["book"]) == "lookup"
    assert fate("lookup", "transient") == "unknown"
    long = replace(REQUEST, reference="WAREHOUSE/OUT/0000000042-PARCEL-1")
    outbound = ADAPTER.lookup_request("book", to_payload(long), PROFILE)
    assert outbound.url.endswith("/track/v1/referencenumbers")
    asked = json.loads(outbound.body)["referencesInformation"]
    assert asked == {
        "type": "CUSTOMER_REFERENCE",
        "value": "EHOUSE/OUT/0000000042-PARCEL-1",
        "accountNumber": "{credential:account_number}",
        "shipDateBegin": "2026-04-27",
        "shipDateEnd": "2026-05-11",
    }
    # Under the same name as it was booked.
    package = body("book", long)["requestedShipment"]["requestedPackageLineItems"][0]
    assert package["customerReferences"][0]["value"] == asked["value"]


def test_questions_are_safe_to_repeat():
    for operation in ("track", "rate", "find", "pickup_cancel"):
        assert repeat_of(PROFILE.operations[operation]) == "safe"
    for operation in ("pickup", "manifest"):
        assert repeat_of(PROFILE.operations[operation]) == "never"


def test_a_collection_keeps_the_clock_of_its_place():
    asked = body("pickup", PICKUP)
    assert asked["originDetail"]["readyDateTimestamp"] == "2026-05-04T10:00:00"
    assert asked["originDetail"]["customerCloseTime"] == "17:30:00"
    assert (asked["carrierCode"], asked["packageCount"]) == ("FDXG", 3)
    express = replace(REF, service="FIRST_OVERNIGHT")
    assert body("pickup", replace(PICKUP, bookings=(express,)))["carrierCode"] == "FDXE"
    with pytest.raises(CallError, match="separately"):
        build("pickup", replace(PICKUP, bookings=(REF, express)))
    asked = body("pickup_cancel", replace(PICKUP, confirmation="3001 COSA"))
    assert asked == {
        "associatedAccountNumber": {"value": "{credential:account_number}"},
        "pickupConfirmationCode": "3001",
        "carrierCode": "FDXG",
        "scheduledDate": "2026-05-04",
        "location": "COSA",
    }


def test_only_ground_is_closed():
    outbound = build("manifest", CLOSE)
    assert outbound.method == "PUT"
    assert outbound.url == "https://apis.fedex.com/ship/v1/endofday/"
    assert json.loads(outbound.body)["closeDate"] == "2026-05-04"
    with pytest.raises(CallError, match="day"):
        build("manifest", replace(CLOSE, closed_on=None))
    with pytest.raises(CallError, match="Ground"):
        build("manifest", replace(CLOSE, bookings=CLOSE.bookings[1:]))


# === READING === #


def test_a_booking():
    booked = value("book", "booked", REQUEST)
    assert (booked.partner_id, booked.number) == ("794953535000",) * 2
    # By their places, not by the order of the answer.
    assert [(part.reference, part.tracking_number) for part in booked.packages] == [
        ("P1", "794953535000"),
        ("P2", "794953535011"),
    ]
    first = booked.packages[0]
    assert (first.weight, first.weight_basis) == (Decimal("4.53592370"), "actual")
    assert [(paper.kind, paper.package) for paper in booked.documents] == [
        ("label", "P1"),
        ("label", "P2"),
        ("invoice", ""),
    ]
    told = [(line.code, line.partner_code, line.amount) for line in booked.charges]
    assert told == [
        ("freight", "totalBaseCharge", Decimal("30.0")),
        ("fuel", "FUEL", Decimal("4.0")),
        ("other", "PIECE_COUNT_VERIFICATION", Decimal("1.25")),
        ("discount", "", Decimal("-3.0")),
    ]
    assert not first.charges


@pytest.mark.parametrize("first", [0, 1, 215])
def test_a_billed_weight_finds_its_package_whatever_fedex_counts_from(first):
    answer = fixture("booked")
    details = answer["output"]["transactionShipments"][0]["completedShipmentDetail"]
    (light,) = details["completedPackageDetails"]
    heavy = copy.deepcopy(light)
    heavy["packageRating"]["packageRateDetails"][0]["billingWeight"]["value"] = 20
    for place, package in enumerate((light, heavy), first):
        package["sequenceNumber"] = place
    details["completedPackageDetails"] = [light, heavy]
    booked = value("book", answer, REQUEST)
    # 10 and 20 pounds.
    assert [package.weight for package in booked.packages] == [
        Decimal("4.5359237"),
        Decimal("9.0718474"),
    ]


def test_a_rate_of_the_second_package_alone_is_not_the_firsts():
    answer = fixture("booked")
    details = answer["output"]["transactionShipments"][0]["completedShipmentDetail"]
    details["completedPackageDetails"][0]["sequenceNumber"] = 2
    booked = value("book", answer, REQUEST)
    assert [package.weight > 0 for package in booked.packages] == [False, True]


def test_labels_at_an_address():
    one = replace(REQUEST, packages=BOXES[:1])
    booked = value("book", "booked_url", one)
    paper = booked.documents[0]
    assert paper.url.startswith("https://www.fedex.com/") and not paper.data
    line = booked.packages[0].charges[0]
    assert (line.code, line.amount) == ("total", Decimal("21.45"))
    outbound = ADAPTER.build_request("document", {"url": paper.url}, PROFILE)
    # No token for a host that isn't the API's.
    assert (outbound.method, outbound.auth) == ("GET", "")
    returned = value("return", "booked_url", one)
    assert returned.documents[0].kind == "return_label"


def test_fewer_numbers_than_packages_leave_it_open():
    result = parse("book", "booked_url", REQUEST)
    assert result.error_class == "poison"
    assert fate("lookup", result.error_class, status=200) == "unknown"


def test_only_remarks_leave_it_open():
    answer = {"output": {"alerts": fixture("booked")["output"]["alerts"]}}
    result = parse("book", answer, REQUEST)
    assert result.error_class == "poison"
    assert result.parsed.problems[0].text == "Recipient Postal-City Mismatch."


def test_prices():
    quotes = value("rate", "rated", replace(REQUEST, service=""))
    assert [quote.service for quote in quotes] == ["FEDEX_GROUND", "FIRST_OVERNIGHT"]
    ground, first = quotes
    assert (ground.total, ground.currency) == (Decimal("11.50"), "USD")
    assert [(line.code, line.amount) for line in ground.charges] == [
        ("freight", Decimal("12.00")),
        ("fuel", Decimal("1.00")),
        ("discount", Decimal(-2)),
        ("tax", Decimal("0.5")),
    ]
    assert sum(line.amount for line in ground.charges) == ground.total
    assert (ground.transit_days, ground.deliver_by) == (4, date(2026, 5, 8))
    assert (ground.weight, ground.weight_basis) == (Decimal("0.90718474"), "actual")
    assert (first.transit_days, first.deliver_by) == (1, date(2026, 5, 5))
    assert [line.code for line in first.charges] == ["total"]


def test_found_again():
    outcome, result = look_up(fixture("found"), REQUEST)
    assert outcome == "found"
    booked = result.data["value"]
    assert [(part.reference, part.tracking_number) for part in booked.packages] == [
        ("P1", "794953535000"),
        ("P2", "794953535011"),
    ]
    assert not booked.documents and not booked.charges


def test_without_places_the_order_of_the_answer_serves():
    answer = fixture("found")
    results = answer["output"]["completeTrackResults"][0]["trackResults"]
    for result in results:
        del result["packageDetails"]
    outcome, result = look_up(answer, REQUEST)
    assert outcome == "found"
    numbers = [part.tracking_number for part in result.data["value"].packages]
    assert numbers == ["794953535011", "794953535000"]


def test_not_all_parcels_show_yet():
    answer = fixture("found")
    del answer["output"]["completeTrackResults"][0]["trackResults"][1]
    outcome, result = look_up(answer, REQUEST)
    assert outcome == "failed"
    assert "1 of 2 packages" in result.parsed.problems[0].text


@pytest.mark.parametrize("status", [200, 400, 404])
def test_not_found_proves_nothing(status):
    outcome, result = look_up(fixture("not_found"), REQUEST, status)
    assert outcome == "absent"
    proof = PROFILE.operations["book"]["absence_is_proof"]
    assert after_lookup(outcome, proof) == "person"
    plain = {
        "errors": [{"code": "TRACKING.REFERENCENUMBER.NOTFOUND", "message": "None."}]
    }
    assert look_up(plain, REQUEST, status)[0] == "absent"


def test_fates_of_a_cancellation():
    assert value("cancel", "cancelled", REF) == Cancelled("done", "Success")
    again = value("cancel", "cancelled_before", REF, 400)
    assert again == Cancelled("already", "Shipment is already cancelled.")
    result = parse("cancel", "not_cancelled", REF)
    assert result.error_class == "rejected"
    assert result.parsed.problems[0].text == "The shipment was handed over already."


def test_whether_a_cancellation_arrived():
    assert repeat_of(PROFILE.operations["cancel"]) == "lookup"
    outbound = ADAPTER.lookup_request("cancel", to_payload(REF), PROFILE)
    assert outbound.url.endswith("/track/v1/trackingnumbers")
    assert b"794953535000" in outbound.body

    def look_up(code):
        result = {
            "trackingNumberInfo": {"trackingNumber": "794953535000"},
            "latestStatusDetail": {"code": code, "description": "x"},
        }
        if not code:
            error = {"code": "TRACKING.TRACKINGNUMBER.NOTFOUND", "message": "None."}
            result = {"error": error}
        answer = {"output": {"completeTrackResults": [{"trackResults": [result]}]}}
        response = Response(200, {}, json.dumps(answer).encode())
        return ADAPTER.parse_lookup("cancel", response, PROFILE, to_payload(REF))

    outcome, result = look_up("CA")
    assert outcome == "found" and result.data["value"].fate == "done"
    assert look_up("OC")[0] == "absent"
    assert look_up("PU")[0] == "failed"
    assert look_up("")[0] == "failed"


def test_collections():
    assert value("pickup", "pickup", PICKUP).confirmation == "3001 COSA"
    cancelled = value("pickup_cancel", "pickup_cancelled", PICKUP)
    assert "cancelled" in cancelled.text
    assert parse("pickup", {"output": {}}, PICKUP).error_class == "poison"


def test_the_end_of_the_day():
    closed = value("manifest", "closed", CLOSE)
    assert closed.partner_id == "1003234523333204"
    paper = closed.documents[0]
    assert (paper.kind, paper.name, paper.content_type) == (
        "manifest",
        "manifest-1.txt",
        "text/plain",
    )
    assert [reference for reference, _reason in closed.missing] == ["OUT-8-1"]


@pytest.mark.parametrize(
    ("name", "status", "error_class", "texts"),
    [
        (
            "error",
            400,
            "rejected",
            [
                "Invalid field value in the input (postalCode: 9021)",
                "The service isn't offered.",
            ],
        ),
        ("error", 200, "rejected", None),
        ("error", 503, "transient", None),
        (
            "error_login",
            401,
            "auth",
            ["Access token expired. Please modify your request and try again."],
        ),
    ],
)
def test_errors(name, status, error_class, texts):
    result = parse("book", name, REQUEST, status)
    assert result.error_class == error_class
    if texts:
        assert [problem.text for problem in result.parsed.problems] == texts


def test_answers_that_are_none():
    for answer in (b"", b"{", b"[]", b"null", b"<html/>", b'{"output": 3}'):
        response = Response(200, {}, answer)
        result = ADAPTER.parse_response("book", response, PROFILE, to_payload(REQUEST))
        assert result.error_class == "poison", answer


ANSWERS = [
    ("book", "booked", REQUEST),
    ("book", "booked_url", replace(REQUEST, packages=BOXES[:1])),
    ("return", "booked", REQUEST),
    ("rate", "rated", REQUEST),
    ("find", "found", REQUEST),
    ("find", "not_found", REQUEST),
    ("cancel", "cancelled", REF),
    ("pickup", "pickup", PICKUP),
    ("pickup_cancel", "pickup_cancelled", PICKUP),
    ("manifest", "closed", CLOSE),
]
JUNK = st.sampled_from(
    [None, True, 0, -1, 1.5, "", " ", "x", "1e99999", "NaN", [], {}, [[]], [None], "{}"]
).map(copy.deepcopy)


def places(node, path=()):
    yield path
    parts = ()
    if isinstance(node, dict):
        parts = node.items()
    elif isinstance(node, list):
        parts = enumerate(node)
    for key, part in parts:
        yield from places(part, (*path, key))


@given(st.data())
@settings(max_examples=300)
def test_broken_answers_break_nothing(data):
    operation, name, request = data.draw(st.sampled_from(ANSWERS))
    answer = fixture(name)
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
    if operation == "cancel" and result.ok:
        assert result.data["value"].fate in ("done", "already")
    if operation == "pickup" and result.ok:
        assert result.data["value"].confirmation
