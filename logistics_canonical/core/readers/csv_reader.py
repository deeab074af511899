# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import csv
import io

from .base import ReadError, clean, decode

_DELIMITERS = ",;\t|"


def read_csv(body, limits):
    """Return the rows of a CSV body (RFC 4180) as dicts by the header's names."""
    text = clean(decode(body))
    header = text.split("\n", 1)[0]
    delimiter = max(_DELIMITERS, key=header.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows = []
    try:
        names = [name.strip() for name in next(reader, [])]
        if not any(names):
            raise ReadError("csv", "There is no header row")
        for row in reader:
            if not any(row):
                continue
            if len(row) > len(names):
                raise ReadError(
                    "csv", f"Line {reader.line_num} has more values than the header"
                )
            rows.append(dict(zip(names, row, strict=False)))
            if len(rows) > limits.max_items:
                raise ReadError("size", f"It has more than {limits.max_items} rows")
    except csv.Error as error:
        raise ReadError("csv", f"Line {reader.line_num}: {error}") from error
    return rows
