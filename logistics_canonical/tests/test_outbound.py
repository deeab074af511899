# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import json

from odoo import fields
from odoo.tests import tagged

from ..transport import guard
from .common import PartnerCommon


@tagged("post_install", "-at_install")
class TestOutbound(PartnerCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.shipment = cls._create_shipment("A1")

    def _ask(self, status, body=b"{}", headers=None, key=None):
        self.partner.answer = (
            status,
            {"Content-Type": "application/json", **(headers or {})},
            body,
        )
        message = self.connector._enqueue(
            "track",
            self.connector._track_payload("A1"),
            record=self.shipment.parcel_ids,
            idempotency_key=key,
        )
        self.outbox._drain()
        return message

    def test_an_answer_is_stored_and_understood_like_a_push(self):
        message = self._ask(200, self._body("A1", ("DL", "2026-01-02T10:00:00Z")))
        self.assertEqual(message.state, "done")
        self.assertEqual(message.answer_ids.state, "received")
        self.lane._drain()
        self.assertEqual(self.shipment.status, "delivered")
        call = self.partner.calls[0]
        self.assertEqual((call.method, call.path), ("GET", "/track/A1"))
        self.assertEqual(call.headers["X-Api-Key"], "acme-api-key")

    def test_an_attempt_keeps_no_secret(self):
        attempt = self._ask(200).attempt_ids
        self.assertEqual(attempt.http_status, 200)
        self.assertIn("/track/A1", attempt.request_excerpt)
        self.assertNotIn("acme-api-key", attempt.request_excerpt)

    def test_the_same_key_is_one_message(self):
        first = self._ask(200, key="once")
        again = self._ask(200, key="once")
        self.assertEqual(first, again)
        self.assertEqual(len(self.partner.calls), 1)

    def test_a_failure_waits_and_is_tried_again(self):
        message = self._ask(503)
        self.assertEqual(message.state, "waiting")
        self.assertEqual(message.error_class, "transient")
        self.assertGreater(message.next_attempt_at, fields.Datetime.now())

    def test_retry_after_is_honoured(self):
        message = self._ask(429, headers={"Retry-After": "3600"})
        self.assertEqual(message.error_class, "throttled")
        wait = message.next_attempt_at - fields.Datetime.now()
        self.assertGreater(wait.total_seconds(), 3500)

    def test_refused_credentials_stop_the_connector(self):
        message = self._ask(401)
        self.assertEqual(message.state, "waiting")
        self.assertTrue(self.connector.is_auth_failed)
        self.outbox._drain()
        self.assertEqual(len(self.partner.calls), 1, "no attempt is burnt")
        self.connector.action_resume()
        self.partner.answer = (200, {}, b"{}")
        self.outbox._drain()
        self.assertEqual(message.state, "done")

    def test_a_rejection_is_final(self):
        message = self._ask(422, b'{"error": "no such service"}')
        self.assertEqual(message.state, "dead")
        self.assertIn("no such service", message.error_text)

    def test_five_failures_open_the_breaker(self):
        for number in range(5):
            self._ask(500, key=str(number))
        self.assertEqual(self.connector.breaker_state, "open")
        waiting = self._ask(200, key="later")
        self.assertEqual(waiting.state, "pending")
        self.assertEqual(waiting.tries, 0, "waiting burns no attempt")
        self.connector.breaker_until = self.env.cr.now()
        self.outbox._drain()
        self.assertEqual(self.connector.breaker_state, "closed")

    def test_this_machine_is_called_only_where_allowed(self):
        self.connector.allow_loopback = False
        message = self._ask(200)
        self.assertEqual(message.state, "dead")
        self.assertFalse(self.partner.calls)

    def test_redirects_are_not_followed(self):
        message = self._ask(302, headers={"Location": "http://127.0.0.1/elsewhere"})
        self.assertEqual(len(self.partner.calls), 1)
        self.assertNotEqual(message.state, "pending")

    def test_the_test_button_tells_what_came_of_it(self):
        self.partner.answer = (404, {"Content-Type": "application/json"}, b"{}")
        self.assertEqual(self.connector.action_test()["params"]["type"], "success")
        self.partner.answer = (401, {"Content-Type": "application/json"}, b"{}")
        self.assertEqual(self.connector.action_test()["params"]["type"], "danger")

    def test_which_addresses_may_be_called(self):
        for address in (
            "127.0.0.1",
            "::1",
            "::ffff:127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "fe80::1",
            "fc00::1",
            "0.0.0.0",
            "224.0.0.1",
            "100.64.0.1",
        ):
            self.assertFalse(guard.allowed(address, allow_loopback=False), address)
        self.assertTrue(guard.allowed("93.184.216.34", allow_loopback=False))
        self.assertTrue(guard.allowed("127.0.0.1", allow_loopback=True))
        self.assertFalse(guard.allowed("10.1.2.3", allow_loopback=True))

    def test_nothing_leaves_before_the_commit(self):
        self.partner.answer = (200, {}, json.dumps({}).encode())
        self.connector._enqueue("track", self.connector._track_payload("A1"))
        self.assertFalse(self.partner.calls)
