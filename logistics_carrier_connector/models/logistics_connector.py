# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import models

from ..adapters import ADAPTERS


class LogisticsConnector(models.Model):
    _inherit = "logistics.connector"

    def _adapter_classes(self):
        return {**super()._adapter_classes(), **ADAPTERS}

    def _prepare_call(self, operation, payload, idempotency_key=""):
        call = super()._prepare_call(operation, payload, idempotency_key)
        # A delivery method's account stands in the request, where no credential is.
        settings = payload.get("settings") or {}
        call.keep_secret(settings.get("carrier_account"))
        return call
