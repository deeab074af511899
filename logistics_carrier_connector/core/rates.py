# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Choosing among quotes, and knowing two questions for the same one."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from .shipping import Quote

#: How a quote is chosen. ``balanced``: the cheapest of those that arrive no later
#: than a day after the fastest.
RULES = ("cheapest", "fastest", "balanced")
#: Working days assumed of a quote that doesn't tell: later than any that does.
NO_PROMISE = 99


def choose(quotes: Iterable[Quote], rule: str) -> tuple[Quote | None, str]:
    """Return the quote a rule prefers, and what decided.

    Prices are compared within one currency; the first one's wins over others that
    can't be compared with it.

    :param rule: one of :data:`RULES`
    :return: (quote, ``only``, ``cheapest``, ``fastest`` or ``balanced``)
    """
    quotes = list(quotes)
    if not quotes:
        return None, ""
    quotes = [quote for quote in quotes if quote.currency == quotes[0].currency]
    if len(quotes) == 1:
        return quotes[0], "only"
    if rule == "fastest":
        return min(quotes, key=lambda quote: (days(quote), quote.total)), rule
    if rule == "balanced":
        latest = min(map(days, quotes)) + 1
        quotes = [quote for quote in quotes if days(quote) <= latest]
    return min(quotes, key=lambda quote: (quote.total, days(quote))), rule


def days(quote: Quote) -> int:
    """Return the working days a quote promises."""
    return NO_PROMISE if quote.transit_days is None else quote.transit_days


def cache_key(connector: int, payload: Mapping[str, Any]) -> str:
    """Return what two requests for the same price have in common.

    What doesn't move a price (names, phone numbers, our references) is left out. So
    is the day it is handed over: yesterday's price is the best guess at today's.
    """
    kept = {
        name: value
        for name, value in payload.items()
        if name
        not in ("reference", "order", "invoice_number", "label_format", "ship_on")
    }
    for side in ("shipper", "recipient"):
        kept[side] = {
            name: value
            for name, value in payload.get(side, {}).items()
            if name in ("country", "state", "zip", "city", "residential")
        }
    kept["packages"] = [
        {
            name: package.get(name)
            for name in (
                "weight",
                "length",
                "width",
                "height",
                "packaging",
                "value",
                "currency",
            )
        }
        for package in payload.get("packages", ())
    ]
    text = json.dumps([connector, kept], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
