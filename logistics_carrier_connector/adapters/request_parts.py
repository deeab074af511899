# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What requests are built of: credentials, addresses, goods, measures and times.

Where something is missing, a sentence says so to the person who can mend it.
"""

from dataclasses import replace
from datetime import datetime
from decimal import ROUND_DOWN, ROUND_UP, Decimal
from textwrap import wrap
from typing import Any
from zoneinfo import ZoneInfo

from odoo.addons.logistics_canonical.core.calls import CallError
from odoo.addons.logistics_canonical.core.events import Location
from odoo.addons.logistics_canonical.core.places import place_zone

from ..core.shipping import Address, Commodity, Package, PickupRequest, ShipRequest

#: Stand for credentials in a stored request (``core/calls.py``).
ACCOUNT = "{credential:account_number}"
PASSWORD = "{credential:password}"

#: Kilograms of one unit, exactly (the international pound of 1959).
KILOGRAMS = {
    "kg": Decimal(1),
    "g": Decimal("0.001"),
    "lb": Decimal("0.45359237"),
    "oz": Decimal("0.028349523125"),
}
#: Centimetres of an inch, exactly.
INCH = Decimal("2.54")


# === FORM === #


def without_empty(value: Any) -> Any:
    """Return a JSON value without the parts, at any depth, that say nothing.

    Zero and False say something.
    """
    if isinstance(value, dict):
        kept = {name: without_empty(part) for name, part in value.items()}
        return {name: part for name, part in kept.items() if not _is_empty(part)}
    if isinstance(value, list):
        return [part for part in map(without_empty, value) if not _is_empty(part)]
    return value


def _is_empty(part):
    return part in (None, "", [], {})


def round_up(value: Decimal, places: int) -> Decimal:
    """Return a measure or amount rounded so that nothing is declared too small."""
    return value.quantize(Decimal(1).scaleb(-places), ROUND_UP)


# === ADDRESSES === #


def needed(value: str, what: str, address: Address, carrier: str) -> str:
    """Return a value of an address.

    :raise CallError: when it is empty, naming it and the address
    """
    if not value:
        raise CallError(f"{_name_of(address)}: {carrier} needs {what}.")
    return value


def street_of(address: Address, width: int, most: int) -> list[str]:
    """Return the street in at most ``most`` lines of ``width`` characters.

    :raise CallError: when there is none, or it doesn't fit: cut off, it would send
        the parcel elsewhere
    """
    lines = [
        line
        for part in (address.street, address.street2)
        for line in wrap(part, width, break_long_words=False)
    ]
    if not lines:
        raise CallError(f"{_name_of(address)}: there is no street.")
    if len(lines) > most or any(len(line) > width for line in lines):
        raise CallError(
            f"{_name_of(address)}: the street doesn't fit into {most} lines of "
            f"{width} characters."
        )
    return lines


def _name_of(address):
    """Return what a sentence about an address begins with."""
    label = address.label or address.company or address.name or address.country
    return label[:1].upper() + label[1:]


# === GOODS === #


def goods_of(request: ShipRequest) -> list[Commodity]:
    """Return the goods of all packages."""
    return [part for package in request.packages for part in package.commodities]


def described(goods: list[Commodity] | tuple[Commodity, ...]) -> str:
    """Return what goods are, each description once."""
    return ", ".join(
        dict.fromkeys(filter(None, (part.description.strip() for part in goods)))
    )


def in_units(part: Commodity) -> Commodity:
    """Return goods counted in whole units.

    What isn't whole (half a metre) is one unit of all of it.
    """
    if part.quantity == part.quantity.to_integral_value():
        return part
    return replace(
        part,
        quantity=Decimal(1),
        weight=part.weight * part.quantity,
        value=part.value * part.quantity,
    )


def value_of(request: ShipRequest) -> Decimal:
    """Return what all goods of a shipment are worth; else its packages."""
    goods = sum((part.value * part.quantity for part in goods_of(request)), Decimal(0))
    return goods or sum((package.value for package in request.packages), Decimal(0))


def currency_of(request: ShipRequest) -> str:
    """Return the currency of a request's amounts.

    :raise CallError: when it names none
    """
    for holder in (request, *request.packages, *goods_of(request)):
        if holder.currency:
            return holder.currency
    raise CallError("The shipment has amounts, but no currency.")


def shares_of(request: ShipRequest) -> list[Decimal]:
    """Return how much of the insured value falls on each package.

    By the packages' own values, evenly if they have none; to the cent, and all of
    it: the last package takes what rounding leaves.
    """
    values = [package.value for package in request.packages]
    if not request.insured:
        return [Decimal(0)] * len(values)
    if not sum(values):
        values = [Decimal(1)] * len(values)
    insured = round_up(request.insured, 2)
    shares = [
        (insured * value / sum(values)).quantize(Decimal("0.01"), ROUND_DOWN)
        for value in values
    ]
    shares[-1] += insured - sum(shares)
    return shares


# === MEASURES AND TIMES === #


def weight_of(package: Package) -> Decimal:
    """Return what a package weighs, in kilograms.

    :raise CallError: when it has no weight
    """
    if package.weight <= 0:
        raise CallError(f"The package {package.reference} has no weight.")
    return package.weight


def size_of(package: Package) -> dict[str, Decimal]:
    """Return length, width and height in centimetres, none when one is missing."""
    sides = {name: getattr(package, name) for name in ("length", "width", "height")}
    return sides if all(side > 0 for side in sides.values()) else {}


def zone_of(address: Address, zone: str = "") -> ZoneInfo | None:
    """Return the time zone of a place, None when it isn't known.

    :param zone: IANA zone, where the address doesn't tell (the USA by state)
    :raise CallError: when there is no such zone
    """
    place = Location(country=address.country, state=address.state)
    zone = zone or place_zone(place, {})
    try:
        return ZoneInfo(zone) if zone else None
    except (KeyError, ValueError) as error:
        raise CallError(f"{zone!r} is no time zone.") from error


def window_of(request: PickupRequest) -> tuple[datetime, datetime]:
    """Return when a collection begins and ends, by the clock of its place.

    :raise CallError: when these are different days there
    """
    zone = zone_of(request.address, str(request.settings.get("zone", "")))
    ready, close = (
        moment.astimezone(zone) if zone else moment
        for moment in (request.ready_at, request.close_at)
    )
    if ready.date() != close.date():
        raise CallError("A collection begins and ends on the same day.")
    return ready, close
