# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import json
from datetime import datetime, timezone
from pathlib import Path

import pytest

from odoo.addons.logistics_canonical.core.adapter import Adapter, Response
from odoo.addons.logistics_canonical.core.profile import load_profile

ADDON = Path(__file__).parents[2]
FIXTURES = ADDON / "tests" / "fixtures" / "royalmail"
PROFILE = load_profile(
    json.loads((ADDON / "profiles" / "royalmail.json").read_text(encoding="utf-8"))
)


def utc(*parts):
    return datetime(*parts, tzinfo=timezone.utc)


def answer(name, status=200, operation="track"):
    response = Response(status, {}, (FIXTURES / f"{name}.json").read_bytes())
    return Adapter().parse_response(
        operation, response, PROFILE, {"tracking_number": "AB123456785GB"}
    )


def test_the_events_of_one_mail_piece():
    parsed = answer("events").parsed
    assert not parsed.problems
    told = [(event.code, event.reason, event.occurred_at) for event in parsed.events]
    assert told == [
        ("label_created", "", utc(2025, 7, 1, 8)),
        ("handed_over", "", utc(2025, 7, 1, 15, 10)),
        ("arrived_at_hub", "", utc(2025, 7, 2, 1, 15)),
        ("out_for_delivery", "", utc(2025, 7, 3, 6, 20)),
        ("delivery_attempted", "consignee_absent", utc(2025, 7, 3, 10, 5)),
        ("eta_update", "", utc(2025, 7, 3, 14)),
    ]
    first = parsed.events[0]
    assert first.parcel == "AB123456785GB"
    # The number of the 2D barcode names the same piece.
    assert "0B0480000000000001234" in {ref.value for ref in first.references}
    assert parsed.events[1].location.name == "York PO"
    assert {event.zone_basis for event in parsed.events} == {"given"}


def test_a_delivery_with_its_signatory_ends_the_forecast():
    parsed = answer("events_delivered").parsed
    codes = [event.code for event in parsed.events]
    assert codes[-2:] == ["delivered", "unmapped"]
    assert "eta_update" not in codes
    signed = [event.extra.get("signed_by") for event in parsed.events]
    assert [name for name in signed if name] == ["PATEL"]
    assert parsed.events[-2].extra["signed_by"] == "PATEL"
    assert [(p.kind, p.code) for p in parsed.problems] == [("unmapped_code", "EVZZZ")]


def test_a_summary_tells_of_each_piece():
    parsed = answer("summary", operation="summary").parsed
    (event,) = parsed.events
    assert (event.code, event.occurred_at) == (
        "out_for_delivery",
        utc(2025, 7, 3, 6, 20),
    )
    (problem,) = parsed.problems
    assert (problem.kind, problem.code, problem.reference) == (
        "no_data",
        "E1142",
        "CD000000000GB",
    )
    # The same fact as in the list of events.
    assert event.identity in {e.identity for e in answer("events").parsed.events}


def test_a_signature_is_a_delivery_and_a_document():
    parsed = answer("signature", operation="signature").parsed
    (event,) = parsed.events
    assert (event.code, event.occurred_at) == ("delivered", utc(2025, 7, 4, 9, 30))
    ((kind, name, content_type, data),) = parsed.documents
    assert (kind, name, content_type, data) == (
        "signature",
        "77",
        "image/svg+xml",
        b"<svg/>",
    )


def test_an_unknown_barcode_is_no_data():
    result = answer("error_unknown", 404)
    assert result.ok
    (problem,) = result.parsed.problems
    assert (problem.kind, problem.code) == ("no_data", "E1142")
    assert problem.text == "Barcode reference is not recognised"


@pytest.mark.parametrize("status", [200, 503])
def test_unavailable_is_worth_another_try_whatever_http_says(status):
    result = answer("error_unavailable", status)
    assert not result.ok
    assert result.error_class == "transient"
    assert result.parsed.problems[0].code == "E1307"
    assert not result.parsed.events


def test_other_errors_keep_what_royal_mail_says():
    result = answer("error_new", 400)
    assert result.error_class == "rejected"
    (problem,) = result.parsed.problems
    assert (problem.code, problem.text) == ("E9999", "Something else; And more")
    bare = answer("error_bare", 500)
    assert bare.error_class == "transient"
    assert (bare.parsed.problems[0].code, bare.parsed.problems[0].text) == (
        "500",
        "HTTP 500",
    )


@pytest.mark.parametrize(
    ("code", "event"),
    [
        ("EVKDN", "delivered_to_neighbour"),
        ("EVKLC", "available_for_pickup"),
        ("EVPLC", "delivered"),
        ("EVRTS", "returned"),
        ("EVKRF", "refused"),
        ("EVNMI", "misrouted"),
    ],
)
def test_what_codes_mean(code, event):
    assert PROFILE.find_code(code)["event"] == event


def test_the_question_and_its_headers():
    request = Adapter().build_request(
        "track", {"tracking_number": "AB 1"}, PROFILE, environment="production"
    )
    assert request.url == "https://api.royalmail.net/mailpieces/v2/AB%201/events"
    auth = PROFILE.auth[request.auth]
    assert set(auth["headers"]) == {"X-IBM-Client-Id", "X-IBM-Client-Secret"}
