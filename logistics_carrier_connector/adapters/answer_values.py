# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Values read from answers whose sender isn't strict about types.

Numbers come as text, lists as single objects, empty things as null. Nothing here
raises on a value of the wrong type: it counts as missing, and what that means is
for the caller to say.
"""

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from decimal import ROUND_CEILING, Decimal, InvalidOperation
from typing import Any

from ..core.carrier import AnswerError
from ..core.shipping import Charge, Document, ShipRequest
from .request_parts import KILOGRAMS

#: ``1,234,567.8`` and ``1.234.567,8``: the mark of thousands stands before threes.
_GROUPED = re.compile(r"[+-]?\d{1,3}(?:([.,])\d{3})(?:\1\d{3})*([.,])\d+")
#: ``12,5``. With three digits after the comma it could be thousands.
_COMMA = re.compile(r"[+-]?\d+,(?:\d{1,2}|\d{4,})")
#: A number of more digits before or after the point is none that we asked for.
_MOST_DIGITS = 15
#: What a closing line of a price says (:func:`settled`).
REST = "Total less what is itemised"

#: What a paper begins with, its content type and the ending of its name.
_PAPERS = (
    (b"%PDF", "application/pdf", "pdf"),
    (b"GIF8", "image/gif", "gif"),
    (b"\x89PNG", "image/png", "png"),
    (b"^XA", "application/zpl", "zpl"),
    (b"\x10CT~", "application/zpl", "zpl"),
    (b"~", "application/zpl", "zpl"),
    (b"<", "text/html", "html"),
)
_UNKNOWN = (b"", "application/octet-stream", "bin")


# === STRUCTURE === #


def at(node: Any, *path: str) -> Any:
    """Return what lies at a path of names, None if there is nothing.

    A list on the way stands for its first item.
    """
    for name in path:
        if isinstance(node, list):
            node = node[0] if node else None
        if not isinstance(node, dict):
            return None
        node = node.get(name)
    return node


def object_of(value: Any) -> dict[str, Any]:
    """Return an object, an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def objects_of(value: Any) -> list[dict[str, Any]]:
    """Return the objects of a list; a single object counts as a list of it."""
    if isinstance(value, dict):
        return [value]
    if not isinstance(value, list):
        return []
    return [part for part in value if isinstance(part, dict)]


def objects_at(node: Any, *path: str) -> list[dict[str, Any]]:
    """Return the objects at a path (:func:`at`, :func:`objects_of`)."""
    return objects_of(at(node, *path))


# === TEXTS === #


def text_of(value: Any) -> str:
    """Return a text or number as text without blanks around it, ``""`` for else."""
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        return ""
    return str(value).strip()


def text_at(node: Any, *path: str) -> str:
    """Return the text at a path (:func:`at`)."""
    return text_of(at(node, *path))


def first_text(node: Any, *names: str) -> str:
    """Return the first text there is of several members of an object."""
    return next(filter(None, (text_at(node, name) for name in names)), "")


def sentences_of(value: Any, field: str = "") -> list[str]:
    """Return what errors say, each with the field it is about.

    :param value: a text, a list of errors, or an object of errors by field
    """
    said = text_of(value)
    if said:
        return [f"{field}: {said}" if field else said]
    if isinstance(value, list):
        return [line for part in value for line in sentences_of(part, field)]
    if isinstance(value, dict):
        return [
            line
            for name, part in value.items()
            for line in sentences_of(part, f"{field}.{name}" if field else str(name))
        ]
    return []


def joined(sentences: Iterable[str]) -> str:
    """Return sentences as one text, each once."""
    return "; ".join(dict.fromkeys(filter(None, sentences)))


# === NUMBERS === #


def amount_of(value: Any) -> Decimal | None:
    """Return a number, or one written as text; None when it is none, or beyond all
    measure. One may stand in an object beside its currency (``amount``).

    With a comma before the decimals, too; None when it isn't clear whether the
    comma stands before decimals or thousands: a price is right or missing.
    """
    said = text_of(value.get("amount") if isinstance(value, dict) else value)
    if "," in said:
        grouped = _GROUPED.fullmatch(said)
        if grouped and grouped[1] != grouped[2]:
            said = said.replace(grouped[1], "")
        elif not _COMMA.fullmatch(said):
            return None
        said = said.replace(",", ".")
    try:
        amount = Decimal(said)
    except InvalidOperation:
        return None
    if not amount.is_finite() or abs(amount.adjusted()) > _MOST_DIGITS:
        return None
    return amount


def amount_at(node: Any, *path: str) -> Decimal | None:
    """Return the number at a path (:func:`at`, :func:`amount_of`)."""
    return amount_of(at(node, *path))


def whole_of(value: Any) -> int | None:
    """Return a number that is not negative as an integer, rounded up."""
    amount = amount_of(value)
    if amount is None or not 0 <= amount < 10_000:
        return None
    return int(amount.to_integral_value(ROUND_CEILING))


def kilograms_of(value: Any, unit: str) -> Decimal:
    """Return a weight in kilograms; 0 when there is none or its unit is unknown.

    :param unit: as the carrier writes it (``KGS``, ``LB``)
    """
    found, factor = amount_of(value), KILOGRAMS.get(unit.lower().removesuffix("s"))
    if found is None or found < 0 or factor is None:
        return Decimal(0)
    return found * factor


# === PRICES === #


def charge_of(
    table: Mapping[str, str], code: str, value: Any, currency: str, words: str = ""
) -> Charge | None:
    """Return a line of a price, None when it is no amount or nothing.

    A code the table doesn't have stays what it is: ``other``, with the carrier's
    own code and words.
    """
    found = amount_of(value)
    if not found or not currency:
        return None
    return Charge(table.get(code, "other"), found, currency, code, words)


def settled(
    charges: Iterable[Charge],
    total: Decimal,
    currency: str,
    *,
    beside: Decimal = Decimal(0),
) -> tuple[Charge, ...]:
    """Return the lines of a price so that they come to its total.

    What a carrier itemises is rarely all of it. The rest is a line of its own,
    ``other``; without any line the total is the only one.

    :param beside: what is listed elsewhere and in the total, too
    """
    lines = tuple(charges)
    rest = total - beside - sum((line.amount for line in lines), Decimal(0))
    if not rest:
        return lines
    if not lines and not beside:
        return (Charge("total", total, currency),)
    return (*lines, Charge("other", rest, currency, text=REST))


# === BOOKINGS === #


def check_numbers(numbers: list[str], request: ShipRequest, carrier: str) -> None:
    """Refuse tracking numbers that aren't one for each package.

    :raise AnswerError: what was booked then is for a lookup or a person to say
    """
    if not numbers or not all(numbers):
        raise AnswerError(f"{carrier} gave no tracking number for a package.")
    told, count = len(set(numbers)), len(request.packages)
    if told != count or len(numbers) != told:
        raise AnswerError(
            f"{carrier} gave tracking numbers for {told} of {count} packages."
        )


def data_of(value: Any) -> bytes:
    """Return the bytes that base64 text stands for, ``b""`` when it is none.

    Blanks and missing or needless padding are no reason to lose a label.
    """
    packed = "".join(text_of(value).split()).rstrip("=")
    try:
        return base64.b64decode(packed + "=" * (-len(packed) % 4), validate=True)
    except (binascii.Error, ValueError):
        return b""


def document_of(
    kind: str, name: str, data: bytes, *, url: str = "", package: str = ""
) -> Document:
    """Return a document that is called what its first bytes say it is.

    :param name: of the file, without its ending
    :param url: where it is, when it isn't here
    """
    start = data[:64].lstrip()
    # Of one that is elsewhere it shows when it is fetched.
    unknown = _UNKNOWN if data or not url else _PAPERS[0]
    found = (paper for paper in _PAPERS if start.startswith(paper[0]))
    _mark, content_type, ending = next(found, unknown)
    return Document(kind, f"{name}.{ending}", content_type, data, url, package)
