# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What every carrier's adapter shares: one way to ask, one way to read answers.

An adapter says for each operation what the body is (``<operation>_body``) and what
a good answer means (``read_<operation>``); where to send it, how to authenticate,
and what a repetition does stay in the profile. Operations and what they travel
with:

=================  =============================  ==========================
operation          asked with                     ``Result.data["value"]``
=================  =============================  ==========================
``rate``           :class:`ShipRequest`           tuple of :class:`Quote`
``book``           :class:`ShipRequest`           :class:`Booked`
``return``         :class:`ShipRequest`           :class:`Booked`
``find``           :class:`ShipRequest`           :class:`Booked` (a lookup)
``cancel``         :class:`BookedRef`             :class:`Cancelled`
``label``          :class:`BookedRef`             tuple of :class:`Document`
``document``       ``{"url": …}``                 :class:`Document`
``pickup``         :class:`PickupRequest`         :class:`PickupBooked`
``pickup_cancel``  :class:`PickupRequest`         :class:`Cancelled`
``manifest``       :class:`ManifestRequest`       :class:`Manifested`
=================  =============================  ==========================
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from odoo.addons.logistics_canonical.core.adapter import (
    Adapter,
    Outbound,
    Parsed,
    Problem,
    Response,
    Result,
)
from odoo.addons.logistics_canonical.core.calls import (
    CallError,
    body_kind,
    frame,
    refuse_markers,
)
from odoo.addons.logistics_canonical.core.readers import ReadError, read
from odoo.addons.logistics_canonical.core.retry import classify

from .shipping import (
    BookedRef,
    Document,
    ManifestRequest,
    PickupRequest,
    ShipRequest,
    from_payload,
)

#: Which dataclass an operation is asked with.
ASKED_WITH = {
    "rate": ShipRequest,
    "book": ShipRequest,
    "return": ShipRequest,
    "find": ShipRequest,
    "cancel": BookedRef,
    "label": BookedRef,
    "pickup": PickupRequest,
    "pickup_cancel": PickupRequest,
    "manifest": ManifestRequest,
}


class AnswerError(ValueError):
    """The partner's answer doesn't say what it should.

    :param code: the partner's code, when the answer is an error in disguise
    """

    kind = "partner_error"

    def __init__(self, text, code="", error_class="poison"):
        super().__init__(text)
        self.code = code
        self.error_class = error_class


class NotFoundError(AnswerError):
    """What was asked for isn't there: raised by ``read_find`` when the answer
    says that there is no such booking."""

    kind = "no_data"

    def __init__(self, text="The partner has no such booking", code=""):
        super().__init__(text, code, error_class="rejected")


class CarrierAdapter(Adapter):
    """A carrier that is also asked to do something.

    A subclass defines for each operation of its profile
    ``<operation>_body(request, profile)``, which returns ``(values, body)``:
    what fills the operation's path, query and headers, and the body (a JSON
    value, bytes, or None for none); and ``read_<operation>(tree, request,
    response)``, which returns the value of the answer. ``tree`` is what
    ``core/readers`` read: plain values for JSON, an lxml element for XML.
    """

    #: How many parcels a booking can have; 1 when the carrier books one by one.
    max_packages = 99
    #: What a booking needs that not every carrier does, as in ``core/checks``:
    #: ``recipient.phone``, ``service``.
    required: tuple[str, ...] = ()

    def is_report(self, operation: str) -> bool:
        """See :meth:`Adapter.is_report`: carriers report when they are tracked."""
        return operation.startswith("track")

    def build_request(
        self,
        operation: str,
        payload: Mapping[str, Any],
        profile,
        *,
        environment: str = "production",
        base_url: str = "",
    ) -> Outbound:
        """See :meth:`Adapter.build_request`.

        :raise CallError: when a value is missing; the text is for a person
        """
        if operation == "document":
            return self._document_request(payload, profile, environment, base_url)
        if operation not in ASKED_WITH:
            return super().build_request(
                operation,
                payload,
                profile,
                environment=environment,
                base_url=base_url,
            )
        refuse_markers(payload)
        payload = dict(payload)
        key = payload.pop("idempotency_key", "")
        try:
            request = from_payload(ASKED_WITH[operation], payload)
        except ValueError as error:
            raise CallError(str(error)) from error
        build = getattr(self, f"{operation}_body", None)
        if build is None:
            raise CallError(f"{profile.name} has no operation {operation!r}.")
        values, body = build(request, profile)
        content_type = ""
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body, ensure_ascii=False).encode()
            content_type = "application/json"
        return frame(
            profile,
            operation,
            {"idempotency_key": key, **values},
            body or b"",
            content_type,
            environment=environment,
            base_url=base_url,
        )

    def parse_response(
        self,
        operation: str,
        response: Response,
        profile,
        request: Mapping[str, Any] | None = None,
    ) -> Result:
        """See :meth:`Adapter.parse_response`.

        An answer that can't be read leaves open whether the carrier did it:
        ``poison``, which the outbox treats as unknown for what is not repeatable.
        """
        if operation == "document":
            return self._read_document(response, request or {})
        result = super().parse_response(operation, response, profile, request)
        if operation not in ASKED_WITH or (
            result.error_class and result.error_class != "poison"
        ):
            return result
        try:
            tree = self.read_body(response, profile)
            asked = from_payload(ASKED_WITH[operation], request or {})
            value = getattr(self, f"read_{operation}")(tree, asked, response)
        except AnswerError as error:
            return _failed(error.error_class, str(error), error.code, error.kind)
        except ReadError as error:
            return _failed("poison", str(error), error.code)
        # What a partner leaves out or writes otherwise than it said.
        except (
            LookupError,
            TypeError,
            ValueError,
            AttributeError,
            ArithmeticError,
        ) as error:
            return _failed("poison", f"The answer can't be understood: {error!r}")
        # What the profile's rules for reports make of it says nothing about this.
        return replace(
            result,
            error_class="",
            parsed=Parsed(),
            data={**result.data, "value": value},
        )

    def read_body(self, response: Response, profile):
        """Return an answer's body as plain values or an lxml element.

        :raise ReadError: when it can't be read
        """
        if not response.body.strip():
            return None
        kind = body_kind(response.body, response.headers.get("content-type", ""))
        return read(response.body, kind, profile.reader_limits)

    # === DOCUMENTS === #

    def _document_request(self, payload, profile, environment, base_url):
        """Fetch a paper from where the carrier keeps it.

        Our credentials go to the carrier's own hosts only, whatever address its
        answer names.
        """
        url = payload["url"]
        spec = profile.operations.get("document", {})
        endpoints = {*spec.get("endpoints", profile.endpoints).values(), base_url}
        hosts = {urlsplit(address).netloc for address in endpoints if address}
        auth = spec.get("auth", "") if urlsplit(url).netloc in hosts else ""
        # The same address may give several forms of a paper.
        accept = payload.get("content_type") or spec.get("accept", "*/*")
        return Outbound("GET", url, {"Accept": accept}, b"", auth)

    def _read_document(self, response, request):
        if response.status != 200 or not response.body:
            error_class = classify(response.status) or "transient"
            return _failed(error_class, f"HTTP {response.status}")
        document = Document(
            kind=request.get("kind", "label"),
            name=request.get("name", ""),
            content_type=response.headers.get("content-type", "").split(";")[0],
            data=response.body,
            package=request.get("package", ""),
        )
        return Result(data={"value": document})


def _failed(error_class, text, code="", kind="partner_error"):
    problem = Problem(kind, code=code, text=text)
    return Result(error_class, parsed=Parsed(problems=(problem,)))


def why_not(result: Result) -> str:
    """Return why a carrier did not do it, for a person."""
    texts = [problem.text or problem.code for problem in result.parsed.problems]
    return (
        "; ".join(filter(None, dict.fromkeys(texts)))
        or result.data.get("why")
        or result.error_class
    )
