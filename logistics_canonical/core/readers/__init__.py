# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Bytes to trees, with limits, and nothing that could hurt whoever reads them."""

from .base import Limits, ReadError
from .csv_reader import escape_formula, read_csv
from .json_reader import read_json
from .xml_reader import read_xml

__all__ = ["Limits", "ReadError", "escape_formula", "read"]

_READERS = {"json": read_json, "xml": read_xml, "csv": read_csv}


def read(body: bytes, kind: str, limits: Limits):
    """Return the tree of a body.

    :param kind: ``json`` (gives Python objects), ``xml`` (gives the root
        element) or ``csv`` (gives a list of dicts), or a media type of one of
        these (RFC 6839); the charset of a CSV's is heeded
    :raise ReadError: when it isn't what it should be, or exceeds a limit
    """
    if len(body) > limits.max_bytes:
        raise ReadError("size", f"It has {len(body)} bytes, {limits.max_bytes} allowed")
    reader = _READERS.get(kind)
    if reader:
        return reader(body, limits)
    return _read_media_type(body, kind, limits)


def _read_media_type(body, media_type, limits):
    essence, *parameters = (part.strip() for part in media_type.lower().split(";"))
    subtype = essence.rpartition("/")[2].rpartition("+")[2]
    if subtype == "csv":
        for name, _equals, value in (text.partition("=") for text in parameters):
            if name.strip() == "charset":
                return read_csv(body, limits, value.strip(' "'))
    if subtype not in _READERS:
        raise ReadError("kind", f"{media_type[:60]!r} is not JSON, XML or CSV")
    return _READERS[subtype](body, limits)
