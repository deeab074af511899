# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What is asked of a carrier and what it answers, in nobody's dialect.

A request travels as JSON in an outbound message; :func:`to_payload` and
``from_payload`` are the way there and back. Weights are kilograms, lengths
centimetres, money a :class:`~decimal.Decimal` with an ISO 4217 code, countries
ISO 3166-1 alpha-2, subdivisions the part after the hyphen of ISO 3166-2.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

#: What a carrier charges for. ``total`` stands for a price without parts.
CHARGE_CODES = (
    "freight",
    "fuel",
    "insurance",
    "cash_on_delivery",
    "residential",
    "remote_area",
    "oversize",
    "signature",
    "saturday",
    "pickup",
    "return",
    "customs",
    "discount",
    "tax",
    "toll",
    "peak",
    "other",
    "total",
)

#: Services a delivery method can ask for beside the transport itself.
OPTIONS = (
    "signature",
    "adult_signature",
    "saturday_delivery",
    "evening_delivery",
    "no_neighbour",
    "dangerous_goods",
    "carbon_neutral",
)

#: Countries between which goods cross no customs border (Regulation (EU) No
#: 952/2013, article 4; with Monaco, which belongs to the French territory). Northern
#: Ireland and the special territories differ; the carrier asks for what that needs.
CUSTOMS_UNION = frozenset(
    "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MC MT NL PL PT RO SE"
    " SI SK".split()
)

#: Where a weight a price is based on comes from.
WEIGHT_BASES = ("actual", "volumetric", "billable")


@dataclass(frozen=True)
class Address:
    """A sender or consignee. ``name`` is a person, ``company`` a firm."""

    country: str
    name: str = ""
    company: str = ""
    street: str = ""
    street2: str = ""
    city: str = ""
    state: str = ""
    zip: str = ""
    phone: str = ""
    email: str = ""
    residential: bool = False
    vat: str = ""
    eori: str = ""
    #: Names the address for a person: ``the delivery address``.
    label: str = ""


@dataclass(frozen=True)
class Commodity:
    """Goods of one kind in a package; ``value`` and ``weight`` are of one unit."""

    description: str
    quantity: Decimal = Decimal(1)
    weight: Decimal = Decimal(0)
    value: Decimal = Decimal(0)
    currency: str = ""
    origin: str = ""
    hs_code: str = ""
    sku: str = ""

    @property
    def label(self) -> str:
        """What people find the goods by: ``[LAMP] Desk lamp``."""
        return f"[{self.sku}] {self.description}" if self.sku else self.description


@dataclass(frozen=True)
class Package:
    """One parcel. ``reference`` is our own key of it, unique in the request.

    ``packaging`` is the carrier's code for its own boxes, empty for yours.
    """

    reference: str
    weight: Decimal
    length: Decimal = Decimal(0)
    width: Decimal = Decimal(0)
    height: Decimal = Decimal(0)
    packaging: str = ""
    value: Decimal = Decimal(0)
    currency: str = ""
    commodities: tuple[Commodity, ...] = ()


@dataclass(frozen=True)
class ShipRequest:
    """A shipment to be rated, booked, or returned.

    :param reference: our key of this booking, at most 35 characters, never used
        twice; what a lookup asks for
    :param service: the carrier's service code; empty when rating for all
    :param insured: what the contents are insured for, 0 for nothing
    :param cod: cash to collect on delivery, 0 for none
    :param ship_on: the day it is handed over
    :param order: the customer's order number, printed for people
    :param incoterm: for goods that cross a customs border (``DAP``)
    :param contents: ``merchandise``, ``gift``, ``documents``, ``sample``,
        ``return``
    :param label_format: ``PDF``, ``ZPL`` or ``PNG``
    :param settings: what the connector and the delivery method add, by names
        the adapter knows (``carrier_account``, ``sender_address_id``)
    """

    reference: str
    shipper: Address
    recipient: Address
    packages: tuple[Package, ...]
    service: str = ""
    currency: str = ""
    insured: Decimal = Decimal(0)
    cod: Decimal = Decimal(0)
    options: tuple[str, ...] = ()
    ship_on: date | None = None
    order: str = ""
    is_return: bool = False
    incoterm: str = ""
    contents: str = "merchandise"
    invoice_number: str = ""
    label_format: str = "PDF"
    settings: Mapping[str, Any] = field(default_factory=dict)

    def turned_around(self) -> "ShipRequest":
        """Return the request for the way back of the same goods."""
        return replace(
            self,
            shipper=self.recipient,
            recipient=self.shipper,
            is_return=True,
            contents="return",
            cod=Decimal(0),
        )

    @property
    def crosses_customs(self) -> bool:
        """Whether it leaves a customs territory."""
        # What a country that is missing would want is not known.
        both = {self.shipper.country, self.recipient.country} - {""}
        return len(both) > 1 and not both <= CUSTOMS_UNION


@dataclass(frozen=True)
class BookedRef:
    """A booking as the carrier knows it; what is cancelled or printed again.

    :param reference: ours, as in :class:`ShipRequest`
    :param partner_id: the carrier's key of the shipment
    :param number: its master tracking number
    :param parcels: partner key and tracking number of each parcel
    """

    reference: str
    partner_id: str = ""
    number: str = ""
    parcels: tuple[tuple[str, str], ...] = ()
    service: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class PickupRequest:
    """A collection at our door.

    :param ready_at: aware; from when the parcels can be had
    :param close_at: aware; until when somebody is there
    :param bookings: what is collected, for carriers that want to know
    """

    reference: str
    address: Address
    ready_at: datetime
    close_at: datetime
    parcels: int = 1
    weight: Decimal = Decimal(0)
    instructions: str = ""
    bookings: tuple[BookedRef, ...] = ()
    #: The carrier's confirmation, when it is about to be cancelled.
    confirmation: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ManifestRequest:
    """The end of a day's work: what is handed over together."""

    reference: str
    bookings: tuple[BookedRef, ...]
    address: Address | None = None
    closed_on: date | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)


# === ANSWERS === #


@dataclass(frozen=True)
class Charge:
    """One line of a price. ``partner_code`` and ``text`` are the carrier's."""

    code: str
    amount: Decimal
    currency: str
    partner_code: str = ""
    text: str = ""


@dataclass(frozen=True)
class Quote:
    """A price for a service.

    :param total: with all charges and taxes the carrier names
    :param transit_days: working days, None when it doesn't tell
    :param deliver_by: aware, or a date, as the carrier promised
    :param weight: kilograms the price is based on, 0 when it doesn't tell
    """

    service: str
    total: Decimal
    currency: str
    name: str = ""
    charges: tuple[Charge, ...] = ()
    transit_days: int | None = None
    deliver_by: datetime | date | None = None
    weight: Decimal = Decimal(0)
    weight_basis: str = ""
    quote_id: str = ""


@dataclass(frozen=True)
class Document:
    """A paper. Either its bytes, or where the carrier keeps it.

    :param kind: ``label``, ``return_label``, ``invoice``, ``manifest``, ``other``
    :param package: reference of the :class:`Package` it belongs to
    :param url: to be fetched by the operation ``document``
    """

    kind: str
    name: str
    content_type: str = "application/pdf"
    data: bytes = b""
    url: str = ""
    package: str = ""


@dataclass(frozen=True)
class BookedPackage:
    """What a carrier made of one :class:`Package`."""

    reference: str
    tracking_number: str
    partner_id: str = ""
    charges: tuple[Charge, ...] = ()
    weight: Decimal = Decimal(0)
    weight_basis: str = ""


@dataclass(frozen=True)
class Booked:
    """A shipment the carrier has accepted (and charges for).

    :param charges: those of the shipment as a whole
    """

    partner_id: str
    packages: tuple[BookedPackage, ...]
    number: str = ""
    documents: tuple[Document, ...] = ()
    charges: tuple[Charge, ...] = ()
    tracking_url: str = ""


@dataclass(frozen=True)
class PickupBooked:
    """A collection the carrier has promised."""

    confirmation: str
    charges: tuple[Charge, ...] = ()


@dataclass(frozen=True)
class Manifested:
    """A manifest the carrier has made. ``missing`` are booking references it left
    out, with its reason."""

    partner_id: str
    documents: tuple[Document, ...] = ()
    missing: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Cancelled:
    """What became of a cancellation.

    :param fate: ``done``; ``requested`` when the carrier decides later;
        ``already`` when there was nothing to cancel any more
    """

    fate: str = "done"
    text: str = ""


@dataclass(frozen=True)
class NextCall:
    """What has to be asked next before the thing asked for is done.

    :param operation: of the same profile
    :param payload: what to ask it with
    :param text: what was offered, for a person
    """

    operation: str
    payload: Mapping[str, Any] = field(default_factory=dict)
    text: str = ""


# === JSON === #


def to_payload(value: Any) -> Any:
    """Return a dataclass of this module as JSON values; empty fields left out."""
    if is_dataclass(value):
        return {
            part.name: to_payload(getattr(value, part.name))
            for part in fields(value)
            # A zero is a value; what is empty, missing or off is left out.
            if not _is_left_out(part, getattr(value, part.name))
        }
    if isinstance(value, Decimal | date | datetime):
        return value.isoformat() if isinstance(value, date) else str(value)
    if isinstance(value, Mapping):
        return {name: to_payload(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [to_payload(part) for part in value]
    return value


def _is_left_out(part, value):
    """Tell whether a field is empty and comes back so without being told."""
    empty = value is None or value is False or value in ("", b"", ())
    return empty and value == part.default


def from_payload(kind: type, payload: Any) -> Any:
    """Return ``payload`` as an instance of one of this module's dataclasses.

    :raise ValueError: when it doesn't fit
    """
    try:
        return _build(kind, payload)
    except (AttributeError, KeyError, TypeError, ArithmeticError) as error:
        raise ValueError(f"This is no {kind.__name__}: {error}") from error


def _build(kind, value):
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        return kind(**{name: _build(hints[name], part) for name, part in value.items()})
    origin = get_origin(kind)
    if origin in (Union, UnionType):
        kinds = [part for part in get_args(kind) if part is not NoneType]
        if value is not None and kinds == [datetime, date]:
            # A day is no midnight.
            return _build(datetime if "T" in value else date, value)
        return None if value is None else _build(kinds[0], value)
    if origin is tuple:
        parts = get_args(kind)
        if len(parts) == 2 and parts[1] is Ellipsis:
            return tuple(_build(parts[0], part) for part in value)
        return tuple(_build(k, part) for k, part in zip(parts, value, strict=True))
    if kind is Decimal:
        return Decimal(str(value))
    if kind in (datetime, date):
        return kind.fromisoformat(value)
    return value
