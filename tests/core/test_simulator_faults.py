# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import http.client
import json
import sys
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from simulator.server import start  # noqa: E402
from simulator.world import World  # noqa: E402


@pytest.fixture(scope="module")
def running():
    server = start(World([]))
    yield server
    server.shutdown()
    server.server_close()
    assert server.broken == []


@pytest.fixture
def sim(running):
    call(running, "POST", "/_control/reset")
    return running


def call(server, method, path, body=None, headers=None):
    """Return (status, parsed body or bytes, headers)."""
    data = json.dumps(body).encode() if body is not None else None
    headers = {"X-Api-Key": "k", **(headers or {})}
    request = urllib.request.Request(server.url + path, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            status, raw, head = answer.status, answer.read(), answer.headers
    except urllib.error.HTTPError as error:
        status, raw, head = error.code, error.read(), error.headers
    try:
        return status, json.loads(raw), head
    except ValueError:
        return status, raw, head


def book(server, reference="R1", style="lookup", parcels=1, key=None):
    body = {"reference": reference, "parcels": [{"weight": 1}] * parcels}
    headers = {"Idempotency-Key": key} if key else {}
    return call(server, "POST", f"/matrix/{style}/book", body, headers)


def faults(server, *rows):
    assert call(server, "POST", "/_control/faults", list(rows))[0] == 200


# --- the matrix carrier


def test_keys_give_the_same_booking_again(sim):
    first, again = book(sim, style="keys", key="k1"), book(sim, style="keys", key="k1")
    assert (first[0], again[0]) == (201, 200)
    assert first[1] == again[1]
    assert len(sim.ledger.live("R1")) == 1
    assert sim.ledger.calls("R1") == 2
    assert book(sim, style="keys", key="k2")[0] == 201
    assert book(sim, "R2", style="keys", key="k1")[0] == 422, "other content"
    assert call(sim, "GET", "/matrix/keys/bookings?reference=R1")[0] == 404


def test_lookup_books_anew_and_finds(sim):
    book(sim, key="k1"), book(sim, key="k1")
    found = call(sim, "GET", "/matrix/lookup/bookings?reference=R1")[1]["bookings"]
    assert len(found) == len(sim.ledger.live("R1")) == 2
    assert call(sim, "GET", "/matrix/lookup/bookings?reference=R9")[1] == {
        "bookings": []
    }


def test_neither_books_anew_and_finds_nothing(sim):
    book(sim, style="neither", key="k1"), book(sim, style="neither", key="k1")
    assert len(sim.ledger.live("R1")) == 2
    assert call(sim, "GET", "/matrix/neither/bookings?reference=R1")[0] == 404


def test_matrix_cancels_once(sim):
    booked = book(sim)[1]
    cancel = "/matrix/lookup/cancel"
    assert call(sim, "POST", cancel, {"id": booked["id"]})[1]["state"] == "cancelled"
    assert sim.ledger.live("R1") == []
    assert call(sim, "POST", cancel, {"id": booked["id"]})[0] == 409
    assert call(sim, "POST", cancel, {"id": "no"})[0] == 404


def test_matrix_refuses(sim):
    path = "/matrix/lookup/book"
    assert call(sim, "POST", path, {"parcels": [{}]})[0] == 400
    assert call(sim, "POST", path, {"reference": "R1"})[0] == 400
    heavy = {"reference": "R1", "parcels": [{"weight": 0}]}
    assert call(sim, "POST", path, heavy)[1]["error"]["code"] == "WEIGHT_INVALID"
    assert call(sim, "POST", path, heavy, {"X-Api-Key": ""})[0] == 401
    assert sim.ledger.bookings == []


def test_matrix_label_and_life(sim):
    parcel = book(sim)[1]["parcels"][0]
    path = parcel["label_url"].removeprefix(sim.url)
    assert call(sim, "GET", path)[1].startswith(b"%PDF-1.4")
    assert call(sim, "GET", path.replace(".pdf", ".zpl"))[1].startswith(b"^XA")
    track = f"/matrix/lookup/track?number={parcel['number']}"
    assert [e["code"] for e in call(sim, "GET", track)[1]["events"]] == ["BOOKED"]
    call(sim, "POST", "/_control/advance", {"reference": "R1", "steps": "all"})
    assert call(sim, "GET", track)[1]["events"][-1]["code"] == "DELIVERED"


def test_half_of_a_batch_fails(sim):
    faults(sim, {"path": "/matrix", "half": True})
    answer = book(sim, parcels=3)[1]
    assert [row["index"] for row in answer["failed"]] == [1]
    assert len(sim.ledger.live("R1")[0].numbers) == 2


# --- control


def test_control_tells_the_ledger_and_the_calls(sim):
    book(sim, "R7", key="k7")
    told = call(sim, "GET", "/_control/ledger")[1]
    assert told["calls"] == {"R7": 1}
    assert told["bookings"][0]["reference"] == "R7"
    assert told["bookings"][0]["state"] == "live"
    entry = call(sim, "GET", "/_control/calls")[1][-1]
    assert entry["partner"] == "matrix" and entry["reference"] == "R7"
    assert entry["method"] == "POST" and entry["path"] == "/matrix/lookup/book"
    assert entry["key"] == "k7" and entry["status"] == 201
    assert entry["at"] <= time.monotonic()
    call(sim, "POST", "/_control/reset")
    assert sim.ledger.bookings == [] and sim.calls == []


# --- faults


def test_an_error_before_and_after_the_booking(sim):
    faults(sim, {"path": "/matrix", "status": 500})
    assert book(sim)[0] == 500
    assert sim.ledger.live("R1") == []
    faults(sim, {"path": "/matrix", "status": 500, "after_effect": True})
    assert book(sim)[0] == 500
    assert len(sim.ledger.live("R1")) == 1
    assert sim.ledger.calls("R1") == 2
    assert book(sim)[0] == 201, "a fault strikes once unless told otherwise"


@pytest.mark.parametrize("how", [True, "reset"])
def test_a_cut_before_and_after_the_booking(sim, how):
    faults(sim, {"path": "/matrix", "cut": how})
    with pytest.raises(OSError):
        book(sim)
    assert sim.ledger.live("R1") == []
    assert sim.ledger.calls("R1") == 1
    faults(sim, {"path": "/matrix", "cut": how, "after_effect": True})
    with pytest.raises(OSError):
        book(sim)
    assert len(sim.ledger.live("R1")) == 1


def test_a_cut_in_the_middle_of_the_body(sim):
    faults(sim, {"path": "/matrix", "cut": "body"})
    with pytest.raises(http.client.IncompleteRead):
        book(sim)
    assert len(sim.ledger.live("R1")) == 1


def test_delays_before_and_after(sim):
    for after in (False, True):
        row = {"path": "/matrix", "delay": 0.4, "after_effect": after}
        faults(sim, row)
        reference = f"R{after}"
        thread = threading.Thread(target=book, args=(sim, reference))
        thread.start()
        time.sleep(0.2)
        assert bool(sim.ledger.live(reference)) is after
        thread.join()
        assert sim.ledger.live(reference)


@pytest.mark.parametrize("value", [3, 10**9, "soon", "date:+30"])
def test_too_many_calls(sim, value):
    faults(sim, {"partner": "matrix", "status": 429, "retry_after": value})
    status, _, headers = book(sim)
    assert status == 429
    if value == "date:+30":
        ahead = parsedate_to_datetime(headers["Retry-After"]).timestamp() - time.time()
        assert 25 < ahead < 31
    else:
        assert headers["Retry-After"] == str(value)


def test_the_previous_answer_again(sim):
    first = book(sim, "R1")[1]
    faults(sim, {"path": "/matrix", "again": True, "after_effect": True})
    assert book(sim, "R2")[1] == first
    assert len(sim.ledger.live("R2")) == 1


def test_the_booking_before_again(sim):
    first = book(sim, "R1")[1]
    call(sim, "GET", "/matrix/lookup/bookings?reference=R1")
    faults(sim, {"path": "/matrix", "again": "booking", "times": 2})
    assert book(sim, "R2")[1] == book(sim, "R3")[1] == first
    assert sim.ledger.live("R2") == []


def test_answers_that_cannot_be_read(sim):
    faults(sim, {"path": "/matrix", "maintenance": True})
    status, body, headers = book(sim)
    assert (status, headers.get_content_type()) == (200, "text/html")
    assert b"Maintenance" in body or b"back soon" in body
    assert sim.ledger.bookings == []
    for how, kind in (
        ("truncated", "application/json"),
        ("type", "text/html"),
        ("empty", "application/json"),
        ("encoding", "application/json"),
        ("list", "application/json"),
    ):
        faults(sim, {"path": "/matrix", "malformed": how})
        status, body, headers = book(sim, how)
        assert (status, headers.get_content_type()) == (201, kind)
        assert how in ("type", "list") or isinstance(body, bytes)
        assert len(sim.ledger.live(how)) == 1


def test_oversize_and_drip(sim):
    faults(sim, {"path": "/matrix", "oversize": 300_000})
    answer = book(sim)
    assert int(answer[2]["Content-Length"]) == 300_000
    assert answer[1]["reference"] == "R1"
    faults(sim, {"path": "/matrix/lookup/cancel", "drip": 0.002})
    before = time.monotonic()
    call(sim, "POST", "/matrix/lookup/cancel", {"id": "no"})
    assert time.monotonic() - before > 0.1


def test_credentials_expire(sim):
    faults(sim, {"path": "/matrix", "expire": True})
    assert book(sim)[0] == 401
    assert book(sim)[0] == 201


def test_by_method_number_and_chance(sim):
    faults(
        sim,
        {"method": "GET", "status": 503, "times": None},
        {"path": "/matrix", "status": 502, "skip": 1, "times": 2},
    )
    assert [book(sim)[0] for _ in range(4)] == [201, 502, 502, 201]
    assert call(sim, "GET", "/matrix/lookup/bookings?reference=R1")[0] == 503
    patterns = []
    for _ in range(2):
        faults(sim, {"path": "/matrix", "status": 500, "probability": 0.5, "seed": 4})
        patterns.append([book(sim)[0] for _ in range(20)])
    assert patterns[0] == patterns[1], "the same seed, the same misfortune"
    assert 4 < patterns[0].count(500) < 16


def test_two_hundred_slow_calls_at_once(sim):
    faults(sim, {"path": "/matrix", "delay": 0.5, "times": None})
    before = time.monotonic()
    with ThreadPoolExecutor(200) as pool:
        answers = list(pool.map(lambda n: book(sim, f"R{n}")[0], range(200)))
    assert answers == [201] * 200
    assert time.monotonic() - before < 4
    assert len(sim.ledger.live()) == 200
    assert len({row.numbers[0] for row in sim.ledger.live()}) == 200
