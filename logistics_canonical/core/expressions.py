# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The expressions a profile is written in, compiled once.

JMESPath (https://jmespath.org) for JSON and CSV, XPath 1.0 for XML. An expression
is evaluated on a *scope*: a list that holds the whole message, the request it
answers and one node per level of a block (``shipment``, ``package``,
``activity``). A JMESPath expression starts with the name of one of them.

JMESPath expressions made of fields, indices, comparisons with ``==`` and ``!=``
and the boolean operators become Python closures, which is what makes reading a
message take microseconds; everything else is left to the jmespath library.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jmespath
from jmespath.exceptions import JMESPathError
from lxml import etree

Evaluate = Callable[[Sequence[Any]], Any]

_REQUEST_VARIABLE = re.compile(r"\$(request\.\w+)")


class ExpressionError(ValueError):
    """An expression that can't be compiled; the message says why."""


class Expression(NamedTuple):
    """A compiled expression.

    ``evaluate`` takes a scope; ``depth`` is the position of the innermost scope
    entry it reads, so that a value that doesn't change within a level is
    computed once per level. ``source`` is how it is written, to name places.
    """

    evaluate: Evaluate
    depth: int
    source: str = ""


def is_false(value: Any) -> bool:
    """Return whether JMESPath takes ``value`` for false (0 is true)."""
    if value is None or value is False:
        return True
    return isinstance(value, str | list | dict) and not value


def as_text(value: Any) -> str:
    """Return a value of a message as stripped text, ``""`` for nothing.

    Of a list, the first entry that says something.
    """
    if value.__class__ is str:
        return value.strip()
    if value is None or value is False:
        return ""
    if value is True:
        return "true"
    if isinstance(value, list):
        for entry in value:
            text = as_text(entry)
            if text:
                return text
        return ""
    if isinstance(value, dict):
        return ""
    if isinstance(value, etree._Element):
        return " ".join("".join(value.itertext()).split())
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def as_texts(value: Any) -> list[str]:
    """Return every text of a value: of a list, one per entry that says something."""
    if not isinstance(value, list):
        value = [value]
    return [text for text in map(as_text, value) if text]


def compile_json(text: str, names: Sequence[str]) -> Expression:
    """Compile a JMESPath expression.

    :param text: the expression
    :param names: the names of the scope's entries, in their order
    :raise ExpressionError: when it isn't JMESPath or starts with another name
    """
    try:
        parsed = jmespath.compile(text)
    except JMESPathError as error:
        raise ExpressionError(f"is not a JMESPath expression: {error}") from error
    _refuse_loose_not(parsed.parsed)
    roots = _roots(parsed.parsed)
    unknown = sorted(roots.difference(names))
    if unknown:
        raise ExpressionError(
            f"starts with {unknown[0]!r}, which is none of the names known here: "
            + ", ".join(names)
        )
    depth = max((names.index(name) for name in roots), default=0)
    compiled = _compile(parsed.parsed, names)
    if compiled is None:
        compiled = _interpreted(parsed, tuple(names))
    return Expression(compiled, depth)


def compile_xml(
    text: str, namespaces: Mapping[str, str], position: int, boolean: bool = False
) -> Expression:
    """Compile an XPath expression that is evaluated on one scope entry.

    ``$request.name`` stands for what was asked.

    :param position: position in the scope of the node it is evaluated on
    :param boolean: give a truth value instead of nodes
    :raise ExpressionError: when it isn't XPath 1.0 or uses an undeclared prefix
    """
    variables = tuple(dict.fromkeys(_REQUEST_VARIABLE.findall(text)))
    try:
        path = etree.XPath(
            f"boolean({text})" if boolean else text,
            namespaces=dict(namespaces),
            smart_strings=False,
        )
        # An undeclared prefix or an unknown function shows only when it runs.
        path(etree.Element("probe"), **dict.fromkeys(variables, ""))
    except etree.XPathError as error:
        raise ExpressionError(f"is not an XPath expression: {error}") from error

    if not variables:
        return Expression(lambda scope: path(scope[position]), position)

    def evaluate(scope):
        request = scope[1]
        values = {name: as_text(request.get(name[8:])) for name in variables}
        return path(scope[position], **values)

    return Expression(evaluate, position)


def _interpreted(parsed, names):
    """Leave an expression to the jmespath library.

    A function that meets a value of another type than it takes gives nothing:
    the shape of a message is the partner's business.
    """

    def evaluate(scope):
        try:
            return parsed.search(dict(zip(names, scope, strict=False)))
        except JMESPathError:
            return None

    return evaluate


def _roots(node):
    """Return the names a JMESPath syntax tree reads from the scope."""
    kind, children = node["type"], node["children"]
    if kind == "field":
        return {node["value"]}
    if kind in ("literal", "identity", "current", "index", "slice", "expref"):
        return set()
    if kind in (
        "subexpression",
        "index_expression",
        "pipe",
        "projection",
        "filter_projection",
        "value_projection",
        "flatten",
    ):
        return _roots(children[0])
    return set().union(*map(_roots, children))


def _refuse_loose_not(node):
    """Refuse ``!a.b``, which JMESPath reads as ``(!a).b`` and so always null."""
    if node["type"] == "subexpression" and (
        node["children"][0]["type"] == "not_expression"
    ):
        raise ExpressionError("negates only its first name; write !(a.b)")
    for child in node["children"]:
        if isinstance(child, dict):
            _refuse_loose_not(child)


def _steps(node):
    """Return the field names and indices of a plain path, None if it isn't one."""
    kind = node["type"]
    if kind in ("field", "index"):
        return [node["value"]]
    if kind not in ("subexpression", "index_expression"):
        return None
    steps = []
    for child in node["children"]:
        below = _steps(child)
        if below is None:
            return None
        steps += below
    return steps


def _compile(node, names):
    """Return a closure for a syntax tree, None when jmespath has to do it."""
    steps = _steps(node)
    if steps is not None:
        return _compile_path(names.index(steps[0]), tuple(steps[1:]))
    kind = node["type"]
    if kind == "literal":
        literal = node["value"]
        return lambda scope: literal
    if kind == "projection":
        return _compile_flatten(node, names)
    if kind == "comparator":
        return _compile_comparison(node, names)
    if kind not in ("or_expression", "and_expression", "not_expression"):
        return None
    parts = [_compile(child, names) for child in node["children"]]
    if None in parts:
        return None
    if kind == "not_expression":
        (inner,) = parts
        return lambda scope: is_false(inner(scope))
    left, right = parts
    if kind == "or_expression":

        def either(scope):
            value = left(scope)
            return right(scope) if is_false(value) else value

        return either

    def both(scope):
        value = left(scope)
        return value if is_false(value) else right(scope)

    return both


def _compile_path(position, steps):
    if not all(isinstance(step, str) for step in steps):
        return _compile_indexed_path(position, steps)
    if len(steps) == 1:
        (key,) = steps

        def field(scope):
            node = scope[position]
            return node.get(key) if node.__class__ is dict else None

        return field

    def path(scope):
        node = scope[position]
        for key in steps:
            if node.__class__ is not dict:
                return None
            node = node.get(key)
        return node

    return path


def _compile_indexed_path(position, steps):
    def path(scope):
        node = scope[position]
        for step in steps:
            if node.__class__ is dict and step.__class__ is str:
                node = node.get(step)
            elif node.__class__ is list and step.__class__ is int:
                node = node[step] if -len(node) <= step < len(node) else None
            else:
                return None
        return node

    return path


def _compile_flatten(node, names):
    """Compile ``a.b[]`` and ``a.b[].c.d``; anything more jmespath does."""
    source, rest = node["children"]
    steps = () if rest["type"] == "identity" else _steps(rest)
    if source["type"] != "flatten" or steps is None:
        return None
    inner = _compile(source["children"][0], names)
    if inner is None:
        return None
    pick = _compile_path(0, tuple(steps)) if steps else None

    def flatten(scope):
        value = inner(scope)
        if value.__class__ is not list:
            return None
        flat = []
        for entry in value:
            if entry.__class__ is list:
                flat += entry
            else:
                flat.append(entry)
        if pick is None:
            return [entry for entry in flat if entry is not None]
        picked = [pick((entry,)) for entry in flat]
        return [entry for entry in picked if entry is not None]

    return flatten


def _compile_comparison(node, names):
    if node["value"] not in ("eq", "ne"):
        return None
    left, right = (_compile(child, names) for child in node["children"])
    if left is None or right is None:
        return None
    wanted = node["value"] == "eq"
    return lambda scope: _equal(left(scope), right(scope)) is wanted


def _equal(left, right):
    # In Python True == 1; in JSON they differ.
    if isinstance(left, bool) is not isinstance(right, bool):
        return False
    return left == right
