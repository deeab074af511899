# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import json
from datetime import datetime, timezone
from pathlib import Path

import pytest

from odoo.addons.logistics_canonical.core.adapter import Adapter, Response
from odoo.addons.logistics_canonical.core.profile import load_profile

ADDON = Path(__file__).parents[2]
FIXTURES = ADDON / "tests" / "fixtures" / "fedex"
PROFILE = load_profile(
    json.loads((ADDON / "profiles" / "fedex.json").read_text(encoding="utf-8"))
)


def utc(*parts):
    return datetime(*parts, tzinfo=timezone.utc)


def answer(name, status=200):
    response = Response(status, {}, (FIXTURES / f"{name}.json").read_bytes())
    return Adapter().parse_response(
        "track", response, PROFILE, {"tracking_number": "449044304137821"}
    )


def test_a_whole_journey():
    parsed = answer("delivered").parsed
    assert not parsed.problems
    told = [(event.code, event.reason, event.occurred_at) for event in parsed.events]
    assert told == [
        ("delivered", "", utc(2025, 2, 6, 17, 41, 57)),
        ("out_for_delivery", "", utc(2025, 2, 6, 13, 2)),
        ("delivery_attempted", "consignee_absent", utc(2025, 2, 5, 21, 20)),
        # Without an offset the clock of Boston counts.
        ("arrived_at_hub", "", utc(2025, 2, 5, 12, 10)),
        ("delayed", "weather", utc(2025, 2, 5, 4, 30)),
        ("picked_up", "", utc(2025, 2, 4, 0, 0)),
        ("label_created", "", utc(2025, 2, 3, 17, 0)),
    ]
    assert [event.zone_basis for event in parsed.events].count("place") == 1
    first = parsed.events[0]
    assert (first.parcel, first.extra["signed_by"]) == ("449044304137821", "S.KIM")
    assert first.sequence > parsed.events[1].sequence
    assert "signed_by" not in parsed.events[1].extra


def test_one_answer_about_several_numbers():
    parsed = answer("on_the_way").parsed
    told = [
        (event.parcel[-2:], event.code, event.reason)
        for event in parsed.events
        if event.code != "eta_update"
    ]
    assert told == [
        ("21", "delayed", "weather"),
        ("21", "picked_up", ""),
        ("21", "label_created", ""),
        ("32", "picked_up", ""),
        ("32", "label_created", ""),
        ("54", "return_started", ""),
        ("54", "refused", "refused"),
        ("54", "unmapped", ""),
    ]
    problems = [(p.kind, p.code, p.reference[-2:]) for p in parsed.problems]
    assert sorted(problems) == [
        ("no_data", "TRACKING.TRACKINGNUMBER.NOTFOUND", "43"),
        ("unmapped_code", "Q7", "54"),
    ]


def test_expected_and_promised_delivery():
    etas = [
        (eta.parcel[-2:], eta.classifier, eta.occurred_at, eta.zone_basis)
        for eta in answer("on_the_way").parsed.events
        if eta.code == "eta_update"
    ]
    assert sorted(etas) == [
        # Midnight stands for the day, so noon of that day in Boston.
        ("21", "estimated", utc(2025, 2, 6, 17), "date"),
        ("21", "planned", utc(2025, 2, 5, 15, 30), "given"),
        ("32", "estimated", utc(2025, 2, 6, 22), "given"),
    ]


def test_a_status_without_scans_is_one_event():
    (event,) = answer("status_only").parsed.events
    assert event.code == "delivered"
    assert event.occurred_at == utc(2025, 2, 6, 17, 41, 57)


@pytest.mark.parametrize("status", [200, 401])
def test_a_refused_token_is_a_matter_of_access(status):
    result = answer("error_login", status)
    assert result.error_class == "auth"
    (problem,) = result.parsed.problems
    assert (problem.code, problem.text) == (
        "NOT.AUTHORIZED.ERROR",
        "Access token expired.",
    )


def test_a_proof_of_delivery_is_a_document_and_no_event():
    parsed = answer("proof_of_delivery").parsed
    assert not parsed.events
    assert not parsed.problems
    ((kind, _name, content_type, data),) = parsed.documents
    assert (kind, content_type, data) == (
        "proof_of_delivery",
        "application/pdf",
        b"%PDF-1.4\n",
    )


@pytest.mark.parametrize(
    ("code", "event"),
    [
        ("DL", "delivered"),
        ("HL", "available_for_pickup"),
        ("CD", "customs_hold"),
        ("CA", "cancelled"),
        ("DE/03", "address_problem"),
        ("DE/99", "exception"),
        ("DE/007", "delivery_attempted"),
        ("SE", "exception"),
    ],
)
def test_what_codes_mean(code, event):
    assert PROFILE.find_code(code)["event"] == event


def test_the_question_about_numbers():
    request = Adapter().build_request(
        "track",
        {"tracking_number": "1", "tracking_numbers": ["1", "2"]},
        PROFILE,
        environment="sandbox",
    )
    assert request.url == "https://apis-sandbox.fedex.com/track/v1/trackingnumbers"
    body = json.loads(request.body)
    assert [
        item["trackingNumberInfo"]["trackingNumber"] for item in body["trackingInfo"]
    ] == ["1", "2"]
    assert body["includeDetailedScans"] is True
    assert PROFILE.auth[request.auth]["client_auth"] == "body"
