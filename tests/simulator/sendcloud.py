# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Sendcloud, as its v2 API describes parcel_status_changed webhooks."""

import hashlib
import hmac
import json

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
