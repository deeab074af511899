# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""(a) Accepting a signed 2 kB webhook against a route that only inserts."""

import json
import pickle
import subprocess
import sys
import tempfile
from pathlib import Path

from common import ADDONS, BENCH, Table, harness, median, percentile, verdict

TARGETS = ("empty", "insert", "ours")
SIZE = 2048
_serial = iter(range(10**9))


def _requests(paths, target, count, run):
    """Return whole HTTP requests; the same work for every target."""
    found = []
    for _request in range(count):
        body = harness.easypost_body(
            f"BENCH{run}{next(_serial):08}",
            ("in_transit", "departed_facility", "2026-03-01T10:00:00Z"),
            size=SIZE,
        )
        headers = {
            "Host": "127.0.0.1",
            **harness.signed_easypost(body),
            "Content-Length": len(body),
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        found.append(f"POST {paths[target]} HTTP/1.1\r\n{head}\r\n".encode() + body)
    return found


class Load:
    """The load generator, and its requests in a file."""

    def __init__(self):
        self.process = subprocess.Popen(
            [sys.executable, str(BENCH / "load.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, port, connections, requests):
        with tempfile.NamedTemporaryFile(delete=False) as file:
            pickle.dump(requests, file)
        order = {"port": port, "connections": connections, "requests": file.name}
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        Path(file.name).unlink()
        wrong = set(answer["statuses"]) - {"200", "202"}
        if wrong:
            raise RuntimeError(f"answers with {answer['statuses']}")
        return answer

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def run(database, quick):
    paths = {
        "empty": "/bench/empty",
        "insert": "/bench/insert",
        "ours": harness.path_of(database, "easypost"),
    }
    rounds, seconds = (3, 1.0) if quick else (9, 2.0)
    table = Table(
        f"(a) Accept a signed {SIZE} byte webhook: requests per second, median of "
        f"{rounds} interleaved rounds",
        ("mode", "empty", "insert", "ours", "ours/insert", "p50 ms", "p99 ms")
        + ("p99 insert", "p99 ratio", "target"),
    )
    table.note("target: ours/insert at least 0.85, p99 ratio at most 1.50")
    table.note("lanes off while measuring, except in the last line, where they work")
    table.note("off what is accepted; p50 and p99 of all rounds together")
    load = Load()
    try:
        for name, workers, lanes, loads in (
            ("threaded", 0, 0, (8, 32)),
            ("4 workers", 4, 0, (8, 32)),
            ("4 workers, lanes on", 4, 5, (8,)),
        ):
            server = harness.Server(
                database,
                f"--max-cron-threads={lanes}",
                "--log-level=warn",
                workers=workers,
                addons_path=str(ADDONS),
            )
            with server:
                for connections in loads:
                    measured = _measure(
                        load, server, paths, connections, rounds, seconds
                    )
                    _report(table, f"{name}, {connections} conn.", measured, not lanes)
    finally:
        load.close()
    table.show()


def _measure(load, server, paths, connections, rounds, seconds):
    measured = {target: [] for target in TARGETS}
    # Warm up, and learn how many requests fill a round.
    counts = {}
    for target in TARGETS:
        load.run(server.port, connections, _requests(paths, target, 200, "W"))
        answer = load.run(server.port, connections, _requests(paths, target, 300, "W"))
        counts[target] = max(100, int(300 / answer["seconds"] * seconds))
    for number in range(rounds):
        # Each round in another order, so that no target always follows the same.
        for shift in range(len(TARGETS)):
            target = TARGETS[(number + shift) % len(TARGETS)]
            requests = _requests(paths, target, counts[target], number)
            measured[target].append(load.run(server.port, connections, requests))
    return measured


def _report(table, name, measured, judged):
    rates = {
        target: [len(answer["latencies"]) / answer["seconds"] for answer in answers]
        for target, answers in measured.items()
    }
    latencies = {
        target: [value for answer in answers for value in answer["latencies"]]
        for target, answers in measured.items()
    }
    ratio = median(
        [
            ours / insert
            for ours, insert in zip(rates["ours"], rates["insert"], strict=True)
        ]
    )
    p99 = {target: percentile(values, 0.99) for target, values in latencies.items()}
    tail = p99["ours"] / p99["insert"]
    table.add(
        name,
        f"{median(rates['empty']):.0f}",
        f"{median(rates['insert']):.0f}",
        f"{median(rates['ours']):.0f}",
        f"{ratio:.2f}",
        f"{percentile(latencies['ours'], 0.5):.1f}",
        f"{p99['ours']:.1f}",
        f"{p99['insert']:.1f}",
        f"{tail:.2f}",
        verdict(ratio >= 0.85 and tail <= 1.5) if judged else "",
    )
