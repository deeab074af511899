# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Matrix Carrier, an invented partner that repeats bookings in three exact ways.

``/matrix/keys/`` honours the header Idempotency-Key and finds nothing by reference;
``/matrix/lookup/`` finds by reference and ignores keys; ``/matrix/neither/`` does
neither.
"""

import json

from . import labels
from .ledger import LIVE
from .wire import Answer, Refusal, Route, listed

NAME = "matrix"
#: step: code of its tracking.
WORDS = {
    "announced": "BOOKED",
    "collected": "COLLECTED",
    "hub": "AT_HUB",
    "left_hub": "LEFT_HUB",
    "depot": "AT_DEPOT",
    "on_vehicle": "OUT",
    "not_home": "NOT_HOME",
    "delivered": "DELIVERED",
    "damaged": "DAMAGED",
    "refused": "REFUSED",
    "going_back": "RETURNING",
    "customs": "CUSTOMS",
    "strange": "DRONE",
}


def error(status, code, message):
    return Answer(status, {"error": {"code": code, "message": message}})


def _admit(request, state):
    key = state.accounts[NAME]["key"]
    given = request.header("X-Api-Key")
    if request.denied or not given or key not in (None, given):
        raise Refusal(error(401, "UNAUTHORIZED", "X-Api-Key is missing or wrong"))


def reference(request, state, style):
    return str(request.json().get("reference") or "")


def book(request, state, style):
    _admit(request, state)
    asked = request.json()
    parcels = listed(asked.get("parcels"))
    if not reference(request, state, style):
        return error(400, "REFERENCE_MISSING", "reference is required")
    if not parcels:
        return error(400, "PARCELS_MISSING", "parcels is required")
    if any(isinstance(p, dict) and p.get("weight", 1) <= 0 for p in parcels):
        return error(422, "WEIGHT_INVALID", "weight must be greater than 0")
    keys, key = state.store(NAME, "keys"), request.header("Idempotency-Key")
    content = json.dumps(asked, sort_keys=True)
    if style == "keys" and key in keys:
        booking, before = keys[key]
        if content != before:
            return error(422, "KEY_REUSED", "the key was used with other content")
        return Answer(200, _shown(booking, request))
    failed = [index for index in range(len(parcels)) if request.half and index % 2]
    numbers = [
        f"MX{state.serial('matrix'):010}"
        for index in range(len(parcels))
        if index not in failed
    ]
    booking = state.book(
        NAME,
        asked["reference"],
        numbers,
        id=f"mtx_{state.serial('matrix-id')}",
        amount=f"{5 * len(numbers)}.00",
        currency="EUR",
        data={"style": style, "failed": failed},
    )
    if style == "keys" and key:
        keys[key] = (booking, content)
    return Answer(201, _shown(booking, request))


def _shown(booking, request):
    style = booking.data["style"]
    return {
        "id": booking.id,
        "reference": booking.reference,
        "state": booking.state,
        "amount": booking.amount,
        "currency": booking.currency,
        "parcels": [
            {
                "number": number,
                "label_url": f"{request.base}/matrix/{style}/labels/{number}.pdf",
            }
            for number in booking.numbers
        ],
        "failed": [
            {"index": index, "code": "PARCEL_REFUSED", "message": "No room for it"}
            for index in booking.data["failed"]
        ],
    }


def bookings(request, state, style):
    _admit(request, state)
    if style != "lookup":
        return error(404, "NOT_FOUND", "This carrier looks nothing up")
    wanted = request.asked("reference")
    found = state.ledger.find(NAME, reference=wanted) if wanted else []
    rows = [row for row in found if row.data["style"] == style]
    return Answer(200, {"bookings": [_shown(row, request) for row in rows]})


def cancel(request, state, style):
    _admit(request, state)
    found = state.ledger.find(NAME, id=str(request.json().get("id")))
    found = [row for row in found if row.data["style"] == style]
    if not found:
        return error(404, "NOT_FOUND", "No such booking")
    if found[0].state != LIVE:
        return error(409, "ALREADY_CANCELLED", "The booking was cancelled before")
    state.cancel(found[0])
    return Answer(200, _shown(found[0], request))


def paper(request, state, style, number, kind):
    _admit(request, state)
    if not state.ledger.find(NAME, number=number):
        return error(404, "NOT_FOUND", "No such label")
    return Answer(200, labels.label(number, kind), labels.CONTENT_TYPES[kind])


def track(request, state, style):
    _admit(request, state)
    parcel = state.world.parcels.get(request.asked("number"))
    if parcel is None or parcel.partner != NAME:
        return error(404, "NOT_FOUND", "No such parcel")
    events = [
        {"code": WORDS[step.name], "at": step.at.strftime("%Y-%m-%dT%H:%M:%SZ")}
        for step in parcel.steps
    ]
    return Answer(200, {"number": parcel.number, "events": events})


_STYLE = "/matrix/(keys|lookup|neither)"
ROUTES = [
    Route("POST", f"{_STYLE}/book", book, reference),
    Route("GET", f"{_STYLE}/bookings", bookings),
    Route("POST", f"{_STYLE}/cancel", cancel),
    Route("GET", rf"{_STYLE}/labels/(\w+)\.(pdf|png|zpl)", paper),
    Route("GET", f"{_STYLE}/track", track),
]
