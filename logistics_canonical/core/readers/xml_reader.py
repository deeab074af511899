# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import codecs
import re
from functools import lru_cache

from lxml import etree

from .base import ReadError, check_encoding

_DOCTYPE = re.compile(rb"<!\s*(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_ENCODING = re.compile(rb"""<\?xml[^>]*?\sencoding\s*=\s*["']([^"']*)["']""")
_BLANKS = b" \t\r\n"
_WIDE_MARKS = codecs.BOM_UTF16_LE + codecs.BOM_UTF16_BE


def read_xml(body, limits):
    """Return the root element of an XML body.

    Whoever declares a document type is refused before anything is parsed, in a
    comment or CDATA section too: no partner's message needs one, and entities are
    what XML attacks are made of. A blank before the declaration is tolerated.
    """
    body = body.removeprefix(codecs.BOM_UTF8).lstrip(_BLANKS)
    # An encoding of two bytes a character hides the word from a byte search.
    flat = body.replace(b"\x00", b"").lstrip(_WIDE_MARKS)
    if _DOCTYPE.search(flat):
        raise ReadError("doctype", "A document type declaration is not accepted")
    if not flat.startswith(b"<"):
        raise ReadError("xml", "It does not start with <")
    declared = _ENCODING.match(flat)
    if declared:
        check_encoding(declared[1].decode("latin-1"))
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
        text = str(error).splitlines()[0][:200] if str(error) else "No XML"
        # The parser has a limit of its own for this.
        code = "depth" if text.startswith("Excessive depth") else "xml"
        raise ReadError(code, text) from error
    if root is None:
        raise ReadError("xml", "No XML")
    if root.getroottree().docinfo.doctype:
        raise ReadError("doctype", "A document type declaration is not accepted")
    if _deeper_than(limits.max_depth)(root):
        raise ReadError("depth", f"It is nested deeper than {limits.max_depth}")
    if _COUNT(root) > limits.max_items:
        raise ReadError("size", f"It has more than {limits.max_items} elements")
    return root


_COUNT = etree.XPath("count(//*)")


@lru_cache(maxsize=64)
def _deeper_than(depth):
    """Return a test whether a root has elements below that many levels."""
    return etree.XPath("boolean(" + "/*" * (depth + 1) + ")")
