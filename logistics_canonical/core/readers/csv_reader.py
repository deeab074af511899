# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import csv
import io
import re
from collections import Counter

from .base import ReadError, check_encoding, clean, decode

_DELIMITERS = ",;\t|"
_QUOTED = re.compile(r'"[^"]*"')
#: What makes a spreadsheet take a cell for a formula (OWASP, CSV injection).
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d+)*")


def read_csv(body, limits, encoding="utf-8"):
    """Return the rows of a CSV body (RFC 4180) as dicts by the header's names.

    Of a column's name given twice the second becomes ``name_2``, so that no value
    is lost. Empty lines, and empty values beyond the header, are left out. NUL
    becomes U+FFFD.

    :param encoding: what the sender says it is written in
    """
    text = clean(decode(body, check_encoding(encoding)))
    header = _QUOTED.sub("", text.split("\n", 1)[0])
    delimiter = max(_DELIMITERS, key=header.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows = []
    try:
        names = _names(next(reader, []))
        for row in reader:
            if not any(row):
                continue
            if any(row[len(names) :]):
                raise ReadError(
                    "csv", f"Line {reader.line_num} has more values than the header"
                )
            rows.append(dict(zip(names, row, strict=False)))
            if len(rows) > limits.max_items:
                raise ReadError("size", f"It has more than {limits.max_items} rows")
    except csv.Error as error:
        raise ReadError("csv", f"Line {reader.line_num}: {error}") from error
    return rows


def _names(header):
    if not any(name.strip() for name in header):
        raise ReadError("csv", "There is no header row")
    names, counts = {}, Counter()
    for name in (name.strip() for name in header):
        unique = name
        while unique in names:
            counts[name] += 1
            unique = f"{name}_{counts[name] + 1}"
        names[unique] = None
    return list(names)


def escape_formula(text: str) -> str:
    """Return a partner's text as an export can hold it: a spreadsheet shows it,
    it doesn't run it. Numbers stay numbers."""
    if text.startswith(_FORMULA) and not _NUMBER.fullmatch(text):
        return "'" + text
    return text
