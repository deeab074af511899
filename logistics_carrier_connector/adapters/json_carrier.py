# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What the adapters of carriers that answer in JSON have in common."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from odoo.addons.logistics_canonical.core.adapter import (
    Parsed,
    Problem,
    Response,
    Result,
)
from odoo.addons.logistics_canonical.core.readers import ReadError

from ..core.carrier import ASKED_WITH, CarrierAdapter
from ..core.shipping import Booked, Cancelled, ShipRequest
from .answer_values import at, text_at, text_of


class JsonCarrier(CarrierAdapter):
    """A carrier whose errors are codes and sentences in JSON."""

    #: What an error says when a thing was cancelled before; None when the sentence
    #: alone doesn't tell.
    already: re.Pattern | None = re.compile(
        r"\balready\s+(?:been\s+)?(?:cancel|delet)", re.IGNORECASE
    )

    def errors(self, tree: Any) -> Iterator[tuple[str, str]]:
        """Yield code and text, for a person, of each error an answer holds."""
        raise NotImplementedError

    def parse_response(
        self,
        operation: str,
        response: Response,
        profile,
        request: Mapping[str, Any] | None = None,
    ) -> Result:
        """See :meth:`CarrierAdapter.parse_response`.

        Every error the answer names becomes a problem of its own. That a thing was
        cancelled before is what a repeated cancellation wants to hear.
        """
        result = super().parse_response(operation, response, profile, request)
        if operation not in ASKED_WITH or result.ok:
            return result
        try:
            told = list(self.errors(self.read_body(response, profile)))
        except ReadError:
            return result
        if operation in ("cancel", "pickup_cancel") and self.already:
            for code, words in told:
                name = code.replace(".", " ").replace("_", " ")
                said = self.already.search(words) or self.already.search(name)
                # "Cancelled or completed" leaves open which.
                if said and "complet" not in words.lower():
                    value = Cancelled("already", words)
                    return replace(
                        result, error_class="", parsed=Parsed(), data={"value": value}
                    )
        if not told or any(one.kind == "no_data" for one in result.parsed.problems):
            return result
        # That there is nothing is an answer only to who asked for it.
        kinds = profile.error_codes if operation in ("find", "label") else {}
        problems = tuple(
            Problem(
                kinds.get(code, {}).get("problem", "partner_error"),
                code=code,
                text=words,
            )
            for code, words in told
        )
        return replace(result, parsed=Parsed(problems=problems))

    # === RETURNS === #

    def return_body(self, request: ShipRequest, profile):
        """Book a return; the shipper is who sends the goods back to us."""
        return self.book_body(replace(request, is_return=True), profile)

    def read_return(self, tree, request: ShipRequest, response: Response) -> Booked:
        """Return what was booked; its labels are return labels."""
        return self.read_book(tree, replace(request, is_return=True), response)


def gateway_errors(tree: Any) -> Iterator[tuple[str, str]]:
    """Yield what stands before a carrier's API says when it lets nothing through.

    It has forms of its own: OAuth's, an API gateway's fault.
    """
    error = at(tree, "error")
    if error:
        code = text_at(error, "code") or text_of(error)
        words = text_at(error, "message") or text_at(tree, "error_description")
        yield code, words or text_at(tree, "message") or code
        return
    for name in ("fault", "Fault"):
        fault = at(tree, name)
        if fault:
            code = text_at(fault, "detail", "errorcode")
            yield code or text_at(fault, "faultcode"), text_at(fault, "faultstring")
            return
