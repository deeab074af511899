# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import base64
import json
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from simulator import numbers  # noqa: E402
from simulator.pusher import Pusher  # noqa: E402
from simulator.server import start  # noqa: E402
from simulator.world import World  # noqa: E402


@pytest.fixture(scope="module")
def running():
    server = start(World([]))
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def sim(running):
    send(running, "POST", "/_control/reset")
    yield running
    assert running.broken == []


def send(server, method, path, body=None, headers=None):
    """Return (status, parsed body or bytes)."""
    headers = dict(headers or {})
    if isinstance(body, dict | list):
        body = json.dumps(body)
        headers.setdefault("Content-Type", "application/json")
    data = body.encode() if isinstance(body, str) else body
    url = path if path.startswith("http") else server.url + path
    request = urllib.request.Request(url, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            status, raw = answer.status, answer.read()
    except urllib.error.HTTPError as error:
        status, raw = error.code, error.read()
    try:
        return status, json.loads(raw)
    except ValueError:
        return status, raw


def basic(user, password=""):
    coded = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {"Authorization": f"Basic {coded}"}


def test_numbers_have_their_carriers_check_digits():
    # Real numbers, taken apart and put together again.
    assert numbers.ups("5R8939", 5756712, "03") == "1Z5R89390357567127"
    assert numbers.ups("879E93", 4683444, "03") == "1Z879E930346834440"
    assert numbers.postal(12345678, "RB", "GB") == "RB123456785GB"
    for serial in (1, 77, 123456):
        fedex = numbers.fedex(serial)
        weights = (3, 1, 7, 3, 1, 7, 3, 1, 7, 3, 1)
        total = sum(int(d) * w for d, w in zip(fedex, weights, strict=False))
        assert len(fedex) == 12 and int(fedex[-1]) == total % 11 % 10
        waybill = numbers.dhl_express(serial)
        assert len(waybill) == 10 and int(waybill[:-1]) % 7 == int(waybill[-1])
        assert len(numbers.usps(serial)) == 22


# --- EasyPost

EP = basic("demo-easypost-key")


def ep_shipment(**more):
    address = {"street1": "417 Montgomery Street", "zip": "94104", "country": "US"}
    return {
        "shipment": {
            "to_address": address,
            "from_address": address,
            "parcel": {"length": 10, "width": 8, "height": 4, "weight": 65.9},
            "reference": "OUT/1",
            **more,
        }
    }


def ep_bought(sim, **more):
    made = send(sim, "POST", "/v2/shipments", ep_shipment(**more), EP)[1]
    rate = min(made["rates"], key=lambda row: float(row["rate"]))
    body = {"rate": {"id": rate["id"]}}
    return send(sim, "POST", f"/v2/shipments/{made['id']}/buy", body, EP)[1]


def test_easypost_rates_then_buys_once(sim):
    bought = ep_bought(sim)
    assert bought["selected_rate"]["rate"] == "7.47"
    assert bought["tracker"]["tracking_code"] == bought["tracking_code"]
    label = bought["postage_label"]["label_url"]
    assert send(sim, "GET", label)[1].startswith(b"\x89PNG")
    path = f"/v2/shipments/{bought['id']}"
    status, body = send(sim, "POST", f"{path}/buy", {"rate": {"id": "rate_x"}}, EP)
    assert (status, body["error"]["code"]) == (422, "SHIPMENT.POSTAGE.EXISTS")
    assert [row.numbers for row in sim.ledger.live("OUT/1")] == [
        [bought["tracking_code"]]
    ]
    assert sim.ledger.calls("OUT/1") == 2
    found = send(sim, "GET", f"/v2/trackers/{bought['tracking_code']}")[1]
    assert found["trackers"][0]["status"] == "pre_transit"


def test_easypost_one_call_buy_is_found_by_reference(sim):
    asked = ep_shipment(service="Priority", carrier_accounts=["ca_demo"])
    status, bought = send(sim, "POST", "/v2/shipments", asked, EP)
    assert status == 201 and bought["postage_label"]
    again = send(sim, "POST", "/v2/shipments", asked, EP)[1]
    assert again["id"] != bought["id"], "EasyPost knows no idempotency key"
    assert len(sim.ledger.live("OUT/1")) == 2
    path = "/v2/shipments/" + urllib.parse.quote("OUT/1", safe="")
    assert send(sim, "GET", path, None, EP)[1]["id"] == again["id"]
    send(sim, "POST", "/_control/styles", {"easypost": "neither"})
    assert send(sim, "GET", path, None, EP)[0] == 404
    send(sim, "POST", "/_control/styles", {"easypost": "honours_keys"})
    asked["shipment"]["reference"] = "R2"
    first = send(sim, "POST", "/v2/shipments", asked, EP)
    second = send(sim, "POST", "/v2/shipments", asked, EP)
    assert (first[0], second[0]) == (201, 200) and first[1] == second[1]
    assert len(sim.ledger.live("R2")) == 1


def test_easypost_refuses_in_its_own_words(sim):
    def code(body, headers=EP):
        status, answer = send(sim, "POST", "/v2/shipments", body, headers)
        return status, answer["error"]["code"]

    assert code(ep_shipment(), basic("wrong")) == (401, "APIKEY.INACTIVE")
    assert code({}) == (422, "PARAMETER.REQUIRED")
    assert code({"shipment": {"parcel": {}}}) == (422, "SHIPMENT.INVALID_PARAMS")
    weightless = ep_shipment(parcel={"weight": 0})
    assert code(weightless) == (422, "PARCEL.PARAMETERS.INVALID")
    assert code(ep_shipment(carrier_accounts=["ca_x"]))[0] == 422
    assert code(ep_shipment(service="Rocket")) == (422, "SHIPMENT.POSTAGE.FAILURE")
    assert sim.ledger.bookings == []
    # No postal code: a shipment without rates, and the reason in its messages.
    status, made = send(
        sim, "POST", "/v2/shipments", ep_shipment(to_address={"country": "US"}), EP
    )
    assert status == 201 and made["rates"] == []
    assert made["messages"][0]["type"] == "rate_error"


def test_easypost_refunds(sim):
    bought = ep_bought(sim)
    path = f"/v2/shipments/{bought['id']}/refund"
    assert send(sim, "POST", path, None, EP)[1]["refund_status"] == "submitted"
    assert sim.ledger.live("OUT/1") == []
    assert send(sim, "POST", path, None, EP)[0] == 422
    moved = ep_bought(sim)
    send(sim, "POST", "/_control/advance", {"number": moved["tracking_code"]})
    path = f"/v2/shipments/{moved['id']}/refund"
    assert send(sim, "POST", path, None, EP)[1]["refund_status"] == "rejected"
    assert len(sim.ledger.live("OUT/1")) == 1


def test_easypost_labels_manifests_and_pickups(sim):
    bought = ep_bought(sim)
    for kind, start_of in (("PDF", b"%PDF"), ("ZPL", b"^XA")):
        path = f"/v2/shipments/{bought['id']}/label?file_format={kind}"
        label = send(sim, "GET", path, None, EP)[1]["postage_label"]
        url = label[f"label_{kind.lower()}_url"]
        assert send(sim, "GET", url)[1].startswith(start_of)
    form = {"shipments": [{"id": bought["id"]}]}
    status, made = send(sim, "POST", "/v2/scan_forms", form, EP)
    assert (status, made["tracking_codes"]) == (201, [bought["tracking_code"]])
    assert send(sim, "GET", made["form_url"])[1].startswith(b"%PDF")
    assert send(sim, "POST", "/v2/scan_forms", form, EP)[0] == 422
    pickup = {
        "reference": "P1",
        "address": {"zip": "94104"},
        "min_datetime": "2026-01-10T10:00:00Z",
        "max_datetime": "2026-01-10T16:00:00Z",
        "shipment": {"id": bought["id"]},
    }
    made = send(sim, "POST", "/v2/pickups", {"pickup": pickup}, EP)[1]
    rate = {"carrier": "USPS", "service": "NextDay"}
    path = f"/v2/pickups/{made['id']}"
    done = send(sim, "POST", f"{path}/buy", rate, EP)[1]
    assert done["status"] == "scheduled" and done["confirmation"]
    assert sim.ledger.live("P1", kind="pickup")
    cancelled = send(sim, "POST", f"{path}/cancel", None, EP)[1]
    assert cancelled["status"] == "canceled"
    assert sim.ledger.live("P1", kind="pickup") == []


# --- Sendcloud

SC = basic("demo-sendcloud-public", "demo-sendcloud-secret")


def sc_shipment(parcels=1, **more):
    address = {
        "name": "John Doe",
        "address_line_1": "Stadhuisplein",
        "house_number": "10",
        "postal_code": "5611 EM",
        "city": "Eindhoven",
        "country_code": "NL",
    }
    return {
        "to_address": address,
        "from_address": address,
        "ship_with": {
            "type": "shipping_option_code",
            "properties": {"shipping_option_code": "postnl:standard"},
        },
        "parcels": [{"weight": {"value": "1.320", "unit": "kg"}}] * parcels,
        "external_reference_id": "R1",
        "order_number": "SO1",
        **more,
    }


ANNOUNCE = "/api/v3/shipments/announce"


def test_sendcloud_announces_once_for_a_reference(sim):
    status, body = send(sim, "POST", ANNOUNCE, sc_shipment(), SC)
    parcel = body["data"]["parcels"][0]
    assert status == 201 and body["data"]["errors"] == []
    assert base64.b64decode(parcel["label_file"]).startswith(b"%PDF")
    assert parcel["status"]["code"] == "READY_TO_SEND"
    status, again = send(sim, "POST", ANNOUNCE, sc_shipment(), SC)
    assert (status, again["data"]["id"]) == (409, body["data"]["id"])
    assert len(sim.ledger.live("R1")) == 1
    path = "/api/v3/shipments?external_reference_id="
    found = send(sim, "GET", path + "R1", None, SC)[1]["data"]
    assert [row["id"] for row in found] == [body["data"]["id"]]
    assert send(sim, "GET", path + "R9", None, SC)[1] == {"data": []}
    link = parcel["documents"][0]["link"]
    label = send(sim, "GET", link, None, {**SC, "Accept": "application/zpl"})
    assert label[1].startswith(b"^XA")


def test_sendcloud_repeats_where_it_is_told_to(sim):
    send(sim, "POST", "/_control/styles", {"sendcloud": "offers_lookup"})
    for _ in range(2):
        assert send(sim, "POST", ANNOUNCE, sc_shipment(), SC)[0] == 201
    assert len(sim.ledger.live("R1")) == 2


def test_sendcloud_books_several_parcels_of_which_some_fail(sim):
    answer = send(sim, "POST", ANNOUNCE, sc_shipment(3), SC)[1]["data"]
    assert len({row["tracking_number"] for row in answer["parcels"]}) == 3
    assert answer["parcels"][0]["label_file"] is None, "only for a single parcel"
    faults = [{"path": "/api/v3", "half": True, "times": 2}]
    send(sim, "POST", "/_control/faults", faults)
    asked = sc_shipment(2, external_reference_id="R2")
    answer = send(sim, "POST", ANNOUNCE, asked, SC)[1]["data"]
    codes = [row["status"]["code"] for row in answer["parcels"]]
    assert codes == ["READY_TO_SEND", "ANNOUNCEMENT_FAILED"]
    assert answer["errors"][0]["code"] == "parcel_announcement_error"
    assert len(sim.ledger.live("R2")[0].numbers) == 1
    asked = sc_shipment(1, external_reference_id="R3")
    status, answer = send(sim, "POST", ANNOUNCE, asked, SC)
    assert status == 201 and answer["data"]["errors"]
    assert sim.ledger.live("R3") == []
    path = f"/api/v3/shipments/{answer['data']['id']}"
    assert send(sim, "GET", path, None, SC)[0] == 200


def test_sendcloud_announces_later(sim):
    made = send(sim, "POST", "/api/v3/shipments", sc_shipment(), SC)[1]["data"]
    assert made["parcels"][0]["tracking_number"] == ""
    path = f"/api/v3/shipments/{made['id']}"
    read = send(sim, "GET", path, None, SC)[1]["data"]
    assert read["parcels"][0]["tracking_number"] == sim.ledger.live("R1")[0].numbers[0]


def test_sendcloud_refuses_in_its_own_words(sim):
    def error(body, headers=SC):
        status, answer = send(sim, "POST", ANNOUNCE, body, headers)
        row = answer["errors"][0]
        return status, row["code"], row.get("source", {}).get("pointer")

    asked = sc_shipment()
    assert error(asked, basic("x", "y"))[:2] == (401, "authentication_failed")
    no_zip = {**asked["to_address"], "postal_code": ""}
    assert error(sc_shipment(to_address=no_zip)) == (
        400,
        "required",
        "/to_address/postal_code",
    )
    weightless = [{"weight": {"value": "0", "unit": "kg"}}]
    assert error(sc_shipment(parcels=0) | {"parcels": weightless}) == (
        400,
        "min_value",
        "/parcels/0/weight/value",
    )
    ship_with = {"properties": {"shipping_option_code": "rocket:mail"}}
    assert error(sc_shipment(ship_with=ship_with))[:2] == (400, "invalid")
    ship_with = {
        "properties": {"shipping_option_code": "dpd:home", "contract_id": 9999}
    }
    assert error(sc_shipment(ship_with=ship_with))[2].endswith("contract_id")
    assert error(sc_shipment(parcels=16))[:2] == (400, "invalid")
    assert sim.ledger.bookings == []


def test_sendcloud_cancels(sim):
    made = send(sim, "POST", ANNOUNCE, sc_shipment(), SC)[1]["data"]
    path = f"/api/v3/shipments/{made['id']}/cancel"
    status, body = send(sim, "POST", path, None, SC)
    assert (status, body["data"]["status"]) == (200, "cancelled")
    assert sim.ledger.live("R1") == []
    assert send(sim, "POST", path, None, SC)[0] == 409
    assert send(sim, "POST", "/api/v3/shipments/no/cancel", None, SC)[0] == 404


def test_sendcloud_quotes(sim):
    asked = {
        "from_country_code": "NL",
        "to_country_code": "NL",
        "parcels": [{"weight": {"value": "1", "unit": "kg"}}],
        "calculate_quotes": True,
    }
    rows = send(sim, "POST", "/api/v3/shipping-options", asked, SC)[1]["data"]
    prices = {row["code"]: row["quotes"][0]["price"]["total"] for row in rows}
    assert prices["postnl:standard"] == {"value": "5.95", "currency": "EUR"}
    old = send(sim, "POST", "/api/v3/fetch-shipping-options", asked, SC)
    assert old[1]["data"] == rows


def sc_return(**more):
    return {
        **sc_shipment(),
        "ship_with": {
            "type": "shipping_option_code",
            "shipping_option_code": "dpd:return/return",
        },
        "weight": {"value": 1, "unit": "kg"},
        **more,
    }


def test_sendcloud_returns(sim):
    status, made = send(sim, "POST", "/api/v3/returns", sc_return(), SC)
    assert status == 201
    path = f"/api/v3/returns/{made['return_id']}"
    read = send(sim, "GET", path, None, SC)[1]
    assert read["is_cancellable"] and read["tracking_number"]
    assert send(sim, "GET", read["label_url"], None, SC)[1].startswith(b"%PDF")
    assert send(sim, "PATCH", f"{path}/cancel", None, SC)[0] == 202
    assert sim.ledger.live("SO1", kind="return") == []


def test_sendcloud_announces_returns_at_once(sim):
    path = "/api/v3/returns/announce-synchronously"
    asked = sc_return(external_reference="RET1", collo_count=2)
    status, made = send(sim, "POST", path, asked, SC)
    assert status == 201
    parcels = [made["parcel_id"], *made["multi_collo_ids"]]
    assert len(set(parcels)) == 2
    (booking,) = sim.ledger.live("RET1", kind="return")
    assert (booking.amount, len(set(booking.numbers))) == ("13.80", 2)
    for parcel in parcels:
        link = f"/api/v3/parcels/{parcel}/documents/label"
        assert send(sim, "GET", link, None, SC)[1].startswith(b"%PDF")
    read = send(sim, "GET", f"/api/v3/returns/{made['return_id']}", None, SC)[1]
    assert (read["external_reference"], read["order_number"]) == ("RET1", "SO1")
    assert read["collo_count"] == 2
    # Nothing keeps it from being booked twice, and nothing finds it.
    assert send(sim, "POST", path, asked, SC)[0] == 201
    assert (len(sim.ledger.live("RET1", kind="return")), sim.ledger.calls("RET1")) == (
        2,
        2,
    )
    found = send(sim, "GET", "/api/v3/shipments?external_reference_id=RET1", None, SC)
    assert found[1]["data"] == []
    wrong = sc_return(ship_with={"shipping_option_code": "dpd:home", "contract": 1})
    assert send(sim, "POST", path, wrong, SC)[0] == 400


@pytest.mark.parametrize(
    ("carrier", "told"),
    [("postnl", (200, "CANCELLED")), ("dpd", (202, "CANCELLATION_REQUESTED"))],
)
def test_sendcloud_pickups(sim, carrier, told):
    pickup = {
        "address": sc_shipment()["to_address"],
        "time_slots": [
            {"start_at": "2026-01-12T12:00:00Z", "end_at": "2026-01-12T17:00:00Z"}
        ],
        "items": [{"quantity": 1, "container_type": "parcel"}],
        "carrier_code": carrier,
        "reference": "P1",
    }
    status, made = send(sim, "POST", "/api/v3/pickups", pickup, SC)
    assert (status, made["data"]["status"]) == (201, "ANNOUNCING")
    path = f"/api/v3/pickups/{made['data']['id']}"
    read = send(sim, "GET", path, None, SC)[1]["data"]
    assert read["tracking_number"].startswith("PRG")
    assert (read["status"], read["cancelled_at"]) == ("CREATED", None)
    status, body = send(sim, "POST", f"{path}/cancel", None, SC)
    assert (status, body["data"]["status"]) == told
    assert sim.ledger.live("P1", kind="pickup") == []
    assert send(sim, "GET", path, None, SC)[1]["data"]["status"] == "CANCELLED"
    assert send(sim, "POST", f"{path}/cancel", None, SC)[0] == 409
    assert send(sim, "POST", "/api/v3/pickups/99/cancel", None, SC)[0] == 404


def sc_parcel(**more):
    return {
        "name": "John Doe",
        "address": "Stadhuisplein",
        "house_number": "10",
        "city": "Eindhoven",
        "postal_code": "5611 EM",
        "country": "NL",
        "weight": "2.000",
        "request_label": True,
        "shipment": {"id": 39},
        "external_reference": "R1",
        **more,
    }


def test_sendcloud_v2_one_parcel(sim):
    path = "/api/v2/parcels"
    made = send(sim, "POST", path, {"parcel": sc_parcel()}, SC)[1]["parcel"]
    again = send(sim, "POST", path, {"parcel": sc_parcel()}, SC)[1]["parcel"]
    assert again["id"] == made["id"] and len(sim.ledger.live("R1")) == 1
    label = send(sim, "GET", made["label"]["label_printer"], None, SC)[1]
    assert label.startswith(b"%PDF")
    found = send(sim, "GET", path + "?external_reference=R1", None, SC)[1]
    assert [row["id"] for row in found["parcels"]] == [made["id"]]
    cancel = f"{path}/{made['id']}/cancel"
    assert send(sim, "POST", cancel, None, SC)[1]["status"] == "cancelled"
    assert sim.ledger.live("R1") == []
    status, body = send(sim, "POST", path, {"parcel": sc_parcel(postal_code="")}, SC)
    assert (status, body["error"]["code"]) == (400, 400)
    assert body["error"]["request"] == "api/v2/parcels"


def test_sendcloud_v2_batch_half_fails(sim):
    rows = [sc_parcel(external_reference=f"R{n}") for n in range(3)]
    rows[1]["house_number"] = ""
    answer = send(sim, "POST", "/api/v2/parcels", {"parcels": rows}, SC)[1]
    assert len(answer["parcels"]) == 2
    assert "house_number" in answer["failed_parcels"][0]["errors"]
    assert len(sim.ledger.live()) == 2


# --- UPS


def ups_token(sim):
    login = basic("demo-ups-client", "demo-ups-client-secret")
    headers = {**login, "Content-Type": "application/x-www-form-urlencoded"}
    path = "/security/v1/oauth/token"
    answer = send(sim, "POST", path, "grant_type=client_credentials", headers)[1]
    return {"Authorization": f"Bearer {answer['access_token']}"}


def ups_shipment(packages=1, **more):
    address = {"City": "Charlotte", "PostalCode": "28209", "CountryCode": "US"}
    package = {
        "Packaging": {"Code": "02"},
        "PackageWeight": {"UnitOfMeasurement": {"Code": "LBS"}, "Weight": "2"},
    }
    shipment = {
        "Shipper": {"Name": "We", "ShipperNumber": "DEMO01", "Address": address},
        "ShipTo": {"Name": "You", "Address": address},
        "Service": {"Code": "03"},
        "ReferenceNumber": {"Value": "R1"},
        "Package": [package] * packages,
        "PaymentInformation": {
            "ShipmentCharge": {
                "Type": "01",
                "BillShipper": {"AccountNumber": "DEMO01"},
            }
        },
        **more,
    }
    label = {"LabelImageFormat": {"Code": "ZPL"}}
    return {"ShipmentRequest": {"Shipment": shipment, "LabelSpecification": label}}


def ups_recover(sim, headers, reference="R1", version="v1"):
    asked = {
        "LabelRecoveryRequest": {
            "ReferenceValues": {
                "ReferenceNumber": {"Value": reference},
                "ShipperNumber": "DEMO01",
            }
        }
    }
    return send(sim, "POST", f"/api/labels/{version}/recovery", asked, headers)


def test_ups_refuses_a_postal_code_of_another_state(sim):
    headers = ups_token(sim)
    place = {"StateProvinceCode": "VT", "CountryCode": "US"}
    answers = {}
    for postal in ("50401", "05401"):
        receiver = {"Name": "You", "Address": {**place, "PostalCode": postal}}
        asked = ups_shipment(ShipTo=receiver)
        answers[postal] = send(sim, "POST", "/api/shipments/v2409/ship", asked, headers)
    status, body = answers["50401"]
    assert (status, body["response"]["errors"][0]["code"]) == (400, "120802")
    assert answers["05401"][0] == 200


def test_ups_books_tracks_recovers_and_voids(sim):
    headers = ups_token(sim)
    path = "/api/shipments/v2409/ship"
    status, body = send(sim, "POST", path, ups_shipment(2), headers)
    result = body["ShipmentResponse"]["ShipmentResults"]
    tracking = [row["TrackingNumber"] for row in result["PackageResults"]]
    assert status == 200 and len(set(tracking)) == 2
    label = result["PackageResults"][0]["ShippingLabel"]["GraphicImage"]
    assert base64.b64decode(label).startswith(b"^XA")
    assert sim.ledger.live("R1")[0].numbers == tracking
    found = send(sim, "GET", f"/api/track/v1/details/{tracking[1]}", None, headers)[1]
    activity = found["trackResponse"]["shipment"][0]["package"][0]["activity"]
    assert activity[0]["status"]["code"] == "MP"
    recovered = ups_recover(sim, headers)[1]["LabelRecoveryResponse"]
    assert recovered["ShipmentIdentificationNumber"] == tracking[0]
    path = f"/api/shipments/v2409/void/cancel/{tracking[0]}"
    body = send(sim, "DELETE", path, None, headers)[1]
    assert body["VoidShipmentResponse"]["SummaryResult"]["Status"]["Code"] == "1"
    assert sim.ledger.live("R1") == []
    assert send(sim, "DELETE", path, None, headers)[0] == 400
    status, body = ups_recover(sim, headers)
    assert body["response"]["errors"][0]["code"] == "9801040", "voided"
    status, body = ups_recover(sim, headers, "R9")
    assert body["response"]["errors"][0]["code"] == "9801031", "never booked"


def test_ups_of_old_gives_an_object_for_one(sim):
    headers = ups_token(sim)
    for version, kind in (("v1", dict), ("v2409", list)):
        path = f"/api/shipments/{version}/ship"
        body = send(sim, "POST", path, ups_shipment(), headers)[1]
        results = body["ShipmentResponse"]["ShipmentResults"]["PackageResults"]
        assert isinstance(results, kind)
    # Twice the same reference: UPS books twice, recovery names both.
    assert len(sim.ledger.live("R1")) == 2
    recovered = ups_recover(sim, headers)[1]["LabelRecoveryResponse"]
    assert len(recovered["TrackingCandidate"]) == 2
    assert "LabelResults" not in recovered


def test_ups_rates(sim):
    headers = ups_token(sim)
    asked = {"RateRequest": {"Shipment": ups_shipment()["ShipmentRequest"]["Shipment"]}}
    rows = send(sim, "POST", "/api/rating/v2409/Shop", asked, headers)[1]
    assert len(rows["RateResponse"]["RatedShipment"]) == 5
    row = send(sim, "POST", "/api/rating/v1/Rate", asked, headers)[1]
    row = row["RateResponse"]["RatedShipment"]
    assert row["TotalCharges"] == {"CurrencyCode": "USD", "MonetaryValue": "12.50"}


def test_ups_refuses_in_its_own_words(sim):
    headers = ups_token(sim)

    def code(headers=headers, **more):
        path = "/api/shipments/v1/ship"
        status, answer = send(sim, "POST", path, ups_shipment(**more), headers)
        return status, answer["response"]["errors"][0]["code"]

    address = {"CountryCode": "US"}
    assert code({"Authorization": "Bearer old"}) == (401, "250002")
    assert code(ShipTo={"Address": address}) == (400, "120802")
    assert code(Shipper={"ShipperNumber": "X"}) == (400, "120100")
    assert code(Service={"Code": "99"}) == (400, "111210")
    package = {"PackageWeight": {"Weight": "0"}}
    assert code(Package=package) == (400, "111546")
    assert sim.ledger.bookings == []
    # A token that expires costs one call; the next token works.
    send(sim, "POST", "/_control/faults", [{"partner": "ups", "expire": True}])
    assert code() == (401, "250002")
    assert code() == (401, "250002"), "the old token stays expired"
    headers.update(ups_token(sim))
    assert (
        send(sim, "POST", "/api/shipments/v1/ship", ups_shipment(), headers)[0] == 200
    )


def test_ups_pickups(sim):
    headers = ups_token(sim)
    asked = {
        "PickupCreationRequest": {
            "Shipper": {"Account": {"AccountNumber": "DEMO01"}},
            "PickupDateInfo": {"PickupDate": "20260112"},
            "PickupAddress": {"PostalCode": "28209"},
            "ReferenceNumber": "P1",
        }
    }
    path = "/api/pickupcreation/v2409/pickup"
    prn = send(sim, "POST", path, asked, headers)[1]["PickupCreationResponse"]["PRN"]
    assert sim.ledger.live("P1", kind="pickup")
    path = "/api/shipments/v2409/pickup/02"
    assert send(sim, "DELETE", path, None, {**headers, "Prn": prn})[0] == 200
    assert sim.ledger.live("P1", kind="pickup") == []
    asked["PickupCreationRequest"]["PickupDateInfo"] = {}
    status, body = send(sim, "POST", "/api/pickupcreation/v1/pickup", asked, headers)
    assert body["response"]["errors"][0] == {
        "code": "9560131",
        "message": "Invalid pickup date",
    }


# --- FedEx


def fx_token(sim):
    form = urllib.parse.urlencode(
        {
            "grant_type": "client_credentials",
            "client_id": "demo-fedex-client",
            "client_secret": "demo-fedex-client-secret",
        }
    )
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = send(sim, "POST", "/oauth/token", form, headers)[1]
    return {
        "Authorization": f"Bearer {answer['access_token']}",
        "x-customer-transaction-id": "T1",
    }


FX_ACCOUNT = {"value": "740000001"}


def fx_shipment(packages=1, **more):
    party = {"address": {"postalCode": "38116", "countryCode": "US"}}
    package = {
        "weight": {"units": "LB", "value": 2},
        "customerReferences": [
            {"customerReferenceType": "P_O_NUMBER", "value": "PO1"},
            {"customerReferenceType": "CUSTOMER_REFERENCE", "value": "R1"},
        ],
    }
    return {
        "accountNumber": FX_ACCOUNT,
        "labelResponseOptions": "LABEL",
        "requestedShipment": {
            "shipper": party,
            "recipients": [party],
            "serviceType": "FEDEX_GROUND",
            "packagingType": "YOUR_PACKAGING",
            "labelSpecification": {"imageType": "ZPLII"},
            "requestedPackageLineItems": [package] * packages,
            **more,
        },
    }


def test_fedex_books_finds_and_cancels(sim):
    headers = fx_token(sim)
    status, body = send(sim, "POST", "/ship/v1/shipments", fx_shipment(2), headers)
    made = body["output"]["transactionShipments"][0]
    pieces = made["pieceResponses"]
    assert status == 200 and body["customerTransactionId"] == "T1"
    assert {row["masterTrackingNumber"] for row in pieces} == {
        made["masterTrackingNumber"]
    }
    label = pieces[1]["packageDocuments"][0]["encodedLabel"]
    assert base64.b64decode(label).startswith(b"^XA")
    booked = sim.ledger.live("R1")[0]
    assert booked.numbers == [row["trackingNumber"] for row in pieces]
    asked = {
        "trackingInfo": [
            {"trackingNumberInfo": {"trackingNumber": n}}
            for n in (booked.numbers[0], "000000000000")
        ]
    }
    body = send(sim, "POST", "/track/v1/trackingnumbers", asked, headers)[1]
    first, second = body["output"]["completeTrackResults"]
    assert first["trackResults"][0]["latestStatusDetail"]["code"] == "OC"
    error = second["trackResults"][0]["error"]["code"]
    assert error == "TRACKING.TRACKINGNUMBER.NOTFOUND"
    asked = {
        "referencesInformation": {
            "type": "CUSTOMER_REFERENCE",
            "value": "R1",
            "accountNumber": "740000001",
        }
    }
    path = "/track/v1/referencenumbers"
    body = send(sim, "POST", path, asked, headers)[1]
    found = body["output"]["completeTrackResults"]
    assert [row["trackingNumber"] for row in found] == booked.numbers
    asked = {"accountNumber": FX_ACCOUNT, "trackingNumber": booked.numbers[0]}
    body = send(sim, "PUT", "/ship/v1/shipments/cancel", asked, headers)[1]
    assert body["output"]["cancelledShipment"] is True
    assert sim.ledger.live("R1") == []
    body = send(sim, "PUT", "/ship/v1/shipments/cancel", asked, headers)[1]
    assert body["output"]["cancelledShipment"] is False, "200, and yet refused"


def test_fedex_label_by_address_and_quotes(sim):
    headers = fx_token(sim)
    asked = {**fx_shipment(), "labelResponseOptions": "URL_ONLY"}
    body = send(sim, "POST", "/ship/v1/shipments", asked, headers)[1]
    piece = body["output"]["transactionShipments"][0]["pieceResponses"][0]
    assert send(sim, "GET", piece["packageDocuments"][0]["url"])[1].startswith(b"^XA")
    body = send(sim, "POST", "/rate/v1/rates/quotes", fx_shipment(), headers)[1]
    rows = body["output"]["rateReplyDetails"]
    assert [row["serviceType"] for row in rows] == ["FEDEX_GROUND"]
    prices = {
        row["rateType"]: row["totalNetCharge"]
        for row in rows[0]["ratedShipmentDetails"]
    }
    assert prices == {"ACCOUNT": 11.28, "LIST": 14.1}
    asked = {"accountNumber": FX_ACCOUNT, "closeReqType": "GCCLOSE"}
    assert send(sim, "PUT", "/ship/v1/endofday/", asked, headers)[0] == 200
    assert send(sim, "PUT", "/ship/v1/endofday/", asked, headers)[0] == 400


def test_fedex_refuses_in_its_own_words(sim):
    headers = fx_token(sim)

    def code(asked, headers=headers):
        status, answer = send(sim, "POST", "/ship/v1/shipments", asked, headers)
        return status, answer["errors"][0]["code"]

    assert code(fx_shipment(), {}) == (401, "NOT.AUTHORIZED.ERROR")
    party = {"address": {"countryCode": "US"}}
    missing = fx_shipment(recipients=[party])
    assert code(missing) == (400, "RECIPIENT.POSTALCODE.INVALID")
    weightless = fx_shipment(requestedPackageLineItems=[{"weight": {"value": 0}}])
    assert code(weightless) == (400, "PACKAGE.WEIGHT.INVALID")
    assert code(fx_shipment(serviceType="ROCKET"))[0] == 422
    stranger = {**fx_shipment(), "accountNumber": {"value": "1"}}
    assert code(stranger) == (400, "ACCOUNT.NUMBER.INVALID")
    assert sim.ledger.bookings == []


def test_fedex_pickups(sim):
    headers = fx_token(sim)
    place = {"address": {"postalCode": "38116", "countryCode": "US"}}
    asked = {
        "associatedAccountNumber": FX_ACCOUNT,
        "originDetail": {
            "pickupLocation": place,
            "readyDateTimestamp": "2026-01-12T10:00:00Z",
        },
        "carrierCode": "FDXE",
    }
    body = send(sim, "POST", "/pickup/v1/pickups", asked, headers)[1]
    code = body["output"]["pickupConfirmationCode"]
    assert sim.ledger.live("T1", kind="pickup")
    asked = {"associatedAccountNumber": FX_ACCOUNT, "pickupConfirmationCode": code}
    assert send(sim, "PUT", "/pickup/v1/pickups/cancel", asked, headers)[0] == 200
    assert sim.ledger.live("T1", kind="pickup") == []
    assert send(sim, "PUT", "/pickup/v1/pickups/cancel", asked, headers)[0] == 400


# --- DHL Express

DHL = basic("demo-dhl-user", "demo-dhl-password")


def dhl_party(wrap=True, **more):
    address = {"postalCode": "14800", "cityName": "Prague", "countryCode": "CZ", **more}
    return {"postalAddress": address} if wrap else address


def dhl_shipment(packages=1, **more):
    return {
        "plannedShippingDateAndTime": "2026-01-12T10:00:00 GMT+01:00",
        "pickup": {"isRequested": False},
        "productCode": "P",
        "accounts": [{"typeCode": "shipper", "number": "123456789"}],
        "customerReferences": [{"typeCode": "CU", "value": "R1"}],
        "customerDetails": {
            "shipperDetails": dhl_party(),
            "receiverDetails": dhl_party(),
        },
        "content": {"packages": [{"weight": 2.5}] * packages},
        **more,
    }


def test_dhl_books_and_tracks(sim):
    path = "/mydhlapi/shipments"
    status, made = send(sim, "POST", path, dhl_shipment(2), DHL)
    waybill = made["shipmentTrackingNumber"]
    assert status == 201 and len(made["packages"]) == 2
    content = made["documents"][0]["content"]
    assert base64.b64decode(content).startswith(b"%PDF")
    assert sim.ledger.live("R1")[0].numbers == [waybill]
    told = send(sim, "GET", "/_control/ledger")[1]["bookings"][0]
    assert told["pieces"] == [row["trackingNumber"] for row in made["packages"]]
    for query in (
        f"shipmentTrackingNumber={waybill}",
        f"pieceTrackingNumber={told['pieces'][1]}",
        "shipmentReference=R1&shipperAccountNumber=123456789",
    ):
        found = send(sim, "GET", f"/mydhlapi/test/tracking?{query}", None, DHL)[1]
        assert found["shipments"][0]["shipmentTrackingNumber"] == waybill
    assert send(sim, "GET", made["trackingUrl"], None, DHL)[0] == 200
    query = "shipmentReference=R9&shipperAccountNumber=123456789"
    status, body = send(sim, "GET", f"/tracking?{query}", None, DHL)
    assert (status, body["title"]) == (404, "Not Found")


def test_dhl_quotes(sim):
    query = urllib.parse.urlencode(
        {
            "accountNumber": "123456789",
            "originCountryCode": "CZ",
            "originCityName": "Prague",
            "destinationCountryCode": "CZ",
            "destinationCityName": "Brno",
            "weight": 5,
            "length": 15,
            "width": 10,
            "height": 5,
            "plannedShippingDate": "2026-01-12",
        }
    )
    rows = send(sim, "GET", f"/mydhlapi/rates?{query}", None, DHL)[1]["products"]
    assert {row["productCode"] for row in rows} == {"P", "U", "N", "Y"}
    asked = {
        "customerDetails": {
            "shipperDetails": dhl_party(False),
            "receiverDetails": dhl_party(False),
        },
        "accounts": [{"typeCode": "shipper", "number": "123456789"}],
        "packages": [{"weight": 5}] * 2,
        "productCode": "P",
    }
    rows = send(sim, "POST", "/mydhlapi/rates", asked, DHL)[1]["products"]
    assert rows[0]["totalPrice"][0]["price"] == 84.0


def test_dhl_refuses_in_its_own_words(sim):
    def refused(asked, headers=DHL):
        return send(sim, "POST", "/mydhlapi/shipments", asked, headers)

    assert refused(dhl_shipment(), basic("x"))[0] == 401
    details = {
        "shipperDetails": dhl_party(),
        "receiverDetails": dhl_party(postalCode=None),
    }
    status, body = refused(dhl_shipment(customerDetails=details))
    assert (status, body["status"]) == (422, "422")
    assert "required key [postalCode] not found" in body["additionalDetails"][0]
    weightless = {"packages": [{"weight": 0}]}
    assert refused(dhl_shipment(content=weightless))[0] == 422
    assert refused(dhl_shipment(productCode="X"))[0] == 400
    status, body = refused(dhl_shipment(accounts=[{"number": "1"}]))
    assert status == 400 and "account number" in body["detail"]
    assert sim.ledger.bookings == []


def test_dhl_pickups(sim):
    asked = {
        "plannedPickupDateAndTime": "2026-01-12T14:00:00 GMT+01:00",
        "accounts": [{"typeCode": "shipper", "number": "123456789"}],
        "customerDetails": {"shipperDetails": dhl_party()},
    }
    headers = {**DHL, "Message-Reference": "P1"}
    made = send(sim, "POST", "/mydhlapi/pickups", asked, headers)[1]
    number = made["dispatchConfirmationNumbers"][0]
    path = f"/mydhlapi/pickups/{number}?requestorName=We&reason=001"
    assert send(sim, "DELETE", path, None, DHL)[0] == 200
    assert sim.ledger.live("P1", kind="pickup") == []
    assert send(sim, "DELETE", path, None, DHL)[0] == 404
    asked = dhl_shipment(pickup={"isRequested": True})
    made = send(sim, "POST", "/mydhlapi/shipments", asked, DHL)[1]
    assert made["dispatchConfirmationNumber"].startswith("PRG")
    assert len(sim.ledger.live("R1", kind=None)) == 2


# --- Chronopost


def chronopost(sim, service, operation, inner):
    text = (
        '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>'
        f'<x:{operation} xmlns:x="http://cxf.{service}.soap.chronopost.fr/">{inner}'
        f"</x:{operation}></e:Body></e:Envelope>"
    )
    path = f"/{service}-cxf/{service.title()}ServiceWS"
    headers = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": ""}
    status, raw = send(sim, "POST", path, text, headers)
    return status, raw.decode()


LOGIN = "<accountNumber>10000001</accountNumber><password>demo42</password>"


def parcels(*, zips="75001", weight="2.0", product="01", count=2, password="demo42"):
    parcel = (
        f"<skybillValue><productCode>{product}</productCode>"
        f"<weight>{weight}</weight></skybillValue>"
    )
    return (
        "<headerValue><accountNumber>10000001</accountNumber></headerValue>"
        "<shipperValue><shipperZipCode>75002</shipperZipCode></shipperValue>"
        f"<recipientValue><recipientZipCode>{zips}</recipientZipCode></recipientValue>"
        "<refValue><shipperRef>R&amp;1</shipperRef></refValue>"
        f"{parcel * count}<skybillParamsValue><mode>Z2D</mode></skybillParamsValue>"
        f"<password>{password}</password><numberOfParcel>{count}</numberOfParcel>"
    )


def values(text, name):
    return [part.split("<")[0] for part in text.split(f"<{name}>")[1:]]


def test_chronopost_books_finds_and_cancels(sim):
    book = ("shipping", "shippingMultiParcelV4")
    status, text = chronopost(sim, *book, parcels())
    assert status == 200 and values(text, "errorCode") == ["0"]
    numbers_of = values(text, "skybillNumber")
    assert len(numbers_of) == 2
    label = values(text, "pdfEtiquette")[0]
    assert base64.b64decode(label).startswith(b"^XA")
    assert sim.ledger.live("R&1")[0].numbers == numbers_of
    assert sim.ledger.calls("R&1") == 1
    track = f"<language>fr_FR</language><skybillNumber>{numbers_of[0]}</skybillNumber>"
    text = chronopost(sim, "tracking", "trackSkybillV2", track)[1]
    assert values(text, "code") == ["DC"]
    search = f"{LOGIN}<language>fr_FR</language><sendersRef>R&amp;1</sendersRef>"
    text = chronopost(sim, "tracking", "trackWithSenderRef", search)[1]
    assert values(text, "skybillNumber") == numbers_of
    for left, row in ((1, numbers_of[0]), (0, numbers_of[1])):
        inner = f"{LOGIN}<skybillNumber>{row}</skybillNumber>"
        text = chronopost(sim, "tracking", "cancelSkybill", inner)[1]
        assert values(text, "errorCode") == ["0"]
        assert len(sim.ledger.live("R&1")) == left
    text = chronopost(sim, "tracking", "cancelSkybill", inner)[1]
    assert values(text, "errorCode") == ["2"]


def test_chronopost_quotes(sim):
    inner = (
        f"{LOGIN}<depCode>75002</depCode><arrCode>75001</arrCode>"
        "<weight>2</weight><productCode>01</productCode><type>M</type>"
    )
    text = chronopost(sim, "quickcost", "quickCost", inner)[1]
    assert values(text, "amount") == ["9.80"]
    inner = inner.replace("demo42", "wrong")
    assert values(chronopost(sim, "quickcost", "quickCost", inner)[1], "errorCode") == [
        "3"
    ]


def test_chronopost_refuses_in_its_own_words(sim):
    def code(**more):
        text = chronopost(sim, "shipping", "shippingMultiParcelV4", parcels(**more))
        return text[0], values(text[1], "errorCode")[0]

    assert code(password="x") == (200, "33")
    for wrong in ({"zips": ""}, {"weight": "0"}, {"product": "99"}):
        assert code(**wrong) == (200, "2")
    assert sim.ledger.bookings == []
    status, text = chronopost(sim, "shipping", "fly", "")
    assert status == 500 and "faultstring" in text
    status, raw = send(sim, "POST", "/shipping-cxf/ShippingServiceWS", "<broken")
    assert status == 500 and b"Fault" in raw


# --- all of them


def test_a_prefix_names_the_partner(sim):
    headers = fx_token(sim)
    made = send(sim, "POST", "/fedex/ship/v1/shipments", fx_shipment(), headers)
    assert made[0] == 200
    assert send(sim, "POST", "/ups/ship/v1/shipments", fx_shipment(), headers)[0] == 404
    assert sim.calls[-2]["partner"] == "fedex" and sim.calls[-2]["reference"] == "R1"


@pytest.mark.parametrize("style", ["honours_keys", "offers_lookup", "neither"])
def test_every_partner_can_be_told_its_style(sim, style):
    names = ("easypost", "sendcloud", "ups", "fedex", "dhl_express", "chronopost")
    send(sim, "POST", "/_control/styles", dict.fromkeys(names, style))
    ups, fx = ups_token(sim), fx_token(sim)
    lookup = {"referencesInformation": {"value": "R1", "accountNumber": "740000001"}}
    for _ in range(2):
        send(sim, "POST", ANNOUNCE, sc_shipment(), SC)
        send(sim, "POST", "/api/shipments/v1/ship", ups_shipment(), ups)
        send(sim, "POST", "/ship/v1/shipments", fx_shipment(), fx)
        send(sim, "POST", "/mydhlapi/shipments", dhl_shipment(), DHL)
        chronopost(sim, "shipping", "shippingMultiParcelV4", parcels())
    for name in names[1:]:
        count = 1 if style == "honours_keys" else 2
        assert len(sim.ledger.live(partner=name)) == count, name
    found = style != "neither"
    body = ups_recover(sim, ups)[1]
    assert ("LabelRecoveryResponse" in body) == found
    body = send(sim, "POST", "/track/v1/referencenumbers", lookup, fx)[1]
    rows = body["output"]["completeTrackResults"]
    assert ("error" not in rows[0]["trackResults"][0]) == found
    query = "shipmentReference=R1&shipperAccountNumber=123456789"
    assert (send(sim, "GET", f"/tracking?{query}", None, DHL)[0] == 200) == found
    body = send(sim, "GET", "/api/v3/shipments?external_reference_id=R1", None, SC)[1]
    assert bool(body["data"]) == found


def test_nonsense_is_refused_and_breaks_nothing(sim):
    tokens = {"ups": ups_token(sim), "fedex": fx_token(sim)}
    calls = [
        ("/v2/shipments", EP),
        (ANNOUNCE, SC),
        ("/api/v2/parcels", SC),
        ("/api/v3/returns", SC),
        ("/api/v3/pickups", SC),
        ("/api/shipments/v1/ship", tokens["ups"]),
        ("/api/rating/v1/Shop", tokens["ups"]),
        ("/api/labels/v1/recovery", tokens["ups"]),
        ("/ship/v1/shipments", tokens["fedex"]),
        ("/rate/v1/rates/quotes", tokens["fedex"]),
        ("/track/v1/trackingnumbers", tokens["fedex"]),
        ("/mydhlapi/shipments", DHL),
        ("/mydhlapi/rates", DHL),
        ("/matrix/keys/book", {"X-Api-Key": "k"}),
    ]
    for path, headers in calls:
        for body in ("", "[]", "{", "null", '{"shipment": "text"}', "\udcff"):
            data = body.encode(errors="surrogateescape")
            status = send(sim, "POST", path, data, headers)[0]
            assert 400 <= status < 500, (path, body)
    assert sim.ledger.bookings == []


def test_booked_parcels_are_played_and_pushed(sim):
    pushed = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            pushed.append((self.path, dict(self.headers), json.loads(body)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args):
            pass

    receiver = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    bought = ep_bought(sim)
    cancelled = send(sim, "POST", ANNOUNCE, sc_shipment(), SC)[1]["data"]
    send(sim, "POST", f"/api/v3/shipments/{cancelled['id']}/cancel", None, SC)
    waybill = send(sim, "POST", "/shipments", dhl_shipment(), DHL)[1]
    connectors = [
        {"partner": name, "path": f"/in/{name}", "secret": "s3cret"}
        for name in ("easypost", "sendcloud")
    ]
    url = "http://{}:{}".format(*receiver.server_address)
    player = Pusher(sim.world, connectors, url, speed=1000, say=lambda text: None)
    end = time.monotonic() + 3
    parcels_left = [bought["tracking_code"], waybill["shipmentTrackingNumber"]]
    player.play_bookings(
        lambda: (
            all(
                sim.world.parcels[row].steps[-1].name == "delivered"
                for row in parcels_left
            )
            or time.monotonic() > end
        )
    )
    receiver.shutdown()
    receiver.server_close()
    assert {path for path, _, _ in pushed} == {"/in/easypost"}
    assert pushed[-1][2]["result"]["status"] == "delivered"
    assert pushed[-1][1]["X-Hmac-Signature"].startswith("hmac-sha256-hex=")
    found = send(sim, "GET", waybill["trackingUrl"], None, DHL)[1]
    assert found["shipments"][0]["events"][-1]["typeCode"] == "OK"


def test_some_partners_collect_later_so_that_there_is_time_to_cancel(sim):
    bought = ep_bought(sim)
    waybill = send(sim, "POST", "/shipments", dhl_shipment(), DHL)[1]
    patient = Pusher(
        sim.world,
        [],
        "",
        speed=1000,
        say=lambda text: None,
        collected_after={"dhl_express": 10_000_000},
    )
    early = sim.world.parcels[bought["tracking_code"]]
    late = sim.world.parcels[waybill["shipmentTrackingNumber"]]
    end = time.monotonic() + 3
    patient.play_bookings(
        lambda: early.steps[-1].name == "delivered" or time.monotonic() > end
    )
    assert early.steps[-1].name == "delivered"
    assert [step.name for step in late.steps] == ["announced"]
