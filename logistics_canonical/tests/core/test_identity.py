# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo.addons.logistics_canonical.core.events import Reference
from odoo.addons.logistics_canonical.core.identity import (
    event_identity,
    message_dedupe_key,
)


def test_the_same_fact_has_one_identity():
    fact = {"reference_key": "1Z1", "partner_code": "D/FS", "occurred_text": "t1"}
    assert event_identity(**fact) == event_identity(**fact)
    for change in (
        {"reference_key": "1Z2"},
        {"partner_code": "D/KB"},
        {"occurred_text": "t2"},
        {"place": "Wayne"},
        {"classifier": "estimated"},
    ):
        assert event_identity(**{**fact, **change}) != event_identity(**fact)


def test_a_partners_own_id_decides():
    one = event_identity(reference_key="A", partner_id="7", partner_code="x")
    assert one == event_identity(reference_key="A", partner_id="7", partner_code="y")
    assert one != event_identity(reference_key="B", partner_id="7")


def test_messages():
    assert message_dedupe_key("", b"x") == message_dedupe_key("", b"x")
    assert message_dedupe_key("", b"x") != message_dedupe_key("", b"y")
    assert message_dedupe_key("", b"x") != message_dedupe_key("returns", b"x")
    assert message_dedupe_key("", b"x", "id1") == message_dedupe_key("", b"y", "id1")
    assert message_dedupe_key("", b"x", "id1") != message_dedupe_key("", b"x", "id2")


def test_numbers_are_matched_without_separators():
    assert Reference("tracking_number", "1z 999-AA.1").key() == "1Z999AA1"
