# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import models

from ..adapters import ADAPTERS


class LogisticsConnector(models.Model):
    _inherit = "logistics.connector"

    def _adapter_classes(self):
        return {**super()._adapter_classes(), **ADAPTERS}
