# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import pytest

from odoo.addons.logistics_canonical.core.vocabulary import (
    EVENT_TYPES,
    FLAGS,
    MILESTONES,
    OUTCOMES,
    REASONS,
)


@pytest.mark.parametrize("kind", EVENT_TYPES.values(), ids=list(EVENT_TYPES))
def test_each_type_is_consistent(kind):
    assert kind.milestone in ("", *MILESTONES)
    assert kind.outcome in ("", *OUTCOMES)
    assert not kind.sets & kind.clears, "raised and ended at once"
    assert kind.sets | kind.clears <= set(FLAGS)
    assert kind.reason == "" or kind.reason in REASONS
    assert kind.description.endswith(".")
    if kind.outcome in ("delivered", "delivered_exception"):
        assert kind.milestone == "delivered"
    if kind.milestone == "delivered":
        assert kind.outcome.startswith("delivered")
    if kind.milestone == "returned":
        assert kind.outcome == "returned"
    if kind.code in ("unmapped", "info", "eta_update", "no_data", "tracking_ended"):
        assert not (kind.milestone or kind.outcome or kind.sets or kind.clears)


def test_what_goes_wrong_is_looked_at():
    for code in (
        "delivery_attempted",
        "refused",
        "damaged",
        "lost",
        "returned",
        "held",
    ):
        assert EVENT_TYPES[code].problem
    for code in ("picked_up", "in_transit", "delivered", "label_created"):
        assert not EVENT_TYPES[code].problem
