# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""How many at once, how many a second."""

import threading
from datetime import datetime, timedelta
from math import floor
from typing import NamedTuple


class TokenBucket:
    """Within one process: lets ``rate`` takes a second through, ``burst`` at once.

    :param float rate: tokens a second
    :param float burst: the most that can be saved up; at least one
    """

    def __init__(self, rate, burst):
        self._rate = float(rate)
        # With less than a whole token nothing would ever get through.
        self._burst = max(float(burst), 1.0)
        self._tokens = self._burst
        self._at = None
        self._lock = threading.Lock()

    def take(self, now):
        """Take one token if there is one.

        :param float now: seconds of a clock that never goes back
        """
        with self._lock:
            if self._at is not None:
                gained = max(now - self._at, 0.0) * self._rate
                self._tokens = min(self._burst, self._tokens + gained)
            self._at = now
            if self._tokens < 1.0:
                return False
            self._tokens -= 1.0
            return True


class Pace(NamedTuple):
    """How fast a partner may be called, kept as one instant.

    The generic cell rate algorithm: every call moves ``at`` on by the time it is
    worth; calls may go out while it is no further ahead than the burst allows. One
    instant in a table is all that several workers have to share.

    :param at: aware; when the calls made so far have been paid for
    :param per_second: calls a second, 0 for no limit
    :param burst: calls that may go out at once
    """

    at: datetime | None
    per_second: float
    burst: int = 1

    def allowance(self, now: datetime, most: int) -> int:
        """Return how many calls may go out now, at most ``most``."""
        if self.at is not None and self.per_second <= 0:
            return most if self.at <= now else 0
        if self.per_second <= 0:
            return most
        ahead = (self.at - now).total_seconds() if self.at else 0.0
        # A millionth of a call is a rounding error of the clock.
        calls = floor(self.burst - max(ahead, 0.0) * self.per_second + 1e-6)
        return max(0, min(most, calls))

    def spend(self, now: datetime, calls: int) -> "Pace":
        """Return the pace after so many calls went out."""
        if self.per_second <= 0 or not calls:
            return self
        start = max(self.at, now) if self.at else now
        return self._replace(at=start + timedelta(seconds=calls / self.per_second))

    def is_held(self, now: datetime) -> bool:
        """Tell whether calls wait because the partner asked for it.

        Calls alone put ``at`` off by no more than the burst is worth.
        """
        own = self.burst / self.per_second if self.per_second > 0 else 0.0
        return self.at is not None and (self.at - now).total_seconds() > own + 1e-3

    def hold(self, until: datetime) -> "Pace":
        """Return the pace after the partner asked to be left alone until then."""
        if self.per_second > 0:
            # Then the burst may go out, not more.
            until += timedelta(seconds=max(self.burst - 1, 0) / self.per_second)
        return self._replace(at=max(self.at, until) if self.at else until)


def share(slots: int, taken: int, own: int) -> int:
    """Return how many more of a worker's slots one partner may take.

    A partner may hold as many slots as it leaves free: one slow partner gets half
    of them, two a third each, and there is always room for the next one (the
    dynamic threshold of shared buffers, Choudhury and Hahne 1998).

    :param slots: all there are
    :param taken: in use by anybody
    :param own: of these, in use by this partner
    """
    return max(0, (slots - taken - own + 1) // 2)
