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
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from lxml import etree

from .adapter import Parsed, Problem
from .events import (
    ACTUAL,
    CLASSIFIERS,
    REFERENCE_TYPES,
    UNMAPPED,
    CanonicalEvent,
    Location,
    Reference,
)
from .expressions import (
    Expression,
    ExpressionError,
    as_text,
    as_texts,
    compile_json,
    compile_xml,
    is_false,
)
from .identity import event_identity
from .places import country_code, place_zone
from .retry import classify
from .times import ParsedTime, parse_time

#: The scope entries every expression can use, before the levels.
MESSAGE, REQUEST = 0, 1
_FIRST_LEVEL = 2

#: What a hostile or broken value can raise while one event is read. Anything
#: else is a mistake of ours and must not be hidden.
_VALUE_ERRORS = (ValueError, TypeError, OverflowError)

#: Of several errors in one answer, the one that decides what happens next.
_ERROR_ORDER = ("auth", "throttled", "transient", "poison", "rejected", "unknown", "")

_NOWHERE = Location()

_LARGEST_SEQUENCE = 2**31

_PLAIN_PATH = re.compile(r"[\w.\"-]+$")


class CompileError(ValueError):
    """A part of a profile that can't be compiled.

    :param place: JSON pointer to the part
    """

    def __init__(self, place: str, message: str):
        super().__init__(message)
        self.place = place


class ProgramError(ValueError):
    """A profile with parts that can't be compiled.

    :param errors: one per message or error rule
    """

    def __init__(self, errors: Sequence[CompileError]):
        super().__init__("; ".join(map(str, errors)))
        self.errors = errors


class _Bad(NamedTuple):
    """A value that could not be read: stands in its slot until the event."""

    place: str
    text: str


class Part(NamedTuple):
    """A compiled piece of a block: what to read, how far in it depends."""

    read: Callable[[Sequence[Any], Sequence[Any]], Any]
    depth: int
    source: str = ""


# Slots of a block: where the read parts of the current event lie.
(
    _REFERENCES,
    _CODE,
    _LOCATION,
    _TIME,
    _REPORTED,
    _TEXT,
    _REASON,
    _SEQUENCE,
    _CLASSIFIER,
    _PARTNER_ID,
    _ALSO,
    _RETRACTS,
    _EXTRA,
    _KIND,
    _NAME,
    _CONTENT_TYPE,
    _CONTENT,
    _SLOTS,
) = range(18)


@dataclass(slots=True)
class _Compiler:
    """Compiles the values of one block, message guard or error rule.

    :param names: names of the scope's entries
    """

    kind: str
    names: tuple[str, ...]
    namespaces: Mapping[str, str]
    zone: str | None
    zones: Mapping[str, str]

    def expression(self, text: str, place: str, position: int | None = None):
        """Compile an expression; XPath runs on ``position`` or the innermost."""
        try:
            if self.kind == "xml":
                if position is None:
                    position = self._innermost()
                return compile_xml(text, self.namespaces, position)
            return compile_json(text, self.names)
        except ExpressionError as error:
            raise CompileError(place, f"{text!r} {error}") from error

    def guard(self, text: str | None, place: str) -> Callable | None:
        """Compile a condition into a function of the scope."""
        if text is None:
            return None
        try:
            if self.kind == "xml":
                return compile_xml(
                    text, self.namespaces, self._innermost(), boolean=True
                ).evaluate
            evaluate = compile_json(text, self.names).evaluate
        except ExpressionError as error:
            raise CompileError(place, f"{text!r} {error}") from error
        return lambda scope: not is_false(evaluate(scope))

    def text(self, spec: Any, place: str) -> Expression:
        """Compile a value into a function that gives a text."""
        evaluate, depth = self.value(spec, place)
        return Expression(lambda scope: as_text(evaluate(scope)), depth)

    def value(self, spec: Any, place: str) -> Expression:
        """Compile a value: an expression, alternatives, or a described one."""
        if isinstance(spec, str):
            return self.expression(spec, place)
        if isinstance(spec, list):
            return self._first(spec, place)
        if "value" in spec:
            constant = spec["value"]
            return Expression(lambda scope: constant, MESSAGE)
        if "join" in spec:
            inner = self._join(spec, place)
        elif "path" in spec:
            inner = self.value(spec["path"], f"{place}/path")
        else:
            raise CompileError(place, "needs one of path, value and join")
        return self._transformed(inner, spec, place)

    def code(self, spec: Any, place: str) -> Expression:
        """Compile a code: one value, or parts joined by ``/``."""
        if not isinstance(spec, list):
            return self.text(spec, place)
        parts = [self.text(part, f"{place}/{i}") for i, part in enumerate(spec)]
        readers = tuple(part.evaluate for part in parts)
        depth = max(part.depth for part in parts)
        if len(readers) == 1:
            return parts[0]

        def read(scope):
            return "/".join([part(scope) for part in readers]).rstrip("/")

        return Expression(read, depth)

    def sentence(self, spec: str, place: str) -> Callable | None:
        """Compile a sentence with expressions in braces; None for an empty one."""
        if not spec:
            return None
        # Odd pieces are the expressions between the braces.
        pieces = [
            self.text(piece, place).evaluate if i % 2 else (lambda scope, t=piece: t)
            for i, piece in enumerate(re.split(r"\{([^{}]*)\}", spec))
        ]
        return lambda scope: "".join([piece(scope) for piece in pieces])

    def time(self, spec: Any, place: str, location_depth: int) -> Part:
        """Compile how a time is written into a function giving a ParsedTime.

        It gives None when no alternative is there and raises TimeError for one
        that is there and can't be read.
        """
        specs = spec if isinstance(spec, list) else [spec]
        forms = [
            self._time_form(form, f"{place}/{i}" if isinstance(spec, list) else place)
            for i, form in enumerate(specs)
        ]
        readers = tuple(form.read for form in forms)
        depth = max(form.depth for form in forms)
        # The zone may come from the place, which is read first.
        depth = max(depth, location_depth)
        source = next((form.source for form in forms if form.source), "")
        if len(readers) == 1:
            return Part(readers[0], depth, source)

        def read(scope, slots):
            for reader in readers:
                parsed = reader(scope, slots)
                if parsed is not None:
                    return parsed
            return None

        return Part(read, depth, source)

    def location(self, spec: Mapping[str, Any], place: str) -> Part:
        """Compile a location."""
        fields = {
            name: self.text(value, f"{place}/{name}") for name, value in spec.items()
        }
        depth = max((field.depth for field in fields.values()), default=MESSAGE)
        empty = Expression(lambda scope: "", MESSAGE)
        name, city, state, postal_code, country, code = (
            fields.get(key, empty).evaluate
            for key in ("name", "city", "state", "postal_code", "country", "code")
        )

        def read(scope, slots):
            land = country(scope)
            return Location(
                name(scope),
                city(scope),
                state(scope),
                postal_code(scope),
                country_code(land) if land else "",
                code(scope),
            )

        return Part(read, depth)

    def references(self, block: Mapping[str, Any], place: str) -> Part:
        """Compile references into a function giving (references, key, parcel)."""
        specs = []
        depth = MESSAGE
        for i, spec in enumerate(block["references"]):
            where = f"{place}/references/{i}"
            if spec["type"] not in REFERENCE_TYPES:
                raise CompileError(
                    f"{where}/type",
                    f"{spec['type']!r} is not a type of reference; there are "
                    + ", ".join(REFERENCE_TYPES),
                )
            evaluate, reads = self.value(spec["value"], f"{where}/value")
            specs.append((spec["type"], evaluate))
            depth = max(depth, reads)
        parcel = None
        if "parcel" in block:
            parcel, reads = self.text(block["parcel"], f"{place}/parcel")
            depth = max(depth, reads)

        def read(scope, slots):
            found = {}
            for kind, evaluate in specs:
                for value in as_texts(evaluate(scope)):
                    found.setdefault((kind, value), Reference(kind, value))
            if not found:
                asked = as_text(scope[REQUEST].get("tracking_number"))
                if asked:
                    found[None] = Reference("tracking_number", asked)
            references = tuple(found.values())
            if parcel:
                number = parcel(scope)
            else:
                number = next(
                    (ref.value for ref in references if ref.type == "tracking_number"),
                    "",
                )
            return references, references[0].key() if references else "", number

        return Part(read, depth)

    def levels(self, specs: Sequence[Mapping[str, str]], place: str):
        """Compile the levels; gives ``(source, expression)`` pairs."""
        levels = []
        for i, spec in enumerate(specs):
            position = MESSAGE if i == 0 else _FIRST_LEVEL + i - 1
            where = f"{place}/levels/{i}/path"
            expression = self.expression(spec["path"], where, position)
            if self.kind != "xml" and expression.depth > _FIRST_LEVEL + i - 1:
                raise CompileError(where, "reads a level that lies further in")
            levels.append((spec["path"], expression.evaluate))
        return tuple(levels)

    def _innermost(self):
        """Position of the last level, or of the message where there is none."""
        count = len(self.names)
        return count - 1 if count > _FIRST_LEVEL else MESSAGE

    def _first(self, specs, place):
        parts = [self.value(spec, f"{place}/{i}") for i, spec in enumerate(specs)]
        readers = tuple(part.evaluate for part in parts)

        def read(scope):
            for reader in readers:
                value = reader(scope)
                if as_text(value):
                    return value
            return None

        return Expression(read, max(part.depth for part in parts))

    def _join(self, spec, place):
        parts = [
            self.text(part, f"{place}/join/{i}") for i, part in enumerate(spec["join"])
        ]
        readers = tuple(part.evaluate for part in parts)
        glue = spec.get("with", " ")

        def read(scope):
            return glue.join(filter(None, [part(scope) for part in readers]))

        return Expression(read, max(part.depth for part in parts))

    def _transformed(self, inner, spec, place):
        """Apply pattern, case and map, in this order, to each text."""
        changes = []
        if "pattern" in spec:
            changes.append(_compile_pattern(spec["pattern"], f"{place}/pattern"))
        if "case" in spec:
            changes.append(str.upper if spec["case"] == "upper" else str.lower)
        if "map" in spec:
            table = spec["map"]
            changes.append(lambda text: table.get(text, ""))
        if not changes:
            return inner
        evaluate = inner.evaluate

        def read(scope):
            texts = as_texts(evaluate(scope))
            for change in changes:
                texts = [change(text) for text in texts]
            return texts

        return Expression(read, inner.depth)

    def _time_form(self, form, place):
        if isinstance(form, str):
            form = {"text": form}
        parts = {
            key: self.text(form[key], f"{place}/{key}")
            for key in ("text", "date", "offset", "zone")
            if key in form
        }
        if "text" not in parts and "date" not in parts:
            raise CompileError(place, "needs a text or a date")
        fmt = form.get("format")
        text, date, offset, zone = (
            parts[key].evaluate if key in parts else None
            for key in ("text", "date", "offset", "zone")
        )
        from_place = form.get("place", False)
        default, zones = self.zone, self.zones
        # A day alone is as good as a day and a time: the text is what must be there.
        needed = date or text

        def read(scope, slots):
            written = needed(scope)
            if not written:
                return None
            day = None
            if date is not None:
                day = written
                written = text(scope) if text is not None else ""
            if offset is not None:
                shift = offset(scope)
                if shift:
                    written += shift
            place_name = place_zone(slots[_LOCATION], zones) if from_place else None
            return parse_time(
                written,
                fmt=fmt,
                zone=(zone(scope) or None) if zone is not None else None,
                place_zone=place_name or None,
                default_zone=default,
                date_text=day,
            )

        source = form.get("text") or form.get("date")
        while isinstance(source, list):
            source = source[0]
        if isinstance(source, dict):
            source = source.get("path", "")
        return Part(read, max(part.depth for part in parts.values()), source)


def _compile_pattern(pattern, place):
    try:
        search = re.compile(pattern).search
    except re.error as error:
        raise CompileError(
            place, f"{pattern!r} is not a regular expression: {error}"
        ) from error

    def change(text):
        found = search(text)
        if not found:
            return ""
        return (found.group(1) if found.re.groups else found.group()) or ""

    return change


def _nodes(value: Any) -> list[Any]:
    """Return the nodes a level visits: of a list its entries, else the one."""
    if value is None or value is False or value == "":
        return []
    if not isinstance(value, list):
        return [value]
    nodes = []
    for entry in value:
        if isinstance(entry, list):
            nodes += entry
        elif entry is not None:
            nodes.append(entry)
    return nodes


class _Walk:
    """Visits the levels of a block and fills the slots on the way."""

    __slots__ = ("fills", "guard", "kind", "last", "levels", "names")

    def __init__(self, compiler, spec, place, parts):
        self.kind = compiler.kind
        self.names = compiler.names
        self.levels = compiler.levels(spec.get("levels", ()), place)
        self.last = len(self.levels) - 1
        self.guard = compiler.guard(spec.get("when"), f"{place}/when")
        fills = [[] for _name in self.names]
        for slot, part in parts.items():
            fills[part.depth].append((slot, part))
        # What only reads the message or the request is read once, at the top.
        fills[REQUEST] = fills[MESSAGE] + fills[REQUEST]
        self.fills = tuple(map(tuple, fills[REQUEST:]))

    def run(self, tree, request) -> Iterator[tuple[list, list, list, list]]:
        """Yield (scope, slots, indices, counts) for each innermost node.

        The lists are reused: read them before going on.
        """
        scope = [None] * len(self.names)
        scope[MESSAGE], scope[REQUEST] = tree, request
        slots = [None] * _SLOTS
        indices = [0] * len(self.levels)
        counts = [0] * len(self.levels)
        self._fill(0, scope, slots)
        if self.last < 0:
            if self.guard is None or self.guard(scope):
                yield scope, slots, indices, counts
            return
        yield from self._visit(0, scope, slots, indices, counts)

    def _visit(self, level, scope, slots, indices, counts):
        value = self.levels[level][1](scope)
        nodes = _nodes(value)
        # Zero says: one object, which has no position.
        counts[level] = len(nodes) if isinstance(value, list) else 0
        position = _FIRST_LEVEL + level
        innermost = level == self.last
        for index, node in enumerate(nodes):
            scope[position] = node
            indices[level] = index
            if innermost and self.guard is not None and not self.guard(scope):
                continue
            self._fill(level + 1, scope, slots)
            if innermost:
                yield scope, slots, indices, counts
            else:
                yield from self._visit(level + 1, scope, slots, indices, counts)

    def _fill(self, depth, scope, slots):
        for slot, part in self.fills[depth]:
            try:
                slots[slot] = part.read(scope, slots)
            except _VALUE_ERRORS as error:
                slots[slot] = _Bad(part.source, str(error))

    def place(self, scope, indices, counts, source="") -> str:
        """Say where in the message the current node (or a value of it) is."""
        if self.kind == "xml":
            node = scope[-1] if self.levels else scope[MESSAGE]
            path = node.getroottree().getpath(node)
            return f"{path}/{source}" if source else path
        written = {"message": ""}
        for level, (path, _evaluate) in enumerate(self.levels):
            name = self.names[_FIRST_LEVEL + level]
            # Of an expression with operators, the level's name says more.
            where = _written(path, written) if _PLAIN_PATH.match(path) else name
            written[name] = f"{where}[{indices[level]}]" if counts[level] else where
        if source:
            return _written(source, written)
        return written[self.names[-1]] if self.levels else ""


def _written(path, known):
    """Return a path with the level name it starts with written out."""
    name, dot, rest = path.partition(".")
    start = known.get(name)
    if start is None:
        return path
    return f"{start}.{rest}".lstrip(".") if dot else start


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
        parts = {_REFERENCES: compiler.references(spec, place)}
        location = compiler.location(spec.get("location", {}), f"{place}/location")
        parts[_LOCATION] = location
        for slot, key in (
            (_TEXT, "text"),
            (_REASON, "reason"),
            (_SEQUENCE, "sequence"),
            (_CLASSIFIER, "classifier"),
            (_RETRACTS, "retracts"),
        ):
            if key in spec:
                parts[slot] = _part(compiler.text(spec[key], f"{place}/{key}"))
        if "code" in spec:
            parts[_CODE] = _part(compiler.code(spec["code"], f"{place}/code"))
        for slot, key in ((_TIME, "time"), (_REPORTED, "reported")):
            if key in spec:
                parts[slot] = compiler.time(spec[key], f"{place}/{key}", location.depth)
        identity = spec.get("identity", {})
        where = f"{place}/identity"
        if "id" in identity:
            parts[_PARTNER_ID] = _part(compiler.text(identity["id"], f"{where}/id"))
        if "also" in identity:
            also = [
                compiler.text(value, f"{where}/also/{i}")
                for i, value in enumerate(identity["also"])
            ]
            parts[_ALSO] = _all(also)
        if "extra" in spec:
            extra = {
                name: compiler.value(value, f"{place}/extra/{name}")
                for name, value in spec["extra"].items()
            }
            parts[_EXTRA] = _extra(extra)
        self.identity_place = identity.get("place", True)
        self.identity_time = identity.get("time", True)
        self.event = spec.get("event", "")
        self.has_event = bool(self.event) or "code" in spec
        self.time_required = spec.get("time_required", True)
        self.order = spec.get("order")
        self.walk = _Walk(compiler, spec, place, parts)

    def names(self, tree, request) -> Iterator[Reference]:
        """Yield the most specific reference of each node."""
        for _scope, slots, _indices, _counts in self.walk.run(tree, request):
            references = slots[_REFERENCES]
            if references.__class__ is not _Bad and references[0]:
                yield references[0][0]

    def read(self, tree, request, profile, events, problems) -> None:
        """Append the events and problems of a message."""
        walk = self.walk
        for scope, slots, indices, counts in walk.run(tree, request):
            if slots[_REPORTED].__class__ is _Bad:
                # When the partner heard of it is worth less than the event.
                slots[_REPORTED] = None
            bad = [slot for slot in slots if slot.__class__ is _Bad]
            references = slots[_REFERENCES]
            named = () if references.__class__ is _Bad else references[0]
            if not bad and not named:
                bad.append(_Bad("", "names no shipment or parcel"))
            if not bad and slots[_TIME] is None and self.time_required:
                bad.append(_Bad("", "has no time"))
            if bad:
                problems.append(
                    Problem(
                        kind="bad_value",
                        code=as_text(slots[_CODE]) if _readable(slots[_CODE]) else "",
                        text=bad[0].text,
                        place=walk.place(scope, indices, counts, bad[0].place),
                        reference=named[0].value if named else "",
                    )
                )
                continue
            try:
                event, unmapped = self._event(slots, indices, counts, profile)
            except _VALUE_ERRORS as error:
                problems.append(
                    Problem(
                        kind="bad_value",
                        code=slots[_CODE] or "",
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
        references, key, parcel = slots[_REFERENCES]
        partner_code = slots[_CODE] or ""
        row = None
        if self.event:
            code = self.event
        else:
            row = profile.find_code(partner_code)
            code = row["event"] if row else UNMAPPED
        reason = row["reason"] if row else ""
        extra = slots[_EXTRA] or {}
        partner_reason = slots[_REASON]
        if partner_reason:
            known = profile.reasons.get(partner_reason)
            if known is None:
                extra = {**extra, "partner_reason": partner_reason}
            else:
                reason = known
        classifier = slots[_CLASSIFIER] or (row["classifier"] if row else ACTUAL)
        if classifier not in CLASSIFIERS:
            raise ValueError(f"{classifier!r} is not planned, estimated or actual")
        parsed = slots[_TIME]
        occurred_at, occurred_text, basis = None, "", "given"
        if parsed is not None:
            occurred_at, occurred_text, basis = (
                parsed.instant,
                parsed.text,
                parsed.basis,
            )
        reported = slots[_REPORTED]
        location = slots[_LOCATION] or _NOWHERE
        identity = event_identity(
            reference_key=key,
            partner_id=slots[_PARTNER_ID] or "",
            partner_code=partner_code + (slots[_ALSO] or ""),
            occurred_text=_instant(parsed) if self.identity_time else "",
            place=_place_text(location) if self.identity_place else "",
            classifier=classifier,
        )
        retracts = slots[_RETRACTS] or ""
        if retracts:
            retracts = event_identity(reference_key=key, partner_id=retracts)
        event = CanonicalEvent(
            references,
            code,
            partner_code,
            slots[_TEXT] or (row["text"] if row else ""),
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
        written = slots[_SEQUENCE] or ""
        # It only settles equal times: one that is no number isn't worth an event.
        number = int(written) if written.isdecimal() else 0
        return number if number < _LARGEST_SEQUENCE else 0


def _part(expression: Expression) -> Part:
    evaluate = expression.evaluate
    return Part(lambda scope, slots: evaluate(scope), expression.depth)


def _all(expressions: Sequence[Expression]) -> Part:
    readers = tuple(expression.evaluate for expression in expressions)

    def read(scope, slots):
        return "".join(f"|{reader(scope)}" for reader in readers)

    return Part(read, max(expression.depth for expression in expressions))


def _extra(expressions: Mapping[str, Expression]) -> Part:
    readers = tuple((name, part.evaluate) for name, part in expressions.items())

    def read(scope, slots):
        extra = {}
        for name, reader in readers:
            value = reader(scope)
            if isinstance(value, list | etree._Element):
                value = as_texts(value)
                value = value[0] if len(value) == 1 else value
            if not is_false(value):
                extra[name] = value
        return extra

    return Part(read, max(part.depth for part in expressions.values()))


def _readable(slot):
    return slot is not None and slot.__class__ is not _Bad


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
            (_KIND, "kind"),
            (_NAME, "name"),
            (_CONTENT_TYPE, "content_type"),
            (_CONTENT, "content"),
        ):
            if key in spec:
                parts[slot] = _part(compiler.text(spec[key], f"{place}/{key}"))
        self.encoding = spec.get("encoding", "base64")
        self.walk = _Walk(compiler, spec, place, parts)

    def read(self, tree, request, documents, problems) -> None:
        """Append the documents of a message."""
        for scope, slots, indices, counts in self.walk.run(tree, request):
            content = slots[_CONTENT]
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
                for slot in (_KIND, _NAME, _CONTENT_TYPE)
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
        for slot, key in ((_TEXT, "text"), (_NAME, "reference")):
            if key in spec:
                parts[slot] = _part(compiler.text(spec[key], f"{place}/{key}"))
        if "code" in spec:
            parts[_CODE] = _part(compiler.code(spec["code"], f"{place}/code"))
        self.walk = _Walk(compiler, spec, place, parts)

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
                for slot in (_CODE, _TEXT, _NAME)
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
            return _Compiler(kind, names, namespaces, zone, zones)

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
