# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Small labels that are valid: one page of PDF, a PNG, ZPL."""

import base64
import struct
import zlib

CONTENT_TYPES = {
    "pdf": "application/pdf",
    "png": "image/png",
    "zpl": "application/zpl",
}


def pdf(*texts):
    """Return a PDF with one page for each text, with its cross-reference table."""
    kids = " ".join(f"{4 + 2 * index} 0 R" for index in range(len(texts)))
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(texts)} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for index, text in enumerate(texts):
        safe = "".join(c if c.isalnum() or c in " -.:" else "?" for c in str(text))
        safe = safe.encode("ascii", "replace").decode()
        drawing = f"BT /F1 18 Tf 24 380 Td ({safe}) Tj ET"
        objects += [
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 288 432] "
            "/Resources << /Font << /F1 3 0 R >> >> "
            f"/Contents {5 + 2 * index} 0 R >>",
            f"<< /Length {len(drawing)} >>\nstream\n{drawing}\nendstream",
        ]
    out, places = b"%PDF-1.4\n", []
    for serial, text in enumerate(objects, 1):
        places.append(len(out))
        out += f"{serial} 0 obj\n{text}\nendobj\n".encode()
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    size = len(objects) + 1
    return (
        out
        + (
            f"xref\n0 {size}\n0000000000 65535 f \n{table}"
            f"trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{len(out)}\n%%EOF\n"
        ).encode()
    )


def png(text):
    """Return a PNG of 8 by 8 pixels, grey by the text."""

    def chunk(kind, data):
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    rows = (b"\0" + bytes([sum(str(text).encode()) % 256]) * 8) * 8
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def zpl(text):
    """Return ZPL that prints a number and its barcode."""
    return f"^XA\n^FO40,40^A0N,40,40^FD{text}^FS\n^FO40,110^BCN,120^FD{text}^FS\n^XZ\n"


def label(number, kind="pdf"):
    """Return the bytes of a label; ``kind`` is pdf, png or zpl."""
    kind = kind.lower().removesuffix("ii")
    if kind == "png":
        return png(number)
    return zpl(number).encode() if kind == "zpl" else pdf(number)


def coded(number, kind="pdf"):
    """Return a label in base64, as text."""
    return base64.b64encode(label(number, kind)).decode()
