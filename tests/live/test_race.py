# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The same message from several senders at once is stored and applied once."""

import threading
from collections import Counter

import harness

SENDERS = 8
ROUNDS = 100
SCAN = ("in_transit", "arrived_at_facility", "2026-03-01T10:00:00Z")


def test_the_same_message_from_eight_senders(database, server):
    path = harness.path_of(database, "easypost")
    bodies = [harness.easypost_body(f"RACE{n:05}", SCAN) for n in range(ROUNDS)]
    start = threading.Barrier(SENDERS)
    answers = [[] for _sender in range(SENDERS)]

    def send(mine):
        sender = harness.Sender(server.port)
        for body in bodies:
            start.wait()
            headers = harness.signed_easypost(body)
            mine.append(sender.send(path, body, headers)[0])
        sender.close()

    threads = [threading.Thread(target=send, args=(mine,)) for mine in answers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert set(map(len, answers)) == {ROUNDS}
    # EasyPost wants 200 for both; what counts is that nobody was turned away.
    assert set(Counter(sum(answers, []))) <= {200, 202}
    stored = database.sql(
        "SELECT encode(sha256(body), 'hex'), count(*) FROM logistics_message GROUP BY 1"
    )
    assert len(stored) == ROUNDS
    assert {count for _digest, count in stored} == {1}
    harness.wait_until(
        lambda: (
            database.value(
                "SELECT count(*) FROM logistics_message WHERE state = 'done'"
            )
            == ROUNDS
        )
    )
    assert database.value("SELECT count(*) FROM logistics_event") == ROUNDS
    assert database.value("SELECT count(*) FROM logistics_shipment") == ROUNDS
    assert server.log_lines("ERROR") == []
    assert server.log_lines("CRITICAL") == []
