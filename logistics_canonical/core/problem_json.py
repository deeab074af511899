# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Refusals in the form of RFC 9457, problem details for HTTP APIs."""

import json
from http import HTTPStatus

CONTENT_TYPE = "application/problem+json"


def problem(status: int, detail: str, **extra) -> tuple[bytes, str]:
    """Return the body and content type of a refusal.

    :param status: HTTP status
    :param detail: what is wrong and what to do, for the sender's people
    :param extra: further members
    """
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        **extra,
    }
    return json.dumps(body).encode(), CONTENT_TYPE
