# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from datetime import datetime, timedelta, timezone

from hypothesis import given, settings, strategies as st

from odoo.addons.logistics_canonical.core.rate import Pace, share

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
SETTINGS = settings(max_examples=300)


def at(seconds):
    return NOW + timedelta(seconds=seconds)


# === PACE === #


def test_without_a_limit_everything_may_go_out():
    pace = Pace(None, 0)
    assert pace.allowance(NOW, 500) == 500
    assert pace.spend(NOW, 500) == pace


def test_the_burst_goes_out_at_once_and_the_rest_at_the_rate():
    pace = Pace(None, per_second=2, burst=3)
    assert pace.allowance(NOW, 10) == 3
    pace = pace.spend(NOW, 3)
    assert pace.allowance(NOW, 10) == 0
    assert pace.allowance(at(0.4), 10) == 0
    assert pace.allowance(at(0.5), 10) == 1
    assert pace.allowance(at(1), 10) == 2
    assert pace.allowance(at(1.5), 10) == 3


def test_what_was_not_used_is_not_saved_up_beyond_the_burst():
    pace = Pace(None, per_second=10, burst=2).spend(NOW, 2)
    assert pace.allowance(at(3600), 99) == 2


def test_less_than_one_a_minute_still_lets_one_through():
    pace = Pace(None, per_second=0.5 / 60, burst=1)
    assert pace.allowance(NOW, 9) == 1
    pace = pace.spend(NOW, 1)
    assert pace.allowance(at(119), 9) == 0
    assert pace.allowance(at(120), 9) == 1


def test_no_more_than_asked_for():
    pace = Pace(None, per_second=100, burst=100)
    assert pace.allowance(NOW, 7) == 7
    assert pace.allowance(NOW, 0) == 0


def test_who_asks_to_be_left_alone_is():
    for pace in (Pace(None, 0), Pace(None, 5, 5), Pace(None, 0.1, 1)):
        held = pace.hold(at(60))
        assert held.allowance(NOW, 9) == 0, pace
        assert held.allowance(at(59), 9) == 0, pace
        assert held.allowance(at(60), 9) >= 1, pace


def test_after_a_hold_nobody_rushes():
    held = Pace(None, per_second=5, burst=5).hold(at(60))
    assert held.allowance(at(60), 99) == 1
    assert held.allowance(at(60.4), 99) == 3


def test_a_hold_is_told_from_the_pace_of_our_own_calls():
    for pace in (Pace(None, 0), Pace(None, 5, 5), Pace(None, 0.1, 1)):
        assert not pace.spend(NOW, pace.burst).is_held(NOW), pace
        assert pace.hold(at(60)).is_held(NOW), pace
        assert not pace.hold(at(60)).is_held(at(60)), pace


def test_a_hold_never_shortens_another():
    pace = Pace(None, 1, 1).hold(at(600)).hold(at(60))
    assert pace.allowance(at(599), 1) == 0
    assert pace.allowance(at(600), 1) == 1


@SETTINGS
@given(
    st.lists(
        # (seconds since the last look, which worker, how many it wants, how many
        # of those it then finds)
        st.tuples(
            st.floats(0, 5), st.integers(0, 3), st.integers(0, 20), st.integers(0, 20)
        ),
        max_size=60,
    ),
    st.floats(0.01, 20),
    st.integers(1, 10),
    # Workers' clocks: what each is ahead or behind.
    st.lists(st.floats(-0.5, 0.5), min_size=4, max_size=4),
)
def test_no_window_has_more_than_the_burst_and_the_rate(looks, rate, burst, clocks):
    pace, clock, gone = Pace(None, rate, burst), 0.0, []
    for pause, worker, wanted, found in looks:
        clock += pause
        calls = min(pace.allowance(at(clock + clocks[worker]), wanted), found)
        assert 0 <= calls <= wanted
        pace = pace.spend(at(clock + clocks[worker]), calls)
        gone += [clock] * calls
    # Clocks that differ by a second can make a window one second longer.
    drift = max(clocks) - min(clocks)
    for first, start in enumerate(gone):
        for last in range(first, len(gone)):
            window = gone[last] - start + drift
            assert last - first + 1 <= burst + rate * window + 0.01


@SETTINGS
@given(
    st.floats(0.01, 20), st.integers(1, 10), st.lists(st.integers(1, 5), max_size=30)
)
def test_nobody_is_starved_by_the_limit(rate, burst, wants):
    """Whoever waits as long as a call is worth gets one."""
    pace, clock = Pace(None, rate, burst), 0.0
    for want in wants:
        calls = pace.allowance(at(clock), want)
        assert calls >= 1
        pace = pace.spend(at(clock), calls)
        clock += calls / rate + 1e-5


@SETTINGS
@given(
    st.just(0.0) | st.floats(0.01, 20),
    st.integers(1, 10),
    st.floats(1, 1000),
    st.integers(0, 10),
    st.floats(0, 0.999),
)
def test_a_hold_holds_whatever_was_spent_before(rate, burst, seconds, spent, part):
    pace = Pace(None, rate, burst).spend(NOW, min(spent, burst)).hold(at(seconds))
    assert pace.allowance(at(seconds * part), 99) == 0


# === SHARE === #


def test_a_lone_partner_gets_a_good_part():
    assert share(128, 0, 0) >= 50
    assert share(128, 0, 0) <= 64, "and the next one as much"


def test_one_slot_is_one():
    assert share(1, 0, 0) == 1
    assert share(1, 1, 1) == 0
    assert share(0, 0, 0) == 0


@SETTINGS
@given(st.integers(2, 200), st.lists(st.integers(0, 6), max_size=80))
def test_there_is_always_room_for_the_next(slots, turns):
    """Partners that never answer take all they get, turn by turn."""
    own = {}
    for partner in turns:
        taken = sum(own.values())
        more = share(slots, taken, own.get(partner, 0))
        assert more >= 0
        own[partner] = own.get(partner, 0) + more
        assert sum(own.values()) <= slots
    if len(own) == 1:
        assert slots - sum(own.values()) >= slots // 2
    taken = sum(own.values())
    if len(own) <= 5 and slots >= 128:
        assert share(slots, taken, 0) >= 1, "a newcomer gets one"


@SETTINGS
@given(st.integers(1, 200), st.integers(0, 200), st.integers(0, 200))
def test_shares_fit(slots, taken, own):
    taken = min(taken, slots)
    own = min(own, taken)
    assert 0 <= share(slots, taken, own) <= slots - taken


@SETTINGS
@given(st.integers(2, 6))
def test_many_greedy_partners_end_up_with_alike_parts(partners):
    own = dict.fromkeys(range(partners), 0)
    # Calls end one by one, and whoever has least comes first.
    for _round in range(400):
        most = max(own, key=own.get)
        own[most] = max(own[most] - 1, 0)
        for partner in sorted(own, key=own.get):
            own[partner] += share(128, sum(own.values()), own[partner])
    assert min(own.values()) >= 128 // (partners + 1) // 2
    assert share(128, sum(own.values()), 0) >= 1
