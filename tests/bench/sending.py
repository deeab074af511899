# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""(h) How many calls one worker keeps in flight to partners that take a second."""

import json
from typing import NamedTuple

import outbox
from common import ADDONS, Table, median, verdict

#: Seconds a partner takes for each call.
SLOW = 1.0
TARGET = 50

PREPARE = """
connectors = []
for number in range(4):
    profile = env["logistics.profile"].create({{
        "name": "Bench Matrix", "key": "bench_matrix%s" % number, "version": 1,
        "data_json": {data!r}.replace("matrixlive_keys", "bench_matrix%s" % number),
    }})
    connector = env["logistics.connector"].create({{
        "name": "Bench Matrix %s" % number, "profile_id": profile.id,
        "base_url": {url!r}, "allow_loopback": True,
    }})
    connector.action_start()
    connectors.append(connector.id)
env.cr.commit()
result = connectors
"""

# The same worker with a single slot sends one call after the other.
SEND = """
from odoo.addons.logistics_canonical.models import logistics_outbox
connectors = env["logistics.connector"].browse({connectors!r})
for number in range({count}):
    connectors[number % len(connectors)]._enqueue(
        "book", {{"reference": "{prefix}-%s" % number}})
env.cr.commit()
logistics_outbox.SLOTS = {slots} or logistics_outbox.SLOTS
env["logistics.outbox"]._cron_send()
left = env["logistics.message"].search_count(
    [("direction", "=", "out"), ("state", "!=", "done")])
assert not left, left
result = True
"""


class Flight(NamedTuple):
    """How a round went: calls answered a second, and calls at once."""

    rate: float
    mean: float
    most: int


def run(database, quick):
    rounds, count, alone = (2, 400, 5) if quick else (5, 1200, 10)
    simulator = outbox.start(outbox.World([]))
    simulator.faults = [{"delay": SLOW, "times": None}]
    table = Table(
        f"(h) One worker that sends, partners that answer after {SLOW:.0f} s, median "
        f"of {rounds} interleaved rounds",
        (
            "",
            "calls a second",
            "to one by one",
            "in flight, mean",
            "most",
            "target",
            "",
        ),
    )
    try:
        connectors = database.script(
            PREPARE.format(data=json.dumps(outbox.profile("keys")), url=simulator.url),
            addons_path=str(ADDONS),
        )
        ways = {
            "one by one": (connectors[:1], alone, 1),
            "1 slow partner": (connectors[:1], count, 0),
            "4 slow partners": (connectors, count, 0),
        }
        measured = {way: [] for way in ways}
        for number in range(rounds):
            for way, (ids, many, slots) in ways.items():
                simulator.calls.clear()
                database.script(
                    SEND.format(
                        connectors=ids,
                        count=many,
                        slots=slots,
                        prefix=f"{number}-{way}",
                    ),
                    addons_path=str(ADDONS),
                )
                assert len(simulator.calls) == many, len(simulator.calls)
                measured[way].append(_flight(simulator.calls))
        assert not simulator.broken, simulator.broken[0]
    finally:
        simulator.shutdown()
        simulator.server_close()
    slow = measured["one by one"]
    for way, found in measured.items():
        rate, mean, most = map(median, zip(*found, strict=True))
        times = median([a.rate / b.rate for a, b in zip(found, slow, strict=True)])
        judged = (f">= {TARGET}", verdict(mean >= TARGET))
        table.add(
            way,
            f"{rate:.1f}",
            f"{times:.0f} x",
            f"{mean:.1f}",
            f"{most:.0f}",
            *(judged if found is not slow else ("", "")),
        )
    table.note("in flight: at the same time, as the partners count them, on average")
    table.note("until the last call leaves; one partner may hold half of the places")
    table.show()


def _flight(calls):
    """Return how many calls partners had at once, by their own log.

    :rtype: Flight
    """
    begun = sorted(call["at"] for call in calls)
    ended = sorted(call["until"] for call in calls)
    changes = sorted([(at, 1) for at in begun] + [(at, -1) for at in ended])
    flying = most = 0
    for _at, change in changes:
        flying += change
        most = max(most, flying)
    # Until the last one leaves; what then remains is the end of the flight.
    last = begun[-1]
    seconds = sum(min(call["until"], last) - call["at"] for call in calls)
    rate = len(calls) / (ended[-1] - begun[0])
    return Flight(rate, seconds / (last - begun[0]), most)
