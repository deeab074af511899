# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import re

from lxml import etree

from .base import ReadError

_DOCTYPE = re.compile(rb"<!\s*(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_BLANKS = b" \t\r\n"


def read_xml(body, limits):
    """Return the root element of an XML body.

    Whoever declares a document type is refused before anything is parsed: no
    partner's message needs one, and entities are what XML attacks are made of.
    """
    body = body.lstrip(_BLANKS)
    # An encoding of two bytes a character hides the word from a byte search.
    if _DOCTYPE.search(body.replace(b"\x00", b"")):
        raise ReadError("doctype", "A document type declaration is not accepted")
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise ReadError("xml", str(error).splitlines()[0][:200] or "No XML") from error
    if root is None:
        raise ReadError("xml", "No XML")
    if root.getroottree().docinfo.doctype:
        raise ReadError("doctype", "A document type declaration is not accepted")
    _check(root, limits)
    return root


def _check(root, limits):
    count, depth = 0, 0
    for event, _element in etree.iterwalk(root, events=("start", "end")):
        if event == "end":
            depth -= 1
            continue
        depth += 1
        count += 1
        if depth > limits.max_depth:
            raise ReadError("depth", f"It is nested deeper than {limits.max_depth}")
        if count > limits.max_items:
            raise ReadError("size", f"It has more than {limits.max_items} elements")
