# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo.tests import HttpCase, tagged

from .common import LogisticsCommon


class ScreensCommon(LogisticsCommon, HttpCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # The least privileged person who follows shipments.
        cls._create_user(
            "screen_user", "base.group_user,logistics_canonical.group_logistics_user"
        )
        cls._create_shipment("TOUR1")
        cls._take_in(
            "TOUR1",
            ("PU", "2026-01-01T10:00:00Z", "Collected"),
            ("OD", "2026-01-02T10:00:00Z", "Left at the door"),
        )

    def _walk(self):
        self.start_tour(
            "/odoo/action-logistics_canonical.logistics_shipment_action",
            "logistics_shipment",
            login="screen_user",
        )


@tagged("post_install", "-at_install")
class TestScreens(ScreensCommon):
    def test_a_shipment_is_followed(self):
        self._walk()


@tagged("post_install", "-at_install")
class TestScreensOnThePhone(ScreensCommon):
    browser_size = "375x667"
    touch_enabled = True

    def test_a_shipment_is_followed(self):
        self._walk()
