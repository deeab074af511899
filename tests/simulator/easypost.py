# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""EasyPost, as its documentation describes Events, Trackers and webhook HMACs."""

import hashlib
import hmac
import json
import unicodedata

from .wire import Answer, Route

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


def trackers(request, state, number=""):
    """Answer the list of trackers by tracking code."""
    number = number or request.asked("tracking_code")
    parcel = state.world.parcels.get(number)
    found = [tracker(parcel)] if parcel else []
    return Answer(200, {"trackers": found, "has_more": False})


ROUTES = [Route("GET", "/v2/trackers(?:/([^/]+))?", trackers)]
