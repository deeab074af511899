# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import pytest

from odoo.addons.logistics_canonical.core import crosswalk
from odoo.addons.logistics_canonical.core.vocabulary import EVENT_TYPES, REASONS


@pytest.mark.parametrize(
    ("standard", "code", "event"),
    [
        ("rec24", "21", "delivered"),
        ("rec24", "13", "picked_up"),
        ("rec24", "12", "customs_released"),
        ("rec24", "49", "lost"),
        ("x12_214", "AH", "delivery_attempted"),
        ("x12_214", "A3", "returned"),
        ("x12_214", "CD", "info"),
        ("dcsa", "EQUIPMENT/DISC", "discharged"),
        ("dcsa", "SHIPMENT/HOLD", "held"),
        ("epcis_biz_step", "receiving", "delivered"),
        ("epcis_disposition", "damaged", "damaged"),
    ],
)
def test_what_the_standards_mean(standard, code, event):
    assert crosswalk.to_canonical(standard, code)[0] == event


def test_reasons():
    assert crosswalk.to_canonical("rec24", "266") == ("delayed", "weather")
    assert crosswalk.reason_to_canonical("x12_214", "BS") == "refused"
    assert crosswalk.reason_to_canonical("x12_214", "??") == ""


@pytest.mark.parametrize("standard", crosswalk.STANDARDS)
def test_there_and_back(standard):
    for event in EVENT_TYPES:
        code = crosswalk.from_canonical(standard, event)
        if code is not None:
            assert crosswalk.to_canonical(standard, code)[0] == event
    assert crosswalk.to_canonical(standard, "no such code") is None


def test_every_row_is_of_the_vocabulary():
    for standard in crosswalk.STANDARDS:
        for code in crosswalk._TABLE[standard]:
            event, reason = crosswalk.to_canonical(standard, code)
            assert event in EVENT_TYPES and event != "unmapped", (standard, code)
            assert reason == "" or reason in REASONS, (standard, code)
    for code, reason in crosswalk._REASONS["x12_214"].items():
        assert reason in REASONS, code
