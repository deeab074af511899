# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The canonical vocabulary in the words of the standards, and back.

``crosswalk.json`` maps each code of DCSA Track & Trace (event type / code), GS1
EPCIS (business step, disposition), UN/CEFACT Recommendation 24 and ANSI X12 214
(element 1650, reasons in 1651). A code that says nothing about where a shipment
is or how it fares is ``info``. Where several codes mean one event, ``preferred``
names the one we write.
"""

import json
from pathlib import Path

_TABLE = json.loads(Path(__file__).with_name("crosswalk.json").read_text("utf-8"))
_PREFERRED = _TABLE.pop("preferred")
_REASONS = {"x12_214": _TABLE.pop("x12_214_reason")}

STANDARDS = tuple(sorted(_TABLE))
CLASSIFIERS = {"PLN": "planned", "EST": "estimated", "ACT": "actual"}


def to_canonical(standard: str, code: str) -> tuple[str, str] | None:
    """Return (event type, reason or "") of a standard's code, None if unknown.

    :param standard: one of :data:`STANDARDS`
    """
    row = _TABLE[standard].get(code)
    if row is None:
        return None
    return (row, "") if isinstance(row, str) else (row[0], row[1])


def reason_to_canonical(standard: str, code: str) -> str:
    """Return the canonical reason of a standard's reason code, "" if unknown."""
    return _REASONS.get(standard, {}).get(code, "")


def from_canonical(standard: str, event: str) -> str | None:
    """Return the code a standard has for an event type, None if it has none."""
    preferred = _PREFERRED.get(standard, {}).get(event)
    if preferred:
        return preferred
    for code in _TABLE[standard]:
        if to_canonical(standard, code)[0] == event:
            return code
    return None
