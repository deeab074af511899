# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import hashlib
import hmac
import json

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
