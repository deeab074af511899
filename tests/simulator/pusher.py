# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Delivers the partners' pushes, with the trouble real ones have."""

import random
import time
import urllib.error
import urllib.request

from . import easypost, sendcloud, ups
from .world import LIVES

PARTNERS = {"easypost": easypost, "sendcloud": sendcloud, "ups": ups}
RETRY_AFTER = (2, 5, 15)
#: Seconds of a booked parcel's life, at speed 1.
BEFORE_COLLECTION, BETWEEN_STEPS = 20, 4


class Pusher:
    """Plays the story of a configuration against an Odoo."""

    def __init__(
        self,
        world,
        connectors,
        base_url,
        speed=1.0,
        say=print,
        serial=0,
        collected_after=None,
    ):
        self.world = world
        self.collected_after = collected_after or {}
        self.connectors = {row["partner"]: row for row in connectors}
        self.base_url = base_url.rstrip("/")
        self.speed = speed
        self.say = say
        self.serial = serial
        self.random = random.Random(7)

    def play(self, story):
        """Play every parcel's life step by step, with what the story adds."""
        kinds = {}
        for row in story:
            kinds.setdefault(row["number"], []).append(row["what"])
        alive = list(self.world.parcels.values())
        while alive:
            for parcel in list(alive):
                step = parcel.advance()
                if step is None:
                    alive.remove(parcel)
                    continue
                self._tell(parcel, step, kinds.get(parcel.number, ()))
                self._pause(1.0)
        for number, what in ((row["number"], row["what"]) for row in story):
            if what == "late":
                # An old scan that got stuck somewhere, long after the delivery.
                parcel = self.world.parcels[number]
                self.push(parcel, parcel.steps[:3], note="late")

    def play_bookings(self, until=lambda: False):
        """Let parcels that were booked live on, each on its own, until told to stop.

        The first step waits a little (``collected_after``: partner to seconds), so
        that a booking can still be cancelled.
        Partners that push nothing here are asked by whoever wants to know.
        """
        due = {}
        while not until():
            for parcel in list(self.world.parcels.values()):
                if not parcel.booked:
                    continue
                now = time.monotonic()
                if parcel.number not in due:
                    wait = self.collected_after.get(parcel.partner, BEFORE_COLLECTION)
                    due[parcel.number] = now + wait / self.speed
                if now < due[parcel.number]:
                    continue
                due[parcel.number] = now + BETWEEN_STEPS / self.speed
                if not parcel.advance():
                    # Delivered or cancelled; it will not come up again.
                    due[parcel.number] = float("inf")
                elif parcel.partner in PARTNERS and parcel.partner in self.connectors:
                    self.push(parcel, note="booked")
            time.sleep(0.2 / max(1.0, self.speed))

    def _tell(self, parcel, step, kinds):
        last = len(parcel.steps) == len(LIVES[parcel.life])
        if "early" in kinds and len(parcel.steps) == len(LIVES[parcel.life]) - 1:
            # The last but one comes after the last.
            held_back = list(parcel.steps)
            parcel.advance()
            self.push(parcel, note="early")
            self.push(parcel, held_back, note="out of order")
            return
        if "poison" in kinds and len(parcel.steps) == 2:
            self.push(parcel, cut=True, note="poisoned")
        if "unsigned" in kinds and len(parcel.steps) == 2:
            self.push(parcel, secret="not the secret", note="wrongly signed")
        self.push(parcel)
        if "duplicate" in kinds and (last or self.random.random() < 0.5):
            self.push(parcel, again=True, note="again")

    def push(self, parcel, steps=None, *, again=False, cut=False, secret=None, note=""):
        """Send one push and return the status it got."""
        connector = self.connectors[parcel.partner]
        partner = PARTNERS[parcel.partner]
        if not again:
            self.serial += 1
        body = partner.push(parcel, self.serial, steps)
        if cut:
            body = body[: len(body) // 2]
        headers = partner.sign(body, secret or connector["secret"])
        status = self._send(connector["path"], body, headers)
        step = (steps or parcel.steps)[-1].name
        self.say(
            f"{parcel.partner:9} {parcel.number} {step:10} {status} {note}".rstrip()
        )
        return status

    def _send(self, path, body, headers):
        for wait in (*RETRY_AFTER, None):
            request = urllib.request.Request(
                self.base_url + path, data=body, headers=headers, method="POST"
            )
            try:
                with urllib.request.urlopen(request, timeout=20) as answer:
                    return answer.status
            except urllib.error.HTTPError as error:
                # A refusal is final for a partner; only outages are tried again.
                if error.code < 500 or wait is None:
                    return error.code
            except OSError as error:
                if wait is None:
                    return f"failed ({error})"
            self._pause(wait)
        return "failed"

    def _pause(self, seconds):
        time.sleep(seconds / self.speed)
