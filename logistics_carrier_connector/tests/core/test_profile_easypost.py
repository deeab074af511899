# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import hmac
import json
import unicodedata
from datetime import datetime, timezone
from pathlib import Path

import pytest

from odoo.addons.logistics_canonical.core.adapter import Adapter, Inbound, Response
from odoo.addons.logistics_canonical.core.profile import load_profile
from odoo.addons.logistics_canonical.core.webhook import verify

ADDON = Path(__file__).parents[2]
FIXTURES = ADDON / "tests" / "fixtures" / "easypost"
PROFILE = load_profile(
    json.loads((ADDON / "profiles" / "easypost.json").read_text(encoding="utf-8"))
)

# The statuses and their details as EasyPost's tracking guide lists them.
STATUSES = (
    "unknown pre_transit in_transit out_for_delivery delivered available_for_pickup "
    "return_to_sender failure cancelled error"
).split()
DETAILS = (
    "address_correction arrived_at_destination arrived_at_facility "
    "arrived_at_pickup_location awaiting_information cancelled damaged delayed "
    "delivery_exception departed_facility departed_origin_facility expired failure "
    "held in_transit label_created lost missorted out_for_delivery "
    "received_at_destination_facility received_at_origin_facility refused return "
    "status_update transferred_to_destination_carrier transit_exception unknown "
    "weather_delay"
).split()


def utc(*parts):
    return datetime(*parts, tzinfo=timezone.utc)


def parse(name, operation=""):
    body = (FIXTURES / f"{name}.json").read_bytes()
    return Adapter().parse_inbound(
        Inbound(body, "application/json", operation=operation), PROFILE
    )


def answer(name, status=200):
    response = Response(status, {}, (FIXTURES / f"{name}.json").read_bytes())
    return Adapter().parse_response(
        "track", response, PROFILE, {"tracking_number": "1Z204E380338943508"}
    )


def test_a_whole_journey():
    parsed = parse("tracker_updated_delivered")
    assert not parsed.problems
    assert not parsed.ignored
    told = [(event.code, event.reason, event.occurred_at) for event in parsed.events]
    assert told == [
        ("label_created", "", utc(2025, 3, 3, 8, 5)),
        ("received_at_origin", "", utc(2025, 3, 3, 22, 40)),
        ("departed", "", utc(2025, 3, 4, 4, 12)),
        ("delayed", "weather", utc(2025, 3, 5, 6)),
        ("out_for_delivery", "", utc(2025, 3, 7, 13, 20)),
        ("delivery_attempted", "", utc(2025, 3, 7, 15, 2)),
        ("delivered", "", utc(2025, 3, 7, 16, 9)),
    ]
    last = parsed.events[-1]
    assert last.parcel == "1Z204E380338943508"
    assert last.references[0].type == "tracking_number"
    assert last.partner_code == "delivered/arrived_at_destination"
    assert last.partner_text == "Delivered"
    assert last.zone_basis == "given"
    assert last.extra["signed_by"] == "M. RIVERA"
    assert (last.location.city, last.location.state) == ("COLUMBUS", "OH")
    assert (last.location.country, last.location.postal_code) == ("US", "43085")
    # Only the delivery was signed for.
    assert all("signed_by" not in event.extra for event in parsed.events[:-1])
    assert [event.sequence for event in parsed.events] == [1, 2, 3, 4, 5, 6, 7]


def test_events_told_again_are_the_same_events():
    earlier = parse("tracker_updated_in_transit").events
    later = {event.identity for event in parse("tracker_updated_delivered").events}
    scans = [event for event in earlier if event.classifier == "actual"]
    assert len(scans) == 4
    assert all(event.identity in later for event in scans)


def test_a_push_and_an_answer_tell_the_same_events():
    pushed = parse("tracker_updated_in_transit").events[:3]
    polled = answer("tracker_list").parsed.events[:3]
    assert [e.identity for e in pushed] == [e.identity for e in polled]


def test_the_expected_day_is_an_estimate_for_a_day():
    (eta,) = (
        event
        for event in parse("tracker_updated_in_transit").events
        if event.code == "eta_update"
    )
    assert eta.classifier == "estimated"
    # EasyPost writes a day as midnight UTC; midnight is nobody's delivery time.
    assert eta.occurred_at == utc(2025, 3, 6, 12)
    assert eta.zone_basis == "date"
    assert eta.reported_at == utc(2025, 3, 7, 16, 10)


def test_an_expected_time_is_kept():
    events = answer("tracker_list").parsed.events
    (eta,) = (event for event in events if event.code == "eta_update")
    assert eta.occurred_at == utc(2025, 3, 6, 20)


def test_a_forecast_that_comes_back_counts_again():
    tree = json.loads((FIXTURES / "tracker_updated_in_transit.json").read_bytes())
    identities = []
    for day, expected in ((4, "06"), (5, "09"), (6, "06"), (6, "06")):
        tree["result"]["updated_at"] = f"2025-03-0{day}T10:00:00Z"
        tree["result"]["est_delivery_date"] = f"2025-03-{expected}T00:00:00Z"
        parsed = Adapter().parse_inbound(Inbound(json.dumps(tree).encode()), PROFILE)
        identities.append(parsed.events[-1].identity)
    assert len(set(identities)) == 3
    assert identities[2] == identities[3]


def test_details_without_status_detail():
    events = parse("tracker_updated_old_form").events
    assert [event.code for event in events] == [
        "in_transit",
        "exception",
        "return_started",
    ]


def test_a_tracker_nobody_knows_anything_of_says_nothing():
    parsed = parse("tracker_created_unknown")
    assert not parsed.events
    assert not parsed.problems
    assert parsed.ignored


def test_a_status_without_scans_is_dated_by_the_tracker():
    (event,) = parse("tracker_created_summary_only").events
    assert event.code == "label_created"
    assert event.occurred_at == utc(2025, 3, 7, 16, 10)


def test_an_unmapped_code_and_a_broken_time_leave_the_rest():
    parsed = parse("tracker_updated_odd")
    assert [event.code for event in parsed.events] == [
        "label_created",
        "unmapped",
        "departed",
    ]
    unmapped, broken = parsed.problems
    assert (unmapped.kind, unmapped.code) == ("unmapped_code", "teleported/beam")
    assert unmapped.text == "Beamed up"
    assert unmapped.reference == "1Z204E380338943599"
    assert broken.kind == "bad_value"
    assert broken.place == "result.tracking_details[2].datetime"


def test_events_about_other_things_are_ignored_with_a_reason():
    parsed = parse("refund_successful")
    assert parsed.ignored == "The event refund.successful is not about tracking."
    assert not parsed.events
    assert not parsed.problems


def test_every_status_with_every_detail_is_understood():
    for status in STATUSES:
        for code in [status, *(f"{status}/{detail}" for detail in DETAILS)]:
            assert PROFILE.find_code(code), code


@pytest.mark.parametrize("detail", ["", *(f"/{detail}" for detail in DETAILS)])
def test_unknown_is_never_taken_for_movement_unless_the_detail_says_so(detail):
    moves = {"in_transit", "departed", "arrived_at_hub", "transferred"}
    event = PROFILE.find_code(f"unknown{detail}")["event"]
    if detail in ("", "/unknown", "/status_update"):
        assert event == "info"
    assert event not in moves or detail[1:].split("_")[0] in (
        "in",
        "departed",
        "arrived",
        "transferred",
    )


@pytest.mark.parametrize(
    ("code", "event", "reason"),
    [
        ("pre_transit", "label_created", ""),
        ("return_to_sender", "return_started", ""),
        ("return_to_sender/refused", "return_started", "refused"),
        ("available_for_pickup", "available_for_pickup", ""),
        ("cancelled", "cancelled", ""),
        ("error", "no_data", ""),
        ("failure", "exception", ""),
        ("failure/refused", "refused", "refused"),
        ("failure/lost", "lost", "lost"),
        ("failure/damaged", "damaged", "damaged"),
        ("failure/delivery_exception", "delivery_attempted", ""),
        ("in_transit/held", "held", ""),
        ("in_transit/missorted", "misrouted", "missorted"),
        ("delivered/damaged", "delivered_damaged", "damaged"),
        ("delivered/anything_new", "delivered", ""),
    ],
)
def test_what_codes_mean(code, event, reason):
    row = PROFILE.find_code(code)
    assert (row["event"], row["reason"]) == (event, reason)


def test_an_error_is_never_an_event():
    missing = answer("error_not_found", 404)
    assert missing.ok
    (problem,) = missing.parsed.problems
    assert (problem.kind, problem.code) == ("no_data", "TRACKER.NOT_FOUND")
    busy = answer("error_rate_limited", 429)
    assert busy.error_class == "throttled"
    assert busy.parsed.problems[0].text == "You are being rate limited."
    assert not busy.parsed.events


def test_an_empty_list_is_no_data():
    result = answer("tracker_list_empty")
    assert result.ok
    assert [problem.kind for problem in result.parsed.problems] == ["no_data"]


def test_the_question_about_a_number():
    request = Adapter().build_request(
        "track", {"tracking_number": "EZ 1/2"}, PROFILE, environment="sandbox"
    )
    assert request.url == (
        "https://api.easypost.com/v2/trackers?tracking_code=EZ%201%2F2"
    )
    assert PROFILE.auth[request.auth]["scheme"] == "basic"


def sign(secret, text):
    key = unicodedata.normalize("NFKD", secret).encode()
    return "hmac-sha256-hex=" + hmac.new(key, text, "sha256").hexdigest()


def verdict(headers, body, now=None):
    return verify(
        PROFILE.webhook,
        headers=headers,
        body=body,
        method="POST",
        path="/logistics/v1/in/abc",
        secrets=["sécret"],
        now=now or utc(2025, 3, 7, 16, 10, 5),
    )


def test_pushes_are_signed():
    assert PROFILE.push == "fact"
    secrets = {field["name"]: field["secret"] for field in PROFILE.credentials}
    assert secrets[PROFILE.webhook["secret"]] is True
    body = (FIXTURES / "tracker_updated_delivered.json").read_bytes()
    # EasyPost normalises the secret (NFKD) before it signs.
    assert verdict({"x-hmac-signature": sign("sécret", body)}, body).trust == "content"
    assert not verdict({"x-hmac-signature": sign("sécret", body)}, body + b" ").ok
    assert not verdict({"x-hmac-signature": sign("secret", body)}, body).ok
    assert not verdict({}, body).ok


def test_the_newer_signature_has_a_time():
    body = b'{"object": "Event"}'
    sent = "Fri, 07 Mar 2025 16:10:00 +0000"
    text = f"{sent}POST/logistics/v1/in/abc".encode() + body
    headers = {"x-timestamp": sent, "x-hmac-signature-v2": sign("sécret", text)}
    assert verdict(headers, body).trust == "content"
    assert not verdict(headers, body, now=utc(2025, 3, 7, 17)).ok
