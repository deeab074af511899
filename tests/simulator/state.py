# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What the simulated partners know, shared by all of them."""

import secrets
import threading
import time
from collections import Counter, defaultdict

from .ledger import CANCELLED, Ledger
from .world import Parcel

#: What a repeated booking does, by partner, as its documentation says; README.md
#: tells where. ``honours_keys``: the same key gives the same booking again;
#: ``refuses_repeats``: 409 with the first booking; ``offers_lookup``: a second
#: booking, but the reference finds the first; ``neither``: a second booking and
#: nothing to find it with.
KINDS = ("honours_keys", "refuses_repeats", "offers_lookup", "neither")
STYLES = {
    "easypost": "offers_lookup",
    "sendcloud": "refuses_repeats",
    "ups": "offers_lookup",
    "fedex": "offers_lookup",
    "dhl_express": "offers_lookup",
    "chronopost": "offers_lookup",
}

#: Credentials and customer numbers that the partners know. They are the simulator's
#: and of no use elsewhere. None is: any that is not empty.
ACCOUNTS = {
    "easypost": {"key": "demo-easypost-key", "account": "ca_demo"},
    "sendcloud": {
        "public": "demo-sendcloud-public",
        "secret": "demo-sendcloud-secret",
    },
    "ups": {
        "client": "demo-ups-client",
        "secret": "demo-ups-client-secret",
        "account": "DEMO01",
    },
    "fedex": {
        "client": "demo-fedex-client",
        "secret": "demo-fedex-client-secret",
        "account": "740000001",
    },
    "dhl_express": {
        "user": "demo-dhl-user",
        "password": "demo-dhl-password",
        "account": "123456789",
    },
    "chronopost": {"account": "10000001", "password": "demo42"},
    "matrix": {"key": None},
}


class State:
    """Parcels, bookings, tokens and whatever else a partner keeps.

    The server calls the partners' functions one at a time, so they need no locks.
    """

    def __init__(self, world, *, accounts=None, styles=None, first=1):
        self.world = world
        self.ledger = Ledger()
        self.lock = threading.RLock()
        self.first = first
        self.accounts = {
            name: {**values, **(accounts or {}).get(name, {})}
            for name, values in ACCOUNTS.items()
        }
        self.documented = {**STYLES, **(styles or {})}
        self.tokens = {}
        self.clear()

    def clear(self):
        """Forget bookings, tokens and drafts; the story's parcels stay."""
        self.ledger.clear()
        self.tokens.clear()
        self.styles = dict(self.documented)
        #: A partner's drafts and papers: {(partner, what): {id: data}}.
        self.stores = defaultdict(dict)
        self.serials = Counter()
        self.answers = {}
        for number in [n for n, p in self.world.parcels.items() if p.booked]:
            del self.world.parcels[number]

    def serial(self, name):
        """Return the next of a row of whole numbers."""
        self.serials[name] += 1
        return self.first + self.serials[name] - 1

    def store(self, partner, what):
        return self.stores[partner, what]

    def book(self, partner, reference, numbers, **values):
        """Write a booking down and let its parcels begin their lives."""
        values.setdefault("id", f"{partner}-{self.serial('booking')}")
        booking = self.ledger.add(
            partner=partner, reference=reference or "", numbers=list(numbers), **values
        )
        if booking.kind != "pickup":
            for number in booking.numbers:
                self.world.add(Parcel.of_booking(number, partner))
        return booking

    def cancel(self, booking):
        """Cancel a booking: its parcels will not move any more."""
        booking.state = CANCELLED
        for number in booking.numbers:
            if number in self.world.parcels and booking.kind != "pickup":
                self.world.parcels[number].ended = True

    def lookup(self, partner, reference, kind=None):
        """Return the bookings a partner finds by our reference, newest last."""
        if not reference or self.styles.get(partner) == "neither":
            return []
        return [
            row
            for row in self.ledger.find(partner, kind=kind)
            if reference in (row.reference, *row.data.get("references", ()))
        ]

    def honours_keys(self, partner):
        return self.styles.get(partner) == "honours_keys"

    def grant(self, partner, seconds):
        """Return a new access token of a partner."""
        token = secrets.token_hex(16)
        self.tokens[token] = (partner, time.monotonic() + seconds)
        return token

    def knows_token(self, partner, token):
        owner, until = self.tokens.get(token, (None, 0))
        return owner == partner and time.monotonic() < until

    def expire_tokens(self, partner):
        for token in [t for t, (who, _) in self.tokens.items() if who == partner]:
            del self.tokens[token]
