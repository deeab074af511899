# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What a partner's functions get and give, free of sockets."""

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass
class Answer:
    """An answer: JSON when the body is a dict or a list, else text or bytes."""

    status: int
    body: object = ""
    content_type: str = ""
    headers: dict = field(default_factory=dict)

    def data(self):
        """Return the body's bytes."""
        if isinstance(self.body, bytes):
            return self.body
        if isinstance(self.body, str):
            return self.body.encode()
        return json.dumps(self.body).encode()


class Refusal(Exception):
    """Ends a partner's function early with the answer it carries."""

    def __init__(self, answer):
        super().__init__(answer.status)
        self.answer = answer


@dataclass
class Request:
    """A call as it came; ``base`` is the simulator's own address.

    ``denied`` is set by a fault and makes the credentials count as wrong;
    ``half`` makes every second parcel of a batch fail, where the partner has batches.
    """

    method: str
    path: str
    query: dict
    headers: Mapping
    body: bytes = b""
    base: str = ""
    denied: bool = False
    half: bool = False

    def json(self):
        """Return the body as a dict; {} when it is none (say what is missing)."""
        try:
            value = json.loads(self.body or b"{}")
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}

    def asked(self, name, default=""):
        """Return a value of the query string."""
        return self.query.get(name, [default])[0]

    def header(self, name):
        return self.headers.get(name) or ""

    def basic(self):
        """Return (user, password) of HTTP Basic, or None."""
        kind, _, coded = self.header("Authorization").partition(" ")
        if kind.lower() != "basic":
            return None
        try:
            user, _, password = base64.b64decode(coded).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        return user, password

    def bearer(self):
        """Return the token of ``Authorization: Bearer``, or ''."""
        kind, _, token = self.header("Authorization").partition(" ")
        return token.strip() if kind.lower() == "bearer" else ""


@dataclass
class Route:
    """A partner's operation.

    ``answer(request, state, *groups)`` gives an Answer or (status, body).
    ``reference(request, state, *groups)`` gives our reference of a call that books
    and None for one that does not; a route without it never books.
    """

    method: str
    path: str
    answer: Callable
    reference: Callable = None

    def match(self, method, path):
        """Return the groups of the path, or None when the route is another."""
        found = re.fullmatch(self.path, path) if method == self.method else None
        return found.groups() if found else None


def at(value, path, default=None):
    """Follow dots and indices through parsed JSON; ``default`` where it ends."""
    for name in path.split("."):
        if isinstance(value, list):
            value = value[int(name)] if name.isdigit() and int(name) < len(value) else 0
        elif isinstance(value, dict):
            value = value.get(name)
        else:
            return default
    return default if value in (None, "") else value


def listed(value):
    """Return a list: partners take one object where several may stand."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def number(value):
    """Return a float, or 0.0 for what is none."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return 0.0
