# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Access tokens: kept as long as they hold, fetched by one at a time.

Whoever keeps tokens has seven methods; :class:`MemoryTokens` keeps them for this
process and is the model for others:

``get(rejected="")``
    the token this process knows and how many seconds it may still be used, or
    None; never the rejected one
``find(rejected="")``
    the same of whoever else shares the tokens; used inside the lock, so that one
    asks at a time
``put(value, seconds)``
    keep a token
``drop(value)``
    forget a token if it is still the one that is kept
``refusal()``
    with what the partner refused to give one, None if it didn't or some seconds ago;
    used inside the lock
``refuse(error)``
    remember that it did
``lock(timeout)``
    a context manager: nobody else who shares the tokens is inside; raises
    ``TimeoutError`` when that takes more than so many seconds
"""

import threading
import time
from collections.abc import Callable
from contextlib import contextmanager

#: Seconds before its end at which a token is no longer used: longer than any call
#: takes, so that none arrives with a token that ended on the way.
MARGIN = 60.0
#: Seconds for which a refusal is everybody's: with a wrong secret, each request more
#: is one nearer to the partner's closing the account.
REFUSAL_SECONDS = 5.0

_kept: dict[str, tuple[str, float]] = {}
_refused: dict[str, tuple["TokenRefused", float]] = {}
_locks: dict[str, threading.Lock] = {}
_guard = threading.Lock()


class TokenRefused(Exception):
    """The partner gives no token, and would give nobody else one now.

    Its arguments are a text, the error class (see ``core/adapter.py``) and the
    seconds the partner asked us to wait, None if it didn't.
    """


def usable_seconds(seconds: float) -> float:
    """Return how long a token that holds ``seconds`` is used.

    A token that holds a minute only must serve more than one call, so the margin is
    at most half of its time.
    """
    return max(seconds - min(MARGIN, seconds / 2), 0.0)


class MemoryTokens:
    """The tokens of this process.

    :param str key: whose token it is; it has to change with the credentials
    """

    def __init__(self, key: str):
        self._key = key

    def get(self, rejected: str = "") -> tuple[str, float] | None:
        value, ends = _kept.get(self._key, ("", 0.0))
        left = ends - time.monotonic()
        if not value or value == rejected or left <= 0:
            return None
        return value, left

    find = get

    def put(self, value: str, seconds: float) -> None:
        now = time.monotonic()
        with _guard:
            # Keys change with the credentials: those of former ones go here.
            for key in [key for key, (_value, ends) in _kept.items() if ends <= now]:
                del _kept[key]
            if seconds > 0:
                _kept[self._key] = (value, now + seconds)

    def drop(self, value: str) -> None:
        with _guard:
            if _kept.get(self._key, ("", 0.0))[0] == value:
                del _kept[self._key]

    def refusal(self) -> TokenRefused | None:
        error, ends = _refused.get(self._key, (None, 0.0))
        return error if ends > time.monotonic() else None

    def refuse(self, error: TokenRefused) -> None:
        now = time.monotonic()
        with _guard:
            for key in [key for key, (_error, ends) in _refused.items() if ends <= now]:
                del _refused[key]
            _refused[self._key] = (error, now + REFUSAL_SECONDS)

    @contextmanager
    def lock(self, timeout: float):
        with _guard:
            lock = _locks.setdefault(self._key, threading.Lock())
        if not lock.acquire(timeout=max(timeout, 0)):
            raise TimeoutError("Somebody else is still asking for a token")
        try:
            yield
        finally:
            lock.release()


def obtain(
    tokens,
    fetch: Callable[[], tuple[str, float]],
    timeout: float,
    rejected: str = "",
) -> tuple[str, bool]:
    """Return a token and whether it had been kept.

    However many ask at once, one fetches and the others get what it brought, a
    refusal, too.

    :param tokens: see the module
    :param fetch: brings a token and how many seconds it holds; its errors are
        passed on
    :param timeout: seconds to wait for somebody else who is fetching
    :param rejected: a token the partner no longer takes
    :raise TokenRefused: as ``fetch`` raised it, for us or for somebody before us
    :raise TimeoutError: when the others take longer
    """
    found = tokens.get(rejected)
    if found:
        return found[0], True
    with tokens.lock(timeout):
        # Meanwhile somebody else may have brought one.
        found = tokens.find(rejected)
        if found:
            return found[0], True
        refusal = tokens.refusal()
        if refusal:
            raise TokenRefused(*refusal.args)
        if rejected:
            tokens.drop(rejected)
        try:
            value, seconds = fetch()
        except TokenRefused as error:
            tokens.refuse(error)
            raise
        tokens.put(value, usable_seconds(seconds))
        return value, False
