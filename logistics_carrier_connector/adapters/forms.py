# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What the adapters of DHL Express and Chronopost share.

Writing: addresses and measures, with a sentence for a person where something is
missing. Reading: a value of the wrong type counts as missing; what that means is
for the caller to say.
"""

import base64
import binascii
from decimal import ROUND_CEILING, Decimal
from textwrap import wrap
from typing import Any

from odoo.addons.logistics_canonical.core.calls import CallError

from ..core.shipping import Address, Document, Package, ShipRequest
from .plain import amount_of

#: Stand for credentials in a stored request (``core/calls.py``).
ACCOUNT = "{credential:account_number}"
PASSWORD = "{credential:password}"

#: Countries between which goods cross no customs border (Regulation (EU) No
#: 952/2013, article 4; with Monaco, which belongs to the French territory).
CUSTOMS_UNION = frozenset(
    "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MC MT NL PL PT RO SE"
    " SI SK".split()
)

#: What a paper begins with, its content type and the ending of its name.
_PAPERS = (
    (b"%PDF", "application/pdf", "pdf"),
    (b"\x89PNG", "image/png", "png"),
    (b"^XA", "application/zpl", "zpl"),
    (b"~", "application/zpl", "zpl"),
)
#: A number with more digits before the point is none that we asked for.
_MOST_DIGITS = 12


# === READING === #


def text_of(value: Any) -> str:
    """Return a text or a number as text without outer blanks, ``""`` for else."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return str(value).strip()


def number_of(value: Any) -> Decimal | None:
    """Return a number, or one written as text; None when it is none."""
    found = amount_of(value)
    if found is None or abs(found.adjusted()) > _MOST_DIGITS:
        return None
    return found


def part_of(node: Any, name: str) -> Any:
    """Return a member of an object, None when it is none or hasn't it."""
    return node.get(name) if isinstance(node, dict) else None


def objects_of(value: Any) -> list[dict[str, Any]]:
    """Return the objects of a list; a single object counts as a list of it."""
    if isinstance(value, dict):
        return [value]
    if not isinstance(value, list):
        return []
    return [part for part in value if isinstance(part, dict)]


def data_of(value: Any) -> bytes:
    """Return the bytes that base64 text stands for, ``b""`` when it is none.

    Blanks and missing or needless padding are no reason to lose a label.
    """
    packed = "".join(text_of(value).split()).rstrip("=")
    try:
        return base64.b64decode(packed + "=" * (-len(packed) % 4), validate=True)
    except (binascii.Error, ValueError):
        return b""


def paper(kind: str, name: str, data: bytes, package: str = "") -> Document:
    """Return a document that is called what its first bytes say it is.

    :param name: of the file, without its ending
    """
    start = data[:16].lstrip()
    for mark, content_type, ending in _PAPERS:
        if start.startswith(mark):
            return Document(kind, f"{name}.{ending}", content_type, data, "", package)
    return Document(kind, f"{name}.bin", "application/octet-stream", data, "", package)


# === WRITING === #


def round_up(value: Decimal, places: int) -> Decimal:
    """Return a measure or amount rounded so that nothing is declared too small."""
    return value.quantize(Decimal(1).scaleb(-places), ROUND_CEILING)


def name_of(address: Address) -> str:
    """Return how to call an address in a sentence for a person."""
    return address.label or f"the address of {address.company or address.name}"


def needed(value: str, what: str, address: Address, carrier: str) -> str:
    """Return a value of an address.

    :raise CallError: when it is empty
    """
    if not value:
        raise CallError(f"{carrier} needs {what} in {name_of(address)}.")
    return value


def street_of(address: Address, carrier: str, *, width: int, most: int) -> list[str]:
    """Return the street in at most ``most`` lines of ``width`` characters.

    :raise CallError: when there is none, or it doesn't fit: cut off, it would send
        the parcel elsewhere
    """
    lines = [
        line
        for part in (address.street, address.street2)
        for line in wrap(part, width, break_long_words=False)
    ]
    if len(lines) > most or any(len(line) > width for line in lines):
        raise CallError(
            f"{carrier} takes {most} lines of {width} characters for the street in "
            f"{name_of(address)}."
        )
    needed("".join(lines), "a street", address, carrier)
    return lines


def weight_of(package: Package) -> Decimal:
    """Return what a package weighs, in kilograms.

    :raise CallError: when it has no weight
    """
    if package.weight <= 0:
        raise CallError(f"The package {package.reference} has no weight.")
    return package.weight


def value_of(request: ShipRequest) -> Decimal:
    """Return what all goods of a shipment are worth; else its packages."""
    goods = sum(
        (
            part.value * part.quantity
            for package in request.packages
            for part in package.commodities
        ),
        Decimal(0),
    )
    return goods or sum((package.value for package in request.packages), Decimal(0))


def currency_of(request: ShipRequest) -> str:
    """Return the currency of a request's amounts.

    :raise CallError: when it names none
    """
    named = [request.currency]
    for package in request.packages:
        named.append(package.currency)
        named += [part.currency for part in package.commodities]
    for currency in filter(None, named):
        return currency
    raise CallError("The shipment has amounts, but no currency.")


def crosses_customs(request: ShipRequest) -> bool:
    """Return whether goods leave a customs territory."""
    both = {request.shipper.country, request.recipient.country}
    return len(both) > 1 and not both <= CUSTOMS_UNION
