# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from hypothesis import given, settings, strategies as st

from odoo.addons.logistics_canonical.core.fold import (
    EMPTY,
    SIMPLE_STATUSES,
    FoldEvent,
    State,
    fold,
    roll_up,
    simple_status,
)
from odoo.addons.logistics_canonical.core.vocabulary import EVENT_TYPES

HOUR = 3600.0
T0 = 1_700_000_000.0


def event(code, hour, *, classifier="actual", received=None, identity=None, **more):
    at = None if hour is None else T0 + hour * HOUR
    return FoldEvent(
        identity=identity or f"{code}@{hour}/{classifier}",
        code=code,
        classifier=classifier,
        occurred_at=at,
        received_at=T0 + (received if received is not None else hour or 0) * HOUR + 60,
        **more,
    )


EVENTS = st.lists(
    st.builds(
        FoldEvent,
        identity=st.sampled_from("abcdefghij"),
        code=st.sampled_from(sorted(EVENT_TYPES)),
        classifier=st.sampled_from(["actual", "planned", "estimated"]),
        occurred_at=st.one_of(
            st.none(), st.integers(0, 50).map(lambda n: T0 + n * 600)
        ),
        received_at=st.integers(0, 50).map(lambda n: T0 + n * 600),
        sequence=st.integers(0, 2),
        reason=st.sampled_from(["", "weather", "refused"]),
        retracts=st.sampled_from(["", "", "", "a", "b", "c"]),
    ),
    max_size=12,
)


@settings(max_examples=400)
@given(EVENTS, st.randoms(use_true_random=False))
def test_order_and_copies_do_not_matter(events, rng):
    shuffled = events + [rng.choice(events) for _copy in range(3) if events]
    rng.shuffle(shuffled)
    assert fold(shuffled) == fold(events)


@settings(max_examples=200)
@given(st.lists(EVENTS, max_size=4), st.randoms(use_true_random=False))
def test_the_order_of_parcels_does_not_matter(parcels, rng):
    states = [fold(events) for events in parcels]
    shuffled = list(states)
    rng.shuffle(shuffled)
    assert roll_up(shuffled) == roll_up(states)
    assert simple_status(roll_up(states)) in SIMPLE_STATUSES


def test_nothing_is_known_before_the_first_event():
    assert fold([]) == EMPTY
    assert (EMPTY.milestone, EMPTY.outcome, EMPTY.trust) == ("new", "open", "no_data")


def test_a_journey():
    steps = [
        ("label_created", "announced", "announced"),
        ("picked_up", "picked_up", "in_transit"),
        ("arrived_at_hub", "in_transit", "in_transit"),
        ("arrived_at_destination", "arrived", "in_transit"),
        ("out_for_delivery", "out_for_delivery", "out_for_delivery"),
        ("delivered", "delivered", "delivered"),
    ]
    events = []
    for hour, (code, milestone, status) in enumerate(steps):
        events.append(event(code, hour))
        state = fold(events)
        assert (state.milestone, simple_status(state)) == (milestone, status)
    assert state.delivered_at == T0 + 5 * HOUR
    assert state.last_event_at == T0 + 5 * HOUR


def test_delivered_stays_when_older_scans_arrive_after_it():
    state = fold([event("delivered", 10), event("in_transit", 5, received=20)])
    assert (state.outcome, state.milestone) == ("delivered", "delivered")


def test_delivered_stays_when_mere_scans_are_dated_after_it():
    # Seen in real captures: another leg's clock is hours ahead.
    state = fold([event("delivered", 10), event("arrived_at_hub", 13)])
    assert (state.outcome, state.milestone) == ("delivered", "delivered")
    assert state.delivered_at == T0 + 10 * HOUR


def test_a_withdrawn_delivery_is_none():
    journey = [event("out_for_delivery", 9), event("delivered", 10, identity="d")]
    withdrawal = event("info", 11, identity="w", retracts="d")
    state = fold([*journey, withdrawal])
    assert (state.outcome, state.milestone) == ("open", "out_for_delivery")
    assert state.delivered_at is None
    restored = fold([*journey, withdrawal, event("info", 12, retracts="w")])
    assert restored.outcome == "delivered"


def test_an_event_from_the_future_does_not_win():
    future = FoldEvent("f", "delivered", "actual", T0 + 700, T0)
    state = fold([event("picked_up", -1), future])
    assert (state.milestone, state.outcome, state.trust) == (
        "picked_up",
        "open",
        "clock_suspect",
    )
    slightly = FoldEvent("f", "delivered", "actual", T0 + 500, T0)
    assert fold([event("picked_up", -1), slightly]).outcome == "delivered"


def test_plans_and_forecasts_move_only_the_expectation():
    state = fold(
        [
            event("picked_up", 1),
            event("delivered", 30, classifier="planned", received=0),
            event("delivered", 40, classifier="estimated", received=2),
            event("eta_update", 44, classifier="estimated", received=3),
            event("delivered", 50, classifier="planned", received=9),
        ]
    )
    assert (state.milestone, state.outcome) == ("picked_up", "open")
    assert (state.eta, state.eta_kind) == (T0 + 44 * HOUR, "estimated")


def test_what_was_announced_never_wins_over_what_moved():
    state = fold([event("picked_up", 1), event("label_created", 5)])
    assert state.milestone == "picked_up"


def test_a_failed_attempt_is_over_when_it_goes_out_again():
    failed = [event("out_for_delivery", 1), event("delivery_attempted", 2)]
    state = fold(failed)
    assert state.flags == {"attempt_failed"}
    assert simple_status(state) == "attention"
    again = fold([*failed, event("arrived_at_hub", 3), event("out_for_delivery", 20)])
    assert again.flags == frozenset()
    assert again.milestone == "out_for_delivery"


def test_a_hold_ends_with_the_release():
    held = [
        event("in_transit", 1),
        event("customs_hold", 2, reason="customs_documents"),
    ]
    assert fold(held).flags == {"held"}
    assert fold(held).reason == "customs_documents"
    released = fold([*held, event("customs_released", 9)])
    assert (released.flags, released.reason) == (frozenset(), "")


def test_the_way_back_ends_at_the_sender():
    back = [event("refused", 1), event("return_started", 2)]
    assert fold(back).milestone == "returning"
    assert fold([*back, event("delivered", 5)]).outcome == "returned"
    after = [event("delivered", 1), event("return_in_transit", 3)]
    assert fold(after).outcome == "open"
    assert simple_status(fold(after)) == "returning"


def test_cancelled_ends_when_it_is_booked_anew():
    events = [event("booked", 0), event("cancelled", 1)]
    assert simple_status(fold(events)) == "cancelled"
    assert simple_status(fold([*events, event("booked", 2)])) == "announced"
    assert simple_status(fold([*events, event("label_created", 2)])) == "cancelled"


def test_lost_and_cancelled_end_when_it_moves():
    for end in ("lost", "cancelled", "expired"):
        assert fold([event("picked_up", 1), event(end, 2)]).outcome == end
        seen = fold([event("picked_up", 1), event(end, 2), event("in_transit", 3)])
        assert seen.outcome == "open"


def test_damage_found_after_the_delivery():
    state = fold([event("delivered", 1), event("damaged", 5)])
    assert state.outcome == "delivered_exception"
    assert state.delivered_at == T0 + HOUR
    assert fold([event("in_transit", 1), event("damaged", 5)]).outcome == "open"


def test_what_nobody_understands_moves_nothing():
    state = fold([event("picked_up", 1), event("unmapped", 5), event("info", 6)])
    assert state.milestone == "picked_up"
    assert state.event_count == 3


def test_without_a_time_it_happened_when_it_came():
    state = fold([event("picked_up", 1), event("delivered", None, received=5)])
    assert state.delivered_at == T0 + 5 * HOUR + 60


def test_equal_times_are_settled_by_sequence_then_stage():
    same = [event("out_for_delivery", 1), event("arrived_at_destination", 1)]
    assert fold(same).milestone == "out_for_delivery"
    numbered = [
        event("out_for_delivery", 1, sequence=1),
        event("arrived_at_destination", 1, sequence=2),
    ]
    assert fold(numbered).milestone == "arrived"


def parcel(*codes):
    return fold([event(code, hour) for hour, code in enumerate(codes)])


def test_a_shipment_is_as_far_as_its_last_parcel():
    state = roll_up([parcel("picked_up", "out_for_delivery"), parcel("picked_up")])
    assert (state.milestone, state.outcome) == ("picked_up", "open")


def test_some_delivered_is_partially_delivered():
    state = roll_up([parcel("picked_up", "delivered"), parcel("picked_up")])
    assert (state.outcome, state.delivered_at) == ("partially_delivered", None)


def test_all_delivered_when_the_last_is():
    state = roll_up([parcel("delivered"), parcel("picked_up", "delivered")])
    assert (state.outcome, state.delivered_at) == ("delivered", T0 + HOUR)


def test_a_lost_parcel_is_an_exception_of_the_delivery():
    state = roll_up([parcel("delivered"), parcel("lost")])
    assert state.outcome == "delivered_exception"
    assert simple_status(state) == "attention"


def test_cancelled_parcels_do_not_count_while_others_are_left():
    assert roll_up([parcel("cancelled"), parcel("delivered")]).outcome == "delivered"
    assert roll_up([parcel("cancelled"), parcel("cancelled")]).outcome == "cancelled"


def test_problems_of_open_parcels_show_on_the_shipment():
    state = roll_up([parcel("held"), parcel("delivery_attempted"), parcel("delivered")])
    assert state.flags == {"held", "attempt_failed"}
    assert isinstance(state, State)
