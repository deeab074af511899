# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What may be shown and kept of a message: no secrets, and personal data only to
those who may see it.

Two things hide a value: its name (a member of an object, an element, a header, a
parameter) and, for secrets we know, the value itself in whatever spelling. All of
it can be applied again to what it gave without changing it.
"""

import base64
import codecs
import html
import json
import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from urllib.parse import quote, quote_plus, unquote, urlsplit, urlunsplit

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
_LIMITS = Limits(max_depth=200, max_items=1_000_000, max_bytes=2_000_000)
#: How often a message may hold another one as text.
_EMBEDDED = 3

# === NAMES === #

_SECRET_WORDS = (
    r"passw|passphrase|passcode|pwd|secret|token|api[_-]?key"
    r"|(?<![a-z])authori[sz]ation(?![a-z])|credential|hmac|cookie|session[_-]?id"
    r"|bearer|jwt|iban"
    r"|(?:access|private|subscription|shared|encryption)[_-]?(?:key|license)"
    r"|(?:account|shipper)[_-]?(?:number|num|no|nr)(?![a-z])"
)
_SECRET_NAME = re.compile(_SECRET_WORDS, re.IGNORECASE)
#: Many a partner has its own name for the header with the key.
_SECRET_HEADER = re.compile(
    rf"{_SECRET_WORDS}|(?<!idempotency)-key$|account|signature", re.IGNORECASE
)
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
#: All that stands below is about a person; names without separators.
_PERSONAL_NAME = re.compile(
    r"email|phone|mobile|street|signator|signer|(?<!con)signee|surname|forename"
    r"|(?:signed|received|accepted)(?:for)?by|house(?:number|no|nr)$|^(?:mail|tel|fax)"
    r"(?:number|no|nr)?$|fax(?:number|no|nr)?$"
)
#: A text directly below names a person or a door; what has a structure of its own
#: is looked at piece by piece, so that city and country stay.
_PARTIES = frozenset(
    ("address", "addresses", "addressee", "consignee", "consignor", "contact")
    + ("customer", "person", "receiver", "recipient", "sender", "shipper")
)
#: Whose name is nobody's.
_THINGS = frozenset(
    ("carrier", "service", "status", "event", "type", "class", "code", "product")
    + ("city", "town", "state", "country", "province", "region", "area", "port")
    + ("facility", "location", "depot", "terminal", "hub", "station", "site", "zone")
    + ("package", "parcel", "file", "vessel", "field", "tag", "host", "timezone")
    + ("option", "method", "commodity", "item", "message", "document", "currency")
)


def _secret(name: str) -> str:
    """Say what a name hides: ``all`` below it, its ``own`` text, or nothing."""
    return "all" if _SECRET_NAME.search(name) else ""


def _secret_or_personal(name: str) -> str:
    # Names come from outside: those remembered are few and short.
    return _secret(name) or _personal(name[:100])


@lru_cache(maxsize=4096)
def _personal(name):
    words = [word.lower() for word in _WORD.findall(name)]
    if words[:1] == ["line"] and words[1:] and words[1].isdigit():
        return "own"
    while words and (words[-1].isdigit() or words[-1] in ("line", "lines", "text")):
        words.pop()
    if not words:
        return ""
    last = words[-1]
    if last == "signature" or _PERSONAL_NAME.search("".join(words)):
        return "all"
    if last == "names" or last.endswith("name"):
        about = {*words[:-1], last.removesuffix("name")}
        is_thing = _PARTIES.isdisjoint(about) and not _THINGS.isdisjoint(about)
        return "" if is_thing else "all"
    return "own" if last in _PARTIES else ""


# === TREES === #


def redact_tree(tree, *, personal=True):
    """Return a JSON tree with secrets hidden, and personal data too if asked.

    The shape stays: names, the lengths of lists, what is true, false, null or
    empty.

    :param personal: True to leave personal data in
    """
    return _redact_json(tree, _secret if personal else _secret_or_personal, "", 0)


def _redact_json(tree, hides, mode, level):
    if isinstance(tree, Mapping):
        labelled = _label_mode(tree, hides)
        return {
            name: _redact_json(
                value,
                hides,
                "all"
                if mode == "all"
                else hides(str(name)) or (labelled if name in _VALUE_NAMES else ""),
                level,
            )
            for name, value in tree.items()
        }
    if isinstance(tree, list):
        return [_redact_json(item, hides, mode, level) for item in tree]
    if isinstance(tree, bool) or tree is None or tree == "":
        return tree
    if mode:
        return HIDDEN
    return _redact_string(tree, hides, level) if isinstance(tree, str) else tree


_LABEL_NAMES = ("name", "Name", "key", "Key")
_VALUE_NAMES = ("value", "Value")


def _label_mode(tree, hides):
    """Return what ``{"name": "password", "value": …}`` says of its value."""
    for name in _LABEL_NAMES:
        label = tree.get(name)
        if isinstance(label, str):
            return hides(label)
    return ""


def _redact_string(text, hides, level):
    """Return a text of a message, which may be a message in itself."""
    if text.lstrip()[:1] in ("{", "[", "<"):
        if level < _EMBEDDED:
            shown = _redact_body(text.encode("utf-8", "replace"), hides, level + 1)
            if shown is not None:
                return shown
        elif hides is not _secret:
            return HIDDEN
    if hides is not _secret:
        text = _EMAIL.sub(HIDDEN, text)
    return redact_text(text)


def _redact_body(body, hides, level):
    """Return a JSON or XML body as redacted text, None when it is neither."""
    start = body[:64].lstrip(_BLANKS)[:1]
    try:
        if start in (b"{", b"["):
            tree = _redact_json(read(body, "json", _LIMITS), hides, "", level)
            return json.dumps(tree, indent=None if level else 2, ensure_ascii=False)
        if start == b"<":
            root = read(body, "xml", _LIMITS)
            _redact_xml(root, hides, "", level)
            if not level:
                etree.indent(root)
            return etree.tostring(root, encoding="unicode")
    except ReadError:
        pass
    return None


#: What may stand before a body begins; of UTF-16 its mark and empty bytes.
_BLANKS = codecs.BOM_UTF8 + codecs.BOM_UTF16_LE + b"\x00 \t\r\n"


def _redact_xml(element, hides, mode, level):
    if not mode:
        mode = hides(etree.QName(element).localname)
    attributes = {etree.QName(name).localname: name for name in element.attrib}
    label = next((n for n in _LABEL_NAMES if n in attributes), None)
    labelled = hides(element.attrib[attributes[label]]) if label else ""
    for local, name in attributes.items():
        if mode == "all" or hides(local) or (labelled and local in _VALUE_NAMES):
            element.attrib[name] = HIDDEN
        else:
            element.attrib[name] = _redact_string(element.attrib[name], hides, level)
    mode = mode or labelled
    element.text = _redact_xml_text(element.text, hides, mode, level)
    for child in element:
        # Without entities and comments every child is an element.
        if isinstance(child.tag, str):
            _redact_xml(child, hides, "all" if mode == "all" else "", level)
        child.tail = _redact_xml_text(child.tail, hides, mode, level)


def _redact_xml_text(text, hides, mode, level):
    if not text or not text.strip():
        return text
    return HIDDEN if mode else _redact_string(text, hides, level)


# === TEXTS === #

#: Repetitions are bounded or consume what they saw: no text takes long to search.
_PAIR = re.compile(
    rf"""(?P<before>(?:{_SECRET_WORDS})[\w-]{{0,40}}\\*["']?\s*(?:=>|[=:])\s*)
    (?:
      "(?P<double>[^"\\]*(?:\\.[^"\\]*)*)
    | '(?P<single>[^'\\]*(?:\\.[^'\\]*)*)
    | (?P<escape>\\+)(?P<mark>["'])        # a text in a text
      (?:.*?(?<!\\)(?=(?P=escape)(?P=mark))|.*)
    | (?!(?:true|false|null)\b)
      (?:(?:basic|bearer|digest|token)\s+)?[^\s"'&<>,;\\{{}}\[\]]+
    )""",
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)
_ELEMENT = re.compile(
    rf"(<[\w:.-]{{0,60}}(?:{_SECRET_WORDS})[\w:.-]{{0,60}}(?:\s[^<>]{{0,500}})?>)[^<]+",
    re.IGNORECASE,
)
_SCHEME = re.compile(
    r"\b(basic|bearer)\s+(?:(?=[\w.~+/-]*[\d=])[\w.~+/=-]{6,}|[\w.~+/=-]{16,})",
    re.IGNORECASE,
)
_USER = re.compile(r"(?<=://)[^/\s@\"'<>]{1,500}@")
_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+")


def redact_text(text: str, secrets: Iterable[str] = ()) -> str:
    """Return text without known secrets, in any usual spelling, without the
    values of names that sound secret, and without users in addresses."""
    spellings = {spelling for secret in secrets for spelling in _spellings(secret)}
    for spelling in sorted(spellings, key=len, reverse=True):
        text = text.replace(spelling, HIDDEN)
    text = _USER.sub(f"{HIDDEN}@", text)
    text = _SCHEME.sub(rf"\1 {HIDDEN}", text)
    text = _ELEMENT.sub(rf"\1{HIDDEN}", text)
    return _PAIR.sub(_hide_value, text)


def _hide_value(found):
    for mark, name in (('"', "double"), ("'", "single")):
        if found[name] is not None:
            return found["before"] + mark + (HIDDEN if found[name] else "")
    if found["escape"]:
        return found["before"] + found["escape"] + found["mark"] + HIDDEN
    return found["before"] + HIDDEN


def _spellings(secret):
    """Return the ways a secret can be written in a request or an answer."""
    if len(secret) < 4:
        return set()
    texts = {secret, quote(secret), quote(secret, safe=""), quote_plus(secret)}
    texts |= {html.escape(secret), html.escape(secret, quote=False)}
    texts |= {
        re.sub(r"%[0-9A-F]{2}", lambda m: m[0].lower(), text)
        for text in tuple(texts)
        if "%" in text
    }
    for _time in range(2):  # in JSON, and in JSON in JSON
        texts |= {
            spelling
            for text in tuple(texts)
            for ascii_only in (True, False)
            for spelling in _json_spellings(text, ascii_only)
        }
    for encoding in ("utf-8", "latin-1"):
        data = secret.encode(encoding, "replace")
        texts |= {data.hex(), data.hex().upper(), *_base64_spellings(data)}
    return texts


def _json_spellings(text, ascii_only):
    spelling = json.dumps(text, ensure_ascii=ascii_only)[1:-1]
    return spelling, spelling.replace("/", "\\/")


def _base64_spellings(data):
    """Yield what Base64 text has in common wherever in it the data stands, such as
    after ``user:``."""
    for offset in range(3):
        code = base64.b64encode(bytes(offset) + data).decode()
        common = code[-(-offset * 8 // 6) : (offset + len(data)) * 8 // 6]
        if len(common) >= 5:
            yield common
            yield common.replace("+", "-").replace("/", "_")


# === PARTS OF A REQUEST === #


def redact_headers(headers: Mapping[str, str], secrets: Iterable[str] = ()) -> dict:
    """Return headers without those that authenticate."""
    return {
        name: HIDDEN if _SECRET_HEADER.search(name) else redact_text(value, secrets)
        for name, value in headers.items()
    }


def redact_url(url: str, secrets: Iterable[str] = ()) -> str:
    """Return an address without user, password, secret parameters and fragment."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return redact_text(url, secrets)
    query = "&".join(_redact_parameter(pair) for pair in parts.query.split("&"))
    host = parts.netloc.rpartition("@")[2]
    shown = urlunsplit((parts.scheme, host, parts.path, query, ""))
    return redact_text(shown, secrets)


def _redact_parameter(pair):
    name, equals, _value = pair.partition("=")
    return (
        f"{name}={HIDDEN}" if equals and _SECRET_HEADER.search(unquote(name)) else pair
    )


def preview(body: bytes, content_type: str, *, personal: bool) -> str:
    """Return a body as text for people.

    :param personal: True for people who may see personal data
    """
    hides: Callable[[str], str] = _secret if personal else _secret_or_personal
    shown = _redact_body(body, hides, 0)
    if shown is not None:
        return shown
    if not personal and body:
        # What can't be read can't be masked.
        return f"({len(body)} bytes that can't be read; shown with the right only)"
    wide = body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return redact_text(
        clean_text(body.decode("utf-16" if wide else "utf-8", "replace"))
    )


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
