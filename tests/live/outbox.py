# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Carriers to book with, the wire to them, and stops on the way of a call.

The carriers are the simulator's Matrix Carrier in three styles: one that recognises
our keys, one that can be asked what it has, one that does neither. The wire is a
relay that holds calls on their way there and back, and that can be cut. The sender
itself is stopped by the gates of ``addons/logistics_live``.
"""

import contextlib
import http.client
import json
import os
import signal
import socket
import sys
import threading
import time
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import harness

sys.path.insert(0, str(Path(__file__).parents[1]))

from simulator.server import start  # noqa: E402
from simulator.world import World  # noqa: E402

ADDONS = str(Path(__file__).parent / "addons")
STYLES = ("keys", "lookup", "neither")
REPEAT = {"keys": "keyed", "lookup": "lookup", "neither": "never"}
#: Workers that send, each a scheduled action.
SENDERS = 3
#: Seconds after which a message is taken from a worker that doesn't finish it. No call
#: is begun in the second half. Long enough for all to be where a test wants them, on a
#: busy machine, too; tests end the leases of the dead.
LEASE = 16

PREPARE = """
found = {}
for style, data in %(profiles)r.items():
    profile = env["logistics.profile"].create({
        "name": "Matrix " + style, "key": "matrixlive_" + style, "version": 1,
        "data_json": data,
    })
    connector = env["logistics.connector"].create({
        "name": "Matrix " + style, "profile_id": profile.id,
        "base_url": %(url)r, "allow_loopback": True,
    })
    connector.action_start()
    found[style] = connector.id
sender = env.ref("logistics_canonical.ir_cron_outbound")
for number in range(%(senders)s - 1):
    sender.copy({"active": True})
values = env["ir.config_parameter"]
values.set_param("logistics_canonical.lease_seconds", "%(lease)s")
values.set_param("logistics_canonical.settle_seconds", "1")
env.cr.commit()
result = found
"""


def profile(style):
    """Return the profile of a Matrix Carrier as its README describes it."""
    book = {
        "method": "POST",
        "path": f"/matrix/{style}/book",
        # The carrier ignores it; the wire and the faults go by it.
        "query": {"step": "{step?}"},
        "headers": {"X-Api-Key": "live", "Idempotency-Key": "{idempotency_key}"},
        "body": {"reference": "{reference}", "parcels": ["{reference}"]},
        "repeat": REPEAT[style],
    }
    data = {
        "format": 1,
        "key": f"matrixlive_{style}",
        "name": f"Matrix {style}",
        "version": 1,
        "description": "A carrier that exists in tests only.",
        "references": ["https://matrix.live.example"],
        "endpoints": {"sandbox": "https://sandbox.matrix.live.example"},
        "operations": {"book": book},
        "errors": [
            {
                "operations": ["book"],
                "status": ["2xx"],
                "when": "!(message.id)",
                "text": {"value": "The answer names no booking"},
                "class": "unknown",
            },
            {
                "when": "message.error",
                "code": "message.error.code",
                "text": "message.error.message",
            },
        ],
        # What a booking brought is its record's affair; these tests have none.
        "messages": [{"name": "answer", "ignore": "an answer to a booking"}],
        "codes": {},
    }
    if style == "lookup":
        book["lookup"] = "find"
        data["operations"]["find"] = {
            "method": "GET",
            "path": f"/matrix/{style}/bookings",
            "query": {"reference": "{reference}"},
            "headers": {"X-Api-Key": "live"},
        }
        data["errors"].append(
            {
                "operations": ["find"],
                "status": ["2xx"],
                "when": "!(message.bookings)",
                "problem": "no_data",
                "text": {"value": "No booking of this reference"},
                "class": "rejected",
            }
        )
    return data


# === THE WIRE === #


class Relay(BaseHTTPRequestHandler):
    """Passes one call on, and its answer back, unless the wire holds it."""

    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16
    disable_nagle_algorithm = True

    def _relay(self):
        wire = self.server.wire
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        step = parse_qs(urlsplit(self.path).query).get("step", [""])[0]
        self.close_connection = True
        if not wire.pass_on(self, step, body, there=True):
            return
        answer = wire.ask(self.command, self.path, body, self.headers)
        if answer is None or not wire.pass_on(self, step, body, there=False):
            return
        with contextlib.suppress(OSError):
            status, headers, content = answer
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

    do_GET = do_POST = _relay

    def log_message(self, *_arguments):
        pass


class Wire:
    """What lies between Odoo and the carriers.

    While it is armed it holds calls by their step: ``lost`` and ``under_way`` before
    the carrier gets them, ``acted`` when the carrier has answered. Released, it
    drops the lost ones and lets the others go on, whether or not anybody still
    listens.
    """

    def __init__(self, simulator):
        self.target = simulator.server_address[:2]
        self.server = None
        self.port = harness.free_port()
        self.held = defaultdict(set)
        self.armed = threading.Event()
        self._connections = set()
        self.mend()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def mend(self):
        """Be reachable (again)."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 512

            def handle_error(self, request, client_address):
                """Clients die in these tests."""

        self.server = Server(("127.0.0.1", self.port), Relay)
        self.server.wire = self
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def cut(self):
        """Break all calls that are held off, and be out of reach from now on."""
        self.server.shutdown()
        self.server.server_close()
        for connection in list(self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def pass_on(self, handler, step, body, there):
        """Hold a call if its step says so; return whether it may go on."""
        holds = step in ("lost", "under_way") if there else step == "acted"
        if not holds or not self.armed.is_set():
            return True
        self._connections.add(handler.connection)
        self.held[step].add(json.loads(body)["reference"])
        while self.armed.is_set():
            time.sleep(0.01)
        self._connections.discard(handler.connection)
        if step == "lost":
            with contextlib.suppress(OSError):
                handler.connection.shutdown(socket.SHUT_RDWR)
            return False
        return True

    def ask(self, method, path, body, headers):
        """Ask the carrier; return (status, headers, body), None if it broke off."""
        connection = http.client.HTTPConnection(*self.target, timeout=30)
        kept = {
            name: value
            for name, value in headers.items()
            if name.lower() not in ("host", "connection", "content-length")
        }
        try:
            connection.request(method, path, body or None, kept)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    def arm(self):
        self.held.clear()
        self.armed.set()

    def release(self):
        self.armed.clear()


# === GATES === #


class Gates:
    """Where the sender stops; see ``addons/logistics_live``."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.open()

    def close(self, step, expected=1):
        """Stop whoever comes to a step; ``settling`` waits for so many answers."""
        (self.folder / step).write_text(str(expected))

    def open(self, *steps):
        for path in list(self.folder.iterdir()):
            if not steps or path.name in steps:
                path.unlink()

    def waiting(self, step):
        """Return {reference: process id} of those that stand before a gate."""
        prefix = f"{step}@"
        return {
            path.name[len(prefix) :]: int(path.read_text())
            for path in self.folder.glob(f"{prefix}*")
            if path.read_text()
        }

    def tries(self):
        """Return how often a request was run."""
        path = self.folder / "tries"
        return len(path.read_text().splitlines()) if path.exists() else 0

    def callers(self):
        """Return [(process id, reference)] of all calls since the last opening."""
        path = self.folder / "calls"
        lines = path.read_text().splitlines() if path.exists() else []
        return [(int(line.split()[0]), line.split()[1]) for line in lines]


# === EVERYTHING TOGETHER === #


class Yard:
    """A server with three senders, three carriers and all that can go wrong.

    :param database: a clone of the prepared one, for this yard alone
    """

    def __init__(self, database):
        self.database = database
        self.simulator = start(World([]))
        self.wire = Wire(self.simulator)
        self.gates = Gates(harness.work_dir() / f"{database.name}-gates")
        os.environ["LOGISTICS_LIVE_GATES"] = str(self.gates.folder)
        self._install()
        self.connectors = database.script(
            PREPARE
            % {
                "profiles": {style: json.dumps(profile(style)) for style in STYLES},
                "url": self.wire.url,
                "senders": SENDERS,
                "lease": LEASE,
            },
            addons_path=ADDONS,
        )
        self.server = harness.Server(database, workers=2, addons_path=ADDONS)

    def _install(self):
        harness.run_odoo(
            self.database.name,
            "--init=logistics_live",
            "--without-demo=True",
            "--stop-after-init",
            "--max-cron-threads=0",
            "--no-http",
            addons_path=ADDONS,
        )

    def __enter__(self):
        self.server.__enter__()
        self.rpc = harness.Rpc(self.server)
        return self

    def __exit__(self, *error):
        self.gates.open()
        self.wire.release()
        self.server.__exit__(*error)
        self.simulator.shutdown()
        self.simulator.server_close()

    def book(self, parcels):
        """Book in one transaction; parcels are (style, reference, step)."""
        self.rpc(
            "logistics.live",
            "book",
            [(self.connectors[style], name, step) for style, name, step in parcels],
        )

    # --- what became of it ---

    def live(self, reference):
        """Return how many live bookings the carriers have of a parcel."""
        return len(self.simulator.ledger.live(reference))

    def calls(self, reference):
        return self.simulator.ledger.calls(reference)

    def outcomes(self, references):
        """Return {reference: outcome}.

        Of an outcome there are ``booked``: one live booking, and Odoo knows;
        ``asked``: Odoo doesn't know, and an open exception says so to a person;
        ``refused``: none, and Odoo knows. Anything else is wrong and is described.
        """
        found = {}
        rows = self.database.sql(
            "SELECT message.idempotency_key, message.state, message.error_class,"
            "       message.next_attempt_at IS NULL, ("
            "       SELECT string_agg(code, ',') FROM logistics_exception exception"
            "        WHERE exception.message_id = message.id"
            "          AND exception.state = 'open')"
            "  FROM logistics_message message WHERE idempotency_key = ANY(%s)",
            [list(references)],
        )
        for reference, state, error_class, is_over, exceptions in rows:
            live = self.live(reference)
            # Those of a dead message are shared by all that failed alike.
            outcome = {
                ("done", 1, None): "booked",
                ("unknown", 0, "outcome_unknown"): "asked",
                ("unknown", 1, "outcome_unknown"): "asked",
                ("dead", 0, "message_dead"): "refused",
                ("dead", 0, None): "refused",
            }.get((state, live, exceptions))
            if outcome is None or not is_over:
                outcome = f"WRONG {state}/{error_class} {live} live, {exceptions}"
            found[reference] = outcome
        assert set(found) == set(references)
        return found

    def state(self, reference):
        rows = self.rows([reference])
        return rows[0][1] if rows else None

    def rows(self, references):
        """Return what Odoo has written down of parcels."""
        return self.database.sql(
            "SELECT idempotency_key, state, error_class, next_attempt_at, tries,"
            "       error_text, done_at, lease_token FROM logistics_message"
            " WHERE idempotency_key = ANY(%s) ORDER BY idempotency_key",
            [list(references)],
        )

    def is_over(self, reference):
        """Tell whether nothing more will happen to a parcel by itself."""
        ((_name, state, _class, when, *_rest),) = self.rows([reference])
        return state in ("done", "dead") or state == "unknown" and when is None

    def late_answers(self, references):
        """Return how many messages have an answer that came too late."""
        return self.database.value(
            "SELECT count(DISTINCT message.id) FROM logistics_attempt attempt"
            "  JOIN logistics_message message ON message.id = attempt.message_id"
            " WHERE message.idempotency_key = ANY(%s)"
            "   AND attempt.error_text LIKE 'Came after the lease%%'",
            [list(references)],
        )

    def blocked(self):
        """Wait until somebody waits for a lock in the database."""
        harness.wait_until(
            lambda: self.database.sql(
                "SELECT pid FROM pg_stat_activity WHERE datname = %s"
                " AND wait_event_type = 'Lock'",
                [self.database.name],
            ),
            10,
            0.02,
        )

    # --- the carriers' connectors ---

    def limit(self, per_minute):
        """Let carriers be called so often; 0 for any number of times."""
        self.database.sql(
            "UPDATE logistics_connector SET outbound_rate = %s WHERE id = ANY(%s)",
            [per_minute, list(self.connectors.values())],
        )

    def breakers(self, styles):
        """Return the states of the circuit breakers."""
        rows = self.database.sql(
            "SELECT breaker_state FROM logistics_connector WHERE id = ANY(%s)",
            [[self.connectors[style] for style in styles]],
        )
        return [state for (state,) in rows]

    def pause(self, style):
        """Return the minutes until the next probe."""
        return round(
            self.database.value(
                "SELECT extract(epoch FROM breaker_until - now() AT TIME ZONE 'UTC')"
                "  FROM logistics_connector WHERE id = %s",
                [self.connectors[style]],
            )
            / 60
        )

    def idle(self):
        """Wait until nothing is being sent to carriers."""
        harness.wait_until(
            lambda: (
                not self.database.value(
                    "SELECT count(*) FROM logistics_message WHERE state = 'sending'"
                    " AND connector_id = ANY(%s)",
                    [[self.connectors["keys"], self.connectors["lookup"]]],
                )
            ),
            20,
        )

    # --- time ---

    def leases(self, references):
        """Return the leases that are held on parcels' messages now."""
        rows = self.database.sql(
            "SELECT DISTINCT lease_token FROM logistics_message"
            " WHERE idempotency_key = ANY(%s) AND state = 'sending'",
            [list(references)],
        )
        return [token for (token,) in rows]

    def leases_end(self, leases):
        """Let the leases end of workers that are dead, or have nothing under way.

        What somebody else has taken up since isn't touched: that call is on its way.
        """
        self.database.sql(
            "UPDATE logistics_message SET next_attempt_at = now() AT TIME ZONE 'UTC'"
            " WHERE lease_token = ANY(%s) AND state = 'sending'",
            [list(leases)],
        )

    def time_passes(self):
        """Let all that waits for minutes or hours be due now, and wake the senders.

        What waits for seconds goes on waiting: leases, and what a carrier needs to
        show what it did.
        """
        self.database.sql(
            "UPDATE logistics_message SET next_attempt_at = now() AT TIME ZONE 'UTC'"
            " WHERE direction = 'out' AND state IN ('waiting', 'unknown')"
            " AND next_attempt_at > now() AT TIME ZONE 'UTC' + interval '6 s'"
        )
        self.database.sql(
            "UPDATE logistics_connector SET breaker_until = now() AT TIME ZONE 'UTC'"
            " WHERE breaker_state = 'open'"
            " AND breaker_until > now() AT TIME ZONE 'UTC'"
        )
        self.database.sql(
            "UPDATE logistics_connector SET pace_at = now() AT TIME ZONE 'UTC'"
            " WHERE pace_at > now() AT TIME ZONE 'UTC' + interval '6 s'"
        )
        self.wake()

    def wake(self):
        """Do what the scheduled actions' own interval does within a minute."""
        self.database.sql(
            "INSERT INTO ir_cron_trigger (cron_id, call_at)"
            " SELECT cron.id, now() AT TIME ZONE 'UTC' FROM ir_cron cron"
            "   JOIN ir_act_server action ON action.id = cron.ir_actions_server_id"
            "  WHERE action.code LIKE 'model._cron_send%'"
        )
        with contextlib.closing(self.database.connect("postgres")) as connection:
            connection.cursor().execute(
                "SELECT pg_notify('cron_trigger', %s)", [self.database.name]
            )

    def recover(self, references, seconds=120):
        """Wait until nothing more will happen to these parcels by itself."""

        def over():
            with contextlib.suppress(harness.psycopg2.Error):
                self.time_passes()
                return not self.database.value(
                    "SELECT count(*) FROM logistics_message"
                    " WHERE idempotency_key = ANY(%s) AND NOT (state IN"
                    " ('done', 'dead', 'cancelled')"
                    " OR state = 'unknown' AND next_attempt_at IS NULL)",
                    [list(references)],
                )

        harness.wait_until(over, seconds, every=0.4)

    # --- faults ---

    def kill(self, pids):
        for pid in pids:
            self.signal(pid, signal.SIGKILL)

    def signal(self, pid, number):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)

    def is_alive(self, pid):
        return pid in self.server.children()

    def disconnect(self):
        """End the connections of all that work in the database."""
        with contextlib.closing(self.database.connect("postgres")) as connection:
            connection.cursor().execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = %s AND pid <> pg_backend_pid()",
                [self.database.name],
            )


def table(title, columns, rows):
    """Return a table as text; rows are (name, [cell, …])."""
    widths = [
        max(len(text) for text in texts)
        for texts in zip(
            ("", *columns), *((name, *cells) for name, cells in rows), strict=True
        )
    ]
    lines = [title]
    for name, cells in [("", columns), *rows]:
        texts = [
            text.ljust(width)
            for text, width in zip((name, *cells), widths, strict=True)
        ]
        lines.append("  " + "  ".join(texts).rstrip())
    return "\n".join(lines)


def most_within(instants, seconds):
    """Return how many of sorted instants lie in a window, at most."""
    most = first = 0
    for last, instant in enumerate(instants):
        while instants[first] < instant - seconds:
            first += 1
        most = max(most, last - first + 1)
    return most
