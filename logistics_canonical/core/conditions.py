# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What in a parcel's state needs a person."""

#: Condition code → the sentence people read. Each lasts as long as the fold says.
CONDITIONS = {
    "delivery_attempt_failed": "A delivery attempt failed",
    "delivery_refused": "The consignee refused it",
    "held": "It is held",
    "action_required": "The partner waits for something from us",
    "damaged": "It was damaged or is incomplete",
    "lost": "It is lost",
    "destroyed": "It was destroyed",
    "returned": "It comes back to the sender",
}

_OUTCOMES = {
    "delivered_exception": "damaged",
    "lost": "lost",
    "destroyed": "destroyed",
    "returned": "returned",
}
_REASONS = {"refused": "delivery_refused", "damaged": "damaged"}
_FLAGS = {
    "attempt_failed": "delivery_attempt_failed",
    "held": "held",
    "action_required": "action_required",
}


def conditions(state):
    """Return the condition codes that hold in a folded state.

    :param state: :class:`~.fold.State`
    :rtype: set[str]
    """
    found = {_FLAGS[flag] for flag in state.flags if flag in _FLAGS}
    if state.outcome in _OUTCOMES:
        found.add(_OUTCOMES[state.outcome])
    if state.milestone == "returning":
        found.add("returned")
    if state.outcome == "open" and state.reason in _REASONS:
        # The reason says what the flag only hints at.
        found -= {"action_required", "delivery_attempt_failed"}
        found.add(_REASONS[state.reason])
    return found
