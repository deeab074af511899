# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The canonical event: what every partner's message is turned into.

A :class:`CanonicalEvent` states a fact about a shipment or a parcel in the
suite's own vocabulary and keeps the partner's words beside it. It is a value:
it holds no database identifier and two equal events are interchangeable.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

#: Planned: the schedule. Estimated: a forecast. Actual: it happened. The three
#: values are DCSA's PLN, EST and ACT. Only ``actual`` moves a shipment's state.
PLANNED, ESTIMATED, ACTUAL = "planned", "estimated", "actual"
CLASSIFIERS = (PLANNED, ESTIMATED, ACTUAL)

#: How the time zone of an event became known: ``given`` in the message,
#: ``place`` (from the event's location), ``connector`` (the zone the partner
#: declares for its times) or ``date`` (only a day is known: 12:00 in the zone).
ZONE_BASES = ("given", "place", "connector", "date")

#: The canonical code of an event whose partner code nobody has mapped yet. It
#: moves nothing; it waits in the timeline until somebody maps the code.
UNMAPPED = "unmapped"


@dataclass(frozen=True, slots=True)
class Reference:
    """A typed identifier a partner uses for a shipment or a parcel.

    ``type`` is one of :data:`REFERENCE_TYPES`; ``value`` is the partner's text.
    Compare references through :meth:`key`, which ignores case and separators.
    """

    type: str
    value: str

    def key(self) -> str:
        """Return the value as it is matched: upper case letters and digits."""
        return normalise_reference(self.value)


#: Reference types and whether one names a single parcel (True) or a shipment.
REFERENCE_TYPES: dict[str, bool] = {
    "tracking_number": True,
    "sscc": True,
    "carrier_parcel_id": True,
    "carrier_shipment_id": False,
    "master_tracking_number": False,
    "container": False,
    "bill_of_lading": False,
    "booking_number": False,
    "purchase_order": False,
    "sales_order": False,
    "picking": False,
    "customer_reference": False,
    "mrn": False,
    "ducr": False,
}


def normalise_reference(value: str) -> str:
    """Return ``value`` without separators and in upper case.

    Carriers print and send the same number with spaces, dashes or dots; two
    spellings that differ only there are one number.
    """
    return "".join(char for char in value if char.isalnum()).upper()


@dataclass(frozen=True, slots=True)
class Location:
    """Where an event took place, as far as the partner says it."""

    name: str = ""
    city: str = ""
    state: str = ""
    postal_code: str = ""
    country: str = ""  # ISO 3166-1 alpha-2, empty when unknown
    code: str = ""  # UN/LOCODE or the partner's facility code


@dataclass(frozen=True, slots=True)
class CanonicalEvent:
    """One fact about a shipment or parcel.

    :param references: identifiers by which the event finds its shipment; the
        first is the most specific one
    :param code: canonical event type (see ``core/vocabulary.py``), or
        :data:`UNMAPPED`
    :param partner_code: the partner's code as the status table keys it
    :param partner_text: the partner's own words for people
    :param classifier: one of :data:`CLASSIFIERS`
    :param occurred_at: aware UTC instant at which it happened, or for planned
        and estimated events the instant it is expected; None if unknown
    :param occurred_text: the time exactly as the partner wrote it
    :param zone_basis: one of :data:`ZONE_BASES`
    :param reported_at: aware UTC instant at which the partner reported it
    :param location: where it happened
    :param reason: canonical reason code, empty when none is given
    :param sequence: the partner's own sequence number, for equal times
    :param identity: digest that is equal for the same fact however often and
        through whichever message it arrives (``core/identity.py``)
    :param retracts: identity of the event this one withdraws, empty when none
    :param parcel: tracking number of the parcel it is about; empty when it is
        about the shipment as a whole
    :param extra: further facts (signed_by, weight, eta window …), JSON values
    """

    references: tuple[Reference, ...]
    code: str
    partner_code: str = ""
    partner_text: str = ""
    classifier: str = ACTUAL
    occurred_at: datetime | None = None
    occurred_text: str = ""
    zone_basis: str = "given"
    reported_at: datetime | None = None
    location: Location = Location()
    reason: str = ""
    sequence: int = 0
    identity: str = ""
    retracts: str = ""
    parcel: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)
