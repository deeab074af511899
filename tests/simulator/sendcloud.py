# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Sendcloud, as its v2 and v3 APIs are described (sendcloud.dev).

An ``external_reference_id`` of v3 may be used once: the second shipment with it is
answered with 409 and the first shipment. A carrier that refuses an announcement is
no error of HTTP: 201, status ANNOUNCEMENT_FAILED and ``errors``.
"""

import hashlib
import hmac
import json
import uuid
from datetime import datetime, timezone

from . import labels, numbers
from .ledger import LIVE
from .wire import Answer, Refusal, Route, at, listed, number

NAME = "sendcloud"

# step: (status id, status message)
WORDS = {
    "announced": (1000, "Ready to send"),
    "collected": (22, "Shipment picked up by driver"),
    "hub": (3, "En route to sorting center"),
    "left_hub": (7, "Being sorted"),
    "depot": (5, "Sorted"),
    "on_vehicle": (92, "Driver en route"),
    "not_home": (8, "Delivery attempt failed"),
    "delivered": (11, "Delivered"),
    "damaged": (80, "Unable to deliver"),
    "refused": (80, "Unable to deliver"),
    "going_back": (62989, "Returned to sender"),
    "customs": (62989, "At Customs"),
    "strange": (9977, "Parcel en route by drone"),
}


def push(parcel, serial, steps=None):
    """Return the body of a webhook; it tells the last step only."""
    step = (steps or parcel.steps)[-1]
    status, message = WORDS[step.name]
    stamp = int(step.at.timestamp() * 1000)
    return json.dumps(
        {
            "action": "parcel_status_changed",
            "timestamp": stamp + serial,
            "carrier_status_change_timestamp": stamp,
            "parcel": {
                "id": int.from_bytes(parcel.number[-4:].encode(), "big"),
                "name": "Demo Customer",
                "city": "Eindhoven",
                "tracking_number": parcel.number,
                "status": {"id": status, "message": message},
                "country": {"iso_3": "NLD", "iso_2": "NL", "name": "Netherlands"},
                "carrier": {"code": "simulated"},
            },
        }
    ).encode()


def sign(body, secret):
    """Return the headers of a webhook: HMAC-SHA256 over the raw body, in hex."""
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {"Content-Type": "application/json", "Sendcloud-Signature": digest}


#: code: (carrier code, carrier name, product name, euros, largest weight in kg)
OPTIONS = {
    "postnl:standard": ("postnl", "PostNL", "PostNL Standard", 5.95, 23.0),
    "postnl:standard/signature": ("postnl", "PostNL", "PostNL Signature", 7.10, 23.0),
    "dpd:home": ("dpd", "DPD", "DPD Home", 6.40, 31.5),
    "dpd:return/return": ("dpd", "DPD", "DPD Return", 6.90, 31.5),
    "sendcloud:letter": ("sendcloud", "Sendcloud", "Unstamped letter", 0.0, 2.0),
}
#: Ids of the same in v2.
METHODS = {
    8: "sendcloud:letter",
    39: "postnl:standard",
    40: "postnl:standard/signature",
    109: "dpd:home",
    110: "dpd:return/return",
}
CONTRACTS = (None, 517)
FAILED = {
    "status": "500",
    "code": "parcel_announcement_error",
    "detail": "Service error: An error occurred while connecting to the carrier.",
}
_IN_KG = {"kg": 1.0, "g": 0.001, "lbs": 0.45359237, "oz": 0.028349523125}


def error(status, code, detail, pointer=None):
    row = {"status": str(status), "code": code, "detail": detail}
    if pointer:
        row["source"] = {"pointer": pointer}
    return Answer(status, {"errors": [row]})


def old_error(request, status, message):
    """Return an error of v2."""
    path = request.path.strip("/")
    body = {"code": status, "message": message, "request": path}
    return Answer(status, {"error": body})


def _admit(request, state):
    known = state.accounts[NAME]
    if not request.denied and request.basic() == (known["public"], known["secret"]):
        return
    text = "Invalid username/password."
    if "/v2/" in request.path:
        raise Refusal(old_error(request, 401, text))
    raise Refusal(error(401, "authentication_failed", text))


def _now():
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _weight(value):
    """Return kilograms of a v3 weight."""
    if not isinstance(value, dict):
        return 0.0
    return number(value.get("value")) * _IN_KG.get(value.get("unit"), 0.0)


def _required(asked, names, place=""):
    for name in names:
        if at(asked, name) is None:
            pointer = f"{place}/{name.replace('.', '/')}"
            raise Refusal(error(400, "required", "This field is required.", pointer))


_ADDRESS = ("name", "address_line_1", "postal_code", "city", "country_code")


# --- v3


def options(request, state):
    """Answer which services there are and, where weights are told, their prices."""
    _admit(request, state)
    asked = request.json()
    weights = [_weight(at(row, "weight")) for row in listed(asked.get("parcels"))]
    weights = weights or [_weight(asked.get("weight"))]
    if asked.get("weight") or asked.get("parcels"):
        if min(weights) <= 0:
            detail = "Ensure this value is greater than 0."
            return error(400, "min_value", detail, "/parcels/0/weight/value")
    carrier = asked.get("carrier_code")
    wanted = asked.get("shipping_option_code")
    rows = []
    for code, (carrier_code, carrier_name, name, price, largest) in OPTIONS.items():
        if carrier not in (None, carrier_code) or wanted not in (None, code):
            continue
        if max(weights) > largest or code.endswith("/return") != bool(
            asked.get("returns") or at(asked, "functionalities.returns")
        ):
            continue
        limits = {
            "min": {"value": "0.001", "unit": "kg"},
            "max": {"value": f"{largest:.3f}", "unit": "kg"},
        }
        total = {"value": f"{price * len(weights):.2f}", "currency": "EUR"}
        quote = {
            "weight": limits,
            "lead_time": 24,
            "price": {
                "breakdown": [
                    {
                        "type": "price_without_insurance",
                        "label": "Label",
                        "price": total,
                    }
                ],
                "total": total,
            },
        }
        rows.append(
            {
                "code": code,
                "name": name,
                "carrier": {"code": carrier_code, "name": carrier_name},
                "product": {"code": code.split("/")[0], "name": name},
                "functionalities": {"last_mile": "home_delivery"},
                "max_dimensions": {
                    "length": "100.00",
                    "width": "70.00",
                    "height": "58.00",
                    "unit": "cm",
                },
                "weight": limits,
                "billed_weight": {
                    "value": f"{sum(weights):.3f}",
                    "unit": "kg",
                    "volumetric": False,
                },
                "contract": {
                    "id": 517,
                    "client_id": "",
                    "carrier_code": carrier_code,
                    "name": "Simulated",
                },
                "requirements": {
                    "fields": [],
                    "export_documents": False,
                    "is_service_point_required": False,
                },
                "quotes": [quote] if asked.get("calculate_quotes", True) else None,
            }
        )
    return Answer(200, {"data": rows, "message": None})


def _reference(request, state):
    asked = request.json()
    return str(asked.get("external_reference_id") or "")


def _check_shipment(asked, most):
    _required(asked, ("to_address", "from_address", "ship_with", "parcels"))
    _required(asked["to_address"], _ADDRESS, "/to_address")
    if at(asked, "from_address.sender_address_id") is None:
        _required(asked["from_address"], _ADDRESS, "/from_address")
    place = "/ship_with/properties"
    code = at(asked, "ship_with.properties.shipping_option_code")
    if code is None:
        _required({}, ("shipping_option_code",), place)
    if code not in OPTIONS:
        detail = "The shipping option code is not available."
        raise Refusal(error(400, "invalid", detail, f"{place}/shipping_option_code"))
    if at(asked, "ship_with.properties.contract_id") not in CONTRACTS:
        detail = "The contract does not exist."
        raise Refusal(error(400, "invalid", detail, f"{place}/contract_id"))
    parcels = listed(asked["parcels"])
    if not 0 < len(parcels) <= most:
        detail = f"Ensure this field has 1 to {most} elements."
        raise Refusal(error(400, "invalid", detail, "/parcels"))
    for index, parcel in enumerate(parcels):
        place = f"/parcels/{index}"
        _required(parcel, ("weight", "weight.value", "weight.unit"), place)
        if _weight(parcel["weight"]) <= 0:
            detail = "Ensure this value is greater than 0."
            raise Refusal(error(400, "min_value", detail, f"{place}/weight/value"))


def announce(request, state, most=15):
    """Book a shipment and answer it with its label, if it is one parcel."""
    _admit(request, state)
    asked = request.json()
    _check_shipment(asked, most)
    reference = asked.get("external_reference_id")
    if reference and state.styles[NAME] == "refuses_repeats":
        before = state.ledger.find(NAME, reference=reference, kind="shipment")
        if before:
            return Answer(409, {"data": _shown(before[-1], state, request)})
    parcels, failing = listed(asked["parcels"]), []
    if request.half:
        failing = list(range(1, len(parcels), 2)) or [0]
    code = asked["ship_with"]["properties"]["shipping_option_code"]
    carrier, _name, _product, price, _largest = OPTIONS[code]
    rows, tracking = [], []
    for index, parcel in enumerate(parcels):
        row = {
            "id": 383_000_000 + state.serial("sendcloud-parcel"),
            "tracking_number": "",
            "failed": index in failing,
            "asked": parcel,
        }
        if index not in failing:
            serial = state.serial("sendcloud")
            row["tracking_number"] = numbers.postnl(serial)
            if carrier != "postnl":
                row["tracking_number"] = f"{carrier.upper():.4}{serial:010}"
            tracking.append(row["tracking_number"])
        rows.append(row)
    data = {"asked": asked, "parcels": rows, "at": _now()}
    if tracking:
        booking = state.book(
            NAME,
            reference,
            tracking,
            id=str(uuid.UUID(int=state.serial("sendcloud-id"))),
            amount=f"{price * len(tracking):.2f}",
            currency="EUR",
            data=data,
        )
    else:
        # Nothing was booked, but Sendcloud keeps the shipment that failed.
        booking = _Unbooked(str(uuid.UUID(int=state.serial("sendcloud-id"))), data)
        state.store(NAME, "failed")[booking.id] = booking
    return Answer(201, {"data": _shown(booking, state, request, with_label=True)})


class _Unbooked:
    """A shipment that the carrier refused: known, but never in the ledger."""

    state = LIVE

    def __init__(self, id, data):
        self.id, self.data = id, data


def announce_later(request, state):
    """Book a shipment; the parcels' numbers are told when it is asked for."""
    answer = announce(request, state, most=50)
    if answer.status == 201:
        for row in answer.body["data"]["parcels"]:
            row.update(
                status={"code": "ANNOUNCING", "message": "Being announced"},
                tracking_number="",
                tracking_url=None,
                announced_at=None,
                documents=[],
            )
            del row["label_file"]
    return answer


def _status(booking, row, state):
    if row["failed"]:
        return {"code": "ANNOUNCEMENT_FAILED", "message": "Announcement Failed"}
    if booking.state != LIVE:
        return {"code": "CANCELLED", "message": "Cancelled"}
    step = state.world.parcels[row["tracking_number"]].steps[-1].name
    code = WORDS[step][1].upper().replace(" ", "_")
    return {"code": code, "message": WORDS[step][1]}


def _shown(booking, state, request, with_label=False):
    asked, when = booking.data["asked"], booking.data["at"]
    code = asked["ship_with"]["properties"]["shipping_option_code"]
    carrier, name = OPTIONS[code][:2]
    kind = _kind(at(asked, "label_details.mime_type", "application/pdf"))
    parcels = []
    for row in booking.data["parcels"]:
        link = f"{request.base}/api/v3/parcels/{row['id']}/documents/label"
        tracking = row["tracking_number"]
        one = with_label and len(booking.data["parcels"]) == 1 and tracking
        parcels.append(
            {
                "id": row["id"],
                "status": _status(booking, row, state),
                "documents": (
                    [{"type": "label", "size": "a6", "link": link}] if tracking else []
                ),
                "dimensions": row["asked"].get("dimensions"),
                "weight": row["asked"]["weight"],
                "tracking_url": f"{request.base}/forward?code={tracking}",
                "tracking_number": tracking,
                "additional_carrier_data": {
                    "awb_tracking_number": None,
                    "box_number": None,
                },
                "created_at": when,
                "updated_at": when,
                "announced_at": when,
                "parcel_items": row["asked"].get("parcel_items") or [],
                "label_file": labels.coded(tracking, kind) if one else None,
            }
        )
        if not with_label:
            del parcels[-1]["label_file"]
    failed = [row for row in booking.data["parcels"] if row["failed"]]
    names = "order_number total_order_price reference external_reference_id brand_id"
    return {
        "id": booking.id,
        **{name: asked.get(name) for name in names.split()},
        "label_details": asked.get("label_details"),
        "parcels": parcels,
        "to_address": asked["to_address"],
        "from_address": asked["from_address"],
        "ship_with": asked["ship_with"],
        "customs_information": asked.get("customs_information"),
        "carrier": {"code": carrier, "name": name},
        "errors": [FAILED] if failed else [],
    }


def _shipments(state):
    rows = [row for row in state.ledger.find(NAME, kind="shipment") if "at" in row.data]
    return [*rows, *state.store(NAME, "failed").values()]


def _shipment(state, key):
    for booking in _shipments(state):
        if booking.id == key:
            return booking
    raise Refusal(error(404, "not_found", "Not found"))


def list_shipments(request, state):
    _admit(request, state)
    reference = request.asked("external_reference_id", None)
    tracking = request.asked("tracking_number", None)
    order = request.asked("order_number", None)
    rows = list(reversed(_shipments(state)))
    if reference is not None:
        found = {row.id for row in state.lookup(NAME, reference)}
        rows = [row for row in rows if row.id in found]
    if tracking is not None:
        rows = [row for row in rows if tracking in getattr(row, "numbers", ())]
    if order is not None:
        rows = [row for row in rows if row.data["asked"].get("order_number") == order]
    size = int(number(request.asked("page_size", "40")))
    shown = [_shown(row, state, request) for row in rows[:size]]
    return Answer(200, {"data": shown})


def get_shipment(request, state, key):
    _admit(request, state)
    return Answer(200, {"data": _shown(_shipment(state, key), state, request)})


def cancel_shipment(request, state, key):
    _admit(request, state)
    booking = _shipment(state, key)
    if booking.state != LIVE:
        return error(409, "invalid", "This shipment is already being cancelled.")
    steps = [
        len(state.world.parcels[number].steps)
        for number in getattr(booking, "numbers", ())
    ]
    if max(steps, default=1) > 1:
        return error(409, "invalid", "This shipment can no longer be cancelled.")
    if steps:
        state.cancel(booking)
    data = {"status": "cancelled", "message": "Shipment has been cancelled"}
    return Answer(200, {"data": data})


def _kind(mime):
    kinds = {mime: kind for kind, mime in labels.CONTENT_TYPES.items()}
    return kinds.get(str(mime).split(";")[0].strip(), "pdf")


def _tracking(state, parcel_id):
    """Return the tracking number of a parcel of v2, v3 or a return."""
    for booking in state.ledger.find(NAME):
        for row in booking.data.get("parcels", ()):
            if str(row["id"]) == parcel_id and row["tracking_number"]:
                return row["tracking_number"]
    return None


def document(request, state, parcel_id, what):
    _admit(request, state)
    tracking = _tracking(state, parcel_id)
    if tracking is None or what != "label":
        return error(404, "not_found", "Not found")
    kind = _kind(request.header("Accept") or "application/pdf")
    return Answer(200, labels.label(tracking, kind), labels.CONTENT_TYPES[kind])


def _reference_of_return(request, state):
    asked = request.json()
    return str(asked.get("external_reference") or asked.get("order_number") or "")


def create_return(request, state):
    """Book a return of one parcel or several (``collo_count``).

    Announced at once or later, the answer names ids only; numbers and labels are
    asked for. Nothing is promised of a repeated ``external_reference``, so it is a
    second return here.
    """
    _admit(request, state)
    asked = request.json()
    _required(asked, ("from_address", "to_address", "ship_with", "weight"))
    _required(asked["from_address"], _ADDRESS, "/from_address")
    _required(asked["to_address"], _ADDRESS, "/to_address")
    code = at(asked, "ship_with.shipping_option_code")
    if code not in OPTIONS:
        detail = "The shipping option code is not available."
        return error(400, "invalid", detail, "/ship_with/shipping_option_code")
    if at(asked, "ship_with.contract") not in CONTRACTS:
        detail = "The contract does not exist."
        return error(400, "invalid", detail, "/ship_with/contract")
    if _weight(asked["weight"]) <= 0:
        detail = "Ensure this value is greater than 0."
        return error(400, "min_value", detail, "/weight/value")
    collos = int(number(asked.get("collo_count", 1)))
    if collos < 1:
        detail = "Ensure this value is greater than or equal to 1."
        return error(400, "min_value", detail, "/collo_count")
    serial = state.serial("sendcloud-return")
    rows = [
        {
            "id": 383_000_000 + state.serial("sendcloud-parcel"),
            "tracking_number": f"JVGL{state.serial('sendcloud-return-parcel'):014}",
            "failed": False,
            "asked": asked,
        }
        for _collo in range(collos)
    ]
    state.book(
        NAME,
        _reference_of_return(request, state),
        [row["tracking_number"] for row in rows],
        id=str(serial),
        kind="return",
        amount=f"{OPTIONS[code][3] * collos:.2f}",
        currency="EUR",
        data={"parcels": rows},
    )
    first, *others = (row["id"] for row in rows)
    made = {"return_id": serial, "parcel_id": first, "multi_collo_ids": others}
    return Answer(201, made)


def _return(state, key):
    found = state.ledger.find(NAME, id=key, kind="return")
    if not found:
        raise Refusal(error(404, "not_found", "Not found"))
    return found[0]


def get_return(request, state, key):
    _admit(request, state)
    booking = _return(state, key)
    row = booking.data["parcels"][0]
    link = f"{request.base}/api/v3/parcels/{row['id']}/documents/label"
    return Answer(
        200,
        {
            "id": int(key),
            "is_cancellable": booking.state == LIVE,
            "label_cost": {"value": number(booking.amount), "currency": "EUR"},
            "tracking_number": row["tracking_number"],
            "label_url": link,
            "label": {"label_printer": link, "normal_printer": [link]},
            "order_number": row["asked"].get("order_number", ""),
            "external_reference": row["asked"].get("external_reference", ""),
            "weight": row["asked"]["weight"],
            "from_address": row["asked"]["from_address"],
            "to_address": row["asked"]["to_address"],
            "collo_count": len(booking.data["parcels"]),
        },
    )


def cancel_return(request, state, key):
    _admit(request, state)
    booking = _return(state, key)
    if booking.state != LIVE:
        return error(409, "invalid", "This return can't be cancelled.")
    state.cancel(booking)
    return Answer(202, {"message": "Cancellation requested successfully"})


def _reference_of_pickup(request, state):
    return str(request.json().get("reference") or "")


def create_pickup(request, state):
    _admit(request, state)
    asked = request.json()
    _required(asked, ("address", "time_slots", "items", "carrier_code"))
    _required(asked["address"], _ADDRESS, "/address")
    if asked["carrier_code"] not in {row[0] for row in OPTIONS.values()}:
        return error(400, "invalid_choice", "Not a valid choice.", "/carrier_code")
    serial = state.serial("sendcloud-pickup")
    booking = state.book(
        NAME,
        asked.get("reference"),
        [f"PRG{serial:012}"],
        id=str(serial),
        kind="pickup",
        data={"asked": asked, "at": _now()},
    )
    return Answer(201, {"data": _shown_pickup(booking, "ANNOUNCING")})


def _shown_pickup(booking, status=None):
    is_live = booking.state == LIVE
    return {
        "id": int(booking.id),
        "reference": "",
        "special_instructions": "",
        **booking.data["asked"],
        "tracking_number": "" if status and is_live else booking.numbers[0],
        "status": status or ("CREATED" if is_live else "CANCELLED"),
        "created_at": booking.data["at"],
        "cancelled_at": None if is_live else _now(),
        "contract_id": 517,
    }


def _pickup(state, key):
    found = state.ledger.find(NAME, id=key, kind="pickup")
    if not found:
        raise Refusal(error(404, "not_found", "Not found"))
    return found[0]


def get_pickup(request, state, key):
    _admit(request, state)
    return Answer(200, {"data": _shown_pickup(_pickup(state, key))})


def cancel_pickup(request, state, key):
    """Cancel a pickup: PostNL by its API, the others through Sendcloud's support.

    What the support cancels counts as cancelled here at once.
    """
    _admit(request, state)
    booking = _pickup(state, key)
    if booking.state != LIVE:
        return error(409, "invalid", "This pickup can no longer be cancelled.")
    state.cancel(booking)
    if booking.data["asked"]["carrier_code"] == "postnl":
        return Answer(200, {"data": _shown_pickup(booking)})
    return Answer(202, {"data": _shown_pickup(booking, "CANCELLATION_REQUESTED")})


def track(request, state, tracking):
    _admit(request, state)
    parcel = state.world.parcels.get(tracking)
    if parcel is None or parcel.partner != NAME:
        return error(404, "not_found", "Not found")
    events = [
        {
            "event_at": step.at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "event_type": "carrier",
            "status_code": WORDS[step.name][1].lower().replace(" ", "_"),
            "status_description": WORDS[step.name][1],
            "status_type": "success",
            "sub_status_code": "none",
        }
        for step in parcel.steps
    ]
    return Answer(200, {"tracking_numbers": {"carrier": tracking}, "events": events})


# --- v2


def _asked_parcels(request):
    asked = request.json()
    return listed(asked.get("parcels") or asked.get("parcel"))


def _old_reference(request, state):
    asked = _asked_parcels(request)
    if not any(row.get("request_label") for row in asked):
        return None
    return str(asked[0].get("external_reference") or asked[0].get("reference") or "")


def _old_errors(asked, state):
    errors = {}
    for name in ("name", "address", "city", "postal_code", "country"):
        if not asked.get(name):
            errors[name] = ["This field may not be blank."]
    address = str(asked.get("address") or "")
    if not asked.get("house_number") and not any(c.isdigit() for c in address):
        errors["house_number"] = ["This field may not be blank."]
    if number(asked.get("weight", 1)) < 0.001:
        errors["weight"] = ["Ensure this value is greater than or equal to 0.001."]
    method = at(asked, "shipment.id")
    if asked.get("request_label") and int(number(method)) not in METHODS:
        errors["shipment"] = ["Invalid shipment method."]
    return errors


def create_parcels(request, state):
    """Make one parcel, or several of which some may fail (``errors=verbose``)."""
    _admit(request, state)
    asked = _asked_parcels(request)
    if not asked:
        return old_error(request, 400, "parcel: 'This field is required.'")
    several = "parcels" in request.json()
    made, failed = [], []
    for index, row in enumerate(asked):
        errors = _old_errors(row, state)
        if request.half and (index % 2 or len(asked) == 1):
            errors = {"non_field_errors": [FAILED["detail"]]}
        if not errors:
            made.append(_old_parcel(row, state, request))
        elif several:
            failed.append({"parcel": row, "errors": errors})
        else:
            name, texts = next(iter(errors.items()))
            return old_error(request, 400, f"{name}: {texts[0]!r}")
    if not several:
        return Answer(200, {"parcel": made[0]})
    body = {"parcels": made}
    if failed:
        body["failed_parcels"] = failed
    return Answer(200, body)


def _old_parcel(asked, state, request):
    external = asked.get("external_reference")
    if external and state.styles[NAME] == "refuses_repeats":
        # "This field is used to create idempotence": the first parcel is answered.
        before = state.ledger.find(NAME, reference=external, kind="shipment")
        if before:
            return _old_shown(before[-1].data["parcels"][0], state, request)
    row = {
        "id": 383_000_000 + state.serial("sendcloud-parcel"),
        "tracking_number": "",
        "failed": False,
        "asked": asked,
    }
    if not asked.get("request_label"):
        state.store(NAME, "parcels")[str(row["id"])] = row
        return _old_shown(row, state, request)
    row["tracking_number"] = numbers.postnl(state.serial("sendcloud"))
    code = METHODS[int(number(at(asked, "shipment.id")))]
    state.book(
        NAME,
        external or asked.get("reference"),
        [row["tracking_number"]],
        id=str(row["id"]),
        kind="return" if asked.get("is_return") else "shipment",
        amount=f"{OPTIONS[code][3]:.2f}",
        currency="EUR",
        data={"parcels": [row]},
    )
    return _old_shown(row, state, request)


def _old_shown(row, state, request):
    asked, tracking = row["asked"], row["tracking_number"]
    base = f"{request.base}/api/v2"
    code = METHODS.get(int(number(at(asked, "shipment.id"))), "sendcloud:letter")
    status = {"id": 999, "message": "No label"}
    found = state.ledger.find(NAME, id=str(row["id"]))
    if found and found[0].state != LIVE:
        status = {"id": 2000, "message": "Cancelled"}
    elif tracking:
        word = WORDS[state.world.parcels[tracking].steps[-1].name]
        status = {"id": word[0], "message": word[1]}
    stamp = datetime.now(timezone.utc).strftime("%d-%m-%Y %H:%M:%S")
    label = f"{base}/labels/label_printer/{row['id']}"
    return {
        "id": row["id"],
        "name": asked.get("name"),
        "company_name": asked.get("company_name", ""),
        "address": asked.get("address"),
        "city": asked.get("city"),
        "postal_code": asked.get("postal_code"),
        "telephone": asked.get("telephone", ""),
        "email": asked.get("email", ""),
        "date_created": stamp,
        "date_announced": stamp if tracking else None,
        "tracking_number": tracking,
        "tracking_url": f"{request.base}/forward?code={tracking}",
        "weight": f"{number(asked.get('weight', 1)):.3f}",
        "label": (
            {
                "label_printer": label,
                "normal_printer": [
                    f"{base}/labels/normal_printer/{row['id']}?start_from={n}"
                    for n in range(4)
                ],
            }
            if tracking
            else None
        ),
        "documents": (
            [
                {
                    "type": "label",
                    "size": "a6",
                    "link": f"{base}/parcels/{row['id']}/documents/label",
                }
            ]
            if tracking
            else []
        ),
        "status": status,
        "data": {},
        "country": {"iso_2": asked.get("country"), "name": asked.get("country")},
        "shipment": {"id": at(asked, "shipment.id"), "name": OPTIONS[code][2]},
        "carrier": {"code": OPTIONS[code][0]},
        "is_return": bool(asked.get("is_return")),
        "order_number": asked.get("order_number", ""),
        "external_reference": asked.get("external_reference"),
        "reference": asked.get("reference", "0"),
        "errors": {},
    }


def _old_rows(state):
    rows = [
        row
        for booking in state.ledger.find(NAME)
        if booking.kind != "pickup"
        for row in booking.data["parcels"]
        if "name" in row["asked"]
    ]
    return [*rows, *state.store(NAME, "parcels").values()]


def list_parcels(request, state):
    _admit(request, state)
    rows = _old_rows(state)
    external = request.asked("external_reference", None)
    if external is not None:
        found = {row.id for row in state.lookup(NAME, external)}
        rows = [row for row in rows if str(row["id"]) in found]
    for name in ("tracking_number", "order_number"):
        wanted = request.asked(name, None)
        if wanted is not None:
            rows = [r for r in rows if wanted in (r.get(name), r["asked"].get(name))]
    shown = [_old_shown(row, state, request) for row in rows]
    return Answer(200, {"next": None, "previous": None, "parcels": shown})


def _old_row(request, state, key):
    for row in _old_rows(state):
        if str(row["id"]) == key:
            return row
    raise Refusal(old_error(request, 404, "No Parcel matches the given query."))


def get_parcel(request, state, key):
    _admit(request, state)
    row = _old_row(request, state, key)
    return Answer(200, {"parcel": _old_shown(row, state, request)})


def cancel_parcel(request, state, key):
    _admit(request, state)
    _old_row(request, state, key)
    found = state.ledger.find(NAME, id=key)
    if not found:
        state.store(NAME, "parcels").pop(key)
        return Answer(200, {"status": "deleted", "message": "Parcel has been deleted"})
    if found[0].state != LIVE:
        message = "This shipment is already being cancelled."
        return Answer(400, {"status": "failed", "message": message})
    state.cancel(found[0])
    return Answer(200, {"status": "cancelled", "message": "Parcel has been cancelled"})


def old_label(request, state, parcel_id):
    _admit(request, state)
    tracking = _tracking(state, parcel_id)
    if tracking is None:
        return old_error(request, 404, "No Parcel matches the given query.")
    return Answer(200, labels.label(tracking), labels.CONTENT_TYPES["pdf"])


_V3, _V2, _ID = "/api/v3", "/api/v2", "([^/]+)"
ROUTES = [
    Route("POST", f"{_V3}/(?:fetch-)?shipping-options", options),
    Route("POST", f"{_V3}/shipments/announce", announce, _reference),
    Route("POST", f"{_V3}/shipments", announce_later, _reference),
    Route("GET", f"{_V3}/shipments", list_shipments),
    Route("GET", f"{_V3}/shipments/{_ID}", get_shipment),
    Route("POST", f"{_V3}/shipments/{_ID}/cancel", cancel_shipment),
    Route("GET", f"{_V3}/parcels/tracking/{_ID}", track),
    Route("GET", f"{_V3}/parcels/{_ID}/documents/{_ID}", document),
    Route(
        "POST",
        f"{_V3}/returns(?:/announce-synchronously)?",
        create_return,
        _reference_of_return,
    ),
    Route("GET", f"{_V3}/returns/{_ID}", get_return),
    Route("PATCH", f"{_V3}/returns/{_ID}/cancel", cancel_return),
    Route("POST", f"{_V3}/pickups", create_pickup, _reference_of_pickup),
    Route("GET", f"{_V3}/pickups/{_ID}", get_pickup),
    Route("POST", f"{_V3}/pickups/{_ID}/cancel", cancel_pickup),
    Route("POST", f"{_V2}/parcels", create_parcels, _old_reference),
    Route("GET", f"{_V2}/parcels", list_parcels),
    Route("GET", f"{_V2}/parcels/{_ID}", get_parcel),
    Route("POST", f"{_V2}/parcels/{_ID}/cancel", cancel_parcel),
    Route("GET", f"{_V2}/labels?/(?:label_printer|normal_printer)/{_ID}", old_label),
    Route("GET", f"{_V2}/parcels/{_ID}/documents/label", old_label),
]
