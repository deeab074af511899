# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import base64
import json
import sys
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from simulator import numbers  # noqa: E402
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


def test_sendcloud_returns_and_pickups(sim):
    asked = {
        **sc_shipment(),
        "ship_with": {
            "type": "shipping_option_code",
            "shipping_option_code": "dpd:return/return",
        },
        "weight": {"value": 1, "unit": "kg"},
    }
    status, made = send(sim, "POST", "/api/v3/returns", asked, SC)
    assert status == 201
    path = f"/api/v3/returns/{made['return_id']}"
    read = send(sim, "GET", path, None, SC)[1]
    assert read["is_cancellable"] and read["tracking_number"]
    assert send(sim, "GET", read["label_url"], None, SC)[1].startswith(b"%PDF")
    assert send(sim, "PATCH", f"{path}/cancel", None, SC)[0] == 202
    assert sim.ledger.live("SO1", kind="return") == []
    pickup = {
        "address": asked["to_address"],
        "time_slots": [
            {"start_at": "2026-01-12T12:00:00Z", "end_at": "2026-01-12T17:00:00Z"}
        ],
        "items": [{"quantity": 1, "container_type": "parcel"}],
        "carrier_code": "dpd",
        "reference": "P1",
    }
    status, made = send(sim, "POST", "/api/v3/pickups", pickup, SC)
    assert (status, made["data"]["status"]) == (201, "ANNOUNCING")
    read = send(sim, "GET", f"/api/v3/pickups/{made['data']['id']}", None, SC)[1]
    assert read["data"]["tracking_number"].startswith("PRG")


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
