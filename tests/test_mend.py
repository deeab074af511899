# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo.tests import HttpCase, tagged

from odoo.addons.logistics_canonical.transport import TransportError
from odoo.addons.logistics_carrier_connector.tests.common import (
    CarrierCommon,
    refusal,
)

EXCEPTIONS = "/odoo/action-logistics_exception_queue.logistics_exception_action"


class MendCommon(CarrierCommon, HttpCase):
    """What carriers refuse reaches the people who mend it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._create_user(
            "mender",
            "logistics_canonical.group_exception_operator,stock.group_stock_user,"
            # Without it nobody may correct an address.
            "base.group_partner_manager",
        )

    def _note_exceptions(self):
        """The queue is there: let them come to it."""

    def _drain(self):
        """Send what the browser has left, too: it came after the test began."""
        self.env.invalidate_all()
        self._let_time_pass(hours=1)
        return super()._drain()

    def _exception(self, picking, code):
        return self.env["logistics.exception"].search(
            [
                ("shipment_id", "in", picking.sudo().logistics_shipment_ids.ids),
                ("code", "=", code),
            ]
        )


@tagged("post_install", "-at_install")
class TestMend(MendCommon):
    def test_an_unknown_outcome_leads_to_its_transfer(self):
        self.fake.prepare("book", TransportError("Cut off"))
        picking = self._ship()
        exception = self._exception(picking, "outcome_unknown")
        self.assertEqual(exception.partner_id, self.customer)
        mender = self.env["res.users"].search([("login", "=", "mender")])
        action = exception.with_user(mender).action_open_record()
        self.assertEqual(
            (action["res_model"], action["res_id"]), (picking._name, picking.id)
        )

    def test_an_address_is_corrected_and_booked_again(self):
        self.fake.prepare("book", refusal("The street is not known"))
        picking = self._ship()
        exception = self._exception(picking, "booking_failed")
        self.assertEqual(exception.state, "open")
        self.start_tour(EXCEPTIONS, "logistics_mend_booking", login="mender")
        self._drain()
        self.assertEqual(picking.logistics_booking_state, "booked")
        self.assertTrue(picking.carrier_tracking_ref)
        self.assertEqual(exception.state, "resolved")
        self.assertEqual(
            [asked.recipient.street for asked in self.fake.requests()],
            ["1 Main Street", "2 Main Street"],
        )


@tagged("post_install", "-at_install")
class TestMendOnThePhone(MendCommon):
    browser_size = "375x667"
    touch_enabled = True

    def test_a_refused_void_is_tried_again(self):
        picking = self._ship()
        self.fake.prepare("cancel", refusal("Try after six"))
        picking.cancel_shipment()
        self._drain()
        exception = self._exception(picking, "void_failed")
        self.assertEqual(exception.state, "open")
        self.start_tour(EXCEPTIONS, "logistics_mend_void", login="mender")
        self._drain()
        self.assertEqual(picking.logistics_booking_state, "cancelled")
        self.assertEqual(exception.state, "resolved")
