# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Chronopost through its SOAP services: QuickcostServiceWS, ShippingServiceWS and
TrackingServiceWS.

Account number and password stand in every message, as places for credentials.

A booking is not recognised when it is sent twice. It carries our reference as the
sender's, by which tracking finds its parcels (``trackWithSenderRef``); how soon it
does isn't documented, so that finding none proves nothing.

What isn't here: pickups (Chronopost takes one with a booking only, or by contract),
manifests, cash on delivery and customs declarations.

Settings: ``label_mode`` (Chronopost's own: ``SPD``, ``PPR``, ``Z2D``, ``ZPL300`` …),
``delivery_service`` (``1`` for Monday), ``ship_hour``, ``relay`` (number of the
pickup point), ``use_sub_account`` (its number is a credential), ``with_reservation``
(labels are kept and can be fetched by ``label``), ``shipping_version`` (``V4`` or
``V5``), ``customs_elsewhere`` (goods are declared by somebody else).
"""

import copy
import re
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from lxml import etree

from odoo.addons.logistics_canonical.core.calls import CallError
from odoo.addons.logistics_canonical.core.readers import ReadError
from odoo.addons.logistics_canonical.core.soap import (
    Soap,
    SoapError,
    SoapFault,
    as_parts,
    load_soap,
)

from ..core.carrier import AnswerError, CarrierAdapter, NotFoundError
from ..core.shipping import (
    Address,
    Booked,
    BookedPackage,
    BookedRef,
    Cancelled,
    Charge,
    Document,
    Package,
    Quote,
    ShipRequest,
)
from .answer_values import (
    amount_of,
    data_of,
    document_of,
    settled,
    text_of,
)
from .request_parts import (
    ACCOUNT,
    PASSWORD,
    currency_of,
    described,
    needed,
    round_up,
    shares_of,
    size_of,
    street_of,
    weight_of,
)

SUB_ACCOUNT = "{credential:sub_account}"

_WSDL = Path(__file__).parent.parent / "wsdl"
_CARRIER = "Chronopost"
_CURRENCY = "EUR"
#: Who sends: Chronopost's name for a customer's own system.
_SENDER = "CHRFR"
#: Event of a new parcel: it is announced.
_ANNOUNCED = "DC"
_LANGUAGE = "en_GB"
_NORMAL, _SATURDAY = "0", "6"
#: Of several versions of one operation we speak one and understand all: they say
#: the same in elements of other names.
_VERSIONS = {
    "calculateProducts": re.compile(r"(?:calculateProducts|quickCost)\w*Response"),
    "shippingMultiParcelV5": re.compile(r"shipping\w*Response"),
    "getReservedSkybillWithTypeAndModeAuth": re.compile(
        r"getReservedSkybill\w*Response"
    ),
}
_BOOKINGS = {"V4": "shippingMultiParcelV4", "V5": "shippingMultiParcelV5"}
_LABELS = {"PDF": "PDF", "ZPL": "Z2D", "PNG": "PDF"}

#: What products are called. QuickCost writes ``1`` for ``01``.
_PRODUCTS = {
    "00": "Chrono Retrait Bureau",
    "01": "Chrono 13",
    "02": "Chrono 10",
    "16": "Chrono 18",
    "17": "Chrono Express",
    "37": "Chrono Premium",
    "44": "Chrono Classic",
    "86": "Chrono Relais",
}


class ChronopostAdapter(CarrierAdapter):
    """Chronopost: rates, bookings, returns, cancellations and labels."""

    max_packages = 99
    required = ("service", "shipper.zip", "recipient.zip")

    # === RATES === #

    def rate_body(self, request: ShipRequest, profile) -> tuple[dict, bytes]:
        """What ``calculateProducts`` is asked with: it prices one parcel.

        :raise CallError: when the parcels differ, so that one price can't be
            multiplied
        """
        alike = {(p.weight, p.length, p.width, p.height) for p in request.packages}
        if len(alike) > 1:
            raise CallError(
                "Chronopost quotes one parcel at a time; these differ in weight or "
                "size."
            )
        package = request.packages[0]
        values = {
            "accountNumber": ACCOUNT,
            "password": PASSWORD,
            "depCountryCode": request.shipper.country,
            "depZipCode": request.shipper.zip,
            "arrCountryCode": request.recipient.country,
            "arrZipCode": request.recipient.zip,
            "arrCity": request.recipient.city or None,
            "type": "D" if request.contents == "documents" else "M",
            "weight": _weight(package),
            **_size(package),
        }
        return _ask("quickcost", "calculateProducts", values)

    def read_rate(self, tree, request: ShipRequest, response) -> tuple[Quote, ...]:
        """See :meth:`CarrierAdapter.read_<operation>`.

        Chronopost lists all its products; those that aren't offered have no price.
        """
        told = _answer("quickcost", ("calculateProducts",), tree)
        wanted = _product(request.service) if request.service else ""
        quotes = []
        products = as_parts(told.get("productList"))
        if not products and wanted and "amountTTC" in told:
            # The price of one product, which the answer doesn't name again.
            products = [{**told, "productCode": wanted}]
        for product in products:
            quote = _quote(product, len(request.packages))
            if quote and (not wanted or quote.service == wanted):
                quotes.append(quote)
        return tuple(quotes)

    # === BOOKINGS === #

    def book_body(self, request: ShipRequest, profile) -> tuple[dict, bytes]:
        """What ``shippingMultiParcel`` is asked with."""
        if not request.service:
            raise CallError("A shipment needs a product of Chronopost.")
        if request.ship_on is None:
            raise CallError("Chronopost needs the day it is handed over.")
        if request.cod:
            raise CallError("Cash on delivery isn't available with Chronopost here.")
        if (
            request.contents != "documents"
            and request.crosses_customs
            and not request.settings.get("customs_elsewhere")
        ):
            raise CallError(
                "Goods that cross a customs border can't be declared with "
                "Chronopost here."
            )
        version = request.settings.get("shipping_version") or "V4"
        if version not in _BOOKINGS:
            raise CallError(f"There is no version {version!r} of Chronopost's booking.")
        # The customer is whose contract it is.
        ours = request.recipient if request.is_return else request.shipper
        values = {
            "headerValue": {
                "accountNumber": ACCOUNT,
                "idEmit": _SENDER,
                "subAccount": (
                    SUB_ACCOUNT if request.settings.get("use_sub_account") else None
                ),
            },
            "shipperValue": [_party("shipper", request.shipper)],
            "customerValue": {**_party("customer", ours), "printAsSender": "N"},
            "recipientValue": [_party("recipient", request.recipient)],
            "refValue": [
                {
                    # What trackWithSenderRef finds it by.
                    "shipperRef": request.reference[:35],
                    "recipientRef": request.order[:35] or None,
                    "idRelais": request.settings.get("relay") or None,
                }
            ],
            "skybillValue": _skybills(request),
            "skybillParamsValue": {
                "mode": request.settings.get("label_mode")
                or _LABELS.get(request.label_format, "PDF"),
                "withReservation": (
                    "1" if request.settings.get("with_reservation") else "0"
                ),
            },
            "password": PASSWORD,
            # The label comes with the answer.
            "modeRetour": "1",
            "numberOfParcel": str(len(request.packages)),
            "version": "2.0",
            "multiParcel": "Y" if len(request.packages) > 1 else "N",
        }
        return _ask("shipping", _BOOKINGS[version], values)

    def return_body(self, request: ShipRequest, profile) -> tuple[dict, bytes]:
        """What a parcel from the customer is booked with.

        Whether a product may be used for it is a matter of the contract.
        """
        return self.book_body(replace(request, is_return=True), profile)

    def read_book(self, tree, request: ShipRequest, response) -> Booked:
        """See :meth:`CarrierAdapter.read_<operation>`.

        :raise AnswerError: when there are not as many numbers as parcels
        """
        told = _answer("shipping", tuple(_BOOKINGS.values()), tree)
        # Operations for one parcel say all of it in one place.
        results = as_parts(told.get("resultMultiParcelValue")) or [told]
        numbers = [text_of(result.get("skybillNumber")) for result in results]
        if not all(numbers) or len(numbers) != len(request.packages):
            named = ", ".join(filter(None, numbers)) or "none"
            raise AnswerError(
                f"Chronopost gave {named} for {len(request.packages)} parcels"
            )
        kind = "return_label" if request.is_return else "label"
        packages = tuple(
            BookedPackage(package.reference, number, number)
            for package, number in zip(request.packages, numbers, strict=True)
        )
        documents = tuple(
            document_of(
                kind, f"label-{booked.tracking_number}", data, package=booked.reference
            )
            for booked, result in zip(packages, results, strict=True)
            if (data := data_of(result.get("pdfEtiquette")))
        )
        return Booked(
            partner_id=text_of(told.get("reservationNumber")) or numbers[0],
            number=numbers[0],
            packages=packages,
            documents=documents,
        )

    def read_return(self, tree, request: ShipRequest, response) -> Booked:
        """See :meth:`read_book`; its labels are return labels."""
        return self.read_book(tree, replace(request, is_return=True), response)

    # === LOOKUP === #

    def find_body(self, request: ShipRequest, profile) -> tuple[dict, bytes]:
        """What ``trackWithSenderRef`` is asked with."""
        values = {
            "accountNumber": ACCOUNT,
            "password": PASSWORD,
            "language": _LANGUAGE,
            "sendersRef": request.reference[:35],
        }
        return _ask("tracking", "trackWithSenderRef", values)

    def read_find(self, tree, request: ShipRequest, response) -> Booked:
        """See :meth:`CarrierAdapter.read_<operation>`. Labels aren't in it.

        :raise AnswerError: when it isn't clear which parcel is which
        """
        told = _answer("tracking", ("trackWithSenderRef",), tree, missing="2")
        numbers = [
            text_of(parcel.get("skybillNumber"))
            for parcel in as_parts(told.get("listParcel"))
        ]
        numbers = list(dict.fromkeys(filter(None, numbers)))
        if not numbers:
            raise NotFoundError()
        if len(numbers) > 1 or len(request.packages) > 1:
            raise AnswerError(
                "Chronopost doesn't tell which parcel is which: " + ", ".join(numbers),
                error_class="rejected",
            )
        (number,) = numbers
        return Booked(
            partner_id=number,
            number=number,
            packages=(BookedPackage(request.packages[0].reference, number, number),),
        )

    # === AFTER THE BOOKING === #

    def cancel_body(self, request: BookedRef, profile) -> tuple[dict, bytes]:
        """What ``cancelSkybill`` is asked with: it cancels one parcel.

        :raise CallError: when there are several, so that none is forgotten
        """
        numbers = [number for _key, number in request.parcels if number]
        numbers = numbers or [request.number or request.partner_id]
        if len(numbers) > 1:
            raise CallError("Chronopost cancels parcel by parcel: one at a time.")
        if not numbers[0]:
            raise CallError("There is no parcel number to cancel.")
        values = {
            "accountNumber": ACCOUNT,
            "password": PASSWORD,
            "language": _LANGUAGE,
            "skybillNumber": numbers[0],
        }
        return _ask("tracking", "cancelSkybill", values)

    def read_cancel(self, tree, request: BookedRef, response) -> Cancelled:
        """See :meth:`CarrierAdapter.read_<operation>`. A parcel that is in the
        network already is refused (3)."""
        told = _answer("tracking", ("cancelSkybill",), tree)
        return Cancelled("done", text_of(told.get("errorMessage")))

    def label_body(self, request: BookedRef, profile) -> tuple[dict, bytes]:
        """What ``getReservedSkybillWithTypeAndModeAuth`` is asked with: labels of a
        booking made with a reservation."""
        values = {
            "accountNumber": ACCOUNT,
            "numberSearch": request.partner_id or request.number,
            "mode": request.settings.get("label_mode")
            or _LABELS.get(request.settings.get("label_format"), "PDF"),
            "password": PASSWORD,
        }
        return _ask("shipping", "getReservedSkybillWithTypeAndModeAuth", values)

    def read_label(self, tree, request: BookedRef, response) -> tuple[Document, ...]:
        """See :meth:`CarrierAdapter.read_<operation>`."""
        told = _answer("shipping", ("getReservedSkybillWithTypeAndModeAuth",), tree)
        data = data_of(told.get("skybill"))
        if not data:
            raise AnswerError("The answer holds no label")
        return (
            document_of("label", f"label-{request.number or request.partner_id}", data),
        )


# === WRITING === #


def _service(name: str) -> Soap:
    return load_soap(_WSDL / f"chronopost_{name}.wsdl")


def _ask(service: str, operation: str, values: Mapping[str, Any]) -> tuple[dict, bytes]:
    try:
        body, headers = _service(service).envelope(operation, **values)
    except SoapError as error:
        raise CallError(str(error)) from error
    return {
        "content_type": headers["Content-Type"],
        "soap_action": headers["SOAPAction"],
    }, body


def _product(code: str) -> str:
    """Return a product code as bookings write it: of two characters."""
    return code.zfill(2)


def _weight(package: Package) -> str:
    return f"{round_up(weight_of(package), 2):f}"


def _size(package: Package) -> dict[str, str]:
    """Return the measures in centimetres, all or none."""
    return {name: f"{round_up(side, 0):f}" for name, side in size_of(package).items()}


def _party(prefix: str, address: Address) -> dict[str, Any]:
    lines = street_of(address, 38, 2)
    firm = address.company or address.name
    parts = {
        "Adress1": lines[0],
        "Adress2": lines[1] if len(lines) > 1 else None,
        "City": needed(address.city, "the city", address, _CARRIER)[:50],
        "ContactName": (address.name or firm)[:100],
        "Country": address.country,
        "Email": address.email if len(address.email) <= 80 else None,
        "MobilePhone": address.phone[:17] or None,
        "Name": needed(firm, "a name", address, _CARRIER)[:100],
        "Name2": (address.name[:100] if address.company else None) or None,
        "Phone": address.phone[:17] or None,
        # Nobody gets a message from Chronopost unless the contract says so.
        "PreAlert": "0",
        "ZipCode": needed(address.zip, "the ZIP code", address, _CARRIER)[:9],
    }
    if prefix != "recipient":
        # The contract knows forms of address, we don't.
        parts["Civility"] = "M"
    return {f"{prefix}{name}": value or None for name, value in parts.items()}


def _skybills(request: ShipRequest) -> list[dict[str, Any]]:
    service = request.settings.get("delivery_service") or _NORMAL
    for option in request.options:
        if option != "saturday_delivery":
            raise CallError(f"Chronopost doesn't offer {option!r} here.")
        service = _SATURDAY
    insured = _insured(request)
    hour = str(request.settings.get("ship_hour", 12))
    if not hour.isdecimal() or int(hour) > 23:
        raise CallError("The hour a parcel is handed over is between 0 and 23.")
    return [
        {
            "bulkNumber": str(len(request.packages)),
            "evtCode": _ANNOUNCED,
            "objectType": "DOC" if request.contents == "documents" else "MAR",
            "productCode": _product(request.service),
            "service": service,
            "shipDate": f"{request.ship_on.isoformat()}T{hour:0>2}:00:00",
            "shipHour": hour,
            "skybillRank": str(position),
            "weight": _weight(package),
            "weightUnit": "KGM",
            # Cents.
            "insuredValue": str(cents) if cents else None,
            "insuredCurrency": _CURRENCY if cents else None,
            "content1": described(package.commodities)[:45] or None,
            **_size(package),
        }
        for position, (package, cents) in enumerate(
            zip(request.packages, insured, strict=True), 1
        )
    ]


def _insured(request: ShipRequest) -> list[int]:
    """Return in cents what each parcel is insured for."""
    if request.insured and currency_of(request) != _CURRENCY:
        raise CallError("Chronopost insures in EUR only.")
    return [int(share * 100) for share in shares_of(request)]


# === READING === #


def _answer(
    service: str, operations: tuple[str, ...], tree: Any, missing: str = ""
) -> Mapping[str, Any]:
    """Return what the answer to one of the operations says.

    :param missing: the code that says that nothing was found
    :raise AnswerError: when it is an error, or no answer at all
    """
    if not isinstance(tree, etree._Element):
        raise AnswerError("The answer is no SOAP message")
    told = _taken(service, operations, tree).get("return")
    if not isinstance(told, Mapping):
        raise AnswerError("The answer says nothing")
    code = text_of(told.get("errorCode"))
    words = text_of(told.get("errorMessage"))
    if not code:
        raise AnswerError("The answer tells neither success nor failure")
    if code != "0":
        if missing and code == missing:
            raise NotFoundError(words or "Chronopost has no such parcel", code)
        # A failure of its own (1) leaves open what was done before.
        raise AnswerError(
            words or f"Chronopost refused it ({code})",
            code,
            "transient" if code == "1" else "rejected",
        )
    return told


def _taken(service: str, operations: tuple[str, ...], tree: etree._Element):
    soap = _service(service)
    try:
        for operation in operations[:-1]:
            try:
                return soap.take(operation, tree)
            except ReadError:
                continue
        return soap.take(operations[-1], _as_ours(operations[-1], tree))
    except SoapFault as fault:
        error_class = "rejected" if fault.is_ours else "transient"
        raise AnswerError(str(fault), fault.code, error_class) from fault


def _as_ours(operation: str, tree: etree._Element) -> etree._Element:
    """Return an answer to another version of what we asked as one to ours."""
    pattern, name = _VERSIONS.get(operation), f"{operation}Response"
    if not pattern:
        return tree
    tree = copy.deepcopy(tree)
    for part in tree.iterfind("./{*}Body/{*}*"):
        named = etree.QName(part)
        if named.localname != name and pattern.fullmatch(named.localname):
            part.tag = f"{{{named.namespace}}}{name}" if named.namespace else name
    return tree


def _quote(product: Mapping[str, Any], count: int) -> Quote | None:
    code = text_of(product.get("productCode"))
    net, tax, total = (
        amount_of(product.get(name)) or Decimal(0)
        for name in ("amount", "amountTVA", "amountTTC")
    )
    total = total or net + tax
    if not code or total <= 0:
        return None
    code = _product(code)
    total *= count
    charges = [Charge("freight", net * count, _CURRENCY, "amount")] if net else []
    if tax:
        charges.append(Charge("tax", tax * count, _CURRENCY, "amountTVA", "TVA"))
    return Quote(
        service=code,
        total=total,
        currency=_CURRENCY,
        name=text_of(product.get("productLabel")) or _PRODUCTS.get(code, ""),
        charges=settled(charges, total, _CURRENCY),
    )
