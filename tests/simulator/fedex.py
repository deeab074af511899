# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""FedEx, as its REST APIs are described (developer.fedex.com).

``x-customer-transaction-id`` is only repeated in the answer: it makes nothing
happen once. Tracking by reference numbers finds what was booked.
"""

import uuid
from datetime import datetime, timezone
from urllib.parse import parse_qs

from . import labels, numbers
from .ledger import LIVE
from .wire import Answer, Refusal, Route, at, listed, number

NAME = "fedex"
#: step: (code, description)
WORDS = {
    "announced": ("OC", "Shipment information sent to FedEx"),
    "collected": ("PU", "Picked up"),
    "hub": ("AR", "Arrived at FedEx location"),
    "left_hub": ("DP", "Left FedEx origin facility"),
    "depot": ("AR", "At local FedEx facility"),
    "on_vehicle": ("OD", "On FedEx vehicle for delivery"),
    "not_home": ("DE", "Delivery exception"),
    "delivered": ("DL", "Delivered"),
    "damaged": ("SE", "Shipment exception"),
    "refused": ("DE", "Refused by recipient"),
    "going_back": ("RS", "Returning package to shipper"),
    "customs": ("CD", "Clearance delay"),
    "strange": ("ZZ", "Handed to a drone"),
}
#: service: (name, US dollars)
SERVICES = {
    "FEDEX_GROUND": ("FedEx Ground", 14.10),
    "FEDEX_2_DAY": ("FedEx 2Day", 31.20),
    "STANDARD_OVERNIGHT": ("FedEx Standard Overnight", 58.00),
    "INTERNATIONAL_PRIORITY": ("FedEx International Priority", 96.40),
    "INTERNATIONAL_ECONOMY": ("FedEx International Economy", 71.90),
}


def _wrap(request, **body):
    mine = request.header("x-customer-transaction-id")
    body = {"transactionId": str(uuid.uuid4()), **body}
    return {**body, "customerTransactionId": mine} if mine else body


def error(request, status, code, message):
    rows = [{"code": code, "message": message}]
    return Answer(status, _wrap(request, errors=rows))


def token(request, state):
    """Answer the client credentials grant; the form names the credentials."""
    form = parse_qs(request.body.decode(errors="replace"))
    given = [form.get(name, [""])[0] for name in ("client_id", "client_secret")]
    known = state.accounts[NAME]
    if request.denied or given != [known["client"], known["secret"]]:
        return error(
            request,
            401,
            "NOT.AUTHORIZED.ERROR",
            "The given client credentials were not valid. Please modify your request "
            "and try again.",
        )
    return Answer(
        200,
        {
            "access_token": state.grant(NAME, 3599),
            "token_type": "bearer",
            "expires_in": 3599,
            "scope": "CXS",
        },
    )


def _admit(request, state):
    if request.denied or not state.knows_token(NAME, request.bearer()):
        raise Refusal(
            error(
                request,
                401,
                "NOT.AUTHORIZED.ERROR",
                "Access token expired. Please modify your request and try again.",
            )
        )


def _admit_account(request, state, account):
    if str(account) != state.accounts[NAME]["account"]:
        text = "Account number is invalid. Please update and try again."
        raise Refusal(error(request, 400, "ACCOUNT.NUMBER.INVALID", text))


def _check(request, state):
    """Refuse what FedEx would not quote or book; return shipment and packages."""
    asked = request.json()
    _admit_account(request, state, at(asked, "accountNumber.value"))
    shipment = asked.get("requestedShipment") or {}
    receiver = at(shipment, "recipients.0") or shipment.get("recipient")
    for name, party in (("SHIPPER", shipment.get("shipper")), ("RECIPIENT", receiver)):
        if not at(party, "address.postalCode") or not at(party, "address.countryCode"):
            code = f"{name}.POSTALCODE.INVALID"
            text = f"{name.title()} postal code is missing or invalid."
            raise Refusal(error(request, 400, code, text))
    packages = listed(shipment.get("requestedPackageLineItems"))
    if not packages:
        text = "Package line items are missing."
        raise Refusal(error(request, 400, "REQUESTEDPACKAGELINEITEMS.REQUIRED", text))
    for package in packages:
        if number(at(package, "weight.value")) <= 0:
            text = "Package weight is missing or invalid."
            raise Refusal(error(request, 400, "PACKAGE.WEIGHT.INVALID", text))
    wanted = shipment.get("serviceType")
    if wanted is not None and wanted not in SERVICES:
        text = "Service type is invalid. Please update and try again."
        raise Refusal(error(request, 422, "SERVICETYPE.INVALID", text))
    return shipment, packages


def quote(request, state):
    _admit(request, state)
    shipment, packages = _check(request, state)
    wanted = shipment.get("serviceType")
    rows = []
    for code, (name, price) in SERVICES.items():
        if wanted not in (None, code):
            continue
        total = round(price * len(packages), 2)
        details = [
            {
                "rateType": kind,
                "ratedWeightMethod": "ACTUAL",
                "totalBaseCharge": round(total * share * 0.9, 2),
                "totalNetCharge": round(total * share, 2),
                "totalNetFedExCharge": round(total * share, 2),
                "shipmentRateDetail": {
                    "currency": "USD",
                    "surCharges": [
                        {
                            "type": "FUEL",
                            "description": "Fuel Surcharge",
                            "amount": round(total * share * 0.1, 2),
                        }
                    ],
                },
                "currency": "USD",
            }
            for kind, share in (("ACCOUNT", 0.8), ("LIST", 1.0))
        ]
        rows.append(
            {
                "serviceType": code,
                "serviceName": name,
                "packagingType": shipment.get("packagingType", "YOUR_PACKAGING"),
                "ratedShipmentDetails": details,
                "commit": {},
            }
        )
    output = {"rateReplyDetails": rows, "encoded": False}
    return Answer(200, _wrap(request, output=output))


def _references(request):
    shipment = request.json().get("requestedShipment") or {}
    rows = [
        row
        for package in listed(shipment.get("requestedPackageLineItems"))
        for row in listed(package.get("customerReferences"))
        if row.get("value")
    ]
    rows.sort(key=lambda row: row.get("customerReferenceType") != "CUSTOMER_REFERENCE")
    return [str(row["value"]) for row in rows]


def _reference(request, state):
    found = _references(request)
    return found[0] if found else ""


def ship(request, state):
    """Book a shipment; with several packages the first number is the master's."""
    _admit(request, state)
    shipment, packages = _check(request, state)
    how = request.json().get("labelResponseOptions")
    if how not in ("LABEL", "URL_ONLY"):
        text = "Label response option is missing or invalid."
        return error(request, 400, "LABELRESPONSEOPTIONS.INVALID", text)
    service = shipment.get("serviceType")
    if service is None:
        text = "Service type is missing."
        return error(request, 400, "SERVICETYPE.REQUIRED", text)
    payer = at(
        shipment,
        "shippingChargesPayment.payor.responsibleParty.accountNumber.value",
    )
    if payer is not None:
        _admit_account(request, state, payer)
    kind = at(shipment, "labelSpecification.imageType", "PDF")
    tracking = [numbers.fedex(state.serial("fedex")) for _ in packages]
    total = round(SERVICES[service][1] * len(packages) * 0.8, 2)
    references = _references(request)
    state.book(
        NAME,
        references[0] if references else "",
        tracking,
        id=tracking[0],
        amount=f"{total:.2f}",
        currency="USD",
        data={"references": references, "service": service},
    )
    pieces = []
    for serial, row in enumerate(tracking, 1):
        paper = {
            "contentType": "LABEL",
            "copiesToPrint": 1,
            "docType": kind,
        }
        if how == "LABEL":
            paper["encodedLabel"] = labels.coded(row, kind)
        else:
            ending = kind.lower().removesuffix("ii")
            paper["url"] = f"{request.base}/fedex/document/{row}.{ending}"
        pieces.append(
            {
                "masterTrackingNumber": tracking[0],
                "trackingNumber": row,
                "packageSequenceNumber": serial,
                "netRateAmount": round(total / len(packages), 2),
                "netChargeAmount": round(total / len(packages), 2),
                "currency": "USD",
                "customerReferences": [],
                "packageDocuments": [paper],
            }
        )
    one = {
        "serviceType": service,
        "serviceName": SERVICES[service][0],
        "shipDatestamp": shipment.get("shipDatestamp", f"{_now():%Y-%m-%d}"),
        "masterTrackingNumber": tracking[0],
        "pieceResponses": pieces,
        "shipmentDocuments": [],
        "alerts": [],
        "completedShipmentDetail": {
            "usDomestic": True,
            "carrierCode": "FDXE",
            "shipmentRating": {
                "actualRateType": "PAYOR_ACCOUNT_PACKAGE",
                "shipmentRateDetails": [
                    {
                        "rateType": "PAYOR_ACCOUNT_PACKAGE",
                        "totalNetCharge": total,
                        "currency": "USD",
                    }
                ],
            },
        },
    }
    return Answer(200, _wrap(request, output={"transactionShipments": [one]}))


def _now():
    return datetime.now(timezone.utc)


def paper(request, state, tracking, kind):
    if not state.ledger.find(NAME, number=tracking):
        return error(request, 404, "NOT.FOUND.ERROR", "The document is not there.")
    return Answer(200, labels.label(tracking, kind), labels.CONTENT_TYPES[kind])


def cancel(request, state):
    _admit(request, state)
    asked = request.json()
    _admit_account(request, state, at(asked, "accountNumber.value"))
    found = state.ledger.find(NAME, number=asked.get("trackingNumber"))
    if not found:
        text = "Tracking number is not found. Please update and try again."
        return error(request, 400, "TRACKINGNUMBER.NOT.FOUND", text)
    moved = any(len(state.world.parcels[row].steps) > 1 for row in found[0].numbers)
    if found[0].state != LIVE or moved:
        output = {
            "cancelledShipment": False,
            "cancelledHistory": False,
            "successMessage": "",
            "alerts": [
                {
                    "code": "SHIPMENT.CANCEL.FAILED",
                    "alertType": "WARNING",
                    "message": "The shipment can not be cancelled.",
                }
            ],
        }
        return Answer(200, _wrap(request, output=output))
    state.cancel(found[0])
    output = {
        "cancelledShipment": True,
        "cancelledHistory": True,
        "successMessage": "Success",
    }
    return Answer(200, _wrap(request, output=output))


def _result(parcel, references):
    scans = [
        {
            "date": step.at.strftime("%Y-%m-%dT%H:%M:%S+00:00"),
            "eventType": WORDS[step.name][0],
            "eventDescription": WORDS[step.name][1],
            "derivedStatusCode": WORDS[step.name][0],
            "derivedStatus": WORDS[step.name][1],
            "scanLocation": {"city": "MEMPHIS", "countryCode": "US"},
        }
        for step in reversed(parcel.steps)
    ]
    code, words = WORDS[parcel.steps[-1].name]
    return {
        "trackingNumberInfo": {
            "trackingNumber": parcel.number,
            "trackingNumberUniqueId": f"1~{parcel.number}~FX",
            "carrierCode": "FDXE",
        },
        "additionalTrackingInfo": {
            "packageIdentifiers": [
                {"type": "SHIPPER_REFERENCE", "values": [value]} for value in references
            ]
        },
        "latestStatusDetail": {
            "code": code,
            "derivedCode": code,
            "statusByLocale": words,
            "description": words,
        },
        "scanEvents": scans,
    }


def _missing(tracking, code, message):
    return {
        "trackingNumber": tracking,
        "trackResults": [
            {
                "trackingNumberInfo": {"trackingNumber": tracking},
                "error": {"code": code, "message": message},
            }
        ],
    }


def track(request, state):
    _admit(request, state)
    asked = [
        at(row, "trackingNumberInfo.trackingNumber")
        for row in listed(request.json().get("trackingInfo"))
    ]
    if not asked or not all(asked):
        text = "Please provide tracking number."
        return error(request, 400, "TRACKING.TRACKINGNUMBER.EMPTY", text)
    rows = []
    for tracking in asked:
        parcel = state.world.parcels.get(tracking)
        if parcel is None or parcel.partner != NAME:
            text = "Tracking number cannot be found. Please correct the tracking "
            code = "TRACKING.TRACKINGNUMBER.NOTFOUND"
            rows.append(_missing(tracking, code, text + "number and try again."))
            continue
        found = state.ledger.find(NAME, number=tracking)
        references = found[0].data["references"] if found else []
        result = _result(parcel, references)
        rows.append({"trackingNumber": tracking, "trackResults": [result]})
    return Answer(200, _wrap(request, output={"completeTrackResults": rows}))


def track_reference(request, state):
    """Find numbers by our reference, within the account that is named."""
    _admit(request, state)
    asked = request.json().get("referencesInformation") or {}
    value = asked.get("value")
    if not value:
        text = "Please provide a valid reference value."
        return error(request, 400, "TRACKING.REFERENCEVALUE.EMPTY", text)
    if not asked.get("accountNumber") and not asked.get("destinationPostalCode"):
        text = "Please provide either the account number or the destination."
        return error(request, 400, "TRACKING.REFERENCEDATA.INCOMPLETE", text)
    if asked.get("accountNumber"):
        _admit_account(request, state, asked["accountNumber"])
    found = [row for row in state.lookup(NAME, value) if row.state == LIVE]
    rows = [
        {
            "trackingNumber": tracking,
            "trackResults": [
                _result(state.world.parcels[tracking], booking.data["references"])
            ],
        }
        for booking in found
        for tracking in booking.numbers
    ]
    if not rows:
        text = "Reference number cannot be found. Please correct it and try again."
        rows = [_missing("", "TRACKING.REFERENCENUMBER.NOTFOUND", text)]
    return Answer(200, _wrap(request, output={"completeTrackResults": rows}))


def _reference_of_pickup(request, state):
    return request.header("x-customer-transaction-id")


def create_pickup(request, state):
    _admit(request, state)
    asked = request.json()
    _admit_account(request, state, at(asked, "associatedAccountNumber.value"))
    if not at(asked, "originDetail.readyDateTimestamp"):
        text = "Ready date and time is missing."
        return error(request, 400, "READYDATETIMESTAMP.REQUIRED", text)
    address = "originDetail.pickupLocation.address.postalCode"
    if not at(asked, address) and not at(asked, "originDetail.pickupAddressType"):
        text = "Pickup postal code is missing or invalid."
        return error(request, 400, "PICKUP.POSTALCODE.INVALID", text)
    code = str(3000 + state.serial("fedex-pickup"))
    state.book(
        NAME,
        request.header("x-customer-transaction-id"),
        [code],
        id=code,
        kind="pickup",
    )
    output = {
        "pickupConfirmationCode": code,
        "message": "Courier on the way",
        "location": "COSA",
    }
    return Answer(200, _wrap(request, output=output))


def cancel_pickup(request, state):
    _admit(request, state)
    asked = request.json()
    _admit_account(request, state, at(asked, "associatedAccountNumber.value"))
    code = str(asked.get("pickupConfirmationCode"))
    found = state.ledger.find(NAME, id=code, kind="pickup")
    if not found or found[0].state != LIVE:
        text = "Pickup confirmation code is not found."
        return error(request, 400, "PICKUPCONFIRMATIONCODE.INVALID", text)
    state.cancel(found[0])
    output = {
        "pickupConfirmationCode": code,
        "cancelConfirmationMessage": "Requested pickup has been cancelled "
        "Successfully.",
    }
    return Answer(200, _wrap(request, output=output))


def close_day(request, state):
    """Close the day for Ground and answer the manifest."""
    _admit(request, state)
    _admit_account(request, state, at(request.json(), "accountNumber.value"))
    ground = [
        row
        for row in state.ledger.live(partner=NAME)
        if row.data["service"] == "FEDEX_GROUND"
        and row.id not in state.store(NAME, "closed")
    ]
    if not ground:
        text = "There are no shipments to close."
        return error(request, 400, "ENDOFDAY.NOSHIPMENTS.FOUND", text)
    for row in ground:
        state.store(NAME, "closed")[row.id] = row.numbers
    document = {
        "type": "OP_950",
        "docType": "PDF",
        "encodedLabel": labels.coded("OP-950"),
    }
    return Answer(200, _wrap(request, output={"closeDocuments": [document]}))


ROUTES = [
    Route("POST", "/oauth/token", token),
    Route("POST", "/rate/v1/rates/quotes", quote),
    Route("POST", "/ship/v1/shipments", ship, _reference),
    Route("PUT", "/ship/v1/shipments/cancel", cancel),
    Route("PUT", "/ship/v1/endofday/?", close_day),
    Route("POST", "/track/v1/trackingnumbers", track),
    Route("POST", "/track/v1/referencenumbers", track_reference),
    Route("POST", "/pickup/v1/pickups", create_pickup, _reference_of_pickup),
    Route("PUT", "/pickup/v1/pickups/cancel", cancel_pickup),
    Route("GET", r"/document/(\w+)\.(pdf|png|zpl)", paper),
]
