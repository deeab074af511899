# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import copy
import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from odoo.addons.logistics_canonical.core.adapter import Response
from odoo.addons.logistics_canonical.core.calls import CallError
from odoo.addons.logistics_canonical.core.effects import fate, repeat_of
from odoo.addons.logistics_canonical.core.profile import load_profile
from odoo.addons.logistics_carrier_connector.adapters.sendcloud import (
    CHARGES,
    SendcloudAdapter,
)
from odoo.addons.logistics_carrier_connector.core.shipping import (
    CHARGE_CODES,
    Address,
    Booked,
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
    json.loads((HERE.parents[1] / "profiles/sendcloud.json").read_text("utf-8"))
)
ADAPTER = SendcloudAdapter()

SHOP = Address(
    "NL",
    "Ann Teak",
    "Oude Dingen",
    "Kerkstraat 12",
    "",
    "Breda",
    "",
    "4811 AB",
    "+31612345678",
    "ann@example.com",
)
HOME = Address("DE", "Bo Ling", "", "Gasse 5", "2. OG", "Kiel", "", "24103")
FAR = Address("US", "Kit Chen", "", "1 Elm St", "", "Reno", "NV", "89501")
BOX = Package(
    "P1", Decimal("1.25"), Decimal("30"), Decimal("20"), Decimal("10"), currency="EUR"
)
LAMP = Commodity(
    "Lamp",
    Decimal(2),
    Decimal("0.5"),
    Decimal("10.5"),
    origin="NL",
    hs_code="940520",
    sku="L1",
)
REQUEST = ShipRequest(
    "OUT-00042-1", SHOP, HOME, (BOX,), service="postnl:standard", order="S00042"
)
BOOKING = BookedRef("OUT-00042-1", "7b0c8c2e-5f0e-4c52-9d4e-0b6f3f1f2a01", "3SABCD42")
RETURN = BookedRef("RET-1", "return:9001")
ZONE = timezone(timedelta(hours=1))
PICKUP = PickupRequest(
    "PU-7",
    SHOP,
    datetime(2026, 3, 3, 9, tzinfo=ZONE),
    datetime(2026, 3, 3, 17, tzinfo=ZONE),
    parcels=3,
    weight=Decimal("4.5"),
    settings={"carrier_code": "dhl_express", "contract_id": "10"},
)
BASE = "https://panel.sendcloud.sc/api"


def fixture(name):
    return json.loads((HERE / "fixtures" / "sendcloud" / name).read_text("utf-8"))


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


def look(body, status=200, request=REQUEST):
    body = json.dumps(body).encode()
    return ADAPTER.parse_lookup(
        "book", Response(status, {}, body), PROFILE, to_payload(request)
    )[0]


def known(result, status):
    repeat = repeat_of(PROFILE.operations["book"])
    return fate(repeat, result.error_class, status=status)


def said(result):
    return result.parsed.problems[0].text


# === REQUESTS === #


def test_a_shipment_is_announced_in_one_call():
    request = replace(
        REQUEST, settings={"contract_id": "517", "brand_id": 3, "service_point": "8"}
    )
    outbound, body = ask("book", request)
    assert (outbound.method, outbound.url) == ("POST", f"{BASE}/v3/shipments/announce")
    assert outbound.auth == "api_key"
    assert body == {
        "external_reference_id": "OUT-00042-1",
        "reference": "OUT-00042-1",
        "order_number": "S00042",
        "from_address": {
            "name": "Ann Teak",
            "company_name": "Oude Dingen",
            "address_line_1": "Kerkstraat 12",
            "postal_code": "4811 AB",
            "city": "Breda",
            "country_code": "NL",
            "email": "ann@example.com",
            "phone_number": "+31612345678",
        },
        "to_address": {
            "name": "Bo Ling",
            "address_line_1": "Gasse 5",
            "address_line_2": "2. OG",
            "postal_code": "24103",
            "city": "Kiel",
            "country_code": "DE",
        },
        "to_service_point": {"id": "8"},
        "ship_with": {
            "type": "shipping_option_code",
            "properties": {
                "shipping_option_code": "postnl:standard",
                "contract_id": 517,
            },
        },
        "brand_id": 3,
        "label_details": {"mime_type": "application/pdf"},
        "parcels": [
            {
                "weight": {"value": "1.250", "unit": "kg"},
                "dimensions": {
                    "length": "30.00",
                    "width": "20.00",
                    "height": "10.00",
                    "unit": "cm",
                },
            }
        ],
    }


def test_several_parcels_share_the_insurance():
    parcels = tuple(
        replace(BOX, reference=f"P{index}", value=Decimal(worth))
        for index, worth in enumerate((10, 10, 10))
    )
    body = ask("book", replace(REQUEST, packages=parcels, insured=Decimal(100)))[1]
    shares = [parcel["additional_insured_price"]["value"] for parcel in body["parcels"]]
    assert sum(map(Decimal, shares)) == 100
    assert body["total_order_price"] == {"value": "30.00", "currency": "EUR"}


def test_a_known_sender_and_other_labels():
    request = replace(REQUEST, settings={"sender_address_id": 192}, label_format="PNG")
    body = ask("book", request)[1]
    assert body["from_address"] == {"sender_address_id": 192}
    assert body["label_details"] == {"mime_type": "image/png", "dpi": 300}


def test_customs():
    request = replace(
        REQUEST,
        shipper=replace(SHOP, vat="NL1B01", eori="NL1"),
        recipient=FAR,
        packages=(replace(BOX, commodities=(LAMP,)),),
        invoice_number="INV7",
        contents="gift",
    )
    body = ask("book", request)[1]
    assert body["to_address"]["state_province_code"] == "US-NV"
    assert body["customs_information"] == {
        "invoice_number": "INV7",
        "export_reason": "gift",
        "tax_numbers": {
            "sender": [
                {"name": "VAT", "country_code": "NL", "value": "NL1B01"},
                {"name": "EORI", "country_code": "NL", "value": "NL1"},
            ],
            "receiver": [],
            "importer_of_record": [],
        },
    }
    assert body["parcels"][0]["parcel_items"] == [
        {
            "description": "Lamp",
            "quantity": 2,
            "weight": {"value": 0.5, "unit": "kg"},
            "price": {"value": "10.50", "currency": "EUR"},
            "hs_code": "940520",
            "origin_country": "NL",
            "sku": "L1",
        }
    ]


def test_half_a_metre_is_one_piece():
    cloth = replace(LAMP, quantity=Decimal("0.5"))
    request = replace(
        REQUEST, recipient=FAR, packages=(replace(BOX, commodities=(cloth,)),)
    )
    (item,) = ask("book", request)[1]["parcels"][0]["parcel_items"]
    assert (item["quantity"], item["weight"]["value"]) == (1, 0.25)
    assert item["price"]["value"] == "5.25"


def test_goods_are_left_out_at_home_when_something_lacks():
    goods = (LAMP, replace(LAMP, hs_code=""))
    request = replace(REQUEST, packages=(replace(BOX, commodities=goods),))
    body = ask("book", request)[1]
    assert "parcel_items" not in body["parcels"][0]
    assert "customs_information" not in body


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"service": ""}, "shipping option"),
        ({"cod": Decimal(5)}, "collect on delivery"),
        ({"options": ("signature",)}, "'signature'"),
        ({"options": ("evening_delivery",)}, "evening_delivery"),
        ({"packages": (BOX,) * 16}, "1 to 15"),
        ({"recipient": FAR}, "what is in it"),
        ({"settings": {"contract_id": "x"}}, "contract_id"),
        (
            {
                "recipient": FAR,
                "packages": (replace(BOX, commodities=(replace(LAMP, hs_code=""),)),),
            },
            "Lamp has no HS code",
        ),
        (
            {
                "recipient": FAR,
                "contents": "return",
                "packages": (replace(BOX, commodities=(LAMP,)),),
            },
            "'return'",
        ),
        (
            {
                "insured": Decimal(9),
                "packages": (replace(BOX, currency=""),),
            },
            "no currency",
        ),
    ],
)
def test_what_cannot_be_asked_is_said(change, text):
    with pytest.raises(CallError, match=text):
        ask("book", replace(REQUEST, **change))


def test_an_option_the_service_names_is_taken():
    request = replace(
        REQUEST,
        service="dpd:home/age_check=18,signature",
        options=("signature", "adult_signature"),
    )
    assert ask("book", request)[1]["external_reference_id"]


def test_asking_for_prices():
    request = replace(REQUEST, service="", options=("signature",), is_return=True)
    outbound, body = ask("rate", request)
    assert outbound.url == f"{BASE}/v3/shipping-options"
    assert body["functionalities"] == {"signature": True, "returns": True}
    assert body["calculate_quotes"] is True
    assert body["to_address"] == {
        "address_line_1": "Gasse 5",
        "postal_code": "24103",
        "city": "Kiel",
        "country_code": "DE",
    }
    assert "shipping_option_code" not in body


def test_asking_for_a_return():
    request = replace(
        REQUEST,
        reference="RET-1",
        shipper=HOME,
        recipient=SHOP,
        packages=(BOX, replace(BOX, reference="P2")),
        service="dpd:return/return",
        settings={"contract_id": 5},
    )
    outbound, body = ask("return", request)
    assert outbound.url == f"{BASE}/v3/returns/announce-synchronously"
    assert body["ship_with"] == {
        "type": "shipping_option_code",
        "shipping_option_code": "dpd:return/return",
        "contract": 5,
    }
    assert body["weight"] == {"value": 2.5, "unit": "kg"}
    assert body["dimensions"] == {
        "length": 30.0,
        "width": 20.0,
        "height": 10.0,
        "unit": "cm",
    }
    assert (body["collo_count"], body["external_reference"]) == (2, "RET-1")


def test_the_other_questions():
    told = [
        (outbound.method, outbound.url.removeprefix(BASE), body)
        for operation, request in [
            ("find", replace(REQUEST, reference="A&B 1")),
            ("cancel", BOOKING),
            ("cancel", RETURN),
            ("label", BOOKING),
            ("label", RETURN),
            ("pickup_cancel", replace(PICKUP, confirmation="294301")),
        ]
        for outbound, body in [ask(operation, request)]
    ]
    shipment = f"/v3/shipments/{BOOKING.partner_id}"
    assert told == [
        ("GET", "/v3/shipments?external_reference_id=A%26B%201", None),
        ("POST", f"{shipment}/cancel", None),
        ("PATCH", "/v3/returns/9001/cancel", None),
        ("GET", shipment, None),
        ("GET", "/v3/returns/9001", None),
        ("POST", "/v3/pickups/294301/cancel", None),
    ]
    with pytest.raises(CallError, match="no manifests"):
        ask("manifest", ManifestRequest("M1", (BOOKING,)))


def test_a_label_is_fetched_with_our_key_from_sendcloud_only():
    for url, auth in [
        (f"{BASE}/v3/parcels/1/documents/label", "api_key"),
        ("https://panel.sendcloud.example/label", ""),
    ]:
        assert ADAPTER.build_request("document", {"url": url}, PROFILE).auth == auth


# === ANSWERS === #


def test_what_was_announced():
    booked = value("book", fixture("shipment_announced.json"), status=201)
    assert booked.partner_id == "7b0c8c2e-5f0e-4c52-9d4e-0b6f3f1f2a01"
    (package,) = booked.packages
    assert (package.reference, package.tracking_number, package.partner_id) == (
        "P1",
        "3SABCD000000042",
        "400000001",
    )
    label, invoice = booked.documents
    assert (label.kind, label.data[:4], label.url) == ("label", b"%PDF", "")
    assert (invoice.kind, invoice.package) == ("invoice", "P1")
    assert invoice.url.endswith("/400000001/documents/commercial-invoice")
    assert booked.tracking_url.endswith("3SABCD000000042")


def test_several_parcels():
    tree = fixture("shipment_announced.json")
    (first,) = tree["data"]["parcels"]
    del first["label_file"]
    second = {**first, "id": 400000009, "tracking_number": "3SABCD000000049"}
    tree["data"]["parcels"].append(second)
    request = replace(REQUEST, packages=(BOX, replace(BOX, reference="P2")))
    booked = value("book", tree, request, 201)
    told = [(package.reference, package.partner_id) for package in booked.packages]
    assert told == [("P1", "400000001"), ("P2", "400000009")]
    assert booked.number == "3SABCD000000042"
    assert [d.package for d in booked.documents if d.kind == "label"] == ["P1", "P2"]
    # One parcel asked for, two announced: nobody knows which is which.
    assert known(answer("book", tree, status=201), 201) == "unknown"


def test_a_refused_announcement_is_no_booking():
    result = answer("book", fixture("shipment_refused.json"), status=201)
    assert known(result, 201) == "refused"
    assert said(result) == "The postal code isn't served by the carrier."
    assert result.parsed.problems[0].code == "ANNOUNCEMENT_FAILED"


def test_half_an_announcement_is_for_a_person():
    tree = fixture("shipment_announced.json")
    tree["data"]["parcels"] += fixture("shipment_refused.json")["data"]["parcels"]
    request = replace(REQUEST, packages=(BOX, replace(BOX, reference="P2")))
    result = answer("book", tree, request, 201)
    assert known(result, 201) == "unknown"
    assert said(result) == "1 of 2 parcels were announced"


@pytest.mark.parametrize("status", ["ANNOUNCING", "READY_TO_SEND"])
def test_what_has_no_number_is_not_booked_yet(status):
    tree = fixture("shipment_announced.json")
    tree["data"]["parcels"][0].update(tracking_number="", status={"code": status})
    assert known(answer("book", tree, status=201), 201) == "unknown"
    assert look({"data": [tree["data"]]}) == "failed"


def test_the_same_reference_twice_is_the_same_shipment():
    booked = value("book", fixture("shipment_announced.json"), status=409)
    assert booked == value("book", fixture("shipment_announced.json"), status=201)
    refused = answer("book", fixture("shipment_refused.json"), status=409)
    assert known(refused, 409) == "refused"


@pytest.mark.parametrize("body", [fixture("errors_fields.json"), {}, b"", b"<html/>"])
def test_a_used_reference_without_its_shipment_is_looked_up(body):
    assert known(answer("book", body, status=409), 409) == "unknown"


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (400, "required", "refused"),
        (404, "not_found", "refused"),
        (401, "authentication_failed", "auth"),
        (403, "forbidden", "auth"),
        (429, "throttled", "again"),
        (500, "error", "unknown"),
        (503, "unavailable", "unknown"),
    ],
)
def test_what_is_known_after_an_error(status, code, expected):
    error = {"status": str(status), "code": code, "detail": "It says why"}
    result = answer("book", {"errors": [error]}, status=status)
    assert said(result) == "It says why"
    assert known(result, status) == expected


def test_an_error_names_its_fields():
    result = answer("book", fixture("errors_fields.json"), status=400)
    assert said(result) == (
        "to_address.name: This field is required.; "
        "to_address.postal_code: Not a postal code."
    )


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"errors": {"house_number": ["is blank"]}}, "house_number: is blank"),
        ({"errors": ["One", "Two"]}, "One; Two"),
        (
            {"error": {"code": 400, "message": "weight: 'too much'", "request": "x"}},
            "weight: 'too much'",
        ),
        (
            {"errors": [{"field": "returns", "code": 409, "message": "Not now"}]},
            "returns: Not now",
        ),
    ],
)
def test_forms_of_errors(body, text):
    result = answer("return", body, status=400)
    assert (said(result), result.error_class) == (text, "rejected")


def test_v2_parcels():
    booked = value("book", fixture("v2_parcel.json"))
    assert booked.partner_id == "7b0c8c2e-5f0e-4c52-9d4e-0b6f3f1f2a51"
    assert booked.number == "3SABCD000000051"
    (label,) = booked.documents
    assert label.url.endswith("/label_printer/51")
    tree = fixture("v2_parcel.json")
    tree["parcel"]["status"] = {"id": 1002, "message": "Announcement failed"}
    tree["parcel"]["errors"] = {"non_field_errors": ["No such street"]}
    result = answer("book", tree)
    assert (said(result), known(result, 200)) == (
        "non_field_errors: No such street",
        "refused",
    )


def test_a_half_failed_batch():
    tree = fixture("v2_parcels_half.json")
    result = answer("book", tree)
    assert known(result, 200) == "unknown"
    assert said(result) == (
        "house_number: This field may not be blank.; 1 parcels were announced"
    )
    del tree["parcels"]
    assert known(answer("book", tree), 200) == "refused"


def test_lookups():
    ours = fixture("shipment_announced.json")["data"]
    other = {**ours, "external_reference_id": "OUT-1", "reference": "OUT-1"}
    nameless = {**ours, "external_reference_id": None, "reference": None}
    assert look({"data": [other, ours]}) == "found"
    assert look({"data": []}) == "absent"
    assert look({"data": [other]}) == "absent"
    assert look({"data": [nameless]}) == "failed"
    assert look({}) == "failed"
    assert look({"data": {}}) == "failed"
    assert look({"data": [ours]}, 500) == "failed"
    # Sendcloud keeps it, but the carrier doesn't know it.
    assert look({"data": [fixture("shipment_refused.json")["data"]]}) == "absent"
    cancelled = copy.deepcopy(ours)
    cancelled["parcels"][0]["status"]["code"] = "CANCELLED"
    assert look({"data": [cancelled]}) == "absent"
    assert PROFILE.operations["book"]["absence_is_proof"] is True


def test_prices():
    quotes = value(
        "rate", fixture("shipping_options.json"), replace(REQUEST, service="")
    )
    first, second = quotes
    assert (first.service, str(first.total), first.currency) == (
        "postnl:standard/signature",
        "10.56",
        "EUR",
    )
    assert (first.transit_days, first.weight, first.weight_basis) == (
        2,
        Decimal("2.5"),
        "volumetric",
    )
    assert [(c.code, str(c.amount), c.partner_code, c.text) for c in first.charges] == [
        ("freight", "7.10", "price_without_insurance", "Label"),
        ("fuel", "0.36", "fuel", "Fuel surcharge (5%)"),
        ("remote_area", "3.00", "remote", "Island"),
        ("other", "0.10", "label_quality", "Unreadable label"),
    ]
    assert (second.name, second.transit_days, second.weight) == ("DPD Home", None, 0)
    assert [charge.code for charge in second.charges] == ["total"]


def test_one_price_is_asked_for():
    (quote,) = value(
        "rate", fixture("shipping_options.json"), replace(REQUEST, service="dpd:home")
    )
    assert quote.service == "dpd:home"


def test_charges_are_of_the_vocabulary():
    assert set(CHARGES.values()) <= set(CHARGE_CODES)


def test_a_return_has_its_number_later():
    booked = value("return", fixture("return_made.json"), status=201)
    assert booked.partner_id == "return:9001"
    (package,) = booked.packages
    assert (package.tracking_number, package.partner_id) == ("", "400000077")
    (label,) = booked.documents
    assert (label.kind, label.url) == (
        "return_label",
        f"{BASE}/v3/parcels/400000077/documents/label",
    )


def test_labels_again():
    tree = fixture("shipment_announced.json")
    del tree["data"]["parcels"][0]["label_file"]
    documents = value("label", tree, BOOKING)
    assert [document.kind for document in documents] == ["label", "invoice"]
    made = {
        "tracking_number": "JVGL1",
        "label": {"label_printer": f"{BASE}/v3/parcels/7/documents/label"},
    }
    (label,) = value("label", made, RETURN)
    assert (label.kind, label.name) == ("return_label", "JVGL1.pdf")
    assert not answer("label", {"data": {"id": "x", "parcels": []}}, BOOKING).ok


@pytest.mark.parametrize(
    ("label_format", "mime", "suffix"),
    [
        ("PDF", "application/pdf", "pdf"),
        ("ZPL", "application/zpl", "zpl"),
        ("PNG", "image/png", "png"),
    ],
)
def test_a_label_behind_a_link_is_fetched_in_the_form_asked_for(
    label_format, mime, suffix
):
    tree = fixture("shipment_announced.json")
    del tree["data"]["parcels"][0]["label_file"]
    del tree["data"]["label_details"]
    request = replace(REQUEST, label_format=label_format)
    asked = {"label_format": label_format}
    returned = {
        "tracking_number": "JVGL1",
        "label": {"label_printer": f"{BASE}/v3/parcels/7/documents/label"},
    }
    made = fixture("return_made.json")
    papers = [
        *value("book", tree, request, 201).documents,
        *value("find", {"data": [tree["data"]]}, request).documents,
        *value("label", tree, replace(BOOKING, settings=asked)),
        *value("label", returned, replace(RETURN, settings=asked)),
        *value("return", made, request, 201).documents,
    ]
    labels = [paper for paper in papers if paper.kind.endswith("label")]
    assert len(labels) == 5
    for label in labels:
        outbound = ADAPTER.build_request("document", to_payload(label), PROFILE)
        assert (outbound.headers["Accept"], label.name.rsplit(".")[-1]) == (
            mime,
            suffix,
        )
    # An invoice is no label.
    invoices = [paper for paper in papers if paper.kind == "invoice"]
    assert {paper.content_type for paper in invoices} == {"application/pdf"}


def test_the_answer_knows_best_what_its_label_is():
    tree = fixture("shipment_announced.json")
    del tree["data"]["parcels"][0]["label_file"]
    tree["data"]["label_details"] = {"mime_type": "application/zpl"}
    assert value("label", tree, BOOKING)[0].content_type == "application/zpl"


def test_labels_of_v2_are_pdf():
    request = replace(REQUEST, label_format="ZPL")
    (label,) = value("book", fixture("v2_parcel.json"), request).documents
    assert (label.content_type, label.name[-4:]) == ("application/pdf", ".pdf")


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, {"data": {"status": "cancelled", "message": "Done"}}, "done"),
        (202, {"data": {"status": "queued", "message": "Later"}}, "requested"),
        (200, {"status": "cancelled", "message": "Parcel has been cancelled"}, "done"),
        (410, {"status": "deleted", "message": "Parcel has been deleted"}, "done"),
        (202, {"message": "Cancellation requested successfully"}, "requested"),
        (
            409,
            {
                "errors": [
                    {
                        "status": "409",
                        "code": "invalid",
                        "detail": "This shipment is already being cancelled.",
                    }
                ]
            },
            "already",
        ),
    ],
)
def test_cancellations(status, body, expected):
    got = value("cancel", body, BOOKING, status)
    assert isinstance(got, Cancelled)
    assert got.fate == expected


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (409, {"errors": [{"code": "invalid", "detail": "It was delivered."}]}),
        (409, {"errors": [{"field": "returns", "message": "Not cancellable."}]}),
        (404, {"errors": [{"code": "not_found", "detail": "Not found"}]}),
        (400, {"error": {"code": 400, "message": "No"}}),
        (200, {"status": "failed", "message": "Too late"}),
        (200, {"message": "Nothing said"}),
        (200, {}),
    ],
)
def test_what_is_not_cancelled(status, body):
    assert not answer("cancel", body, BOOKING, status).ok


# === COLLECTIONS === #


def test_a_collection():
    outbound, body = ask("pickup", PICKUP)
    assert outbound.url == f"{BASE}/v3/pickups"
    assert body["time_slots"] == [
        {"start_at": "2026-03-03T08:00:00Z", "end_at": "2026-03-03T16:00:00Z"}
    ]
    assert body["items"] == [
        {
            "quantity": 3,
            "container_type": "parcel",
            "total_weight": {"value": "4.500", "unit": "kg"},
        }
    ]
    assert (body["carrier_code"], body["contract_id"]) == ("dhl_express", 10)
    booked = value("pickup", fixture("pickup_made.json"), PICKUP, 201)
    assert booked.confirmation == "294301"
    with pytest.raises(CallError, match="one carrier"):
        ask("pickup", replace(PICKUP, settings={}))
    extra = {**PICKUP.settings, "pickup_fields": {"is_overweight": False}}
    assert ask("pickup", replace(PICKUP, settings=extra))[1]["is_overweight"] is False


def test_a_failed_collection():
    tree = fixture("pickup_made.json")
    tree["data"]["status"] = "FAILED"
    assert answer("pickup", tree, PICKUP).error_class == "rejected"


@pytest.mark.parametrize(
    ("http", "status", "expected"),
    [
        (200, "CANCELLED", "done"),
        (202, "CANCELLATION_REQUESTED", "requested"),
        (409, "FAILED", None),
        (200, "CREATED", None),
    ],
)
def test_cancelling_a_collection(http, status, expected):
    tree = fixture("pickup_made.json")
    tree["data"]["status"] = status
    result = answer("pickup_cancel", tree, PICKUP, http)
    assert (result.data["value"].fate if result.ok else None) == expected


# === HOSTILE ANSWERS === #

REQUESTS = {
    "rate": REQUEST,
    "book": REQUEST,
    "return": REQUEST,
    "find": REQUEST,
    "cancel": BOOKING,
    "label": RETURN,
    "pickup": PICKUP,
    "pickup_cancel": PICKUP,
}
TREES = [
    fixture(path.name) for path in sorted((HERE / "fixtures" / "sendcloud").iterdir())
]
TREES.append({"data": [fixture("shipment_announced.json")["data"]]})
WASTE = st.sampled_from(
    [None, "", " ", 0, -1, 1e300, True, [], {}, [[]], [None], {"a": []}, "NaN", "é" * 9]
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
    status = data.draw(st.sampled_from([200, 201, 404, 409, 410, 422, 500]))
    result = answer(operation, tree, REQUESTS[operation], status)
    if operation in ("book", "find") and result.ok:
        booked = result.data["value"]
        assert isinstance(booked, Booked)
        assert booked.partner_id
        assert all(package.tracking_number for package in booked.packages)


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b'"x"', b"<html>", b"{", b"\xff", b"[" * 9999]
)
@pytest.mark.parametrize("operation", sorted(REQUESTS))
@pytest.mark.parametrize("status", [200, 409])
def test_bodies_that_say_nothing(operation, body, status):
    assert not answer(operation, body, REQUESTS[operation], status).ok
