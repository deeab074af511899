# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""DHL Express, as MyDHL API is described (developer.dhl.com).

A shipment can't be cancelled: a label that is not used is not charged. Its pickup
can. Tracking finds a shipment by our reference and the shipper's account.
"""

from datetime import datetime, timedelta, timezone

from . import labels, numbers
from .ledger import LIVE
from .wire import Answer, Refusal, Route, at, listed, number

NAME = "dhl_express"
#: step: (type code, description)
WORDS = {
    "announced": ("SA", "Shipment information received"),
    "collected": ("PU", "Shipment picked up"),
    "hub": ("AR", "Arrived at DHL Sort Facility"),
    "left_hub": ("DF", "Departed Facility"),
    "depot": ("AF", "Arrived at DHL Delivery Facility"),
    "on_vehicle": ("WC", "Shipment is out with courier for delivery"),
    "not_home": ("NH", "Delivery attempted; recipient not home"),
    "delivered": ("OK", "Delivered"),
    "damaged": ("DD", "Damaged"),
    "refused": ("RD", "Recipient refused delivery"),
    "going_back": ("RT", "Returned to shipper"),
    "customs": ("CI", "Held in customs"),
    "strange": ("Z9", "Handed to a drone"),
}
#: product code: (name, euros)
PRODUCTS = {
    "P": ("EXPRESS WORLDWIDE", 42.00),
    "U": ("EXPRESS WORLDWIDE", 38.50),
    "N": ("EXPRESS DOMESTIC", 18.20),
    "Y": ("EXPRESS 12:00", 55.90),
}
MANY = "Multiple problems found, see Additional Details"


def error(request, status, detail, more=()):
    title = {401: "Unauthorized", 404: "Not Found"}.get(status, "Bad request")
    body = {
        "instance": "/expressapi/" + request.path.strip("/").split("/")[-1],
        "detail": detail,
        "title": title,
        "message": title,
        "status": str(status),
    }
    if more:
        body["additionalDetails"] = list(more)
    return Answer(status, body)


def _admit(request, state):
    known = state.accounts[NAME]
    if request.denied or request.basic() != (known["user"], known["password"]):
        raise Refusal(error(request, 401, "Invalid Credentials"))


def _admit_account(request, state, given):
    if str(given) != state.accounts[NAME]["account"]:
        raise Refusal(
            error(
                request,
                400,
                "The account number is not found or invalid. Please check the account "
                "number and retry.",
            )
        )


def _check(request, state, asked, address):
    """Refuse what DHL would not quote or book; ``address`` is where it stands."""
    problems = []
    for party in ("shipperDetails", "receiverDetails"):
        place = f"customerDetails.{party}{address}"
        for name in ("postalCode", "cityName", "countryCode"):
            if at(asked, f"{place}.{name}") is None:
                path = place.replace(".", "/")
                problems.append(f"#/{path}: required key [{name}] not found")
    packages = listed(asked.get("packages") or at(asked, "content.packages"))
    if not packages:
        problems.append("#/content: required key [packages] not found")
    for index, package in enumerate(packages):
        if number(package.get("weight")) <= 0:
            problems.append(
                f"#/content/packages/{index}/weight: "
                f"{package.get('weight')} is not greater or equal to 0.001"
            )
    if problems:
        raise Refusal(error(request, 422, MANY, problems))
    accounts = listed(asked.get("accounts"))
    _admit_account(request, state, at(accounts, "0.number"))
    return packages


def _products(packages, wanted=None):
    rows = []
    for code, (name, price) in PRODUCTS.items():
        if wanted not in (None, code):
            continue
        total = round(price * len(packages), 2)
        rows.append(
            {
                "productName": name,
                "productCode": code,
                "localProductCode": code,
                "networkTypeCode": "TD",
                "isCustomerAgreement": False,
                "totalPrice": [
                    {"currencyType": "BILLC", "priceCurrency": "EUR", "price": total},
                    {"currencyType": "PULCL", "priceCurrency": "EUR", "price": total},
                ],
                "totalPriceBreakdown": [
                    {
                        "currencyType": "BILLC",
                        "priceCurrency": "EUR",
                        "priceBreakdown": [
                            {"typeCode": "SPRQT", "price": round(total * 0.9, 2)}
                        ],
                    }
                ],
                "deliveryCapabilities": {
                    "deliveryTypeCode": "QDDC",
                    "estimatedDeliveryDateAndTime": _in_days(2) + "T23:59:00",
                    "totalTransitDays": "2",
                },
            }
        )
    return rows


def _in_days(days):
    moment = datetime.now(timezone.utc) + timedelta(days=days)
    return moment.strftime("%Y-%m-%d")


def quote(request, state):
    """Answer products and prices of a shipment with several packages."""
    _admit(request, state)
    asked = request.json()
    packages = _check(request, state, asked, "")
    return _quoted(request, _products(packages, asked.get("productCode")))


def quote_one(request, state):
    """Answer products and prices of one package told in the query."""
    _admit(request, state)
    names = "accountNumber originCountryCode originCityName destinationCountryCode "
    names += "destinationCityName weight length width height plannedShippingDate"
    missing = [name for name in names.split() if not request.asked(name)]
    if missing:
        problems = [f"required parameter [{name}] not found" for name in missing]
        return error(request, 422, MANY, problems)
    if number(request.asked("weight")) <= 0:
        return error(request, 400, "Invalid weight")
    _admit_account(request, state, request.asked("accountNumber"))
    return _quoted(request, _products([{}]))


def _quoted(request, rows):
    if not rows:
        detail = "996: The requested product(s) not available based on your search."
        return error(request, 404, detail)
    return Answer(200, {"products": rows})


def _references(asked):
    rows = listed(asked.get("customerReferences"))
    for package in listed(at(asked, "content.packages")):
        rows += listed(package.get("customerReferences"))
    return [str(row["value"]) for row in rows if row.get("value")]


def _reference(request, state):
    found = _references(request.json())
    return found[0] if found else ""


def ship(request, state):
    """Book a shipment; each package has a piece number of its own."""
    _admit(request, state)
    asked = request.json()
    for name in ("plannedShippingDateAndTime", "pickup", "productCode", "content"):
        if asked.get(name) is None:
            problem = f"#: required key [{name}] not found"
            return error(request, 422, MANY, [problem])
    packages = _check(request, state, asked, ".postalAddress")
    if asked["productCode"] not in PRODUCTS:
        detail = "The requested product is not available (420505)"
        return error(request, 400, detail)
    waybill = numbers.dhl_express(state.serial("dhl"))
    pieces = [f"JD{14600_000_000_000 + state.serial('dhl-piece')}" for _ in packages]
    references = _references(asked)
    price = PRODUCTS[asked["productCode"]][1] * len(packages)
    data = {"references": references, "pieces": pieces}
    # The waybill is what is tracked; each piece of it has a number, too.
    state.book(
        NAME,
        references[0] if references else "",
        [waybill],
        id=waybill,
        amount=f"{price:.2f}",
        currency="EUR",
        data=data,
    )
    kind = at(asked, "outputImageProperties.encodingFormat", "pdf")
    tracking = f"{request.base}/mydhlapi/shipments/{waybill}/tracking"
    body = {
        "shipmentTrackingNumber": waybill,
        "trackingUrl": tracking,
        "packages": [
            {
                "referenceNumber": index,
                "trackingNumber": piece,
                "trackingUrl": f"{tracking}?pieceTrackingNumber={piece}",
            }
            for index, piece in enumerate(pieces, 1)
        ],
        "documents": [
            {
                "imageFormat": kind.upper(),
                "content": labels.coded(f"{waybill} {' '.join(pieces)}", kind),
                "typeCode": "label",
            }
        ],
        "estimatedDeliveryDate": {
            "estimatedDeliveryDate": _in_days(2),
            "estimatedDeliveryType": "QDDC",
        },
    }
    if asked.get("getRateEstimates"):
        body["shipmentCharges"] = [
            {"currencyType": "BILLC", "priceCurrency": "EUR", "price": price}
        ]
    if at(asked, "pickup.isRequested"):
        number_of = _book_pickup(state, references[0] if references else "")
        body["dispatchConfirmationNumber"] = number_of
        body["cancelPickupUrl"] = f"{request.base}/mydhlapi/pickups/{number_of}"
    return Answer(201, body)


def _book_pickup(state, reference):
    dispatch = f"PRG999{state.serial('dhl-pickup'):06}"
    state.book(NAME, reference, [dispatch], id=dispatch, kind="pickup")
    return dispatch


def _reference_of_pickup(request, state):
    return request.header("Message-Reference")


def create_pickup(request, state):
    _admit(request, state)
    asked = request.json()
    for name in ("plannedPickupDateAndTime", "accounts", "customerDetails"):
        if asked.get(name) is None:
            problem = f"#: required key [{name}] not found"
            return error(request, 422, MANY, [problem])
    if not at(asked, "customerDetails.shipperDetails.postalAddress.postalCode"):
        place = "#/customerDetails/shipperDetails/postalAddress"
        return error(request, 422, MANY, [f"{place}: required key [postalCode]"])
    _admit_account(request, state, at(asked, "accounts.0.number"))
    dispatch = _book_pickup(state, request.header("Message-Reference"))
    body = {
        "dispatchConfirmationNumbers": [dispatch],
        "readyByTime": "09:00",
        "nextPickupDate": _in_days(1),
        "warnings": [],
    }
    return Answer(201, body)


def cancel_pickup(request, state, dispatch):
    _admit(request, state)
    if not request.asked("requestorName") or not request.asked("reason"):
        detail = "requestorName and reason are required"
        return error(request, 400, detail)
    found = state.ledger.find(NAME, id=dispatch, kind="pickup")
    if not found or found[0].state != LIVE:
        return error(request, 404, "No pickup found for the given number")
    state.cancel(found[0])
    return Answer(200, "")


def _tracked(state, waybill):
    parcel = state.world.parcels[waybill]
    events = [
        {
            "date": step.at.strftime("%Y-%m-%d"),
            "time": step.at.strftime("%H:%M:%S"),
            "GMTOffset": "+00:00",
            "typeCode": WORDS[step.name][0],
            "description": WORDS[step.name][1],
            "serviceArea": [{"code": "PRG", "description": "Prague-CZECH REPUBLIC"}],
        }
        for step in parcel.steps
    ]
    found = state.ledger.find(NAME, number=waybill)
    data = found[0].data if found else {}
    return {
        "shipmentTrackingNumber": waybill,
        "status": "Success",
        "shipmentTimestamp": events[0]["date"] + "T" + events[0]["time"],
        "productCode": "P",
        "description": "Goods",
        "shipperReferences": [
            {"value": value, "typeCode": "CU"} for value in data.get("references", ())
        ],
        "events": events,
        "numberOfPieces": len(data.get("pieces", ())) or 1,
        "pieces": [
            {"number": index, "trackingNumber": piece}
            for index, piece in enumerate(data.get("pieces", ()), 1)
        ],
    }


def _shipments(request, waybills, state):
    waybills = [
        row
        for row in waybills
        if row in state.world.parcels and state.world.parcels[row].partner == NAME
    ]
    if not waybills:
        return error(request, 404, "No shipments found for the given tracking number")
    return Answer(200, {"shipments": [_tracked(state, row) for row in waybills]})


def track(request, state):
    _admit(request, state)
    waybills = request.query.get("shipmentTrackingNumber", [])
    reference = request.asked("shipmentReference")
    if reference:
        _admit_account(request, state, request.asked("shipperAccountNumber"))
        found = state.lookup(NAME, reference, kind="shipment")
        waybills = [row.numbers[0] for row in found]
    elif not waybills and not request.query.get("pieceTrackingNumber"):
        return error(request, 400, "A tracking number or a reference is required")
    for piece in request.query.get("pieceTrackingNumber", []):
        for row in state.ledger.find(NAME, kind="shipment"):
            waybills += row.numbers if piece in row.data["pieces"] else []
    return _shipments(request, waybills, state)


def track_one(request, state, waybill):
    _admit(request, state)
    return _shipments(request, [waybill], state)


_BASE, _ID = "(?:/mydhlapi(?:/test)?)?", "([^/]+)"
ROUTES = [
    Route("GET", f"{_BASE}/rates", quote_one),
    Route("POST", f"{_BASE}/rates", quote),
    Route("POST", f"{_BASE}/shipments", ship, _reference),
    Route("GET", f"{_BASE}/shipments/{_ID}/tracking", track_one),
    Route("GET", f"{_BASE}/tracking", track),
    Route("POST", f"{_BASE}/pickups", create_pickup, _reference_of_pickup),
    Route("DELETE", f"{_BASE}/pickups/{_ID}", cancel_pickup),
]
