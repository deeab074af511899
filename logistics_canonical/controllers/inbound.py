# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import logging
import threading
import time
from datetime import datetime, timezone

import psycopg2.errors

from odoo import SUPERUSER_ID, http
from odoo.http import Response, request

from ..core.problem_json import problem
from ..core.webhook import decoy_verify
from ..waker import wake

_logger = logging.getLogger(__name__)

MAX_BYTES = 1024 * 1024
TOO_LARGE = f"The body is larger than {MAX_BYTES} bytes."
FORM_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data")
#: Refused signatures are told to people at most this often per connector.
REFUSAL_INTERVAL = 60.0

_refusals = {}
_refusals_lock = threading.Lock()


class InboundController(http.Controller):
    """Where partners' messages come in: check, store, answer."""

    @http.route(
        [
            "/logistics/v1/in/<string:public_id>",
            "/logistics/v1/in/<string:public_id>/<string:stream>",
        ],
        type="http",
        auth="logistics",
        methods=["POST"],
        csrf=False,
        save_session=False,
        readonly=False,
        max_content_length=MAX_BYTES,
    )
    def receive(self, public_id, stream="", **_query):
        """Store one message and answer 202, or 200 when it is known already.

        Nothing is interpreted here, so nothing a message says can make this
        fail. Refusals say why in the form of RFC 9457.
        """
        httprequest = request.httprequest
        body = httprequest.get_data(cache=False)
        # A body without a length is cut at the limit by the server, so one that
        # reaches it may not be whole.
        if httprequest.content_length is None and len(body) >= MAX_BYTES:
            return _refuse(413, TOO_LARGE)
        route = request.env["logistics.connector"]._inbound_route(public_id)
        if route is None:
            decoy_verify(body)
            return _refuse(401, "Unknown address or wrong signature.")
        now = datetime.now(timezone.utc)
        if route.expires_at and route.expires_at <= now:
            request.env.registry.clear_cache()
            route = request.env["logistics.connector"]._inbound_route(public_id)
        headers = {name.lower(): value for name, value in httprequest.headers.items()}
        verdict = route.verifier.verify(
            headers, body, httprequest.method, httprequest.path, now
        )
        if not verdict.ok:
            _note_refusal(route.connector_id, verdict.reason)
            return _refuse(401, "Unknown address or wrong signature.")
        if stream and stream not in route.lanes:
            return _refuse(404, "This partner has no such stream.")
        if len(body) > route.max_bytes:
            return _refuse(413, f"The body is larger than {route.max_bytes} bytes.")
        if route.bucket and not route.bucket.take(time.monotonic()):
            return _refuse(429, "Too many messages a second.", {"Retry-After": "1"})
        if not body:
            return _refuse(400, "The body is empty.")
        return _store(route, body, headers, stream, verdict.message_id)


def refusal(httprequest):
    """Return why a request can't be read, as a response, or None.

    Asked before anything of the body is read: parsing a form would take the raw
    bytes away, and what is too large need not be received.
    """
    if httprequest.mimetype in FORM_TYPES:
        return _refuse(415, "Form bodies can't be verified: send the body as is.")
    if httprequest.headers.get("Content-Encoding", "identity") != "identity":
        return _refuse(415, "Compressed bodies are not accepted.")
    if (httprequest.content_length or 0) > MAX_BYTES:
        return _refuse(413, TOO_LARGE)
    return None


def _store(route, body, headers, stream, message_id):
    lane = route.lanes.get(stream) or route.default_lane
    values = {
        "connector_id": route.connector_id,
        "company_id": route.company_id,
        "user_id": route.user_id,
        "lane": lane,
        "stream": stream,
        "operation": "",
        "body": body,
        "content_type": headers.get("content-type", "")[:100],
        "headers": headers,
        "request": None,
        "message_id": message_id
        or (headers.get(route.dedupe_header, "") if route.dedupe_header else ""),
        "parent_id": None,
    }
    cr = request.env.cr
    connectors = request.env["logistics.connector"]
    try:
        _row, is_new = connectors._store_inbound(cr, values)
    except psycopg2.errors.SerializationFailure:
        # A twin was stored while this one was on its way. In a new snapshot the
        # insert sees it; retrying the whole request would only add a delay.
        cr.rollback()
        _row, is_new = connectors._store_inbound(cr, values)
    if is_new:
        dbname = cr.dbname
        cr.postcommit.add(lambda: wake(dbname, lane))
    answer = route.acknowledgement
    return Response(
        answer.get("body", ""),
        status=answer.get("status", 202) if is_new else 200,
        content_type=answer.get("content_type", "application/json"),
    )


def _refuse(status, detail, headers=None):
    body, content_type = problem(status, detail)
    return Response(
        body, status=status, content_type=content_type, headers=headers or {}
    )


def _note_refusal(connector_id, reason):
    """Count a refused signature; tell people about once a minute.

    A row for each refusal would let anybody fill the database.
    """
    now = time.monotonic()
    with _refusals_lock:
        count, told = _refusals.get(connector_id, (0, -REFUSAL_INTERVAL))
        due = now - told >= REFUSAL_INTERVAL
        _refusals[connector_id] = (0, now) if due else (count + 1, told)
    if due:
        # Nobody is logged in; the note is the connector's own.
        connector = request.env(user=SUPERUSER_ID)["logistics.connector"].browse(
            connector_id
        )
        connector._note_auth_failures(count + 1, reason)
