# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import pytest

from odoo.addons.logistics_canonical.core.conditions import CONDITIONS, conditions
from odoo.addons.logistics_canonical.core.fold import FoldEvent, fold


def after(*codes):
    return conditions(
        fold(FoldEvent(code, code, "actual", n, n) for n, code in enumerate(codes))
    )


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        (("picked_up",), set()),
        (("picked_up", "delivery_attempted"), {"delivery_attempt_failed"}),
        (("picked_up", "refused"), {"delivery_refused"}),
        (("picked_up", "damaged"), {"damaged"}),
        (("delivered", "damaged"), {"damaged"}),
        (("customs_hold",), {"held"}),
        (("customs_hold", "customs_released"), set()),
        (("lost",), {"lost"}),
        (("lost", "in_transit"), set()),
        (("return_started",), {"returned"}),
        (("returned",), {"returned"}),
        (("delivery_attempted", "delivered"), set()),
        (("address_problem",), {"action_required"}),
    ],
)
def test_what_needs_a_person(codes, expected):
    assert after(*codes) == expected
    assert expected <= set(CONDITIONS)
