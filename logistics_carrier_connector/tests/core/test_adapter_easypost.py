# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import copy
import json
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from odoo.addons.logistics_canonical.core.adapter import Response
from odoo.addons.logistics_canonical.core.calls import CallError
from odoo.addons.logistics_canonical.core.effects import fate, repeat_of
from odoo.addons.logistics_canonical.core.profile import load_profile
from odoo.addons.logistics_carrier_connector.adapters.easypost import EasyPostAdapter
from odoo.addons.logistics_carrier_connector.core.shipping import (
    Address,
    Booked,
    BookedRef,
    Cancelled,
    Commodity,
    ManifestRequest,
    NextCall,
    Package,
    PickupBooked,
    PickupRequest,
    ShipRequest,
    to_payload,
)

HERE = Path(__file__).parent
PROFILE = load_profile(
    json.loads((HERE.parents[1] / "profiles/easypost.json").read_text("utf-8"))
)
ADAPTER = EasyPostAdapter()

US = Address(
    "US",
    "Ann Teak",
    "Old Things",
    "12 Elm St",
    "",
    "Salem",
    "MA",
    "01970",
    "9785550100",
)
HOME = Address(
    "US", "Bo Ling", "", "5 Alley Way", "Apt 2", "Reno", "NV", "89501", residential=True
)
CANADA = Address("CA", "Kit Chen", "", "1 Rue A", "", "Laval", "QC", "H7A 1A1")
BOX = Package(
    "P1", Decimal("1.25"), Decimal("30"), Decimal("20"), Decimal("10"), currency="USD"
)
REQUEST = ShipRequest(
    "OUT-00042-1",
    US,
    HOME,
    (BOX,),
    service="USPS/Priority",
    order="S00042",
    settings={"carrier_account": "ca_1"},
)
BOOKING = BookedRef("OUT-00042-1", "shp_1", "9400100000000000000042")
PICKUP = PickupRequest(
    "PU-7",
    US,
    datetime(2026, 3, 3, 9, tzinfo=timezone(timedelta(hours=-5))),
    datetime(2026, 3, 3, 17, tzinfo=timezone(timedelta(hours=-5))),
    bookings=(BOOKING,),
)


def fixture(name):
    return json.loads((HERE / "fixtures" / "easypost" / name).read_text("utf-8"))


def ask(operation, request):
    outbound = ADAPTER.build_request(operation, to_payload(request), PROFILE)
    return outbound, json.loads(outbound.body) if outbound.body else None


def answer(operation, body, request=REQUEST, status=200):
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    response = Response(status, {"content-type": "application/json"}, body)
    return ADAPTER.parse_response(operation, response, PROFILE, to_payload(request))


def value(operation, body, request=REQUEST, status=200):
    result = answer(operation, body, request, status)
    assert result.ok, result
    assert not result.parsed.problems
    return result.data["value"]


def said(result):
    return result.parsed.problems[0].text


# === REQUESTS === #


def test_a_label_is_bought_in_one_call():
    outbound, body = ask("book", REQUEST)
    assert (outbound.method, outbound.url) == (
        "POST",
        "https://api.easypost.com/v2/shipments",
    )
    assert outbound.auth == "api_key"
    shipment = body["shipment"]
    assert shipment["reference"] == "OUT-00042-1"
    assert (shipment["carrier"], shipment["service"]) == ("USPS", "Priority")
    assert shipment["carrier_accounts"] == ["ca_1"]
    assert shipment["from_address"]["zip"] == "01970"
    assert shipment["to_address"]["residential"] is True
    assert "company" not in shipment["to_address"]
    assert "customs_info" not in shipment
    assert shipment["options"] == {"label_format": "PDF", "print_custom_1": "S00042"}


def test_measures_are_converted_exactly_and_rounded_up_to_a_tenth():
    parcel = ask("rate", REQUEST)[1]["shipment"]["parcel"]
    # 1.25 kg are 44.0924 oz; 30, 20 and 10 cm are 11.81, 7.87 and 3.94 in.
    assert parcel == {
        "weight": "44.1",
        "length": "11.9",
        "width": "7.9",
        "height": "4.0",
    }
    exact = replace(BOX, weight=Decimal("0.45359237"), length=Decimal("30.48"))
    parcel = ask("rate", replace(REQUEST, packages=(exact,)))[1]["shipment"]["parcel"]
    assert (parcel["weight"], parcel["length"]) == ("16.0", "12.0")


def test_a_carriers_own_box_needs_no_size():
    box = replace(BOX, packaging="FlatRateEnvelope")
    parcel = ask("rate", replace(REQUEST, packages=(box,)))[1]["shipment"]["parcel"]
    assert parcel == {"weight": "44.1", "predefined_package": "FlatRateEnvelope"}


def test_what_is_rated_is_not_found_by_our_reference():
    shipment = ask("rate", replace(REQUEST, service="", settings={}))[1]["shipment"]
    assert not {"reference", "service", "carrier_accounts"} & set(shipment)


def test_options():
    request = replace(
        REQUEST,
        options=("signature", "adult_signature", "saturday_delivery", "carbon_neutral"),
        cod=Decimal("20"),
        insured=Decimal("150"),
        label_format="ZPL",
        ship_on=date(2026, 3, 2),
        settings={"carrier_account": "ca_1", "cod_method": "CASH"},
    )
    shipment = ask("book", request)[1]["shipment"]
    assert shipment["insurance"] == "150.00"
    assert shipment["options"] == {
        "label_format": "ZPL",
        "print_custom_1": "S00042",
        "label_date": "2026-03-02T12:00:00Z",
        "cod_amount": "20.00",
        "cod_method": "CASH",
        "saturday_delivery": True,
        "carbon_neutral": True,
        "delivery_confirmation": "ADULT_SIGNATURE",
    }


def test_an_insured_value_is_of_us_dollars_only():
    euros = replace(REQUEST, insured=Decimal(150), currency="EUR")
    with pytest.raises(CallError, match="insures in USD only"):
        ask("book", euros)
    # What isn't insured can have its goods in any currency.
    assert ask("book", replace(euros, insured=Decimal(0)))
    assert ask("rate", euros)


def test_customs():
    goods = Commodity(
        "Lamp",
        Decimal(3),
        Decimal("0.4"),
        Decimal("10.50"),
        origin="US",
        hs_code="940520",
        sku="L1",
    )
    request = replace(
        REQUEST, recipient=CANADA, packages=(replace(BOX, commodities=(goods,)),)
    )
    shipment = ask("book", request)[1]["shipment"]
    assert shipment["customs_info"] == {
        "contents_type": "merchandise",
        "customs_certify": True,
        "customs_signer": "Ann Teak",
        "eel_pfc": "NOEEI 30.37(a)",
        "non_delivery_option": "return",
        "restriction_type": "none",
        "customs_items": [
            {
                "description": "Lamp",
                "quantity": 3,
                "value": "31.50",
                # 1.2 kg; never more than the parcel.
                "weight": "42.328",
                "hs_tariff_number": "940520",
                "origin_country": "US",
                "code": "L1",
                "currency": "USD",
            }
        ],
    }


def test_a_dear_export_needs_its_filing():
    goods = Commodity("Ring", value=Decimal(2501), weight=Decimal("0.1"))
    request = replace(
        REQUEST, recipient=CANADA, packages=(replace(BOX, commodities=(goods,)),)
    )
    with pytest.raises(CallError, match="AES ITN"):
        ask("book", request)
    request = replace(
        request, settings={"carrier_account": "ca_1", "eel_pfc": "AES X20260302123456"}
    )
    customs = ask("book", request)[1]["shipment"]["customs_info"]
    assert customs["eel_pfc"] == "AES X20260302123456"


def test_there_is_no_customs_border_inside_the_union():
    request = replace(
        REQUEST,
        shipper=replace(US, country="DE", eori="DE1"),
        recipient=replace(CANADA, country="FR"),
    )
    shipment = ask("book", request)[1]["shipment"]
    assert not {"customs_info", "tax_identifiers"} & set(shipment)


def test_a_return_keeps_the_addresses_of_the_way_out():
    request = replace(REQUEST, shipper=HOME, recipient=US)
    shipment = ask("return", request)[1]["shipment"]
    assert shipment["is_return"] is True
    assert shipment["to_address"]["zip"] == HOME.zip
    assert shipment["from_address"]["zip"] == US.zip


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"packages": (BOX, replace(BOX, reference="P2"))}, "one by one"),
        ({"packages": (replace(BOX, weight=Decimal(0)),)}, "weight"),
        ({"service": ""}, "no EasyPost service"),
        ({"settings": {}}, "carrier account"),
        ({"options": ("no_neighbour",)}, "no_neighbour"),
        ({"recipient": CANADA}, "what is in it"),
    ],
)
def test_what_cannot_be_asked_is_said(change, text):
    with pytest.raises(CallError, match=text):
        ask("book", replace(REQUEST, **change))


def test_the_other_questions():
    base = "https://api.easypost.com/v2"
    told = {
        operation: (outbound.method, outbound.url.removeprefix(base), body)
        for operation, request in {
            "find": replace(REQUEST, reference="OUT/42"),
            "cancel": BOOKING,
            "label": BookedRef("OUT-00042-1"),
            "pickup_cancel": replace(PICKUP, confirmation="WTC1/pickup_9"),
            "manifest": ManifestRequest("M1", (BOOKING,)),
        }.items()
        for outbound, body in [ask(operation, request)]
    }
    assert told == {
        "find": ("GET", "/shipments/OUT%2F42", None),
        "cancel": ("POST", "/shipments/shp_1/refund", None),
        "label": ("GET", "/shipments/OUT-00042-1", None),
        "pickup_cancel": ("POST", "/pickups/pickup_9/cancel", None),
        "manifest": ("POST", "/scan_forms", {"shipments": [{"id": "shp_1"}]}),
    }


def test_a_label_elsewhere_is_fetched_without_our_key():
    outbound = ADAPTER.build_request(
        "document", {"url": "https://files.example.net/a.pdf"}, PROFILE
    )
    assert (outbound.url, outbound.auth) == ("https://files.example.net/a.pdf", "")


# === ANSWERS === #


def test_what_was_bought():
    booked = value("book", fixture("shipment_bought.json"), status=201)
    assert booked.partner_id == "shp_3f1c0a9be4d54c1f8a7b6c5d4e3f2a10"
    assert booked.number == "9400100000000000000042"
    (package,) = booked.packages
    assert (package.reference, package.tracking_number) == ("P1", booked.number)
    assert [(c.code, str(c.amount), c.currency, c.text) for c in booked.charges] == [
        ("freight", "11.40", "USD", "Priority"),
        ("insurance", "1.50000", "USD", "InsuranceFee"),
        ("other", "0.05000", "USD", "SurpriseFee"),
    ]
    assert [(d.kind, d.content_type, d.package) for d in booked.documents] == [
        ("label", "application/pdf", "P1"),
        ("invoice", "application/pdf", "P1"),
    ]
    assert booked.documents[0].url.endswith("/0001.pdf")
    assert booked.tracking_url == "https://track.example.net/0001"


def test_a_price_without_fees_is_a_total():
    tree = fixture("shipment_bought.json")
    del tree["fees"]
    (charge,) = value("book", tree).charges
    assert (charge.code, charge.amount) == ("total", Decimal("11.40"))


def test_rates():
    quotes = value("rate", fixture("shipment_rated.json"), replace(REQUEST, service=""))
    assert [(q.service, q.name, str(q.total), q.transit_days) for q in quotes] == [
        ("USPS/Priority", "USPS Priority", "11.40", 2),
        ("UPS/NextDayAir", "UPS NextDayAir", "61.2", 1),
    ]
    assert quotes[1].deliver_by == datetime(2026, 3, 4, 17, tzinfo=timezone.utc)


@pytest.mark.parametrize("service", ["NextDayAir", "UPS/NextDayAir"])
def test_one_rate_is_asked_for(service):
    (quote,) = value(
        "rate", fixture("shipment_rated.json"), replace(REQUEST, service=service)
    )
    assert (quote.service, quote.quote_id) == (service, "rate_0002")


def test_no_rate_is_what_carriers_say():
    tree = {**fixture("shipment_rated.json"), "rates": []}
    result = answer("rate", tree)
    assert result.error_class == "rejected"
    assert said(result) == "FedEx: Origin is not served"


def test_a_shipment_that_was_only_created_is_not_booked():
    tree = fixture("shipment_rated.json")
    assert answer("book", tree, status=201).error_class == "rejected"
    response = Response(200, {}, json.dumps(tree).encode())
    outcome, _result = ADAPTER.parse_lookup(
        "book", response, PROFILE, to_payload(REQUEST)
    )
    assert outcome == "absent"


@pytest.mark.parametrize(
    ("name", "change", "status", "outcome"),
    [
        ("shipment_bought.json", {}, 200, "found"),
        # References aren't unique at EasyPost.
        ("shipment_bought.json", {"reference": "another"}, 200, "failed"),
        # Neither bought nor not.
        ("shipment_bought.json", {"tracking_code": None, "tracker": 0}, 200, "failed"),
        ("shipment_bought.json", {}, 503, "failed"),
    ],
)
def test_lookups(name, change, status, outcome):
    body = json.dumps({**fixture(name), **change}).encode()
    got, _result = ADAPTER.parse_lookup(
        "book", Response(status, {}, body), PROFILE, to_payload(REQUEST)
    )
    assert got == outcome


def test_a_reference_nobody_knows_proves_nothing():
    error = {"error": {"code": "NOT_FOUND", "message": "Not found", "errors": []}}
    outcome, _result = ADAPTER.parse_lookup(
        "book",
        Response(404, {}, json.dumps(error).encode()),
        PROFILE,
        to_payload(REQUEST),
    )
    assert outcome == "absent"
    assert PROFILE.operations["book"]["absence_is_proof"] is False


@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [
        ("SHIPMENT.POSTAGE.FAILURE", 422, "refused"),
        # The carrier didn't answer EasyPost.
        ("SHIPMENT.POSTAGE.NO_RESPONSE", 422, "unknown"),
        ("SHIPMENT.POSTAGE.EXISTS", 422, "unknown"),
        ("INTERNAL_SERVER_ERROR", 500, "unknown"),
        ("RATE_LIMITED", 429, "again"),
        ("APIKEY.INACTIVE", 403, "auth"),
        ("NOT_FOUND", 404, "refused"),
    ],
)
def test_what_is_known_after_an_error(code, status, expected):
    body = {"error": {"code": code, "message": "It says why", "errors": []}}
    result = answer("book", body, status=status)
    assert said(result) == "It says why"
    repeat = repeat_of(PROFILE.operations["book"])
    assert fate(repeat, result.error_class, status=status) == expected


def test_an_error_names_its_fields():
    result = answer("book", fixture("error_fields.json"), status=422)
    assert result.error_class == "rejected"
    problem = result.parsed.problems[0]
    assert problem.code == "SHIPMENT.INVALID_PARAMS"
    assert problem.text == (
        "Unable to create shipment, one or more parameters were invalid.; "
        "to_address.zip: must be five digits (94107); parcel.weight: must be positive"
    )


@pytest.mark.parametrize(
    ("error", "text"),
    [
        ("A sentence", "A sentence"),
        ({"message": ["One", "Two"]}, "One; Two"),
        ({"message": {"zip": ["is wrong"]}}, "zip: is wrong"),
        ({"message": "No", "errors": ["This", {"zip": "that"}]}, "No; This; zip: that"),
        ({"message": "No", "errors": {"zip": ["bad"]}}, "No; zip: bad"),
        (
            {"message": "Bad zip", "errors": [{"field": "zip", "message": "Bad zip"}]},
            "zip: Bad zip",
        ),
    ],
)
@pytest.mark.parametrize("status", [200, 400])
def test_forms_of_errors(error, text, status):
    result = answer("book", {"error": error}, status=status)
    assert (said(result), result.error_class) == (text, "rejected")


@pytest.mark.parametrize(
    ("status", "fate_"),
    [("submitted", "requested"), ("refunded", "done"), ("not_applicable", "already")],
)
def test_refunds(status, fate_):
    tree = {**fixture("shipment_bought.json"), "refund_status": status}
    assert value("cancel", tree, BOOKING) == Cancelled(fate_, f"refund {status}")


@pytest.mark.parametrize("status", ["rejected", None, "later", 7])
def test_a_rejected_refund_is_no_cancellation(status):
    tree = {**fixture("shipment_bought.json"), "refund_status": status}
    assert not answer("cancel", tree, BOOKING).ok


@pytest.mark.parametrize(
    ("change", "outcome"),
    [
        ({"refund_status": "submitted"}, "found"),
        ({"refund_status": None}, "absent"),
        ({"refund_status": "rejected"}, "failed"),
    ],
)
def test_looking_whether_a_refund_was_asked_for(change, outcome):
    payload = to_payload(BOOKING)
    outbound = ADAPTER.lookup_request("cancel", payload, PROFILE)
    assert (outbound.method, outbound.url[-16:]) == ("GET", "/shipments/shp_1")
    body = json.dumps({**fixture("shipment_bought.json"), **change}).encode()
    told, _result = ADAPTER.parse_lookup(
        "cancel", Response(200, {}, body), PROFILE, payload
    )
    assert told == outcome


def test_labels_again():
    tree = fixture("shipment_bought.json")
    documents = value("label", tree, BOOKING)
    assert [document.kind for document in documents] == ["label", "invoice"]
    tree["postage_label"]["label_zpl_url"] = "https://files.example.net/1.zpl"
    wanted = replace(BOOKING, settings={"label_format": "ZPL"})
    assert value("label", tree, wanted)[0].content_type == "application/zpl"
    tree.update(is_return=True)
    assert value("label", tree, wanted)[0].kind == "return_label"
    assert not answer("label", fixture("shipment_rated.json"), BOOKING).ok


# === COLLECTIONS AND MANIFESTS === #


def test_a_collection_is_asked_for_with_its_zone():
    _outbound, body = ask("pickup", PICKUP)
    pickup = body["pickup"]
    assert pickup["min_datetime"] == "2026-03-03T09:00:00-05:00"
    assert pickup["shipment"] == {"id": "shp_1"}
    assert pickup["is_account_address"] is False
    many = replace(PICKUP, bookings=(BOOKING, BOOKING))
    with pytest.raises(CallError, match="batch"):
        ask("pickup", many)
    body = ask("pickup", replace(many, settings={"batch": "batch_1"}))[1]
    assert body["pickup"]["batch"] == {"id": "batch_1"}


def test_an_offer_is_no_collection():
    chosen = replace(PICKUP, settings={"pickup_service": "Future-day Pickup"})
    following = value("pickup", fixture("pickup_offered.json"), chosen, 201)
    assert isinstance(following, NextCall)
    outbound = ADAPTER.build_request(following.operation, following.payload, PROFILE)
    assert outbound.url.endswith("/pickups/pickup_0a1b2c3d4e5f4a5b8c7d6e5f4a3b2c1d/buy")
    assert json.loads(outbound.body) == {
        "carrier": "UPS",
        "service": "Future-day Pickup",
    }


def test_a_person_chooses_among_offers():
    result = answer("pickup", fixture("pickup_offered.json"), PICKUP)
    assert result.error_class == "rejected"
    assert "UPS Same-day Pickup (9.80 USD)" in said(result)


def test_an_ordered_collection():
    tree = fixture("pickup_offered.json")
    tree.update(status="scheduled", confirmation="WTC62300486")
    for operation in ("pickup", "pickup_buy", "pickup_find"):
        booked = value(operation, tree, PICKUP)
        assert isinstance(booked, PickupBooked)
        assert booked.confirmation == f"WTC62300486/{tree['id']}"
    cancelled = replace(PICKUP, confirmation=booked.confirmation)
    assert tree["id"] in ask("pickup_cancel", cancelled)[0].url


def test_looking_whether_a_collection_was_ordered():
    body = json.dumps(fixture("pickup_offered.json")).encode()
    payload = {"pickup": "pickup_1", "carrier": "UPS", "service": "Same-day Pickup"}
    outbound = ADAPTER.lookup_request("pickup_buy", payload, PROFILE)
    assert outbound.url.endswith("/v2/pickups/pickup_1")
    outcome, _result = ADAPTER.parse_lookup(
        "pickup_buy", Response(200, {}, body), PROFILE, payload
    )
    assert outcome == "absent"


def test_cancelling_a_collection():
    tree = {**fixture("pickup_offered.json"), "status": "canceled"}
    assert value("pickup_cancel", tree, PICKUP).fate == "done"
    tree.update(
        status="scheduled", messages=[{"carrier": "UPS", "message": "Too late"}]
    )
    result = answer("pickup_cancel", tree, PICKUP)
    assert said(result) == "The collection is 'scheduled'; UPS: Too late"


def test_scan_forms():
    late = BookedRef("OUT-00043-1", "shp_2", "9400100000000000000043")
    request = ManifestRequest("M1", (BOOKING, late))
    manifest = value("manifest", fixture("scan_form.json"), request, 201)
    (document,) = manifest.documents
    assert (document.kind, document.content_type) == ("manifest", "application/pdf")
    assert manifest.missing == (("OUT-00043-1", "EasyPost left it out"),)


def test_a_scan_form_still_being_drawn_has_no_paper():
    tree = {
        **fixture("scan_form.json"),
        "status": "creating",
        "form_url": None,
        "tracking_codes": [],
    }
    manifest = value("manifest", tree, ManifestRequest("M1", (BOOKING,)))
    assert not manifest.documents and not manifest.missing
    tree.update(status="failed", message="Shipments have other origins")
    result = answer("manifest", tree, ManifestRequest("M1", (BOOKING,)))
    assert said(result) == "Shipments have other origins"


# === HOSTILE ANSWERS === #

REQUESTS = {
    "rate": REQUEST,
    "book": REQUEST,
    "return": REQUEST,
    "find": REQUEST,
    "cancel": BOOKING,
    "label": BOOKING,
    "pickup": PICKUP,
    "pickup_cancel": PICKUP,
    "manifest": ManifestRequest("M1", (BOOKING,)),
}
TREES = [
    fixture(path.name) for path in sorted((HERE / "fixtures" / "easypost").iterdir())
]
WASTE = st.sampled_from(
    [
        None,
        "",
        " ",
        0,
        -1,
        1e300,
        True,
        [],
        {},
        [[]],
        [None],
        {"a": []},
        "NaN",
        "x" * 50,
    ]
)


def paths(tree, path=()):
    yield path
    parts = tree.items() if isinstance(tree, dict) else enumerate(tree)
    for name, part in parts:
        if isinstance(part, dict | list):
            yield from paths(part, (*path, name))
        else:
            yield (*path, name)


@settings(max_examples=400)
@given(st.data())
def test_nothing_an_answer_lacks_raises(data):
    tree = copy.deepcopy(data.draw(st.sampled_from(TREES)))
    for _step in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(list(paths(tree))))
        if not path:
            continue
        node = tree
        for name in path[:-1]:
            node = node[name]
        if data.draw(st.booleans()):
            node[path[-1]] = copy.deepcopy(data.draw(WASTE))
        else:
            del node[path[-1]]
    operation = data.draw(st.sampled_from(sorted(REQUESTS)))
    status = data.draw(st.sampled_from([200, 201, 404, 409, 422, 500]))
    result = answer(operation, tree, REQUESTS[operation], status)
    if operation in ("book", "return", "find") and result.ok:
        booked = result.data["value"]
        assert isinstance(booked, Booked)
        assert booked.partner_id
        assert all(package.tracking_number for package in booked.packages)


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b'"x"', b"<html>", b"{", b"\xff", b"[" * 9999]
)
@pytest.mark.parametrize("operation", sorted(REQUESTS))
def test_bodies_that_say_nothing(operation, body):
    assert not answer(operation, body, REQUESTS[operation]).ok
