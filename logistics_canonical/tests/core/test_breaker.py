# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from datetime import datetime, timedelta, timezone

from hypothesis import given, settings, strategies as st

from odoo.addons.logistics_canonical.core import breaker
from odoo.addons.logistics_canonical.core.rate import TokenBucket

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)


def test_the_breaker_opens_probes_and_closes():
    state = breaker.Breaker()
    for _failure in range(4):
        state = breaker.record(state, False, NOW)
        assert breaker.allows(state, NOW) == "yes"
    state = breaker.record(state, False, NOW)
    assert breaker.allows(state, NOW) == "no"
    later = NOW + timedelta(seconds=61)
    assert breaker.allows(state, later) == "probe"
    failed = breaker.record(state, False, later)
    assert failed.until - later == timedelta(seconds=120), "waits longer each time"
    assert breaker.record(state, True, later) == breaker.Breaker()


def test_a_success_forgets_failures():
    state = breaker.Breaker()
    for outcome in [False] * 4 + [True] + [False] * 4:
        state = breaker.record(state, outcome, NOW)
    assert state.state == "closed"


def test_the_breaker_never_waits_longer_than_half_an_hour():
    state, at = breaker.Breaker(), NOW
    for _failure in range(60):
        state = breaker.record(state, False, at)
        if state.until:
            assert state.until - at <= timedelta(minutes=30)
            at = state.until


def opened():
    state = breaker.Breaker()
    for _failure in range(5):
        state = breaker.record(state, False, NOW)
    return state


def test_the_first_probe_goes_out_after_a_minute():
    state = opened()
    assert breaker.allows(state, NOW + timedelta(seconds=59)) == "no"
    assert breaker.allows(state, NOW + timedelta(seconds=60)) == "probe"


def test_one_probe_at_a_time():
    probing = opened()._replace(state="half_open")
    at = NOW + timedelta(seconds=61)
    assert breaker.allows(probing, at) == "no"
    assert breaker.record(probing, True, at) == breaker.Breaker()
    again = breaker.record(probing, False, at)
    assert (again.state, again.until - at) == ("open", timedelta(seconds=120))


def test_what_was_on_its_way_when_it_opened_prolongs_nothing():
    state = opened()
    for _failure in range(10):
        assert breaker.record(state, False, NOW + timedelta(seconds=5)) == state
    assert breaker.record(state, True, NOW) == breaker.Breaker()


@settings(max_examples=200)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 4000)), max_size=60))
def test_whatever_happens_a_probe_goes_out_within_half_an_hour(calls):
    state, at, failed = breaker.Breaker(), NOW, 0
    for ok, seconds in calls:
        at += timedelta(seconds=seconds)
        state = breaker.record(state, ok, at)
        failed = 0 if ok else failed + 1
        assert (breaker.allows(state, at) == "yes") == (failed < 5)
        assert breaker.allows(state, at + timedelta(minutes=30)) != "no"


def test_the_bucket_lets_its_rate_through():
    bucket = TokenBucket(2, 2)
    assert [bucket.take(0.0) for _try in range(3)] == [True, True, False]
    assert bucket.take(0.5)
    assert not bucket.take(0.5)
    assert [bucket.take(99.0) for _try in range(3)] == [True, True, False]


def test_a_bucket_for_less_than_one_a_second_lets_one_through():
    bucket = TokenBucket(0.5, 0.5)
    assert bucket.take(0.0)
    assert not bucket.take(1.0)
    assert bucket.take(2.0)


@settings(max_examples=200)
@given(st.lists(st.floats(0, 5), max_size=80), st.integers(1, 5), st.integers(1, 5))
def test_never_more_than_the_burst_and_the_rate(pauses, rate, burst):
    bucket, at, taken = TokenBucket(rate, burst), 0.0, 0
    for pause in pauses:
        at += pause
        taken += bucket.take(at)
        assert taken <= burst + rate * at + 1e-6
