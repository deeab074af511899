# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo.tests import HttpCase, tagged

from odoo.addons.logistics_canonical.tests.common import LogisticsCommon


@tagged("post_install", "-at_install")
class TestScreens(LogisticsCommon, HttpCase):
    def test_an_unknown_code_is_mapped_in_place(self):
        self._create_user(
            "screen_operator",
            "base.group_user,logistics_canonical.group_exception_operator",
        )
        shipment = self._create_shipment("TOUR1")
        message = self._take_in("TOUR1", ("ZZ", "2026-01-02T10:00:00Z", "Zapped"))
        self.start_tour(
            "/odoo/action-logistics_exception_queue.logistics_exception_action",
            "logistics_map_code",
            login="screen_operator",
        )
        # The browser wrote through another environment.
        self.env.invalidate_all()
        self.assertEqual(message.state, "received", "it is processed again")
        # A test's transaction has one instant, and the browser came after it.
        message.next_attempt_at = self.env.cr.now()
        self.lane._drain()
        self.assertEqual(shipment.outcome, "delivered_exception")
