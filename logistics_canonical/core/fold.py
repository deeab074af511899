# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A shipment's state as a fold over its events.

Any order, any duplication and any delay of the same events gives the same state,
because the events are brought into one order before anything is concluded:
(occurred, partner's sequence, rank of the type, received, identity).

The rules:

- Only ``actual`` events move the state. ``planned`` and ``estimated`` ones set the
  expected delivery; the one received last counts, and a forecast before a plan.
- An event withdrawn by another one doesn't count, unless the withdrawal was
  itself withdrawn.
- An event dated later than it was received by more than
  :data:`FUTURE_TOLERANCE_S` is kept and flagged, and doesn't count.
- An event without a time is taken to have happened when it was received.
- The milestone is where the latest event says it is. So after a failed attempt
  a parcel may be in transit again; but what was announced never wins over what
  moved, whatever the clocks say.
- A delivery, a return and a destruction are final. Later scans don't undo them;
  only a type that ``reopens`` does. Lost, cancelled and expired end when the
  parcel is seen moving again, cancelled also when it is booked anew.
- What is delivered on the way back is delivered to the sender: it is returned.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from .events import ACTUAL, ESTIMATED
from .vocabulary import EVENT_TYPES, MILESTONES

#: Seconds a partner's clock may be ahead of ours.
FUTURE_TOLERANCE_S = 600.0

SIMPLE_STATUSES = (
    "new",
    "announced",
    "in_transit",
    "out_for_delivery",
    "ready_for_pickup",
    "attention",
    "delivered",
    "returning",
    "returned",
    "cancelled",
    "lost",
)

_FINAL = frozenset({"delivered", "delivered_exception", "returned", "destroyed"})
_SOFT = frozenset({"lost", "cancelled", "expired"})
_DELIVERED = frozenset({"delivered", "delivered_exception"})
_OPEN = frozenset({"open", "partially_delivered"})
_BACK = frozenset({"returning", "returned"})
_RETURNED = EVENT_TYPES["returned"]
_NO_FLAGS: frozenset[str] = frozenset()
_STAGE = {code: index for index, code in enumerate(MILESTONES)}
_PHYSICAL = _STAGE["picked_up"]
_EXPECTS = frozenset(
    code
    for code, event_type in EVENT_TYPES.items()
    if event_type.milestone == "delivered" or code == "eta_update"
)


class FoldEvent(NamedTuple):
    """An event as the fold needs it; instants are UTC epoch seconds."""

    identity: str
    code: str
    classifier: str
    occurred_at: float | None
    received_at: float
    sequence: int = 0
    reason: str = ""
    retracts: str = ""


class State(NamedTuple):
    """The five facets and the instants, in UTC epoch seconds or None."""

    milestone: str = "new"
    outcome: str = "open"
    flags: frozenset[str] = _NO_FLAGS
    reason: str = ""
    trust: str = "no_data"
    milestone_at: float | None = None
    last_event_at: float | None = None
    delivered_at: float | None = None
    eta: float | None = None
    eta_kind: str = ""
    event_count: int = 0


EMPTY = State()


def fold(events: Iterable[FoldEvent]) -> State:
    """Return the state that follows from a set of events."""
    unique: dict[str, FoldEvent] = {}
    retracting = False
    for event in events:
        known = unique.get(event.identity)
        # Copies differ at most in when they came and how they were understood
        # then; the first to come counts.
        if known is None or _first(event) < _first(known):
            unique[event.identity] = event
        retracting = retracting or bool(event.retracts)
    if not unique:
        return EMPTY
    counted = _without_withdrawn(unique) if retracting else list(unique.values())
    actual, suspect = [], False
    eta = None
    for event in counted:
        if event.classifier == ACTUAL:
            occurred = event.occurred_at
            if occurred is None:
                occurred = event.received_at
            elif occurred - event.received_at > FUTURE_TOLERANCE_S:
                suspect = True
                continue
            event_type = EVENT_TYPES[event.code]
            actual.append(
                (
                    occurred,
                    event.sequence,
                    event_type.rank,
                    event.received_at,
                    event.identity,
                    event.reason or event_type.reason,
                    event_type,
                )
            )
        elif event.occurred_at is not None and event.code in _EXPECTS:
            forecast = (
                event.classifier == ESTIMATED,
                event.received_at,
                event.sequence,
                event.occurred_at,
                event.identity,
            )
            if eta is None or forecast > eta:
                eta = forecast
    actual.sort(key=_order)
    return _walk(actual, eta, suspect, len(counted))


def _walk(actual, eta, suspect, count):
    milestone, outcome, flags, reason = "new", "open", _NO_FLAGS, ""
    milestone_at = delivered_at = None
    trust = "live" if count else "no_data"
    seen = False
    for occurred, _sequence, _rank, _received, _identity, why, kind in actual:
        code = kind.code
        if code == "no_data":
            continue
        seen = True
        trust = "ended" if code in ("tracking_ended", "expired") else "live"
        if outcome in _FINAL and not kind.reopens:
            continue
        if kind.milestone == "delivered" and milestone in _BACK:
            kind = _RETURNED
        reached = kind.milestone
        if reached:
            stage = _STAGE[reached]
            if _lives_again(outcome, code, reached):
                outcome = "open"
            if stage >= _PHYSICAL or _STAGE[milestone] < _PHYSICAL:
                milestone, milestone_at = reached, occurred
        if outcome in _DELIVERED and kind.outcome_if_delivered:
            outcome = kind.outcome_if_delivered
            reason = why
            continue
        if kind.outcome:
            outcome = kind.outcome
            if outcome in _DELIVERED and delivered_at is None:
                delivered_at = occurred
        flags = (flags - kind.clears) | kind.sets
        if why:
            reason = why
        elif kind.clears and not flags:
            reason = ""
    if suspect:
        trust = "clock_suspect"
    elif actual and not seen and not eta:
        trust = "no_data"
    return State(
        milestone,
        outcome,
        flags,
        reason,
        trust,
        milestone_at,
        actual[-1][0] if actual else None,
        delivered_at,
        eta[3] if eta else None,
        ("estimated" if eta[0] else "planned") if eta else "",
        count,
    )


def _lives_again(outcome, code, reached):
    if outcome in _FINAL:
        return reached == "returning"
    if outcome == "cancelled" and code == "booked":
        return True
    return outcome in _SOFT and _STAGE[reached] >= _PHYSICAL


def _first(event):
    return (
        event.received_at,
        event.classifier,
        event.code,
        event.occurred_at is not None,
        event.occurred_at or 0.0,
        event.sequence,
        event.reason,
        event.retracts,
    )


def _order(row):
    return row[:5]


def _without_withdrawn(unique: dict[str, FoldEvent]) -> list[FoldEvent]:
    """Leave out what was withdrawn by something that itself stands."""
    by_target: dict[str, list[str]] = {}
    for event in unique.values():
        if event.retracts and event.retracts != event.identity:
            by_target.setdefault(event.retracts, []).append(event.identity)
    stands: dict[str, bool] = {}

    def resolve(identity, path):
        if identity in stands:
            return stands[identity]
        if identity in path:
            return True
        result = not any(
            resolve(other, path | {identity})
            for other in sorted(by_target.get(identity, ()))
        )
        stands[identity] = result
        return result

    return [unique[identity] for identity in sorted(unique) if resolve(identity, set())]


def roll_up(states: Sequence[State]) -> State:
    """Return the state of a shipment from those of its parcels.

    A shipment is as far as its least advanced open parcel, and its flags are
    those of the open parcels. Cancelled parcels don't count while others are
    left. When all have ended: delivered if all were, with an exception if a part
    was damaged, lost or came back.
    """
    if not states:
        return EMPTY
    counted = [state for state in states if state.outcome != "cancelled"] or states
    still_open = [state for state in counted if state.outcome in _OPEN]
    outcomes = {state.outcome for state in counted}
    if still_open:
        some = outcomes & _DELIVERED or "partially_delivered" in outcomes
        outcome = "partially_delivered" if some else "open"
        leading = still_open
    else:
        outcome = _closed_outcome(outcomes)
        leading = [s for s in counted if s.outcome == outcome] or counted
    first = min(leading, key=lambda state: _STAGE[state.milestone])
    flags = frozenset().union(*(s.flags for s in still_open or counted))
    reasons = sorted(s.reason for s in still_open or counted if s.reason)
    etas = sorted((s.eta, s.eta_kind) for s in still_open if s.eta is not None)
    delivered = [s.delivered_at for s in counted if s.delivered_at is not None]
    return State(
        milestone=first.milestone,
        outcome=outcome,
        flags=flags,
        reason=reasons[0] if reasons else "",
        trust=_least_trust({state.trust for state in still_open or counted}),
        milestone_at=_latest(state.milestone_at for state in counted),
        last_event_at=_latest(state.last_event_at for state in counted),
        delivered_at=max(delivered) if outcome in _DELIVERED and delivered else None,
        eta=etas[-1][0] if etas else None,
        eta_kind=etas[-1][1] if etas else "",
        event_count=sum(state.event_count for state in states),
    )


def _closed_outcome(outcomes):
    if len(outcomes) == 1:
        return next(iter(outcomes))
    if outcomes & _DELIVERED:
        return "delivered_exception"
    for outcome in ("lost", "destroyed", "returned", "expired"):
        if outcome in outcomes:
            return outcome
    return "cancelled"


def _least_trust(found):
    for trust in ("clock_suspect", "live", "silent", "ended"):
        if trust in found:
            return trust
    return "no_data"


def _latest(instants):
    known = [instant for instant in instants if instant is not None]
    return max(known) if known else None


_BY_OUTCOME = {
    "delivered": "delivered",
    "delivered_exception": "attention",
    "returned": "returned",
    "lost": "lost",
    "destroyed": "lost",
    "cancelled": "cancelled",
    "expired": "attention",
}
_BY_MILESTONE = {
    "new": "new",
    "announced": "announced",
    "out_for_delivery": "out_for_delivery",
    "available_for_pickup": "ready_for_pickup",
    "delivered": "delivered",
    "returning": "returning",
    "returned": "returned",
}


def simple_status(state: State) -> str:
    """Return the one word of :data:`SIMPLE_STATUSES` people read."""
    if state.outcome in _BY_OUTCOME:
        return _BY_OUTCOME[state.outcome]
    if state.milestone == "returning":
        return "returning"
    if state.flags & {"held", "action_required", "attempt_failed"}:
        return "attention"
    return _BY_MILESTONE.get(state.milestone, "in_transit")
