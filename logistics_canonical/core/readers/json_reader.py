# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import json

from .base import ReadError, clean, decode


def _refuse_constant(name):
    raise ReadError("number", f"{name} is not a JSON number")


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)


def read_json(body, limits):
    """Return the Python objects of a JSON body (RFC 8259).

    NaN and infinities are refused. A name given twice has its last value, as the
    RFC allows. NUL and lone surrogates, which no database stores, become U+FFFD.
    """
    text = decode(body)
    # Opening brackets bound the depth from above; most messages need no scan.
    if text.count("[") + text.count("{") > limits.max_depth:
        _check_depth(text, limits.max_depth)
    if text.count(",") > limits.max_items:
        raise ReadError("size", f"It has more than {limits.max_items} items")
    try:
        tree = _DECODER.decode(text.strip())
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
    if "\\u" in text or "\x00" in text:
        tree = _clean(tree)
    return tree


def _check_depth(text, limit):
    depth, in_string, escaped = 0, False, False
    for char in text:
        if in_string:
            if escaped:
                escaped = False
            elif char == "\\":
                escaped = True
            elif char == '"':
                in_string = False
        elif char == '"':
            in_string = True
        elif char in "[{":
            depth += 1
            if depth > limit:
                raise ReadError("depth", f"It is nested deeper than {limit}")
        elif char in "]}":
            depth -= 1


def _clean(tree):
    if isinstance(tree, str):
        return clean(tree)
    if isinstance(tree, list):
        return [_clean(item) for item in tree]
    if isinstance(tree, dict):
        return {clean(name): _clean(value) for name, value in tree.items()}
    return tree
