# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import json
from datetime import datetime, timezone
from pathlib import Path

import pytest

from odoo.addons.logistics_canonical.core.adapter import Adapter, Inbound, Response
from odoo.addons.logistics_canonical.core.profile import load_profile
from odoo.addons.logistics_canonical.core.webhook import verify

ADDON = Path(__file__).parents[2]
FIXTURES = ADDON / "tests" / "fixtures" / "ups"
DATA = json.loads((ADDON / "profiles" / "ups.json").read_text(encoding="utf-8"))
PROFILE = load_profile(DATA)
FACT = load_profile({**DATA, "push": "fact"})


def utc(*parts):
    return datetime(*parts, tzinfo=timezone.utc)


def answer(name, status=200):
    response = Response(status, {}, (FIXTURES / f"{name}.json").read_bytes())
    return Adapter().parse_response(
        "track", response, PROFILE, {"tracking_number": "1Z999AA10123456784"}
    )


def push(name, profile=FACT):
    body = (FIXTURES / f"{name}.json").read_bytes()
    return Adapter().parse_inbound(Inbound(body, "application/json"), profile)


def test_a_whole_journey():
    parsed = answer("delivered").parsed
    assert not parsed.problems
    told = [(event.code, event.reason, event.occurred_at) for event in parsed.events]
    assert told == [
        ("delivered", "", utc(2024, 3, 22, 14, 15)),
        # No GMT fields: New Jersey is four hours behind in March after the 10th.
        ("out_for_delivery", "", utc(2024, 3, 22, 11, 30)),
        ("customs_released", "", utc(2024, 3, 19, 20, 38, 29)),
        ("customs_in_progress", "", utc(2024, 3, 19, 17, 16, 5)),
        ("customs_hold", "customs_documents", utc(2024, 3, 19, 14)),
        ("departed", "", utc(2024, 3, 18, 21, 10)),
        ("received_at_origin", "", utc(2024, 3, 18, 19, 3, 6)),
        ("picked_up", "", utc(2024, 3, 18, 14, 44, 3)),
        ("label_created", "", utc(2024, 3, 18, 11, 49, 17)),
    ]
    first, second = parsed.events[:2]
    assert first.partner_code == "D/FS"
    assert first.extra["signed_by"] == "LOPEZ"
    assert "signed_by" not in second.extra
    assert (first.zone_basis, second.zone_basis) == ("given", "place")
    # The newest comes first.
    assert first.sequence > second.sequence


def test_packages_are_told_apart_and_what_is_unclear_is_said():
    parsed = answer("two_packages").parsed
    events = {(event.parcel[-2:], event.code): event for event in parsed.events}
    assert ("84", "label_created") in events
    assert events["93", "customs_in_progress"].partner_code == "X/092"
    assert events["93", "customs_in_progress"].occurred_at == utc(
        2024, 3, 20, 11, 8, 38
    )
    assert events["93", "unmapped"].partner_code == "I/Q9"
    # A local time in a country with several zones and no state can't be placed.
    assert sorted(problem.kind for problem in parsed.problems) == [
        "bad_value",
        "unmapped_code",
    ]
    etas = [event for event in parsed.events if event.code == "eta_update"]
    assert [(eta.classifier, eta.occurred_at) for eta in etas] == [
        ("planned", utc(2024, 3, 21, 17, 15)),
        ("estimated", utc(2024, 3, 22, 17, 15)),
    ]


def test_what_only_the_numbered_status_says():
    parsed = answer("status_only").parsed
    assert not parsed.problems
    told = {event.parcel[-2:]: event for event in parsed.events}
    delivered, moving = told["84"], told["93"]
    assert (delivered.code, delivered.occurred_at) == (
        "delivered",
        utc(2024, 3, 22, 14, 15),
    )
    # Nobody knows the activity Q8, but UPS numbers it as on the way.
    assert (moving.code, moving.partner_code) == ("in_transit", "I/005")
    assert moving.extra["activity_code"] == "Q8"


def test_a_warning_in_a_good_answer_is_no_data():
    result = answer("not_found")
    assert result.ok
    (problem,) = result.parsed.problems
    assert (problem.kind, problem.code) == ("no_data", "TW0001")
    assert not result.parsed.events


@pytest.mark.parametrize("status", [200, 401])
def test_a_refused_token_is_a_matter_of_access(status):
    result = answer("error_token", status)
    assert result.error_class == "auth"
    (problem,) = result.parsed.problems
    assert (problem.kind, problem.code) == ("partner_error", "250002")


def test_a_push_is_only_a_hint():
    parsed = push("alert_exception", PROFILE)
    assert not parsed.events
    (hint,) = parsed.hints
    assert (hint.type, hint.value) == ("tracking_number", "1Z999AA10123456784")


def test_a_push_taken_as_fact_is_the_same_event_as_in_the_answer():
    event, eta = push("alert_exception").events
    polled = {event.identity for event in answer("delivered").parsed.events}
    assert event.code == "customs_in_progress"
    assert event.identity in polled
    assert (eta.code, eta.classifier, eta.zone_basis) == (
        "eta_update",
        "planned",
        "date",
    )


def test_a_push_with_local_time_only_is_placed():
    (event,) = push("alert_local_only").events
    assert (event.code, event.occurred_at) == (
        "out_for_delivery",
        utc(2024, 3, 22, 11, 30),
    )
    assert event.zone_basis == "place"


@pytest.mark.parametrize(
    ("code", "event"),
    [
        ("M/MP", "label_created"),
        ("MV", "cancelled"),
        ("D/KB", "delivered"),
        ("D/040", "available_for_pickup"),
        ("I/YP", "arrived_at_destination"),
        ("X/064", "refused"),
        ("X/035", "return_started"),
        ("X/034", "returned"),
        ("X/anything", "exception"),
    ],
)
def test_what_codes_mean(code, event):
    assert PROFILE.find_code(code)["event"] == event


def test_on_the_way_is_never_assumed():
    assert PROFILE.find_code("I/ZZ") is None
    assert PROFILE.find_code("Q") is None


def test_the_question_and_the_credential():
    request = Adapter().build_request(
        "track", {"tracking_number": "1Z9 1"}, PROFILE, environment="sandbox"
    )
    assert request.url.startswith(
        "https://wwwcie.ups.com/api/track/v1/details/1Z9%201?"
    )
    assert {"transId", "transactionSrc"} <= set(request.headers)
    auth = PROFILE.auth[request.auth]
    assert (auth["scheme"], auth["client_auth"]) == (
        "oauth2_client_credentials",
        "basic",
    )

    def verdict(headers):
        return verify(
            PROFILE.webhook,
            headers=headers,
            body=b"{}",
            secrets=["shared"],
            now=utc(2024, 3, 22),
        )

    assert verdict({"credential": "shared"}).trust == "sender"
    assert not verdict({"credential": "other"}).ok
    assert not verdict({}).ok
