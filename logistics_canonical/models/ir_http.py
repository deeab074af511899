# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import models


class IrHttp(models.AbstractModel):
    _inherit = "ir.http"

    @classmethod
    def _auth_method_logistics(cls):
        """Partners authenticate by what they sign, over the raw bytes.

        The controller verifies that itself, before anything else happens; until
        then the request has no user, so nothing can be read by accident.
        """
        cls._auth_method_none()
