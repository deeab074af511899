# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Turns a partner's message into canonical events, driven by a profile.

A profile is compiled once into a :class:`Program`; running it over a message
visits the levels of each block (shipments → packages → activities), reads each
value as far out as it can be read, and builds one event per innermost node.
What can't be read becomes a :class:`~.adapter.Problem` that names the place; the
other events of the message stand.
"""

import base64
import binascii
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lxml import etree

from .adapter import Parsed, Problem
from .compiler import CompileError, Compiler
from .events import (
    ACTUAL,
    CLASSIFIERS,
    UNMAPPED,
    CanonicalEvent,
    Location,
    Reference,
)
from .expressions import Expression, as_text, as_texts, is_false
from .identity import event_identity
from .retry import classify
from .times import ParsedTime
from .walk import (
    ALSO,
    CLASSIFIER,
    CODE,
    CONTENT,
    CONTENT_TYPE,
    EXTRA,
    KIND,
    LOCATION,
    NAME,
    PARTNER_ID,
    REASON,
    REFERENCES,
    REPORTED,
    RETRACTS,
    SEQUENCE,
    TEXT,
    TIME,
    VALUE_ERRORS,
    Bad,
    Walk,
)

#: Of several errors in one answer, the one that decides what happens next.
_ERROR_ORDER = ("auth", "throttled", "transient", "poison", "rejected", "unknown", "")

_NOWHERE = Location()

_LARGEST_SEQUENCE = 2**31


class ProgramError(ValueError):
    """A profile with parts that can't be compiled.

    :param errors: one per message or error rule
    """

    def __init__(self, errors: Sequence[CompileError]):
        super().__init__("; ".join(map(str, errors)))
        self.errors = errors


class _Block:
    """One ``events`` entry of a message."""

    __slots__ = (
        "event",
        "has_event",
        "identity_place",
        "identity_time",
        "order",
        "time_required",
        "walk",
    )

    def __init__(self, compiler, spec, place):
        parts = {REFERENCES: compiler.references(spec, place)}
        location = compiler.location(spec.get("location", {}), f"{place}/location")
        if "location" in spec:
            parts[LOCATION] = location
        for slot, key in (
            (TEXT, "text"),
            (REASON, "reason"),
            (SEQUENCE, "sequence"),
            (CLASSIFIER, "classifier"),
            (RETRACTS, "retracts"),
        ):
            if key in spec:
                parts[slot] = compiler.text(spec[key], f"{place}/{key}")
        if "code" in spec:
            parts[CODE] = compiler.code(spec["code"], f"{place}/code")
        for slot, key in ((TIME, "time"), (REPORTED, "reported")):
            if key in spec:
                parts[slot] = compiler.time(spec[key], f"{place}/{key}", location)
        identity = spec.get("identity", {})
        where = f"{place}/identity"
        if "id" in identity:
            parts[PARTNER_ID] = compiler.text(identity["id"], f"{where}/id")
        if "also" in identity:
            also = [
                compiler.text(value, f"{where}/also/{i}")
                for i, value in enumerate(identity["also"])
            ]
            parts[ALSO] = _all(also)
        if "extra" in spec:
            extra = {
                name: compiler.value(value, f"{place}/extra/{name}")
                for name, value in spec["extra"].items()
            }
            parts[EXTRA] = _extra(extra)
        self.identity_place = identity.get("place", True)
        self.identity_time = identity.get("time", True)
        self.event = spec.get("event", "")
        self.has_event = bool(self.event) or "code" in spec
        self.time_required = spec.get("time_required", True)
        self.order = spec.get("order")
        self.walk = Walk(compiler, spec, place, parts)

    def names(self, tree, request) -> Iterator[Reference]:
        """Yield the most specific reference of each node."""
        for _scope, slots, _indices, _counts in self.walk.run(tree, request):
            references = slots[REFERENCES]
            if references.__class__ is not Bad and references[0]:
                yield references[0][0]

    def read(self, tree, request, profile, events, problems) -> None:
        """Append the events and problems of a message."""
        walk = self.walk
        for scope, slots, indices, counts in walk.run(tree, request):
            if slots[REPORTED].__class__ is Bad:
                # When the partner heard of it is worth less than the event.
                slots[REPORTED] = None
            bad = [slot for slot in slots if slot.__class__ is Bad]
            references = slots[REFERENCES]
            named = () if references.__class__ is Bad else references[0]
            if not bad and not named:
                bad.append(Bad("", "names no shipment or parcel"))
            if not bad and slots[TIME] is None and self.time_required:
                bad.append(Bad("", "has no time"))
            if bad:
                problems.append(
                    Problem(
                        kind="bad_value",
                        code=as_text(slots[CODE]) if _readable(slots[CODE]) else "",
                        text=bad[0].text,
                        place=walk.place(scope, indices, counts, bad[0].place),
                        reference=named[0].value if named else "",
                    )
                )
                continue
            try:
                event, unmapped = self._event(slots, indices, counts, profile)
            except VALUE_ERRORS as error:
                problems.append(
                    Problem(
                        kind="bad_value",
                        code=slots[CODE] or "",
                        text=str(error),
                        place=walk.place(scope, indices, counts),
                        reference=named[0].value,
                    )
                )
                continue
            events.append(event)
            if unmapped:
                problems.append(
                    Problem(
                        kind="unmapped_code",
                        code=event.partner_code,
                        text=event.partner_text,
                        place=walk.place(scope, indices, counts),
                        reference=named[0].value,
                    )
                )

    def _event(self, slots, indices, counts, profile):
        references, key, parcel = slots[REFERENCES]
        partner_code = slots[CODE] or ""
        row = None
        if self.event:
            code = self.event
        else:
            row = profile.find_code(partner_code)
            code = row["event"] if row else UNMAPPED
        reason = row["reason"] if row else ""
        extra = slots[EXTRA] or {}
        partner_reason = slots[REASON]
        if partner_reason:
            known = profile.reasons.get(partner_reason)
            if known is None:
                extra = {**extra, "partner_reason": partner_reason}
            else:
                reason = known
        classifier = slots[CLASSIFIER] or (row["classifier"] if row else ACTUAL)
        if classifier not in CLASSIFIERS:
            raise ValueError(f"{classifier!r} is not planned, estimated or actual")
        parsed = slots[TIME]
        occurred_at, occurred_text, basis = None, "", "given"
        if parsed is not None:
            occurred_at, occurred_text, basis, _has_time = parsed
        reported = slots[REPORTED]
        location = slots[LOCATION] or _NOWHERE
        identity = event_identity(
            reference_key=key,
            partner_id=slots[PARTNER_ID] or "",
            partner_code=partner_code + (slots[ALSO] or ""),
            occurred_text=_instant(parsed) if self.identity_time else "",
            place=_place_text(location) if self.identity_place else "",
            classifier=classifier,
        )
        retracts = slots[RETRACTS] or ""
        if retracts:
            retracts = event_identity(reference_key=key, partner_id=retracts)
        event = CanonicalEvent(
            references,
            code,
            partner_code,
            slots[TEXT] or (row["text"] if row else ""),
            classifier,
            occurred_at,
            occurred_text,
            basis,
            reported.instant if reported is not None else None,
            location,
            reason,
            self._sequence(slots, indices, counts),
            identity,
            retracts,
            parcel,
            extra,
        )
        return event, row is None and not self.event

    def _sequence(self, slots, indices, counts):
        if self.order == "newest_first":
            return counts[-1] - indices[-1]
        if self.order == "oldest_first":
            return indices[-1] + 1
        written = slots[SEQUENCE] or ""
        # It only settles equal times: one that is no number isn't worth an event.
        number = int(written) if written.isdecimal() else 0
        return number if number < _LARGEST_SEQUENCE else 0


def _all(expressions: Sequence[Expression]) -> Expression:
    readers = tuple(expression.evaluate for expression in expressions)

    def read(scope):
        return "".join(f"|{reader(scope)}" for reader in readers)

    return Expression(read, max(expression.depth for expression in expressions))


def _extra(expressions: Mapping[str, Expression]) -> Expression:
    readers = tuple((name, part.evaluate) for name, part in expressions.items())

    def read(scope):
        extra = {}
        for name, reader in readers:
            value = reader(scope)
            if isinstance(value, list | etree._Element):
                value = as_texts(value)
                value = value[0] if len(value) == 1 else value
            if not is_false(value):
                extra[name] = value
        return extra

    return Expression(read, max(part.depth for part in expressions.values()))


def _readable(slot):
    return slot is not None and slot.__class__ is not Bad


def _instant(parsed: ParsedTime | None) -> str:
    """Return what of a time enters an event's identity.

    A time whose zone is in the message is the same instant however a push and a
    poll write it. One whose zone was assumed goes in as written, so that a better
    zone later doesn't make another event of it.
    """
    if parsed is None:
        return ""
    if parsed.basis == "given" and parsed.instant is not None:
        return parsed.instant.isoformat(timespec="seconds")
    return parsed.text


def _place_text(location: Location) -> str:
    if location is _NOWHERE:
        return ""
    return "|".join(
        (
            location.code,
            location.name,
            location.city,
            location.state,
            location.postal_code,
            location.country,
        )
    )


class _Document:
    """One ``documents`` entry of a message."""

    __slots__ = ("encoding", "walk")

    def __init__(self, compiler, spec, place):
        parts = {}
        for slot, key in (
            (KIND, "kind"),
            (NAME, "name"),
            (CONTENT_TYPE, "content_type"),
            (CONTENT, "content"),
        ):
            if key in spec:
                parts[slot] = compiler.text(spec[key], f"{place}/{key}")
        self.encoding = spec.get("encoding", "base64")
        self.walk = Walk(compiler, spec, place, parts)

    def read(self, tree, request, documents, problems) -> None:
        """Append the documents of a message."""
        for scope, slots, indices, counts in self.walk.run(tree, request):
            content = slots[CONTENT]
            if not _readable(content) or not content:
                continue
            try:
                if self.encoding == "base64":
                    data = base64.b64decode(content, validate=True)
                else:
                    data = content.encode()
            except (binascii.Error, ValueError):
                place = self.walk.place(scope, indices, counts)
                problems.append(Problem("bad_value", text="is no base64", place=place))
                continue
            kind, name, content_type = (
                slots[slot] if _readable(slots[slot]) else ""
                for slot in (KIND, NAME, CONTENT_TYPE)
            )
            documents.append((kind, name, content_type, data))


class _Message:
    """One kind of message."""

    __slots__ = (
        "blocks",
        "documents",
        "empty",
        "guard",
        "ignore",
        "kind",
        "label",
        "name",
        "operations",
        "push",
        "streams",
    )

    def __init__(self, spec, place, compilers):
        self.kind = spec.get("kind", "json")
        self.name = spec["name"]
        self.label = spec.get("label", self.name)
        self.operations = spec.get("operations")
        self.streams = spec.get("streams")
        compiler = compilers(self.kind)
        self.ignore = compiler.sentence(spec.get("ignore", ""), f"{place}/ignore")
        self.push = spec.get("push")
        self.empty = spec.get("empty")
        self.guard = compiler.guard(spec.get("when"), f"{place}/when")
        self.blocks = tuple(
            _Block(compilers(self.kind, block), block, f"{place}/events/{i}")
            for i, block in enumerate(spec.get("events", ()))
        )
        self.documents = tuple(
            _Document(compilers(self.kind, part), part, f"{place}/documents/{i}")
            for i, part in enumerate(spec.get("documents", ()))
        )

    def is_it(self, kind, operation, stream, scope) -> bool:
        """Return whether a tree is this kind of message."""
        return (
            kind == self.kind
            and (self.operations is None or operation in self.operations)
            and (self.streams is None or stream in self.streams)
            and (self.guard is None or self.guard(scope))
        )


class _ErrorRule:
    """One ``errors`` entry."""

    __slots__ = (
        "error_class",
        "guarded",
        "kind",
        "operations",
        "per_item",
        "problem",
        "statuses",
        "walk",
    )

    def __init__(self, spec, place, compilers):
        self.kind = spec.get("kind", "json")
        self.operations = spec.get("operations")
        self.statuses = tuple(map(str, spec.get("status", ())))
        self.problem = spec.get("problem", "partner_error")
        self.error_class = spec.get("class")
        self.guarded = "when" in spec
        self.per_item = "levels" in spec
        if not (self.guarded or self.per_item or self.statuses):
            raise CompileError(place, "needs a status, a when or levels")
        compiler = compilers(self.kind, spec)
        parts = {}
        for slot, key in ((TEXT, "text"), (NAME, "reference")):
            if key in spec:
                parts[slot] = compiler.text(spec[key], f"{place}/{key}")
        if "code" in spec:
            parts[CODE] = compiler.code(spec["code"], f"{place}/code")
        self.walk = Walk(compiler, spec, place, parts)

    def concerns(self, kind, operation, status) -> bool:
        """Return whether the rule is for such an answer."""
        if kind != self.kind:
            return False
        if self.operations is not None and operation not in self.operations:
            return False
        if not self.statuses:
            return True
        if status is None:
            return self.guarded
        return str(status) in self.statuses or f"{status // 100}xx" in self.statuses

    def read(self, tree, request, status, profile, problems, classes) -> bool:
        """Append what the rule finds; return whether it found anything."""
        found = False
        for scope, slots, indices, counts in self.walk.run(tree, request):
            found = True
            code, text, reference = (
                slots[slot] if _readable(slots[slot]) else ""
                for slot in (CODE, TEXT, NAME)
            )
            row = profile.error_codes.get(code, {})
            problem = row.get("problem", self.problem)
            problems.append(
                Problem(
                    kind=problem,
                    code=code,
                    text=text or row.get("text", ""),
                    place=self.walk.place(scope, indices, counts),
                    reference=reference or as_text(request.get("tracking_number")),
                )
            )
            error_class = row.get("class")
            if error_class is None and "problem" not in row:
                error_class = self.error_class
            if error_class is None:
                error_class = self._default_class(problem, status)
            classes.append(error_class)
        return found

    def _default_class(self, problem, status):
        if problem == "no_data":
            return ""
        if status is not None and status >= 400:
            return classify(status)
        return "" if self.per_item else "rejected"


class Program:
    """A compiled profile.

    :param data: a profile that fits the schema
    :raise ProgramError: naming the places of expressions and reference types that
        are wrong
    """

    __slots__ = ("errors", "messages")

    def __init__(self, data: Mapping[str, Any]):
        namespaces = data.get("namespaces", {})
        zone = data.get("zone")
        zones = data.get("zones", {})

        def compilers(kind, spec=None):
            levels = tuple(level["name"] for level in (spec or {}).get("levels", ()))
            names = ("message", "request", *levels)
            return Compiler(kind, names, namespaces, zone, zones)

        wrong: list[CompileError] = []

        def compiled(kind, section):
            for i, spec in enumerate(data.get(section, ())):
                try:
                    yield kind(spec, f"/{section}/{i}", compilers)
                except CompileError as error:
                    wrong.append(error)

        self.messages: tuple[_Message, ...] = tuple(compiled(_Message, "messages"))
        self.errors: tuple[_ErrorRule, ...] = tuple(compiled(_ErrorRule, "errors"))
        if wrong:
            raise ProgramError(wrong)

    def read(
        self,
        tree: Any,
        kind: str,
        profile: Any,
        *,
        operation: str = "",
        stream: str = "",
        request: Mapping[str, Any] | None = None,
        status: int | None = None,
    ) -> tuple[Parsed, str | None]:
        """Read a message.

        :param tree: what a reader made of the body
        :param kind: ``json``, ``xml`` or ``csv``
        :param profile: gives ``find_code``, ``reasons``, ``error_codes``, ``push``
        :param operation: what it answers, ``""`` for a push
        :param request: what was asked
        :param status: HTTP status of an answer, None where it isn't known
        :return: what it says, and the error class of the worst error rule that
            applied; None when none did
        """
        request = request or {}
        problems: list[Problem] = []
        classes: list[str] = []
        whole = False
        for rule in self.errors:
            if rule.concerns(kind, operation, status) and rule.read(
                tree, request, status, profile, problems, classes
            ):
                whole = whole or not rule.per_item
        error_class = min(classes, key=_ERROR_ORDER.index) if classes else None
        if whole or (status is not None and status >= 400):
            return Parsed(problems=tuple(problems)), error_class
        scope = (tree, request)
        for message in self.messages:
            if message.is_it(kind, operation, stream, scope):
                break
        else:
            if not problems:
                problems.append(_unrecognised(tree))
            return Parsed(problems=tuple(problems)), error_class
        if message.ignore is not None:
            ignored = message.ignore(scope)
            return Parsed(problems=tuple(problems), ignored=ignored), error_class
        return (
            self._content(message, tree, request, operation, profile, problems),
            error_class,
        )

    def _content(self, message, tree, request, operation, profile, problems):
        if not operation and (message.push or profile.push) == "hint":
            hints = dict.fromkeys(
                name for block in message.blocks for name in block.names(tree, request)
            )
            ignored = "" if hints or problems else f"{message.label}: names nothing"
            return Parsed(problems=tuple(problems), hints=tuple(hints), ignored=ignored)
        events: list[CanonicalEvent] = []
        documents: list[tuple[str, str, str, bytes]] = []
        for block in message.blocks:
            if block.has_event:
                block.read(tree, request, profile, events, problems)
        for document in message.documents:
            document.read(tree, request, documents, problems)
        ignored = ""
        if not (events or problems or documents):
            empty = message.empty or ("no_data" if operation else "ignored")
            text = f"{message.label}: no event in it yet"
            if empty == "no_data":
                asked = as_text(request.get("tracking_number"))
                problems.append(Problem("no_data", text=text, reference=asked))
            else:
                ignored = text
        return Parsed(
            events=tuple(events),
            problems=tuple(problems),
            documents=tuple(documents),
            ignored=ignored,
        )


def _unrecognised(tree: Any) -> Problem:
    """Return the problem for a message no kind of the profile fits."""
    if isinstance(tree, etree._Element):
        start = tree.tag
    elif isinstance(tree, dict):
        start = ", ".join(sorted(map(str, tree))[:12])
    else:
        start = type(tree).__name__
    return Problem(
        kind="bad_value",
        code="unrecognised_message",
        text=f"The profile describes no such message: {start}",
    )
