# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import hashlib

from odoo import http
from odoo.http import Response, request

OPTIONS = {
    "type": "http",
    "auth": "none",
    "methods": ["POST"],
    "csrf": False,
    "save_session": False,
}


class BenchController(http.Controller):
    """The least a route can do, to measure ours against."""

    @http.route("/bench/empty", **OPTIONS)
    def empty(self):
        """Answer, nothing else."""
        return Response("{}", status=202, content_type="application/json")

    @http.route("/bench/insert", readonly=False, **OPTIONS)
    def insert(self):
        """Store the body with one statement and answer."""
        body = request.httprequest.get_data(cache=False)
        request.env.cr.execute(
            "INSERT INTO logistics_bench_message (dedupe_key, body) VALUES (%s, %s) "
            "ON CONFLICT (dedupe_key) DO NOTHING",
            [hashlib.sha256(body).hexdigest(), body],
        )
        return Response("{}", status=202, content_type="application/json")
