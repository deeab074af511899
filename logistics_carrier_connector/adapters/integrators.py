# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What the adapters of UPS and FedEx have in common.

Reading goes by what is there (see :mod:`.plain`); what isn't, or is something else,
reads as nothing, and what that means is for the caller to say. Writing: addresses,
measures and times in the forms both want.
"""

import base64
import binascii
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from decimal import ROUND_DOWN, ROUND_UP, Decimal
from textwrap import wrap
from typing import Any
from zoneinfo import ZoneInfo

from odoo.addons.logistics_canonical.core.adapter import (
    Parsed,
    Problem,
    Response,
    Result,
)
from odoo.addons.logistics_canonical.core.calls import CallError
from odoo.addons.logistics_canonical.core.events import Location
from odoo.addons.logistics_canonical.core.places import place_zone
from odoo.addons.logistics_canonical.core.readers import ReadError

from ..core.carrier import ASKED_WITH, CarrierAdapter
from ..core.shipping import Address, Charge, Document, Package, ShipRequest
from . import plain
from .plain import KILOGRAMS, amount_of, text_of as text

#: Stands for the account number in a stored request (see ``core/calls``).
ACCOUNT = "{credential:account_number}"

_CENT = Decimal("0.01")
#: Amounts and weights have fewer digits before the point than this.
_MOST_DIGITS = 15
_STARTS = (
    (b"%PDF", "application/pdf", "pdf"),
    (b"GIF8", "image/gif", "gif"),
    (b"\x89PNG", "image/png", "png"),
    (b"^XA", "application/zpl", "zpl"),
    (b"\x10CT~", "application/zpl", "zpl"),
    (b"~", "application/zpl", "zpl"),
    (b"<", "text/html", "html"),
)


class JsonCarrier(CarrierAdapter):
    """A carrier whose errors are lists of codes and sentences in JSON."""

    def errors(self, tree: Any) -> Iterator[tuple[str, str]]:
        """Yield code and text of each error an answer holds."""
        raise NotImplementedError

    def parse_response(
        self,
        operation: str,
        response: Response,
        profile,
        request: Mapping[str, Any] | None = None,
    ) -> Result:
        """See :meth:`CarrierAdapter.parse_response`.

        Every error the answer names becomes a problem of its own.
        """
        result = super().parse_response(operation, response, profile, request)
        if operation not in ASKED_WITH:
            return result
        if "value" in result.data:
            # The profile describes tracking messages; that this isn't one is no
            # problem, and that it names no event doesn't make it empty.
            return replace(result, parsed=Parsed())
        try:
            told = list(self.errors(self.read_body(response, profile)))
        except ReadError:
            return result
        if not told or any(one.kind == "no_data" for one in result.parsed.problems):
            return result
        problems = tuple(
            Problem(
                profile.error_codes.get(code, {}).get("problem", "partner_error"),
                code=code,
                text=words,
            )
            for code, words in told
        )
        return replace(result, parsed=Parsed(problems=problems))


# === READING === #


def gateway_errors(tree: Any) -> Iterator[tuple[str, str]]:
    """Yield what stands before a carrier's API says when it lets nothing through.

    It has forms of its own: OAuth's, an API gateway's fault.
    """
    error = get(tree, "error")
    if error:
        code = text(get(error, "code")) or text(error)
        words = text(get(error, "message")) or text(get(tree, "error_description"))
        yield code, words or text(get(tree, "message")) or code
        return
    for name in ("fault", "Fault"):
        fault = get(tree, name)
        if fault:
            code = text(get(fault, "detail", "errorcode"))
            yield code or text(get(fault, "faultcode")), text(get(fault, "faultstring"))
            return


def get(node: Any, *names: str) -> Any:
    """Return what lies at a path of names, None if there is nothing.

    A list on the way stands for its first item.
    """
    for name in names:
        if isinstance(node, list):
            node = node[0] if node else None
        if not isinstance(node, dict):
            return None
        node = node.get(name)
    return node


def number(value: Any) -> Decimal | None:
    """Return an amount or a weight, None when it is none or beyond all measure.

    An amount may stand in an object with its currency.
    """
    found = amount_of(value.get("amount") if isinstance(value, dict) else value)
    if found is None or (found and abs(found.adjusted()) > _MOST_DIGITS):
        return None
    return found


def bytes_of(value: Any) -> bytes:
    """Return what base64 text stands for, ``b""`` when it stands for nothing."""
    try:
        return base64.b64decode("".join(text(value).split()), validate=True)
    except (binascii.Error, ValueError):
        return b""


def document(
    kind: str, name: str, data: bytes, *, url: str = "", package: str = ""
) -> Document:
    """Return a paper, named and labelled by its first bytes, not by its promise.

    :param name: file name without its ending
    """
    content_type, ending = "application/octet-stream", "bin"
    start = data[:64].lstrip()
    for magic, found, found_ending in _STARTS:
        if start.startswith(magic):
            content_type, ending = found, found_ending
            break
    if not data and url:
        # What it is shows when it is fetched.
        content_type, ending = "application/pdf", "pdf"
    return Document(kind, f"{name}.{ending}", content_type, data, url, package)


def charge(
    table: Mapping[str, str],
    code: str,
    value: Any,
    currency: str,
    words: str = "",
) -> Charge | None:
    """Return a line of a price, None when it is no amount or nothing.

    A code the table doesn't have stays what it is: ``other``, with the carrier's
    own code and words.
    """
    found = number(value)
    if not found or not currency:
        return None
    return Charge(table.get(code, "other"), found, currency, code, words)


def kilograms(value: Any, unit: str) -> Decimal:
    """Return a weight in kilograms; 0 when there is none or its unit is unknown.

    :param unit: as the carrier writes it (``KGS``, ``LB``)
    """
    found, unit = number(value), unit.lower()
    factor = KILOGRAMS["kg"] if unit == "kgs" else KILOGRAMS.get(unit)
    if found is None or found < 0 or factor is None:
        return Decimal(0)
    return found * factor


# === WRITING === #


def digits(value: Decimal) -> str:
    """Return a number in plain notation, without needless zeros."""
    return format(value.normalize() if value else Decimal(0), "f")


def rounded_up(value: Decimal, places: int) -> Decimal:
    """Return a measure rounded so that never less is declared than there is."""
    return value.quantize(Decimal(1).scaleb(-places), ROUND_UP)


def filled(value: Any) -> Any:
    """Return a JSON value without the parts that say nothing. False says something."""
    if isinstance(value, dict):
        kept = {name: filled(part) for name, part in value.items()}
        return {name: part for name, part in kept.items() if _says(part)}
    if isinstance(value, list):
        return [part for part in map(filled, value) if _says(part)]
    return value


def _says(part):
    return part is False or part not in (None, "", [], {})


def street_lines(address: Address, width: int, most: int) -> list[str]:
    """Return the street in lines of at most ``width`` characters.

    :raise CallError: when it doesn't fit; cutting it off would send the parcel
        elsewhere
    """
    lines = [
        line
        for part in (address.street, address.street2)
        for line in wrap(part, width, break_long_words=False)
    ]
    if not lines:
        raise CallError(f"{named(address)}: there is no street.")
    if len(lines) > most or any(len(line) > width for line in lines):
        raise CallError(
            f"{named(address)}: the street doesn't fit into {most} lines of "
            f"{width} characters."
        )
    return lines


def named(address: Address) -> str:
    """Return what a sentence about an address begins with."""
    label = address.label or address.company or address.name or address.country
    return label[:1].upper() + label[1:]


def required(value: str, what: str, address: Address, carrier: str) -> str:
    """Return a value of an address.

    :raise CallError: when it is empty, naming it and the address
    """
    if not value:
        raise CallError(f"{named(address)}: {carrier} needs {what}.")
    return value


def crosses_customs(request: ShipRequest) -> bool:
    """Tell whether goods leave a customs territory."""
    return plain.crosses_customs(request.shipper.country, request.recipient.country)


def insured_parts(request: ShipRequest) -> list[Decimal]:
    """Return how much of the insured value falls on each package.

    By the packages' own values, evenly if they have none; to the cent, and all of
    it: the last package takes what rounding leaves.
    """
    weights = [package.value for package in request.packages]
    if not sum(weights):
        weights = [Decimal(1) for _package in request.packages]
    parts = [
        (request.insured * weight / sum(weights)).quantize(_CENT, ROUND_DOWN)
        for weight in weights
    ]
    parts[-1] += request.insured - sum(parts)
    return parts


def goods_value(request: ShipRequest) -> Decimal:
    """Return what all goods of a shipment are worth, listed or not."""
    listed = [
        part.value * part.quantity
        for package in request.packages
        for part in package.commodities
    ]
    return sum(listed or (package.value for package in request.packages), Decimal(0))


def currency_of(request: ShipRequest) -> str:
    """Return the currency of a request's amounts.

    :raise CallError: when it names none
    """
    goods = [part for package in request.packages for part in package.commodities]
    for holder in (request, *request.packages, *goods):
        if holder.currency:
            return holder.currency
    raise CallError("The shipment has amounts, but no currency.")


def package_weight(package: Package) -> Decimal:
    """Return a package's weight.

    :raise CallError: when it has none
    """
    if package.weight <= 0:
        raise CallError(f"The package {package.reference} has no weight.")
    return package.weight


def local_time(moment: datetime, address: Address, zone: str = "") -> datetime:
    """Return an instant by the clock of a place.

    :param zone: IANA zone, where the address doesn't tell (the USA by state)
    :raise CallError: when there is no such zone
    """
    zone = zone or place_zone(
        Location(country=address.country, state=address.state), {}
    )
    try:
        return moment.astimezone(ZoneInfo(zone)) if zone else moment
    except (KeyError, ValueError) as error:
        raise CallError(f"{zone!r} is no time zone.") from error
