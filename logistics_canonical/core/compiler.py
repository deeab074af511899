# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Compiles what a profile says of values, codes, times and places.

Everything becomes a function of a scope (``expressions.py``) with the depth at
which it has to be evaluated.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .events import REFERENCE_TYPES, Location, Reference
from .expressions import (
    Expression,
    ExpressionError,
    as_text,
    as_texts,
    compile_json,
    compile_xml,
    is_false,
)
from .places import country_code, place_zone
from .times import parse_time

#: The scope entries every expression can use, before the levels.
MESSAGE, REQUEST = 0, 1
FIRST_LEVEL = 2


class CompileError(ValueError):
    """A part of a profile that can't be compiled.

    :param place: JSON pointer to the part
    """

    def __init__(self, place: str, message: str):
        super().__init__(message)
        self.place = place


@dataclass(slots=True)
class Compiler:
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
        evaluate, depth, _source = self.value(spec, place)
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

    def time(self, spec: Any, place: str, location: Expression) -> Expression:
        """Compile how a time is written into a function giving a ParsedTime.

        It gives None when no alternative is there and raises TimeError for one
        that is there and can't be read.
        """
        specs = spec if isinstance(spec, list) else [spec]
        forms = [
            self._time_form(
                form, f"{place}/{i}" if isinstance(spec, list) else place, location
            )
            for i, form in enumerate(specs)
        ]
        readers = tuple(form.evaluate for form in forms)
        depth = max(form.depth for form in forms)
        source = next((form.source for form in forms if form.source), "")
        if len(readers) == 1:
            return Expression(readers[0], depth, source)

        def read(scope):
            for reader in readers:
                parsed = reader(scope)
                if parsed is not None:
                    return parsed
            return None

        return Expression(read, depth, source)

    def location(self, spec: Mapping[str, Any], place: str) -> Expression:
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

        def read(scope):
            land = country(scope)
            return Location(
                name(scope),
                city(scope),
                state(scope),
                postal_code(scope),
                country_code(land) if land else "",
                code(scope),
            )

        return Expression(read, depth)

    def references(self, block: Mapping[str, Any], place: str) -> Expression:
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
            evaluate, reads, _source = self.value(spec["value"], f"{where}/value")
            specs.append((spec["type"], evaluate))
            depth = max(depth, reads)
        parcel = None
        if "parcel" in block:
            parcel, reads, _source = self.text(block["parcel"], f"{place}/parcel")
            depth = max(depth, reads)

        def read(scope):
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

        return Expression(read, depth)

    def levels(self, specs: Sequence[Mapping[str, str]], place: str):
        """Compile the levels; gives ``(source, expression)`` pairs."""
        levels = []
        for i, spec in enumerate(specs):
            position = MESSAGE if i == 0 else FIRST_LEVEL + i - 1
            where = f"{place}/levels/{i}/path"
            expression = self.expression(spec["path"], where, position)
            if self.kind != "xml" and expression.depth > FIRST_LEVEL + i - 1:
                raise CompileError(where, "reads a level that lies further in")
            levels.append((spec["path"], expression.evaluate))
        return tuple(levels)

    def _innermost(self):
        """Position of the last level, or of the message where there is none."""
        count = len(self.names)
        return count - 1 if count > FIRST_LEVEL else MESSAGE

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

    def _time_form(self, form, place, location):
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
        where = location.evaluate if form.get("place") else None
        default, zones = self.zone, self.zones
        # A day alone is as good as a day and a time: the text is what must be there.
        needed = date or text

        def read(scope):
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
            return parse_time(
                written,
                fmt=fmt,
                zone=(zone(scope) or None) if zone is not None else None,
                place_zone=place_zone(where(scope), zones) if where else None,
                default_zone=default,
                date_text=day,
            )

        source = form.get("text") or form.get("date")
        while isinstance(source, list):
            source = source[0]
        if isinstance(source, dict):
            source = source.get("path", "")
        depth = max(part.depth for part in parts.values())
        if where:
            depth = max(depth, location.depth)
        return Expression(read, depth, source)


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
