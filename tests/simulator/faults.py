# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What goes wrong on request; README.md lists the keys of a fault."""

import random
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

MAINTENANCE = (
    "<!DOCTYPE html><html><head><title>Maintenance</title></head>"
    "<body><h1>We'll be back soon</h1></body></html>"
)
#: Keys that need the real answer, so that what was asked for has happened.
ON_ANSWER = ("malformed", "oversize", "drip")


def due(faults, method, path, partner):
    """Return the faults that strike a call, in order, and count them down.

    One that only delays lets the next one strike, too.
    """
    struck = []
    for fault in faults:
        if not _fits(fault, method, path, partner):
            continue
        if fault.get("skip", 0) > 0:
            fault["skip"] -= 1
            continue
        if "probability" in fault:
            # A draw depends on the seed and its number only, not on other faults.
            draw = fault["draws"] = fault.get("draws", 0) + 1
            dice = random.Random(f"{fault.get('seed', 0)}/{draw}")
            if dice.random() >= fault["probability"]:
                continue
        else:
            fault.setdefault("times", 1)
        if fault.get("times") is not None:
            fault["times"] -= 1
        struck.append(fault)
        if set(fault) & {*ON_ANSWER, "cut", "status", "again", "maintenance"}:
            break
    return struck


def _fits(fault, method, path, partner):
    return (
        path.startswith(fault.get("path", ""))
        and fault.get("method", method) == method
        and fault.get("partner", partner) == partner
        and fault.get("times") != 0
        # A token that expires does so at a call that uses it.
        and not (fault.get("expire") and path.endswith("oauth/token"))
    )


def after_effect(fault):
    """Tell whether what was asked for is done before it goes wrong."""
    return bool(
        fault.get("after_effect")
        or fault.get("cut") == "body"
        and "status" not in fault
        or any(fault.get(key) for key in ON_ANSWER)
    )


def retry_after(value):
    """Return a Retry-After header: seconds, ``date:+30`` as HTTP date, or as is."""
    text = str(value)
    if text.startswith("date:"):
        moment = datetime.now(timezone.utc) + timedelta(seconds=float(text[5:]))
        return format_datetime(moment, usegmt=True)
    return text


def malform(data, how):
    """Return (body, content type or '') of an answer that can't be read."""
    if how == "type":
        return data, "text/html; charset=utf-8"
    if how == "empty":
        return b"", ""
    if how == "encoding":
        return b'{"text": "\xff\xfe"}', ""
    if how == "list":
        return b'["unexpected"]', ""
    return data[: max(1, len(data) // 2)], ""
