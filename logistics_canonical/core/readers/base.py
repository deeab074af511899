# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """How large and how deep a message may be."""

    max_bytes: int = 1_048_576
    max_depth: int = 64
    max_items: int = 100_000


class ReadError(ValueError):
    """A body that can't be read.

    :param code: json, xml, csv, encoding, depth, size, doctype or number
    """

    def __init__(self, code: str, message: str):
        super().__init__(message)
        self.code = code


def clean(text: str) -> str:
    """Return text that a database can store: no NUL, no lone surrogates."""
    if "\x00" in text:
        text = text.replace("\x00", "\ufffd")
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def decode(body: bytes) -> str:
    """Return a body as text; UTF-8, a byte order mark is tolerated."""
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ReadError("encoding", f"Byte {error.start} is not UTF-8") from error
