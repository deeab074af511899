# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""EasyPost: one API for more than a hundred carriers.

Taken from https://docs.easypost.com (shipments, rates, parcels, customs items,
options, returns, refunds, pickups, scan forms, errors) and EasyPost's own client
libraries. What shapes this adapter:

* A shipment is one parcel. It is rated, bought and labelled by one call when
  ``service`` and ``carrier_accounts`` are given.
* There is no key that makes a repeated purchase harmless. A shipment can be asked
  for by our ``reference`` instead of its id, but EasyPost doesn't enforce that
  references are unique and documents them for "many" calls only: finding the
  shipment proves that it was bought, not finding it proves nothing.
* A collection takes two calls: the first brings offers, the second orders one.

Services are written ``USPS/Priority``, or ``Priority`` where the carrier account
leaves no doubt. Settings: ``carrier_account`` (``ca_…``), ``cod_method``,
``customs_signer``, ``eel_pfc``, ``non_delivery_option``; for collections
``batch``, ``pickup_carrier`` and ``pickup_service``.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from decimal import ROUND_FLOOR, Decimal
from typing import Any

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
    NextCall,
    PickupBooked,
    PickupRequest,
    Quote,
    ShipRequest,
)
from .answer_values import (
    amount_of,
    joined,
    object_of,
    objects_of,
    sentences_of,
    text_at,
    text_of,
    whole_of,
)
from .json_carrier import (
    JsonCarrier,
)
from .request_parts import (
    INCH,
    KILOGRAMS,
    currency_of,
    round_up,
    size_of,
    weight_of,
    without_empty,
)

#: What EasyPost charges beside the postage, which ``selected_rate`` tells. Fees
#: are in US dollars, as is what a shipment is insured for (its insurance guide).
_FEES = {"InsuranceFee": "insurance"}
_POSTAGE_FEE = "PostageFee"
_FEE_CURRENCY = "USD"
#: What a rate is in that doesn't name its currency: those of the early versions.
_RATE_CURRENCY = "USD"

_CONFIRMATIONS = {"signature": "SIGNATURE", "adult_signature": "ADULT_SIGNATURE"}
_SWITCHES = {
    "saturday_delivery": "saturday_delivery",
    "dangerous_goods": "dangerous_goods",
    "carbon_neutral": "carbon_neutral",
}
_CONTENTS = {"return": "returned_goods"}

#: Exports from the United States below this value need no filing of their own (15
#: CFR 30.37(a)).
_FILING_VALUE = Decimal(2500)
_NO_FILING = "NOEEI 30.37(a)"

_REFUNDS = {
    "submitted": "requested",
    "refunded": "done",
    "not_applicable": "already",
}
_FORMATS = ("png", "pdf", "zpl", "epl2")
_SUFFIXES = {
    "application/pdf": "pdf",
    "image/png": "png",
    "application/zpl": "zpl",
    "text/plain": "txt",
}
#: Separates the carrier's confirmation of a collection from EasyPost's key of it,
#: by which it is cancelled.
_PICKUP_PREFIX = "pickup_"
#: Stands for what a collection was asked with when the answer tells whether it was
#: ordered, so that there is no further call to make.
_ORDERED = {
    "reference": "",
    "address": {"country": ""},
    "ready_at": "2000-01-01T00:00:00+00:00",
    "close_at": "2000-01-01T00:00:00+00:00",
    "settings": {"ordered": True},
}


class EasyPostAdapter(JsonCarrier):
    """See the module."""

    max_packages = 1
    required = ("service",)

    # === ANSWERS IN GENERAL === #

    def parse_response(self, operation, response, profile, request=None):
        """See :meth:`JsonCarrier.parse_response`.

        ``pickup_buy`` and ``pickup_find`` answer with the collection that
        ``pickup`` asked for, ``cancel_find`` with what ``cancel`` has brought about.
        """
        if operation in ("pickup_buy", "pickup_find"):
            operation, request = "pickup", _ORDERED
        elif operation == "cancel_find":
            operation = "cancel"
        return super().parse_response(operation, response, profile, request)

    def errors(self, tree: Any) -> Iterator[tuple[str, str]]:
        """See :meth:`JsonCarrier.errors`: there is one, with the fields it is about."""
        error = object_of(tree).get("error")
        if error:
            yield text_at(error, "code"), _error_text(error)

    # === RATES === #

    def rate_body(self, request: ShipRequest, profile):
        # Without our reference: what is only rated must not be found by it.
        shipment = self._shipment(request)
        return {}, {"shipment": shipment}

    def read_rate(self, tree, request: ShipRequest, response):
        shipment = _good(tree, "Shipment", "Order")
        rates = shipment.get("rates")
        if rates is None:
            raise AnswerError("The answer has no rates")
        quotes = tuple(filter(None, map(_quote, objects_of(rates))))
        if not quotes:
            messages = _messages(shipment)
            if messages:
                raise AnswerError(messages, error_class="rejected")
        return tuple(
            replace(quote, service=request.service or quote.service)
            for quote in quotes
            if request.service in ("", quote.service, _split_service(quote.service)[1])
        )

    # === BOOKING === #

    def book_body(self, request: ShipRequest, profile):
        carrier, service = _split_service(request.service)
        if not service:
            raise CallError("The delivery method names no EasyPost service.")
        account = text_of(request.settings.get("carrier_account"))
        if not account:
            raise CallError(
                "EasyPost buys a label in one call only for one carrier account: "
                "enter its id (ca_…) as carrier account."
            )
        shipment = self._shipment(request)
        shipment.update(
            without_empty(
                {
                    "reference": request.reference,
                    "service": service,
                    "carrier": carrier,
                    "carrier_accounts": [account],
                }
            )
        )
        if request.insured:
            if currency_of(request) != _FEE_CURRENCY:
                # Of another currency it would be read as dollars.
                raise CallError(f"EasyPost insures in {_FEE_CURRENCY} only.")
            shipment["insurance"] = _money(request.insured)
        return {}, {"shipment": shipment}

    def read_book(self, tree, request: ShipRequest, response) -> Booked:
        shipment = _good(tree, "Shipment", "Order")
        if shipment.get("object") == "Order":
            return _ordered(shipment, request)
        if _unbought(shipment):
            said = _messages(shipment) or "EasyPost has not bought the label"
            raise AnswerError(said, error_class="rejected")
        return _booked(shipment, request)

    def find_body(self, request: ShipRequest, profile):
        return {"reference": request.reference}, None

    def read_find(self, tree, request: ShipRequest, response) -> Booked:
        shipment = _good(tree)
        if text_of(shipment.get("reference")) != request.reference:
            raise AnswerError("EasyPost answered about another shipment")
        if _unbought(shipment):
            raise NotFoundError("EasyPost has the shipment, but it was not bought")
        return _booked(shipment, request)

    # === AFTERWARDS === #

    def cancel_body(self, request: BookedRef, profile):
        return {"shipment": request.partner_id or request.reference}, None

    def read_cancel(self, tree, request: BookedRef, response) -> Cancelled:
        shipment = _refund(tree, request) or _good(tree)
        status = text_of(shipment.get("refund_status"))
        if status in _REFUNDS:
            return Cancelled(_REFUNDS[status], f"refund {status}")
        if status == "rejected":
            said = _messages(shipment)
            raise AnswerError(
                joined(["The carrier rejected the refund", said]),
                code=status,
                error_class="rejected",
            )
        if shipment.get("refund_status", status) is None:
            raise NotFoundError("No refund was asked for")
        raise AnswerError(f"Unknown refund status {status!r}", code=status)

    def label_body(self, request: BookedRef, profile):
        return {"shipment": request.partner_id or request.reference}, None

    def read_label(self, tree, request: BookedRef, response):
        shipment = _good(tree)
        wanted = text_of(request.settings.get("label_format"))
        is_return = shipment.get("is_return") is True
        documents = _documents(shipment, wanted, is_return, "")
        if not documents:
            raise NotFoundError("EasyPost has no label of this shipment")
        return documents

    # === COLLECTIONS === #

    def pickup_body(self, request: PickupRequest, profile):
        pickup = {
            "reference": request.reference,
            "address": _address(request.address),
            "min_datetime": _instant(request.ready_at),
            "max_datetime": _instant(request.close_at),
            "is_account_address": False,
            "instructions": request.instructions,
        }
        batch = text_of(request.settings.get("batch"))
        account = text_of(request.settings.get("carrier_account"))
        if batch:
            pickup["batch"] = {"id": batch}
        elif len(request.bookings) == 1 and request.bookings[0].partner_id:
            pickup["shipment"] = {"id": request.bookings[0].partner_id}
        else:
            raise CallError(
                "EasyPost collects one shipment, or a batch of them: name one "
                "booking, or the batch (the manifest's) in the settings."
            )
        if account:
            pickup["carrier_accounts"] = [{"id": account}]
        return {}, {"pickup": without_empty(pickup)}

    def read_pickup(self, tree, request: PickupRequest, response):
        """Return the collection, or what orders it (:class:`NextCall`)."""
        pickup = _good(tree, "Pickup")
        key = text_of(pickup.get("id"))
        if not key:
            raise AnswerError("The answer names no pickup")
        status = text_of(pickup.get("status"))
        number = text_of(pickup.get("confirmation"))
        # A confirmation stays there when the collection is cancelled.
        if status in ("canceled", "cancelled"):
            raise AnswerError("The collection is cancelled", error_class="rejected")
        if status == "scheduled" or number:
            rates = objects_of(pickup.get("pickup_rates"))
            return PickupBooked(
                "/".join(filter(None, (number, key))),
                # Of several offers the answer doesn't tell which was taken.
                tuple(filter(None, map(_pickup_charge, rates[:1])))
                if len(rates) == 1
                else (),
            )
        if request.settings.get("ordered"):
            raise NotFoundError("The collection is offered, but not ordered")
        return _order(pickup, key, request.settings)

    def pickup_cancel_body(self, request: PickupRequest, profile):
        parts = request.confirmation.split("/")
        keys = [part for part in parts if part.startswith(_PICKUP_PREFIX)]
        # Our reference stands for the id here too.
        return {"pickup": (keys or [request.reference])[0]}, None

    def read_pickup_cancel(self, tree, request: PickupRequest, response):
        pickup = _good(tree, "Pickup")
        if not text_of(pickup.get("id")):
            raise AnswerError("The answer names no pickup")
        status = text_of(pickup.get("status"))
        if status not in ("canceled", "cancelled"):
            said = joined([f"The collection is {status!r}", _messages(pickup)])
            raise AnswerError(said, code=status, error_class="rejected")
        return Cancelled("done", status)

    # === MANIFESTS === #

    def manifest_body(self, request: ManifestRequest, profile):
        keys = [booking.partner_id for booking in request.bookings]
        if not keys or not all(keys):
            raise CallError("A scan form is made of shipments EasyPost has an id of.")
        return {}, {"shipments": [{"id": key} for key in keys]}

    def read_manifest(self, tree, request: ManifestRequest, response):
        """Return the scan form. EasyPost may still be drawing it: then there is no
        document yet, and a ``scan_form`` event will tell its address."""
        form = _good(_scan_form(tree), "ScanForm")
        key, status = text_of(form.get("id")), text_of(form.get("status"))
        said = text_of(form.get("message"))
        if status == "failed":
            raise AnswerError(
                said or "EasyPost made no scan form",
                code=status,
                error_class="rejected",
            )
        if not key or status not in ("creating", "created"):
            raise AnswerError(f"Unknown scan form status {status!r}", code=status)
        documents = ()
        url = text_of(form.get("form_url"))
        if url:
            kind = text_of(form.get("form_file_type")) or _type_of(url)
            name = f"{key}.{_SUFFIXES.get(kind, 'pdf')}"
            documents = (Document("manifest", name, kind, url=url),)
        codes = form.get("tracking_codes")
        codes = {text_of(code) for code in codes} if isinstance(codes, list) else set()
        missing = tuple(
            (booking.reference, said or "EasyPost left it out")
            for booking in request.bookings
            if status == "created" and booking.number and booking.number not in codes
        )
        return Manifested(key, documents, missing)

    # === PARTS === #

    def _shipment(self, request):
        if len(request.packages) != 1:
            raise CallError("EasyPost books parcels one by one.")
        package = request.packages[0]
        sender, receiver = request.shipper, request.recipient
        if request.is_return:
            # EasyPost wants the addresses of the way out and turns them round.
            sender, receiver = receiver, sender
        account = text_of(request.settings.get("carrier_account"))
        return without_empty(
            {
                "to_address": _address(receiver),
                "from_address": _address(sender),
                "parcel": _parcel(package),
                "customs_info": _customs(request, package),
                "tax_identifiers": [
                    *_tax(request.shipper, "SENDER"),
                    *_tax(request.recipient, "RECEIVER"),
                ]
                if request.crosses_customs
                else [],
                "is_return": True if request.is_return else None,
                "options": _options(request),
                "carrier_accounts": [account] if account else [],
            }
        )


# === WHAT IS SENT === #


def _address(address: Address):
    return without_empty(
        {
            "name": address.name,
            "company": address.company,
            "street1": address.street,
            "street2": address.street2,
            "city": address.city,
            "state": address.state,
            "zip": address.zip,
            "country": address.country,
            "phone": address.phone,
            "email": address.email,
            "residential": True if address.residential else None,
        }
    )


def _tax(address, entity):
    numbers = (("EORI", address.eori), ("VAT", address.vat))
    return [
        {
            "entity": entity,
            "tax_id": number,
            "tax_id_type": kind,
            "issuing_country": address.country,
        }
        for kind, number in numbers
        if number
    ]


def _parcel(package):
    parcel = {"weight": str(round_up(weight_of(package) / KILOGRAMS["oz"], 1))}
    if package.packaging:
        # A carrier's own box has its size.
        return {**parcel, "predefined_package": package.packaging}
    for name, side in size_of(package).items():
        parcel[name] = str(round_up(side / INCH, 1))
    return parcel


def _options(request):
    options = {
        "label_format": request.label_format,
        "currency": request.currency,
        "invoice_number": request.invoice_number,
        "print_custom_1": request.order,
        "incoterm": request.incoterm,
    }
    if request.ship_on:
        # Noon, so that it is the same day wherever the label is printed.
        options["label_date"] = f"{request.ship_on.isoformat()}T12:00:00Z"
    if request.cod:
        options["cod_amount"] = _money(request.cod)
        options["cod_method"] = text_of(request.settings.get("cod_method"))
    for option in request.options:
        if option in _SWITCHES:
            options[_SWITCHES[option]] = True
        elif option not in _CONFIRMATIONS:
            raise CallError(f"EasyPost has no option for {option!r}.")
    for option in ("adult_signature", "signature"):
        if option in request.options:
            options.setdefault("delivery_confirmation", _CONFIRMATIONS[option])
    return without_empty(options)


def _customs(request, package):
    if not request.crosses_customs:
        return None
    if not package.commodities:
        if request.contents == "documents":
            return None
        raise CallError(
            f"The parcel {package.reference} crosses a customs border: say what is "
            "in it."
        )
    settings = request.settings
    signer = (
        text_of(settings.get("customs_signer"))
        or request.shipper.name
        or request.shipper.company
    )
    return without_empty(
        {
            "contents_type": _CONTENTS.get(request.contents, request.contents),
            "customs_certify": True,
            "customs_signer": signer,
            "eel_pfc": _filing(request, package),
            "non_delivery_option": text_of(settings.get("non_delivery_option"))
            or "return",
            "restriction_type": "none",
            "customs_items": [
                _customs_item(item, package) for item in package.commodities
            ],
        }
    )


def _customs_item(item, package):
    whole = item.quantity == item.quantity.to_integral_value()
    weight = item.weight * item.quantity / KILOGRAMS["oz"]
    return without_empty(
        {
            "description": item.description,
            "quantity": int(item.quantity) if whole else float(item.quantity),
            # Of all units together, as is the weight.
            "value": _money(item.value * item.quantity),
            # Down, so that the goods don't outweigh their parcel; EasyPost keeps
            # three digits.
            "weight": f"{weight.quantize(Decimal('0.001'), ROUND_FLOOR):f}",
            "hs_tariff_number": item.hs_code,
            "origin_country": item.origin,
            "code": item.sku,
            "currency": item.currency or package.currency,
        }
    )


def _filing(request, package):
    """Return how an export from the United States is filed (EEI/AES)."""
    told = text_of(request.settings.get("eel_pfc"))
    if told or request.shipper.country != "US":
        return told
    goods = package.commodities
    currencies = {item.currency or package.currency for item in goods} - {"", "USD"}
    if currencies or sum(item.value * item.quantity for item in goods) > _FILING_VALUE:
        raise CallError(
            "An export from the United States worth more than 2500 USD needs its "
            "filing number (AES ITN) as eel_pfc."
        )
    return _NO_FILING


def _money(amount):
    return f"{amount:.2f}"


def _instant(moment: datetime) -> str:
    if moment.tzinfo is None:
        raise CallError("The time of a collection needs its time zone.")
    return moment.isoformat(timespec="seconds")


def _split_service(code):
    carrier, slash, service = code.partition("/")
    return (carrier, service) if slash else ("", code)


# === WHAT IS READ === #


def _good(tree, *kinds) -> dict[str, Any]:
    """Return an answer's object.

    :param kinds: what EasyPost calls it; a shipment when not given
    :raise AnswerError: when it is none, or an error, or of another kind
    """
    if not isinstance(tree, dict):
        raise AnswerError("The answer is no object")
    error = tree.get("error")
    if error:
        code = text_of(object_of(error).get("code"))
        if code.rpartition(".")[2] == "NOT_FOUND":
            raise NotFoundError(_error_text(error) or code, code)
        raise AnswerError(_error_text(error), code, "rejected")
    kinds = kinds or ("Shipment",)
    if tree.get("object", kinds[0]) not in kinds:
        raise AnswerError(f"The answer is no {kinds[0]}")
    return tree


def _error_text(error):
    """Return an error for a person, with the fields it is about."""
    if not isinstance(error, dict):
        return joined(sentences_of(error))
    parts = []
    errors = error.get("errors")
    for part in errors if isinstance(errors, list) else [errors]:
        said = text_of(object_of(part).get("message"))
        if said:
            name, hint = text_of(part.get("field")), text_of(part.get("suggestion"))
            line = f"{name}: {said}" if name else said
            parts.append(f"{line} ({hint})" if hint else line)
        else:
            parts += sentences_of(part)
    said = joined(sentences_of(error.get("message")))
    if any(part.endswith(said) for part in parts):
        # The general text repeats one of the fields'.
        said = ""
    return joined([said, *parts])


def _messages(node):
    """Return what carriers said, each with its name."""
    return joined(
        joined(sentences_of(message.get("message"), text_of(message.get("carrier"))))
        for message in objects_of(node.get("messages"))
    )


def _quote(rate):
    total = amount_of(rate.get("rate"))
    currency = _currency(rate)
    carrier, service = text_of(rate.get("carrier")), text_of(rate.get("service"))
    if total is None or total < 0 or not service:
        return None
    days = whole_of(rate.get("delivery_days"))
    if days is None:
        days = whole_of(rate.get("est_delivery_days"))
    return Quote(
        service="/".join(filter(None, (carrier, service))),
        total=total,
        currency=currency,
        name=" ".join(filter(None, (carrier, service))),
        charges=(Charge("total", total, currency),),
        transit_days=days,
        deliver_by=_promised(rate.get("delivery_date")),
        quote_id=text_of(rate.get("id")),
    )


def _currency(rate):
    names = ("currency", "list_currency", "retail_currency")
    told = filter(None, (text_of(rate.get(name)) for name in names))
    return next(told, _RATE_CURRENCY)


def _pickup_charge(rate):
    amount, service = amount_of(rate.get("rate")), text_of(rate.get("service"))
    return Charge("pickup", amount, _currency(rate), service) if amount else None


def _refund(tree, request):
    """Return the refund of a shipment as its ``refund_status``, None when the answer
    holds no refunds.

    The API of refunds answers with all it was asked for, carrier by carrier.
    """
    if isinstance(tree, dict) and isinstance(tree.get("refunds"), list):
        tree = tree["refunds"]
    refunds = [one for one in objects_of(tree) if one.get("object") == "Refund"]
    if not refunds:
        return None
    wanted = {request.partner_id, request.number, *sum(request.parcels, ())} - {""}
    ours = [
        refund
        for refund in refunds
        if {text_of(refund.get("shipment_id")), text_of(refund.get("tracking_code"))}
        & wanted
    ]
    if not ours:
        raise AnswerError("EasyPost answered about another shipment")
    return {
        "refund_status": ours[0].get("status"),
        "messages": ours[0].get("messages"),
    }


def _scan_form(tree):
    """Return the scan form of a list of one, or of a batch; else what came."""
    forms = objects_of(tree.get("scan_forms")) if isinstance(tree, dict) else []
    if len(forms) == 1:
        return forms[0]
    if isinstance(tree, dict) and tree.get("object") == "Batch":
        form = object_of(tree.get("scan_form"))
        if not form:
            raise AnswerError(
                "EasyPost has not made the scan form of the batch yet",
                error_class="unknown",
            )
        return form
    return tree


def _promised(value):
    said = text_of(value)
    try:
        if len(said) == 10:
            return date.fromisoformat(said)
        moment = datetime.fromisoformat(said.replace("Z", "+00:00"))
    except ValueError:
        return None
    # A time without its zone is good for the day at most.
    return moment if moment.tzinfo else moment.date()


def _unbought(shipment):
    """Return whether a shipment says of itself that it was only created."""
    names = ("tracking_code", "postage_label", "selected_rate")
    return bool(text_of(shipment.get("id"))) and all(
        name in shipment and shipment[name] is None for name in names
    )


def _booked(shipment, request):
    key = text_of(shipment.get("id"))
    tracker = object_of(shipment.get("tracker"))
    number = text_of(shipment.get("tracking_code")) or text_of(
        tracker.get("tracking_code")
    )
    if not key or not number:
        raise AnswerError("The answer names no shipment with a tracking number")
    package = request.packages[0].reference if request.packages else ""
    is_return = request.is_return or shipment.get("is_return") is True
    return Booked(
        partner_id=key,
        packages=(BookedPackage(package, number, key),),
        number=number,
        documents=_documents(shipment, request.label_format, is_return, package),
        charges=_charges(shipment),
        tracking_url=text_of(tracker.get("public_url")),
    )


def _ordered(order, request):
    """Return what was bought as an order: a shipment for each parcel."""
    shipments = objects_of(order.get("shipments"))
    if not shipments or any(map(_unbought, shipments)):
        said = _messages(order) or "EasyPost has not bought all labels"
        none = all(map(_unbought, shipments))
        raise AnswerError(said, error_class="rejected" if none else "unknown")
    if len(shipments) != len(request.packages):
        raise AnswerError(
            f"EasyPost names {len(shipments)} of {len(request.packages)} parcels"
        )
    parts = [
        _booked(shipment, replace(request, packages=(package,)))
        for shipment, package in zip(shipments, request.packages, strict=True)
    ]
    if len(parts) == 1:
        return parts[0]
    return Booked(
        partner_id=text_of(order.get("id")),
        packages=tuple(
            replace(part.packages[0], charges=part.charges) for part in parts
        ),
        number=parts[0].number,
        documents=tuple(paper for part in parts for paper in part.documents),
        tracking_url=parts[0].tracking_url,
    )


def _charges(shipment):
    """Return the postage, and EasyPost's own fees where there are any."""
    fees = []
    for fee in objects_of(shipment.get("fees")):
        kind, amount = text_of(fee.get("type")), amount_of(fee.get("amount"))
        if kind == _POSTAGE_FEE or not amount or fee.get("refunded") is True:
            continue
        code = _FEES.get(kind, "other")
        fees.append(Charge(code, amount, _FEE_CURRENCY, kind, kind))
    rate = object_of(shipment.get("selected_rate"))
    postage, currency = amount_of(rate.get("rate")), _currency(rate)
    if postage is None:
        return tuple(fees)
    # The carrier's price comes without parts: fuel and the like are in it.
    code = "freight" if fees else "total"
    service = text_of(rate.get("service"))
    return (Charge(code, postage, currency, service, service), *fees)


def _documents(shipment, wanted, is_return, package):
    documents = []
    label = object_of(shipment.get("postage_label"))
    number = text_of(shipment.get("tracking_code")) or text_of(shipment.get("id"))
    url = text_of(label.get(f"label_{wanted.lower()}_url")) if wanted else ""
    kind = _type_of(url)
    if not url:
        url = text_of(label.get("label_url"))
        kind = text_of(label.get("label_file_type")) or _type_of(url)
    if not url:
        names = [f"label_{name}_url" for name in _FORMATS]
        url = next((text_of(label[name]) for name in names if label.get(name)), "")
        kind = _type_of(url)
    if url:
        documents.append(
            Document(
                "return_label" if is_return else "label",
                f"{number}.{_SUFFIXES.get(kind, 'pdf')}",
                kind,
                url=url,
                package=package,
            )
        )
    for form in objects_of(shipment.get("forms")):
        url, named = text_of(form.get("form_url")), text_of(form.get("form_type"))
        if url:
            kind = _type_of(url)
            documents.append(
                Document(
                    "invoice" if "invoice" in named else "other",
                    f"{number}-{named or 'form'}.{_SUFFIXES.get(kind, 'pdf')}",
                    kind,
                    url=url,
                    package=package,
                )
            )
    return tuple(documents)


def _type_of(url):
    end = url.partition("?")[0].rpartition(".")[2].lower()
    kinds = {"png": "image/png", "zpl": "application/zpl", "epl2": "text/plain"}
    return kinds.get(end, "application/pdf")


def _order(pickup, key, settings):
    """Return the call that orders an offered collection."""
    offers = []
    for rate in objects_of(pickup.get("pickup_rates")):
        carrier, service = text_of(rate.get("carrier")), text_of(rate.get("service"))
        if carrier and service:
            price = f"{text_of(rate.get('rate'))} {text_of(rate.get('currency'))}"
            offers.append((carrier, service, price.strip()))
    told = joined(f"{' '.join(offer[:2])} ({offer[2]})" for offer in offers)
    if not offers:
        raise AnswerError(
            _messages(pickup) or "No carrier offers this collection",
            error_class="rejected",
        )
    carrier = text_of(settings.get("pickup_carrier"))
    service = text_of(settings.get("pickup_service"))
    fitting = [
        offer
        for offer in offers
        if carrier in ("", offer[0]) and service in ("", offer[1])
    ]
    if len(fitting) != 1:
        # Which one costs what is for a person to weigh.
        raise AnswerError(
            f"Name one of the offered collections in the settings: {told}",
            error_class="rejected",
        )
    carrier, service, _price = fitting[0]
    payload = {"pickup": key, "carrier": carrier, "service": service}
    return NextCall("pickup_buy", payload, told)
