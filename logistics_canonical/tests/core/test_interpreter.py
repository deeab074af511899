# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import json
from datetime import datetime, timezone

import pytest

from odoo.addons.logistics_canonical.core.adapter import Adapter, Inbound, Response
from odoo.addons.logistics_canonical.core.expressions import (
    ExpressionError,
    compile_json,
    compile_xml,
)
from odoo.addons.logistics_canonical.core.places import country_code
from odoo.addons.logistics_canonical.core.profile import load_profile


def utc(*parts):
    return datetime(*parts, tzinfo=timezone.utc)


def profile(**parts):
    """Return a profile for shipments → packages → scans, with parts replaced."""
    return load_profile(
        {
            "format": 1,
            "key": "acme",
            "name": "Acme Parcels",
            "version": 1,
            "endpoints": {"production": "https://api.acme.example"},
            "operations": {"track": {"method": "GET", "path": "/t"}},
            "messages": [message()],
            "codes": {
                "PU": "picked_up",
                "DL": {"event": "delivered", "text": "Delivered"},
                "EX/*": "exception",
                "EX/12": {"event": "refused", "reason": "refused"},
            },
            **parts,
        }
    )


def message(**parts):
    return {
        "name": "shipments",
        "label": "Shipment list",
        "when": "message.shipments",
        "events": [block()],
        **parts,
    }


def block(**parts):
    return {
        "levels": [
            {"name": "shipment", "path": "message.shipments"},
            {"name": "package", "path": "shipment.packages"},
            {"name": "scan", "path": "package.scans"},
        ],
        "references": [
            {"type": "tracking_number", "value": "package.number"},
            {"type": "carrier_shipment_id", "value": "shipment.id"},
        ],
        "code": ["scan.code", "scan.reason"],
        "text": ["scan.words", "scan.label"],
        "time": "scan.at",
        "location": {
            "city": "scan.city",
            "state": "scan.state",
            "country": "scan.country",
            "code": "scan.depot",
        },
        **parts,
    }


def scan(**parts):
    return {"code": "PU", "at": "2024-03-01T10:00:00+01:00", **parts}


def shipments(*scans):
    return {
        "shipments": [
            {"id": "S1", "packages": [{"number": "1Z 999", "scans": list(scans)}]}
        ]
    }


def parse(tree, prof=None, **inbound):
    body = tree if isinstance(tree, bytes) else json.dumps(tree).encode()
    return Adapter().parse_inbound(Inbound(body, **inbound), prof or profile())


def one(tree, prof=None, **inbound):
    parsed = parse(tree, prof, **inbound)
    assert not parsed.problems
    (event,) = parsed.events
    return event


# -- levels and values ---------------------------------------------------------


def test_values_come_from_every_level():
    tree = {
        "shipments": [
            {
                "id": "S1",
                "packages": [
                    {"number": "A", "scans": [scan(), scan(code="DL")]},
                    {"number": "B", "scans": [scan(code="DL")]},
                ],
            },
            {"id": "S2", "packages": [{"number": "C", "scans": [scan()]}]},
        ]
    }
    found = [
        (event.parcel, event.references[1].value, event.code)
        for event in parse(tree).events
    ]
    assert found == [
        ("A", "S1", "picked_up"),
        ("A", "S1", "delivered"),
        ("B", "S1", "delivered"),
        ("C", "S2", "picked_up"),
    ]


def test_one_object_in_place_of_a_list_is_visited():
    tree = {"shipments": {"id": "S1", "packages": {"number": "A", "scans": scan()}}}
    assert one(tree).parcel == "A"


@pytest.mark.parametrize("hole", [None, [], {}, "", "text", 7, [None], [[]]])
def test_a_level_without_nodes_gives_no_event(hole):
    tree = {"shipments": [{"id": "S", "packages": hole}]}
    parsed = parse(tree)
    assert not parsed.events
    assert not parsed.problems
    assert parsed.ignored == "Shipment list: no event in it yet"


def test_the_first_text_that_says_something_wins():
    assert one(shipments(scan(words="", label=" Abgeholt "))).partner_text == "Abgeholt"
    assert one(shipments(scan(words="Collected"))).partner_text == "Collected"
    # Without words of its own an event gets the table's.
    assert one(shipments(scan(code="DL"))).partner_text == "Delivered"


def test_numbers_are_texts_and_zero_is_something():
    tree = shipments(scan(code=0))
    prof = profile(codes={"0": "picked_up"})
    assert one(tree, prof).partner_code == "0"


def test_pattern_map_case_and_join():
    events = [
        block(
            code={"path": "scan.words", "pattern": r"^\[(\w+)\]", "case": "upper"},
            text={"join": ["scan.words", "scan.none", "scan.city"], "with": " / "},
            classifier={"path": "scan.kind", "map": {"PLN": "planned"}},
        )
    ]
    event = one(
        shipments(scan(words="[dl] at door", city="Bonn", kind="PLN")),
        profile(messages=[message(events=events)]),
    )
    assert event.partner_code == "DL"
    assert event.partner_text == "[dl] at door / Bonn"
    assert event.classifier == "planned"


def test_several_references_of_one_kind():
    events = [
        block(
            references=[
                {"type": "tracking_number", "value": "package.number"},
                {
                    "type": "customer_reference",
                    "value": "shipment.refs[?type=='PO'].value",
                },
            ]
        )
    ]
    tree = shipments(scan())
    tree["shipments"][0]["refs"] = [
        {"type": "PO", "value": "P1"},
        {"type": "XX", "value": "no"},
        {"type": "PO", "value": "P2"},
        {"type": "PO", "value": "P1"},
    ]
    event = one(tree, profile(messages=[message(events=events)]))
    assert [ref.value for ref in event.references] == ["1Z 999", "P1", "P2"]
    assert event.parcel == "1Z 999"


def test_an_answer_without_a_number_is_about_what_was_asked():
    tree = shipments(scan())
    del tree["shipments"][0]["packages"][0]["number"]
    del tree["shipments"][0]["id"]
    event = one(tree, operation="track", request={"tracking_number": "ASKED"})
    assert event.parcel == "ASKED"
    # A push that names nothing is a problem: nobody could say whose event it is.
    parsed = parse(tree)
    assert not parsed.events
    assert [(p.kind, p.code) for p in parsed.problems] == [("bad_value", "PU")]


# -- codes ------------------------------------------------------------------------


def test_code_parts_are_joined_and_looked_up():
    assert one(shipments(scan(code="EX", reason="12"))).code == "refused"
    assert one(shipments(scan(code="EX", reason="12"))).reason == "refused"
    assert one(shipments(scan(code="EX", reason="99"))).code == "exception"
    assert one(shipments(scan(code="EX"))).code == "exception"


@pytest.mark.parametrize("code", ["ZZ", "pu", "PU/7", "", None])
def test_an_unmapped_code_is_recorded_and_surfaced_and_moves_nothing(code):
    parsed = parse(shipments(scan(code=code, words="Who knows"), scan(code="DL")))
    unknown, known = parsed.events
    assert unknown.code == "unmapped"
    assert unknown.partner_text == "Who knows"
    assert unknown.occurred_at == utc(2024, 3, 1, 9)
    assert known.code == "delivered"
    (problem,) = parsed.problems
    assert problem.kind == "unmapped_code"
    assert problem.code == (code or "")
    assert problem.text == "Who knows"
    assert problem.reference == "1Z 999"
    assert problem.place == "shipments[0].packages[0].scans[0]"


def test_reason_table_wins_over_the_codes_own_and_an_unknown_one_is_kept():
    events = [block(code="scan.code", reason="scan.why")]
    prof = profile(
        messages=[message(events=events)],
        codes={"EX": {"event": "exception", "reason": "weather"}},
        reasons={"07": "customs_inspection"},
    )
    assert one(shipments(scan(code="EX", why="07")), prof).reason == (
        "customs_inspection"
    )
    assert one(shipments(scan(code="EX")), prof).reason == "weather"
    odd = one(shipments(scan(code="EX", why="99")), prof)
    assert odd.reason == "weather"
    assert odd.extra == {"partner_reason": "99"}


# -- times ------------------------------------------------------------------------


def test_an_offset_is_never_dropped():
    event = one(shipments(scan(at="2024-08-20T12:41:57-04:00")))
    assert event.occurred_at == utc(2024, 8, 20, 16, 41, 57)
    assert event.occurred_text == "2024-08-20T12:41:57-04:00"
    assert event.zone_basis == "given"


def test_gmt_fields_before_local_ones():
    time = [
        {
            "date": "scan.gmt_date",
            "text": "scan.gmt_time",
            "format": "%Y%m%d%H%M%S",
            "zone": {"value": "UTC"},
        },
        {"date": "scan.date", "text": "scan.time", "format": "%Y%m%d%H%M%S"},
    ]
    prof = profile(
        messages=[message(events=[block(time=time)])], zone="America/New_York"
    )
    both = scan(gmt_date="20240423", gmt_time="135004", date="20240423", time="095004")
    event = one(shipments(both), prof)
    assert event.occurred_at == utc(2024, 4, 23, 13, 50, 4)
    assert event.zone_basis == "given"
    local = one(shipments(scan(date="20240423", time="095004")), prof)
    assert local.occurred_at == utc(2024, 4, 23, 13, 50, 4)
    assert local.zone_basis == "connector"


def test_an_offset_field_of_its_own():
    time = {"text": "scan.local", "offset": "scan.offset"}
    prof = profile(messages=[message(events=[block(time=time)])])
    event = one(shipments(scan(local="2024-11-22T13:58:00", offset="-05:00")), prof)
    assert event.occurred_at == utc(2024, 11, 22, 18, 58)
    assert event.zone_basis == "given"


@pytest.mark.parametrize(
    ("where", "hour", "basis"),
    [
        ({"depot": "LEJ"}, 8, "place"),  # the profile's own table
        ({"country": "JP"}, 1, "place"),  # a country with one zone
        ({"country": "GBR"}, 10, "place"),
        ({"country": "US", "state": "CA"}, 18, "place"),
        ({"country": "US", "state": "FL"}, 9, "connector"),  # two zones: not guessed
        ({}, 9, "connector"),
    ],
)
def test_local_time_takes_the_zone_of_the_place(where, hour, basis):
    prof = profile(
        messages=[message(events=[block(time={"text": "scan.at", "place": True})])],
        zone="Europe/Madrid",
        zones={"LEJ": "Europe/Athens"},
    )
    event = one(shipments(scan(at="2024-01-10T10:00:00", **where)), prof)
    assert event.occurred_at == utc(2024, 1, 10, hour)
    assert event.zone_basis == basis


def test_local_time_without_any_zone_is_a_problem_not_utc():
    parsed = parse(shipments(scan(at="2024-01-10T10:00:00")))
    assert not parsed.events
    assert [problem.kind for problem in parsed.problems] == ["bad_value"]


@pytest.mark.parametrize(
    "at", ["yesterday", "2024-13-01T00:00:00Z", {"d": 1}, "", None, "9" * 400, [1]]
)
def test_one_unreadable_event_leaves_the_others(at):
    parsed = parse(shipments(scan(), scan(code="DL", at=at), scan(code="DL")))
    assert [event.code for event in parsed.events] == ["picked_up", "delivered"]
    (problem,) = parsed.problems
    assert problem.kind == "bad_value"
    assert problem.code == "DL"
    assert problem.reference == "1Z 999"
    assert problem.place.startswith("shipments[0].packages[0].scans[1]")


def test_an_event_may_stand_without_a_time_where_the_profile_says_so():
    prof = profile(messages=[message(events=[block(time_required=False)])])
    event = one(shipments(scan(at=None)), prof)
    assert event.occurred_at is None
    assert event.occurred_text == ""


def test_an_estimate_is_an_estimate():
    eta = {
        "levels": [{"name": "shipment", "path": "message.shipments"}],
        "references": [{"type": "carrier_shipment_id", "value": "shipment.id"}],
        "event": "eta_update",
        "classifier": {"value": "estimated"},
        "code": {"value": "eta"},
        "time": {"date": "shipment.eta"},
        "when": "shipment.eta",
    }
    prof = profile(messages=[message(events=[eta])], zone="Europe/Berlin")
    tree = {"shipments": [{"id": "S1", "eta": "2024-07-05"}, {"id": "S2"}]}
    event = one(tree, prof)
    assert (event.code, event.classifier) == ("eta_update", "estimated")
    # Only the day is known: noon where the partner is.
    assert event.occurred_at == utc(2024, 7, 5, 10)
    assert event.zone_basis == "date"
    assert event.parcel == ""


def test_position_in_the_list_settles_equal_times():
    def sequences(order):
        prof = profile(messages=[message(events=[block(order=order)])])
        events = parse(shipments(scan(), scan(code="DL")), prof).events
        return {event.code: event.sequence for event in events}

    old = sequences("oldest_first")
    assert old["picked_up"] < old["delivered"]
    new = sequences("newest_first")
    assert new["picked_up"] > new["delivered"]


# -- identity ---------------------------------------------------------------------


def test_identity_is_the_same_however_the_instant_is_written():
    winter = one(shipments(scan(at="2024-01-10T10:00:00Z")))
    offset = one(shipments(scan(at="2024-01-10T11:00:00.000+01:00")))
    assert winter.identity == offset.identity
    assert len(winter.identity) >= 32


@pytest.mark.parametrize(
    "other",
    [
        scan(at="2024-03-01T10:00:01+01:00"),
        scan(code="DL"),
        scan(city="Bonn"),
        scan(depot="K1"),
    ],
)
def test_identity_differs_when_the_fact_does(other):
    assert one(shipments(scan())).identity != one(shipments(other)).identity


def test_identity_does_not_depend_on_the_mapping():
    before = parse(shipments(scan(code="ZZ"))).events[0]
    mended = profile().with_overrides({"ZZ": ("delivered", "")})
    after = one(shipments(scan(code="ZZ")), mended)
    assert (before.code, after.code) == ("unmapped", "delivered")
    assert before.identity == after.identity


def test_identity_does_not_depend_on_an_assumed_zone():
    def identity(zone):
        return one(
            shipments(scan(at="2024-01-10T10:00:00")), profile(zone=zone)
        ).identity

    assert identity("Europe/Berlin") == identity("America/New_York")


def test_a_partners_event_id_decides_and_can_be_retracted():
    events = [
        block(identity={"id": "scan.id"}, retracts="scan.withdraws"),
    ]
    prof = profile(messages=[message(events=events)])
    first = one(shipments(scan(id="e1")), prof)
    corrected = one(shipments(scan(id="e1", at="2024-03-02T10:00:00Z")), prof)
    assert first.identity == corrected.identity
    withdrawal = one(shipments(scan(id="e2", withdraws="e1")), prof)
    assert withdrawal.retracts == first.identity
    assert first.retracts == ""


# -- what a message is -------------------------------------------------------------


def test_a_message_of_no_known_kind_is_a_problem_not_silence():
    parsed = parse({"foo": 1, "bar": 2})
    (problem,) = parsed.problems
    assert (problem.kind, problem.code) == ("bad_value", "unrecognised_message")
    assert "bar, foo" in problem.text
    assert not parsed.ignored
    for odd in ([], [1], "text", 7, None, True):
        assert parse(odd).problems[0].code == "unrecognised_message"


def test_a_message_about_something_else_is_ignored_with_a_reason():
    other = {
        "name": "other",
        "when": "message.type",
        "ignore": "A {message.type} is not about a shipment.",
    }
    prof = profile(messages=[message(), other])
    parsed = parse({"type": "invoice"}, prof)
    assert parsed.ignored == "A invoice is not about a shipment."
    assert not parsed.problems
    assert parse(shipments(scan()), prof).ignored == ""


def test_a_kind_can_be_limited_to_answers_or_streams():
    answers = message(operations=["track"], name="answer")
    assert parse(shipments(scan()), profile(messages=[answers])).problems
    assert one(shipments(scan()), profile(messages=[answers]), operation="track")
    stream = message(streams=["b2b"], name="stream")
    assert parse(shipments(scan()), profile(messages=[stream])).problems
    assert one(shipments(scan()), profile(messages=[stream]), stream="b2b")


def test_an_answer_without_events_says_the_partner_knows_nothing():
    parsed = parse(
        {"shipments": [{"packages": []}]},
        operation="track",
        request={"tracking_number": "1Z"},
    )
    (problem,) = parsed.problems
    assert (problem.kind, problem.reference) == ("no_data", "1Z")
    assert not parsed.events


def test_a_weak_push_gives_hints_and_no_events():
    prof = profile(push="hint")
    tree = shipments(scan(code="ZZ", at="nonsense"), scan())
    parsed = parse(tree, prof)
    assert not parsed.events
    assert not parsed.problems
    assert [(hint.type, hint.value) for hint in parsed.hints] == [
        ("tracking_number", "1Z 999")
    ]
    # The partner's answer to the question that follows is a fact.
    assert parse(shipments(scan()), prof, operation="track").events


# -- errors -----------------------------------------------------------------------

ERRORS = [
    {
        "when": "message.error",
        "code": "message.error.code",
        "text": "message.error.text",
    },
    {
        "levels": [
            {"name": "shipment", "path": "message.shipments"},
            {"name": "fault", "path": "shipment.faults"},
        ],
        "code": "fault.code",
        "text": "fault.text",
        "reference": "shipment.id",
    },
    {
        "status": [503],
        "when": "message.maintenance",
        "code": {"value": "down"},
        "text": "message.maintenance",
        "class": "transient",
    },
]
ERROR_CODES = {
    "404": {"problem": "no_data"},
    "BUSY": {"class": "throttled"},
    "KEY": {"class": "auth", "text": "Check the key."},
}


def answer(tree, status=200, headers=None, **parts):
    prof = profile(errors=ERRORS, error_codes=ERROR_CODES, **parts)
    body = tree if isinstance(tree, bytes) else json.dumps(tree).encode()
    return Adapter().parse_response(
        "track", Response(status, headers or {}, body), prof, {"tracking_number": "1Z"}
    )


def test_an_error_is_a_problem_with_the_partners_words_never_an_event():
    result = answer({"error": {"code": "X7", "text": "No such account"}}, 400)
    assert result.error_class == "rejected"
    (problem,) = result.parsed.problems
    assert problem.kind == "partner_error"
    assert (problem.code, problem.text) == ("X7", "No such account")
    assert problem.reference == "1Z"
    assert not result.parsed.events


def test_an_error_in_a_200_is_an_error():
    result = answer({"error": {"code": "BUSY", "text": "Slow down"}}, 200)
    assert result.error_class == "throttled"
    assert not result.ok


def test_no_data_is_a_good_answer():
    result = answer({"error": {"code": 404, "text": "Unknown number"}}, 404)
    assert result.ok
    assert [problem.kind for problem in result.parsed.problems] == ["no_data"]


def test_the_error_code_table_gives_class_and_advice():
    result = answer({"error": {"code": "KEY"}}, 400)
    assert result.error_class == "auth"
    assert result.parsed.problems[0].text == "Check the key."


def test_a_faulty_item_stands_beside_the_events_of_the_others():
    tree = shipments(scan())
    tree["shipments"].append(
        {"id": "S2", "faults": [{"code": "404", "text": "Unknown"}]}
    )
    result = answer(tree)
    assert result.ok
    assert [event.code for event in result.parsed.events] == ["picked_up"]
    (problem,) = result.parsed.problems
    assert (problem.kind, problem.reference) == ("no_data", "S2")
    assert problem.place == "shipments[1].faults[0]"


def test_a_rule_for_a_status_is_for_that_status():
    tree = {"maintenance": "until noon"}
    assert answer(tree, 503).parsed.problems[0].code == "down"
    assert answer(tree, 500).parsed.problems[0].code == "HTTP 500"


@pytest.mark.parametrize(
    ("status", "error_class"),
    [(401, "auth"), (403, "auth"), (429, "throttled"), (502, "transient")],
)
def test_an_answer_nobody_can_read_is_judged_by_its_status(status, error_class):
    result = answer(b"<html><body>Bad gateway<br></body>", status)
    assert result.error_class == error_class
    (problem,) = result.parsed.problems
    assert problem.kind == "partner_error"
    assert problem.code == f"HTTP {status}"


def test_a_good_status_with_an_unreadable_body_is_poison():
    result = answer(b"{", 200)
    assert result.error_class == "poison"
    assert result.parsed.problems


def test_the_wait_a_partner_asks_for_is_passed_on():
    result = answer({}, 429, headers={"retry-after": "120"})
    assert result.retry_after == 120


def test_an_empty_answer_to_a_question_is_no_data():
    result = answer(b"", 204)
    assert result.ok
    (problem,) = result.parsed.problems
    assert (problem.kind, problem.reference) == ("no_data", "1Z")


def test_errors_of_stored_answers_read_the_same_without_a_status():
    prof = profile(errors=ERRORS, error_codes=ERROR_CODES)
    parsed = parse({"error": {"code": "X7"}}, prof, operation="track")
    assert [problem.code for problem in parsed.problems] == ["X7"]


# -- XML and CSV ------------------------------------------------------------------

XML = b"""<?xml version="1.0" encoding="UTF-8"?>
<r:Answer xmlns:r="http://acme.example/t" xmlns="">
  <Parcel><Number>77</Number>
    <Scan><Code>PU</Code><Day>2024-03-01</Day><At>10:00:00</At>
      <Words> Picked <b>up</b>
      </Words><Area>Leipzig - Germany</Area></Scan>
    <Scan><Code>??</Code><Day>2024-03-01</Day><At>11:00:00</At></Scan>
    <Scan><Code>DL</Code><Day>2024-03-41</Day><At>11:00:00</At></Scan>
  </Parcel>
  <Parcel><Number/>
    <Fault code="103">No such parcel</Fault>
  </Parcel>
</r:Answer>"""


def xml_profile():
    return profile(
        namespaces={"t": "http://acme.example/t"},
        zone="UTC",
        messages=[
            {
                "name": "answer",
                "kind": "xml",
                "when": "self::t:Answer",
                "events": [
                    {
                        "levels": [
                            {"name": "parcel", "path": "Parcel"},
                            {"name": "scan", "path": "Scan"},
                        ],
                        "references": [
                            {"type": "tracking_number", "value": "../Number"},
                            {
                                "type": "customer_reference",
                                "value": "$request.reference",
                            },
                        ],
                        "code": "Code",
                        "text": "Words",
                        "time": {"date": "Day", "text": "At", "place": True},
                        "location": {"country": {"path": "Area", "pattern": "- (.+)$"}},
                    }
                ],
            }
        ],
        errors=[
            {
                "kind": "xml",
                "levels": [{"name": "fault", "path": "Parcel/Fault"}],
                "code": "@code",
                "text": ".",
                "problem": "no_data",
            }
        ],
    )


def test_xml_is_read_with_xpath():
    parsed = parse(XML, xml_profile(), operation="track", request={"reference": "PO 7"})
    picked_up, unknown = parsed.events
    assert picked_up.code == "picked_up"
    assert picked_up.partner_text == "Picked up"
    assert [ref.value for ref in picked_up.references] == ["77", "PO 7"]
    assert picked_up.location.country == "DE"
    assert picked_up.occurred_at == utc(2024, 3, 1, 9)
    assert picked_up.zone_basis == "place"
    assert unknown.code == "unmapped"
    assert unknown.zone_basis == "connector"
    kinds = {problem.kind: problem for problem in parsed.problems}
    assert set(kinds) == {"no_data", "unmapped_code", "bad_value"}
    assert (kinds["no_data"].code, kinds["no_data"].text) == ("103", "No such parcel")
    assert kinds["unmapped_code"].place.endswith("/Parcel[1]/Scan[2]")
    assert kinds["bad_value"].place.startswith("/r:Answer/Parcel[1]/Scan[3]")


def test_xml_is_told_from_json_by_its_first_character():
    parsed = parse(XML, xml_profile(), operation="track", content_type="text/plain")
    assert parsed.events


def test_csv_rows_are_nodes():
    row = {
        "name": "rows",
        "kind": "csv",
        "when": "message",
        "events": [
            {
                "levels": [{"name": "row", "path": "message"}],
                "references": [{"type": "tracking_number", "value": "row.parcel"}],
                "code": "row.code",
                "time": "row.at",
            }
        ],
    }
    event = one(
        b"parcel,code,at\r\n77,DL,2024-03-01T10:00:00Z\r\n",
        profile(messages=[row]),
        content_type="text/csv",
    )
    assert (event.parcel, event.code) == ("77", "delivered")


def test_documents_are_decoded():
    documents = [
        {
            "levels": [{"name": "paper", "path": "message.shipments"}],
            "kind": {"value": "proof_of_delivery"},
            "name": "paper.name",
            "content_type": {"value": "application/pdf"},
            "content": "paper.content",
        }
    ]
    prof = profile(messages=[message(events=[], documents=documents)])
    tree = {
        "shipments": [
            {"name": "pod.pdf", "content": "JVBERi0xLjQK"},
            {"name": "none.pdf"},
            {"name": "bad.pdf", "content": "???"},
        ]
    }
    parsed = parse(tree, prof)
    assert parsed.documents == (
        ("proof_of_delivery", "pod.pdf", "application/pdf", b"%PDF-1.4\n"),
    )
    assert [problem.place for problem in parsed.problems] == ["shipments[2]"]


# -- expressions ------------------------------------------------------------------

SCOPE = [
    {
        "a": {"b": [{"c": 1}, {"c": 2}], "zero": 0, "no": False, "empty": ""},
        "flat": [[1, 2], 3],
    },
    {"tracking_number": "X"},
]


@pytest.mark.parametrize(
    "text",
    [
        "message.a.b[0].c",
        "message.a.b[-1].c",
        "message.a.b[9].c",
        "message.a.b.c",
        "message.a.zero || message.a.b",
        "message.a.empty || message.a.b[1].c",
        "message.a.no && message.a.b",
        "message.a.b && message.a.zero",
        "!(message.a.no)",
        "message.a.zero == `0`",
        "message.a.no == `0`",
        "message.a.b[0].c != '1'",
        "message.flat[]",
        "message.a.b[].c",
        "message.a.b[?c==`2`].c | [0]",
        "length(message.a.b)",
        "message.a.b[*].c",
        "request.tracking_number == 'X' && message.flat",
        "`null`",
    ],
)
def test_compiled_expressions_mean_what_jmespath_says(text):
    jmespath = pytest.importorskip("jmespath")
    expected = jmespath.search(text, {"message": SCOPE[0], "request": SCOPE[1]})
    assert compile_json(text, ("message", "request")).evaluate(SCOPE) == expected


def test_a_function_on_the_wrong_type_gives_nothing():
    expression = compile_json("length(message.a.zero)", ("message",))
    assert expression.evaluate(SCOPE) is None


def test_an_unknown_xpath_function_shows_when_the_profile_is_loaded():
    with pytest.raises(ExpressionError):
        compile_xml("lower-case(Code)", {}, 0)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("de", "DE"),
        ("GBR", "GB"),
        ("United States", "US"),
        ("Korea, Republic of", ""),
        ("Czech Republic", "CZ"),
        ("Côte", ""),
        ("", ""),
        ("XX", ""),
    ],
)
def test_countries_however_partners_write_them(text, code):
    assert country_code(text) == code
