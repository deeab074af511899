# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import json
import math
import re

from .base import ReadError, clean, decode

#: Escapes of what a database doesn't store: NUL, and surrogates, lone or not.
_RISKY = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")
#: Makes all brackets of one kind; everything else is deleted.
_ONE_KIND = bytes.maketrans(b"[]", b"{}")
_NO_BRACKET = bytes(sorted(set(range(256)) - set(b"[]{}")))


def _refuse_constant(name):
    raise ReadError("number", f"{name} is not a JSON number")


def _finite(text):
    value = float(text)
    if math.isinf(value):
        raise ReadError("number", "It has a number that is too large")
    return value


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=_finite)


def read_json(body, limits):
    """Return the Python objects of a JSON body (RFC 8259).

    NaN and infinities, written out or as 1e999, are refused, and so are integers
    too long to be one. A name given twice has its last value, as the RFC allows.
    NUL and lone surrogates, which no database stores, become U+FFFD.
    """
    text = decode(body)
    # What is anywhere in the text bounds what is outside of its strings, and most
    # messages need no closer look.
    openings = body.count(b"[") + body.count(b"{")
    if openings > limits.max_depth or body.count(b",") > limits.max_items:
        _check_limits(body, limits)
    try:
        tree = _DECODER.decode(text)
    except ReadError:
        raise
    except RecursionError as error:
        raise ReadError("depth", "It is nested too deeply") from error
    except json.JSONDecodeError as error:
        raise ReadError(
            "json", f"{error.msg} at line {error.lineno}, column {error.colno}"
        ) from error
    except ValueError as error:
        raise ReadError("number", "It has a number that is too long") from error
    # Only an escape can bring in what UTF-8 can't.
    return _clean(tree) if "\\u" in text and _RISKY.search(text) else tree


def _check_limits(body, limits):
    """Refuse what is too large or too deep without a step for each character."""
    outside = body
    if b"\\" in outside:
        # Without escapes each quotation mark begins or ends a string.
        outside = outside.replace(b"\\\\", b"").replace(b'\\"', b"")
    outside = b"".join(outside.split(b'"')[::2])
    brackets = outside.translate(_ONE_KIND, _NO_BRACKET)
    items = outside.count(b",") + brackets.count(b"{")
    # Each round takes away the innermost level.
    for _level in range(limits.max_depth):
        inner, brackets = brackets, brackets.replace(b"{}", b"")
        if len(inner) == len(brackets):
            break
    if b"{}" in brackets or brackets.count(b"{") > limits.max_depth:
        raise ReadError("depth", f"It is nested deeper than {limits.max_depth}")
    # Each item but the first of an array or object follows a comma.
    if items > limits.max_items:
        raise ReadError("size", f"It has more than {limits.max_items} items")


def _clean(tree):
    if isinstance(tree, str):
        return clean(tree)
    if isinstance(tree, list):
        return [_clean(item) for item in tree]
    if isinstance(tree, dict):
        return {clean(name): _clean(value) for name, value in tree.items()}
    return tree
