# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What the partners have really booked: the truth the tests compare with."""

import time
from collections import Counter
from dataclasses import asdict, dataclass, field

LIVE, CANCELLED = "live", "cancelled"


@dataclass
class Booking:
    """One thing a partner has booked and would charge for.

    ``reference`` is ours, ``id`` the partner's, ``numbers`` one per parcel, ``kind``
    is shipment, return or pickup, ``at`` a monotonic time in seconds, ``amount`` a
    decimal text. ``data`` is the partner's own memory of it.
    """

    id: str
    partner: str
    reference: str
    numbers: list
    amount: str = ""
    currency: str = ""
    kind: str = "shipment"
    state: str = LIVE
    at: float = 0.0
    data: dict = field(default_factory=dict, repr=False)


class Ledger:
    """All bookings in order, and how often each was asked for."""

    def __init__(self):
        self.bookings = []
        #: Booking calls by reference, also those that failed or never got through.
        self.asked = Counter()

    def add(self, **values):
        """Write a booking down and return it."""
        booking = Booking(at=time.monotonic(), **values)
        self.bookings.append(booking)
        return booking

    def find(self, partner, *, id=None, number=None, reference=None, kind=None):
        """Return the bookings that are so, live or not."""
        return [
            row
            for row in self.bookings
            if row.partner == partner
            and (id is None or row.id == id)
            and (number is None or number in row.numbers)
            and (reference is None or row.reference == reference)
            and (kind is None or row.kind == kind)
        ]

    def live(self, reference=None, *, partner=None, kind="shipment"):
        """Return what is booked and not cancelled; ``kind=None`` is every kind."""
        return [
            row
            for row in self.bookings
            if row.state == LIVE
            and (reference is None or row.reference == reference)
            and (partner is None or row.partner == partner)
            and (kind is None or row.kind == kind)
        ]

    def calls(self, reference):
        """Return how many booking calls came for a reference."""
        return self.asked[reference]

    def as_json(self):
        """Return it all as plain data."""
        rows = [asdict(row) for row in self.bookings]
        for row in rows:
            # DHL's waybill is what is tracked; its pieces have numbers of their own.
            row["pieces"] = row.pop("data").get("pieces", [])
        return {"bookings": rows, "calls": dict(self.asked)}

    def clear(self):
        self.bookings.clear()
        self.asked.clear()
