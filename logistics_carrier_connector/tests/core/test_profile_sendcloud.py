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
FIXTURES = ADDON / "tests" / "fixtures" / "sendcloud"
PROFILE = load_profile(
    json.loads((ADDON / "profiles" / "sendcloud.json").read_text(encoding="utf-8"))
)


def utc(*parts):
    return datetime(*parts, tzinfo=timezone.utc)


def parse(name, **inbound):
    body = (FIXTURES / f"{name}.json").read_bytes()
    return Adapter().parse_inbound(
        Inbound(body, "application/json", **inbound), PROFILE
    )


def one(name, **inbound):
    parsed = parse(name, **inbound)
    assert not parsed.problems
    (event,) = parsed.events
    return event


def answer(name, status=200, number="3SABCD0123456"):
    response = Response(status, {}, (FIXTURES / f"{name}.json").read_bytes())
    return Adapter().parse_response(
        "track", response, PROFILE, {"tracking_number": number}
    )


# -- webhooks ---------------------------------------------------------------------


def test_a_status_happened_when_the_carrier_says():
    event = one("webhook_delivered_ms")
    assert event.code == "delivered"
    assert event.occurred_at == utc(2025, 3, 7, 14, 9)
    assert event.reported_at.replace(microsecond=0) == utc(2025, 3, 7, 14, 10, 5)
    assert event.parcel == "3SABCD0123456"
    assert {(ref.type, ref.value) for ref in event.references} == {
        ("tracking_number", "3SABCD0123456"),
        ("carrier_parcel_id", "91001"),
        ("carrier_shipment_id", "0d2f5a34-5a61-4e0e-9b8e-3c1f2d7a9b10"),
        ("sales_order", "S00042"),
        ("customer_reference", "OUT/00017"),
    }
    assert event.extra["carrier"] == "postnl"


def test_the_consignees_address_is_not_where_it_happened():
    assert one("webhook_delivered_ms").location.city == ""


def test_seconds_are_told_from_milliseconds():
    event = one("webhook_driver_en_route_seconds")
    assert event.code == "out_for_delivery"
    assert event.occurred_at == utc(2025, 3, 7, 10)


def test_without_a_time_none_is_made_up():
    event = one("webhook_no_time")
    assert event.code == "ready_to_ship"
    assert event.occurred_at is None


def test_before_it_has_a_number_a_parcel_is_found_by_its_order():
    event = one("webhook_no_number_yet")
    assert event.parcel == ""
    assert ("sales_order", "S00043") in [
        (ref.type, ref.value) for ref in event.references
    ]


def test_an_unmapped_status_is_surfaced():
    parsed = parse("webhook_unmapped")
    assert [event.code for event in parsed.events] == ["unmapped"]
    (problem,) = parsed.problems
    assert (problem.kind, problem.code) == ("unmapped_code", "77777")
    assert problem.text == "Parcel adopted by a museum"


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("webhook_integration_deleted", "integration_deleted"),
        ("webhook_return_created", "return_created"),
        ("event_test", "parcel.created"),
    ],
)
def test_other_webhooks_are_ignored_with_a_reason(name, word):
    parsed = parse(name)
    assert word in parsed.ignored
    assert not parsed.events
    assert not parsed.problems


def test_event_subscriptions():
    event = one("event_in_transit")
    assert event.code == "in_transit"
    assert event.occurred_at == utc(2025, 3, 4, 10, 30)
    assert event.location.city == "Eindhoven"
    assert event.location.country == "NL"
    assert event.location.name == "Depot 0512"
    held = one("event_customs_issue")
    assert (held.code, held.reason) == ("customs_hold", "customs_documents")
    # Delivered, but back where it came from.
    assert one("event_returned").code == "returned"


# -- answers ----------------------------------------------------------------------


def test_v2_tracking():
    parsed = answer("v2_tracking").parsed
    assert not parsed.problems
    told = [(event.code, event.occurred_at) for event in parsed.events]
    assert told[:4] == [
        ("delivered", utc(2025, 3, 7, 13, 9)),
        ("out_for_delivery", utc(2025, 3, 7, 10, 0, 0, 500000)),
        ("arrived_at_hub", utc(2025, 3, 4, 2, 30)),
        ("ready_to_ship", utc(2025, 3, 3, 8, 15, 4)),
    ]
    (eta,) = parsed.events[4:]
    assert (eta.code, eta.classifier) == ("eta_update", "estimated")
    assert eta.zone_basis == "date"
    assert eta.occurred_at == utc(2025, 3, 7, 11)  # noon in Amsterdam
    assert {event.parcel for event in parsed.events} == {"3SABCD0123456"}
    assert parsed.events[0].partner_text == "De zending is bezorgd"


def test_v2_tracking_names_its_parcel_even_unasked():
    assert {event.parcel for event in parse("v2_tracking").events} == {"3SABCD0123456"}


def test_v2_parcels():
    waiting, refused = answer("v2_parcels").parsed.events
    assert waiting.code == "available_for_pickup"
    assert waiting.occurred_at == utc(2025, 3, 7, 14, 30)
    assert waiting.zone_basis == "connector"
    assert (refused.code, refused.reason) == ("refused", "refused")
    assert refused.parcel == "3SABCD0123999"
    assert refused.occurred_at is None


def test_v3_tracking():
    parsed = answer("v3_tracking", number="05212345678901").parsed
    assert not parsed.problems
    told = [(e.code, e.reason, e.occurred_at) for e in parsed.events[:5]]
    assert told == [
        ("label_created", "", utc(2025, 3, 3, 8, 15, 4)),
        ("received_at_origin", "", utc(2025, 3, 3, 17)),
        ("delayed", "weather", utc(2025, 3, 5, 5)),
        ("delivery_attempted", "consignee_absent", utc(2025, 3, 6, 11)),
        ("delivered_to_neighbour", "", utc(2025, 3, 7, 12, 30)),
    ]
    assert parsed.events[0].extra["origin"] == "internal"
    assert parsed.events[5].code == "eta_update"
    assert {event.parcel for event in parsed.events} == {"05212345678901"}


@pytest.mark.parametrize(
    ("name", "status", "kind", "code", "error_class"),
    [
        ("v2_tracking_not_found", 404, "no_data", "NoSuchKey", ""),
        ("v2_error", 401, "partner_error", "401", "auth"),
        ("v3_not_found", 404, "no_data", "not_found", ""),
        ("v3_validation_error", 422, "partner_error", "string_too_long", "rejected"),
    ],
)
def test_errors_are_never_events(name, status, kind, code, error_class):
    result = answer(name, status)
    assert result.error_class == error_class
    assert not result.parsed.events
    (problem,) = result.parsed.problems
    assert (problem.kind, problem.code) == (kind, code)
    assert problem.text
    assert problem.reference == "3SABCD0123456"


def test_the_question_about_a_number():
    request = Adapter().build_request("track", {"tracking_number": "05/21"}, PROFILE)
    assert request.url == ("https://panel.sendcloud.sc/api/v3/parcels/tracking/05%2F21")


# -- codes ------------------------------------------------------------------------

# The ids GET /api/v2/parcels/statuses lists, and what people read beside them.
V2_STATUSES = {
    1: "Announced",
    3: "En route to sorting center",
    4: "Delivery delayed",
    5: "Sorted",
    6: "Not sorted",
    7: "Being sorted",
    8: "Delivery attempt failed",
    11: "Delivered",
    12: "Awaiting customer pickup",
    13: "Announced: not collected",
    15: "Error collecting",
    22: "Shipment picked up by driver",
    80: "Unable to deliver",
    91: "Parcel en route",
    92: "Driver en route",
    93: "Shipment collected by customer",
    999: "No label",
    1000: "Ready to send",
    1001: "Being announced",
    1002: "Announcement failed",
    1337: "Unknown status",
    1998: "Cancelled upstream",
    1999: "Cancellation requested",
    2000: "Cancelled",
    2001: "Submitting cancellation request",
    62989: "At customs",
    62990: "At sorting centre",
    62991: "Refused by recipient",
    62992: "Returned to sender",
    62993: "Delivery method changed",
    62994: "Delivery date changed",
    62995: "Delivery address changed",
    62996: "Exception",
    62997: "Address invalid",
}
PARENT_STATUSES = (
    "ready-to-send announced to-sorting delayed sorted unsorted sorting "
    "delivery-failed delivered awaiting-customer-pickup announced-uncollected "
    "collect-error unsorted2 undeliverable shipment-on-route driver-on-route "
    "picked-up-by-driver collected-by-customer no-label announcing "
    "cancelling-upstream cancelling cancelled cancelled-upstream unknown "
    "announcement-failed at-customs at-sorting-centre refused-by-recipient "
    "returned-to-sender delivery-method-changed delivery-date-changed "
    "delivery-address-changed exception address-invalid"
).split()
# The phases and exceptions of the v3 event subscriptions API.
PHASES = (
    "accepted announced announcing attempted cancelled customs delivered dropped "
    "in_delivery in_transit labelled none no_label pup ready_to_send sorted unknown"
).split()
EXCEPTIONS = (
    "address_error announcement_failed cancellation_failed cancelled "
    "cancelled_upstream cancelling cancelling_upstream changed claim claimable "
    "customer_rejected customer_support customs_issue damaged delay_unknown "
    "delivery_delay dropoff_expiration handover_delay hold missing non_conformity "
    "off_radar pup_expiration refused relabelled returned_sender sorting_delay "
    "unknown"
).split()


def test_every_documented_status_is_understood():
    for code, text in V2_STATUSES.items():
        assert PROFILE.find_code(str(code))["text"] == text
    for slug in PARENT_STATUSES:
        assert PROFILE.find_code(slug), slug
    for status in [*PHASES, *EXCEPTIONS]:
        assert PROFILE.find_code(f"v3/{status}/none"), status


@pytest.mark.parametrize(
    ("code", "event"),
    [
        ("8", "delivery_attempted"),
        ("22", "picked_up"),
        ("91", "in_transit"),
        ("93", "delivered"),
        ("1002", "exception"),
        ("1337", "info"),
        ("2000", "cancelled"),
        ("62992", "returned"),
        ("awaiting-customer-pickup", "available_for_pickup"),
        ("v3/attempted/none", "delivery_attempted"),
        ("v3/pup/none", "available_for_pickup"),
        ("v3/delivered/partly", "partially_delivered"),
        ("v3/customs/passed", "customs_released"),
        ("v3/off_radar/none", "missing"),
        ("v3/unknown/none", "info"),
        ("v3/returned_sender/in_transit", "return_in_transit"),
    ],
)
def test_what_codes_mean(code, event):
    assert PROFILE.find_code(code)["event"] == event


def test_an_id_is_no_wildcard():
    for code in ("2", "9", "10", "110", "v3", "v3/new_phase/none"):
        assert PROFILE.find_code(code) is None


def test_a_push_is_believed_when_its_raw_body_is_signed():
    # The example of Sendcloud's own webhook documentation.
    signature = "1eed4b3d41f4653ac64fd56f1bf1cbfd349e4482cbc11dff7134bd93e5da4b0a"

    def trust(body):
        return verify(
            PROFILE.webhook,
            headers={"sendcloud-signature": signature},
            body=body,
            secrets=["secretkey"],
            now=utc(2025, 3, 7),
        ).trust

    assert PROFILE.push == "fact"
    assert trust(b'{"key": "value"}') == "content"
    assert trust(b'{"key":"value"}') == "none"
