# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Chronopost, as its three SOAP services are described (ws.chronopost.fr).

What it refuses is an ``errorCode`` in an answer with status 200; only what it can't
read or does not know is a fault. A reference is not unique: trackWithSenderRef finds
every parcel sent with it.
"""

from xml.etree import ElementTree
from xml.sax.saxutils import escape

from . import labels, numbers
from .ledger import LIVE
from .wire import Answer, Route, number

NAME = "chronopost"
SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
SPACES = {
    "quickcost": "http://cxf.quickcost.soap.chronopost.fr/",
    "shipping": "http://cxf.shipping.soap.chronopost.fr/",
    "tracking": "http://cxf.tracking.soap.chronopost.fr/",
}
#: step: (code, label)
WORDS = {
    "announced": ("DC", "Shipment in preparation to be shipped"),
    "collected": ("DB", "Shipment handed over by shipper"),
    "hub": ("SC", "Sorted at departure location"),
    "left_hub": ("TS", "Shipment in transit"),
    "depot": ("TA", "Shipment arrived at the delivery agency"),
    "on_vehicle": ("PC", "Shipment out for delivery"),
    "not_home": ("AG", "Delivery attempt, nobody present"),
    "delivered": ("D", "Delivered"),
    "damaged": ("AV", "Shipment damaged"),
    "refused": ("RR", "Shipment refused by the recipient"),
    "going_back": ("RT", "Shipment returned to sender"),
    "customs": ("DO", "Shipment in customs"),
    "strange": ("ZZ", "Handed to a drone"),
}
#: product code: (name, euros)
PRODUCTS = {
    "01": ("Chrono 13", 9.80),
    "16": ("Chrono 18", 8.90),
    "86": ("Chrono Relais", 6.50),
    "44": ("Chrono Classic", 12.40),
    "17": ("Chrono Express", 32.10),
}


# --- XML


def _operation(request):
    """Return (operation's name, element), names without their namespaces."""
    try:
        envelope = ElementTree.fromstring(request.body)
    except (ElementTree.ParseError, ValueError):
        return "", None
    for element in envelope.iter():
        element.tag = element.tag.rsplit("}", 1)[-1]
    body = envelope.find("Body")
    if body is None or not len(body):
        return "", None
    return body[0].tag, body[0]


def _text(element, path):
    return (element.findtext(path) or "").strip()


def _xml(tag, value):
    """Return an element of text, of a dict or, for a list, several of them."""
    if value is None:
        return ""
    if isinstance(value, list):
        return "".join(_xml(tag, row) for row in value)
    if isinstance(value, dict):
        inner = "".join(_xml(name, row) for name, row in value.items())
    else:
        inner = escape(str(value))
    return f"<{tag}>{inner}</{tag}>"


def _answer(service, operation, result):
    name = f"ns1:{operation}Response"
    text = (
        f'<soap:Envelope xmlns:soap="{SOAP}"><soap:Body>'
        f'<{name} xmlns:ns1="{SPACES[service]}">{_xml("return", result)}</{name}>'
        "</soap:Body></soap:Envelope>"
    )
    return Answer(200, text, "text/xml;charset=UTF-8")


def _fault(message):
    text = (
        f'<soap:Envelope xmlns:soap="{SOAP}"><soap:Body><soap:Fault>'
        f"<faultcode>soap:Client</faultcode><faultstring>{escape(message)}"
        "</faultstring></soap:Fault></soap:Body></soap:Envelope>"
    )
    return Answer(500, text, "text/xml;charset=UTF-8")


def _failed(code, message, **more):
    return {"errorCode": code, "errorMessage": message, **more}


def _known(request, state, account, password):
    known = state.accounts[NAME]
    given = (account, password)
    return not request.denied and given == (known["account"], known["password"])


# --- operations: function(request, state, element) -> what `return` holds


def quick_cost(request, state, asked):
    """Price one product."""
    account, password = _text(asked, "accountNumber"), _text(asked, "password")
    if not _known(request, state, account, password):
        return _failed(3, "invalid account or password")
    if not _text(asked, "depCode") or not _text(asked, "arrCode"):
        return _failed(2, "departure or arrival code is missing")
    if number(_text(asked, "weight")) <= 0:
        return _failed(2, "weight must be greater than 0")
    product = _text(asked, "productCode")
    if product not in PRODUCTS:
        return _failed(4, "no price for this product")
    amount = PRODUCTS[product][1]
    return {
        "amount": f"{amount:.2f}",
        "amountTTC": f"{amount * 1.2:.2f}",
        "amountTVA": f"{amount * 0.2:.2f}",
        "errorCode": 0,
        "errorMessage": "",
        "zone": "01",
    }


def calculate_products(request, state, asked):
    """List the products there are with their prices."""
    account, password = _text(asked, "accountNumber"), _text(asked, "password")
    if not _known(request, state, account, password):
        return _failed(3, "invalid account or password")
    if not _text(asked, "arrZipCode") or number(_text(asked, "weight")) <= 0:
        return _failed(2, "arrival code or weight is missing")
    rows = [
        {
            "amount": f"{amount:.2f}",
            "amountTTC": f"{amount * 1.2:.2f}",
            "amountTVA": f"{amount * 0.2:.2f}",
            "productCode": code,
        }
        for code, (_name, amount) in PRODUCTS.items()
    ]
    return {"errorCode": 0, "errorMessage": "", "productList": rows}


def _wrong(asked):
    """Return what is wrong with a shipment, or ''."""
    parcels = asked.findall("skybillValue")
    if not parcels:
        return "skybillValue is missing"
    for side in ("shipper", "recipient"):
        zips = [_text(r, f"{side}ZipCode") for r in asked.findall(f"{side}Value")]
        if not zips or not all(zips):
            return f"{side}ZipCode is missing or invalid"
    for parcel in parcels:
        if number(_text(parcel, "weight")) <= 0:
            return "weight is missing or invalid"
        if _text(parcel, "productCode") not in PRODUCTS:
            return "productCode is unknown"
    if int(number(_text(asked, "numberOfParcel") or 1)) != len(parcels):
        return "numberOfParcel does not match the number of skybillValue"
    return ""


def shipping(request, state, asked):
    """Book parcels; each has a number and a label."""
    account = _text(asked, "headerValue/accountNumber")
    if not _known(request, state, account, _text(asked, "password")):
        return _failed(33, "Invalid accesColis account number")
    wrong = _wrong(asked)
    if wrong:
        return _failed(2, wrong)
    parcels = asked.findall("skybillValue")
    references = _references(asked)
    tracking = [numbers.postal(state.serial("chronopost")) for _ in parcels]
    codes = [_text(row, "productCode") for row in parcels]
    state.book(
        NAME,
        references[0] if references else "",
        tracking,
        id=tracking[0],
        amount=f"{sum(PRODUCTS[code][1] for code in codes):.2f}",
        currency="EUR",
        data={"references": references},
    )
    mode = _text(asked, "skybillParamsValue/mode").upper()
    kind = "zpl" if mode.startswith("Z") else "pdf"
    rows = [
        {
            "codeDepot": "75327227",
            "codeService": "226",
            "destinationDepot": "0477",
            "geoPostCodeBarre": f"%{row[2:10]}",
            "geoPostNumeroColis": row[:11],
            "groupingPriorityLabel": "SIA1",
            "pdfEtiquette": labels.coded(row, kind),
            "serviceMark": "",
            "serviceName": PRODUCTS[code][0],
            "signaletiqueProduit": "13H",
            "skybillNumber": row,
        }
        for row, code in zip(tracking, codes, strict=True)
    ]
    return {
        "errorCode": 0,
        "errorMessage": "",
        "reservationNumber": f"R{state.serial('chronopost-reservation'):09}",
        "resultMultiParcelValue": rows,
    }


def _references(asked):
    rows = [_text(row, "shipperRef") for row in asked.findall("refValue")]
    return [row for row in rows if row]


def cancel(request, state, asked):
    account, password = _text(asked, "accountNumber"), _text(asked, "password")
    found = state.ledger.find(NAME, number=_text(asked, "skybillNumber"))
    known = _known(request, state, account, password)
    if not known or not found or found[0].state != LIVE:
        text = "the parcel doesn't match account or parcel information not found"
        return _failed(2, text, statusCode=0)
    parcel = _text(asked, "skybillNumber")
    if len(state.world.parcels[parcel].steps) > 1:
        return _failed(3, "the parcel has been taken over", statusCode=0)
    # A number is cancelled; the booking is, when none of its numbers is left.
    gone = found[0].data.setdefault("gone", [])
    if parcel in gone:
        text = "the parcel doesn't match account or parcel information not found"
        return _failed(2, text, statusCode=0)
    gone.append(parcel)
    state.world.parcels[parcel].ended = True
    if set(gone) == set(found[0].numbers):
        state.cancel(found[0])
    return {"errorCode": 0, "errorMessage": "", "statusCode": 1}


def _events(parcel):
    return [
        {
            "code": WORDS[step.name][0],
            "eventDate": step.at.strftime("%Y-%m-%dT%H:%M:%S+00:00"),
            "eventLabel": WORDS[step.name][1],
            "highPriority": "false",
            "NPC": "75",
            "officeLabel": "PARIS CHRONOPOST",
            "zipCode": "75000",
        }
        for step in parcel.steps
    ]


def track(request, state, asked):
    parcel = state.world.parcels.get(_text(asked, "skybillNumber"))
    if parcel is None or parcel.partner != NAME:
        return _failed(0, "", listEventInfoComp={"skybillNumber": ""})
    events = {"events": _events(parcel), "skybillNumber": parcel.number}
    return {"errorCode": 0, "errorMessage": "", "listEventInfoComp": events}


def track_reference(request, state, asked):
    account, password = _text(asked, "accountNumber"), _text(asked, "password")
    if not _known(request, state, account, password):
        return _failed(2, "invalid account or password")
    rows = [
        {"events": _events(state.world.parcels[row]), "skybillNumber": row}
        for booking in state.lookup(NAME, _text(asked, "sendersRef"))
        for row in booking.numbers
        if booking.state == LIVE and row not in booking.data.get("gone", ())
    ]
    return {"errorCode": 0, "errorMessage": "", "listParcel": rows}


OPERATIONS = {
    "quickcost": {
        "quickCost": quick_cost,
        "calculateProducts": calculate_products,
    },
    "shipping": {
        "shippingMultiParcelV4": shipping,
        "shippingMultiParcelV5": shipping,
    },
    "tracking": {
        "cancelSkybill": cancel,
        "trackSkybillV2": track,
        "trackWithSenderRef": track_reference,
    },
}


def call(request, state, service):
    operation, asked = _operation(request)
    if asked is None:
        return _fault("Error reading XMLStreamReader")
    function = OPERATIONS[service].get(operation)
    if function is None:
        return _fault(f"Unexpected wrapper element {operation} found")
    return _answer(service, operation, function(request, state, asked))


def _reference(request, state, service):
    operation, asked = _operation(request)
    if asked is None or not operation.startswith("shippingMultiParcel"):
        return None
    return (_references(asked) or [""])[0]


ROUTES = [
    Route("POST", "/(quickcost|shipping|tracking)-cxf/[A-Za-z]+WS", call, _reference),
]
