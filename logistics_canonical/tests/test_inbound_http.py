# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import json

from odoo.tests import HttpCase, tagged

from .common import LogisticsCommon


@tagged("post_install", "-at_install")
class TestInboundHttp(LogisticsCommon, HttpCase):
    def _post(self, body, signature=None, path="", headers=None, public_id=None):
        url = f"/logistics/v1/in/{public_id or self.connector.public_id}{path}"
        send = {"Content-Type": "application/json"}
        if signature is not False:
            send["X-Acme-Signature"] = signature or self._sign(body)
        return self.url_open(url, data=body, headers={**send, **(headers or {})})

    def _count(self):
        return self.messages.search_count([("connector_id", "=", self.connector.id)])

    def assertProblem(self, response, status):
        self.assertEqual(response.status_code, status)
        self.assertEqual(
            response.headers["Content-Type"].split(";")[0], "application/problem+json"
        )
        problem = response.json()
        self.assertEqual(problem["status"], status)
        self.assertTrue(problem["detail"])
        self.assertNotIn("Traceback", response.text)
        self.assertEqual(self._count(), 0, "nothing half-written")

    def test_new_then_known(self):
        body = self._body("A1", ("PU", "2026-01-01T10:00:00Z"))
        self.assertEqual(self._post(body).status_code, 202)
        self.assertEqual(self._post(body).status_code, 200)
        self.assertEqual(self._count(), 1)
        self.assertNotIn("Set-Cookie", self._post(body).headers)

    def test_wrong_signature(self):
        self.assertProblem(self._post(b"{}", "0" * 64), 401)

    def test_missing_signature(self):
        self.assertProblem(self._post(b"{}", False), 401)

    def test_signature_of_another_body(self):
        self.assertProblem(self._post(b'{"a": 1}', self._sign(b'{"a":1}')), 401)

    def test_an_unknown_address_looks_like_a_wrong_signature(self):
        known = self._post(b"{}", "0" * 64)
        unknown = self._post(b"{}", "0" * 64, public_id="f" * 32)
        self.assertEqual(unknown.status_code, known.status_code)
        self.assertEqual(unknown.content, known.content)

    def test_a_stopped_connector_refuses(self):
        self.connector.action_stop()
        self.assertProblem(self._post(b"{}"), 401)

    def test_form_bodies_are_refused(self):
        for content_type in (
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
        ):
            self.assertProblem(
                self._post(b"a=1", headers={"Content-Type": content_type}), 415
            )

    def test_compressed_bodies_are_refused(self):
        self.assertProblem(self._post(b"{}", headers={"Content-Encoding": "gzip"}), 415)

    def test_an_empty_body_is_refused(self):
        response = self.opener.post(
            f"{self.base_url()}/logistics/v1/in/{self.connector.public_id}",
            data=b"",
            headers={"X-Acme-Signature": self._sign(b"")},
            timeout=10,
        )
        self.assertProblem(response, 400)

    def test_an_unknown_stream_is_refused(self):
        self.assertProblem(self._post(b"{}", path="/nowhere"), 404)

    def test_what_is_unreadable_is_stored_all_the_same(self):
        for body in (b"{", b'{"a": NaN}', b"\xff\xfe", b"\x00", b"[" * 5000):
            response = self._post(body)
            self.assertEqual(response.status_code, 202, body[:10])
        self.lane._drain()
        messages = self.messages.search([("connector_id", "=", self.connector.id)])
        self.assertEqual(set(messages.mapped("state")), {"dead"})
        self.assertTrue(all(messages.mapped("error_text")))

    def test_a_rotated_secret_overlaps(self):
        self.env["logistics.credential"]._store(
            self.connector, "webhook_secret", "the new one", overlap_hours=1
        )
        self.assertEqual(self._post(b'{"n":1}').status_code, 202)
        self.assertEqual(
            self._post(b'{"n":2}', self._sign(b'{"n":2}', "the new one")).status_code,
            202,
        )

    def test_a_replaced_secret_is_over(self):
        self.env["logistics.credential"]._store(
            self.connector, "webhook_secret", "the new one"
        )
        self.assertProblem(self._post(b'{"n":1}'), 401)

    def test_too_many_a_second(self):
        self.connector.inbound_rate = 1
        statuses = [
            self._post(json.dumps({"n": n}).encode()).status_code for n in range(6)
        ]
        self.assertEqual(statuses[0], 202)
        self.assertIn(429, statuses)
