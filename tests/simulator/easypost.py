# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""EasyPost, as its documentation describes it (docs.easypost.com, EasyPost/examples).

A shipment is a draft with rates until one is bought; what is bought is in the ledger.
Weights are in ounces. A reference need not be unique: the newest shipment is found.
"""

import hashlib
import hmac
import json
import unicodedata
from datetime import datetime, timezone

from . import labels, numbers
from .ledger import CANCELLED, LIVE
from .wire import Answer, Refusal, Route, at, listed, number

NAME = "easypost"

# step: (status, status_detail, message)
WORDS = {
    "announced": ("pre_transit", "label_created", "Shipping label created"),
    "collected": ("in_transit", "received_at_origin_facility", "Picked up"),
    "hub": ("in_transit", "arrived_at_facility", "Arrived at facility"),
    "left_hub": ("in_transit", "departed_facility", "Departed facility"),
    "depot": ("in_transit", "received_at_destination_facility", "At local depot"),
    "on_vehicle": ("out_for_delivery", "out_for_delivery", "Out for delivery"),
    "not_home": ("failure", "delivery_exception", "Nobody at home"),
    "delivered": ("delivered", "arrived_at_destination", "Delivered"),
    "damaged": ("failure", "damaged", "Parcel damaged in transit"),
    "refused": ("failure", "refused", "Refused by recipient"),
    "going_back": ("return_to_sender", "return", "On its way back to sender"),
    "customs": ("in_transit", "held", "Held at facility"),
    "strange": ("drone_handover", "quadcopter", "Handed to an autonomous drone"),
}


def tracker(parcel, steps=None):
    """Return a Tracker object of a parcel."""
    details = []
    for step in steps if steps is not None else parcel.steps:
        status, detail, message = WORDS[step.name]
        details.append(
            {
                "object": "TrackingDetail",
                "message": message,
                "description": message,
                "status": status,
                "status_detail": detail,
                "datetime": step.at.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "source": "SimulatedCarrier",
                "carrier_code": None,
                "tracking_location": {
                    "object": "TrackingLocation",
                    "city": "BROOKLYN",
                    "state": "NY",
                    "country": "US",
                    "zip": "11201",
                },
            }
        )
    last = details[-1] if details else {"status": "unknown", "status_detail": "unknown"}
    return {
        "id": f"trk_{parcel.number.lower()}",
        "object": "Tracker",
        "mode": "test",
        "tracking_code": parcel.number,
        "status": last["status"],
        "status_detail": last["status_detail"],
        "est_delivery_date": None,
        "carrier": "SimulatedCarrier",
        "tracking_details": details,
    }


def push(parcel, serial, steps=None):
    """Return the body of a tracker.updated event."""
    event = {
        "description": "tracker.updated",
        "mode": "test",
        "previous_attributes": {"status": "unknown"},
        "id": f"evt_{serial}",
        "object": "Event",
        "status": "pending",
        "result": tracker(parcel, steps),
    }
    return json.dumps(event).encode()


def sign(body, secret):
    """Return the headers of a webhook: HMAC-SHA256, the key in NFKD."""
    key = unicodedata.normalize("NFKD", secret).encode()
    digest = hmac.new(key, body, hashlib.sha256).hexdigest()
    return {
        "Content-Type": "application/json",
        "User-Agent": "EasyPost/v2 SimulatedClient",
        "X-Hmac-Signature": f"hmac-sha256-hex={digest}",
    }


#: service: (carrier, US dollars, days)
SERVICES = {
    "GroundAdvantage": ("USPS", 8.92, 4),
    "First": ("USPS", 8.95, 3),
    "Priority": ("USPS", 7.47, 2),
    "Express": ("USPS", 46.85, 1),
}
FILES = {"pdf": "label_pdf_url", "zpl": "label_zpl_url", "png": "label_url"}


def error(status, code, message, errors=()):
    body = {"code": code, "message": message, "errors": list(errors)}
    return Answer(status, {"error": body})


def _missing(name, message="cannot be blank"):
    return Refusal(
        error(
            422,
            "PARAMETER.REQUIRED",
            "Missing required parameter.",
            [{"field": name, "message": message}],
        )
    )


def _not_found():
    return Refusal(
        error(404, "NOT_FOUND", "The requested resource could not be found.")
    )


def _admit(request, state):
    given = request.basic() or (request.bearer(), "")
    if request.denied or given[0] != state.accounts[NAME]["key"]:
        raise Refusal(
            error(
                401,
                "APIKEY.INACTIVE",
                "This api key is no longer active. Please use a different api key or "
                "reactivate this key.",
            )
        )


def _now():
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _object(kind, prefix, state, /, **values):
    return {
        "id": f"{prefix}_{state.serial('easypost-id'):032x}",
        "object": kind,
        "mode": "test",
        "created_at": _now(),
        "updated_at": _now(),
        **values,
    }


def _reference_of_new(request, state):
    asked = request.json().get("shipment") or {}
    if not asked.get("service"):
        return None
    return str(asked.get("reference") or "")


def _reference_of_bought(request, state, key):
    found = state.store(NAME, "shipments").get(key)
    return str(found["reference"] or "") if found else ""


def _address(asked, state):
    names = "name company street1 street2 city state zip country phone email"
    values = {name: asked.get(name) for name in names.split()}
    return _object(
        "Address", "adr", state, **values, residential=None, verifications={}
    )


def create_shipment(request, state):
    """Make a draft with rates; with ``service`` buy it in the same call."""
    _admit(request, state)
    asked = request.json().get("shipment")
    if not isinstance(asked, dict) or not asked:
        raise _missing("shipment")
    missing = [
        {name: "Required and missing."}
        for name in ("to_address", "from_address")
        if not asked.get(name)
    ]
    if missing:
        return error(
            422,
            "SHIPMENT.INVALID_PARAMS",
            "Unable to create shipment, one or more parameters were invalid.",
            missing,
        )
    parcel = asked.get("parcel") or {}
    if number(parcel.get("weight")) <= 0:
        return error(
            422,
            "PARCEL.PARAMETERS.INVALID",
            "Unable to create parcel, one or more parameters were invalid.",
            [{"field": "weight", "message": "must be greater than 0"}],
        )
    accounts = [
        row.get("id") if isinstance(row, dict) else row
        for row in listed(asked.get("carrier_accounts"))
    ]
    account = state.accounts[NAME]["account"]
    if accounts and account not in accounts:
        return error(
            422,
            "SHIPMENT.CARRIER_ACCOUNTS.INVALID",
            "Unable to create shipment, one or more carrier accounts were invalid.",
        )
    shipment = _draft(asked, parcel, account, state)
    if not asked.get("service"):
        state.store(NAME, "shipments")[shipment["id"]] = shipment
        return Answer(201, shipment)
    rate = next((r for r in shipment["rates"] if r["service"] == asked["service"]), {})
    if not rate:
        text = at(shipment, "messages.0.message", "No rate matches the service.")
        return error(422, "SHIPMENT.POSTAGE.FAILURE", text)
    state.store(NAME, "shipments")[shipment["id"]] = shipment
    _buy(shipment, rate, state, request)
    return Answer(201, shipment)


def _draft(asked, parcel, account, state):
    sender = _address(asked["from_address"], state)
    receiver = _address(asked["to_address"], state)
    shipment = _object(
        "Shipment",
        "shp",
        state,
        reference=asked.get("reference"),
        status="unknown",
        is_return=bool(asked.get("is_return")),
        options={"currency": "USD", "date_advance": 0, **(asked.get("options") or {})},
        from_address=sender,
        to_address=receiver,
        return_address=asked.get("return_address") or sender,
        buyer_address=receiver,
        parcel=_object("Parcel", "prcl", state, **parcel),
        customs_info=asked.get("customs_info"),
        tracking_code=None,
        tracker=None,
        postage_label=None,
        selected_rate=None,
        refund_status=None,
        scan_form=None,
        insurance=None,
        batch_id=None,
        order_id=None,
        usps_zone=4,
        messages=[],
        rates=[],
        forms=[],
        fees=[],
    )
    for side, address in (("to", receiver), ("from", sender)):
        # EasyPost takes such an address; it is the carrier that has no rates for it.
        if not address["zip"] and address["country"] in (None, "US"):
            shipment["messages"].append(
                {
                    "carrier": "USPS",
                    "carrier_account_id": account,
                    "type": "rate_error",
                    "message": f"{side}_address.zip: must be a valid US postal code",
                }
            )
    if not shipment["messages"]:
        shipment["rates"] = [
            _object(
                "Rate",
                "rate",
                state,
                service=service,
                carrier=carrier,
                rate=f"{price:.2f}",
                currency="USD",
                list_rate=f"{price:.2f}",
                list_currency="USD",
                retail_rate=f"{price * 1.2:.2f}",
                retail_currency="USD",
                billing_type="easypost",
                delivery_days=days,
                delivery_date=None,
                delivery_date_guaranteed=False,
                est_delivery_days=days,
                shipment_id=shipment["id"],
                carrier_account_id=account,
            )
            for service, (carrier, price, days) in SERVICES.items()
        ]
    return shipment


def _buy(shipment, rate, state, request, insurance=None):
    code = numbers.usps(state.serial("usps"))
    kind = str(at(shipment, "options.label_format", "png")).lower()
    kind = kind if kind in FILES else "png"
    url = f"{request.base}/v2/files/{code}.{kind}"
    state.book(
        NAME,
        str(shipment["reference"] or ""),
        [code],
        id=shipment["id"],
        amount=rate["rate"],
        currency=rate["currency"],
        kind="return" if shipment["is_return"] else "shipment",
    )
    label = _object(
        "PostageLabel",
        "pl",
        state,
        date_advance=0,
        integrated_form="none",
        label_date=_now(),
        label_resolution=300,
        label_size="4x6",
        label_type="default",
        label_file_type=labels.CONTENT_TYPES[kind],
        label_url=url,
        label_pdf_url=url if kind == "pdf" else None,
        label_zpl_url=url if kind == "zpl" else None,
        label_epl2_url=None,
        label_file=None,
    )
    fees = [("LabelFee", "0.00000"), ("PostageFee", f"{rate['rate']}000")]
    shipment.update(
        tracking_code=code,
        selected_rate=rate,
        postage_label=label,
        insurance=insurance,
        updated_at=_now(),
        tracker={**tracker(state.world.parcels[code]), "shipment_id": shipment["id"]},
        fees=[
            {
                "object": "Fee",
                "type": name,
                "amount": amount,
                "charged": True,
                "refunded": False,
            }
            for name, amount in fees
        ],
    )


def _shipment(state, key):
    """Return a shipment by its id or by our reference, if references find any."""
    shipments = state.store(NAME, "shipments")
    if key in shipments:
        return shipments[key]
    if state.styles[NAME] != "neither":
        for shipment in reversed(shipments.values()):
            if shipment["reference"] == key or shipment["tracking_code"] == key:
                return shipment
    raise _not_found()


def buy_shipment(request, state, key):
    _admit(request, state)
    shipment = _shipment(state, key)
    if shipment["postage_label"]:
        return error(
            422, "SHIPMENT.POSTAGE.EXISTS", "Postage already exists for this shipment."
        )
    asked = request.json()
    wanted = at(asked, "rate.id")
    if not wanted:
        raise _missing("rate")
    rate = next((row for row in shipment["rates"] if row["id"] == wanted), None)
    if rate is None:
        return error(422, "SHIPMENT.MISSING_RATE", "Unable to find rate matching id.")
    _buy(shipment, rate, state, request, asked.get("insurance"))
    return Answer(200, shipment)


def get_shipment(request, state, key):
    _admit(request, state)
    return Answer(200, _shipment(state, key))


def list_shipments(request, state):
    """Answer the newest shipments first; there is no filter by reference."""
    _admit(request, state)
    size = int(number(request.asked("page_size", "20")))
    bought = request.asked("purchased", "true") != "false"
    rows = [
        row
        for row in reversed(state.store(NAME, "shipments").values())
        if row["postage_label"] or not bought
    ]
    after = request.asked("before_id")
    ids = [row["id"] for row in rows]
    if after in ids:
        rows = rows[ids.index(after) + 1 :]
    return Answer(200, {"shipments": rows[:size], "has_more": len(rows) > size})


def refund_shipment(request, state, key):
    _admit(request, state)
    shipment = _shipment(state, key)
    booked = state.ledger.find(NAME, id=shipment["id"])
    if not booked or shipment["refund_status"] in ("submitted", "refunded"):
        return error(
            422,
            "SHIPMENT.REFUND.UNAVAILABLE",
            "Refund request is unavailable. Please contact customer support.",
        )
    steps = state.world.parcels[shipment["tracking_code"]].steps
    if len(steps) > 1:
        # The carrier has scanned it: the request is taken and refused later.
        shipment["refund_status"] = "rejected"
        return Answer(200, shipment)
    shipment["refund_status"] = "submitted"
    state.cancel(booked[0])
    return Answer(200, shipment)


def convert_label(request, state, key):
    _admit(request, state)
    shipment = _shipment(state, key)
    kind = request.asked("file_format", "PDF").lower()
    if not shipment["postage_label"]:
        return error(422, "SHIPMENT.POSTAGE.REQUIRED", "Postage is required.")
    if kind not in ("pdf", "zpl", "png"):
        return error(422, "SHIPMENT.POSTAGE.INVALID_FORMAT", "Invalid label format.")
    url = f"{request.base}/v2/files/{shipment['tracking_code']}.{kind}"
    shipment["postage_label"][FILES[kind]] = url
    return Answer(200, shipment)


def paper(request, state, code, kind):
    """Answer a label or form; whoever has the address may read it, as at EasyPost."""
    known = state.ledger.find(NAME, number=code) or code in state.store(NAME, "forms")
    if not known:
        raise _not_found()
    return Answer(200, labels.label(code, kind), labels.CONTENT_TYPES[kind])


def create_scan_form(request, state):
    _admit(request, state)
    asked = request.json().get("scan_form") or request.json()
    ids = [
        row.get("id") if isinstance(row, dict) else row
        for row in listed(asked.get("shipments"))
    ]
    if not ids:
        return error(422, "SCAN_FORM.SHIPMENTS.REQUIRED", "Shipments are required.")
    shipments = [_shipment(state, key) for key in ids]
    if any(not row["postage_label"] or row["scan_form"] for row in shipments):
        return error(
            422, "SCAN_FORM.SHIPMENTS.INVALID", "One or more shipments were invalid."
        )
    form = _object(
        "ScanForm",
        "sf",
        state,
        status="created",
        message=None,
        tracking_codes=[row["tracking_code"] for row in shipments],
        address=shipments[0]["from_address"],
        form_file_type=None,
        batch_id=f"batch_{state.serial('easypost-id'):032x}",
        confirmation=None,
    )
    form["form_url"] = f"{request.base}/v2/files/{form['id']}.pdf"
    state.store(NAME, "forms")[form["id"]] = form
    for row in shipments:
        row["scan_form"] = {**form}
    return Answer(201, form)


def create_pickup(request, state):
    _admit(request, state)
    asked = request.json().get("pickup")
    if not isinstance(asked, dict) or not asked:
        raise _missing("pickup")
    for name in ("address", "min_datetime", "max_datetime"):
        if not asked.get(name):
            raise _missing(name)
    if not asked.get("shipment") and not asked.get("batch"):
        raise _missing("shipment")
    if asked.get("shipment"):
        _shipment(state, at(asked, "shipment.id") or asked["shipment"])
    pickup = _object(
        "Pickup",
        "pickup",
        state,
        status="unknown",
        reference=asked.get("reference"),
        min_datetime=asked["min_datetime"],
        max_datetime=asked["max_datetime"],
        is_account_address=bool(asked.get("is_account_address")),
        instructions=asked.get("instructions"),
        messages=[],
        confirmation=None,
        address=_address(asked["address"], state),
        carrier_accounts=[],
    )
    rate = _object(
        "PickupRate",
        "pickuprate",
        state,
        service="NextDay",
        carrier="USPS",
        rate="0.00",
        currency="USD",
        pickup_id=pickup["id"],
    )
    pickup["pickup_rates"] = [rate]
    state.store(NAME, "pickups")[pickup["id"]] = pickup
    return Answer(201, pickup)


def _pickup(state, key):
    found = state.store(NAME, "pickups").get(key)
    if found is None:
        raise _not_found()
    return found


def _reference_of_pickup(request, state, key):
    found = state.store(NAME, "pickups").get(key)
    return str(found["reference"] or "") if found else ""


def buy_pickup(request, state, key):
    _admit(request, state)
    pickup, asked = _pickup(state, key), request.json()
    rates = [(row["carrier"], row["service"]) for row in pickup["pickup_rates"]]
    if pickup["status"] == "scheduled":
        return error(422, "PICKUP.BUY.FAILED", "The pickup was bought before.")
    if (asked.get("carrier"), asked.get("service")) not in rates:
        return error(422, "PICKUP.BUY.NO_MATCHING_RATES", "No matching rates.")
    pickup["status"] = "scheduled"
    pickup["confirmation"] = f"WTC{state.serial('easypost-pickup'):08}"
    state.book(
        NAME,
        str(pickup["reference"] or ""),
        [pickup["confirmation"]],
        id=key,
        kind="pickup",
        amount="0.00",
        currency="USD",
    )
    return Answer(200, pickup)


def cancel_pickup(request, state, key):
    _admit(request, state)
    pickup = _pickup(state, key)
    found = state.ledger.find(NAME, id=key, kind="pickup")
    if not found or found[0].state != LIVE:
        return error(422, "PICKUP.CANCEL.FAILED", "Only a bought pickup is cancelled.")
    state.cancel(found[0])
    pickup["status"] = "canceled" if found[0].state == CANCELLED else "scheduled"
    return Answer(200, pickup)


def get_pickup(request, state, key):
    _admit(request, state)
    return Answer(200, _pickup(state, key))


def trackers(request, state, number=""):
    """Answer the list of trackers by tracking code."""
    number = number or request.asked("tracking_code")
    parcel = state.world.parcels.get(number)
    found = [tracker(parcel)] if parcel else []
    return Answer(200, {"trackers": found, "has_more": False})


_ID = "([^/]+)"
ROUTES = [
    Route("GET", "/v2/trackers(?:/([^/]+))?", trackers),
    Route("POST", "/v2/shipments", create_shipment, _reference_of_new),
    Route("GET", "/v2/shipments", list_shipments),
    Route("POST", f"/v2/shipments/{_ID}/buy", buy_shipment, _reference_of_bought),
    Route("GET", f"/v2/shipments/{_ID}", get_shipment),
    Route("POST", f"/v2/shipments/{_ID}/refund", refund_shipment),
    Route("GET", f"/v2/shipments/{_ID}/refund", refund_shipment),
    Route("GET", f"/v2/shipments/{_ID}/label", convert_label),
    Route("GET", r"/v2/files/(\w+)\.(pdf|png|zpl)", paper),
    Route("POST", "/v2/scan_forms", create_scan_form),
    Route("POST", "/v2/pickups", create_pickup),
    Route("GET", f"/v2/pickups/{_ID}", get_pickup),
    Route("POST", f"/v2/pickups/{_ID}/buy", buy_pickup, _reference_of_pickup),
    Route("POST", f"/v2/pickups/{_ID}/cancel", cancel_pickup),
]
