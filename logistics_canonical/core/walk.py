# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The walk over the levels of a message (shipments → packages → activities)."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from .compiler import FIRST_LEVEL, MESSAGE, REQUEST

#: Slots: where the values that were read for the current node lie.
(
    REFERENCES,
    CODE,
    LOCATION,
    TIME,
    REPORTED,
    TEXT,
    REASON,
    SEQUENCE,
    CLASSIFIER,
    PARTNER_ID,
    ALSO,
    RETRACTS,
    EXTRA,
    KIND,
    NAME,
    CONTENT_TYPE,
    CONTENT,
    SLOTS,
) = range(18)

#: What a hostile or broken value can raise while one event is read. Anything
#: else is a mistake of ours and must not be hidden.
VALUE_ERRORS = (ValueError, TypeError, OverflowError)

_PLAIN_PATH = re.compile(r"[\w.\"-]+$")


class Bad(NamedTuple):
    """A value that could not be read: stands in its slot until the event."""

    place: str
    text: str


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


class Walk:
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
        slots = [None] * SLOTS
        indices = [0] * len(self.levels)
        counts = [0] * len(self.levels)
        if self.last < 0:
            if self.guard is None or self.guard(scope):
                self._fill(0, scope, slots)
                yield scope, slots, indices, counts
            return
        self._fill(0, scope, slots)
        yield from self._visit(0, scope, slots, indices, counts)

    def _visit(self, level, scope, slots, indices, counts):
        value = self.levels[level][1](scope)
        nodes = _nodes(value)
        # Zero says: one object, which has no position.
        counts[level] = len(nodes) if isinstance(value, list) else 0
        position = FIRST_LEVEL + level
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
                slots[slot] = part.evaluate(scope)
            except VALUE_ERRORS as error:
                slots[slot] = Bad(part.source, str(error))

    def place(self, scope, indices, counts, source="") -> str:
        """Say where in the message the current node (or a value of it) is."""
        if self.kind == "xml":
            node = scope[-1] if self.levels else scope[MESSAGE]
            path = node.getroottree().getpath(node)
            return f"{path}/{source}" if source else path
        written = {"message": ""}
        for level, (path, _evaluate) in enumerate(self.levels):
            name = self.names[FIRST_LEVEL + level]
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
