# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import models


class LogisticsOwnerMixin(models.AbstractModel):
    _inherit = "logistics.owner.mixin"

    def _raise_exception(self, code, **evidence):
        self.ensure_one()
        if self.env["logistics.exception"]._open_for(self, code, evidence):
            return super()._raise_exception(code, **evidence)
        return None

    def _resolve_exception(self, code, **evidence):
        for record in self:
            self.env["logistics.exception"]._close_for(record, code, evidence)
        return super()._resolve_exception(code, **evidence)
