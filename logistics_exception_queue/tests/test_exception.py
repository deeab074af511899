# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import json

from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged
from odoo.tools import mute_logger

from odoo.addons.logistics_canonical.tests.common import (
    ACME,
    LogisticsCommon,
    PartnerCommon,
)

GROUP = "base.group_user,logistics_canonical."


@tagged("post_install", "-at_install")
class TestException(LogisticsCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.operator = cls._create_user(
            "x_operator", f"{GROUP}group_exception_operator"
        )
        cls.user = cls._create_user("x_user", f"{GROUP}group_logistics_user")

    def _exceptions(self, code=None, state=None):
        domain = [("connector_id", "=", self.connector.id)]
        if code:
            domain.append(("code", "=", code))
        if state:
            domain.append(("state", "=", state))
        return self.env["logistics.exception"].with_user(self.operator).search(domain)

    def _event_type(self, code):
        return self.env["logistics.event.type"].search([("code", "=", code)])

    def test_dead_messages_group_by_their_failure(self):
        for body in (b"broken 1", b"broken 22", b"\xff"):
            self.connector._receive(body)
        self.lane._drain()
        found = self._exceptions("message_dead")
        self.assertEqual(len(found), 2)
        self.assertEqual(sorted(found.mapped("affected_count")), [1, 2])

    def test_a_group_is_retried_and_resolves_by_itself(self):
        self._create_shipment("A1")
        message_id, _new = self.connector._receive(b"broken")
        self.lane._drain()
        found = self._exceptions("message_dead", "open")
        found.action_retry()
        self.assertEqual(self.messages.browse(message_id).state, "received")
        self.env.cr.execute(
            "UPDATE logistics_message SET body = %s WHERE id = %s",
            [self._body("A1", ("PU", "2026-01-01T10:00:00Z")), message_id],
        )
        self.lane._drain()
        self.assertEqual(found.state, "resolved")
        self.assertFalse(found.resolved_by_id)

    def test_an_unknown_code_is_mapped_in_place(self):
        shipment = self._create_shipment("A1")
        self._take_in("A1", ("PU", "2026-01-01T10:00:00Z"))
        self._take_in("A1", ("ZZ", "2026-01-02T10:00:00Z", "Zapped"))
        self._take_in("A1", ("ZZ", "2026-01-03T10:00:00Z", "Zapped again"))
        found = self._exceptions("unmapped_code")
        self.assertEqual(len(found), 1, "one for the code, not one a message")
        self.assertEqual(found.affected_count, 2)
        self.assertEqual(found.partner_text, "Zapped")
        with self.assertRaises(UserError):
            found.action_map_code()
        found.map_event_type_id = self._event_type("delivered")
        found.action_map_code()
        self.lane._drain()
        self.assertEqual(shipment.status, "delivered")
        self.assertEqual(found.state, "resolved")
        self._take_in("A1", ("ZZ", "2026-01-04T10:00:00Z"))
        self.assertFalse(self._exceptions("unmapped_code", "open"))

    def test_an_unknown_number_is_attached(self):
        shipment = self._create_shipment("A1")
        message = self._take_in("B7", ("PU", "2026-01-01T10:00:00Z"))
        found = self._exceptions("unknown_reference")
        found.attach_shipment_id = shipment
        found.action_attach()
        self.lane._drain()
        self.assertEqual(message.state, "done")
        self.assertEqual(found.state, "resolved")
        self.assertEqual(
            set(shipment.parcel_ids.mapped("tracking_number")), {"A1", "B7"}
        )

    def test_an_unknown_number_becomes_a_shipment(self):
        self._take_in("B7", ("DL", "2026-01-01T10:00:00Z"))
        found = self._exceptions("unknown_reference")
        found.action_create_shipment()
        self.lane._drain()
        self.assertEqual(found.attach_shipment_id.status, "delivered")
        self.assertEqual(found.state, "resolved")

    def test_an_ambiguous_number_is_decided(self):
        one, other = self._create_shipment("A1"), self._create_shipment("A1")
        self._take_in("A1", ("DL", "2026-01-01T10:00:00Z"))
        found = self._exceptions("ambiguous_reference")
        self.assertEqual(found.candidate_ids, one + other)
        found.attach_shipment_id = other
        found.action_attach()
        self.lane._drain()
        self.assertEqual((one.status, other.status), ("new", "delivered"))
        self.assertEqual(found.state, "resolved")

    def test_a_failed_attempt_lasts_until_the_next(self):
        shipment = self._create_shipment("A1")
        self._take_in("A1", ("AF", "2026-01-01T10:00:00Z"))
        found = shipment.exception_ids
        self.assertEqual(found.code, "delivery_attempt_failed")
        self.assertEqual(found.state, "open")
        self._take_in("A1", ("AF", "2026-01-01T11:00:00Z"))
        self.assertEqual(len(shipment.exception_ids), 1)
        self._take_in("A1", ("DL", "2026-01-02T10:00:00Z"))
        self.assertEqual(found.state, "resolved")

    def test_a_late_attempt_after_the_delivery_raises_nothing(self):
        shipment = self._create_shipment("A1")
        self._take_in("A1", ("DL", "2026-01-02T10:00:00Z"))
        self._take_in("A1", ("AF", "2026-01-01T10:00:00Z"))
        self.assertFalse(shipment.exception_ids)

    def test_lost_is_critical(self):
        shipment = self._create_shipment("A1")
        self._take_in("A1", ("LO", "2026-01-01T10:00:00Z"))
        self.assertEqual(shipment.exception_ids.code, "lost")
        self.assertEqual(shipment.exception_ids.severity, "3")

    def test_ignored_stays_quiet_and_resolved_does_not(self):
        self.connector._raise_exception("breaker_open", text="down")
        found = self._exceptions("breaker_open")
        found.action_ignore()
        self.connector._raise_exception("breaker_open", text="down")
        self.assertEqual(self._exceptions("breaker_open"), found)
        found.action_reopen()
        found.action_resolve()
        self.assertEqual(found.resolved_by_id, self.operator)
        self.connector._raise_exception("breaker_open", text="down again")
        self.assertEqual(len(self._exceptions("breaker_open")), 2)
        with self.assertRaises(UserError):
            found.action_reopen()

    def test_taking_over_is_working_on_it(self):
        self.connector._raise_exception("breaker_open", text="down")
        found = self._exceptions("breaker_open")
        found.action_assign_to_me()
        self.assertEqual((found.user_id, found.state), (self.operator, "acknowledged"))

    def test_refused_signatures_are_counted(self):
        self.connector._note_auth_failures(3, "the signature is wrong")
        self.connector._note_auth_failures(4, "the signature is wrong")
        found = self._exceptions("webhook_auth_failed")
        self.assertEqual(found.occurrences, 7)
        self.assertIn("the signature is wrong", found.text)

    def test_the_connector_is_paused_from_here(self):
        self.connector._raise_exception("breaker_open", text="down")
        found = self._exceptions("breaker_open")
        found.action_pause_connector()
        self.assertTrue(self.connector.is_paused)
        found.action_resume_connector()
        self.assertFalse(self.connector.is_paused)

    @mute_logger("odoo.addons.base.models.ir_model")
    def test_users_see_and_do_not_mend(self):
        self.connector._raise_exception("breaker_open", text="down")
        found = self._exceptions("breaker_open").with_user(self.user)
        self.assertEqual(found.state, "open")
        for action in ("action_assign_to_me", "action_resolve", "action_ignore"):
            with self.assertRaises(AccessError):
                getattr(found, action)()
        with self.assertRaises(AccessError):
            found.create({"name": "x", "code": "lost", "key": "x"})

    @mute_logger("odoo.addons.base.models.ir_rule")
    def test_companies_have_queues_of_their_own(self):
        company = self.env["res.company"].create({"name": "Second"})
        stranger = self._create_user(
            "x_stranger", f"{GROUP}group_exception_operator", company
        )
        stranger.company_ids = [Command.set(company.ids)]
        self.connector._raise_exception("breaker_open", text="down")
        found = self._exceptions("breaker_open")
        self.assertFalse(
            self.env["logistics.exception"].with_user(stranger).search([]) & found
        )
        with self.assertRaises(AccessError):
            found.with_user(stranger).action_resolve()


@tagged("post_install", "-at_install")
class TestOutcomeUnknown(PartnerCommon):
    """A call whose outcome nobody knows needs a decision, not another try."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.operator = cls._create_user(
            "u_operator", f"{GROUP}group_exception_operator"
        )
        cls.user = cls._create_user("u_user", f"{GROUP}group_logistics_user")
        book = {"method": "POST", "path": "/book"}
        ask = {
            "method": "POST",
            "path": "/ask",
            "repeat": "lookup",
            "lookup": "find",
            "absence_is_proof": False,
        }
        find = {"method": "GET", "path": "/find/{reference}"}
        cls.profile = cls.env["logistics.profile"].create(
            {
                "name": "Booker",
                "key": "unknown_booker",
                "version": 1,
                "data_json": json.dumps(
                    {
                        **ACME,
                        "key": "unknown_booker",
                        "operations": {"book": book, "ask": ask, "find": find},
                    }
                ),
            }
        )
        cls.booker = cls._create_connector(name="Booker")
        cls._call_partner(cls.booker)

    def _exception(self, operation="book"):
        """Let the partner fail over a booking; return the message and what it
        raised."""
        self.partner.answers = [(500, {}, b"")]
        message = self.booker._enqueue(operation, {"reference": "R1"})
        self.outbox._drain()
        if operation == "ask":
            self.assertFalse(self._found(message), "the partner is asked first")
            message.sudo().next_attempt_at = self.env.cr.now()
            self.partner.answers = [(404, {}, b"")]
            self.outbox._drain()
        found = self._found(message)
        self.assertEqual((message.state, len(found)), ("unknown", 1))
        self.partner.calls.clear()
        return message, found

    def _found(self, message):
        return (
            self.env["logistics.exception"]
            .with_user(self.operator)
            .search([("message_id", "=", message.id), ("state", "!=", "resolved")])
        )

    def _decide(self, found, outcome):
        action = found.action_decide()
        self.env[action["res_model"]].with_user(self.operator).with_context(
            **action["context"]
        ).create({"outcome": outcome, "note": "Seen on their site"}).action_decide()

    def test_it_says_what_each_choice_costs(self):
        message, found = self._exception()
        self.assertEqual((found.code, found.severity), ("outcome_unknown", "3"))
        self.assertEqual(found.connector_id, self.booker)
        twice, never = message._choices()
        self.assertIn(twice, found.choices_text)
        self.assertIn(never, found.choices_text)
        self.assertIn("book", found.text)
        self.assertIn("Booker", found.text)

    def test_it_is_found_from_its_message(self):
        message, found = self._exception()
        action = message.with_user(self.operator).action_open_exceptions()
        self.assertEqual(
            self.env["logistics.exception"].search(action["domain"]), found
        )

    def test_deciding_that_it_was_done_resolves_it(self):
        message, found = self._exception()
        self._decide(found, "done")
        self.assertEqual((message.state, found.state), ("done", "resolved"))
        self.assertEqual(found.resolved_by_id, self.operator)
        self.assertIn(self.operator.name, found.resolution)
        self.outbox._drain()
        self.assertFalse(self.partner.calls)

    def test_deciding_that_it_was_not_done_sends_it_again(self):
        message, found = self._exception()
        self._decide(found, "not_done")
        self.assertEqual(found.state, "resolved")
        self.outbox._drain()
        self.assertEqual(message.state, "done")
        self.assertEqual([call.path for call in self.partner.calls], ["/book"])

    def test_unknown_once_more_is_raised_once_more(self):
        message, found = self._exception()
        self._decide(found, "not_done")
        self.partner.answers = [(500, {}, b"")]
        self.outbox._drain()
        self.assertEqual(message.state, "unknown")
        self.assertEqual(found.state, "resolved")
        self.assertEqual(len(self._found(message)), 1)

    def test_retrying_it_sends_nothing(self):
        message, found = self._exception()
        with self.assertRaises(UserError):
            found.action_retry()
        self.outbox._drain()
        self.assertEqual((message.state, found.state), ("unknown", "open"))
        self.assertFalse(self.partner.calls)

    def test_retrying_what_can_be_asked_asks(self):
        message, found = self._exception("ask")
        found.action_retry()
        self.partner.answers = [
            (200, {"Content-Type": "application/json"}, b'{"order": "R1"}')
        ]
        self.outbox._drain()
        self.assertEqual([call.path for call in self.partner.calls], ["/find/R1"])
        self.assertEqual((message.state, found.state), ("done", "resolved"))

    def test_closing_it_decides_nothing(self):
        message, found = self._exception()
        found.action_resolve()
        self.outbox._drain()
        self.assertEqual(message.state, "unknown")
        self.assertFalse(self.partner.calls)

    def test_setting_its_message_aside_hides_nothing(self):
        message, found = self._exception()
        found.action_set_aside()
        self.assertEqual((message.state, found.state), ("unknown", "open"))

    @mute_logger("odoo.addons.base.models.ir_model")
    def test_users_do_not_decide(self):
        message, found = self._exception()
        for action in ("action_decide", "action_retry"):
            with self.assertRaises(AccessError):
                getattr(found.with_user(self.user), action)()
        self.assertEqual(message.state, "unknown")
