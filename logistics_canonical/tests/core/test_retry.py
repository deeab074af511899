# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import random
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given, settings, strategies as st

from odoo.addons.logistics_canonical.core import breaker
from odoo.addons.logistics_canonical.core.rate import TokenBucket
from odoo.addons.logistics_canonical.core.retry import (
    LONGEST,
    SCHEDULE,
    classify,
    next_delay,
    normalise_error,
    parse_retry_after,
)

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (None, "transient"),
        (408, "transient"),
        (425, "transient"),
        (500, "transient"),
        (503, "transient"),
        (429, "throttled"),
        (401, "auth"),
        (403, "auth"),
        (400, "rejected"),
        (404, "rejected"),
        (422, "rejected"),
        (200, ""),
    ],
)
def test_classes(status, expected):
    assert classify(status) == expected


def test_only_what_may_heal_is_tried_again():
    for error_class in ("auth", "rejected", "poison", "unknown"):
        assert next_delay(1, error_class) is None
    assert next_delay(1, "transient") == 30.0


def test_waits_grow_and_end():
    delays = [next_delay(n, "transient") for n in range(1, len(SCHEDULE) + 1)]
    assert delays == sorted(delays)
    assert 20 * 3600 < sum(delays) < 24 * 3600
    assert next_delay(len(SCHEDULE) + 1, "transient") is None


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(st.integers(1, 7), st.integers(), st.one_of(st.none(), st.floats(0, 1e9)))
def test_jitter_and_retry_after_stay_in_bounds(attempt, seed, asked):
    delay = next_delay(attempt, "transient", retry_after=asked, rng=random.Random(seed))
    least = SCHEDULE[attempt - 1] * 0.8
    assert delay >= least
    if asked is None:
        assert delay <= SCHEDULE[attempt - 1] * 1.2
    else:
        assert delay >= min(asked, LONGEST)
        assert delay <= LONGEST


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120.0),
        ("0", 0.0),
        ("99999999999999", LONGEST),
        ("Fri, 02 Jan 2026 03:05:05 GMT", 60.0),
        ("Fri, 02 Jan 2026 03:00:00 GMT", None),
        ("-5", None),
        ("soon", None),
        ("", None),
        ("²", None),
    ],
)
def test_retry_after(text, seconds):
    assert parse_retry_after(text, NOW) == seconds


def test_the_same_failure_groups():
    one = normalise_error(
        "Order 4711 of 'Ada' (id 3f2b9c1e-1111-4222-8333-444455556666)"
    )
    two = normalise_error(
        "Order 4712 of 'Bob' (id 0f2b9c1e-1111-4222-8333-444455556667)"
    )
    assert one == two
    assert normalise_error("No such service") != normalise_error("No such address")


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


def test_the_bucket_lets_its_rate_through():
    bucket = TokenBucket(2, 2)
    assert [bucket.take(0.0) for _try in range(3)] == [True, True, False]
    assert bucket.take(0.5)
    assert not bucket.take(0.5)
    assert [bucket.take(99.0) for _try in range(3)] == [True, True, False]
