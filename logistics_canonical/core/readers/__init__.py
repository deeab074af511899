# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Bytes to trees, with limits, and nothing that could hurt whoever reads them."""

from .base import Limits, ReadError
from .csv_reader import read_csv
from .json_reader import read_json
from .xml_reader import read_xml

__all__ = ["Limits", "ReadError", "read"]

_READERS = {"json": read_json, "xml": read_xml, "csv": read_csv}


def read(body: bytes, kind: str, limits: Limits):
    """Return the tree of a body.

    :param kind: ``json`` (gives Python objects), ``xml`` (gives the root
        element) or ``csv`` (gives a list of dicts)
    :raise ReadError: when it isn't what it should be, or exceeds a limit
    """
    if len(body) > limits.max_bytes:
        raise ReadError("size", f"It has {len(body)} bytes, {limits.max_bytes} allowed")
    return _READERS[kind](body, limits)
