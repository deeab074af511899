# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import hashlib
import hmac
import json
import sys
from datetime import datetime, timezone
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from simulator import (  # noqa: E402
    chronopost,
    dhl_express,
    easypost,
    fedex,
    matrix,
    sendcloud,
    ups,
)
from simulator.world import LIVES, World  # noqa: E402

NOW = datetime(2026, 1, 10, 12, tzinfo=timezone.utc)


def parcel(partner, life="delivered"):
    world = World([{"number": "N1", "partner": partner, "life": life}], NOW)
    found = world.parcels["N1"]
    while found.advance():
        pass
    return found


def test_it_signs_as_the_partners_do():
    secret = "w\u00ebbhook"
    headers = easypost.sign(b"{}", secret)
    key = "we\u0308bhook".encode()
    assert headers["X-Hmac-Signature"] == (
        "hmac-sha256-hex=" + hmac.new(key, b"{}", hashlib.sha256).hexdigest()
    )
    assert sendcloud.sign(b'{"key": "value"}', "secretkey")["Sendcloud-Signature"] == (
        "1eed4b3d41f4653ac64fd56f1bf1cbfd349e4482cbc11dff7134bd93e5da4b0a"
    )
    assert ups.sign(b"", "s3")["credential"] == "s3"


def test_every_step_has_words_with_every_partner():
    steps = {name for life in LIVES.values() for name, _hours in life}
    for partner in (
        chronopost,
        dhl_express,
        easypost,
        fedex,
        matrix,
        sendcloud,
        ups,
    ):
        assert steps <= set(partner.WORDS)


def test_no_step_lies_in_the_future():
    for life in LIVES:
        assert all(step.at < NOW for step in parcel("ups", life).steps)


def test_ups_tells_local_and_gmt():
    status, answer = ups.track_answer(parcel("ups"))
    activity = answer["trackResponse"]["shipment"][0]["package"][0]["activity"]
    assert status == 200
    assert activity[0]["status"]["code"] == "FS", "newest first"
    assert activity[0]["gmtOffset"] == "-05:00"
    body = json.loads(ups.push(parcel("ups"), 1))
    assert body["gmtActivityTime"] != body["localActivityTime"]
