# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import random
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from hypothesis import given, settings, strategies as st

from odoo.addons.logistics_canonical.core.retry import (
    LONGEST,
    SCHEDULE,
    classify,
    next_delay,
    normalise_error,
    parse_retry_after,
    retry_after_of,
)

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (None, "transient"),
        (101, "transient"),
        (103, "transient"),
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
        (204, ""),
        (301, "rejected"),
        (302, "rejected"),
    ],
)
def test_classes(status, expected):
    assert classify(status) == expected


def test_a_partner_that_names_a_time_is_throttling():
    assert classify(503, retry_after=10.0) == "throttled"
    assert classify(429, retry_after=10.0) == "throttled"
    assert classify(500, retry_after=10.0) == "transient"


def test_no_answer_may_heal():
    assert classify(None, TimeoutError()) == "transient"
    assert classify(None, ConnectionRefusedError()) == "transient"
    assert classify(200, ConnectionResetError()) == "transient"


def test_only_what_may_heal_is_tried_again():
    for error_class in ("auth", "rejected", "poison", "unknown"):
        assert next_delay(1, error_class) is None
    assert next_delay(1, "transient") == 30.0


def test_waits_grow_and_end():
    assert SCHEDULE == (30, 120, 600, 1800, 7200, 21600, 43200)
    delays = [next_delay(n, "transient") for n in range(1, len(SCHEDULE) + 1)]
    assert delays == sorted(delays)
    assert 20 * 3600 < sum(delays) < 24 * 3600
    for attempt in (len(SCHEDULE) + 1, 100):
        for error_class in ("transient", "throttled"):
            assert next_delay(attempt, error_class) is None
            assert next_delay(attempt, error_class, retry_after=5.0) is None


def test_who_says_too_fast_is_left_alone_for_a_minute():
    assert next_delay(1, "throttled") == 60.0
    assert next_delay(2, "throttled") == 120.0


def test_what_the_partner_asks_for_is_honoured_within_bounds():
    assert next_delay(1, "throttled", retry_after=3600.0) == 3600.0
    assert next_delay(3, "throttled", retry_after=1.0) == 600.0
    assert next_delay(3, "throttled", retry_after=-1.0) == 600.0
    assert next_delay(1, "throttled", retry_after=1e12) == 86400.0


@settings(max_examples=200)
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
        ("9" * 5000, LONGEST),
        ("000000000000120", 120.0),
        (" 120 ", 120.0),
        ("1.5", None),
        ("1e3", None),
        ("Fri, 02 Jan 2026 03:05:05", 60.0),
        ("Friday, 02-Jan-26 03:05:05 GMT", 60.0),
        ("Fri, 02 Jan 2099 03:05:05 GMT", LONGEST),
        ("Fri, 99 Jan 2026 03:05:05 GMT", None),
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


@settings(max_examples=300)
@given(st.text(max_size=40))
def test_a_hostile_retry_after_is_harmless(text):
    seconds = parse_retry_after(text, NOW)
    assert seconds is None or 0 <= seconds <= LONGEST
    parse_retry_after(text)


@pytest.mark.parametrize(
    ("date", "seconds"),
    [
        ("Wed, 21 Oct 2026 07:28:00 GMT", 600.0),
        ("Wed, 21 Oct 2026 07:28:00", 600.0),
        ("Wed, 21 Oct 2026 07:28:00 -0000", 600.0),
        ("Wed, 21 Oct 2026 09:28:00 +0200", 600.0),
        ("Wed, 21 Oct 2026 07:28:00 +99999999999999999999", None),
        ("now", None),
        ("", None),
    ],
)
def test_a_date_is_measured_by_the_partners_clock(date, seconds):
    until = "Wed, 21 Oct 2026 07:38:00 GMT"
    assert retry_after_of({"date": date, "retry-after": until}) == seconds
    assert retry_after_of({"date": date, "retry-after": "7"}) == 7.0


@given(st.text(max_size=40), st.text(max_size=40))
def test_hostile_dates_are_harmless(date, until):
    retry_after_of({"date": date, "retry-after": until})


def test_the_same_failure_groups():
    one = normalise_error(
        "Order 4711 of 'Ada' (id 3f2b9c1e-1111-4222-8333-444455556666)"
    )
    two = normalise_error(
        "Order 4712 of 'Bob' (id 0f2b9c1e-1111-4222-8333-444455556667)"
    )
    assert one == two
    assert normalise_error("No such service") != normalise_error("No such address")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Due 2026-01-02T03:04:05Z passed", "Due 2026-11-12T13:14:15.6+01:00 passed"),
        ("Closed on Fri, 02 Jan 2026", "Closed on Monday, 9 February 2026"),
        ("Weight 12.5 is over 1,234.50", "Weight 3 is over 70"),
        ("Parcel 1Z999AA10123456784 unknown", "Parcel 00340434161094042557 unknown"),
        ('Field "city" is empty', 'Field "zip" is empty'),
        ("Unknown city \u201cUlm\u201d", "Unknown city \u201cBonn\u201d"),
        ("No mailbox ada@a.example", "No mailbox bob.b@b.example"),
        ("Trace a3f2b9c1e1111422 lost", "Trace 0000b9c1e1111423ff lost"),
        ("10.0.0.1:80  refused", "10.0.0.22:8080 refused\n"),
    ],
)
def test_what_differs_from_message_to_message_does_not_part_a_group(one, other):
    key = normalise_error(one)
    assert normalise_error(other) == key
    assert normalise_error(key) == key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("HTTP 500", "HTTP 502"),
        ("can't read: it isn't JSON", "can't connect: it isn't up"),
        ("Street is missing", "City is missing"),
    ],
)
def test_different_failures_are_different_groups(one, other):
    assert normalise_error(one) != normalise_error(other)


@settings(max_examples=200)
@given(st.text(max_size=60), st.integers(1, 100))
def test_a_group_key_is_short(text, times):
    assert len(normalise_error(text * times)) <= 160


@settings(max_examples=300)
@given(
    st.sampled_from(("transient", "throttled")),
    st.integers(1, 7),
    st.integers(),
    st.one_of(st.none(), st.floats(allow_nan=False)),
)
def test_waits_grow_and_jitter_moves_them_a_fifth_at_most(
    error_class, attempt, seed, asked
):
    plain = next_delay(attempt, error_class)
    assert 0 < plain <= LONGEST
    if attempt > 1:
        assert plain >= next_delay(attempt - 1, error_class)
    spread = next_delay(attempt, error_class, rng=random.Random(seed))
    assert plain * 0.8 <= spread <= plain * 1.2
    asked_for = next_delay(
        attempt, error_class, retry_after=asked, rng=random.Random(seed)
    )
    # A partner lengthens a wait, to a day at most, and never shortens it.
    assert asked_for == min(max(spread, spread if asked is None else asked), LONGEST)


@settings(max_examples=200)
@given(st.integers(-5, 0))
def test_a_count_that_was_never_made_waits_like_the_first(attempt):
    assert next_delay(attempt, "transient") == SCHEDULE[0]


@settings(max_examples=200)
@given(st.integers(-(10**6), 10**9))
def test_a_date_is_as_good_as_its_seconds(seconds):
    moment = NOW + timedelta(seconds=seconds)
    found = parse_retry_after(format_datetime(moment, usegmt=True), NOW)
    assert found == (min(float(seconds), LONGEST) if seconds >= 0 else None)
    if seconds >= 0:
        assert found == parse_retry_after(str(seconds), NOW)
