# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What a failure is, whether to try again, and when."""

import re
from collections.abc import Mapping
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime

#: Seconds between tries: 8 tries over about 21 hours.
SCHEDULE = (30.0, 120.0, 600.0, 1800.0, 7200.0, 21600.0, 43200.0)
JITTER = 0.2
#: The longest wait a partner can ask for.
LONGEST = 86400.0
#: A partner that says "too fast" isn't asked again sooner than this.
THROTTLED_LEAST = 60.0

_RETRIED = frozenset({"transient", "throttled"})


def classify(
    status: int | None,
    exception: BaseException | None = None,
    *,
    retry_after: float | None = None,
) -> str:
    """Return the error class of an HTTP status, or of having got none.

    A redirect is refused like a request: calls don't follow redirects. An interim
    status is no answer yet, whatever was to come after it.

    :param status: HTTP status, None when no answer came
    :param exception: what happened instead of an answer
    :param retry_after: what the partner asked for, None if it didn't
    """
    if status is None or exception is not None:
        return "transient"
    if status in (401, 403, 407):
        return "auth"
    if status == 429 or (status == 503 and retry_after is not None):
        return "throttled"
    if status < 200 or status in (408, 425) or status >= 500:
        return "transient"
    return "" if 200 <= status < 300 else "rejected"


def next_delay(attempt, error_class, *, retry_after=None, rng=None):
    """Return seconds until the next try, None to give up.

    :param int attempt: how many tries there were, from 1
    :param str error_class: see ``core/adapter.py``
    :param float retry_after: what the partner asked for; honoured between the
        schedule's own delay and a day
    :param rng: has ``uniform(a, b)``; None for no jitter
    """
    if error_class not in _RETRIED or attempt > len(SCHEDULE):
        return None
    delay = SCHEDULE[max(attempt, 1) - 1]
    if error_class == "throttled":
        delay = max(delay, THROTTLED_LEAST)
    if rng is not None:
        delay *= rng.uniform(1 - JITTER, 1 + JITTER)
    if retry_after is not None:
        delay = min(max(delay, retry_after), LONGEST)
    return delay


def parse_retry_after(text: str, now: datetime | None = None) -> float | None:
    """Return the seconds of a Retry-After header (RFC 9110, 10.2.3).

    :param text: seconds, or an HTTP date
    :param now: aware; what a date is relative to
    :return: None when it says nothing usable
    """
    text = (text or "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text), LONGEST)
    moment = _http_date(text)
    if now is None or moment is None:
        return None
    seconds = (moment - now).total_seconds()
    return min(seconds, LONGEST) if seconds >= 0 else None


def retry_after_of(headers: Mapping[str, str]) -> float | None:
    """Return the seconds for which an answer wants us to wait.

    A date is relative to the partner's own clock, which the answer tells, too.

    :param headers: lower-case names
    :return: None when it says nothing usable
    """
    now = _http_date(headers.get("date", ""))
    return parse_retry_after(headers.get("retry-after", ""), now)


def _http_date(text):
    """Return an aware instant, None for what is no date."""
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    # Without a zone, or with the one that says "unknown" (RFC 5322, 3.3).
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


_MONTHS = (
    r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|january|february|march|april"
    r"|june|july|august|september|october|november|december)"
)
_WEEKDAYS = r"(?:(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?,?\s+)?"
#: What differs between two messages that failed alike, the most specific first.
_VARYING = (
    # Quoted values. An apostrophe inside a word begins none.
    (
        re.compile(
            r"\"[^\"]*\"|(?<!\w)'[^']*'(?!\w)|(?<!\w)`[^`]*`(?!\w)"
            r"|\u201c[^\u201d]*\u201d|\u00ab[^\u00bb]*\u00bb"
        ),
        "<value>",
    ),
    (re.compile(r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+"), "<value>"),
    (re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.I), "<n>"),
    # 2026-01-02T03:04:05.678+01:00
    (
        re.compile(
            r"\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?"
            r"(?:\s?(?:Z|UTC|GMT|[+-]\d\d:?\d\d))?)?\b"
        ),
        "<time>",
    ),
    # Fri, 02 Jan 2026 03:04:05 GMT
    (
        re.compile(
            rf"\b{_WEEKDAYS}\d{{1,2}}[ -]{_MONTHS}[ -]\d{{2,4}}"
            r"(?:\s\d\d:\d\d(?::\d\d)?(?:\s(?:Z|UTC|GMT|[+-]\d{4}))?)?\b",
            re.I,
        ),
        "<time>",
    ),
    # What an HTTP status says is the same failure only if it is the same status.
    (re.compile(r"\b(?!(?<=HTTP )\d{3}\b)(?=\w*\d)\w+(?:[.,:]\d+)*\b"), "<n>"),
    (re.compile(r"\s+"), " "),
)
#: Characters of an error text that are looked at, and of a key.
_TEXT, _KEY = 2000, 160


def normalise_error(text: str) -> str:
    """Return an error text without what differs from message to message.

    Numbers, times, identifiers, addresses and quoted values become marks, so that
    messages that failed alike have the same text. An HTTP status stays.
    """
    text = text[:_TEXT]
    for pattern, mark in _VARYING:
        text = pattern.sub(mark, text)
    return text.strip()[:_KEY]
