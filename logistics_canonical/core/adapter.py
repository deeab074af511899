# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What a partner protocol is, as pure functions.

The default :class:`Adapter` is driven by a profile alone and serves most
partners. A partner whose protocol a profile can't express gets a subclass in an
addon's ``adapters/``. No method does I/O or reads a clock.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from .events import CanonicalEvent, Reference

#: Why a try failed. The class, not a count alone, decides what happens next
#: (``core/retry.py``).
ERROR_CLASSES = ("transient", "throttled", "auth", "rejected", "poison", "unknown")

#: What a :class:`Problem` can be. ``partner_error``: the partner answered with
#: an error of its own. ``no_data``: the partner knows nothing (yet) of what was
#: asked. ``unmapped_code``: no status table entry. ``bad_value``: one event
#: could not be read (the others of the message stand).
PROBLEM_KINDS = ("partner_error", "no_data", "unmapped_code", "bad_value")


@dataclass(frozen=True, slots=True)
class Inbound:
    """A message as it came in.

    :param body: the bytes as received
    :param content_type: media type, lower case, with parameters
    :param headers: header names in lower case
    :param stream: path segment after the connector's id; ``""`` for the default
    :param operation: the operation this is an answer to (``track``), ``""`` for
        a push
    :param request: what was asked, for answers (``{"tracking_number": …}``)
    :param received_at: aware UTC instant of storing
    """

    body: bytes
    content_type: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    stream: str = ""
    operation: str = ""
    request: Mapping[str, Any] = field(default_factory=dict)
    received_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in a message that a person may have to look at.

    ``code`` and ``text`` are the partner's own for partner errors; for
    ``unmapped_code`` the code is the status-table key. ``place`` names where in
    the message (a JMESPath or XPath), ``reference`` the number it is about.
    """

    kind: str
    code: str = ""
    text: str = ""
    place: str = ""
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a message says.

    :param events: in the order of the message
    :param problems: errors and empty answers; never turned into an event
    :param documents: ``(kind, file name, content type, bytes)`` tuples
    :param hints: references a weakly authenticated push names; the caller asks
        the partner about them instead of believing the push
    :param ignored: why there is nothing to do (a message type that isn't about
        a shipment), empty otherwise
    """

    events: tuple[CanonicalEvent, ...] = ()
    problems: tuple[Problem, ...] = ()
    documents: tuple[tuple[str, str, str, bytes], ...] = ()
    hints: tuple[Reference, ...] = ()
    ignored: str = ""


@dataclass(frozen=True, slots=True)
class Outbound:
    """A request ready to be sent. ``auth`` names the profile's auth scheme; the
    transport adds credentials, so that they appear in no stored request."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    auth: str = ""


@dataclass(frozen=True, slots=True)
class Response:
    """A partner's answer. ``headers`` have lower-case names."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Result:
    """What an answer means for the request.

    :param error_class: one of :data:`ERROR_CLASSES`, empty when it succeeded
    :param retry_after: seconds the partner asked us to wait, None if it didn't
    :param parsed: what the answer says
    :param data: further results by name
    """

    error_class: str = ""
    retry_after: float | None = None
    parsed: Parsed = Parsed()
    data: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """True when the partner did what was asked."""
        return not self.error_class


class Adapter:
    """A partner protocol that a profile describes completely.

    Registered as ``profile``, the default. A partner whose protocol a profile
    can't express gets a subclass that overrides what differs.
    """

    def parse_inbound(self, inbound: Inbound, profile) -> Parsed:
        """Say what a push, or a stored answer (``inbound.operation``), means.

        :param inbound: the message as it came in
        :param profile: the :class:`~.profile.Profile` it is read with
        :raise ReadError: when the body can't be read at all (``core/readers``)
        """
        return profile.interpret(inbound)

    def build_request(
        self,
        operation: str,
        payload: Mapping[str, Any],
        profile,
        *,
        environment: str = "production",
        base_url: str = "",
    ) -> Outbound:
        """Build the request of an operation, without credentials.

        :param payload: the values the operation's templates ask for
            (``{"tracking_number": …}``)
        :param environment: ``sandbox`` or ``production``
        :param base_url: used instead of the profile's endpoint
        :raise CallError: when a value or an endpoint is missing
            (``core/calls.py``)
        """
        return profile.request(
            operation, payload, environment=environment, base_url=base_url
        )

    def parse_response(
        self,
        operation: str,
        response: Response,
        profile,
        request: Mapping[str, Any] | None = None,
    ) -> Result:
        """Say what an answer means. Never raises on a hostile answer.

        :param request: the payload the request was built from
        """
        return profile.answer(operation, response, request)

    def is_report(self, operation: str) -> bool:
        """Tell whether an answer is a report of events, interpreted like a push.

        Otherwise it is the outcome of what was asked, for the record that asked.
        """
        return True

    def lookup_request(
        self,
        operation: str,
        payload: Mapping[str, Any],
        profile,
        *,
        environment: str = "production",
        base_url: str = "",
    ) -> Outbound | None:
        """Return how to ask whether a request of unknown fate arrived.

        :return: the request of the operation that the profile names as the
            ``lookup``; None when the partner can't be asked
        """
        lookup = profile.operations.get(operation, {}).get("lookup")
        if not lookup:
            return None
        return self.build_request(
            lookup, payload, profile, environment=environment, base_url=base_url
        )

    def parse_lookup(
        self,
        operation: str,
        response: Response,
        profile,
        request: Mapping[str, Any] | None = None,
    ) -> tuple[str, Result]:
        """Say what the answer to a lookup means.

        :return: ``found`` with what the operation's own answer would have
            brought; ``absent``; or ``failed``, when the answer tells neither
        """
        lookup = profile.operations[operation]["lookup"]
        result = self.parse_response(lookup, response, profile, request)
        if result.ok and result.data:
            return "found", result
        if response.status == 200 and not response.body.strip():
            # A system that is ill says nothing, too.
            return "failed", result
        # A page for people comes from a gateway, or from where the partner once was.
        page = response.body.lstrip()[:15].lower().startswith((b"<!doctype", b"<html"))
        absent = (response.status in (404, 410) and not page) or any(
            problem.kind == "no_data" for problem in result.parsed.problems
        )
        if absent:
            return "absent", result
        return ("found" if result.ok else "failed"), result
