# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What may be shown and kept of a message: no secrets, and personal data only to
those who may see it."""

import base64
import json
import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote, urlsplit, urlunsplit

from lxml import etree

from .readers import Limits, ReadError, read
from .readers.base import clean as clean_text

__all__ = [
    "clean_text",
    "excerpt_request",
    "excerpt_response",
    "preview",
    "redact_headers",
    "redact_text",
    "redact_tree",
    "redact_url",
]

HIDDEN = "•••"
EXCERPT = 4000

_SECRET_NAME = re.compile(
    r"passw|secret|token|api[_-]?key|authori[sz]ation|credential|signature"
    r"|access[_-]?(?:key|license)|private[_-]?key|cookie|hmac",
    re.IGNORECASE,
)
_PERSONAL_NAME = re.compile(
    r"^(?:(?:attention|company|contact|consignee|shipper|person|recipient|receiver"
    r"|sender|first|last|full|signed|received)?[_-]?(?:name|names|by)"
    r"|signatory|signed_?by|received_?by|phone\w*|telephone|mobile|e?-?mail\w*"
    r"|street\w*|address(?:_?line\w*|\d)?|house_?number|line[123])$",
    re.IGNORECASE,
)
_PAIR = re.compile(
    r"(?P<name>[\w-]*(?:passw|secret|token|api[_-]?key|credential)[\w-]*)"
    r"(?P<mark>\"?\s*[=:]\s*\"?)(?P<value>[^\s\"'&<>,;]+)",
    re.IGNORECASE,
)
_LIMITS = Limits(max_depth=200, max_items=1_000_000, max_bytes=2_000_000)


def redact_tree(tree, *, personal=True):
    """Return a JSON tree with secrets hidden, and personal data too if asked.

    :param personal: True to leave personal data in
    """
    if isinstance(tree, Mapping):
        return {
            name: HIDDEN
            if value and _hides(str(name), value, personal)
            else redact_tree(value, personal=personal)
            for name, value in tree.items()
        }
    if isinstance(tree, list):
        return [redact_tree(item, personal=personal) for item in tree]
    return tree


def _hides(name, value, personal):
    if _SECRET_NAME.search(name):
        return not isinstance(value, bool)
    return (
        not personal
        and not isinstance(value, Mapping | bool)
        and bool(_PERSONAL_NAME.match(name))
    )


def redact_headers(headers: Mapping[str, str], secrets: Iterable[str] = ()) -> dict:
    """Return headers without those that authenticate."""
    return {
        name: HIDDEN if _SECRET_NAME.search(name) else redact_text(value, secrets)
        for name, value in headers.items()
    }


def redact_url(url: str, secrets: Iterable[str] = ()) -> str:
    """Return an address without user, password and secret parameters."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    query = "&".join(
        f"{pair.split('=', 1)[0]}={HIDDEN}"
        if _SECRET_NAME.search(pair.split("=", 1)[0])
        else pair
        for pair in parts.query.split("&")
    )
    shown = urlunsplit((parts.scheme, host, parts.path, query, ""))
    return redact_text(shown, secrets)


def redact_text(text: str, secrets: Iterable[str] = ()) -> str:
    """Return text without known secrets, in any usual spelling, and without the
    values of names that sound secret."""
    for secret in secrets:
        for spelling in _spellings(secret):
            text = text.replace(spelling, HIDDEN)
    return _PAIR.sub(
        lambda m: (
            m.group(0)
            if m["value"].startswith(HIDDEN)
            else f"{m['name']}{m['mark']}{HIDDEN}"
        ),
        text,
    )


def _spellings(secret):
    """Yield the ways a secret appears in a request, the longest first."""
    if len(secret) < 4:
        return
    found = {
        secret,
        quote(secret, safe=""),
        json.dumps(secret)[1:-1],
        base64.b64encode(secret.encode()).decode(),
        base64.b64encode(secret.encode()).decode().rstrip("="),
    }
    yield from sorted(found, key=len, reverse=True)


def preview(body: bytes, content_type: str, *, personal: bool) -> str:
    """Return a body as text for people.

    :param personal: True for people who may see personal data
    """
    start = body[:64].lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    try:
        if start in (b"{", b"["):
            tree = redact_tree(read(body, "json", _LIMITS), personal=personal)
            return json.dumps(tree, indent=2, ensure_ascii=False)
        if start == b"<":
            return _preview_xml(read(body, "xml", _LIMITS), personal)
    except ReadError:
        pass
    text = clean_text(body.decode("utf-8", "replace"))
    if not personal and text:
        # What can't be read can't be masked.
        return f"({len(body)} bytes that can't be read; shown with the right only)"
    return redact_text(text)


def _preview_xml(root, personal):
    for element in root.iter(etree.Element):
        name = etree.QName(element).localname
        if element.text and element.text.strip() and _hides(name, "x", personal):
            element.text = HIDDEN
        for attribute in element.attrib:
            if _hides(etree.QName(attribute).localname, "x", personal):
                element.attrib[attribute] = HIDDEN
    etree.indent(root)
    return etree.tostring(root, encoding="unicode")


def excerpt_request(outbound, secrets: Iterable[str]) -> str:
    """Return a request for the attempt's record."""
    lines = [f"{outbound.method} {redact_url(outbound.url, secrets)}"]
    headers = redact_headers(outbound.headers, secrets)
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return _excerpt(lines, outbound.body, secrets)


def excerpt_response(response, secrets: Iterable[str]) -> str:
    """Return an answer for the attempt's record."""
    lines = [f"HTTP {response.status}"]
    content_type = response.headers.get("content-type")
    if content_type:
        lines.append(f"content-type: {content_type}")
    return _excerpt(lines, response.body, secrets)


def _excerpt(lines, body, secrets):
    text = redact_text(preview(body[:200_000], "", personal=True), secrets)
    lines = [redact_text(line, secrets) for line in lines]
    return clean_text("\n".join([*lines, "", text])[:EXCERPT])
