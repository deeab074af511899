# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""UPS, as its specifications of Track Alert and of the Track API describe it.

Track Alert signs nothing: it sends the credential agreed at the subscription.
"""

import json
from datetime import timedelta

from .wire import Answer, Refusal, Route

NAME = "ups"

# step: (type, code, description, statusCode)
WORDS = {
    "announced": ("M", "MP", "Shipper created a label", "003"),
    "collected": ("P", "PU", "Pickup Scan", "038"),
    "hub": ("I", "AR", "Arrived at Facility", "005"),
    "left_hub": ("I", "DP", "Departed from Facility", "005"),
    "depot": ("I", "OR", "Origin Scan", "005"),
    "on_vehicle": ("I", "OT", "Out For Delivery Today", "021"),
    "not_home": ("X", "48", "The receiver was not available", "011"),
    "delivered": ("D", "FS", "DELIVERED", "011"),
    "damaged": ("X", "A2", "Package is damaged", "013"),
    "refused": ("X", "G6", "Refused by receiver", "013"),
    "going_back": ("RS", "RS", "Returned to shipper", "014"),
    "customs": ("X", "CH", "Held in customs", "012"),
    "strange": ("Q", "DR", "Handed to drone", "099"),
}
NEW_YORK = timedelta(hours=-5)
PLACE = {"city": "CHARLOTTE", "stateProvince": "NC", "postalCode": "28209"}


def push(parcel, serial, steps=None):
    """Return the body of a Track Alert: one activity."""
    step = (steps or parcel.steps)[-1]
    kind, code, words, _number = WORDS[step.name]
    local = step.at + NEW_YORK
    return json.dumps(
        {
            "trackingNumber": parcel.number,
            "localActivityDate": local.strftime("%Y%m%d"),
            "localActivityTime": local.strftime("%H%M%S"),
            "gmtActivityDate": step.at.strftime("%Y%m%d"),
            "gmtActivityTime": step.at.strftime("%H%M%S"),
            "activityLocation": {**PLACE, "country": "US"},
            "activityStatus": {"type": kind, "code": code, "description": words},
        }
    ).encode()


def sign(body, secret):
    """Return the headers of a push; the credential signs nothing."""
    return {
        "Content-Type": "application/json",
        "User-Agent": "UPSPubSubTrackingService",
        "credential": secret,
    }


def track_answer(parcel):
    """Return (status, body) of the Track API for a parcel or None."""
    if parcel is None:
        warning = {"code": "TW0001", "message": "Tracking Information Not Found"}
        return 200, {"trackResponse": {"shipment": [{"warnings": [warning]}]}}
    activity = []
    for step in reversed(parcel.steps):
        kind, code, words, number = WORDS[step.name]
        local = step.at + NEW_YORK
        activity.append(
            {
                "location": {"address": {**PLACE, "countryCode": "US"}},
                "status": {
                    "type": kind,
                    "description": words,
                    "code": code,
                    "statusCode": number,
                },
                "date": local.strftime("%Y%m%d"),
                "time": local.strftime("%H%M%S"),
                "gmtDate": step.at.strftime("%Y%m%d"),
                "gmtOffset": "-05:00",
                "gmtTime": step.at.strftime("%H:%M:%S"),
            }
        )
    package = {"trackingNumber": parcel.number, "activity": activity}
    shipment = {"inquiryNumber": parcel.number, "package": [package]}
    return 200, {"trackResponse": {"shipment": [shipment]}}


def errors(status, code, message):
    return Answer(
        status, {"response": {"errors": [{"code": code, "message": message}]}}
    )


def token(request, state):
    """Answer the client credentials grant."""
    known = state.accounts[NAME]
    if request.denied or request.basic() != (known["client"], known["secret"]):
        return errors(401, "10401", "ClientId is Invalid")
    granted = state.grant(NAME, 14399)
    return Answer(
        200, {"token_type": "Bearer", "access_token": granted, "expires_in": "14399"}
    )


def _admit(request, state):
    if request.denied or not state.knows_token(NAME, request.bearer()):
        raise Refusal(errors(401, "250002", "Invalid Authentication Information."))


def track(request, state, number):
    _admit(request, state)
    return track_answer(state.world.parcels.get(number))


ROUTES = [
    Route("POST", "/security/v1/oauth/token", token),
    Route("GET", "/api/track/v1/details/([^/]+)", track),
]
