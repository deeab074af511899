# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import hashlib
import hmac
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

from odoo import Command
from odoo.tests import new_test_user

from odoo.addons.base.tests.common import BaseCommon

ACME = {
    "format": 1,
    "key": "acme",
    "name": "Acme Express",
    "version": 1,
    "description": "A carrier that exists in tests only.",
    "references": ["https://acme.example/docs"],
    "credentials": [
        {"name": "webhook_secret", "label": "Webhook secret"},
        {"name": "api_key", "label": "API key", "required": False},
    ],
    "endpoints": {
        "sandbox": "https://sandbox.acme.example",
        "production": "https://api.acme.example",
    },
    "auth": {"key": {"scheme": "headers", "headers": {"X-Api-Key": "{api_key}"}}},
    "webhook": {
        "scheme": "hmac",
        "secret": "webhook_secret",
        "header": "x-acme-signature",
        "algorithm": "sha256",
        "signed": "{body}",
        "encoding": "hex",
    },
    "operations": {
        "track": {"method": "GET", "path": "/track/{tracking_number}", "auth": "key"}
    },
    "messages": [
        {
            "name": "scans",
            "label": "Scans of a parcel",
            "when": "message.number",
            "events": [
                {
                    "levels": [{"name": "scan", "path": "message.scans"}],
                    "references": [
                        {"type": "tracking_number", "value": "message.number"},
                        {"type": "sales_order", "value": "message.order"},
                    ],
                    "code": "scan.code",
                    "text": "scan.text",
                    "time": "scan.at",
                }
            ],
        }
    ],
    "codes": {
        "LC": "label_created",
        "PU": "picked_up",
        "IT": "in_transit",
        "OD": "out_for_delivery",
        "AF": {"event": "delivery_attempted", "reason": "consignee_absent"},
        "DL": "delivered",
        "LO": "lost",
    },
}
SECRET = "acme-webhook-secret"


class LogisticsCommon(BaseCommon):
    """A connector of a made-up carrier, and what its messages look like."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.profile = cls.env["logistics.profile"].create(
            {
                "name": "Acme Express",
                "key": "acme",
                "version": 1,
                "data_json": json.dumps(ACME),
            }
        )
        cls.connector = cls._create_connector()
        cls.lane = cls.env["logistics.lane"]
        cls.messages = cls.env["logistics.message"]

    @classmethod
    def _create_connector(cls, **values):
        connector = cls.env["logistics.connector"].create(
            {"name": "Acme", "profile_id": cls.profile.id, **values}
        )
        for name, value in (("webhook_secret", SECRET), ("api_key", "acme-api-key")):
            cls.env["logistics.credential"]._store(connector, name, value)
        connector.action_start()
        return connector

    @classmethod
    def _create_shipment(cls, *numbers, **values):
        shipment = cls.env["logistics.shipment"].create(values)
        cls.env["logistics.parcel"].create(
            [
                {"shipment_id": shipment.id, "tracking_number": number}
                for number in numbers
            ]
        )
        return shipment

    @classmethod
    def _body(cls, number, *scans, **extra):
        """Return a message: scans are (code, time) or (code, time, text)."""
        return json.dumps(
            {
                "number": number,
                "scans": [
                    {"code": code, "at": at, "text": text[0] if text else code}
                    for code, at, *text in scans
                ],
                **extra,
            }
        ).encode()

    @classmethod
    def _take_in(cls, number, *scans, connector=None, **extra):
        """Store a message, process it, and return it."""
        message_id, _new = (connector or cls.connector)._receive(
            cls._body(number, *scans, **extra), "application/json"
        )
        cls.lane._drain()
        return cls.messages.browse(message_id)

    @classmethod
    def _create_user(cls, login, groups, company=None):
        company = company or cls.env.company
        return new_test_user(
            cls.env,
            login=login,
            groups=groups,
            company_id=company.id,
            company_ids=[Command.set(company.ids)],
        )

    @staticmethod
    def _sign(body, secret=SECRET):
        return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


class Received(NamedTuple):
    """A call as the partner saw it."""

    method: str
    path: str
    headers: dict
    body: bytes


class _Handler(BaseHTTPRequestHandler):
    """Answers every call with what the test prepared."""

    def _answer(self):
        size = int(self.headers.get("Content-Length") or 0)
        self.server.calls.append(
            Received(self.command, self.path, dict(self.headers), self.rfile.read(size))
        )
        answers = self.server.answers
        answer = answers.pop(0) if answers else self.server.answer
        if callable(answer):
            answer(self)
            return
        status, headers, body = answer
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_DELETE = _answer

    def log_message(self, *args):
        """Keep the test's output clean."""


class PartnerCommon(LogisticsCommon):
    """The connector's partner is a server in a thread of this process.

    ``partner.answers`` are given one after the other, then ``partner.answer``, each
    (status, headers, body) or a function of the handler. ``partner.calls`` are the
    :class:`Received` ones.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.partner = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        cls.partner.daemon_threads = True
        cls.addClassCleanup(cls.partner.server_close)
        cls.addClassCleanup(cls.partner.shutdown)
        threading.Thread(
            target=cls.partner.serve_forever, args=(0.05,), daemon=True
        ).start()
        cls.outbox = cls.env["logistics.outbox"]
        cls._call_partner(cls.connector)

    def setUp(self):
        super().setUp()
        self.partner.calls = []
        self.partner.answers = []
        self.partner.answer = (200, {"Content-Type": "application/json"}, b"{}")

    @classmethod
    def _call_partner(cls, connector):
        """Let a connector call the server of this test."""
        connector.write(
            {
                "base_url": f"http://127.0.0.1:{cls.partner.server_address[1]}",
                "allow_loopback": True,
            }
        )
