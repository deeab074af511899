# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import codecs
from dataclasses import dataclass

#: Encodings in which ASCII is what it seems to be. UTF-7, EBCDIC and the like are
#: used by nobody but those who want to hide something.
_ENCODINGS = frozenset(
    ("utf-8", "utf-16", "utf-16-le", "utf-16-be", "ascii")
    + ("iso8859-1", "iso8859-2", "iso8859-15", "cp1250", "cp1252")
    + ("gb2312", "gbk", "gb18030")
)


@dataclass(frozen=True)
class Limits:
    """How large and how deep a message may be."""

    max_bytes: int = 1_048_576
    max_depth: int = 64
    max_items: int = 100_000


class ReadError(ValueError):
    """A body that can't be read.

    :param code: json, xml, csv, kind, encoding, depth, size, doctype or number
    """

    def __init__(self, code: str, message: str):
        super().__init__(message)
        self.code = code


def clean(text: str) -> str:
    """Return text that a database can store: NUL and lone surrogates become
    U+FFFD."""
    if "\x00" in text:
        text = text.replace("\x00", "\ufffd")
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def check_encoding(name: str) -> str:
    """Return the usual name of an encoding a sender names.

    :raise ReadError: when it is unknown or not accepted
    """
    try:
        usual = codecs.lookup(name).name
    except (LookupError, ValueError):
        usual = ""
    if usual not in _ENCODINGS:
        raise ReadError("encoding", f"The encoding {name[:40]!r} is not accepted")
    return usual


def decode(body: bytes, encoding: str = "utf-8") -> str:
    """Return a body as text; a UTF-8 byte order mark wins over ``encoding``.

    :raise ReadError: when it isn't text in that encoding
    """
    if body.startswith(codecs.BOM_UTF8):
        body, encoding = body[len(codecs.BOM_UTF8) :], "utf-8"
    try:
        return body.decode(encoding)
    except UnicodeDecodeError as error:
        raise ReadError(
            "encoding", f"Byte {error.start} is not {encoding.upper()}"
        ) from error
