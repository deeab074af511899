# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from datetime import datetime, timezone

import pytest
from hypothesis import given, settings, strategies as st

from odoo.addons.logistics_canonical.core.times import TimeError, parse_time


def utc(*parts):
    return datetime(*parts, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2024-08-20T12:41:57-04:00", utc(2024, 8, 20, 16, 41, 57)),
        ("2024-08-20T12:41:57Z", utc(2024, 8, 20, 12, 41, 57)),
        ("2024-08-20T12:41:57.1234567+02:00", utc(2024, 8, 20, 10, 41, 57, 123456)),
        ("2022-01-25 14:43:13.615997+00:00", utc(2022, 1, 25, 14, 43, 13, 615997)),
        ("2021-05-07 23:59:00 GMT-04:00", utc(2021, 5, 8, 3, 59)),
        ("2020-10-13T03:54:44-0600", utc(2020, 10, 13, 9, 54, 44)),
        ("20240423T135004Z", utc(2024, 4, 23, 13, 50, 4)),
        ("Tue, 23 Apr 2024 13:50:04 +0200", utc(2024, 4, 23, 11, 50, 4)),
        ("2024-04-23T13:50+05:30", utc(2024, 4, 23, 8, 20)),
    ],
)
def test_an_offset_is_never_dropped(text, instant):
    parsed = parse_time(text, default_zone="Asia/Tokyo")
    assert (parsed.instant, parsed.basis, parsed.has_time) == (instant, "given", True)
    assert parsed.text == text


def test_date_and_time_apart():
    parsed = parse_time(
        "071356",
        date_text="20210210",
        fmt="%Y%m%d%H%M%S",
        place_zone="America/New_York",
    )
    assert parsed.instant == utc(2021, 2, 10, 12, 13, 56)
    assert parsed.basis == "place"
    iso = parse_time("17:00:00", date_text="2024-01-15", default_zone="Europe/Berlin")
    assert (iso.instant, iso.basis) == (utc(2024, 1, 15, 16), "connector")


def test_the_message_before_the_place_before_the_profile():
    text = "2024-07-01T12:00:00"
    zones = {
        "zone": "Europe/London",
        "place_zone": "Europe/Berlin",
        "default_zone": "Asia/Tokyo",
    }
    assert parse_time(text, **zones).instant.hour == 11
    zones.pop("zone")
    assert parse_time(text, **zones).instant.hour == 10
    zones.pop("place_zone")
    assert parse_time(text, **zones).instant.hour == 3


def test_a_local_time_without_a_zone_is_not_taken_for_utc():
    with pytest.raises(TimeError, match="no time zone"):
        parse_time("2024-07-01T12:00:00")


def test_a_day_is_its_noon():
    parsed = parse_time("2024-01-26", default_zone="Europe/Amsterdam")
    assert (parsed.instant, parsed.has_time) == (utc(2024, 1, 26, 11), False)
    assert parsed.basis == "date"


def test_epoch_seconds_and_milliseconds():
    assert parse_time("1525271885", fmt="unix").instant == utc(2018, 5, 2, 14, 38, 5)
    parsed = parse_time("1525271885993", fmt="unix_ms")
    assert parsed.instant == utc(2018, 5, 2, 14, 38, 5, 993000)


def test_clock_changes():
    zone = {"default_zone": "Europe/Berlin"}
    twice = parse_time("2024-10-27T02:30:00", **zone)
    assert twice.instant == utc(2024, 10, 27, 0, 30), "the first of the two"
    skipped = parse_time("2024-03-31T02:30:00", **zone)
    assert skipped.instant == utc(2024, 3, 31, 1, 30), "an hour later"


@pytest.mark.parametrize(
    "text",
    ["", "string", "2024-13-45T00:00:00Z", "0001-01-01T00:00:00Z", "12:41", "٢٠٢٤"],
)
def test_garbage_is_told(text):
    with pytest.raises(TimeError):
        parse_time(text, default_zone="UTC")


@settings(max_examples=500)
@given(
    st.text(max_size=40),
    st.sampled_from([None, "%Y%m%d%H%M%S", "unix", "unix_ms"]),
    st.one_of(st.none(), st.text(max_size=12)),
)
def test_nothing_but_a_time_error_escapes(text, fmt, day):
    try:
        parsed = parse_time(text, fmt=fmt, date_text=day, default_zone="UTC")
    except TimeError:
        return
    assert parsed.instant.tzinfo is timezone.utc
