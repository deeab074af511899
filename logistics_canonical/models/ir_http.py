# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from werkzeug.exceptions import abort

from odoo import models
from odoo.http import request

from ..controllers.inbound import refusal


class IrHttp(models.AbstractModel):
    _inherit = "ir.http"

    @classmethod
    def _auth_method_logistics(cls):
        """Partners authenticate by what they sign, over the raw bytes.

        The controller verifies that itself, before anything else happens; until
        then the request has no user, so nothing can be read by accident. What
        can't be read at all is refused here, before Odoo parses it.
        """
        request.session.can_save = False  # nobody logs in here
        refused = refusal(request.httprequest)
        if refused is not None:
            abort(refused)
        cls._auth_method_none()
