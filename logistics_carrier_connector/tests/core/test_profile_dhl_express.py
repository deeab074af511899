# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import json
from datetime import datetime, timezone
from pathlib import Path

import pytest

from odoo.addons.logistics_canonical.core.adapter import Adapter, Response
from odoo.addons.logistics_canonical.core.profile import load_profile

ADDON = Path(__file__).parents[2]
FIXTURES = ADDON / "tests" / "fixtures" / "dhl_express"
PROFILE = load_profile(
    json.loads((ADDON / "profiles" / "dhl_express.json").read_text(encoding="utf-8"))
)


def utc(*parts):
    return datetime(*parts, tzinfo=timezone.utc)


def answer(name, status=200):
    response = Response(status, {}, (FIXTURES / name).read_bytes())
    return Adapter().parse_response(
        "track", response, PROFILE, {"tracking_number": "4412345670"}
    )


def test_local_times_are_those_of_the_service_area():
    parsed = answer("on_the_way.json").parsed
    assert not parsed.problems
    told = [(e.code, e.reason, e.occurred_at, e.zone_basis) for e in parsed.events]
    assert told == [
        ("picked_up", "", utc(2025, 3, 3, 16, 5), "place"),
        ("departed", "", utc(2025, 3, 3, 20, 40), "given"),
        # An unknown service area in Germany.
        ("customs_in_progress", "", utc(2025, 3, 4, 2, 10), "place"),
        ("out_for_delivery", "", utc(2025, 3, 5, 14), "place"),
        ("delivery_attempted", "consignee_absent", utc(2025, 3, 5, 16, 30), "place"),
        ("eta_update", "", utc(2025, 3, 6, 17), "date"),
    ]
    first = parsed.events[0]
    assert (first.parcel, first.partner_code) == ("4412345670", "PU")
    assert (first.location.city, first.location.country) == ("Barcelona", "ES")
    assert (first.location.code, parsed.events[3].location.state) == ("BCN", "NY")


def test_a_delivery_ends_the_forecast():
    events = answer("delivered.json").parsed.events
    assert events[-1].code == "delivered"
    assert events[-1].extra["signed_by"] == "J DOE"
    assert all(event.code != "eta_update" for event in events)


def test_what_is_unclear_is_said():
    parsed = answer("odd.json").parsed
    assert [event.code for event in parsed.events] == ["unmapped"]
    problems = [(problem.kind, problem.code) for problem in parsed.problems]
    assert ("unmapped_code", "ZZ") in problems
    # Nobody knows the clock of Nowhere, so that scan has no time.
    assert [kind for kind, _code in problems].count("bad_value") == 1


@pytest.mark.parametrize("status", [200, 404])
def test_an_unknown_number_is_no_data(status):
    result = answer("error_not_found.json", status)
    assert result.ok
    (problem,) = result.parsed.problems
    assert (problem.kind, problem.code) == ("no_data", "404")
    assert problem.text == "No data found"


def test_a_refused_login_is_a_matter_of_access():
    result = answer("error_login.json", 401)
    assert result.error_class == "auth"
    assert result.parsed.problems[0].text == "Invalid Credentials"


def test_xml_services():
    parsed = answer("xml_tracking.xml").parsed
    told = [(e.parcel, e.code, e.occurred_at) for e in parsed.events]
    assert sorted(told) == [
        ("4412345670", "arrived_at_hub", utc(2025, 3, 4, 2, 10)),
        ("4412345670", "eta_update", utc(2025, 3, 7, 4, 59)),
        ("4412345670", "picked_up", utc(2025, 3, 3, 16, 5)),
        ("4412345681", "delivered", utc(2025, 3, 4, 17)),
        ("JD014600001", "in_transit", utc(2025, 3, 4, 2, 11)),
    ]
    signed = {e.parcel: e.extra.get("signed_by") for e in parsed.events}
    assert signed["4412345681"] == "CLARKE"
    assert signed["4412345670"] is None
    (problem,) = parsed.problems
    assert (problem.kind, problem.code, problem.reference) == (
        "no_data",
        "209",
        "4412345692",
    )


def test_an_xml_error_is_the_partners():
    result = answer("xml_error.xml")
    assert not result.ok
    assert not result.parsed.events
    (problem,) = result.parsed.problems
    assert (problem.kind, problem.code, problem.text) == (
        "partner_error",
        "111",
        "Error in parsing request XML",
    )


@pytest.mark.parametrize(
    ("code", "event", "reason"),
    [
        ("AR", "arrived_at_destination", ""),
        ("RD", "refused", "refused"),
        ("CC", "available_for_pickup", ""),
        ("RT", "returned", ""),
        ("DD", "delivered_damaged", "damaged"),
        ("UD", "customs_hold", ""),
    ],
)
def test_what_checkpoints_mean(code, event, reason):
    row = PROFILE.find_code(code)
    assert (row["event"], row["reason"]) == (event, reason)


def test_the_questions():
    json_request = Adapter().build_request(
        "track", {"tracking_number": "441"}, PROFILE, environment="sandbox"
    )
    assert json_request.url.startswith(
        "https://express.api.dhl.com/mydhlapi/test/tracking?shipmentTrackingNumber=441"
    )
    assert PROFILE.auth[json_request.auth]["scheme"] == "basic"
    xml_request = Adapter().build_request(
        "track_xml", {"tracking_number": "4&1"}, PROFILE, environment="sandbox"
    )
    assert b"<AWBNumber>4&amp;1</AWBNumber>" in xml_request.body
