# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""UPS over its REST API, release v2409.

The rules are those of the files Rating, Shipping (with void and label recovery) and
Pickup of UPS's own API description (github.com/UPS-API/api-documentation), its
appendix (accessorial codes, COD by country) and its list of void and label recovery
errors.

* Weights and lengths are pounds and inches where UPS measures so (origin in the USA
  or Puerto Rico), else kilograms and centimetres; conversion is exact and rounding
  always upwards.
* A shipment within the USA or within Puerto Rico carries our reference on its
  packages, every other one on the shipment: UPS accepts it nowhere else.
* UPS makes no PDF when it books. Whoever wants one gets a GIF, and the PDF from the
  operation ``label``.
* UPS doesn't promise that a booking can be found by its reference before it is
  processed, nor that every service keeps its label: finding nothing proves nothing.
  What became of a void is asked of label recovery, which knows voided shipments.

``settings`` it knows: ``pickup_type`` (``01``), ``packaging`` (``02``),
``return_code`` (``9``, a label printed by us), ``cod_funds``, ``label_format``,
``pickup_service``, ``pickup_country``, ``zone``.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from odoo.addons.logistics_canonical.core.adapter import Response, Result
from odoo.addons.logistics_canonical.core.calls import CallError

from ..core.carrier import AnswerError
from ..core.shipping import (
    Address,
    Booked,
    BookedPackage,
    BookedRef,
    Cancelled,
    Charge,
    Document,
    PickupBooked,
    PickupRequest,
    Quote,
    ShipRequest,
)
from .integrators import (
    ACCOUNT,
    JsonCarrier,
    bytes_of,
    charge,
    crosses_customs,
    currency_of,
    digits,
    document,
    filled,
    gateway_errors,
    get,
    goods_value,
    insured_parts,
    kilograms,
    local_time,
    number,
    package_weight,
    required,
    rounded_up,
    street_lines,
)
from .plain import (
    INCH,
    KILOGRAMS,
    REST,
    objects_of as each,
    settled,
    text_of as text,
)

#: Accessorial codes of the appendix. What isn't here stays ``other``.
_CHARGES = {
    "100": "oversize",
    "110": "cash_on_delivery",
    "120": "signature",
    "121": "signature",
    "190": "remote_area",
    "250": "return",
    "260": "return",
    "270": "residential",
    "280": "return",
    "290": "return",
    "300": "saturday",
    "350": "return",
    "374": "customs",
    "375": "fuel",
    "376": "remote_area",
    "377": "oversize",
    "378": "customs",
    "379": "customs",
    "400": "insurance",
    "401": "oversize",
    "405": "pickup",
    "406": "toll",
    "407": "remote_area",
    "430": "peak",
    "431": "peak",
    "432": "peak",
    # Not in the appendix; its sub-types are Surge_Fee_Commercial and _Residential.
    "434": "peak",
    "440": "oversize",
    "445": "customs",
    "464": "return",
    "500": "cash_on_delivery",
    "520": "oversize",
    "530": "remote_area",
    "531": "remote_area",
    "543": "cash_on_delivery",
    "551": "customs",
    "558": "oversize",
    "BaseServiceCharge": "freight",
    "TransportationCharges": "freight",
    "TotalCharge": "freight",
}
#: What a collection is charged for. A is an accessorial, which can be anything.
_PICKUP_CHARGES = {"B": "pickup", "T": "tax"}

#: Where UPS wants pounds and inches.
_IMPERIAL = frozenset(("US", "PR"))
#: Where a package, not the shipment, is signed and paid for.
_BY_PACKAGE = frozenset(("US", "PR", "CA"))
#: How cash is collected on a package, by the country of delivery.
_COD_FUNDS = {
    "AR": "9",
    "BR": "9",
    "CL": "9",
    "CA": "0",
    "MX": "0",
    "PR": "0",
    "US": "0",
}
_STATES = frozenset(("US", "PR", "CA", "MX", "IE", "AU", "IN", "CN"))

_REASONS = {
    "merchandise": "SALE",
    "gift": "GIFT",
    "sample": "SAMPLE",
    "return": "RETURN",
    "documents": "SALE",
}
#: The sentence tells; its code has meant other things in other releases.
_VOIDED_BEFORE = re.compile(r"already\s+(been\s+)?voided", re.IGNORECASE)
#: What label recovery says of a voided shipment, in REST and before.
_VOIDED = frozenset(("9801040", "300033"))
#: UPS fits pictures to a browser and takes this one when none is named.
_AGENT = "Mozilla/4.5"


class UpsAdapter(JsonCarrier):
    """See the module."""

    max_packages = 50

    def errors(self, tree: Any) -> Iterator[tuple[str, str]]:
        """See :meth:`JsonCarrier.errors`."""
        for error in (
            *each(get(tree, "response", "errors")),
            *each(get(tree, "errors")),
        ):
            yield text(error.get("code")), text(error.get("message"))
        # The shape of the older releases, which gateways still use.
        details = each(get(tree, "Fault", "detail", "Errors", "ErrorDetail"))
        for detail in details:
            error = get(detail, "PrimaryErrorCode")
            yield text(get(error, "Code")), text(get(error, "Description"))
        if not details and not get(tree, "response") and not get(tree, "errors"):
            yield from gateway_errors(tree)
        # A refusal in the form of an answer.
        for answer in each(list(tree.values()) if isinstance(tree, dict) else None):
            told = get(answer, "Response")
            status = get(told, "ResponseStatus", "Code")
            if text(status or get(told, "ResponseStatusCode")) != "0":
                continue
            errors = each(get(told, "Error")) or each(get(told, "Alert"))
            for error in errors:
                code = text(error.get("ErrorCode")) or text(error.get("Code"))
                words = text(error.get("ErrorDescription"))
                yield code, words or text(error.get("Description"))
            if not errors:
                words = get(told, "ResponseStatus", "Description")
                yield "", text(words or get(told, "ResponseStatusDescription"))

    def parse_response(
        self,
        operation: str,
        response: Response,
        profile,
        request: Mapping[str, Any] | None = None,
    ) -> Result:
        """See :meth:`JsonCarrier.parse_response`.

        That a shipment was voided before is what a repeated void wants to hear.
        """
        result = super().parse_response(operation, response, profile, request)
        if operation == "cancel":
            for problem in result.parsed.problems:
                if _VOIDED_BEFORE.search(problem.text):
                    return Result(data={"value": Cancelled("already", problem.text)})
        return result

    def parse_lookup(
        self,
        operation: str,
        response: Response,
        profile,
        request: Mapping[str, Any] | None = None,
    ) -> tuple[str, Result]:
        """See :meth:`Adapter.parse_lookup`.

        Whether a shipment was voided is asked by recovering its label: a label
        shows that it wasn't.
        """
        outcome, result = super().parse_lookup(operation, response, profile, request)
        if operation != "cancel":
            return outcome, result
        if outcome == "found":
            return "absent", Result()
        for problem in result.parsed.problems:
            if problem.code in _VOIDED:
                value = Cancelled("done", problem.text)
                return "found", Result(data={"value": value})
        return "failed", result

    # === RATE === #

    def rate_body(self, request: ShipRequest, profile):
        """Ask for the price of one service, or of all when none is named."""
        option = "Rate" if request.service else "Shop"
        shipment = self._shipment(request, rating=True)
        if request.ship_on:
            option += "timeintransit"
            shipment["DeliveryTimeInformation"] = {
                "PackageBillType": "02" if request.contents == "documents" else "03",
                "Pickup": {"Date": _date(request.ship_on)},
            }
            shipment["ShipmentTotalWeight"] = _weight(
                sum((part.weight for part in request.packages), Decimal(0)), request
            )
        body = {
            "RateRequest": {
                "Request": _request(request.reference),
                "PickupType": {"Code": request.settings.get("pickup_type", "01")},
                "Shipment": shipment,
            }
        }
        values = {"reference": request.reference[:32], "request_option": option}
        return values, filled(body)

    def read_rate(self, tree: Any, request: ShipRequest, response: Response):
        """Return the quotes; services UPS names no price for are left out."""
        self._refuse(tree)
        quotes: dict[str, list[tuple[bool, Quote]]] = {}
        for rated in each(get(tree, "RateResponse", "RatedShipment")):
            quote = _quote(rated)
            if quote:
                summary = get(rated, "TimeInTransit", "ServiceSummary")
                saturday = text(get(summary, "SaturdayDelivery")) == "1"
                quotes.setdefault(quote.service, []).append((saturday, quote))
        if not quotes:
            raise AnswerError(
                "UPS names no service with a price.", error_class="rejected"
            )
        # UPS prices a delivery on Saturday as a second offer of the same service.
        wanted = "saturday_delivery" in request.options
        return tuple(
            next(
                (quote for saturday, quote in offers if saturday == wanted),
                offers[0][1],
            )
            for offers in quotes.values()
        )

    # === BOOK === #

    def book_body(self, request: ShipRequest, profile):
        """Book a shipment, without a correction of its address by UPS."""
        if not request.service:
            raise CallError("A shipment needs a UPS service.")
        if len(request.packages) > self.max_packages:
            raise CallError(f"UPS takes at most {self.max_packages} packages at once.")
        body = {
            "ShipmentRequest": {
                "Request": {
                    "RequestOption": "nonvalidate",
                    # From 2205 on UPS lists what its charges are for.
                    "SubVersion": "2205",
                    **_request(request.reference),
                },
                "Shipment": self._shipment(request, rating=False),
                "LabelSpecification": _label(request.label_format, booking=True),
            }
        }
        return {"reference": request.reference[:32]}, filled(body)

    def read_book(self, tree: Any, request: ShipRequest, response: Response) -> Booked:
        """Return what was booked. A label that can't be read is left out: the
        operation ``label`` brings it again, the booking stands."""
        self._refuse(tree)
        results = get(tree, "ShipmentResponse", "ShipmentResults")
        parcels = each(get(results, "PackageResults"))
        numbers = _numbers(parcels, request)
        negotiated = get(results, "NegotiatedRateCharges")
        if number(get(negotiated, "TotalCharge", "MonetaryValue")) is None:
            negotiated = None
        lines = [_package_charges(parcel, negotiated is not None) for parcel in parcels]
        price = _price(
            negotiated or get(results, "ShipmentCharges"),
            [line for part in lines for line in part],
            _currency(negotiated, get(results, "ShipmentCharges")),
        )
        kind = "return_label" if request.is_return else "label"
        documents = []
        for parcel, tracking, package in zip(
            parcels, numbers, request.packages, strict=True
        ):
            data = bytes_of(get(parcel, "ShippingLabel", "GraphicImage"))
            if data:
                documents.append(
                    document(kind, tracking, data, package=package.reference)
                )
        documents += _papers(results, numbers[0])
        return Booked(
            partner_id=text(get(results, "ShipmentIdentificationNumber")) or numbers[0],
            packages=tuple(
                BookedPackage(
                    package.reference, tracking, tracking, tuple(part), **weight
                )
                for package, tracking, part, weight in zip(
                    request.packages,
                    numbers,
                    lines,
                    _billed(parcels, results),
                    strict=True,
                )
            ),
            number=numbers[0],
            documents=tuple(documents),
            charges=price[2] if price else (),
        )

    def return_body(self, request: ShipRequest, profile):
        """Book a return; the shipper is who sends the goods back to us."""
        return self.book_body(_as_return(request), profile)

    def read_return(
        self, tree: Any, request: ShipRequest, response: Response
    ) -> Booked:
        """See :meth:`read_book`."""
        return self.read_book(tree, _as_return(request), response)

    # === FIND AND LABEL === #

    def find_body(self, request: ShipRequest, profile):
        """Recover the labels of a booking by our reference."""
        body = {
            "LabelRecoveryRequest": {
                "Request": {"SubVersion": "1903", **_request(request.reference)},
                "LabelSpecification": _label(request.label_format, booking=False),
                "ReferenceValues": {
                    "ReferenceNumber": {"Value": request.reference},
                    "ShipperNumber": ACCOUNT,
                },
            }
        }
        return {"reference": request.reference[:32]}, filled(body)

    def read_find(self, tree: Any, request: ShipRequest, response: Response) -> Booked:
        """Return the booking without its price, which UPS doesn't tell again."""
        self._refuse(tree)
        answer = get(tree, "LabelRecoveryResponse")
        if each(get(answer, "TrackingCandidate")):
            raise AnswerError(
                f"UPS has several shipments with the reference {request.reference}."
            )
        parcels = each(get(answer, "LabelResults"))
        numbers = _numbers(parcels, request)
        kind = "return_label" if request.is_return else "label"
        documents = []
        for parcel, tracking, package in zip(
            parcels, numbers, request.packages, strict=True
        ):
            data = bytes_of(get(parcel, "LabelImage", "GraphicImage"))
            if data:
                documents.append(
                    document(kind, tracking, data, package=package.reference)
                )
        documents += _papers(answer, numbers[0])
        return Booked(
            partner_id=text(get(answer, "ShipmentIdentificationNumber")) or numbers[0],
            packages=tuple(
                BookedPackage(package.reference, tracking, tracking)
                for package, tracking in zip(request.packages, numbers, strict=True)
            ),
            number=numbers[0],
            documents=tuple(documents),
        )

    def label_body(self, request: BookedRef, profile):
        """Recover the labels of a shipment by its tracking number."""
        tracking = _shipment_number(request)
        body = {
            "LabelRecoveryRequest": {
                "Request": {"SubVersion": "1903", **_request(request.reference)},
                "LabelSpecification": _label(
                    request.settings.get("label_format", "PDF"), booking=False
                ),
                "TrackingNumber": tracking,
            }
        }
        return {"reference": request.reference[:32]}, filled(body)

    def read_label(
        self, tree: Any, request: BookedRef, response: Response
    ) -> tuple[Document, ...]:
        """Return the labels, each named after its tracking number."""
        self._refuse(tree)
        answer = get(tree, "LabelRecoveryResponse")
        documents = []
        for parcel in each(get(answer, "LabelResults")):
            data = bytes_of(get(parcel, "LabelImage", "GraphicImage"))
            tracking = text(get(parcel, "TrackingNumber")) or _shipment_number(request)
            if data:
                documents.append(document("label", tracking, data))
        if not documents:
            raise AnswerError("UPS sent no label.")
        return (*documents, *_papers(answer, _shipment_number(request)))

    # === CANCEL === #

    def cancel_body(self, request: BookedRef, profile):
        """Void a whole shipment."""
        values = {
            "reference": request.reference[:32],
            "shipment": _shipment_number(request),
        }
        return values, None

    def read_cancel(
        self, tree: Any, request: BookedRef, response: Response
    ) -> Cancelled:
        """Return that all was voided.

        :raise AnswerError: when UPS voided some or none of the packages
        """
        self._refuse(tree)
        answer = get(tree, "VoidShipmentResponse")
        parcels = each(
            get(answer, "PackageLevelResults") or get(answer, "PackageLevelResult")
        )
        kept = [
            text(get(parcel, "TrackingNumber"))
            for parcel in parcels
            if text(get(parcel, "Status", "Code")) != "1"
        ]
        status = get(answer, "SummaryResult", "Status")
        words = text(get(status, "Description"))
        if kept:
            raise AnswerError(
                f"UPS voided {len(parcels) - len(kept)} of {len(parcels)} packages. "
                f"Not voided: {', '.join(kept)}.",
                error_class="rejected",
            )
        if text(get(status, "Code")) != "1":
            raise AnswerError(
                f"UPS didn't void the shipment: {words or 'it gives no reason'}.",
                error_class="rejected",
            )
        alerts = [
            text(alert.get("Description"))
            for alert in each(get(answer, "Response", "Alert"))
        ]
        return Cancelled("done", "; ".join(filter(None, alerts)) or words)

    # === PICKUP === #

    def pickup_body(self, request: PickupRequest, profile):
        """Order a collection, by the clock of the place of collection."""
        address = request.address
        zone = str(request.settings.get("zone", ""))
        ready = local_time(request.ready_at, address, zone)
        close = local_time(request.close_at, address, zone)
        if ready.date() != close.date():
            raise CallError("A collection begins and ends on the same day.")
        imperial = address.country in _IMPERIAL
        each_weight = request.weight / max(request.parcels, 1)
        body = {
            "PickupCreationRequest": {
                "RatePickupIndicator": "Y",
                "Shipper": {
                    "Account": {
                        "AccountNumber": ACCOUNT,
                        "AccountCountryCode": address.country,
                    }
                },
                "PickupDateInfo": {
                    "CloseTime": f"{close:%H%M}",
                    "ReadyTime": f"{ready:%H%M}",
                    "PickupDate": _date(ready.date()),
                },
                "PickupAddress": {
                    "CompanyName": (address.company or address.name)[:27],
                    "ContactName": (address.name or address.company)[:22],
                    "AddressLine": street_lines(address, 73, 1)[0],
                    "City": address.city,
                    "StateProvince": address.state,
                    "PostalCode": address.zip,
                    "CountryCode": address.country,
                    "ResidentialIndicator": "Y" if address.residential else "N",
                    "Phone": {
                        "Number": _phone(
                            required(address.phone, "a phone number", address, "UPS")
                        )
                    },
                },
                "AlternateAddressIndicator": "Y",
                "PickupPiece": _pieces(request),
                "TotalWeight": {
                    "Weight": digits(_measured_weight(request.weight, imperial)),
                    "UnitOfMeasurement": "LBS" if imperial else "KGS",
                }
                if request.weight
                else None,
                # Heavier than 70 lbs or 32 kg, on the average: more isn't known.
                "OverweightIndicator": "Y" if each_weight > 32 else "N",
                "PaymentMethod": "01",
                "SpecialInstruction": request.instructions[:57],
                "ReferenceNumber": request.reference[:35],
            }
        }
        return {"reference": request.reference[:32]}, filled(body)

    def read_pickup(
        self, tree: Any, request: PickupRequest, response: Response
    ) -> PickupBooked:
        """Return the pickup request number and the price."""
        self._refuse(tree)
        answer = get(tree, "PickupCreationResponse")
        confirmation = text(get(answer, "PRN"))
        if not confirmation:
            raise AnswerError("UPS gave the collection no number.")
        rate = get(answer, "RateResult")
        currency = text(get(rate, "CurrencyCode"))
        lines = []
        for line in each(get(rate, "ChargeDetail")):
            code, words = (
                text(line.get("ChargeCode")),
                text(line.get("ChargeDescription")),
            )
            lines.append(
                charge(_PICKUP_CHARGES, code, line.get("ChargeAmount"), currency, words)
            )
        return PickupBooked(confirmation, tuple(filter(None, lines)))

    def pickup_cancel_body(self, request: PickupRequest, profile):
        """Cancel a collection by its number."""
        if not request.confirmation:
            raise CallError("A collection is cancelled by its confirmation number.")
        values = {
            "reference": request.reference[:32],
            "confirmation": request.confirmation,
        }
        return values, None

    def read_pickup_cancel(
        self, tree: Any, request: PickupRequest, response: Response
    ) -> Cancelled:
        """Return that the collection is cancelled."""
        self._refuse(tree)
        status = get(tree, "PickupCancelResponse", "Response", "ResponseStatus")
        if text(get(status, "Code")) != "1":
            raise AnswerError(
                text(get(status, "Description")) or "UPS didn't cancel the collection.",
                error_class="rejected",
            )
        return Cancelled("done")

    # === PARTS === #

    def _refuse(self, tree):
        """Raise what an answer with a good HTTP status holds of errors."""
        for code, words in self.errors(tree):
            raise AnswerError(words or code or "UPS refused it", code, "rejected")

    def _shipment(self, request, *, rating):
        """Return the Shipment of a price or a booking."""
        owner = request.recipient if request.is_return else request.shipper
        charges = [{"Type": "01", "BillShipper": {"AccountNumber": ACCOUNT}}]
        if request.incoterm.upper() == "DDP":
            charges.append({"Type": "02", "BillShipper": {"AccountNumber": ACCOUNT}})
        references = [{"Value": request.reference}]
        if request.order:
            references.append({"Code": "PO", "Value": request.order[:35]})
        pair = (request.shipper.country, request.recipient.country)
        on_package = pair in (("US", "US"), ("PR", "PR"))
        shipment = {
            "Description": _contents(request)[:50],
            "Shipper": {**_party(owner), "ShipperNumber": ACCOUNT},
            "ShipTo": _party(request.recipient, residential=True),
            "ShipFrom": _party(request.shipper),
            "Service": {"Code": request.service},
            "ShipmentRatingOptions": {"NegotiatedRatesIndicator": "Y"},
            "TaxInformationIndicator": "Y",
            "ShipmentServiceOptions": self._options(request, rating=rating),
        }
        payment = "PaymentDetails" if rating else "PaymentInformation"
        shipment[payment] = {"ShipmentCharge": charges}
        if not rating and not on_package:
            shipment["ReferenceNumber"] = references
        if request.is_return:
            code = request.settings.get("return_code", "9")
            shipment["ReturnService"] = {"Code": str(code)}
        value = goods_value(request)
        to_value = rating or (pair[0] == "US" and pair[1] in ("CA", "PR"))
        if value and pair[0] != pair[1] and to_value and not request.is_return:
            shipment["InvoiceLineTotal"] = {
                "CurrencyCode": currency_of(request),
                # UPS takes whole units here.
                "MonetaryValue": digits(rounded_up(value, 0)),
            }
        insured = insured_parts(request) if request.insured else None
        shipment["Package"] = [
            self._package(
                request,
                package,
                insured[index] if insured else Decimal(0),
                references if on_package and not rating else (),
                rating=rating,
            )
            for index, package in enumerate(request.packages)
        ]
        return shipment

    def _package(self, request, package, insured, references, *, rating):
        imperial = request.shipper.country in _IMPERIAL
        sides = (package.length, package.width, package.height)
        code = package.packaging or request.settings.get("packaging", "02")
        options = {}
        if insured:
            options["DeclaredValue"] = {
                "CurrencyCode": currency_of(request),
                "MonetaryValue": digits(insured),
            }
        if _signed_by_package(request):
            # The codes of packages and of shipments are numbered differently.
            options["DeliveryConfirmation"] = _confirmation(request, "2", "3")
        if request.cod and request.recipient.country in _COD_FUNDS:
            if len(request.packages) > 1:
                raise CallError("UPS collects cash for each package, not for several.")
            options["COD"] = _cod(request, _COD_FUNDS[request.recipient.country])
        return {
            "Description": _contents(request)[:35],
            "PackagingType" if rating else "Packaging": {"Code": code},
            "Dimensions": {
                "UnitOfMeasurement": {"Code": "IN" if imperial else "CM"},
                "Length": _side(sides[0], imperial),
                "Width": _side(sides[1], imperial),
                "Height": _side(sides[2], imperial),
            }
            if all(sides)
            else None,
            "PackageWeight": _weight(package_weight(package), request),
            "ReferenceNumber": list(references),
            "PackageServiceOptions": options,
        }

    def _options(self, request, *, rating):
        """Return the ShipmentServiceOptions.

        :raise CallError: for an option UPS doesn't have, or that it needs more for
            than a request says
        """
        refused = set(request.options) & {"evening_delivery", "dangerous_goods"}
        if refused:
            what = min(refused).replace("_", " ")
            raise CallError(f"UPS can't be asked for {what} from here.")
        options: dict[str, Any] = {}
        if "saturday_delivery" in request.options:
            options["SaturdayDeliveryIndicator"] = "Y"
        if "carbon_neutral" in request.options:
            options["UPScarbonneutralIndicator"] = "Y"
        if "no_neighbour" in request.options:
            options["DirectDeliveryOnlyIndicator"] = "Y"
        if not _signed_by_package(request):
            options["DeliveryConfirmation"] = _confirmation(request, "1", "2")
        if request.cod and request.recipient.country not in _COD_FUNDS:
            options["COD"] = _cod(request, "1")
        if not rating and request.contents != "documents" and crosses_customs(request):
            options["InternationalForms"] = _invoice(request)
        return options


# === WHAT IS ASKED === #


def _as_return(request):
    return replace(request, is_return=True)


def _request(reference):
    return {"TransactionReference": {"CustomerContext": reference}}


def _date(day: date) -> str:
    return f"{day:%Y%m%d}"


def _phone(phone: str) -> str:
    return re.sub(r"\D", "", phone)[-15:]


def _party(address: Address, *, residential: bool = False) -> dict[str, Any]:
    return {
        "Name": (address.company or address.name)[:35],
        "AttentionName": (address.name or address.company)[:35],
        "TaxIdentificationNumber": (address.vat or address.eori)[:15],
        "Phone": {"Number": _phone(address.phone)},
        "EMailAddress": address.email if len(address.email) <= 50 else "",
        "Address": {
            "AddressLine": street_lines(address, 35, 3),
            "City": address.city[:30],
            "StateProvinceCode": address.state if address.country in _STATES else "",
            "PostalCode": address.zip,
            "CountryCode": address.country,
            "ResidentialAddressIndicator": "Y"
            if residential and address.residential
            else "",
        },
    }


def _measured_weight(weight, imperial):
    return rounded_up(weight / KILOGRAMS["lb"] if imperial else weight, 1)


def _weight(weight, request):
    imperial = request.shipper.country in _IMPERIAL
    return {
        "UnitOfMeasurement": {"Code": "LBS" if imperial else "KGS"},
        "Weight": digits(_measured_weight(weight, imperial)),
    }


def _side(length, imperial):
    return digits(rounded_up(length / INCH if imperial else length, 2))


def _contents(request):
    descriptions = dict.fromkeys(
        part.description.strip()
        for package in request.packages
        for part in package.commodities
    )
    return ", ".join(filter(None, descriptions)) or request.contents.capitalize()


def _signed_by_package(request):
    return {request.shipper.country, request.recipient.country} <= _BY_PACKAGE


def _confirmation(request, signature, adult):
    if "adult_signature" in request.options:
        return {"DCISType": adult}
    return {"DCISType": signature} if "signature" in request.options else None


def _cod(request, funds):
    return {
        "CODFundsCode": str(request.settings.get("cod_funds", funds)),
        "CODAmount": {
            "CurrencyCode": currency_of(request),
            "MonetaryValue": digits(request.cod),
        },
    }


def _label(label_format, *, booking):
    """Return a LabelSpecification. Stock has a size only for thermal printers."""
    if label_format.upper() == "ZPL":
        return {
            "LabelImageFormat": {"Code": "ZPL"},
            "LabelStockSize": {"Height": "6", "Width": "4"},
        }
    if label_format.upper() == "PDF" and not booking:
        return {"LabelImageFormat": {"Code": "PDF"}}
    return {"LabelImageFormat": {"Code": "GIF"}, "HTTPUserAgent": _AGENT}


def _invoice(request):
    """Return the commercial invoice UPS is to make.

    :raise CallError: when it lacks something UPS needs
    """
    goods = [part for package in request.packages for part in package.commodities]
    if not goods:
        raise CallError("Goods that leave the customs territory must be listed.")
    if len(goods) > 50:
        raise CallError("UPS lists at most 50 kinds of goods in an invoice.")
    if not request.ship_on:
        raise CallError("An invoice needs the day on which the goods are shipped.")
    buyer = request.recipient
    return {
        "FormType": "01",
        "InvoiceNumber": request.invoice_number[:35],
        "InvoiceDate": _date(request.ship_on),
        "PurchaseOrderNumber": request.order[:35],
        "TermsOfShipment": request.incoterm.upper(),
        "ReasonForExport": "RETURN"
        if request.is_return
        else _REASONS.get(request.contents, "SALE"),
        "CurrencyCode": currency_of(request),
        "Contacts": {
            "SoldTo": {
                **_party(buyer),
                "Phone": {
                    "Number": _phone(
                        required(buyer.phone, "a phone number", buyer, "UPS")
                    )
                },
            }
        },
        "Product": [_product(part, request) for part in goods],
    }


def _product(part, request):
    if not part.origin:
        raise CallError(f"The country of origin of {part.label} is missing.")
    # UPS counts whole units; what isn't whole is one unit of all of it.
    counted = part.quantity == part.quantity.to_integral_value()
    count = part.quantity if counted else Decimal(1)
    price = part.value if counted else part.value * part.quantity
    words = part.description.strip() or part.sku
    return {
        "Description": [words[start : start + 35] for start in range(0, 105, 35)],
        "Unit": {
            "Number": digits(count),
            "UnitOfMeasurement": {"Code": "PCS"},
            "Value": digits(price),
        },
        "CommodityCode": part.hs_code,
        "PartNumber": part.sku[:10],
        "OriginCountryCode": part.origin,
        "ProductWeight": _weight(part.weight * part.quantity, request)
        if part.weight
        else None,
    }


def _pieces(request):
    """Return how many pieces go by which service; it has three digits here."""
    country = request.settings.get("pickup_country") or request.address.country
    default = request.settings.get("pickup_service")
    default = default or ("03" if request.address.country in _IMPERIAL else "11")
    counts: dict[str, int] = {}
    for booking in request.bookings:
        service = booking.service or default
        counts[service] = counts.get(service, 0) + max(len(booking.parcels), 1)
    if not counts:
        counts[default] = max(request.parcels, 1)
    return [
        {
            "ServiceCode": service.zfill(3),
            "Quantity": str(count),
            "DestinationCountryCode": country,
            "ContainerCode": "01",
        }
        for service, count in counts.items()
    ]


def _shipment_number(request):
    """Return what UPS knows a shipment by: the number of its first package."""
    found = request.partner_id or request.number
    if not found and request.parcels:
        found = request.parcels[0][1]
    if not found:
        raise CallError("The booking has no UPS number.")
    return found


# === WHAT IS ANSWERED === #


def _numbers(parcels, request):
    """Return the tracking number of each package, in the request's order.

    :raise AnswerError: when one is missing or there are more or fewer
    """
    numbers = [text(get(parcel, "TrackingNumber")) for parcel in parcels]
    if not numbers or not all(numbers):
        raise AnswerError("UPS gave no tracking number for a package.")
    if len(set(numbers)) != len(request.packages) or len(numbers) != len(set(numbers)):
        raise AnswerError(
            f"UPS gave tracking numbers for {len(numbers)} of "
            f"{len(request.packages)} packages."
        )
    return numbers


def _billed(parcels, results):
    """Return the weight each package is charged by: its own, or the shipment's when
    it is alone."""
    nodes = [get(parcel, "BillingWeight") for parcel in parcels]
    if len(nodes) == 1 and not nodes[0]:
        nodes = [get(results, "BillingWeight")]
    weights = [
        kilograms(get(node, "Weight"), text(get(node, "UnitOfMeasurement", "Code")))
        for node in nodes
    ]
    return [
        {"weight": weight, "weight_basis": "billable"} if weight else {}
        for weight in weights
    ]


def _papers(results, tracking):
    """Return the papers that come with the labels."""
    papers = []
    for kind, name, image in (
        ("invoice", "invoice", get(results, "Form", "Image", "GraphicImage")),
        ("other", "COD", get(results, "CODTurnInPage", "Image", "GraphicImage")),
        ("other", "value", get(results, "HighValueReport", "Image", "GraphicImage")),
        ("other", "value", get(results, "ControlLogReceipt", "GraphicImage")),
    ):
        data = bytes_of(image)
        if data:
            papers.append(document(kind, f"{tracking}-{name}", data))
    return papers


def _itemized(nodes, currency=""):
    lines = []
    for line in each(nodes):
        words = text(line.get("Description")) or text(line.get("SubType"))
        lines.append(
            charge(
                _CHARGES,
                text(line.get("Code")),
                line.get("MonetaryValue"),
                text(line.get("CurrencyCode")) or currency,
                words.replace("_", " "),
            )
        )
    return [line for line in lines if line]


def _package_charges(parcel, negotiated):
    node = get(parcel, "NegotiatedCharges") if negotiated else parcel
    return _itemized(get(node, "ItemizedCharges"))


#: Parts of a price that name its currency.
_PRICED = (
    "TotalCharge",
    "TotalCharges",
    "TotalChargesWithTaxes",
    "BaseServiceCharge",
    "TransportationCharges",
    "ServiceOptionsCharges",
    "ItemizedCharges",
)


def _currency(*nodes) -> str:
    """Return the currency the first of some prices names that names one."""
    for node in nodes:
        for name in _PRICED:
            found = text(get(node, name, "CurrencyCode"))
            if len(found) == 3:
                return found
    return ""


def _price(
    node, package_lines, currency
) -> tuple[Decimal, str, tuple[Charge, ...]] | None:
    """Return total, currency and the shipment's own lines of a price.

    UPS lists its own rate for the transport, or sums it up with what it lists
    singly; which of both is told by what is there. What it doesn't itemise to the
    end (negotiated prices) is closed by a line.

    :param package_lines: what it lists with the packages, part of the total
    :param currency: of the amounts that don't name one
    """
    total = get(node, "TotalCharge") or get(node, "TotalCharges")
    plain = number(get(total, "MonetaryValue"))
    taxed = number(get(node, "TotalChargesWithTaxes", "MonetaryValue"))
    if (plain is None and taxed is None) or not currency:
        return None
    listed = _itemized(get(node, "ItemizedCharges"), currency)
    singly = sum((line.amount for line in (*listed, *package_lines)), Decimal(0))

    def sum_of(name, words=""):
        value = get(node, name, "MonetaryValue")
        return charge(_CHARGES, name, value, currency, words)

    base = sum_of("BaseServiceCharge")
    options = sum_of("ServiceOptionsCharges", "Service options")
    transport = sum_of("TransportationCharges")
    if base:
        lines = [base, *listed]
        # Usually the options are listed singly as well. The sum shows it.
        rest = None if plain is None else plain - base.amount - singly
        if options and rest == options.amount:
            lines.append(options)
        elif rest and rest > 0:
            lines.append(Charge("other", rest, currency, "TotalCharge", REST))
    elif transport:
        lines = [line for line in (transport, options) if line]
        if package_lines:
            lines = [transport]
            rest = (options.amount if options else Decimal(0)) - sum(
                line.amount for line in package_lines
            )
            if rest > 0:
                lines.append(
                    Charge("other", rest, currency, options.partner_code, options.text)
                )
    elif plain is not None and singly and plain > singly:
        freight = charge(_CHARGES, "TotalCharge", str(plain - singly), currency, REST)
        lines = [freight, *listed]
    else:
        lines = []
    if not lines and not package_lines and plain:
        lines.append(Charge("total", plain, currency, "TotalCharges"))
    lines += _taxes(node, None if taxed is None else taxed - (plain or 0), currency)
    amount = taxed if taxed is not None else plain
    beside = sum((line.amount for line in package_lines), Decimal(0))
    return amount, currency, settled(lines, amount, currency, beside=beside)


def _taxes(node, expected, currency):
    """Return the taxes. Beside negotiated options UPS tells one twice; then they
    don't add up.

    :param expected: what they come to, None when it isn't told
    """
    taxes = []
    for tax in each(get(node, "TaxCharges")):
        kind = text(tax.get("Type"))
        value = tax.get("MonetaryValue")
        taxes.append(charge({kind: "tax"}, kind, value, currency, kind))
    taxes = [tax for tax in taxes if tax]
    once = list(dict.fromkeys(taxes))
    if expected is not None and sum(tax.amount for tax in taxes) != expected:
        return once
    return taxes


def _quote(rated) -> Quote | None:
    """Return the price of a service: what the account pays, if that is told."""
    service = text(get(rated, "Service", "Code"))
    parcels = each(get(rated, "RatedPackage"))
    price = lines = None
    for node, negotiated in (
        (get(rated, "NegotiatedRateCharges"), True),
        (rated, False),
    ):
        lines = [
            line for parcel in parcels for line in _package_charges(parcel, negotiated)
        ]
        price = _price(node, lines, _currency(node, rated))
        if price:
            break
    if not (service and price):
        return None
    total, currency, charges = price
    summary = get(rated, "TimeInTransit", "ServiceSummary")
    arrival = get(summary, "EstimatedArrival")
    days = number(get(arrival, "BusinessDaysInTransit"))
    if days is None:
        days = number(get(rated, "GuaranteedDelivery", "BusinessDaysInTransit"))
    weight = get(rated, "BillingWeight")
    weight = kilograms(
        get(weight, "Weight"), text(get(weight, "UnitOfMeasurement", "Code"))
    )
    return Quote(
        service=service,
        total=total,
        currency=currency,
        name=text(get(summary, "Service", "Description"))
        or text(get(rated, "Service", "Description")),
        charges=(*charges, *lines),
        transit_days=int(days) if days is not None and 0 <= days < 366 else None,
        deliver_by=_day(text(get(arrival, "Arrival", "Date")))
        or _day(text(get(rated, "ScheduledDeliveryDate"))),
        weight=weight,
        weight_basis="billable" if weight else "",
    )


def _day(written):
    """Return the day of arrival; its hour is that of a place UPS doesn't name."""
    try:
        return date(int(written[:4]), int(written[4:6]), int(written[6:8]))
    except ValueError:
        return None
