# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The canonical vocabulary: event types, reasons and the five facets.

Peers mix how far a parcel has come, how it ended, what is wrong with it, why, and
whether the data can be trusted in one list of statuses and so lose most of it.
Here each is a facet of its own, and an event type says what it does to each.
"""

from dataclasses import dataclass, field

#: How far, in the order of a journey; the last two are the way back.
MILESTONES = (
    "new",
    "announced",
    "picked_up",
    "in_transit",
    "arrived",
    "out_for_delivery",
    "available_for_pickup",
    "delivered",
    "returning",
    "returned",
)
OUTCOMES = (
    "open",
    "delivered",
    "delivered_exception",
    "partially_delivered",
    "returned",
    "lost",
    "destroyed",
    "cancelled",
    "expired",
)
FLAGS = ("delayed", "held", "action_required", "attempt_failed")
TRUST = ("live", "silent", "ended", "no_data", "clock_suspect")

_ALL = frozenset(FLAGS)
_MOVING = frozenset({"held", "action_required"})


@dataclass(frozen=True, slots=True)
class EventType:
    """What a kind of event means for the facets.

    :param milestone: reached by it, empty when it says nothing of the place
    :param outcome: set by it, empty when the journey goes on
    :param outcome_if_delivered: set instead when it was delivered before
    :param sets: flags it raises
    :param clears: flags it ends
    :param reason: canonical reason it implies when the partner gives none
    :param reopens: holds even after a final outcome
    :param problem: a person should look at it
    :param rank: order among events of one instant; later stages rank higher
    """

    code: str
    name: str
    description: str
    milestone: str = ""
    outcome: str = ""
    outcome_if_delivered: str = ""
    sets: frozenset[str] = field(default=frozenset())
    clears: frozenset[str] = field(default=frozenset())
    reason: str = ""
    reopens: bool = False
    problem: bool = False
    rank: int = 0


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something went wrong; ``party`` says on whose side the cause lies."""

    code: str
    name: str
    party: str


def _type(code, name, description, milestone="", **facets):
    for flag_set in ("sets", "clears"):
        if flag_set in facets:
            facets[flag_set] = frozenset(facets[flag_set])
    rank = facets.pop("rank", None)
    if rank is None:
        rank = MILESTONES.index(milestone) * 10 if milestone else 0
    return EventType(code, name, description, milestone, rank=rank, **facets)


EVENT_TYPES = {
    event_type.code: event_type
    for event_type in (
        # --- before anything moves ---
        _type(
            "label_created",
            "Label Created",
            "The label exists; the carrier has data but no parcel.",
            "announced",
        ),
        _type("booked", "Booked", "The carrier has accepted the booking.", "announced"),
        _type(
            "pickup_scheduled",
            "Pickup Scheduled",
            "A pickup has been arranged.",
            "announced",
        ),
        _type(
            "pickup_failed",
            "Pickup Failed",
            "The carrier came and could not collect.",
            "announced",
            sets={"action_required"},
            problem=True,
        ),
        _type(
            "ready_to_ship",
            "Ready to Ship",
            "Packed and waiting for the carrier.",
            "announced",
        ),
        # --- on the way ---
        _type(
            "picked_up",
            "Picked Up",
            "The carrier has collected it.",
            "picked_up",
            clears=_MOVING,
        ),
        _type(
            "handed_over",
            "Handed Over",
            "It was dropped off or handed to the carrier.",
            "picked_up",
            clears=_MOVING,
        ),
        _type(
            "received_at_origin",
            "Received at Origin",
            "Scanned at the carrier's first facility.",
            "picked_up",
            clears=_MOVING,
            rank=25,
        ),
        _type("loaded", "Loaded", "Loaded onto a means of transport.", "in_transit"),
        _type(
            "loaded_on_vessel",
            "Loaded on Vessel",
            "Loaded onto the vessel at the port of loading.",
            "in_transit",
        ),
        _type(
            "departed",
            "Departed",
            "It left a facility.",
            "in_transit",
            clears={"held"},
            rank=32,
        ),
        _type(
            "in_transit",
            "In Transit",
            "It is moving through the network.",
            "in_transit",
            clears={"held"},
        ),
        _type(
            "arrived_at_hub",
            "Arrived at Hub",
            "It reached a facility on the way.",
            "in_transit",
            rank=31,
        ),
        _type(
            "transferred",
            "Transferred",
            "It was handed to another carrier.",
            "in_transit",
            clears={"held"},
            rank=33,
        ),
        _type(
            "arrived_at_port",
            "Arrived at Port",
            "The means of transport reached the port.",
            "in_transit",
            rank=34,
        ),
        _type(
            "discharged",
            "Discharged",
            "Unloaded from the vessel.",
            "in_transit",
            rank=35,
        ),
        _type(
            "border_crossed",
            "Border Crossed",
            "It crossed a border.",
            "in_transit",
            rank=34,
        ),
        _type(
            "unloaded",
            "Unloaded",
            "Unloaded from a means of transport.",
            "in_transit",
            rank=35,
        ),
        _type(
            "arrived_at_destination",
            "Arrived at Destination",
            "It reached the facility that will deliver it.",
            "arrived",
        ),
        # --- customs ---
        _type("customs_submitted", "Customs Declared", "A declaration was submitted."),
        _type(
            "customs_in_progress",
            "In Customs",
            "Customs clearance is under way.",
            "in_transit",
        ),
        _type(
            "customs_hold",
            "Held by Customs",
            "Customs keeps it until something is done.",
            sets={"held"},
            problem=True,
        ),
        _type(
            "customs_released",
            "Released by Customs",
            "Customs lets it go.",
            clears=_MOVING,
        ),
        _type(
            "customs_refused",
            "Refused by Customs",
            "Customs refused the clearance.",
            sets={"held", "action_required"},
            problem=True,
        ),
        # --- the last mile ---
        _type(
            "out_for_delivery",
            "Out for Delivery",
            "It is on the delivery vehicle.",
            "out_for_delivery",
            clears={"held", "action_required", "attempt_failed"},
        ),
        _type(
            "delivery_scheduled",
            "Delivery Scheduled",
            "A delivery time has been agreed.",
            clears={"attempt_failed", "action_required"},
        ),
        _type(
            "delivery_postponed",
            "Delivery Postponed",
            "The delivery takes place later.",
            sets={"delayed"},
        ),
        _type(
            "delivery_attempted",
            "Delivery Attempted",
            "A delivery attempt failed.",
            "out_for_delivery",
            sets={"attempt_failed"},
            problem=True,
            rank=55,
        ),
        _type(
            "refused",
            "Refused",
            "The consignee refused it.",
            sets={"attempt_failed"},
            reason="refused",
            problem=True,
            rank=56,
        ),
        _type(
            "available_for_pickup",
            "Ready for Pickup",
            "The consignee can collect it.",
            "available_for_pickup",
            clears={"held", "attempt_failed"},
        ),
        _type(
            "delivered",
            "Delivered",
            "The consignee has it.",
            "delivered",
            outcome="delivered",
            clears=_ALL,
        ),
        _type(
            "delivered_to_neighbour",
            "Delivered to a Neighbour",
            "Somebody near the consignee has it.",
            "delivered",
            outcome="delivered",
            clears=_ALL,
        ),
        _type(
            "delivered_to_locker",
            "Delivered to a Locker",
            "It was left in a locker for the consignee.",
            "available_for_pickup",
            clears={"held", "attempt_failed"},
        ),
        _type(
            "partially_delivered",
            "Partially Delivered",
            "A part was delivered.",
            "out_for_delivery",
            outcome="partially_delivered",
            problem=True,
            rank=58,
        ),
        _type(
            "delivered_damaged",
            "Delivered Damaged",
            "Delivered with damage or shortage.",
            "delivered",
            outcome="delivered_exception",
            clears=_ALL,
            reason="damaged",
            reopens=True,
            problem=True,
        ),
        # --- what goes wrong ---
        _type(
            "damaged",
            "Damaged",
            "It was damaged.",
            outcome_if_delivered="delivered_exception",
            sets={"action_required"},
            reason="damaged",
            reopens=True,
            problem=True,
        ),
        _type(
            "missing",
            "Missing",
            "It can't be found at present.",
            sets={"action_required"},
            reason="lost",
            problem=True,
        ),
        _type(
            "lost",
            "Lost",
            "The carrier has given it up.",
            outcome="lost",
            reason="lost",
            problem=True,
        ),
        _type(
            "found",
            "Found",
            "A missing parcel turned up.",
            "in_transit",
            clears={"action_required"},
        ),
        _type(
            "destroyed",
            "Destroyed",
            "It was destroyed or disposed of.",
            outcome="destroyed",
            problem=True,
        ),
        _type(
            "held", "Held", "The carrier keeps it for now.", sets={"held"}, problem=True
        ),
        _type("hold_removed", "Hold Removed", "It is no longer held.", clears=_MOVING),
        _type("delayed", "Delayed", "It will be late.", sets={"delayed"}),
        _type(
            "misrouted",
            "Misrouted",
            "It was sent the wrong way.",
            sets={"delayed"},
            reason="missorted",
        ),
        _type("readdressed", "Readdressed", "It goes to another address."),
        _type(
            "address_problem",
            "Address Problem",
            "The address is wrong or incomplete.",
            sets={"action_required"},
            reason="address_incorrect",
            problem=True,
        ),
        _type(
            "action_required",
            "Action Required",
            "The partner waits for something from us.",
            sets={"action_required"},
            problem=True,
        ),
        _type(
            "exception",
            "Exception",
            "Something went wrong; the partner says no more.",
            sets={"action_required"},
            problem=True,
        ),
        # --- the way back ---
        _type(
            "return_started",
            "Return Started",
            "It goes back to the sender.",
            "returning",
            clears={"attempt_failed", "held"},
            reopens=True,
            problem=True,
        ),
        _type(
            "return_in_transit",
            "Return in Transit",
            "It is on its way back.",
            "returning",
            clears={"attempt_failed", "held"},
            reopens=True,
            problem=True,
            rank=82,
        ),
        _type(
            "returned",
            "Returned",
            "The sender has it back.",
            "returned",
            outcome="returned",
            clears=_ALL,
            reopens=True,
            problem=True,
        ),
        # --- the end of the story, or of the data ---
        _type(
            "cancelled",
            "Cancelled",
            "The shipment was cancelled.",
            outcome="cancelled",
            clears=_ALL,
        ),
        _type(
            "expired",
            "Expired",
            "The carrier gave up waiting for it.",
            outcome="expired",
            problem=True,
        ),
        _type("tracking_ended", "Tracking Ended", "Nobody reports on it any more."),
        _type("no_data", "No Data", "The partner knows nothing of it yet."),
        # --- what moves nothing ---
        _type("eta_update", "Expected Delivery", "A new forecast of the delivery."),
        _type("info", "Information", "A fact that changes nothing."),
        _type("unmapped", "Not Understood", "A code nobody has mapped yet."),
    )
}

REASONS = {
    reason.code: reason
    for reason in (
        Reason("refused", "Refused by the consignee", "consignee"),
        Reason("consignee_absent", "Consignee absent", "consignee"),
        Reason("consignee_closed", "Business closed", "consignee"),
        Reason("address_incorrect", "Address wrong or incomplete", "shipper"),
        Reason("access_restricted", "No access", "consignee"),
        Reason("payment_due", "Payment due", "consignee"),
        Reason("identity_check_failed", "Identity check failed", "consignee"),
        Reason("consignee_request", "At the consignee's request", "consignee"),
        Reason("shipper_request", "At the shipper's request", "shipper"),
        Reason("not_collected", "Not collected in time", "consignee"),
        Reason("not_ready", "Not ready for pickup", "shipper"),
        Reason("packaging", "Packaging insufficient", "shipper"),
        Reason("incorrect_data", "Data wrong or missing", "shipper"),
        Reason("dangerous_goods", "Dangerous goods", "shipper"),
        Reason("damaged", "Damaged", "carrier"),
        Reason("lost", "Lost or missing", "carrier"),
        Reason("missing_contents", "Contents missing", "carrier"),
        Reason("missorted", "Missorted", "carrier"),
        Reason("mechanical", "Vehicle or machine failed", "carrier"),
        Reason("capacity", "Too little capacity", "carrier"),
        Reason("missed_connection", "Missed connection", "carrier"),
        Reason("time_window_missed", "Delivery window missed", "carrier"),
        Reason("customs_documents", "Customs documents missing", "customs"),
        Reason("customs_duties_unpaid", "Duties unpaid", "customs"),
        Reason("customs_inspection", "Customs inspection", "customs"),
        Reason("customs_prohibited", "Prohibited goods", "customs"),
        Reason("regulatory", "Held by an authority", "customs"),
        Reason("weather", "Weather", "none"),
        Reason("natural_disaster", "Natural disaster", "none"),
        Reason("holiday", "Holiday", "none"),
        Reason("strike", "Strike", "none"),
        Reason("traffic", "Traffic", "none"),
        Reason("security", "Security", "none"),
        Reason("other", "Other", "none"),
    )
}
