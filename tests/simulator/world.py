# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The parcels and what happens to them, in the simulator's own words."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

#: Step names with the hours after the first one at which they happen.
LIVES = {
    "delivered": [
        ("announced", 0),
        ("collected", 5),
        ("hub", 11),
        ("left_hub", 13),
        ("depot", 24),
        ("on_vehicle", 26),
        ("delivered", 30),
    ],
    "second_attempt": [
        ("announced", 0),
        ("collected", 5),
        ("hub", 11),
        ("on_vehicle", 26),
        ("not_home", 28),
        ("on_vehicle", 50),
        ("delivered", 53),
    ],
    "damaged": [("announced", 0), ("collected", 4), ("hub", 10), ("damaged", 12)],
    "returned": [
        ("announced", 0),
        ("collected", 4),
        ("on_vehicle", 20),
        ("refused", 22),
        ("going_back", 30),
    ],
    "held": [("announced", 0), ("collected", 4), ("hub", 9), ("customs", 14)],
    "strange": [
        ("announced", 0),
        ("collected", 5),
        ("hub", 11),
        ("on_vehicle", 26),
        ("strange", 29),
    ],
}


@dataclass
class Step:
    """Something that happened to a parcel, at an instant in UTC."""

    name: str
    at: datetime


@dataclass
class Parcel:
    """A parcel of one partner with the part of its life that has been played."""

    number: str
    partner: str
    life: str
    started: datetime
    steps: list[Step] = field(default_factory=list)
    #: Booked over an API: steps happen when they are played, not by the script's clock.
    booked: bool = False
    #: Cancelled: nothing happens any more.
    ended: bool = False

    @classmethod
    def of_booking(cls, number, partner, life="delivered"):
        """Return a parcel that was booked just now: announced and no further."""
        now = datetime.now(timezone.utc)
        parcel = cls(number, partner, life, now, booked=True)
        parcel.advance()
        return parcel

    def advance(self):
        """Let the next step happen; return it, or None at the end."""
        script = LIVES[self.life]
        if self.ended or len(self.steps) >= len(script):
            return None
        name, hours = script[len(self.steps)]
        if self.booked:
            step = Step(name, datetime.now(timezone.utc))
        else:
            step = Step(name, self.started + timedelta(hours=hours))
        self.steps.append(step)
        return step


class World:
    """All parcels, by number."""

    def __init__(self, shipments, now=None):
        now = now or datetime.now(timezone.utc)
        # Lives end shortly before now, so that no event lies in the future.
        self.parcels = {
            row["number"]: Parcel(
                row["number"],
                row["partner"],
                row["life"],
                (now - timedelta(hours=56)).replace(microsecond=0),
            )
            for row in shipments
        }

    def add(self, parcel):
        """Let one more parcel exist."""
        self.parcels[parcel.number] = parcel
