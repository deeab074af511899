# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""UPS, as its specifications describe it (UPS-API/api-documentation).

Track Alert signs nothing: it sends the credential agreed at the subscription.
A repeated booking is a second booking; label recovery finds the first by reference
and shipper number, and names candidates where it finds several.
"""

import json
from datetime import datetime, timedelta, timezone

from . import labels, numbers
from .ledger import LIVE
from .wire import Answer, Refusal, Route, at, listed, number

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


#: code: (US dollars, days)
SERVICES = {
    "03": (12.50, 4),
    "02": (28.40, 2),
    "01": (61.30, 1),
    "11": (14.20, 3),
    "65": (33.10, 2),
}
#: The states a ZIP Code can be in, by its first digit (United States Postal Service).
STATES = (
    "CT MA ME NH NJ NY PR RI VI VT",
    "DE NY PA",
    "DC MD NC SC VA WV",
    "AL FL GA MS TN",
    "IN KY MI OH",
    "IA MN MT ND SD WI",
    "IL KS MO NE",
    "AR LA OK TX",
    "AZ CO ID NM NV TX UT WY",
    "AK AS CA GU HI MP OR WA",
)
SUCCESS = {"ResponseStatus": {"Code": "1", "Description": "Success"}}
#: From this version on, lists are lists even of one.
LISTS = 2403


def _money(value):
    return {"CurrencyCode": "USD", "MonetaryValue": f"{value:.2f}"}


def _one_or_list(rows, version):
    """Older versions give an object where there is but one."""
    recent = version.startswith("v") and number(version[1:]) >= LISTS
    return rows if recent or len(rows) != 1 else rows[0]


def _is_place(address):
    """Tell whether an address names a country and a postal code of its state."""
    postal, state = str(at(address, "PostalCode", "")), at(address, "StateProvinceCode")
    if not at(address, "CountryCode") or not postal:
        return False
    if address["CountryCode"] != "US" or not state:
        return True
    return postal[0].isdigit() and state in STATES[int(postal[0])].split()


def _check(shipment, state):
    """Refuse what UPS would not rate or book."""
    account = state.accounts[NAME]["account"]
    if at(shipment, "Shipper.ShipperNumber") != account:
        raise Refusal(errors(400, "120100", "Missing or invalid shipper number"))
    for party in ("ShipTo", "ShipFrom", "Shipper"):
        if party == "ShipFrom" and not shipment.get(party):
            continue
        if not _is_place(at(shipment, f"{party}.Address", {})):
            text = f"Address Validation Error on {party} address"
            raise Refusal(errors(400, "120802", text))
    packages = listed(shipment.get("Package"))
    if not packages:
        raise Refusal(errors(400, "120600", "Missing or invalid package"))
    for package in packages:
        if number(at(package, "PackageWeight.Weight")) <= 0:
            raise Refusal(errors(400, "111546", "Invalid Weight"))
    return packages


def rate(request, state, version, option):
    """Answer one service's price (Rate) or all (Shop)."""
    _admit(request, state)
    shipment = at(request.json(), "RateRequest.Shipment", {})
    packages = _check(shipment, state)
    wanted = at(shipment, "Service.Code")
    if option.lower().startswith("shop"):
        codes = list(SERVICES)
    elif wanted in SERVICES:
        codes = [wanted]
    else:
        text = "The requested service is unavailable between the selected locations."
        return errors(400, "111210", text)
    rows = []
    for code in codes:
        price, days = SERVICES[code]
        total = price * len(packages)
        rows.append(
            {
                "Service": {"Code": code, "Description": ""},
                "RatedShipmentAlert": [
                    {
                        "Code": "110971",
                        "Description": "Your invoice may vary from the displayed "
                        "reference rates",
                    }
                ],
                "BillingWeight": {
                    "UnitOfMeasurement": {"Code": "LBS", "Description": "Pounds"},
                    "Weight": f"{sum(_pounds(row) for row in packages):.1f}",
                },
                "TransportationCharges": _money(total),
                "BaseServiceCharge": _money(total * 0.9),
                "ServiceOptionsCharges": _money(0),
                "TotalCharges": _money(total),
                "NegotiatedRateCharges": {"TotalCharge": _money(total * 0.8)},
                "GuaranteedDelivery": {"BusinessDaysInTransit": str(days)},
                "RatedPackage": [{"TotalCharges": _money(price)} for _ in packages],
            }
        )
    body = {"Response": SUCCESS, "RatedShipment": _one_or_list(rows, version)}
    return Answer(200, {"RateResponse": body})


def _pounds(package):
    return number(at(package, "PackageWeight.Weight"))


def _references(shipment):
    rows = listed(shipment.get("ReferenceNumber"))
    for package in listed(shipment.get("Package")):
        rows += listed(package.get("ReferenceNumber"))
    return [str(row.get("Value")) for row in rows if row.get("Value")]


def _reference(request, state, version):
    found = _references(at(request.json(), "ShipmentRequest.Shipment", {}))
    return found[0] if found else ""


def ship(request, state, version):
    """Book a shipment; every package has a number, the first is the shipment's."""
    _admit(request, state)
    shipment = at(request.json(), "ShipmentRequest.Shipment", {})
    packages = _check(shipment, state)
    code = at(shipment, "Service.Code")
    if code not in SERVICES:
        text = "The requested service is unavailable between the selected locations."
        return errors(400, "111210", text)
    payer = at(
        listed(at(shipment, "PaymentInformation.ShipmentCharge"))[:1],
        "0.BillShipper.AccountNumber",
    )
    account = state.accounts[NAME]["account"]
    if payer not in (None, account):
        return errors(400, "120104", "Missing or invalid payment account number")
    kind = at(
        request.json(),
        "ShipmentRequest.LabelSpecification.LabelImageFormat.Code",
        "GIF",
    )
    tracking = [numbers.ups(account, state.serial("ups"), code) for _ in packages]
    total = SERVICES[code][0] * len(packages)
    references = _references(shipment)
    state.book(
        NAME,
        references[0] if references else "",
        tracking,
        id=tracking[0],
        amount=f"{total * 0.8:.2f}",
        currency="USD",
        kind="return" if shipment.get("ReturnService") else "shipment",
        data={
            "references": references,
            "postal": at(shipment, "ShipTo.Address.PostalCode"),
            "country": at(shipment, "ShipTo.Address.CountryCode"),
        },
    )
    results = [
        {
            "TrackingNumber": row,
            "BaseServiceCharge": _money(SERVICES[code][0]),
            "ServiceOptionsCharges": _money(0),
            "ShippingLabel": {
                "ImageFormat": {"Code": kind, "Description": kind},
                "GraphicImage": _image(row, kind),
            },
        }
        for row in tracking
    ]
    body = {
        "Response": {**SUCCESS, "TransactionReference": {"TransactionIdentifier": "s"}},
        "ShipmentResults": {
            "ShipmentIdentificationNumber": tracking[0],
            "ShipmentCharges": {
                "TransportationCharges": _money(total),
                "ServiceOptionsCharges": _money(0),
                "TotalCharges": _money(total),
            },
            "NegotiatedRateCharges": {"TotalCharge": _money(total * 0.8)},
            "BillingWeight": {
                "UnitOfMeasurement": {"Code": "LBS", "Description": "Pounds"},
                "Weight": f"{sum(_pounds(row) for row in packages):.1f}",
            },
            "PackageResults": _one_or_list(results, version),
        },
    }
    return Answer(200, {"ShipmentResponse": body})


def _image(tracking, kind):
    kinds = {"GIF": "png", "PNG": "png", "ZPL": "zpl", "PDF": "pdf"}
    return labels.coded(tracking, kinds.get(str(kind).upper(), "pdf"))


def void(request, state, version, identifier):
    _admit(request, state)
    found = state.ledger.find(NAME, number=identifier)
    if not found or found[0].state != LIVE:
        text = "No shipment found within the allowed void period"
        return errors(400, "190102", text)
    if any(len(state.world.parcels[row].steps) > 1 for row in found[0].numbers):
        text = "The Pickup Request associated with this shipment has already been "
        return errors(400, "190117", text + "completed")
    state.cancel(found[0])
    status = {"Status": {"Code": "1", "Description": "Voided"}}
    body = {"Response": SUCCESS, "SummaryResult": status}
    return Answer(200, {"VoidShipmentResponse": body})


def recover(request, state, version):
    """Answer a label again, by its number or by our reference."""
    _admit(request, state)
    asked = at(request.json(), "LabelRecoveryRequest", {})
    tracking = at(asked, "TrackingNumber")
    reference = at(asked, "ReferenceValues.ReferenceNumber.Value")
    kind = at(asked, "LabelSpecification.LabelImageFormat.Code", "GIF")
    if tracking:
        found = state.ledger.find(NAME, number=tracking)
    elif reference:
        number_of = at(asked, "ReferenceValues.ShipperNumber")
        if number_of != state.accounts[NAME]["account"]:
            return errors(400, "9801023", "Missing or invalid shipper number.")
        found = state.lookup(NAME, reference)
    else:
        return errors(400, "9801013", "Missing tracking number or reference.")
    live = [row for row in found if row.state == LIVE]
    if not found:
        return errors(400, "9801031", "Tracking number not found.")
    if not live:
        return errors(400, "9801040", "The shipment has been voided.")
    body = {"Response": SUCCESS}
    if len(live) > 1:
        today = datetime.now(timezone.utc).strftime("%Y%m%d")
        body["TrackingCandidate"] = [
            {
                "TrackingNumber": row.id,
                "DestinationPostalCode": row.data["postal"],
                "DestinationCountryCode": row.data["country"],
                "PickupDateRange": {"BeginDate": today, "EndDate": today},
            }
            for row in live
        ]
    else:
        rows = [
            {
                "TrackingNumber": row,
                "LabelImage": {
                    "LabelImageFormat": {"Code": kind},
                    "GraphicImage": _image(row, kind),
                },
            }
            for row in live[0].numbers
        ]
        body["ShipmentIdentificationNumber"] = live[0].id
        body["LabelResults"] = _one_or_list(rows, version)
    return Answer(200, {"LabelRecoveryResponse": body})


def track_reference(request, state, reference):
    _admit(request, state)
    found = [row for row in state.lookup(NAME, reference) if row.state == LIVE]
    if not found:
        return track_answer(None)
    shipments = [
        track_answer(state.world.parcels[row])[1]["trackResponse"]["shipment"][0]
        for booking in found
        for row in booking.numbers
    ]
    return Answer(200, {"trackResponse": {"shipment": shipments}})


def _reference_of_pickup(request, state, version):
    return str(at(request.json(), "PickupCreationRequest.ReferenceNumber", ""))


def create_pickup(request, state, version):
    _admit(request, state)
    asked = at(request.json(), "PickupCreationRequest", {})
    if at(asked, "Shipper.Account.AccountNumber") != state.accounts[NAME]["account"]:
        return errors(400, "9510113", "Invalid account number")
    date = str(at(asked, "PickupDateInfo.PickupDate", ""))
    if len(date) != 8 or not date.isdigit():
        return errors(400, "9560131", "Invalid pickup date")
    if not at(asked, "PickupAddress.PostalCode"):
        return errors(400, "9510117", "Missing or invalid postal code")
    prn = f"2929AONCALL{state.serial('ups-pickup'):02}"
    state.book(
        NAME,
        asked.get("ReferenceNumber"),
        [prn],
        id=prn,
        kind="pickup",
        amount="6.50",
        currency="USD",
    )
    charge = {
        "ChargeCode": "B",
        "ChargeDescription": "BASE CHARGE",
        "ChargeAmount": "6.50",
    }
    body = {
        "Response": SUCCESS,
        "PRN": prn,
        "RateStatus": {"Code": "01", "Description": "Rate available"},
        "RateResult": {
            "RateType": "SD",
            "CurrencyCode": "USD",
            "ChargeDetail": [charge],
            "GrandTotalOfAllCharge": "6.50",
        },
    }
    return Answer(200, {"PickupCreationResponse": body})


def cancel_pickup(request, state, version, by):
    _admit(request, state)
    found = state.ledger.find(NAME, id=request.header("Prn"), kind="pickup")
    if not found or found[0].state != LIVE:
        return errors(400, "9500541", "Pickup not found or already cancelled")
    state.cancel(found[0])
    body = {"Response": SUCCESS, "PickupType": "01"}
    return Answer(200, {"PickupCancelResponse": body})


_V = r"(v\d+)"
ROUTES = [
    Route("POST", "/security/v1/oauth/token", token),
    Route("GET", "/api/track/v1/details/([^/]+)", track),
    Route("GET", "/api/track/v1/reference/details/([^/]+)", track_reference),
    Route("POST", f"/api/rating/{_V}/(\\w+)", rate),
    Route("POST", f"/api/shipments/{_V}/ship", ship, _reference),
    Route("DELETE", f"/api/shipments/{_V}/void/cancel/([^/]+)", void),
    Route("POST", f"/api/labels/{_V}/recovery", recover),
    Route(
        "POST", f"/api/pickupcreation/{_V}/pickup", create_pickup, _reference_of_pickup
    ),
    Route("DELETE", f"/api/shipments/{_V}/pickup/([^/]+)", cancel_pickup),
]
