# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Whatever dies between taking a booking and writing down what became of it: each
parcel has one live booking, or an exception tells a person what nobody knows.

The carriers are those of ``outbox.py``. A restart of the database ends its
connections instead where LOGISTICS_PG_RESTART is not set.
"""

import contextlib
import time

import harness
import outbox
import pytest
from outbox import STYLES

#: Parcels of each cell of a matrix.
EACH = 2


@pytest.fixture(scope="module")
def yard(database):
    with outbox.Yard(database) as yard:
        yield yard


@pytest.fixture(autouse=True)
def _afresh(request):
    """Nothing of the test before is in the way."""
    if "yard" in request.fixturenames:
        yard = request.getfixturevalue("yard")
        yard.gates.open()
        yard.simulator.faults = []
    yield
    if "yard" in request.fixturenames:
        assert yard.simulator.broken == []


@pytest.fixture(scope="module")
def report(request):
    """Tables that are shown whether or not output is captured."""
    tables = []
    yield tables.append
    capture = request.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled() if capture else contextlib.nullcontext():
        print("\n\n" + "\n\n".join(tables))


# === STEP BY STEP === #

#: The steps of a call, in order.
STEPS = {
    "claiming": "taken, not committed",
    "claimed": "taken, not sent",
    "lost": "sent, never arrives",
    "under_way": "sent, arrives later",
    "acted": "booked, not answered",
    "answered": "answered, not written",
    "settling": "written, not committed",
}
#: What a fault leads to, by style, and how often the carrier is asked to book. A
#: call that may have left is repeated only where that can't book twice; where the
#: carrier can't tell either, a person is asked.
CLEAN = {style: "booked, 1 call" for style in STYLES}
UNSENT = {**CLEAN, "neither": "asked, 0 booked, 0 calls"}
BOOKED = {**CLEAN, "keys": "booked, 2 calls", "neither": "asked, 1 booked, 1 call"}
EXPECTED = {
    "worker killed": {
        "claiming": CLEAN,
        "claimed": UNSENT,
        "lost": UNSENT,
        "under_way": BOOKED,
        "acted": BOOKED,
        "answered": BOOKED,
        "settling": BOOKED,
    },
    # The calls go on; there is nobody to write down what they bring.
    "database cut": {
        "claiming": CLEAN,
        "claimed": BOOKED,
        "lost": UNSENT,
        "under_way": BOOKED,
        "acted": BOOKED,
        "answered": BOOKED,
        "settling": BOOKED,
    },
    "carrier cut": {
        "claiming": CLEAN,
        "claimed": CLEAN,
        "lost": UNSENT,
        "under_way": BOOKED,
        "acted": BOOKED,
        "answered": CLEAN,
        "settling": CLEAN,
    },
}
# It takes longer than a call may wait for its turn.
EXPECTED["database restarted"] = {**EXPECTED["database cut"], "claimed": UNSENT}
matrix = {}


matrices = {}


def cells(yard, parcels):
    """Return what became of the parcels of each cell as text, by (row, style)."""
    outcomes = yard.outcomes(sum(parcels.values(), []))
    return {
        cell: " / ".join(sorted({outcome(yard, outcomes, name) for name in references}))
        for cell, references in parcels.items()
    }


def outcome(yard, outcomes, reference):
    text, calls = outcomes[reference], yard.calls(reference)
    if text == "asked":
        text += f", {yard.live(reference)} booked"
    return f"{text}, {calls} call" + ("s" if calls != 1 else "")


def strike(yard, fault, pids):
    if fault == "worker killed":
        yard.kill(pids)
    elif fault == "carrier cut":
        yard.wire.cut()
    elif fault == "database cut":
        yard.disconnect()
    else:
        harness.restart_database(yard.database)
        time.sleep(outbox.LEASE / 2)


@pytest.mark.parametrize("fault", EXPECTED)
def test_every_step(yard, fault):
    """One worker has calls at every step, another has just taken some; then all of
    them are struck at once."""
    mark = "".join(word[0] for word in fault.split())
    parcels = {
        (step, style): [f"{mark}-{step}-{style}-{n}" for n in range(EACH)]
        for step in STEPS
        for style in STYLES
    }
    everything = sum(parcels.values(), [])
    of_step = {
        step: {name for style in STYLES for name in parcels[step, style]}
        for step in STEPS
    }
    for step in ("claiming", "claimed", "answered", "settling"):
        yard.gates.close(step, len(of_step[step]))
    yard.wire.arm()
    with yard.server.supervised():

        def book(*steps):
            yard.book(
                [
                    (style, name, step)
                    for (step, style), own in parcels.items()
                    if step in steps
                    for name in own
                ]
            )

        def arrived(*steps):
            waiting = {
                name
                for step in steps
                for name in (*yard.gates.waiting(step), *yard.wire.held[step])
            }
            return waiting == set().union(*(of_step[step] for step in steps))

        first, *others = STEPS
        book(*others)
        harness.wait_until(lambda: arrived(*others), 10, 0.02)
        # The first worker is held up now; another one takes these.
        book(first)
        harness.wait_until(lambda: arrived(first), 10, 0.02)
        pids = {pid for step in of_step for pid in yard.gates.waiting(step).values()}
        strike(yard, fault, pids)
        yard.gates.open(*STEPS)
        yard.wire.release()
        if fault == "carrier cut":
            # Long enough for all that was stopped to find nobody there.
            time.sleep(1)
            yard.wire.mend()
        yard.recover(everything)
        matrices[fault] = found = cells(yard, parcels)
    assert found == {
        (step, style): EXPECTED[fault][step][style]
        for step in STEPS
        for style in STYLES
    }


def test_the_matrix_is_complete(report):
    assert set(matrices) == set(EXPECTED)
    report(
        outbox.table(
            f"What became of {EACH} parcels each, by step, fault and style of carrier",
            STYLES,
            [
                (
                    f"{fault}: {text}",
                    [matrices[fault][step, style] for style in STYLES],
                )
                for fault in EXPECTED
                for step, text in STEPS.items()
            ],
        )
    )
