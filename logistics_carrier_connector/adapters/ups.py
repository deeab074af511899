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
from .answer_values import (
    REST,
    amount_at,
    at,
    charge_of,
    check_numbers,
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
    gateway_errors,
)
from .request_parts import (
    ACCOUNT,
    INCH,
    KILOGRAMS,
    currency_of,
    described,
    goods_of,
    in_units,
    needed,
    round_up,
    shares_of,
    street_of,
    value_of,
    weight_of,
    window_of,
    without_empty,
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
#: Names of services in Rating; its answers often leave the description empty.
_SERVICES = {
    "01": "Next Day Air",
    "02": "2nd Day Air",
    "03": "Ground",
    "07": "Express",
    "08": "Expedited",
    "11": "Standard",
    "12": "3 Day Select",
    "13": "Next Day Air Saver",
    "14": "Next Day Air Early",
    "17": "Worldwide Economy DDU",
    "54": "Express Plus",
    "59": "2nd Day Air A.M.",
    "65": "Saver",
    "70": "Access Point Economy",
    "71": "Worldwide Express Freight Midday",
    "72": "Worldwide Economy DDP",
    "74": "Express 12:00",
    "96": "Worldwide Express Freight",
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
#: What label recovery says of a voided shipment, in REST and before.
_VOIDED = frozenset(("9801040", "300033"))
#: UPS fits pictures to a browser and takes this one when none is named.
_AGENT = "Mozilla/4.5"


class UpsAdapter(JsonCarrier):
    """See the module."""

    max_packages = 50
    required = ("service",)
    # The code of this sentence has meant other things in other releases.
    already = re.compile(r"\balready\s+(?:been\s+)?voided", re.IGNORECASE)

    def errors(self, tree: Any) -> Iterator[tuple[str, str]]:
        """See :meth:`JsonCarrier.errors`."""
        for error in (
            *objects_at(tree, "response", "errors"),
            *objects_at(tree, "errors"),
        ):
            yield text_at(error, "code"), text_at(error, "message")
        # The shape of the older releases, which gateways still use.
        details = objects_at(tree, "Fault", "detail", "Errors", "ErrorDetail")
        for detail in details:
            error = at(detail, "PrimaryErrorCode")
            yield text_at(error, "Code"), text_at(error, "Description")
        if not details and not at(tree, "response") and not at(tree, "errors"):
            yield from gateway_errors(tree)
        # A refusal in the form of an answer.
        for answer in objects_of(
            list(tree.values()) if isinstance(tree, dict) else None
        ):
            told = at(answer, "Response")
            status = at(told, "ResponseStatus", "Code")
            if text_of(status or at(told, "ResponseStatusCode")) != "0":
                continue
            errors = objects_at(told, "Error") or objects_at(told, "Alert")
            for error in errors:
                code = text_at(error, "ErrorCode") or text_at(error, "Code")
                words = text_at(error, "ErrorDescription")
                yield code, words or text_at(error, "Description")
            if not errors:
                words = at(told, "ResponseStatus", "Description")
                yield "", text_of(words or at(told, "ResponseStatusDescription"))

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
        return values, without_empty(body)

    def read_rate(self, tree: Any, request: ShipRequest, response: Response):
        """Return the quotes; services UPS names no price for are left out."""
        self._refuse(tree)
        quotes: dict[str, list[tuple[bool, Quote]]] = {}
        for rated in objects_at(tree, "RateResponse", "RatedShipment"):
            quote = _quote(rated)
            if quote:
                summary = at(rated, "TimeInTransit", "ServiceSummary")
                saturday = text_at(summary, "SaturdayDelivery") == "1"
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
        return {"reference": request.reference[:32]}, without_empty(body)

    def read_book(self, tree: Any, request: ShipRequest, response: Response) -> Booked:
        """Return what was booked. A label that can't be read is left out: the
        operation ``label`` brings it again, the booking stands."""
        self._refuse(tree)
        results = at(tree, "ShipmentResponse", "ShipmentResults")
        parcels = objects_at(results, "PackageResults")
        numbers = _numbers(parcels, request)
        negotiated = at(results, "NegotiatedRateCharges")
        if amount_at(negotiated, "TotalCharge", "MonetaryValue") is None:
            negotiated = None
        lines = [_package_charges(parcel, negotiated is not None) for parcel in parcels]
        price = _price(
            negotiated or at(results, "ShipmentCharges"),
            [line for part in lines for line in part],
            _currency(negotiated, at(results, "ShipmentCharges")),
        )
        documents = _labels(parcels, "ShippingLabel", numbers, request)
        documents += _papers(results, numbers[0])
        return Booked(
            partner_id=text_at(results, "ShipmentIdentificationNumber") or numbers[0],
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
        return {"reference": request.reference[:32]}, without_empty(body)

    def read_find(self, tree: Any, request: ShipRequest, response: Response) -> Booked:
        """Return the booking without its price, which UPS doesn't tell again."""
        self._refuse(tree)
        answer = at(tree, "LabelRecoveryResponse")
        if objects_at(answer, "TrackingCandidate"):
            raise AnswerError(
                f"UPS has several shipments with the reference {request.reference}."
            )
        parcels = objects_at(answer, "LabelResults")
        numbers = _numbers(parcels, request)
        documents = _labels(parcels, "LabelImage", numbers, request)
        documents += _papers(answer, numbers[0])
        return Booked(
            partner_id=text_at(answer, "ShipmentIdentificationNumber") or numbers[0],
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
        return {"reference": request.reference[:32]}, without_empty(body)

    def read_label(
        self, tree: Any, request: BookedRef, response: Response
    ) -> tuple[Document, ...]:
        """Return the labels, each named after its tracking number."""
        self._refuse(tree)
        answer = at(tree, "LabelRecoveryResponse")
        documents = []
        for parcel in objects_at(answer, "LabelResults"):
            data = data_of(at(parcel, "LabelImage", "GraphicImage"))
            tracking = text_at(parcel, "TrackingNumber") or _shipment_number(request)
            if data:
                documents.append(document_of("label", tracking, data))
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
        answer = at(tree, "VoidShipmentResponse")
        parcels = objects_of(
            at(answer, "PackageLevelResults") or at(answer, "PackageLevelResult")
        )
        kept = [
            text_at(parcel, "TrackingNumber")
            for parcel in parcels
            if text_at(parcel, "Status", "Code") != "1"
        ]
        status = at(answer, "SummaryResult", "Status")
        words = text_at(status, "Description")
        if kept:
            raise AnswerError(
                f"UPS voided {len(parcels) - len(kept)} of {len(parcels)} packages. "
                f"Not voided: {', '.join(kept)}.",
                error_class="rejected",
            )
        if text_at(status, "Code") != "1":
            raise AnswerError(
                f"UPS didn't void the shipment: {words or 'it gives no reason'}.",
                error_class="rejected",
            )
        alerts = [
            text_at(alert, "Description")
            for alert in objects_at(answer, "Response", "Alert")
        ]
        return Cancelled("done", "; ".join(filter(None, alerts)) or words)

    # === PICKUP === #

    def pickup_body(self, request: PickupRequest, profile):
        """Order a collection, by the clock of the place of collection."""
        address = request.address
        ready, close = window_of(request)
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
                    "AddressLine": street_of(address, 73, 1)[0],
                    "City": address.city,
                    "StateProvince": address.state,
                    "PostalCode": address.zip,
                    "CountryCode": address.country,
                    "ResidentialIndicator": "Y" if address.residential else "N",
                    "Phone": {
                        "Number": _phone(
                            needed(address.phone, "a phone number", address, "UPS")
                        )
                    },
                },
                "AlternateAddressIndicator": "Y",
                "PickupPiece": _pieces(request),
                "TotalWeight": {
                    "Weight": _digits(_measured_weight(request.weight, imperial)),
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
        return {"reference": request.reference[:32]}, without_empty(body)

    def read_pickup(
        self, tree: Any, request: PickupRequest, response: Response
    ) -> PickupBooked:
        """Return the pickup request number and the price."""
        self._refuse(tree)
        answer = at(tree, "PickupCreationResponse")
        confirmation = text_at(answer, "PRN")
        if not confirmation:
            raise AnswerError("UPS gave the collection no number.")
        rate = at(answer, "RateResult")
        currency = text_at(rate, "CurrencyCode")
        lines = []
        for line in objects_at(rate, "ChargeDetail"):
            code, words = (
                text_at(line, "ChargeCode"),
                text_at(line, "ChargeDescription"),
            )
            lines.append(
                charge_of(
                    _PICKUP_CHARGES, code, line.get("ChargeAmount"), currency, words
                )
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
        status = at(tree, "PickupCancelResponse", "Response", "ResponseStatus")
        if text_at(status, "Code") != "1":
            raise AnswerError(
                text_at(status, "Description") or "UPS didn't cancel the collection.",
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
            # Rating takes it among the options, Shipping beside them.
            code = request.settings.get("return_code", "9")
            holder = shipment["ShipmentServiceOptions"] if rating else shipment
            holder["ReturnService"] = {"Code": str(code)}
        value = value_of(request)
        to_value = rating or (pair[0] == "US" and pair[1] in ("CA", "PR"))
        if value and pair[0] != pair[1] and to_value and not request.is_return:
            shipment["InvoiceLineTotal"] = {
                "CurrencyCode": currency_of(request),
                # UPS takes whole units here.
                "MonetaryValue": _digits(round_up(value, 0)),
            }
        insured = shares_of(request)
        shipment["Package"] = [
            self._package(
                request,
                package,
                insured[index],
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
                "MonetaryValue": _digits(insured),
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
            "PackageWeight": _weight(weight_of(package), request),
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
        if not rating and request.contents != "documents" and request.crosses_customs:
            options["InternationalForms"] = _invoice(request)
        return options


# === WHAT IS ASKED === #


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
        "TaxIdentificationNumber": _tax_number(address),
        "Phone": {"Number": _phone(address.phone)},
        "EMailAddress": address.email if len(address.email) <= 50 else "",
        "Address": {
            "AddressLine": street_of(address, 35, 3),
            "City": address.city[:30],
            "StateProvinceCode": address.state if address.country in _STATES else "",
            "PostalCode": address.zip,
            "CountryCode": address.country,
            "ResidentialAddressIndicator": "Y"
            if residential and address.residential
            else "",
        },
    }


def _tax_number(address: Address) -> str:
    """Return the tax number that fits into 15 characters; cut off, it would be
    another's."""
    return next(
        (number for number in (address.vat, address.eori) if 0 < len(number) <= 15), ""
    )


def _digits(value: Decimal) -> str:
    """Return a number in plain notation, without needless zeros."""
    return format(value.normalize() if value else Decimal(0), "f")


def _measured_weight(weight, imperial):
    return round_up(weight / KILOGRAMS["lb"] if imperial else weight, 1)


def _weight(weight, request):
    imperial = request.shipper.country in _IMPERIAL
    return {
        "UnitOfMeasurement": {"Code": "LBS" if imperial else "KGS"},
        "Weight": _digits(_measured_weight(weight, imperial)),
    }


def _side(length, imperial):
    return _digits(round_up(length / INCH if imperial else length, 2))


def _contents(request):
    return described(goods_of(request)) or request.contents.capitalize()


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
            "MonetaryValue": _digits(request.cod),
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
    goods = goods_of(request)
    if not goods:
        raise CallError("Goods that leave the customs territory must be listed.")
    if len(goods) > 50:
        raise CallError("UPS lists at most 50 kinds of goods in an invoice.")
    if not request.ship_on:
        raise CallError("An invoice needs the day on which the goods are shipped.")
    buyer = request.recipient
    return {
        # With a return service, UPS makes partial invoices only.
        "FormType": "05" if request.is_return else "01",
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
                        needed(buyer.phone, "a phone number", buyer, "UPS")
                    )
                },
            }
        },
        "Product": [_product(part, request) for part in goods],
    }


def _product(part, request):
    if not part.origin:
        raise CallError(f"The country of origin of {part.label} is missing.")
    part = in_units(part)
    words = part.description.strip() or part.sku
    return {
        "Description": [words[start : start + 35] for start in range(0, 105, 35)],
        "Unit": {
            "Number": _digits(part.quantity),
            "UnitOfMeasurement": {"Code": "PCS"},
            "Value": _digits(part.value),
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
    numbers = [text_at(parcel, "TrackingNumber") for parcel in parcels]
    check_numbers(numbers, request, "UPS")
    return numbers


def _labels(parcels, member, numbers, request):
    """Return the labels of packages.

    :param member: what a package's label is called
    """
    kind = "return_label" if request.is_return else "label"
    papers = []
    for parcel, tracking, package in zip(
        parcels, numbers, request.packages, strict=True
    ):
        data = data_of(at(parcel, member, "GraphicImage"))
        if data:
            papers.append(document_of(kind, tracking, data, package=package.reference))
    return papers


def _billed(parcels, results):
    """Return the weight each package is charged by: its own, or the shipment's when
    it is alone."""
    nodes = [at(parcel, "BillingWeight") for parcel in parcels]
    if len(nodes) == 1 and not nodes[0]:
        nodes = [at(results, "BillingWeight")]
    weights = [_kilograms(node) for node in nodes]
    return [
        {"weight": weight, "weight_basis": "billable"} if weight else {}
        for weight in weights
    ]


def _kilograms(node):
    return kilograms_of(at(node, "Weight"), text_at(node, "UnitOfMeasurement", "Code"))


def _papers(results, tracking):
    """Return the papers that come with the labels."""
    papers = []
    for kind, name, image in (
        ("invoice", "invoice", at(results, "Form", "Image", "GraphicImage")),
        ("other", "COD", at(results, "CODTurnInPage", "Image", "GraphicImage")),
        ("other", "value", at(results, "HighValueReport", "Image", "GraphicImage")),
        ("other", "value", at(results, "ControlLogReceipt", "GraphicImage")),
    ):
        data = data_of(image)
        if data:
            papers.append(document_of(kind, f"{tracking}-{name}", data))
    return papers


def _itemized(nodes, currency=""):
    lines = []
    for line in objects_of(nodes):
        words = text_at(line, "Description") or text_at(line, "SubType")
        lines.append(
            charge_of(
                _CHARGES,
                text_at(line, "Code"),
                line.get("MonetaryValue"),
                text_at(line, "CurrencyCode") or currency,
                words.replace("_", " "),
            )
        )
    return [line for line in lines if line]


def _package_charges(parcel, negotiated):
    node = at(parcel, "NegotiatedCharges") if negotiated else parcel
    return _itemized(at(node, "ItemizedCharges"))


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
            found = text_at(node, name, "CurrencyCode")
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
    total = at(node, "TotalCharge") or at(node, "TotalCharges")
    plain = amount_at(total, "MonetaryValue")
    taxed = amount_at(node, "TotalChargesWithTaxes", "MonetaryValue")
    if (plain is None and taxed is None) or not currency:
        return None
    listed = _itemized(at(node, "ItemizedCharges"), currency)
    singly = sum((line.amount for line in (*listed, *package_lines)), Decimal(0))

    def sum_of(name, words=""):
        value = at(node, name, "MonetaryValue")
        return charge_of(_CHARGES, name, value, currency, words)

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
        freight = charge_of(
            _CHARGES, "TotalCharge", str(plain - singly), currency, REST
        )
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
    for tax in objects_at(node, "TaxCharges"):
        kind = text_at(tax, "Type")
        value = tax.get("MonetaryValue")
        taxes.append(charge_of({kind: "tax"}, kind, value, currency, kind))
    taxes = [tax for tax in taxes if tax]
    once = list(dict.fromkeys(taxes))
    if expected is not None and sum(tax.amount for tax in taxes) != expected:
        return once
    return taxes


def _quote(rated) -> Quote | None:
    """Return the price of a service: what the account pays, if that is told."""
    service = text_at(rated, "Service", "Code")
    parcels = objects_at(rated, "RatedPackage")
    price = lines = None
    for node, negotiated in (
        (at(rated, "NegotiatedRateCharges"), True),
        (rated, False),
    ):
        lines = [
            line for parcel in parcels for line in _package_charges(parcel, negotiated)
        ]
        price = _price(node, lines, _currency(node, rated))
        if price:
            break
    if not (service and price) or price[0] < 0:
        return None
    total, currency, charges = price
    summary = at(rated, "TimeInTransit", "ServiceSummary")
    arrival = at(summary, "EstimatedArrival")
    days = whole_of(at(arrival, "BusinessDaysInTransit"))
    if days is None:
        days = whole_of(at(rated, "GuaranteedDelivery", "BusinessDaysInTransit"))
    weight = _kilograms(at(rated, "BillingWeight"))
    return Quote(
        service=service,
        total=total,
        currency=currency,
        name=text_at(summary, "Service", "Description")
        or text_at(rated, "Service", "Description")
        or f"UPS {_SERVICES.get(service, service)}",
        charges=(*charges, *lines),
        transit_days=days,
        deliver_by=_day(text_at(arrival, "Arrival", "Date"))
        or _day(text_at(rated, "ScheduledDeliveryDate")),
        weight=weight,
        weight_basis="billable" if weight else "",
    )


def _day(written):
    """Return the day of arrival; its hour is that of a place UPS doesn't name."""
    try:
        return date(int(written[:4]), int(written[4:6]), int(written[6:8]))
    except ValueError:
        return None
