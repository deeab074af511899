# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The circuit breaker: a partner that is down is left alone and probed."""

from datetime import datetime, timedelta
from typing import NamedTuple

#: Consecutive failures that open it.
THRESHOLD = 5
FIRST_PAUSE = timedelta(seconds=60)
LONGEST_PAUSE = timedelta(minutes=30)


class Breaker(NamedTuple):
    """The breaker of one connector.

    :param state: ``closed``, ``open`` or ``half_open`` (one probe is out)
    :param failures: consecutive ones while closed
    :param openings: how often it opened without a success in between
    :param until: aware; when the next probe may go out
    """

    state: str = "closed"
    failures: int = 0
    openings: int = 0
    until: datetime | None = None


def record(breaker: Breaker, ok: bool, now: datetime) -> Breaker:
    """Return the breaker after a call.

    :param ok: False for a failure of the partner's system; being refused for
        business reasons is no such failure
    :param now: aware
    """
    if ok:
        return Breaker()
    failures = breaker.failures + 1
    if breaker.state == "closed" and failures < THRESHOLD:
        return breaker._replace(failures=failures)
    if breaker.state == "open" and breaker.until and now < breaker.until:
        # A call that was on its way when it opened tells nothing new.
        return breaker
    pause = min(FIRST_PAUSE * 2 ** min(breaker.openings, 10), LONGEST_PAUSE)
    return Breaker("open", failures, breaker.openings + 1, now + pause)


def allows(breaker: Breaker, now: datetime) -> str:
    """Return ``yes``, ``no``, or ``probe``: one call only."""
    if breaker.state == "closed":
        return "yes"
    if breaker.state == "open" and (breaker.until is None or now >= breaker.until):
        return "probe"
    return "no"
