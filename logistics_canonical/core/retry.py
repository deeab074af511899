# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What a failure is, whether to try again, and when."""

import re
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


def classify(status: int | None, exception: BaseException | None = None) -> str:
    """Return the error class of an HTTP status, or of having got none.

    :param status: HTTP status, None when no answer came
    :param exception: what happened instead of an answer
    """
    if status is None or exception is not None:
        return "transient"
    if status in (401, 403, 407):
        return "auth"
    if status == 429:
        return "throttled"
    if status in (408, 425) or status >= 500:
        return "transient"
    return "rejected" if status >= 400 else ""


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
        return min(float(text[:12]), LONGEST)
    if now is None:
        return None
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    seconds = (moment - now).total_seconds()
    return min(seconds, LONGEST) if seconds >= 0 else None


_VARYING = (
    (
        re.compile(
            r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.I
        ),
        "<id>",
    ),
    (re.compile(r"\b(?=[0-9a-f]*\d)[0-9a-f]{12,}\b", re.I), "<id>"),
    (re.compile(r"\b(?=\w*\d)\w*\d\w*\b"), "<n>"),
    (re.compile(r"'[^']*'|\"[^\"]*\""), "<value>"),
    (re.compile(r"\s+"), " "),
)


def normalise_error(text: str) -> str:
    """Return an error text without what differs from message to message."""
    for pattern, replacement in _VARYING:
        text = pattern.sub(replacement, text)
    return text.strip()[:160]
