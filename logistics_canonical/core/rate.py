# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A token bucket: so many at once, so many a second."""

import threading


class TokenBucket:
    """Lets ``rate`` takes a second through, ``burst`` at once.

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
