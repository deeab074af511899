# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import models, tools


class ResCountry(models.Model):
    _inherit = "res.country"

    # Odoo clears this cache when a country changes.
    @tools.ormcache("self.id", cache="stable")
    def _logistics_code(self):
        """Return the ISO 3166 code as carriers are told it, empty for no country."""
        return self.code or ""
