# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Partners' times as UTC instants, with how the zone was known.

An offset a partner gives is never dropped, and a time without one is never taken
for UTC: without a zone from the message, the place or the profile it can't be
read, and says so.
"""

import re
from datetime import date, datetime, time, timedelta, timezone
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

#: The hour a day without a time stands for, in its zone.
NOON = time(12)

_FRACTION = re.compile(r"(?<=:\d\d)[.,](\d+)")
_GMT = re.compile(r"\s*(?:GMT|UTC)\s*(?=[+-]\d)")
_OFFSET = re.compile(r"\s*([+-])(\d{2}):?(\d{2})$")
_ZULU = re.compile(r"\s*(?:Z|UTC|GMT)$", re.IGNORECASE)
_DAY = re.compile(r"\d{4}-?\d{2}-?\d{2}$")
_COMPACT_DAY = re.compile(r"(\d{4})(\d{2})(\d{2})(?=\D|$)")
_COMPACT_TIME = re.compile(r"(?<=[T ])(\d{2})(\d{2})(\d{2})?(?=\D|$)")
_EARLIEST = datetime(1970, 1, 1, tzinfo=timezone.utc)
_LATEST = datetime(2200, 1, 1, tzinfo=timezone.utc)


class TimeError(ValueError):
    """A text that isn't a time, or a local time whose zone nobody knows."""


class ParsedTime(NamedTuple):
    """A time that was read.

    :param instant: aware, in UTC
    :param text: as the partner wrote it
    :param basis: one of ``events.ZONE_BASES``
    :param has_time: False when only a day is known
    """

    instant: datetime
    text: str
    basis: str
    has_time: bool


def parse_time(
    text: str,
    *,
    fmt: str | None = None,
    zone: str | None = None,
    place_zone: str | None = None,
    default_zone: str | None = None,
    date_text: str | None = None,
) -> ParsedTime:
    """Read a partner's time.

    :param text: the time, or the time of day when ``date_text`` is given
    :param fmt: ``strptime`` format of text, or of date and text joined without a
        blank; ``unix`` and ``unix_ms`` for epoch seconds and milliseconds; None
        for ISO 8601 and RFC 2822
    :param zone: IANA zone the message itself says the time is in
    :param place_zone: IANA zone of the place it happened at
    :param default_zone: IANA zone the partner declares for its times
    :raise TimeError: when it can't be read or its zone isn't known
    """
    shown = f"{date_text} {text}".strip() if date_text is not None else str(text)
    try:
        moment, has_time = _read(str(text or ""), fmt, date_text)
    except TimeError:
        raise
    except (ValueError, OverflowError, TypeError, AttributeError, IndexError) as error:
        raise TimeError(f"{shown[:60]!r} is not a time we can read") from error
    if moment.tzinfo is not None:
        basis = "given"
    elif zone:
        moment, basis = _localise(moment, zone), "given"
    elif place_zone:
        moment, basis = _localise(moment, place_zone), "place"
    elif default_zone:
        moment, basis = _localise(moment, default_zone), "connector"
    else:
        raise TimeError(
            f"{shown[:60]!r} has no time zone, and neither the place nor the profile "
            "tells one"
        )
    try:
        instant = moment.astimezone(timezone.utc)
    except (OverflowError, ValueError) as error:
        raise TimeError(f"{shown[:60]!r} is out of range") from error
    if not _EARLIEST <= instant < _LATEST:
        raise TimeError(f"{shown[:60]!r} is out of range")
    return ParsedTime(instant, shown, basis if has_time else "date", has_time)


def _read(text, fmt, date_text):
    """Return (datetime, aware or not, and whether it has a time of day)."""
    if fmt in ("unix", "unix_ms"):
        seconds = float(text) / (1000 if fmt == "unix_ms" else 1)
        return _EARLIEST + timedelta(seconds=seconds), True
    if fmt:
        return _read_format((date_text or "") + text, fmt)
    if date_text is not None:
        day = date_text.strip()
        text = f"{day}T{text.strip()}" if text.strip() else day
    return _read_free(text.strip())


def _read_format(text, fmt):
    moment = datetime.strptime(text.strip(), fmt)
    has_time = any(part in fmt for part in ("%H", "%I", "%X", "%c"))
    if not has_time:
        moment = datetime.combine(moment.date(), NOON, moment.tzinfo)
    return moment, has_time


def _read_free(text):
    if not text:
        raise TimeError("There is no time")
    if _DAY.match(text):
        digits = text.replace("-", "")
        day = date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
        return datetime.combine(day, NOON), False
    try:
        # By far the most frequent form needs nothing done to it.
        return _from_iso(text), True
    except ValueError:
        pass
    try:
        return _from_iso(_plain_iso(text)), True
    except ValueError:
        return parsedate_to_datetime(text), True


def _from_iso(text):
    if text[-1:] in "Zz":
        text = text[:-1] + "+00:00"
    if len(text) < 13:
        raise ValueError
    return datetime.fromisoformat(text)


def _plain_iso(text):
    """Return ISO text in the subset every supported Python reads."""
    text = _GMT.sub("", text)
    text = _ZULU.sub("+00:00", text)
    text = _COMPACT_DAY.sub(r"\1-\2-\3", text, count=1)
    text = _COMPACT_TIME.sub(lambda m: f"{m[1]}:{m[2]}:{m[3] or '00'}", text, count=1)
    text = _FRACTION.sub(lambda m: "." + m[1][:6].ljust(6, "0"), text)
    return _OFFSET.sub(r"\1\2:\3", text)


@lru_cache(maxsize=512)
def _zone(name):
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise TimeError(f"{name!r} is not an IANA time zone") from error


def _localise(moment, zone):
    # A local time that a clock change repeats is taken as the first of the two;
    # one that it skips moves forward by the hour that was skipped.
    return moment.replace(tzinfo=_zone(zone), fold=0)
