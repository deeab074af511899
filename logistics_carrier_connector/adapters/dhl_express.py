# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""DHL Express through MyDHL API (REST, 3.x).

What the partner has not: a shipment can't be cancelled (a label that is never
handed over is not charged; a pickup can be cancelled), the transport label comes
with the booking and can't be fetched again (``get-image`` gives the archived
waybill and invoice, not the label), and there is no manifest: a booking is one.

A booking is not recognised when it is sent twice; ``Message-Reference`` names it in
DHL's log only. A booking of unknown fate is looked for by our reference, which it
carries as customer reference ``CU``. Tracking shows a shipment by its reference once
DHL has it in its network, so that finding none proves nothing.

Settings: ``zone`` (IANA; else the country's), ``use_payer_account`` and
``use_duties_account`` (their numbers are credentials), ``customs_declarable``,
``value_added_services`` (further codes), ``label_template``, ``payer_country``,
``paperless`` (``WY``), ``description``.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any

from odoo.addons.logistics_canonical.core.calls import CallError

from ..core.carrier import (
    AnswerError,
    NotFoundError,
)
from ..core.shipping import (
    Address,
    Booked,
    BookedPackage,
    Cancelled,
    Charge,
    Document,
    Package,
    PickupBooked,
    PickupRequest,
    Quote,
    ShipRequest,
)
from .answer_values import (
    amount_at,
    amount_of,
    at,
    data_of,
    document_of,
    kilograms_of,
    objects_at,
    objects_of,
    settled,
    text_at,
    text_of,
    whole_of,
)
from .json_carrier import (
    JsonCarrier,
)
from .request_parts import (
    ACCOUNT,
    currency_of,
    described,
    goods_of,
    in_units,
    needed,
    round_up,
    street_of,
    value_of,
    weight_of,
    zone_of,
)

PAYER_ACCOUNT = "{credential:payer_account_number}"
DUTIES_ACCOUNT = "{credential:duties_account_number}"

#: Service codes of what a delivery method can ask for (MyDHL reference data).
_OPTIONS = {
    "signature": "SA",
    "adult_signature": "SD",
    "saturday_delivery": "AA",
    "evening_delivery": "TD",
    "carbon_neutral": "FE",
}

#: Service codes of charges. The product itself has none.
_CHARGES = {
    "": "freight",
    "AA": "saturday",
    "AB": "saturday",
    "AG": "saturday",
    "CR": "peak",
    "DC": "customs",
    "DD": "customs",
    "DT": "customs",
    "FB": "fuel",
    "FC": "fuel",
    "FF": "fuel",
    "IB": "insurance",
    "IC": "insurance",
    "II": "insurance",
    "KB": "cash_on_delivery",
    "OB": "remote_area",
    "OC": "remote_area",
    "OE": "remote_area",
    "OO": "remote_area",
    "PX": "pickup",
    "PY": "pickup",
    "QA": "pickup",
    "QB": "pickup",
    "QD": "pickup",
    "QE": "pickup",
    "SA": "signature",
    "SB": "signature",
    "SC": "signature",
    "SD": "signature",
    "SE": "signature",
    "SF": "signature",
    "SW": "signature",
    "SX": "signature",
    "TG": "return",
    "TK": "residential",
    "WA": "customs",
    "WB": "customs",
    "WD": "customs",
    "WE": "customs",
    "WO": "customs",
    "XB": "customs",
    "XX": "customs",
    "YB": "oversize",
    "YC": "oversize",
    "YF": "oversize",
    "YG": "oversize",
    "YH": "oversize",
    "YO": "oversize",
    "YY": "oversize",
    "ZD": "discount",
    "ZE": "discount",
    # Of the summary, when there are no lines.
    "SPRQT": "freight",
    "SPRQN": "freight",
    "SDRATE": "freight",
    "STTXA": "tax",
    "STDIS": "discount",
    "STSCH": "other",
    "FUEL": "fuel",
}

_REASONS = {
    "merchandise": "commercial_purpose_or_sale",
    "gift": "gift",
    "sample": "sample",
    "return": "return",
}
_DOCUMENTS = {"label": "label", "invoice": "invoice"}
#: Which of a price's currencies counts: the one on the bill.
_BILLED = ("BILLC", "PULCL", "BASEC", "")
_NUMBERED = re.compile(r"\s*(\d{3,6}):\s*(.*)", re.DOTALL)


class DhlExpressAdapter(JsonCarrier):
    """MyDHL API: rates, bookings, returns and pickups."""

    max_packages = 999
    required = ("service", "shipper.phone", "recipient.phone")

    def errors(self, tree: Any) -> Iterator[tuple[str, str]]:
        """See :meth:`JsonCarrier.errors`: DHL's code, else the HTTP status."""
        yield from _errors(tree)

    # === RATES === #

    def rate_body(self, request: ShipRequest, profile) -> tuple[dict, dict]:
        """What ``POST /rates`` is asked with; without a service, for all."""
        body = {
            "customerDetails": {
                "shipperDetails": _rate_address(request.shipper),
                "receiverDetails": _rate_address(request.recipient),
            },
            "accounts": _accounts(request),
            "plannedShippingDateAndTime": _planned(request),
            "unitOfMeasurement": "metric",
            "isCustomsDeclarable": _is_declarable(request),
            "packages": [_measures(package) for package in request.packages],
            "requestAllValueAddedServices": False,
            "returnStandardProductsOnly": False,
            "nextBusinessDay": False,
        }
        services = _services(request)
        if request.service:
            body["productsAndServices"] = [
                {**_product(request.service), "valueAddedServices": services}
                if services
                else _product(request.service)
            ]
        elif services:
            body["valueAddedServices"] = services
        amounts = _amounts(request)
        if amounts:
            body["monetaryAmount"] = amounts
        payer = request.settings.get("payer_country")
        if payer:
            body["payerCountryCode"] = payer
        return _values(request), body

    def read_rate(self, tree, request: ShipRequest, response) -> tuple[Quote, ...]:
        """See :meth:`CarrierAdapter.read_<operation>`. Products without a price
        are left out: DHL lists what it could carry, too."""
        _refuse_error(tree)
        if not isinstance(at(tree, "products"), list | dict):
            raise AnswerError("The answer names no products")
        products = objects_of(tree["products"])
        told = [text_at(product, "productCode") for product in products]
        quotes = []
        for product in products:
            code = told_code = text_at(product, "productCode")
            local = text_at(product, "localProductCode")
            # A country's own products can share one global code.
            if local and local != code and told.count(code) > 1:
                code = f"{code}/{local}"
            if local and request.service == f"{told_code}/{local}":
                code = request.service
            quote = _quote(product, code)
            if code and quote and quote.total > 0:
                quotes.append(quote)
        return tuple(quotes)

    # === BOOKINGS === #

    def book_body(self, request: ShipRequest, profile) -> tuple[dict, dict]:
        """What ``POST /shipments`` is asked with."""
        if not request.service:
            raise CallError("A shipment needs a product of DHL Express.")
        planned = _planned(request)
        declarable = _is_declarable(request)
        content: dict[str, Any] = {
            "packages": [_parcel(package) for package in request.packages],
            "isCustomsDeclarable": declarable,
            "description": _description(request),
            "unitOfMeasurement": "metric",
        }
        if request.incoterm:
            content["incoterm"] = request.incoterm
        if declarable:
            content["declaredValue"] = _number(value_of(request), 2)
            content["declaredValueCurrency"] = currency_of(request)
            content["exportDeclaration"] = _export_declaration(request)
        body = {
            "plannedShippingDateAndTime": planned,
            "pickup": {"isRequested": False},
            **_product(request.service),
            "getRateEstimates": True,
            "accounts": _accounts(request),
            "customerReferences": _references(request),
            "outputImageProperties": _papers(request, declarable),
            "customerDetails": {
                "shipperDetails": _party(request.shipper),
                "receiverDetails": _party(request.recipient),
            },
            "content": content,
        }
        services = _services(request)
        if services:
            body["valueAddedServices"] = services
        if len(request.packages) > 1:
            # Else nothing tells which label belongs on which parcel.
            body["getAdditionalInformation"] = [
                {"typeCode": "linkLabelsByPieces", "isRequested": True}
            ]
        return _values(request), body

    def read_book(self, tree, request: ShipRequest, response) -> Booked:
        """See :meth:`CarrierAdapter.read_<operation>`."""
        _refuse_error(tree)
        master = text_at(tree, "shipmentTrackingNumber")
        if not master:
            raise AnswerError("The answer names no shipment")
        pieces = objects_at(tree, "packages")
        packages = _pair(request.packages, pieces, master)
        return Booked(
            partner_id=master,
            number=master,
            packages=packages,
            documents=tuple(_documents(tree, pieces, packages, request)),
            charges=_charges_of(at(tree, "shipmentCharges")),
        )

    # === LOOKUP === #

    def find_body(self, request: ShipRequest, profile) -> tuple[dict, None]:
        """What ``GET /tracking`` is asked with to find a booking by reference.

        DHL wants a period: it begins when the earliest booking for that day can
        have been made (ten days ahead).
        """
        day = request.ship_on
        values = {**_values(request), "reference": request.reference[:35]}
        if day:
            values["date_from"] = (day - timedelta(days=10)).isoformat()
            values["date_to"] = (day + timedelta(days=30)).isoformat()
        return values, None

    def read_find(self, tree, request: ShipRequest, response) -> Booked:
        """See :meth:`CarrierAdapter.read_<operation>`. Papers aren't in it."""
        shipments = {
            text_at(shipment, "shipmentTrackingNumber"): shipment
            for shipment in objects_at(tree, "shipments")
        }
        shipments.pop("", None)
        if not shipments:
            told = list(_errors(tree))
            if not told:
                raise NotFoundError()
            if told[0][0] == "404":
                raise NotFoundError(told[0][1], "404")
            _refuse_error(tree)
        if len(shipments) > 1:
            raise AnswerError(
                "DHL has several shipments with this reference: "
                + ", ".join(sorted(shipments)),
                error_class="rejected",
            )
        ((master, shipment),) = shipments.items()
        pieces = objects_at(shipment, "pieces")
        return Booked(
            partner_id=master,
            number=master,
            packages=_pair(request.packages, pieces, master),
        )

    # === PICKUPS === #

    def pickup_body(self, request: PickupRequest, profile) -> tuple[dict, dict]:
        """What ``POST /pickups`` is asked with."""
        service = request.settings.get("service") or next(
            (booking.service for booking in request.bookings if booking.service), ""
        )
        if not service:
            raise CallError("A pickup needs the product of what is collected.")
        zone = _zone(request.settings, request.address)
        count = max(request.parcels, 1)
        weight = request.weight / count
        parcel = {
            "weight": _number(weight if weight > 0 else Decimal(1), 3),
            # DHL wants measures; of what will stand there nobody has told.
            "dimensions": {"length": 1, "width": 1, "height": 1},
        }
        body = {
            "plannedPickupDateAndTime": _instant(request.ready_at.astimezone(zone)),
            "closeTime": request.close_at.astimezone(zone).strftime("%H:%M"),
            "locationType": "residence" if request.address.residential else "business",
            "accounts": [{"typeCode": "shipper", "number": ACCOUNT}],
            "customerDetails": {"shipperDetails": _party(request.address, roles=False)},
            "shipmentDetails": [
                {
                    **_product(service),
                    "isCustomsDeclarable": False,
                    "unitOfMeasurement": "metric",
                    "packages": [parcel] * count,
                }
            ],
        }
        if request.instructions:
            body["specialInstructions"] = [{"value": request.instructions[:80]}]
        return _values(request), body

    def read_pickup(self, tree, request: PickupRequest, response) -> PickupBooked:
        """See :meth:`CarrierAdapter.read_<operation>`.

        Several confirmations stand in one, separated by commas.
        """
        _refuse_error(tree)
        if "cancel" in text_at(tree, "status").lower():
            raise AnswerError("The pickup is cancelled", error_class="rejected")
        numbers = at(tree, "dispatchConfirmationNumbers")
        numbers = numbers if isinstance(numbers, list) else [numbers]
        told = list(filter(None, map(text_of, numbers)))
        told = told or list(filter(None, [text_at(tree, "dispatchConfirmationNumber")]))
        if not told:
            raise AnswerError("The answer confirms no pickup")
        return PickupBooked(",".join(told))

    def pickup_cancel_body(self, request: PickupRequest, profile) -> tuple[dict, None]:
        """What ``DELETE /pickups/{number}`` is asked with."""
        if "," in request.confirmation:
            raise CallError(
                "DHL confirmed this pickup with several numbers; cancel each by itself."
            )
        who = request.address.name or request.address.company
        return {
            **_values(request),
            "confirmation": request.confirmation,
            "requestor": needed(who, "a name", request.address, "DHL Express"),
            "reason": request.settings.get("cancel_reason") or "not needed any more",
        }, None

    def read_pickup_cancel(self, tree, request: PickupRequest, response) -> Cancelled:
        """See :meth:`CarrierAdapter.read_<operation>`."""
        _refuse_error(tree, response.status)
        said = text_at(tree, "status")
        # DHL's answer has no content; one that has must be about this.
        if tree not in (None, {}) and "cancel" not in said.lower():
            raise AnswerError("The answer says nothing of the pickup")
        return Cancelled("done", said)


# === WRITING === #


def _values(request):
    # 28 to 36 characters; the same for the same thing, so that DHL's log shows it.
    digest = hashlib.sha256(request.reference.encode()).hexdigest()
    return {"message_reference": digest[:32]}


def _number(value: Decimal, places: int) -> float | int:
    """Return a Decimal as JSON takes it: rounded up, so that nothing is declared
    too small."""
    value = round_up(value, places)
    return int(value) if value == value.to_integral_value() else float(value)


def _zone(settings, address: Address):
    return zone_of(address, str(settings.get("zone", ""))) or timezone.utc


def _instant(moment: datetime) -> str:
    offset = moment.strftime("%z")
    return f"{moment:%Y-%m-%dT%H:%M:%S} GMT{offset[:3]}:{offset[3:5]}"


def _planned(request: ShipRequest) -> str:
    """Return noon of the day it is handed over, by the clock of the shipper."""
    if request.ship_on is None:
        raise CallError("DHL Express needs the day it is handed over.")
    zone = _zone(request.settings, request.shipper)
    return _instant(datetime.combine(request.ship_on, time(12), tzinfo=zone))


def _product(service: str) -> dict[str, str]:
    """Return the product: ``N`` by its global code, ``N/1`` by its local one, too."""
    code, _slash, local = service.partition("/")
    product = {"productCode": code}
    if local:
        product["localProductCode"] = local
    return product


def _accounts(request: ShipRequest) -> list[dict[str, str]]:
    accounts = [{"typeCode": "shipper", "number": ACCOUNT}]
    if request.settings.get("use_payer_account"):
        accounts.append({"typeCode": "payer", "number": PAYER_ACCOUNT})
    elif request.is_return:
        # The customer ships it, on our account.
        accounts.append({"typeCode": "payer", "number": ACCOUNT})
    if request.settings.get("use_duties_account"):
        accounts.append({"typeCode": "duties-taxes", "number": DUTIES_ACCOUNT})
    return accounts


def _is_declarable(request: ShipRequest) -> bool:
    told = request.settings.get("customs_declarable")
    if told is not None:
        return bool(told)
    return request.contents != "documents" and request.crosses_customs


def _services(request: ShipRequest) -> list[dict[str, Any]]:
    services: list[dict[str, Any]] = []
    if request.insured:
        services.append(_priced("II", request.insured, request))
    if request.cod:
        services.append(_priced("KB", request.cod, request))
    for option in request.options:
        if option not in _OPTIONS:
            raise CallError(f"DHL Express doesn't offer {option!r} through this API.")
        services.append({"serviceCode": _OPTIONS[option]})
    if request.incoterm == "DDP" and _is_declarable(request):
        services.append({"serviceCode": "DD"})
    if request.settings.get("paperless") and _is_declarable(request):
        services.append({"serviceCode": "WY"})
    for code in request.settings.get("value_added_services") or ():
        services.append({"serviceCode": code})
    return services


def _priced(code, value, request):
    return {
        "serviceCode": code,
        "value": _number(value, 2),
        "currency": currency_of(request),
    }


def _amounts(request: ShipRequest) -> list[dict[str, Any]]:
    amounts = {
        "declaredValue": value_of(request) if _is_declarable(request) else Decimal(0),
        "insuredValue": request.insured,
    }
    return [
        {"typeCode": code, "value": _number(value, 2), "currency": currency_of(request)}
        for code, value in amounts.items()
        if value
    ]


def _measures(package: Package) -> dict[str, Any]:
    measured = {
        "weight": _number(weight_of(package), 3),
        # A parcel of unknown size counts by its weight alone.
        "dimensions": {
            name: _number(max(getattr(package, name), Decimal(1)), 1)
            for name in ("length", "width", "height")
        },
    }
    if package.packaging:
        measured["typeCode"] = package.packaging
    return measured


def _parcel(package: Package) -> dict[str, Any]:
    parcel = _measures(package)
    if package.reference:
        parcel["customerReferences"] = [
            {"value": package.reference[:35], "typeCode": "CU"}
        ]
    return parcel


def _references(request: ShipRequest) -> list[dict[str, str]]:
    # The lookup asks for the first; people look for the second.
    references = [{"value": request.reference[:35], "typeCode": "CU"}]
    if request.order:
        references.append({"value": request.order[:35], "typeCode": "AAO"})
    return references


def _postal(address: Address, lines: list[str]) -> dict[str, str]:
    postal = {
        "postalCode": address.zip[:12],
        "cityName": needed(address.city, "the city", address, "DHL Express")[:45],
        "countryCode": address.country,
    }
    if address.state and len(address.state) <= 35:
        postal["provinceCode"] = address.state
    for i, line in enumerate(lines, 1):
        postal[f"addressLine{i}"] = line
    return postal


def _rate_address(address: Address) -> dict[str, str]:
    # A price needs no street, and at the checkout there may be none yet.
    return _postal(address, street_of(address, 45, 3) if address.street else [])


def _party(address: Address, *, roles: bool = True) -> dict[str, Any]:
    person = address.name or address.company
    contact = {
        "fullName": needed(person, "a name", address, "DHL Express")[:255],
        "companyName": (address.company or address.name)[:100],
        "phone": needed(address.phone, "a phone number", address, "DHL Express")[:70],
    }
    if address.email and len(address.email) <= 70:
        contact["email"] = address.email
    party: dict[str, Any] = {
        "postalAddress": _postal(address, street_of(address, 45, 3)),
        "contactInformation": contact,
    }
    numbers = [
        {"typeCode": code, "number": value, "issuerCountryCode": address.country}
        for code, value in (("VAT", address.vat), ("EOR", address.eori))
        if value
    ]
    if roles and numbers:
        party["registrationNumbers"] = numbers
    if roles:
        party["typeCode"] = "private" if address.residential else "business"
    return party


def _description(request: ShipRequest) -> str:
    told = request.settings.get("description") or described(goods_of(request))
    return (told or request.contents)[:70]


def _papers(request: ShipRequest, declarable: bool) -> dict[str, Any]:
    label = {"typeCode": "label", "isRequested": True}
    if request.settings.get("label_template"):
        label["templateName"] = request.settings["label_template"]
    images = [label, {"typeCode": "waybillDoc", "isRequested": False}]
    if declarable:
        kind = "returns" if request.is_return else "commercial"
        images.append({"typeCode": "invoice", "isRequested": True, "invoiceType": kind})
    return {
        # There are PDF, ZPL, EPL and LP2; a picture is printed from PDF.
        "encodingFormat": "zpl" if request.label_format == "ZPL" else "pdf",
        "imageOptions": images,
        "splitTransportAndWaybillDocLabels": True,
        "splitDocumentsByPages": len(request.packages) > 1,
    }


def _export_declaration(request: ShipRequest) -> dict[str, Any]:
    reason = _REASONS.get(request.contents, "permanent")
    if request.is_return:
        reason = "return"
    lines = []
    for package in request.packages:
        for part in package.commodities:
            lines.append(_line(len(lines) + 1, part, package, request, reason))
    if not lines:
        raise CallError("The shipment crosses a customs border, but names no goods.")
    return {
        "lineItems": lines,
        "invoice": {
            "number": (request.invoice_number or request.order or request.reference)[
                :35
            ],
            "date": request.ship_on.isoformat(),
        },
        "exportReasonType": reason,
        "shipmentType": "personal" if request.contents == "gift" else "commercial",
    }


def _line(position, part, package, request, reason):
    part = in_units(part)
    # Without weights of their own, goods share the package's.
    weight = part.weight * part.quantity or package.weight / len(package.commodities)
    weight = _number(weight, 3)
    line = {
        "number": position,
        "description": part.description[:512],
        "price": _number(part.value, 3),
        "priceCurrency": part.currency or currency_of(request),
        "quantity": {"value": _number(part.quantity, 0), "unitOfMeasurement": "PCS"},
        "exportReasonType": reason,
        "manufacturerCountry": part.origin or request.shipper.country,
        "weight": {"netValue": weight, "grossValue": weight},
    }
    if part.hs_code:
        line["commodityCodes"] = [{"typeCode": "outbound", "value": part.hs_code[:18]}]
    if part.sku:
        line["customerReferences"] = [{"typeCode": "PAN", "value": part.sku[:35]}]
    return line


# === READING === #


def _errors(tree: Any) -> Iterator[tuple[str, str]]:
    """Yield DHL's code, else the HTTP status, and text of each error."""
    for reason in objects_at(tree, "reasons"):
        yield text_at(reason, "code"), text_at(reason, "msg")
    if not isinstance(tree, dict) or not tree.keys() & {"detail", "title"}:
        return
    status = text_at(tree, "status") or text_at(tree, "code")
    details = tree.get("additionalDetails")
    details = details if isinstance(details, list) else [details]
    told = []
    for part in details:
        if isinstance(part, dict):
            names = ("msg", "message", "detail", "value")
            said = next(filter(None, (text_of(part.get(name)) for name in names)), "")
            code = text_at(part, "code")
            told.append(f"{code}: {said}" if code and said else said)
        else:
            told.append(text_of(part))
    # With details, the whole only says that there are several.
    whole = text_at(tree, "detail") or text_at(tree, "title")
    for words in list(filter(None, told)) or [whole]:
        found = _NUMBERED.fullmatch(words)
        yield found.groups() if found else (status, words)


def _refuse_error(tree: Any, status: int = 200) -> None:
    """Raise for an answer that is an error, whatever its HTTP status."""
    for code, words in _errors(tree):
        raise AnswerError(words or "DHL refused it", code, "rejected")
    if status >= 400:
        raise AnswerError(f"HTTP {status}", str(status), "rejected")


def _billed(entries: Any) -> Mapping[str, Any]:
    """Return of a price in several currencies the one on the bill.

    One without an amount is no price, and one of nothing only when all are.
    """
    found = [
        entry for entry in objects_of(entries) if amount_at(entry, "price") is not None
    ]
    found = [entry for entry in found if amount_of(entry["price"])] or found
    for kind in _BILLED:
        for entry in found:
            if text_at(entry, "currencyType").upper() == kind:
                return entry
    return found[0] if found else {}


def _currency_of(product: Mapping[str, Any], price: Mapping[str, Any]) -> str:
    """Return the currency of a product's price; its parts may name it instead."""
    if _currency(price):
        return _currency(price)
    kind = text_at(price, "currencyType").upper()
    for name in ("totalPriceBreakdown", "detailedPriceBreakdown"):
        for entry in objects_of(product.get(name)):
            if text_at(entry, "currencyType").upper() == kind and _currency(entry):
                return _currency(entry)
    return ""


def _currency(entry: Mapping[str, Any]) -> str:
    told = text_at(entry, "priceCurrency") or text_at(entry, "currency")
    return told.upper()


def _quote(product: Mapping[str, Any], code: str) -> Quote | None:
    price = _billed(product.get("totalPrice"))
    total, currency = amount_at(price, "price"), _currency_of(product, price)
    if total is None or not currency:
        return None
    weight, basis = _weight(product.get("weight"))
    delivery = product.get("deliveryCapabilities")
    return Quote(
        service=code,
        total=total,
        currency=currency,
        name=text_at(product, "productName"),
        charges=_lines(product, total, currency),
        transit_days=whole_of(at(delivery, "totalTransitDays")),
        deliver_by=_deliver_by(at(delivery, "estimatedDeliveryDateAndTime")),
        weight=weight,
        weight_basis=basis,
    )


def _lines(
    product: Mapping[str, Any], total: Decimal, currency: str
) -> tuple[Charge, ...]:
    """Return the parts of a price: line by line, or the summary without these.

    Rather what adds up: the lines can leave out what the summary has, which in turn
    can leave out all but the product.
    """
    found = []
    for name, inner in (
        ("detailedPriceBreakdown", "breakdown"),
        ("totalPriceBreakdown", "priceBreakdown"),
    ):
        entries = objects_of(product.get(name))
        for entry in entries:
            if _currency(entry) not in ("", currency):
                continue
            lines = [
                line
                for part in objects_of(entry.get(inner))
                for line in _charges(part, currency)
            ]
            if lines:
                found.append(lines)
    for lines in found:
        if sum(line.amount for line in lines) == total:
            return tuple(lines)
    return settled(found[0] if found else (), total, currency)


def _charges(part: Mapping[str, Any], currency: str) -> Iterator[Charge]:
    """Yield the charge of a line, and the tax that is in it or comes on top."""
    price = amount_at(part, "price")
    if not price:
        return
    code = text_at(part, "serviceCode") or text_at(part, "typeCode")
    words = text_at(part, "name")
    taxes = [
        (amount_at(tax, "price"), amount_at(tax, "basePrice"), tax)
        for tax in objects_at(part, "priceBreakdown")
        if text_at(tax, "priceType").upper() == "TAX"
    ]
    for tax, base, told in taxes:
        if tax:
            if base is None or base != price:
                price -= tax
            yield Charge("tax", tax, currency, text_at(told, "typeCode"), words)
    canonical = _CHARGES.get(code) or "other"
    yield Charge(canonical, price, currency, code, words)


def _charges_of(entries: Any) -> tuple[Charge, ...]:
    entry = _billed(entries)
    currency, total = _currency(entry), amount_at(entry, "price")
    if not currency:
        return ()
    lines = [
        line
        for part in objects_at(entry, "serviceBreakdown")
        for line in _charges({**part, "serviceCode": _service_code(part)}, currency)
    ]
    return tuple(lines) if total is None else settled(lines, total, currency)


def _service_code(part: Mapping[str, Any]) -> str:
    return text_at(part, "serviceCode") or text_at(part, "typeCode")


def _weight(told: Any) -> tuple[Decimal, str]:
    """Return the weight a price is based on, in kilograms, and its kind."""
    unit = "lb" if text_at(told, "unitOfMeasurement") == "imperial" else "kg"
    volumetric, actual = (
        kilograms_of(at(told, name), unit) for name in ("volumetric", "provided")
    )
    if not volumetric and not actual:
        return Decimal(0), ""
    if volumetric > actual:
        return volumetric, "volumetric"
    return actual, "actual"


def _deliver_by(told: Any) -> datetime | date | None:
    """Return when it will be there; a time without its zone gives the day only."""
    try:
        moment = datetime.fromisoformat(text_of(told).replace("Z", "+00:00"))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.date()


def _pair(
    asked: tuple[Package, ...], pieces: list[dict], master: str
) -> tuple[BookedPackage, ...]:
    """Return our packages with the pieces DHL made of them, in our order.

    :raise AnswerError: when there are not as many
    """
    numbered = {}
    for i, piece in enumerate(pieces, 1):
        position = amount_at(piece, "referenceNumber") or amount_of(piece.get("number"))
        numbered[int(position) if position else i] = piece
    if not numbered and len(asked) == 1:
        return (BookedPackage(asked[0].reference, master),)
    if sorted(numbered) != list(range(1, len(asked) + 1)):
        raise AnswerError(
            f"DHL names {len(pieces)} pieces of {master}, we sent {len(asked)}"
        )
    if len(asked) == 1:
        # The waybill is the number people know and DHL is asked with.
        only = next(iter(numbered.values()))
        piece = text_at(only, "trackingNumber")
        return (BookedPackage(asked[0].reference, master, piece),)
    paired = []
    for i, package in enumerate(asked, 1):
        piece = text_of(numbered[i].get("trackingNumber")) or text_of(
            numbered[i].get("pieceTrackingNumber")
        )
        if not piece:
            raise AnswerError(f"Piece {i} of {master} has no number")
        paired.append(BookedPackage(package.reference, piece, piece))
    return tuple(paired)


def _documents(
    tree: Any,
    pieces: list[dict],
    packages: tuple[BookedPackage, ...],
    request: ShipRequest,
) -> Iterator[Document]:
    told = [(part, 0) for part in objects_at(tree, "documents")]
    for i, piece in enumerate(pieces, 1):
        position = amount_at(piece, "referenceNumber") or i
        told += [(part, position) for part in objects_at(piece, "documents")]
    labels = [part for part, _i in told if text_at(part, "typeCode") == "label"]
    if not labels:
        # The label goes without saying.
        labels = [part for part, _i in told if not text_at(part, "typeCode")]
    for i, (part, position) in enumerate(told, 1):
        data = data_of(part.get("content"))
        code = "label" if part in labels else text_at(part, "typeCode")
        if not data:
            continue
        linked = amount_at(part, "packageReferenceNumber") or position
        if not linked and code == "label" and len(labels) == len(packages):
            linked = labels.index(part) + 1
        reference = ""
        if code != "invoice" and 0 < linked <= len(packages):
            reference = packages[int(linked) - 1].reference
        kind = _DOCUMENTS.get(code, "other")
        if kind == "label" and request.is_return:
            kind = "return_label"
        name = f"{code or 'document'}-{packages[0].tracking_number}-{i}"
        yield document_of(kind, name, data, package=reference)
