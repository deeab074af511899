# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Whatever dies between taking a booking and writing down what became of it: each
parcel has one live booking, or an exception tells a person what nobody knows.

The carriers are those of ``outbox.py``. A restart of the database ends its
connections instead where LOGISTICS_PG_RESTART is not set.
"""

import contextlib
import signal
import threading
import time
import xmlrpc.client

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
        harness.wait_until(lambda: arrived(*others), outbox.LEASE, 0.02)
        # The first worker is held up now; another one takes these.
        book(first)
        harness.wait_until(lambda: arrived(first), outbox.LEASE, 0.02)
        pids = {pid for step in of_step for pid in yard.gates.waiting(step).values()}
        # Nobody else sees a lease that is taken and not committed.
        leases = yard.leases(everything)
        strike(yard, fault, pids)
        yard.gates.open(*STEPS)
        yard.wire.release()
        if fault == "carrier cut":
            # Long enough for all that was stopped to find nobody there.
            time.sleep(1)
            yard.wire.mend()
        elif fault == "database cut":
            gone_on = of_step["claimed"] | of_step["under_way"]
            harness.wait_until(lambda: all(map(yard.calls, gone_on)), outbox.LEASE)
        if fault != "carrier cut":
            yard.leases_end(leases)
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


# === ANSWER BY ANSWER === #

#: Nothing was done, and the call comes a second time where that does no harm.
UNDONE = {
    "keys": "booked, 2 calls",
    "lookup": "booked, 2 calls",
    "neither": "asked, 0 booked, 1 call",
}
TWICE = {style: "booked, 2 calls" for style in STYLES}
REFUSED = {style: "refused, 1 call" for style in STYLES}
#: What the carrier does, and what comes of it.
ANSWERS = {
    "500, nothing done": ({"status": 500}, UNDONE),
    "500, booked": ({"status": 500, "after_effect": True}, BOOKED),
    "cut, nothing done": ({"cut": True}, UNDONE),
    "cut, booked": ({"cut": True, "after_effect": True}, BOOKED),
    "reset, booked": ({"cut": "reset", "after_effect": True}, BOOKED),
    "cut within the answer": ({"cut": "body"}, BOOKED),
    "maintenance page, nothing done": ({"maintenance": True}, UNDONE),
    "maintenance page, booked": ({"maintenance": True, "after_effect": True}, BOOKED),
    "half an answer": ({"malformed": "truncated"}, BOOKED),
    # It names no booking, but says that all went well.
    "an empty answer": ({"malformed": "empty"}, CLEAN),
    "another answer": ({"malformed": "list"}, BOOKED),
    "too fast": ({"status": 429, "retry_after": 7}, TWICE),
    "unavailable, booked": (
        {"status": 503, "retry_after": 7, "after_effect": True},
        BOOKED,
    ),
    "slow": ({"delay": 1.2, "after_effect": True}, CLEAN),
    "refused": ({"status": 422, "body": '{"error": {"code": "NO"}}'}, REFUSED),
}


def test_every_answer(yard, report):
    parcels = {
        (answer, style): [f"answer-{number}-{style}-{n}" for n in range(EACH)]
        for number, answer in enumerate(ANSWERS)
        for style in STYLES
    }
    yard.simulator.faults = [
        {"path": f"/matrix/{style}/book?step=answer{number:02}", "times": EACH, **fault}
        for number, (fault, _expected) in enumerate(ANSWERS.values())
        for style in STYLES
    ]
    numbers = list(ANSWERS)
    yard.book(
        [
            (style, name, f"answer{numbers.index(answer):02}")
            for (answer, style), own in parcels.items()
            for name in own
        ]
    )
    yard.recover(sum(parcels.values(), []))
    found = cells(yard, parcels)
    report(
        outbox.table(
            f"What became of {EACH} parcels each, by answer and style of carrier",
            STYLES,
            [(row, [found[row, style] for style in STYLES]) for row in ANSWERS],
        )
    )
    assert found == {
        (row, style): expected[style]
        for row, (_fault, expected) in ANSWERS.items()
        for style in STYLES
    }


# === CRASHES === #


def test_a_worker_that_dies_over_a_late_try(yard):
    """Having been tried often says nothing about what kills workers."""
    name = "late"
    yard.simulator.faults = [{"path": "/matrix/keys", "status": 500, "times": 4}]
    yard.book([("keys", name, "acted")])

    def tried():
        if yard.calls(name) < 4:
            yard.time_passes()
        return yard.calls(name) == 4 and yard.state(name) == "waiting"

    harness.wait_until(tried, 20, 0.3)
    yard.wire.arm()
    yard.time_passes()
    harness.wait_until(lambda: name in yard.wire.held["acted"], 10, 0.02)
    leases = yard.leases([name])
    yard.kill([yard.gates.callers()[-1][0]])
    yard.wire.release()
    yard.leases_end(leases)
    yard.recover([name])
    assert yard.outcomes([name]) == {name: "booked"}


def test_what_kills_its_workers_is_a_persons(yard):
    names = {style: f"killer-{style}" for style in STYLES}
    yard.gates.close("claimed")
    yard.book([(style, name, "claimed") for style, name in names.items()])
    killed = 0

    def over():
        nonlocal killed
        leases = yard.leases(names.values())
        pids = {
            pid for pid in yard.gates.waiting("claimed").values() if yard.is_alive(pid)
        }
        yard.kill(pids)
        killed += len(pids)
        # Their leases need not be waited for; nobody is there to begin a call.
        if pids:
            yard.leases_end(leases)
        yard.time_passes()
        return all(yard.is_over(name) for name in names.values())

    harness.wait_until(over, 40, 0.2)
    assert yard.outcomes(names.values()) == dict.fromkeys(names.values(), "asked")
    assert [yard.calls(name) for name in names.values()] == [0, 0, 0]
    assert 3 <= killed <= 6


# === SEVERAL WORKERS === #


def test_what_one_worker_has_taken_no_other_takes(yard):
    yard.gates.close("claiming")
    before = yard.database.value("SELECT max(id) FROM ir_cron_progress")
    yard.book([("neither", "single", "claiming")])
    harness.wait_until(lambda: yard.gates.waiting("claiming"), 10, 0.02)

    def all_looked():
        yard.wake()
        return outbox.SENDERS <= yard.database.value(
            "SELECT count(DISTINCT progress.cron_id) FROM ir_cron_progress progress"
            "   JOIN ir_cron cron ON cron.id = progress.cron_id"
            "   JOIN ir_act_server action ON action.id = cron.ir_actions_server_id"
            "  WHERE action.code LIKE 'model._cron_send%%' AND progress.id > %s",
            [before],
        )

    harness.wait_until(all_looked, 10)
    # Long enough for all of them to find nothing and give up.
    time.sleep(1)
    assert yard.calls("single") == 0
    yard.gates.open("claiming")
    yard.recover(["single"])
    assert yard.outcomes(["single"]) == {"single": "booked"}
    assert yard.calls("single") == 1


def test_a_crowd_is_shared_and_each_is_called_once(yard):
    crowd = [(STYLES[n % 3], f"crowd-{n}", "claimed") for n in range(300)]
    names = [name for _style, name, _step in crowd]
    yard.gates.close("claimed")
    yard.book(crowd)
    harness.wait_until(
        lambda: len(set(yard.gates.waiting("claimed").values())) > 1, 10, 0.02
    )
    yard.gates.open("claimed")
    yard.recover(names)
    assert yard.outcomes(names) == dict.fromkeys(names, "booked")
    assert {yard.calls(name) for name in names} == {1}
    assert len({pid for pid, _name in yard.gates.callers()}) > 1


@pytest.mark.parametrize("step", ["acted", "claimed"])
def test_a_worker_that_wakes_too_late(yard, step):
    """It stood still with calls in flight, and another took its messages over. What
    it brings then is evidence, not a verdict."""
    names = {style: f"stale-{step}-{style}" for style in STYLES}
    yard.wire.arm()
    yard.gates.close(step)
    yard.book([(style, name, step) for style, name in names.items()])

    def there():
        return {*yard.gates.waiting(step), *yard.wire.held[step]} == {*names.values()}

    harness.wait_until(there, 10, 0.02)
    (pid,) = {
        *yard.gates.waiting(step).values(),
        *(pid for pid, name in yard.gates.callers() if name in names.values()),
    }
    yard.signal(pid, signal.SIGSTOP)
    try:
        yard.gates.open(step)
        yard.wire.release()
        yard.leases_end(yard.leases(names.values()))
        yard.recover(names.values())
        decided = yard.rows(names.values())
        if step == "claimed":
            # Its own clock tells it that it slept.
            time.sleep(outbox.LEASE / 2)
    finally:
        yard.signal(pid, signal.SIGCONT)
    harness.wait_until(lambda: yard.late_answers(names.values()) == len(names), 20)
    assert yard.rows(names.values()) == decided
    outcomes = yard.outcomes(names.values())
    found = {style: outcome(yard, outcomes, name) for style, name in names.items()}
    assert found == (BOOKED if step == "acted" else UNSENT)


# === THE TRANSACTION THAT WRITES IT === #


def test_what_is_rolled_back_is_not_called(yard):
    connector = yard.connectors["neither"]
    with pytest.raises(xmlrpc.client.Fault, match="can't be validated"):
        yard.rpc("logistics.live", "book_and_fail", connector, "rolled-back")
    yard.book([("neither", "after-it", "")])
    yard.recover(["after-it"])
    assert yard.calls("rolled-back") == 0
    assert not yard.rows(["rolled-back"])


def test_a_request_that_odoo_repeats_leaves_one_call(yard):
    """Somebody else writes the same record meanwhile; Odoo runs the request again."""
    connector = yard.connectors["neither"]
    partner = yard.rpc("res.partner", "create", [{"name": "Ada"}])[0]
    with contextlib.closing(yard.database.connect()) as connection:
        connection.autocommit = False
        connection.cursor().execute(
            "UPDATE res_partner SET ref = 'theirs' WHERE id = %s", [partner]
        )
        request = threading.Thread(
            target=harness.Rpc(yard.server),
            args=(
                "logistics.live",
                "book_against_another",
                connector,
                "again",
                partner,
            ),
        )
        request.start()
        harness.wait_until(yard.gates.tries, 10, 0.02)
        yard.blocked()
        connection.commit()
        request.join()
    assert yard.gates.tries() == 2
    harness.wait_until(lambda: yard.calls("again"), 20)
    assert (
        yard.database.value("SELECT ref FROM res_partner WHERE id = %s", [partner])
        == "theirsx"
    )
    assert yard.database.sql(
        "SELECT state FROM logistics_message"
        " WHERE direction = 'out' AND request_json LIKE %s",
        ['%"again"%'],
    ) == [("done",)]
    assert (yard.live("again"), yard.calls("again")) == (1, 1)


# === A CARRIER IS AWAY === #

#: Calls a minute that the carriers allow.
PER_MINUTE = 3000
#: Bookings that wait, and those that go to another carrier meanwhile, one after the
#: other.
WAITING, PASSING = 2000, 0.1
#: Seconds within which a booking with a carrier that is well is to be on its way,
#: also on a machine that is busy otherwise. Usually it takes a tenth of one.
PROMPT = 10
#: Minutes until the next probe, after each of the probes of an hour.
PROBES = (2, 4, 8, 16, 30, 30)


class Passers:
    """Books with a carrier that is well, at an even pace."""

    def __init__(self, yard):
        self.yard, self.booked = yard, {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        rpc = harness.Rpc(self.yard.server)
        while not self._over.wait(PASSING):
            name = f"passer-{len(self.booked)}"
            self.booked[name] = time.monotonic()
            parcel = (self.yard.connectors["neither"], name, "")
            rpc("logistics.live", "book", [parcel])

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_error):
        self._over.set()
        self._thread.join()

    def waits(self, since, until):
        """Return the seconds from booking to call of those booked in that time."""
        called = {call["reference"]: call["at"] for call in self.yard.simulator.calls}
        return sorted(
            called.get(name, float("inf")) - at
            for name, at in list(self.booked.items())
            if since <= at < until
        )


def test_a_carrier_that_is_down_for_an_hour(yard, report):
    dead = ("keys", "lookup")
    names = {
        style: [f"hour-{style}-{n}" for n in range(WAITING // 2)] for style in dead
    }
    everything = sum(names.values(), [])
    # Some are booked although the carrier says it failed.
    yard.simulator.faults = [
        fault
        for style in dead
        for fault in (
            {
                "path": f"/matrix/{style}",
                "status": 503,
                "after_effect": True,
                "probability": 0.3,
                "times": None,
            },
            {"path": f"/matrix/{style}", "status": 503, "times": None},
        )
    ]
    yard.limit(PER_MINUTE)
    yard.simulator.calls.clear()

    def calls(style, since=0.0):
        return [
            call["at"]
            for call in list(yard.simulator.calls)
            if call["path"].startswith(f"/matrix/{style}/") and call["at"] >= since
        ]

    with Passers(yard) as passers:
        start = time.monotonic()
        time.sleep(3)
        down = time.monotonic()
        for style in dead:
            for first in range(0, len(names[style]), 250):
                part = names[style][first : first + 250]
                yard.book([(style, name, "") for name in part])
        harness.wait_until(lambda: set(yard.breakers(dead)) == {"open"}, 30)
        yard.idle()
        pauses = []
        for _probe in PROBES:
            before = {style: len(calls(style)) for style in dead}
            yard.time_passes()
            harness.wait_until(
                lambda before=before: (
                    all(len(calls(style)) > before[style] for style in dead)
                    and set(yard.breakers(dead)) == {"open"}
                ),
                20,
            )
            yard.idle()
            # One probe for each, although all else is long due.
            assert {
                style: len(calls(style)) - before[style] for style in dead
            } == dict.fromkeys(dead, 1)
            pauses.append(yard.pause("keys"))
        back = time.monotonic()
        yard.simulator.faults = []
        yard.recover(everything, 300)
        end = time.monotonic()
    yard.recover(passers.booked)
    assert tuple(pauses) == PROBES
    assert yard.outcomes(everything) == dict.fromkeys(everything, "booked")
    assert yard.outcomes(passers.booked) == dict.fromkeys(passers.booked, "booked")
    rows = []
    for title, since, until in (
        ("before", start, down),
        ("while two are down", down, back),
        ("while they catch up", back, end),
    ):
        waits = passers.waits(since, until)
        most = max(
            outbox.most_within([at for at in calls(style, since) if at < until], 5)
            for style in dead
        )
        rows.append(
            (
                title,
                [
                    f"{waits[len(waits) // 2]:.2f} s",
                    f"{waits[-1]:.2f} s",
                    f"{most} calls",
                ],
            )
        )
        assert waits[-1] < PROMPT
        # What a second is worth may go out at once; another second for what is held
        # up on its way from the worker to the carrier.
        assert most <= PER_MINUTE / 60 * (5 + 1 + 1)
    minutes = 1 + sum(PROBES[:-1])
    columns = ["another's wait, median", "longest", "most in 5 s to one of the two"]
    report(
        outbox.table(
            f"Two carriers away for {minutes} minutes with {WAITING} bookings waiting,"
            f" back for {end - back:.0f} s, at most {PER_MINUTE} calls a minute each",
            columns,
            rows,
        )
    )
