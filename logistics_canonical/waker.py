# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Waking the lanes, at most once a second per process and lane.

A trigger for each request would cost more than storing the message. The first
message of a quiet lane wakes it at once; those of the next second share one
later wake. Nobody waits for either: threads wake, not requests. If a process dies
before that, the lane's own interval picks up.
"""

import logging
import threading
import time

from odoo import SUPERUSER_ID, api
from odoo.modules.registry import Registry

_logger = logging.getLogger(__name__)

INTERVAL = 1.0
#: Seconds after which a wake that nobody followed is repeated, and how often.
REMIND = 1.0
REMINDERS = 60
_lock = threading.Lock()
_last = {}
_scheduled = set()
_planned = {}


def wake(dbname, lane=None):
    """Wake a lane's worker, now or before a second has passed.

    :param str dbname: database to wake it in
    :param str lane: inbound lane, ``out`` for the sender, None for every worker
    """
    key = (dbname, lane)
    with _lock:
        if key in _scheduled:
            return
        _scheduled.add(key)
        delay = _last.get(key, 0) + INTERVAL - time.monotonic()
    _plan(delay, _fire_later, dbname, lane)


def wake_in(dbname, lane, seconds):
    """Wake a lane's worker after a while, instead of when it was last to be woken.

    :param str dbname: database to wake it in
    :param str lane: as in :func:`wake`
    :param float seconds: until then
    """
    _plan(seconds, wake, dbname, lane)


def _plan(seconds, function, dbname, lane, *args):
    """Call something later, instead of when it was last planned for that lane."""
    timer = threading.Timer(max(seconds, 0), function, (dbname, lane, *args))
    timer.daemon = True
    with _lock:
        former = _planned.get((function, dbname, lane))
        _planned[function, dbname, lane] = timer
    if former:
        former.cancel()
    timer.start()


def _fire_later(dbname, lane):
    key = (dbname, lane)
    with _lock:
        _scheduled.discard(key)
        _last[key] = time.monotonic()
    _fire(dbname, lane)
    _plan(REMIND, _remind, dbname, lane, REMINDERS)


def _fire(dbname, lane):
    try:
        with Registry(dbname).cursor() as cr:
            env = api.Environment(cr, SUPERUSER_ID, {})
            for cron in env["logistics.lane"]._workers(lane):
                cron._trigger()
    except Exception:
        # The message is stored; its lane finds it within a minute anyway.
        _logger.info("Could not wake lane %s of %s", lane, dbname, exc_info=True)


def _remind(dbname, lane, left):
    """Wake a lane's worker once more if nobody came.

    Odoo's idle threads skip a scheduled action that is just ending, and the thread
    that ends it first does whatever else is due: that may take a minute.
    """
    try:
        with Registry(dbname).cursor() as cr:
            env = api.Environment(cr, SUPERUSER_ID, {})
            if not env["logistics.lane"]._is_called(lane):
                return
            env["ir.cron"]._notifydb()
    except Exception:
        _logger.info("Could not wake lane %s of %s", lane, dbname, exc_info=True)
    if left:
        _plan(REMIND, _remind, dbname, lane, left - 1)
