# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Sendcloud: European parcel carriers, by its API v3.

Taken from Sendcloud's own OpenAPI descriptions and guides (https://sendcloud.dev:
shipments, shipping options, returns, parcel documents, pickups). What shapes this
adapter:

* A shipment is announced and labelled in one call, with up to 15 parcels. An
  ``external_reference_id`` can be used once: the second time the answer is HTTP 409
  with the shipment of the first. Two calls with the same reference therefore never
  make two shipments, and a shipment can be looked up by it.
* That a carrier refused isn't told by the HTTP status: 201, parcels with the status
  ``ANNOUNCEMENT_FAILED`` (tracking numbers may be there all the same) and
  ``errors``. The shipment exists from then on and keeps the reference.
* The shipping option decides on the services: its code names them
  (``postnl:standard/signature``).
* A return is announced by an API of its own, which answers with ids alone. The
  tracking number comes with the parcel's events.
* v2 answers with parcels of another form; they are read too.

Settings: ``contract_id``, ``sender_address_id``, ``brand_id``, ``service_point``,
``carrier_code`` (rates, collections), ``export_type``; ``pickup_fields``, an object
merged into the request of a collection for what single carriers want besides.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timezone
from decimal import Decimal

from odoo.addons.logistics_canonical.core.adapter import Result
from odoo.addons.logistics_canonical.core.calls import CallError
from odoo.addons.logistics_canonical.core.retry import classify

from ..core.carrier import ASKED_WITH, AnswerError, NotFoundError
from ..core.shipping import (
    Address,
    Booked,
    BookedPackage,
    BookedRef,
    Cancelled,
    Charge,
    Document,
    ManifestRequest,
    PickupBooked,
    PickupRequest,
    Quote,
    ShipRequest,
)
from .answer_values import (
    amount_of,
    data_of,
    joined,
    kilograms_of,
    object_of,
    objects_of,
    sentences_of,
    settled,
    text_of,
    whole_of,
)
from .json_carrier import (
    JsonCarrier,
)
from .request_parts import (
    in_units,
    round_up,
    shares_of,
    size_of,
    weight_of,
    without_empty,
)

#: Types of the lines of a price.
CHARGES = {
    "price_without_insurance": "freight",
    "insurance_price": "insurance",
    "fuel": "fuel",
    "remote": "remote_area",
    "residential": "residential",
    "dimensional": "oversize",
    "seasonal": "peak",
    "toll": "toll",
    "customs": "customs",
    "returns": "return",
    "pickup": "pickup",
}

#: What a delivery method can ask for, as a functionality of shipping options.
_FUNCTIONALITIES = {
    "signature": ("signature", True),
    "adult_signature": ("age_check", 18),
    "saturday_delivery": ("weekend_delivery", "saturday"),
    "dangerous_goods": ("dangerous_goods", True),
    "carbon_neutral": ("eco_delivery", True),
}
_MIME_TYPES = {
    "PDF": "application/pdf",
    "ZPL": "application/zpl",
    "PNG": "image/png",
}
_SUFFIXES = {mime: name.lower() for name, mime in _MIME_TYPES.items()}
#: The resolution PNG labels are made in; the default is the screen's.
_PNG_DPI = 300
_EXPORT_REASONS = {
    "merchandise": "commercial_goods",
    "gift": "gift",
    "documents": "documents",
    "sample": "commercial_sample",
}

#: Parcel statuses of v3, and their numbers in v2.
_FAILED = {"ANNOUNCEMENT_FAILED", "1002"}
_CANCELLED = {
    "CANCELLED",
    "CANCELLED_UPSTREAM",
    "CANCELLATION_REQUESTED",
    "CANCELLING",
    "CANCELLING_UPSTREAM",
    "1998",
    "1999",
    "2000",
    "2001",
}
_PENDING = {"ANNOUNCING", "NO_LABEL", "1001", "999"}

_CANCELLATIONS = {
    "cancelled": "done",
    "deleted": "done",
    "queued": "requested",
    "already": "already",
}
_PICKUP_CANCELLATIONS = {"CANCELLED": "done", "CANCELLATION_REQUESTED": "requested"}

#: Marks the key of a return, which is another kind of thing at Sendcloud.
_RETURN = "return:"
#: Where the label of an announced parcel is; answers about returns don't say it.
_LABEL = "https://panel.sendcloud.sc/api/v3/parcels/{}/documents/label"


class SendcloudAdapter(JsonCarrier):
    """See the module."""

    max_packages = 15
    required = ("service",)
    # It takes HTTP 409 to believe it.
    already = None

    # === CALLS IN GENERAL === #

    def build_request(
        self, operation, payload, profile, *, environment="production", base_url=""
    ):
        """See :meth:`CarrierAdapter.build_request`."""
        outbound = super().build_request(
            operation, payload, profile, environment=environment, base_url=base_url
        )
        if operation == "cancel" and _is_return(payload):
            outbound = replace(outbound, method="PATCH")
        return outbound

    def parse_response(self, operation, response, profile, request=None):
        """See :meth:`JsonCarrier.parse_response`.

        HTTP 409 isn't always a refusal: with the shipment that has the reference it
        is the answer to a repetition, and what is being cancelled can't be again.
        """
        read = response
        if response.status in (409, 410) and operation in ("book", "cancel"):
            read = replace(response, status=200)
        result = super().parse_response(operation, read, profile, request)
        if operation not in ASKED_WITH or result.ok:
            return result
        error_class, tree = result.error_class, _object(response)
        if operation == "book" and response.status == 409 and not _shipments(tree):
            # Something has our reference, but the answer doesn't say what.
            error_class = "unknown"
        elif operation == "cancel" and response.status == 409:
            said = joined(problem.text for problem in result.parsed.problems)
            if "already" in said and "cancel" in said:
                return Result(data={"value": Cancelled("already", said)})
        elif error_class == "rejected":
            # The profile's rule for errors doesn't mind whose fault they are.
            error_class = classify(read.status) or _error_class(tree)
        return replace(result, error_class=error_class)

    def errors(self, tree) -> Iterator[tuple[str, str]]:
        """See :meth:`JsonCarrier.errors`: one, with all that is wrong."""
        tree = _unwrapped(object_of(tree))
        if tree.get("errors") or tree.get("error"):
            yield _error_code(tree), _error_text(tree)

    # === RATES === #

    def rate_body(self, request: ShipRequest, profile):
        functionalities = dict(map(_functionality, request.options))
        if request.is_return:
            functionalities["returns"] = True
        body = {
            "from_address": _place(request.shipper),
            "to_address": _place(request.recipient),
            "parcels": [
                _parcel(package, share)
                for package, share in zip(
                    request.packages, _shares(request), strict=True
                )
            ],
            "shipping_option_code": request.service,
            "carrier_code": text_of(request.settings.get("carrier_code")),
            "contract_id": _key(request.settings, "contract_id"),
            "functionalities": functionalities,
            "calculate_quotes": True,
        }
        return {}, without_empty(body)

    def read_rate(self, tree, request: ShipRequest, response):
        data = _good(tree).get("data")
        if not isinstance(data, list | dict):
            raise AnswerError("The answer has no shipping options")
        quotes = (_quote(option) for option in objects_of(data))
        return tuple(
            quote
            for quote in quotes
            if quote and request.service in ("", quote.service)
        )

    # === BOOKING === #

    def book_body(self, request: ShipRequest, profile):
        settings = request.settings
        _check(request, self.max_packages)
        service_point = text_of(settings.get("service_point"))
        sender = _key(settings, "sender_address_id")
        customs = request.crosses_customs
        mime = _MIME_TYPES.get(request.label_format, _MIME_TYPES["PDF"])
        body = {
            "external_reference_id": request.reference,
            "reference": request.reference,
            "order_number": request.order or request.reference,
            "from_address": (
                {"sender_address_id": sender} if sender else _address(request.shipper)
            ),
            "to_address": _address(request.recipient),
            "to_service_point": {"id": service_point} if service_point else None,
            "ship_with": {
                "type": "shipping_option_code",
                "properties": {
                    "shipping_option_code": request.service,
                    "contract_id": _key(settings, "contract_id"),
                },
            },
            "brand_id": _key(settings, "brand_id"),
            "label_details": {
                "mime_type": mime,
                "dpi": _PNG_DPI if mime == _MIME_TYPES["PNG"] else None,
            },
            "total_order_price": _worth(request),
            "parcels": [
                {
                    **_parcel(package, share),
                    "parcel_items": _items(request, package, customs),
                }
                for package, share in zip(
                    request.packages, _shares(request), strict=True
                )
            ],
        }
        body = without_empty(body)
        if customs:
            body["customs_information"] = _customs(request)
        return {}, body

    def read_book(self, tree, request: ShipRequest, response) -> Booked:
        shipments = _shipments(_good(tree))
        if len(shipments) != 1:
            raise AnswerError(f"The answer has {len(shipments)} shipments")
        return _booked(shipments[0], request)

    def find_body(self, request: ShipRequest, profile):
        return {"reference": request.reference}, None

    def read_find(self, tree, request: ShipRequest, response) -> Booked:
        answer = _good(tree)
        if not isinstance(answer.get("data"), list):
            raise AnswerError("The answer has no list of shipments")
        shipments = _shipments(answer)
        ours = [one for one in shipments if request.reference in _references(one)]
        if not ours:
            if any(not _references(one) for one in shipments):
                raise AnswerError("The answer doesn't say whose shipments these are")
            raise NotFoundError()
        try:
            return _booked(ours[0], request)
        except AnswerError as error:
            if error.error_class == "rejected":
                # It exists, but nothing travels with it: the same request again
                # brings the carrier's refusal.
                raise NotFoundError(str(error)) from error
            raise

    # === RETURNS === #

    def return_body(self, request: ShipRequest, profile):
        _check(request, self.max_packages)
        package = request.packages[0]
        weight = sum((package.weight for package in request.packages), Decimal(0))
        customs = request.crosses_customs
        items = [
            item
            for package in request.packages
            for item in _items(request, package, customs, returned=True)
        ]
        currency = _currency(request, package)
        body = {
            "from_address": _address(request.shipper),
            "to_address": _address(request.recipient),
            "ship_with": {
                "type": "shipping_option_code",
                "shipping_option_code": request.service,
                "contract": _key(request.settings, "contract_id"),
            },
            "dimensions": _dimensions(package, float),
            "weight": _weight(weight, float),
            "collo_count": len(request.packages),
            "parcel_items": items,
            "brand_id": _key(request.settings, "brand_id"),
            "external_reference": request.reference,
            "order_number": request.order or request.reference,
            "total_insured_value": (
                {"value": float(request.insured), "currency": currency}
                if request.insured
                else None
            ),
            "customs_invoice_nr": _invoice_number(request) if customs else "",
        }
        return {}, without_empty(body)

    def read_return(self, tree, request: ShipRequest, response) -> Booked:
        """Return the return. Its numbers are told by the parcels' events only, so
        ``tracking_number`` is empty here."""
        made = _good(tree)
        made = object_of(made.get("data")) or made
        key, parcel = text_of(made.get("return_id")), text_of(made.get("parcel_id"))
        if not key or not parcel:
            raise AnswerError("The answer names no return")
        others = made.get("multi_collo_ids")
        others = map(text_of, others if isinstance(others, list) else ())
        parcels = [*dict.fromkeys([parcel, *filter(None, others)])]
        packages = [package.reference for package in request.packages]
        keys = parcels + [""] * (len(packages) - len(parcels))
        return Booked(
            partner_id=f"{_RETURN}{key}",
            packages=tuple(
                BookedPackage(reference, "", own)
                for reference, own in zip(packages, keys, strict=False)
            ),
            documents=tuple(
                _linked(
                    "return_label",
                    own,
                    _LABEL.format(own),
                    _MIME_TYPES.get(request.label_format, ""),
                )
                for own in parcels
            ),
        )

    # === AFTERWARDS === #

    def cancel_body(self, request: BookedRef, profile):
        return _address_of(request), None

    def read_cancel(self, tree, request: BookedRef, response) -> Cancelled:
        answer = _good(tree)
        answer = object_of(answer.get("data")) or answer
        status, said = text_of(answer.get("status")), text_of(answer.get("message"))
        if not said and "data" not in tree:
            # Others have such statuses as well, without a sentence.
            raise AnswerError("The answer says nothing of a cancellation")
        if status in _CANCELLATIONS:
            return Cancelled(_CANCELLATIONS[status], said)
        if response.status == 202 and not status:
            # Returns: a request was sent to the carrier.
            return Cancelled("requested", said)
        raise AnswerError(
            said or f"Unknown cancellation status {status!r}",
            code=status,
            error_class="rejected" if status == "failed" else "poison",
        )

    def label_body(self, request: BookedRef, profile):
        return _address_of(request), None

    def read_label(self, tree, request: BookedRef, response):
        answer = _good(tree)
        asked = _MIME_TYPES.get(text_of(request.settings.get("label_format")), "")
        documents = []
        if request.partner_id.startswith(_RETURN):
            made = object_of(answer.get("data")) or answer
            documents = _old_labels(made, asked, "return_label", "")
        else:
            for shipment in _shipments(answer):
                mime = _mime_of(shipment) or asked
                for parcel in objects_of(shipment.get("parcels")):
                    documents += _documents(parcel, mime, "label", "")
        if not documents:
            raise NotFoundError("Sendcloud has no label of this shipment")
        return tuple(documents)

    # === COLLECTIONS === #

    def pickup_body(self, request: PickupRequest, profile):
        settings = request.settings
        carrier = text_of(settings.get("carrier_code"))
        if not carrier:
            raise CallError(
                "Sendcloud orders a collection of one carrier: enter its code."
            )
        item = {"quantity": request.parcels, "container_type": "parcel"}
        if request.weight > 0:
            item["total_weight"] = _weight(request.weight)
        body = {
            "carrier_code": carrier,
            "contract_id": _key(settings, "contract_id"),
            "reference": request.reference,
            "address": _address(request.address),
            "time_slots": [
                {
                    "start_at": _instant(request.ready_at),
                    "end_at": _instant(request.close_at),
                }
            ],
            "items": [item],
            "special_instructions": request.instructions,
        }
        extra = settings.get("pickup_fields")
        if isinstance(extra, Mapping):
            body.update(extra)
        return {}, without_empty(body)

    def read_pickup(self, tree, request: PickupRequest, response):
        """Return the collection. Sendcloud may still be announcing it to the
        carrier."""
        pickup = _good(tree)
        pickup = object_of(pickup.get("data")) or pickup
        key = text_of(pickup.get("id"))
        status = text_of(pickup.get("status")) or text_of(pickup.get("pickup_status"))
        # Others call their own objects by a name.
        if not key or not status or "object" in pickup:
            raise AnswerError("The answer names no pickup")
        if status.upper() not in ("CREATED", "ANNOUNCING", "ANNOUNCED"):
            said = joined(sentences_of(pickup.get("errors")))
            raise AnswerError(
                said or f"The collection is {status!r}",
                code=status,
                error_class="rejected",
            )
        return PickupBooked(key)

    def pickup_cancel_body(self, request: PickupRequest, profile):
        return {"confirmation": request.confirmation}, None

    def read_pickup_cancel(self, tree, request: PickupRequest, response):
        pickup = _good(tree)
        pickup = object_of(pickup.get("data")) or pickup
        status = text_of(pickup.get("status")).upper()
        if not text_of(pickup.get("id")) or "object" in pickup:
            raise AnswerError("The answer names no pickup")
        if status not in _PICKUP_CANCELLATIONS:
            raise AnswerError(
                f"The collection is {status!r}", code=status, error_class="rejected"
            )
        return Cancelled(_PICKUP_CANCELLATIONS[status], status)

    # === WHAT THERE ISN'T === #

    def manifest_body(self, request: ManifestRequest, profile):
        raise CallError("Sendcloud makes no manifests.")


# === WHAT IS SENT === #


def _address(address: Address):
    return without_empty(
        {
            # A name is required.
            "name": address.name or address.company,
            "company_name": address.company,
            "address_line_1": address.street,
            "address_line_2": address.street2,
            "postal_code": address.zip,
            "city": address.city,
            "state_province_code": _state(address),
            "country_code": address.country,
            "email": address.email,
            "phone_number": address.phone,
        }
    )


def _place(address):
    """Return what an address has to do with a price."""
    names = ("address_line_1", "postal_code", "city")
    whole = _address(address)
    return without_empty(
        {
            **{name: whole.get(name) for name in names},
            "state_province_code": _state(address),
            "country_code": address.country,
        }
    )


def _state(address):
    if not address.state or "-" in address.state:
        return address.state
    return f"{address.country}-{address.state}"


def _key(settings, name):
    """Return a setting that is a Sendcloud id as a number, None when not set."""
    told = text_of(settings.get(name))
    if not told:
        return None
    if not told.isascii() or not told.isdigit():
        raise CallError(f"The setting {name} is a number, not {told!r}.")
    return int(told)


def _weight(kilograms, form=str):
    return {"value": form(round_up(kilograms, 3)), "unit": "kg"}


def _dimensions(package, form=str):
    sides = size_of(package)
    told = {name: form(round_up(side, 2)) for name, side in sides.items()}
    return {**told, "unit": "cm"} if told else None


def _parcel(package, insured):
    return {
        "weight": _weight(weight_of(package)),
        "dimensions": _dimensions(package),
        "additional_insured_price": insured,
        "package_type": package.packaging,
    }


def _shares(request):
    """Return what each parcel is insured for, None for nothing."""
    return [
        {"value": f"{share:.2f}", "currency": _currency(request, package)}
        if share
        else None
        for package, share in zip(request.packages, shares_of(request), strict=True)
    ]


def _currency(request, package, item=None):
    told = (item.currency if item else "") or package.currency or request.currency
    if not told:
        raise CallError(f"The value of the parcel {package.reference} has no currency.")
    return told


def _worth(request):
    currencies = {package.currency or request.currency for package in request.packages}
    value = sum((package.value for package in request.packages), Decimal(0))
    if value <= 0 or len(currencies) != 1 or not all(currencies):
        return None
    return {"value": f"{value:.2f}", "currency": currencies.pop()}


def _items(request, package, customs, returned=False):
    """Return the goods, as the customs want them. Where no border is crossed they
    may be left out, and are when Sendcloud wouldn't take them."""
    goods = package.commodities
    if customs and not goods:
        raise CallError(
            f"The parcel {package.reference} crosses a customs border: say what is "
            "in it."
        )
    if not customs and not all(item.hs_code and item.weight > 0 for item in goods):
        return []
    return [_item(request, package, item, returned) for item in goods]


def _item(request, package, item, returned):
    for name, value in (
        ("HS code", item.hs_code),
        ("weight", item.weight),
        ("country of origin", item.origin),
    ):
        if not value:
            raise CallError(f"{item.label} has no {name}, which customs want.")
    item = in_units(item)
    currency = _currency(request, package, item)
    price = {"value": f"{item.value:.2f}", "currency": currency}
    if returned:
        price["value"] = float(price["value"])
    return {
        "description": item.description[:255],
        "quantity": int(item.quantity),
        "weight": _weight(item.weight, float),
        "value" if returned else "price": price,
        "hs_code": item.hs_code,
        "origin_country": item.origin,
        "sku": item.sku,
    }


def _invoice_number(request):
    return (request.invoice_number or request.order or request.reference)[:40]


def _customs(request):
    reason = _EXPORT_REASONS.get(request.contents)
    if not reason:
        raise CallError(f"Sendcloud ships nothing abroad as {request.contents!r}.")
    numbers = {
        "sender": _tax_numbers(request.shipper),
        "receiver": _tax_numbers(request.recipient),
        "importer_of_record": [],
    }
    told = {
        "invoice_number": _invoice_number(request),
        "export_reason": reason,
        "export_type": text_of(request.settings.get("export_type")),
    }
    if any(numbers.values()):
        # Lists without a number stay: Sendcloud wants all three.
        return {**without_empty(told), "tax_numbers": numbers}
    return without_empty(told)


def _tax_numbers(address):
    numbers = (("VAT", address.vat), ("EORI", address.eori))
    return [
        {"name": name, "country_code": address.country, "value": value}
        for name, value in numbers
        if value
    ]


def _functionality(option):
    try:
        return _FUNCTIONALITIES[option]
    except KeyError as error:
        raise CallError(f"Sendcloud can't be asked for {option!r}.") from error


def _check(request, most):
    """Refuse what would silently not be done."""
    if not request.service:
        raise CallError("The delivery method names no Sendcloud shipping option.")
    if not 0 < len(request.packages) <= most:
        raise CallError(f"Sendcloud announces 1 to {most} parcels at once.")
    if request.cod:
        raise CallError("Sendcloud's v3 takes no amount to collect on delivery.")
    parts = request.service.partition("/")[2].split(",")
    for option in request.options:
        name, value = _functionality(option)
        wanted = name if value is True else f"{name}={value}"
        if wanted not in parts:
            raise CallError(
                f"With Sendcloud the shipping option decides: {request.service!r} "
                f"doesn't name {wanted!r}. Choose one that does, or don't ask for "
                f"{option!r}."
            )


def _instant(moment: datetime) -> str:
    if moment.tzinfo is None:
        raise CallError("The time of a collection needs its time zone.")
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _is_return(payload):
    return text_of(payload.get("partner_id")).startswith(_RETURN)


def _address_of(request):
    """Return what fills the path of a shipment or return."""
    key = request.partner_id
    if key.startswith(_RETURN):
        return {"kind": "returns", "key": key.removeprefix(_RETURN)}
    return {"kind": "shipments", "key": key}


# === WHAT IS READ === #


def _good(tree):
    """Return an answer's object.

    :raise AnswerError: when it is none, or an error
    """
    if not isinstance(tree, dict):
        raise AnswerError("The answer is no object")
    tree = _unwrapped(tree)
    if text_of(tree.get("action")):
        raise AnswerError("This is a notification, not an answer")
    if tree.get("errors") or tree.get("error"):
        if _is_missing(tree):
            raise NotFoundError(_error_text(tree), _error_code(tree))
        raise AnswerError(_error_text(tree), _error_code(tree), "rejected")
    said = text_of(tree.get("detail")) or text_of(tree.get("Message"))
    if said and not tree.get("data"):
        # What answers instead of the API: its framework, or the store behind it.
        if text_of(tree.get("Code")) == "NoSuchKey" or said.startswith("Not found"):
            raise NotFoundError(said, text_of(tree.get("Code")))
        raise AnswerError(said, text_of(tree.get("Code")), "rejected")
    failed = objects_of(tree.get("failed_parcels"))
    if failed:
        said = joined(
            line
            for parcel in failed
            for line in sentences_of(parcel.get("errors")) or ["A parcel failed"]
        )
        # v2 may have announced the others.
        done = objects_of(tree.get("parcels"))
        raise AnswerError(
            joined([said, f"{len(done)} parcels were announced" if done else ""]),
            code="failed_parcel",
            error_class="unknown" if done else "rejected",
        )
    return tree


def _unwrapped(tree):
    """Return what Sendcloud's API descriptions wrap: ``{name: {"value": …}}``.

    Recordings and stand-ins made of them answer in this form.
    """
    parts = list(tree.values())
    if len(parts) == 1 and isinstance(parts[0], dict):
        inner = parts[0].get("value")
        if isinstance(inner, dict) and parts[0].keys() <= {
            "value",
            "summary",
            "description",
        }:
            return inner
    return tree


def _is_missing(tree):
    codes = [tree.get("error"), *objects_of(tree.get("errors"))]
    return any(
        text_of(object_of(part).get("code")) in ("not_found", "404") for part in codes
    )


def _error_code(tree):
    """Return the code of the first error, else its HTTP status."""
    for error in (object_of(tree.get("error")), *objects_of(tree.get("errors"))):
        code = text_of(error.get("code")) or text_of(error.get("status"))
        if code:
            return code
    return ""


def _error_class(tree):
    """Return the class of errors: that of the worst HTTP status they name."""
    errors = objects_of(tree.get("errors"))
    statuses = [whole_of(error.get("status")) or 0 for error in errors]
    worst = max(statuses, default=0)
    # An error that names none is a refusal.
    return worst >= 400 and classify(worst) or "rejected"


def _error_text(tree):
    """Return errors for a person, each with what it is about."""
    lines = []
    for error in objects_of(tree.get("errors")):
        source = object_of(error.get("source"))
        place = next(
            filter(
                None,
                (
                    text_of(source.get("pointer")).strip("/").replace("/", "."),
                    text_of(source.get("parameter")),
                    text_of(source.get("header")),
                    text_of(error.get("field")),
                ),
            ),
            "",
        )
        said = ("detail", "message", "title")
        said = next(filter(None, (text_of(error.get(name)) for name in said)), "")
        if said:
            lines.append(f"{place}: {said}" if place else said)
        else:
            lines += sentences_of(error)
    if not lines:
        lines = sentences_of(tree.get("errors"))
    error = tree.get("error")
    lines += sentences_of(object_of(error).get("message") or error)
    return joined(lines)


def _object(response):
    """Return the object an answer consists of, an empty one when it is none."""
    try:
        return object_of(json.loads(response.body))
    except (ValueError, RecursionError):
        return {}


def _shipments(tree):
    """Return the shipments of an answer; v2's parcels and the labels of orders as
    shipments of v3."""
    if tree.get("data") is not None:
        return [
            _of_order(shipment) for shipment in objects_of(tree["data"]) if shipment
        ]
    if "parcels" in tree and text_of(tree.get("id")):
        # A shipment without an envelope.
        return [tree]
    old = objects_of(tree.get("parcel") or tree.get("parcels"))
    groups = {}
    for parcel in old:
        key = text_of(parcel.get("shipment_uuid")) or text_of(parcel.get("id"))
        groups.setdefault(key, []).append(parcel)
    return [
        {
            "id": key,
            "parcels": parcels,
            "reference": parcels[0].get("reference"),
            "external_reference_id": parcels[0].get("external_reference"),
            "errors": [
                {"detail": line}
                for parcel in parcels
                for line in sentences_of(parcel.get("errors"))
            ],
        }
        for key, parcels in groups.items()
    ]


def _of_order(label):
    """Return the label of an order as a shipment, anything else as it is."""
    if "parcels" in label or not text_of(label.get("parcel_id")):
        return label
    made = object_of(label.get("label"))
    return {
        "id": label.get("shipment_id"),
        "external_reference_id": label.get("external_reference_id"),
        "reference": label.get("order_number"),
        "label_details": {"mime_type": made.get("mime_type")},
        "errors": label.get("errors"),
        "parcels": [
            {
                "id": label["parcel_id"],
                "tracking_number": label.get("tracking_number"),
                "tracking_url": label.get("tracking_url"),
                "label_file": made.get("file"),
                "documents": label.get("documents"),
            }
        ],
    }


def _references(shipment):
    told = (shipment.get("external_reference_id"), shipment.get("reference"))
    return {text for text in map(text_of, told) if text}


def _status(parcel):
    status = parcel.get("status")
    if isinstance(status, dict):
        status = status.get("code") or status.get("id")
    return text_of(status).upper().replace(" ", "_").replace("-", "_")


def _booked(shipment, request):
    key = text_of(shipment.get("id"))
    parcels = objects_of(shipment.get("parcels"))
    if not key or not parcels:
        raise AnswerError("The answer names no shipment with parcels")
    said = _error_text({"errors": shipment.get("errors")})
    statuses = [_status(parcel) for parcel in parcels]
    failed = [status for status in statuses if status in _FAILED]
    gone = [status for status in statuses if status in _CANCELLED]
    if failed and len(failed) == len(parcels):
        raise AnswerError(
            said or "The carrier refused the announcement",
            code=failed[0],
            error_class="rejected",
        )
    if gone and len(gone) == len(parcels):
        raise AnswerError(
            "The shipment is cancelled", code=gone[0], error_class="rejected"
        )
    if failed or gone:
        done = len(parcels) - len(failed) - len(gone)
        raise AnswerError(
            joined([f"{done} of {len(parcels)} parcels were announced", said]),
            code=(failed + gone)[0],
            error_class="unknown",
        )
    numbers = [text_of(parcel.get("tracking_number")) for parcel in parcels]
    if any(status in _PENDING for status in statuses) or not all(numbers):
        raise AnswerError(
            joined(["Sendcloud has not announced all parcels yet", said]),
            code=statuses[0],
            error_class="unknown",
        )
    if len(parcels) != len(request.packages):
        raise AnswerError(
            f"{len(request.packages)} parcels were to be announced, and "
            f"{len(parcels)} were"
        )
    mime = _mime_of(shipment) or _MIME_TYPES.get(request.label_format, "")
    packages, documents = [], []
    for package, parcel, number in zip(request.packages, parcels, numbers, strict=True):
        own = text_of(parcel.get("id"))
        packages.append(BookedPackage(package.reference, number, own))
        documents += _documents(parcel, mime, "label", package.reference)
    return Booked(
        partner_id=key,
        packages=tuple(packages),
        number=numbers[0],
        documents=tuple(documents),
        tracking_url=text_of(parcels[0].get("tracking_url")),
    )


def _mime_of(shipment):
    """Return what the labels of a shipment were asked for as, empty if untold."""
    return text_of(object_of(shipment.get("label_details")).get("mime_type"))


def _documents(parcel, mime, kind, package):
    """Return the papers of a parcel.

    :param mime: what its label is, empty when nobody said
    :param kind: what a label is called
    """
    own = text_of(parcel.get("tracking_number")) or text_of(parcel.get("id"))
    documents, has_label = [], False
    data = data_of(parcel.get("label_file"))
    if data:
        mime = mime or _MIME_TYPES["PDF"]
        name = f"{own}.{_SUFFIXES.get(mime, 'pdf')}"
        documents.append(Document(kind, name, mime, data, package=package))
        has_label = True
    for paper in objects_of(parcel.get("documents")):
        url = text_of(paper.get("link"))
        named = text_of(paper.get("document_type")) or text_of(paper.get("type"))
        is_label = named == "label"
        if not url or (is_label and has_label):
            continue
        if is_label:
            has_label = True
            documents.append(_linked(kind, own, url, mime, package))
            continue
        what = "invoice" if named == "commercial-invoice" else "other"
        name = f"{own}-{named or 'paper'}.pdf"
        documents.append(Document(what, name, url=url, package=package))
    if not has_label:
        documents += _old_labels(parcel, mime, kind, package)
    return documents


def _linked(kind, own, url, mime, package=""):
    """Return a label that has to be fetched.

    What the documents of a parcel are sent as, the ``Accept`` of the call decides
    (PDF unless told); the labels of v2 are PDF alone.
    """
    if "/documents/" not in url or mime not in _SUFFIXES:
        mime = _MIME_TYPES["PDF"]
    return Document(kind, f"{own}.{_SUFFIXES[mime]}", mime, url=url, package=package)


def _old_labels(node, mime, kind, package):
    """Return the label as v2 and returns name it."""
    label = object_of(node.get("label"))
    url = text_of(label.get("label_printer")) or text_of(node.get("label_url"))
    if not url:
        sheets = label.get("normal_printer")
        url = text_of(sheets[0]) if isinstance(sheets, list) and sheets else ""
    own = text_of(node.get("tracking_number")) or text_of(node.get("id")) or "label"
    return [_linked(kind, own, url, mime, package)] if url else []


def _quote(option):
    code = text_of(option.get("code"))
    for quote in objects_of(option.get("quotes")):
        price = object_of(quote.get("price"))
        total = object_of(price.get("total"))
        amount = amount_of(total.get("value"))
        currency = text_of(total.get("currency"))
        if not code or amount is None or amount < 0 or not currency:
            continue
        hours = whole_of(quote.get("lead_time"))
        weight, basis = _billed(option.get("billed_weight"))
        return Quote(
            service=code,
            total=amount,
            currency=currency,
            name=text_of(option.get("name")),
            charges=settled(
                filter(None, map(_charge, objects_of(price.get("breakdown")))),
                amount,
                currency,
            ),
            transit_days=None if hours is None else -(-hours // 24),
            weight=weight,
            weight_basis=basis,
        )
    return None


def _charge(line):
    price = object_of(line.get("price"))
    amount = amount_of(price.get("value"))
    currency = text_of(price.get("currency"))
    if amount is None or not currency:
        return None
    kind = text_of(line.get("type"))
    text = text_of(line.get("label"))
    return Charge(CHARGES.get(kind, "other"), amount, currency, kind, text)


def _billed(value):
    """Return the weight a price is based on, in kilograms, and where it is from."""
    value = object_of(value)
    weight = kilograms_of(value.get("value"), text_of(value.get("unit")))
    if not weight:
        return weight, ""
    bases = {True: "volumetric", False: "actual"}
    flag = value.get("volumetric")
    return weight, bases[flag] if isinstance(flag, bool) else "billable"
