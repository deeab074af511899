# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""FedEx over its REST APIs: Ship, Rate, Pickup and Ground End of Day Close v1.

The rules are those of FedEx's own API descriptions on developer.fedex.com.

* Nothing FedEx takes is recognised when it comes twice: the transaction id is only
  sent back. What became of a booking is asked of Track by Reference, which shows a
  parcel some time after it was booked and has neither price nor label. Finding
  nothing proves nothing.
* Our reference is the parcel's customer reference. Ground takes 30 characters of it;
  the last 30 are used everywhere, so that one rule finds them.
* FedEx makes no label twice. Labels come with the booking, as base64.
* A collection is of Express or of Ground parcels. To cancel one, FedEx wants the
  location that promised it, too: the confirmation is "number location".
* Only Ground is closed at the end of the day.
* Answers name some currencies by FedEx's own codes (``UKL``) and are translated.
  Amounts are sent with ISO 4217 codes, as the descriptions ask; whether FedEx takes
  these for the currencies it has codes of its own for could not be checked.

``settings`` it knows: ``pickup_type`` (``USE_SCHEDULED_PICKUP``), ``packaging``
(``YOUR_PACKAGING``), ``label_stock``, ``cod_collection`` (``ANY``), ``paperless``,
``carrier_code`` (``FDXE`` or ``FDXG``, for collections), ``package_location``,
``zone``.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from odoo.addons.logistics_canonical.core.adapter import (
    Outbound,
    Response,
    Result,
)
from odoo.addons.logistics_canonical.core.calls import CallError

from ..core.carrier import AnswerError, NotFoundError
from ..core.shipping import (
    Address,
    Booked,
    BookedPackage,
    BookedRef,
    Cancelled,
    Charge,
    Document,
    Manifested,
    ManifestRequest,
    PickupBooked,
    PickupRequest,
    Quote,
    ShipRequest,
    to_payload,
)
from .answer_values import (
    amount_at,
    amount_of,
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
    currency_of,
    goods_of,
    in_units,
    needed,
    round_up,
    shares_of,
    size_of,
    street_of,
    value_of,
    weight_of,
    window_of,
    without_empty,
)

#: Surcharge types. What isn't here stays ``other``.
_CHARGES = {
    "FUEL": "fuel",
    "RESIDENTIAL_DELIVERY": "residential",
    "RESIDENTIAL_PICKUP": "residential",
    "DELIVERY_AREA": "remote_area",
    "EXTENDED_DELIVERY_AREA": "remote_area",
    "OUT_OF_DELIVERY_AREA": "remote_area",
    "OUT_OF_PICKUP_AREA": "remote_area",
    "REMOTE_AREA": "remote_area",
    "INTERHAWAII": "remote_area",
    "OFFSHORE": "remote_area",
    "OVERSIZE": "oversize",
    "OVER_DIMENSION": "oversize",
    "ADDITIONAL_HANDLING": "oversize",
    "EXTREME_LENGTH": "oversize",
    "INSURED_VALUE": "insurance",
    "EXCESS_VALUE": "insurance",
    "COD": "cash_on_delivery",
    "SIGNATURE_OPTION": "signature",
    "DELIVERY_SIGNATURE_OPTIONS": "signature",
    "DELIVERY_CONFIRMATION": "signature",
    "SATURDAY_DELIVERY": "saturday",
    "SATURDAY_PICKUP": "pickup",
    "ON_CALL_PICKUP": "pickup",
    "INSIDE_PICKUP": "pickup",
    "RETURN_LABEL": "return",
    "EMAIL_LABEL": "return",
    "FEDEX_TAG": "return",
    "CLEARANCE_ENTRY_FEE": "customs",
    "BROKER_SELECT_OPTION": "customs",
    "DEMAND": "peak",
    "PEAK": "peak",
}

#: Of several prices of one service, the one that is paid; the more to the left, the
#: better. ``PREFERRED`` is a conversion into another currency.
_RATE_ORDER = ("ACCOUNT", "INCENTIVE", "ACTUAL", "CUSTOM", "CURRENT", "PREFERRED")

#: FedEx's own names of currencies, older than ISO 4217.
_CURRENCIES = {
    "ARN": "ARS",
    "CHP": "CLP",
    "CID": "KYD",
    "DHS": "AED",
    "ECD": "XCD",
    "JAD": "JMD",
    "JYE": "JPY",
    "KUD": "KWD",
    "NMP": "MXN",
    "NTD": "TWD",
    "RDD": "DOP",
    "SFR": "CHF",
    "SID": "SGD",
    "UKL": "GBP",
    "UYP": "UYU",
    "WON": "KRW",
}

_GROUND = frozenset(("FEDEX_GROUND", "GROUND_HOME_DELIVERY", "SMART_POST"))
_STATES = frozenset(("US", "CA", "MX", "IN"))
_SIGNATURES = {
    "adult_signature": "ADULT",
    # Signed for at the very address, by nobody else's door.
    "no_neighbour": "DIRECT",
    "signature": "DIRECT",
}
_PURPOSES = {"gift": "GIFT", "sample": "SAMPLE", "merchandise": "SOLD"}
_IMAGES = {
    "PDF": ("PDF", "PAPER_4X6"),
    "ZPL": ("ZPLII", "STOCK_4X6"),
    "PNG": ("PNG", "PAPER_4X6"),
}
_DAYS = (
    "ONE TWO THREE FOUR FIVE SIX SEVEN EIGHT NINE TEN ELEVEN TWELVE THIRTEEN FOURTEEN"
    " FIFTEEN SIXTEEN SEVENTEEN EIGHTEEN NINETEEN TWENTY"
).split()
_NOT_FOUND = re.compile(r"^TRACKING\.[A-Z]+\.NOT\.?FOUND$")


class FedexAdapter(JsonCarrier):
    """See the module."""

    max_packages = 30
    required = ("service", "shipper.phone", "recipient.phone")

    def errors(self, tree: Any) -> Iterator[tuple[str, str]]:
        """See :meth:`JsonCarrier.errors`. Names the fields FedEx names."""
        errors = objects_at(tree, "errors")
        if not errors:
            yield from gateway_errors(tree)
        for error in errors:
            code = text_at(error, "code")
            words = text_at(error, "message") or code
            fields = [
                ": ".join(filter(None, (text_at(one, "key"), text_at(one, "value"))))
                for one in objects_at(error, "parameterList")
            ]
            named = ", ".join(filter(None, fields))
            yield code, f"{words} ({named})" if named else words

    def lookup_request(
        self,
        operation: str,
        payload: Mapping[str, Any],
        profile,
        *,
        environment: str = "production",
        base_url: str = "",
    ) -> Outbound | None:
        """See :meth:`Adapter.lookup_request`.

        Whether a shipment was cancelled, its tracking tells.
        """
        if operation == "cancel":
            tracking = _number_of(payload)
            payload = {"tracking_number": tracking, "tracking_numbers": [tracking]}
        return super().lookup_request(
            operation, payload, profile, environment=environment, base_url=base_url
        )

    def parse_lookup(
        self,
        operation: str,
        response: Response,
        profile,
        request: Mapping[str, Any] | None = None,
    ) -> tuple[str, Result]:
        """See :meth:`Adapter.parse_lookup`.

        A parcel of which only the label is known wasn't cancelled. That FedEx no
        longer knows it, or that it is on its way, tells neither.
        """
        if operation != "cancel":
            return super().parse_lookup(operation, response, profile, request)
        asked = {"tracking_number": _number_of(request or {})}
        result = self.parse_response("track", response, profile, asked)
        codes = {event.code for event in result.parsed.events} - {"eta_update"}
        if result.ok and "cancelled" in codes:
            return "found", Result(data={"value": Cancelled("done")})
        if result.ok and codes == {"label_created"}:
            return "absent", Result()
        return "failed", result

    # === RATE === #

    def rate_body(self, request: ShipRequest, profile):
        """Ask for the price of one service, or of all when none is named."""
        shipment = self._shipment(request, rating=True)
        shipment["rateRequestType"] = ["ACCOUNT"]
        body = {
            "accountNumber": {"value": ACCOUNT},
            "rateRequestControlParameters": {"returnTransitTimes": True},
            "requestedShipment": shipment,
        }
        return {"reference": request.reference}, without_empty(body)

    def read_rate(self, tree: Any, request: ShipRequest, response: Response):
        """Return the quotes; services FedEx names no price for are left out."""
        output = self._output(tree)
        quotes = tuple(
            filter(None, map(_quote, objects_at(output, "rateReplyDetails")))
        )
        if not quotes:
            raise _refusal(output, "FedEx names no service with a price.", "rejected")
        return quotes

    # === BOOK === #

    def book_body(self, request: ShipRequest, profile):
        """Book a shipment and have its labels in the answer."""
        if not request.service:
            raise CallError("A shipment needs a FedEx service.")
        if len(request.packages) > self.max_packages:
            raise CallError(
                f"FedEx takes at most {self.max_packages} packages at once."
            )
        image, stock = _IMAGES.get(request.label_format.upper(), _IMAGES["PDF"])
        shipment = self._shipment(request, rating=False)
        shipment["labelSpecification"] = {
            "imageType": image,
            "labelStockType": request.settings.get("label_stock") or stock,
        }
        body = {
            "labelResponseOptions": "LABEL",
            "accountNumber": {"value": ACCOUNT},
            "requestedShipment": shipment,
        }
        return {"reference": request.reference}, without_empty(body)

    def read_book(self, tree: Any, request: ShipRequest, response: Response) -> Booked:
        """Return what was booked. A label that can't be read is left out: the
        booking stands."""
        output = self._output(tree)
        shipments = objects_at(output, "transactionShipments")
        if len(shipments) != 1:
            raise _refusal(output, "FedEx's answer holds no shipment.")
        shipment = shipments[0]
        details = at(shipment, "completedShipmentDetail")
        pieces = objects_at(shipment, "pieceResponses") or _tracked(details)
        pieces = _in_order(pieces, request, "packageSequenceNumber")
        numbers = [text_at(piece, "trackingNumber") for piece in pieces]
        check_numbers(numbers, request, "FedEx")
        master = (
            text_at(shipment, "masterTrackingNumber")
            or text_at(details, "masterTrackingId", "trackingNumber")
            or numbers[0]
        )
        kind = "return_label" if request.is_return else "label"
        documents = [
            paper
            for piece, tracking, package in zip(
                pieces, numbers, request.packages, strict=True
            )
            for paper in _papers(
                at(piece, "packageDocuments"), kind, tracking, package.reference
            )
        ]
        documents += _papers(
            at(shipment, "shipmentDocuments"),
            kind,
            master,
            labelled=any(paper.kind == kind for paper in documents),
        )
        rated = _rated_packages(details, len(request.packages))
        charges = _shipment_charges(details)
        return Booked(
            partner_id=master,
            packages=tuple(
                BookedPackage(
                    package.reference,
                    tracking,
                    tracking,
                    # The shipment's price is the sum of its packages'.
                    charges=() if charges else _piece_charges(piece, rated.get(index)),
                    **_billed(rated.get(index)),
                )
                for index, (package, tracking, piece) in enumerate(
                    zip(request.packages, numbers, pieces, strict=True), 1
                )
            ),
            number=master,
            documents=tuple(documents),
            charges=charges,
        )

    # === FIND === #

    def find_body(self, request: ShipRequest, profile):
        """Ask for parcels with our reference, around the day of handing over."""
        day = request.ship_on
        body = {
            "includeDetailedScans": False,
            "referencesInformation": {
                "type": "CUSTOMER_REFERENCE",
                "value": _reference(request),
                "accountNumber": ACCOUNT,
                "shipDateBegin": (day - timedelta(days=7)).isoformat() if day else "",
                "shipDateEnd": (day + timedelta(days=7)).isoformat() if day else "",
            },
        }
        return {"reference": request.reference}, without_empty(body)

    def read_find(self, tree: Any, request: ShipRequest, response: Response) -> Booked:
        """Return the booking's numbers; FedEx tells neither price nor label again.

        :raise NotFoundError: when FedEx knows no such parcel
        :raise AnswerError: when it doesn't know all parcels (yet)
        """
        results = [
            result
            for complete in objects_of(
                at(self._output(tree, found=True), "completeTrackResults")
            )
            for result in objects_at(complete, "trackResults")
        ]
        errors = [at(result, "error") for result in results if _error_code(result)]
        results = [
            result
            for result in results
            if not _error_code(result) and _is_ours(result, _reference(request))
        ]
        if not results:
            for error in errors:
                code, words = text_at(error, "code"), text_at(error, "message")
                if not _NOT_FOUND.match(code):
                    raise AnswerError(words or code, code)
            if not errors:
                output = self._output(tree, found=True)
                words = "FedEx's answer names no parcel and no error."
                raise _refusal(output, words)
            first = errors[0]
            raise NotFoundError(text_at(first, "message"), text_at(first, "code"))
        results = _in_order(results, request, "packageDetails", "sequenceNumber")
        numbers = [
            text_at(result, "trackingNumberInfo", "trackingNumber")
            for result in results
        ]
        check_numbers(numbers, request, "FedEx")
        return Booked(
            partner_id=numbers[0],
            packages=tuple(
                BookedPackage(package.reference, tracking, tracking)
                for package, tracking in zip(request.packages, numbers, strict=True)
            ),
            number=numbers[0],
        )

    # === CANCEL === #

    def cancel_body(self, request: BookedRef, profile):
        """Cancel a whole shipment that wasn't handed over yet."""
        body = {
            "accountNumber": {"value": ACCOUNT},
            "trackingNumber": _number_of(to_payload(request)),
            "deletionControl": "DELETE_ALL_PACKAGES",
        }
        return {"reference": request.reference}, body

    def read_cancel(
        self, tree: Any, request: BookedRef, response: Response
    ) -> Cancelled:
        """Return that the shipment is cancelled.

        :raise AnswerError: when it isn't
        """
        output = self._output(tree)
        words = text_at(output, "successMessage") or text_at(output, "message")
        if at(output, "cancelledShipment") not in (True, "true", "True"):
            words = words or "FedEx didn't cancel the shipment."
            raise _refusal(output, words, "rejected")
        return Cancelled("done", words)

    # === PICKUP === #

    def pickup_body(self, request: PickupRequest, profile):
        """Order a collection, by the clock of the place of collection."""
        ready, close = window_of(request)
        address = request.address
        body = {
            "associatedAccountNumber": {"value": ACCOUNT},
            "originDetail": {
                "pickupAddressType": "OTHER",
                "pickupLocation": {
                    "contact": _contact(address),
                    "address": _address(address, street_of(address, 35, 3)),
                    "accountNumber": {"value": ACCOUNT},
                },
                "readyDateTimestamp": f"{ready:%Y-%m-%dT%H:%M:%S}",
                "customerCloseTime": f"{close:%H:%M:%S}",
                "packageLocation": request.settings.get("package_location", "FRONT"),
            },
            "carrierCode": _carrier_code(request),
            "totalWeight": _weight(request.weight) if request.weight else None,
            "packageCount": max(request.parcels, 1),
            "remarks": request.instructions[:60],
        }
        return {"reference": request.reference}, without_empty(body)

    def read_pickup(
        self, tree: Any, request: PickupRequest, response: Response
    ) -> PickupBooked:
        """Return the confirmation with the location that gave it."""
        output = self._output(tree)
        code = text_at(output, "pickupConfirmationCode")
        if not code or at(output, "cancelConfirmationMessage"):
            raise _refusal(output, "FedEx gave the collection no confirmation.")
        location = text_at(output, "location")
        return PickupBooked(f"{code} {location}".strip())

    def pickup_cancel_body(self, request: PickupRequest, profile):
        """Cancel a collection by its confirmation, location and day."""
        code, _blank, location = request.confirmation.strip().partition(" ")
        if not code:
            raise CallError("A collection is cancelled by its confirmation number.")
        ready, _close = window_of(request)
        body = {
            "associatedAccountNumber": {"value": ACCOUNT},
            "pickupConfirmationCode": code,
            "carrierCode": _carrier_code(request),
            "scheduledDate": ready.date().isoformat(),
            "location": location.strip(),
        }
        return {"reference": request.reference}, without_empty(body)

    def read_pickup_cancel(
        self, tree: Any, request: PickupRequest, response: Response
    ) -> Cancelled:
        """Return that the collection is cancelled."""
        output = self._output(tree)
        words = text_at(output, "cancelConfirmationMessage")
        # That a collection was ordered is confirmed with the location.
        code = text_at(output, "pickupConfirmationCode")
        if not words and (not code or at(output, "location")):
            raise _refusal(output, "FedEx didn't cancel the collection.", "rejected")
        return Cancelled("done", words)

    # === MANIFEST === #

    def manifest_body(self, request: ManifestRequest, profile):
        """Close Ground for a day."""
        if not request.closed_on:
            raise CallError("The day to be closed is missing.")
        if not any(_is_ground(booking) for booking in request.bookings):
            raise CallError("Only FedEx Ground is closed; there is no such parcel.")
        body = {
            "accountNumber": {"value": ACCOUNT},
            "closeReqType": "GCDR",
            "closeDate": request.closed_on.isoformat(),
            "groundServiceCategory": "GROUND",
            "closeDocumentSpecification": {"closeDocumentTypes": ["MANIFEST"]},
        }
        return {"reference": request.reference}, body

    def read_manifest(
        self, tree: Any, request: ManifestRequest, response: Response
    ) -> Manifested:
        """Return the manifest; parcels of other services aren't in it."""
        output = self._output(tree)
        closed = objects_at(output, "closeDocuments")
        documents: list[Document] = []
        for index, paper in enumerate(closed, 1):
            images = [part.get("image") for part in objects_at(paper, "parts")]
            for data in map(data_of, images or [paper.get("encodedLabel")]):
                if not data:
                    continue
                made = document_of("manifest", f"manifest-{index}", data)
                if made.content_type == "application/octet-stream":
                    # The manifest is plain text, for line printers.
                    made = replace(
                        made, name=f"manifest-{index}.txt", content_type="text/plain"
                    )
                documents.append(made)
        if not documents:
            raise _refusal(output, "FedEx sent no manifest.")
        missing = tuple(
            (booking.reference, "Only FedEx Ground has a manifest.")
            for booking in request.bookings
            if not _is_ground(booking)
        )
        cycle = text_at(closed, "shippingCycle")
        return Manifested(cycle or request.reference, tuple(documents), missing)

    # === PARTS === #

    def _output(self, tree, *, found=False):
        """Return an answer's content.

        :param found: whether an error can say that there is no such thing
        """
        for code, words in self.errors(tree):
            if found and _NOT_FOUND.match(code):
                raise NotFoundError(words, code)
            raise AnswerError(words or code, code, "rejected")
        output = at(tree, "output")
        if not isinstance(output, dict):
            raise AnswerError("FedEx's answer holds nothing.")
        return output

    def _shipment(self, request, *, rating):
        payor = {"responsibleParty": {"accountNumber": {"value": ACCOUNT}}}
        insured = shares_of(request)
        codes = {package.packaging for package in request.packages} - {""}
        if len(codes) > 1:
            raise CallError("FedEx takes one kind of packaging for all packages.")
        party = _rate_party if rating else _party
        recipient = party(request.recipient, residential=True)
        shipment = {
            "shipper": party(request.shipper),
            "recipient" if rating else "recipients": recipient
            if rating
            else [recipient],
            "shipDateStamp" if rating else "shipDatestamp": (
                request.ship_on.isoformat() if request.ship_on else ""
            ),
            "serviceType": request.service,
            "packagingType": min(codes, default="")
            or request.settings.get("packaging", "YOUR_PACKAGING"),
            "pickupType": request.settings.get("pickup_type", "USE_SCHEDULED_PICKUP"),
            "shippingChargesPayment": {"paymentType": "SENDER", "payor": payor},
            "shipmentSpecialServices": self._specials(request),
            "requestedPackageLineItems": [
                self._package(request, package, index, insured[index - 1], rating)
                for index, package in enumerate(request.packages, 1)
            ],
            "totalPackageCount": len(request.packages),
        }
        if request.insured:
            shipment["totalDeclaredValue"] = _money(sum(insured), currency_of(request))
        if request.crosses_customs:
            shipment["customsClearanceDetail"] = _customs(request, payor, rating=rating)
            if not rating and request.contents != "documents":
                shipment["shippingDocumentSpecification"] = {
                    "shippingDocumentTypes": ["COMMERCIAL_INVOICE"],
                    "commercialInvoiceDetail": {
                        "documentFormat": {
                            "docType": "PDF",
                            "stockType": "PAPER_LETTER",
                        }
                    },
                }
        return shipment

    def _package(self, request, package, index, insured, rating):
        sides = {
            name: int(round_up(side, 0)) for name, side in size_of(package).items()
        }
        references = (
            {
                "customerReferenceType": "CUSTOMER_REFERENCE",
                "value": _reference(request),
            },
            {"customerReferenceType": "P_O_NUMBER", "value": request.order[:30]},
            {
                "customerReferenceType": "INVOICE_NUMBER",
                "value": request.invoice_number[:30],
            },
        )
        specials: dict[str, Any] = {"specialServiceTypes": []}
        for option, kind in _SIGNATURES.items():
            if option in request.options:
                specials["specialServiceTypes"].append("SIGNATURE_OPTION")
                specials["signatureOptionType"] = kind
                break
        if request.cod and request.service in _GROUND:
            if len(request.packages) > 1:
                raise CallError("FedEx Ground collects cash for each package.")
            specials["specialServiceTypes"].append("COD")
            specials["packageCODDetail"] = {
                "codCollectionType": request.settings.get("cod_collection", "ANY"),
                "codCollectionAmount": _money(request.cod, currency_of(request)),
            }
        return {
            "sequenceNumber": None if rating else index,
            "groupPackageCount": 1,
            "weight": _weight(weight_of(package)),
            "dimensions": {**sides, "units": "CM"} if sides else None,
            "declaredValue": _money(insured, currency_of(request)) if insured else None,
            "customerReferences": []
            if rating
            else [one for one in references if one["value"]],
            "packageSpecialServices": specials,
        }

    def _specials(self, request):
        """Return the special services of the shipment.

        :raise CallError: for an option FedEx doesn't have, or that it needs more
            for than a request says
        """
        refused = set(request.options) & {"dangerous_goods", "carbon_neutral"}
        if "evening_delivery" in request.options and (
            request.service != "GROUND_HOME_DELIVERY"
        ):
            refused.add("evening_delivery")
        if refused:
            what = min(refused).replace("_", " ")
            raise CallError(f"FedEx can't be asked for {what} with this service.")
        specials: dict[str, Any] = {"specialServiceTypes": []}
        types = specials["specialServiceTypes"]
        if "saturday_delivery" in request.options:
            types.append("SATURDAY_DELIVERY")
        if "evening_delivery" in request.options:
            types.append("HOME_DELIVERY_PREMIUM")
            specials["homeDeliveryPremiumDetail"] = {
                "homedeliveryPremiumType": "EVENING"
            }
        if request.cod:
            types.append("COD")
            specials["shipmentCODDetail"] = {
                "codCollectionType": request.settings.get("cod_collection", "ANY"),
                "codCollectionAmount": _money(request.cod, currency_of(request)),
            }
        if request.is_return:
            types.append("RETURN_SHIPMENT")
            specials["returnShipmentDetail"] = {"returnType": "PRINT_RETURN_LABEL"}
        if request.settings.get("paperless") and request.crosses_customs:
            types.append("ELECTRONIC_TRADE_DOCUMENTS")
            specials["etdDetail"] = {"requestedDocumentTypes": ["COMMERCIAL_INVOICE"]}
        return specials


# === WHAT IS ASKED === #


def _number_of(booking: Mapping[str, Any]) -> str:
    """Return the tracking number of a :class:`BookedRef` as JSON.

    :raise CallError: when it has none
    """
    tracking = text_at(booking, "number") or text_at(booking, "partner_id")
    if not tracking:
        raise CallError("The booking has no FedEx number.")
    return tracking


def _reference(request):
    return request.reference[-30:]


def _money(amount: Decimal, currency: str):
    return {"amount": float(amount), "currency": currency}


def _weight(weight: Decimal):
    return {"units": "KG", "value": float(round_up(weight, 2))}


def _address(address: Address, lines: list[str], *, residential: bool = False):
    state = address.state
    return {
        "streetLines": lines,
        "city": address.city[:35],
        "stateOrProvinceCode": state if address.country in _STATES else "",
        "postalCode": address.zip,
        "countryCode": address.country,
        "residential": True if residential and address.residential else None,
    }


def _contact(address: Address):
    phone = needed(address.phone, "a phone number", address, "FedEx")
    return {
        "personName": (address.name or address.company)[:70],
        "companyName": address.company[:35],
        "phoneNumber": re.sub(r"\D", "", phone)[-15:],
        "emailAddress": address.email if len(address.email) <= 80 else "",
    }


def _rate_party(address: Address, *, residential: bool = False):
    # A price needs no phone and no street, and at the checkout there may be none yet.
    lines = street_of(address, 35, 3) if address.street else []
    return {"address": _address(address, lines, residential=residential)}


def _party(address: Address, *, residential: bool = False):
    lines = street_of(address, 35, 3)
    numbers = (("BUSINESS_NATIONAL", address.vat), ("BUSINESS_UNION", address.eori))
    return {
        "contact": _contact(address),
        "address": _address(address, lines, residential=residential),
        "tins": [
            {"tinType": kind, "number": value[:18]} for kind, value in numbers if value
        ],
    }


def _customs(request, payor, *, rating):
    """Return what customs want to know.

    :raise CallError: when it lacks something FedEx needs
    """
    currency = currency_of(request)
    goods = goods_of(request)
    if not goods and not rating:
        raise CallError("Goods that leave the customs territory must be listed.")
    by_sender = request.incoterm.upper() == "DDP" or request.is_return
    purpose = _PURPOSES.get(request.contents, "SOLD")
    if request.is_return or request.contents == "return":
        purpose = "REPAIR_AND_RETURN"
    return {
        "dutiesPayment": {
            "paymentType": "SENDER" if by_sender else "RECIPIENT",
            "payor": payor if by_sender else None,
        },
        "isDocumentOnly": request.contents == "documents",
        "totalCustomsValue": _money(value_of(request), currency),
        "commercialInvoice": {
            "shipmentPurpose": purpose,
            "termsOfSale": request.incoterm.upper()[:3],
            "customerReferences": [
                {
                    "customerReferenceType": "INVOICE_NUMBER",
                    "value": request.invoice_number[:30],
                }
            ]
            if request.invoice_number
            else [],
        },
        "commodities": [_commodity(part, currency) for part in goods],
    }


def _commodity(part, currency):
    if not part.origin:
        raise CallError(f"The country of origin of {part.label} is missing.")
    part = in_units(part)
    currency = part.currency or currency
    return {
        "description": part.description[:450],
        "quantity": int(part.quantity),
        "quantityUnits": "PCS",
        "numberOfPieces": 1,
        "unitPrice": _money(part.value, currency),
        "customsValue": _money(part.value * part.quantity, currency),
        "countryOfManufacture": part.origin,
        "harmonizedCode": part.hs_code,
        "partNumber": part.sku,
        "weight": _weight(part.weight * part.quantity) if part.weight else None,
    }


def _is_ground(booking: BookedRef) -> bool:
    return booking.service in _GROUND


def _carrier_code(request: PickupRequest) -> str:
    """Return the company that collects.

    :raise CallError: when the bookings are of both
    """
    if request.settings.get("carrier_code"):
        return str(request.settings["carrier_code"])
    kinds = {_is_ground(booking) for booking in request.bookings if booking.service}
    if len(kinds) > 1:
        raise CallError("FedEx collects Ground and Express parcels separately.")
    return "FDXG" if True in kinds else "FDXE"


# === WHAT IS ANSWERED === #


def _refusal(output, words, error_class="poison") -> AnswerError:
    """Return the error of an answer that doesn't bring what was asked for.

    Its reason is in the remarks: what is a mere note there tells it only when
    nothing else does.

    :param words: what to say when FedEx says nothing
    """
    alerts = at(output, "alerts")
    if isinstance(alerts, str) and alerts.strip():
        return AnswerError(alerts.strip(), error_class=error_class)
    alerts = [one for one in objects_of(alerts) if text_at(one, "message")]
    grave = [one for one in alerts if text_at(one, "alertType").upper() != "NOTE"]
    said = grave or alerts
    if not said:
        return AnswerError(words, error_class=error_class)
    told = "; ".join(dict.fromkeys(text_of(one["message"]) for one in said))
    return AnswerError(told, text_of(said[0].get("code")), error_class)


def _currency(*nodes) -> str:
    """Return the currency, by ISO 4217, that the first of some nodes names."""
    for node in nodes:
        found = text_at(node, "currency").upper()
        if len(found) == 3:
            return _CURRENCIES.get(found, found)
    return ""


def _in_order(nodes, request, *path):
    """Return the nodes in the order of the request's packages.

    Where it doesn't tell all places, FedEx's own order serves: all are parcels of
    one shipment, and a number nobody knows of would be worse than two that changed
    places.

    :param path: where a node tells its package's place, from 1
    :raise AnswerError: when there are more or fewer
    """
    count = len(request.packages)
    if len(nodes) != count:
        raise AnswerError(f"FedEx names {len(nodes)} of {count} packages.")
    places = {}
    for node in nodes:
        place = amount_at(node, *path)
        if place is not None and place == place.to_integral_value():
            places[int(place)] = node
    if sorted(places) == list(range(1, count + 1)):
        return [places[place] for place in sorted(places)]
    return nodes


def _tracked(details):
    """Return the packages of a shipment that lists them with its details only."""
    return [
        {
            "packageSequenceNumber": package.get("sequenceNumber"),
            "trackingNumber": at(package, "trackingIds", "trackingNumber"),
            "packageDocuments": package.get("label"),
        }
        for package in objects_at(details, "completedPackageDetails")
    ]


def _error_code(result):
    return text_at(result, "error", "code") or text_at(result, "error", "message")


def _is_ours(result, reference):
    """Tell whether a parcel may be the one asked for.

    FedEx finds by parts of a reference, too; one that names other references isn't
    ours.
    """
    told = set()
    for one in objects_at(result, "additionalTrackingInfo", "packageIdentifiers"):
        if text_at(one, "type") in ("CUSTOMER_REFERENCE", "SHIPPER_REFERENCE"):
            values = one.get("values") or one.get("value")
            values = values if isinstance(values, list) else [values]
            told |= {text_of(value) for value in values} - {""}
    return not told or reference in told


def _papers(nodes, kind, name, package="", *, labelled=False):
    papers = []
    for index, node in enumerate(objects_of(nodes)):
        content = text_at(node, "contentType").upper()
        made, suffix = kind, ""
        if content.startswith("MERGED"):
            # All labels once more, in one paper.
            if labelled:
                continue
        elif "INVOICE" in content:
            made, suffix = "invoice", "-invoice"
        elif content and "LABEL" not in content:
            made, suffix = "other", f"-{content.lower()}"
        data = data_of(node.get("encodedLabel"))
        url = "" if data else text_at(node, "url")
        if data or url.startswith("https://"):
            suffix = suffix or (f"-{index}" if index else "")
            papers.append(
                document_of(made, f"{name}{suffix}", data, url=url, package=package)
            )
    return papers


def _best(rates, actual=""):
    """Return the rate that is paid, None when there is none with a total."""

    def rank(rate):
        kind = text_at(rate, "rateType").upper()
        if actual and kind == actual:
            return -1
        for place, name in enumerate(_RATE_ORDER):
            # PREFERRED_ACCOUNT is a conversion as well.
            if name in kind and (name == "PREFERRED" or "PREFERRED" not in kind):
                return place
        return len(_RATE_ORDER)

    return min(
        (rate for rate in rates if _total(rate) is not None), key=rank, default=None
    )


def _total(rate):
    """Return what a rate comes to: with duties and fees when FedEx counts them."""
    names = (
        "totalNetChargeWithDutiesAndTaxes",
        "totalNetCharge",
        "netCharge",
        "totalNetFedExCharge",
    )
    detail = at(rate, "shipmentRateDetail")
    found = [amount_at(node, name) for node in (rate, detail) for name in names]
    found = [total for total in found if total is not None]
    # A zero is no price, unless nothing else is said.
    return next(filter(None, found), found[0] if found else None)


def _listed(nodes, currency, code=""):
    """Return the lines of a list.

    :param code: what all of them are; by their types when empty
    """
    lines = []
    for line in objects_of(nodes):
        kind = text_at(line, "type") or text_at(line, "surchargeType")
        table = {kind: code} if code else _CHARGES
        words = text_at(line, "description")
        lines.append(charge_of(table, kind, line.get("amount"), currency, words))
    return [line for line in lines if line]


def _lines(rate, detail, currency) -> tuple[Charge, ...]:
    """Return the parts of a price.

    :param rate: has the totals
    :param detail: has the lists
    """
    base = rate.get("totalBaseCharge", rate.get("baseCharge"))
    lines = [
        charge_of(
            {"totalBaseCharge": "freight"},
            "totalBaseCharge",
            base,
            currency,
            "Base charge",
        )
    ]
    surcharges = detail.get("surCharges") or detail.get("surcharges")
    if not objects_of(surcharges):
        surcharges = [
            line
            for package in objects_at(rate, "ratedPackages")
            for line in objects_at(package, "packageRateDetail", "surcharges")
        ]
    lines += _listed(surcharges, currency)
    lines += _discounts(rate, detail, currency)
    taxes = _listed(detail.get("taxes"), currency, "tax")
    lines += taxes
    if not taxes:
        total = amount_at(rate, "totalTaxes") or amount_of(rate.get("totalVatCharge"))
        if total:
            lines.append(Charge("tax", total, currency, "totalTaxes"))
    if amount_at(rate, "totalNetChargeWithDutiesAndTaxes"):
        fees = rate.get("ancillaryFeesAndTaxes") or detail.get("ancillaryFeesAndTaxes")
        lines += _listed(fees, currency)
        duties = amount_at(rate, "totalDutiesAndTaxes")
        if duties:
            words = "Duties and taxes"
            lines.append(
                Charge("customs", duties, currency, "totalDutiesAndTaxes", words)
            )
    return tuple(line for line in lines if line)


def _discounts(rate, detail, currency):
    """Return the discounts as negative amounts."""
    found = objects_at(detail, "freightDiscount") or objects_of(
        detail.get("freightDiscounts")
    )
    lines = _listed(found, currency, "discount")
    if not lines:
        for name in ("totalDiscounts", "totalFreightDiscount", "totalFreightDiscounts"):
            total = amount_at(rate, name) or amount_at(detail, name)
            if total:
                lines = [Charge("discount", total, currency, name)]
                break
    return [replace(line, amount=-abs(line.amount)) for line in lines]


def _quote(reply) -> Quote | None:
    service = text_at(reply, "serviceType")
    rate = _best(objects_at(reply, "ratedShipmentDetails"))
    if not service or rate is None:
        return None
    detail = at(rate, "shipmentRateDetail")
    detail = detail if isinstance(detail, dict) else {}
    package = at(rate, "ratedPackages", "packageRateDetail")
    totals = (at(rate, "totalNetCharge"), at(detail, "totalNetCharge"))
    currency = _currency(rate, detail, package, *totals)
    total = _total(rate)
    if not currency or total < 0:
        return None
    weight = at(detail, "totalBillingWeight") or at(package, "billingWeight")
    weight = kilograms_of(at(weight, "value"), text_at(weight, "units"))
    commit, operational = at(reply, "commit"), at(reply, "operationalDetail")
    return Quote(
        service=service,
        total=total,
        currency=currency,
        name=text_at(reply, "serviceName"),
        charges=settled(_lines(rate, detail, currency), total, currency),
        transit_days=_transit_days(
            at(commit, "transitDays", "minimumTransitTime"),
            at(commit, "transitDays"),
            at(operational, "transitTime"),
            at(commit, "transitDays", "description"),
        ),
        deliver_by=_day(
            at(commit, "dateDetail", "dayFormat")
            or at(operational, "deliveryDate")
            or at(operational, "commitDate")
            or at(operational, "deliveryTimestamp")
        ),
        weight=weight,
        weight_basis=_basis(rate.get("ratedWeightMethod")) if weight else "",
    )


def _basis(method):
    method = text_of(method).upper()
    if method == "ACTUAL":
        return "actual"
    return "volumetric" if method.startswith("DIM") else "billable"


def _transit_days(*told) -> int | None:
    """Return the number in ``TWO_DAYS``, ``2 Business Days`` or ``2``."""
    for written in told:
        name, _mark, rest = re.sub(r"[_ ]+", "_", text_of(written).upper()).partition(
            "_"
        )
        if rest in ("", "DAY", "DAYS", "BUSINESS_DAY", "BUSINESS_DAYS"):
            days = _DAYS.index(name) + 1 if name in _DAYS else whole_of(name)
            if days is not None:
                return days
    return None


def _day(written) -> date | None:
    """Return the day of a promise; its hour is by a clock FedEx doesn't name."""
    try:
        return date.fromisoformat(text_of(written)[:10])
    except ValueError:
        return None


def _shipment_charges(details) -> tuple[Charge, ...]:
    rating = at(details, "shipmentRating")
    rate = _best(
        objects_at(rating, "shipmentRateDetails"),
        text_at(rating, "actualRateType").upper(),
    )
    if rate is None:
        return ()
    currency = _currency(rate)
    if not currency:
        return ()
    return settled(_lines(rate, rate, currency), _total(rate), currency)


def _rated_packages(details, count) -> dict[int, dict]:
    """Return the rate of each package by its place, from 1.

    Numbers that aren't places of the shipment's packages say nothing; then FedEx's
    own order serves, as it does for the packages themselves.

    :param int count: of packages
    """
    packages = objects_at(details, "completedPackageDetails")
    places = [amount_at(package, "sequenceNumber") for package in packages]
    if len(set(places)) < len(places) or not set(places) <= set(range(1, count + 1)):
        places = list(range(1, len(packages) + 1))
    found = {}
    for place, package in zip(places, packages, strict=True):
        rating = at(package, "packageRating")
        rate = _best(
            objects_at(rating, "packageRateDetails"),
            text_at(rating, "actualRateType").upper(),
        )
        if rate is not None:
            found[int(place)] = rate
    return found


def _piece_charges(piece, rate) -> tuple[Charge, ...]:
    if rate is not None and _currency(rate):
        currency = _currency(rate)
        return settled(_lines(rate, rate, currency), _total(rate), currency)
    line = charge_of(
        {"netChargeAmount": "total"},
        "netChargeAmount",
        at(piece, "netChargeAmount"),
        _currency(piece),
    )
    return (line,) if line else ()


def _billed(rate) -> dict[str, Any]:
    if rate is None:
        return {}
    node = rate.get("billingWeight")
    weight = kilograms_of(at(node, "value"), text_at(node, "units"))
    if not weight:
        return {}
    return {"weight": weight, "weight_basis": _basis(rate.get("ratedWeightMethod"))}
