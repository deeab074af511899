# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A partner's protocol as data.

A profile says how a partner is called and authenticated, how its pushes are
verified, which messages there are, where their events and fields lie, how times
are written and what its codes mean. ``profile.schema.json`` is the format; the
interpreter (``interpreter.py``) reads messages with it and ``calls.py`` builds
requests. A partner whose protocol is ordinary needs one JSON file and no Python.
"""

import copy
import json
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any
from zoneinfo import available_timezones

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from . import signing
from .adapter import Inbound, Outbound, Parsed, Response, Result
from .calls import body_kind, build_request, response_result
from .events import ACTUAL, UNMAPPED
from .interpreter import Program, ProgramError
from .readers import Limits, read
from .vocabulary import EVENT_TYPES, REASONS

SCHEMA = json.loads(
    Path(__file__).with_name("profile.schema.json").read_text(encoding="utf-8")
)
_VALIDATOR = Draft202012Validator(SCHEMA)
_FIELD = re.compile(r"\{(?:credential:)?([a-z][a-z0-9_]*)\??\}")

#: Anybody can push; what is read for that before the sender is known stays small.
_MOST_PUSH_BYTES = 2 * 1024 * 1024
_DEFAULT_ACKNOWLEDGEMENT = {"status": 202, "content_type": "", "body": ""}
_DEFAULT_POLL = {
    "operation": "track",
    "first_after_h": 4,
    "interval_h": 4,
    "stop_after_delivered_h": 48,
    "stop_after_days": 60,
}


class ProfileError(ValueError):
    """A profile that can't be used.

    :param errors: ``(place, message)`` pairs; the place is a JSON pointer
    """

    def __init__(self, errors: list[tuple[str, str]]):
        super().__init__("; ".join(f"{place}: {text}" for place, text in errors))
        self.errors = errors


def load_profile(data: Mapping[str, Any]) -> "Profile":
    """Check and compile a profile.

    :raise ProfileError: with every place that doesn't fit the format, names a
        code, reason, zone, credential or reference type that doesn't exist, or
        holds an expression that can't be compiled
    """
    errors = [
        (_pointer(error.absolute_path), _sentence(error))
        for error in sorted(_VALIDATOR.iter_errors(data), key=_where)
    ]
    if errors:
        raise ProfileError(errors)
    errors = [
        *_check_codes(data),
        *_check_zones(data),
        *_check_calls(data),
        *_check_messages(data),
    ]
    try:
        program = Program(data)
    except ProgramError as error:
        errors += [(part.place, str(part)) for part in error.errors]
    if errors:
        raise ProfileError(errors)
    return Profile(data, program)


class Profile:
    """A checked and compiled profile. It is never changed.

    :ivar credentials: what an administrator has to fill in
    :ivar webhook: the verification of pushes, None when the partner sends none
    :ivar push: ``fact``, or ``hint`` when the sender is too weakly
        authenticated to be believed and the partner is asked instead
    :ivar code_table: partner code → ``{event, reason, classifier, text}``
    """

    def __init__(self, data: Mapping[str, Any], program: Program):
        self.data = data
        self.key: str = data["key"]
        self.name: str = data["name"]
        self.version: int = data["version"]
        self.adapter: str = data.get("adapter", "profile")
        self.credentials: list[dict[str, Any]] = [
            {"help": "", "secret": True, "required": True, "kind": "password", **field}
            for field in data.get("credentials", ())
        ]
        self.endpoints: Mapping[str, str] = data.get("endpoints", {})
        self.auth: Mapping[str, Mapping[str, Any]] = data.get("auth", {})
        self.webhook: Mapping[str, Any] | None = data.get("webhook")
        self.push: str = data.get("push", "fact")
        self.dedupe_header: str = data.get("dedupe_header", "")
        self.streams: Mapping[str, Any] = data.get("streams", {"": {}})
        self.operations: Mapping[str, Any] = data.get("operations", {})
        self.acknowledgement = {
            **_DEFAULT_ACKNOWLEDGEMENT,
            **data.get("acknowledgement", {}),
        }
        self.limits: Mapping[str, Any] = data.get("limits", {})
        self.poll = {**_DEFAULT_POLL, **data.get("poll", {})}
        self.reasons: Mapping[str, str] = data.get("reasons", {})
        self.error_codes: Mapping[str, Any] = data.get("error_codes", {})
        self.reader_limits = Limits(
            **{
                name: self.limits[name]
                for name in ("max_bytes", "max_depth", "max_items")
                if name in self.limits
            }
        )
        self.max_push_bytes: int = self.limits.get(
            "max_push_bytes", min(self.reader_limits.max_bytes, _MOST_PUSH_BYTES)
        )
        self._program = program
        self._set_codes(
            {code: _code_row(row) for code, row in data.get("codes", {}).items()}
        )

    def _set_codes(self, table):
        self.code_table: Mapping[str, Mapping[str, str]] = MappingProxyType(table)
        self._found: dict[str, Mapping[str, str] | None] = {}

    def with_overrides(self, codes: Mapping[str, tuple[str, str]]) -> "Profile":
        """Return this profile with other meanings for some codes.

        :param codes: partner code → (event type, reason or ``""``)
        """
        if not codes:
            return self
        table = dict(self.code_table)
        for code, (event, reason) in codes.items():
            row = table.get(code) or _code_row(event)
            table[code] = {**row, "event": event, "reason": reason or ""}
        changed = copy.copy(self)
        changed._set_codes(table)
        return changed

    def find_code(self, code: str) -> Mapping[str, str] | None:
        """Return the status table's row for a partner code, None if unmapped.

        An exact entry wins. Else an entry ``a/b/*``, then ``a/*``, says that the
        coarse part alone, which the partner sends too, tells what happened.
        """
        try:
            return self._found[code]
        except KeyError:
            pass
        row = self.code_table.get(code)
        coarse = code
        while row is None and coarse:
            row = self.code_table.get(f"{coarse}/*")
            coarse = coarse.rpartition("/")[0]
        # Codes come from outside: remember only so many.
        if len(self._found) < 4096:
            self._found[code] = row
        return row

    def interpret(self, inbound: Inbound) -> Parsed:
        """Say what a message means.

        :raise ReadError: when the body can't be read at all
        """
        kind = body_kind(inbound.body, inbound.content_type)
        tree = read(inbound.body, kind, self.reader_limits)
        parsed, _error_class = self._program.read(
            tree,
            kind,
            self,
            operation=inbound.operation,
            stream=inbound.stream,
            request=inbound.request,
        )
        return parsed

    def request(
        self,
        operation: str,
        payload: Mapping[str, Any],
        *,
        environment: str = "production",
        base_url: str = "",
    ) -> Outbound:
        """Build a request, without credentials (see :func:`.calls.build_request`)."""
        return build_request(
            self, operation, payload, environment=environment, base_url=base_url
        )

    def answer(
        self,
        operation: str,
        response: Response,
        request: Mapping[str, Any] | None = None,
    ) -> Result:
        """Say what an answer means for the request."""
        return response_result(self, self._program, operation, response, request)


def _code_row(row):
    if isinstance(row, str):
        row = {"event": row}
    return {
        "event": row["event"],
        "reason": row.get("reason", ""),
        "classifier": row.get("classifier", ACTUAL),
        "text": row.get("text", ""),
    }


def _pointer(path):
    return "".join(
        "/" + str(step).replace("~", "~0").replace("/", "~1") for step in path
    )


def _where(error: ValidationError):
    return [str(step) for step in error.absolute_path]


def _sentence(error: ValidationError) -> str:
    """Return a schema error as a sentence about the place it is shown with."""
    if error.validator == "additionalProperties":
        known = error.schema.get("properties")
        extra = sorted(set(error.instance) - set(known or ()))
        if known:
            return (
                f"{extra[0]!r} is not a key of this; there are "
                + ", ".join(sorted(known))
                + "."
            )
    if error.validator == "enum":
        allowed = ", ".join(repr(value) for value in error.validator_value)
        return f"{error.instance!r} is not one of {allowed}."
    if error.validator == "pattern":
        return (
            f"{error.instance!r} is not written as expected ({error.validator_value})."
        )
    if error.validator == "type":
        wanted = error.validator_value
        wanted = wanted if isinstance(wanted, str) else " or ".join(wanted)
        return f"{error.instance!r} should be of type {wanted}."
    return f"{error.message}."


def _check_codes(data):
    for code, row in data["codes"].items():
        place = _pointer(("codes", code))
        row = _code_row(row)
        if row["event"] not in EVENT_TYPES or row["event"] == UNMAPPED:
            yield place, f"{row['event']!r} is not an event type of the vocabulary."
        if row["reason"] and row["reason"] not in REASONS:
            yield place, f"{row['reason']!r} is not a reason of the vocabulary."
        if "*" in code.removesuffix("/*"):
            yield (
                place,
                "A wildcard stands only at the end, after a slash: 'failure/*'.",
            )
    for code, reason in data.get("reasons", {}).items():
        if reason not in REASONS:
            yield (
                _pointer(("reasons", code)),
                f"{reason!r} is not a reason of the vocabulary.",
            )


def _check_zones(data):
    known = available_timezones()
    zones = {("zones", place): zone for place, zone in data.get("zones", {}).items()}
    if "zone" in data:
        zones[("zone",)] = data["zone"]
    for path, zone in zones.items():
        if zone not in known:
            yield _pointer(path), f"{zone!r} is not an IANA time zone."


def _check_calls(data):
    credentials = {field["name"] for field in data.get("credentials", ())}
    for name, auth in data.get("auth", {}).items():
        place = _pointer(("auth", name))
        unknown = sorted(_credential_names(auth) - credentials)
        if unknown:
            yield place, f"{unknown[0]!r} is not one of the credentials."
        yield from ((place, text) for text in _check_auth(auth))
    for name, operation in data.get("operations", {}).items():
        scheme = operation.get("auth", "none")
        if scheme != "none" and scheme not in data.get("auth", {}):
            yield (
                _pointer(("operations", name, "auth")),
                f"{scheme!r} is not one of the schemes in auth.",
            )
        if "endpoints" not in operation and "endpoints" not in data:
            yield _pointer(("operations", name)), "There is no endpoint to call."
    poll = data.get("poll", {}).get("operation")
    if poll and poll not in data.get("operations", {}):
        yield "/poll/operation", f"{poll!r} is not one of the operations."
    webhook = data.get("webhook", {})
    for place, spec in [
        ("/webhook", webhook),
        *(
            (f"/webhook/alternatives/{i}", spec)
            for i, spec in enumerate(webhook.get("alternatives", ()))
        ),
    ]:
        if spec.get("secret") and spec["secret"] not in credentials:
            yield (
                f"{place}/secret",
                f"{spec['secret']!r} is not one of the credentials.",
            )
        if spec.get("scheme") in ("hmac", "rsa", "static") and not spec.get("header"):
            yield place, f"The scheme {spec['scheme']} needs the header it is in."


#: What a scheme can't do without, beside what every scheme may have.
_NEEDS = {
    "query": ("query",),
    "oauth2_client_credentials": ("token_url", "client_id", "client_secret"),
    "oauth2_jwt_bearer": ("token_url", "key"),
    "jwt_bearer": ("key",),
    "signature": ("algorithm", "key", "signed", "header"),
    "wsse_username_token": ("username", "password"),
    "wsse_signature": ("certificate", "key"),
}
#: Templates of a signed request: they name more than credentials.
_SIGNED = ("signed", "value", "headers")


def _credential_names(auth):
    """Return the names that an entry of ``auth`` takes for credentials."""
    if auth["scheme"] != "signature":
        return set(_fields(auth))
    templates = [auth.get("signed", ""), auth.get("value", "")]
    templates += auth.get("headers", {}).values()
    others = {part: value for part, value in auth.items() if part not in _SIGNED}
    return signing.names(templates) | set(_fields(others))


def _check_auth(auth):
    scheme = auth["scheme"]
    for part in _NEEDS.get(scheme, ()):
        if part not in auth:
            yield f"The scheme {scheme} needs a {part}."
    allowed = {
        "signature": signing.ALGORITHMS,
        "jwt_bearer": signing.JWT_ALGORITHMS,
        "oauth2_jwt_bearer": signing.JWT_ALGORITHMS,
    }.get(scheme)
    algorithm = auth.get("algorithm")
    if algorithm and allowed is None:
        yield f"The scheme {scheme} has no algorithm."
    elif algorithm and algorithm not in allowed:
        yield f"{algorithm!r} is not an algorithm of the scheme {scheme}."
    if scheme == "signature" and "{signature}" not in auth.get("value", "{signature}"):
        yield "The header of a signature has to have {signature} in it."


def _check_messages(data):
    operations = set(data.get("operations", ())) | {""}
    for i, message in enumerate(data["messages"]):
        for operation in message.get("operations", ()):
            if operation not in operations:
                yield (
                    f"/messages/{i}/operations",
                    f"{operation!r} is not one of the operations.",
                )
        for j, block in enumerate(message.get("events", ())):
            place = f"/messages/{i}/events/{j}"
            names = [level["name"] for level in block["levels"]]
            taken = {"message", "request"}
            for name in names:
                if name in taken:
                    yield f"{place}/levels", f"Two levels are called {name!r}."
                taken.add(name)
            event = block.get("event")
            if event and event not in EVENT_TYPES:
                yield (
                    f"{place}/event",
                    f"{event!r} is not an event type of the vocabulary.",
                )
            if "time" not in block and block.get("time_required", True):
                if "code" in block or event:
                    yield place, "An event needs a time, or time_required false."


def _fields(value):
    """Yield the names in braces of every text in a value."""
    if isinstance(value, str):
        yield from _FIELD.findall(value)
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _fields(part)
    elif isinstance(value, list):
        for part in value:
            yield from _fields(part)
