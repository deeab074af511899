# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Reading values of JSON answers whose sender isn't strict about types.

Numbers come as text, lists as single objects, empty things as null. Nothing here
raises on a value of the wrong type: it counts as missing.
"""

import re
from collections.abc import Iterable
from decimal import ROUND_CEILING, Decimal, InvalidOperation
from typing import Any

from ..core.shipping import Charge

#: Kilograms of one unit, exactly (the international pound of 1959).
KILOGRAMS = {
    "kg": Decimal(1),
    "g": Decimal("0.001"),
    "lb": Decimal("0.45359237"),
    "lbs": Decimal("0.45359237"),
    "oz": Decimal("0.028349523125"),
}
#: Centimetres of an inch, exactly.
INCH = Decimal("2.54")

#: ``1,234,567.8`` and ``1.234.567,8``: the mark of thousands stands before threes.
_GROUPED = re.compile(r"[+-]?\d{1,3}(?:([.,])\d{3})(?:\1\d{3})*([.,])\d+")
#: ``12,5``. With three digits after the comma it could be thousands.
_COMMA = re.compile(r"[+-]?\d+,(?:\d{1,2}|\d{4,})")

#: What a closing line of a price says (:func:`settled`).
REST = "Total less what is itemised"

#: Countries between which goods cross no customs border (Regulation (EU) No
#: 952/2013, article 4; with Monaco, which belongs to the French territory).
CUSTOMS_UNION = frozenset(
    "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MC MT NL PL PT RO SE"
    " SI SK".split()
)


def text_of(value: Any) -> str:
    """Return a text or number as text without blanks around it, ``""`` for else."""
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        return ""
    return str(value).strip()


def amount_of(value: Any) -> Decimal | None:
    """Return a number, or one written as text; None when it is none.

    With a comma before the decimals, too; None when it isn't clear whether the
    comma stands before decimals or thousands: a price is right or missing.
    """
    said = text_of(value)
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
    return amount if amount.is_finite() else None


def whole_of(value: Any) -> int | None:
    """Return a number that is not negative as an integer, rounded up."""
    amount = amount_of(value)
    if amount is None or not 0 <= amount < 10_000:
        return None
    return int(amount.to_integral_value(ROUND_CEILING))


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


def joined(sentences: Iterable[str]) -> str:
    """Return sentences as one text, each once."""
    return "; ".join(dict.fromkeys(filter(None, sentences)))


def round_up(value: Decimal, step: str) -> str:
    """Return a measure rounded up to a step, written without an exponent.

    Up, so that nothing travels heavier or larger than it was declared.

    :param step: the last digit kept (``0.1``)
    """
    return f"{value.quantize(Decimal(step), ROUND_CEILING):f}"


def without_empty(values: dict[str, Any]) -> dict[str, Any]:
    """Return an object without the members that say nothing."""
    return {
        name: value for name, value in values.items() if value not in (None, "", [], {})
    }


def crosses_customs(origin: str, destination: str) -> bool:
    """Return whether goods cross a customs border between two countries."""
    both = {origin, destination}
    return len(both) > 1 and not both <= CUSTOMS_UNION
