# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import json

import pytest
from hypothesis import given, settings, strategies as st

from odoo.addons.logistics_canonical.core.readers import Limits, ReadError, read

LIMITS = Limits(max_depth=20, max_items=1000, max_bytes=100_000)


def refused(body, kind):
    with pytest.raises(ReadError) as caught:
        read(body, kind, LIMITS)
    return caught.value.code


def test_json():
    assert read(b'\xef\xbb\xbf {"a": [1, "x"]} ', "json", LIMITS) == {"a": [1, "x"]}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "json"),
        (b'{"a": ', "json"),
        (b'{"a": NaN}', "number"),
        (b"[Infinity]", "number"),
        (b"[" + b"9" * 5000 + b"]", "number"),
        (b"\xff\xfe{}", "encoding"),
        (b"[" * 30 + b"]" * 30, "depth"),
        (b"[" * 50_000 + b"]" * 50_000, "depth"),
        (b"[" + b"1," * 2000 + b"1]", "size"),
        (b'"' + b"x" * 100_000 + b'"', "size"),
    ],
)
def test_json_refused(body, code):
    assert refused(body, "json") == code


def test_brackets_in_text_are_no_depth():
    assert read(json.dumps({"a": "[" * 100}).encode(), "json", LIMITS)["a"] == "[" * 100


def test_what_no_database_stores_is_replaced():
    tree = read(b'{"a\\u0000": "x\\ud800y\\u0000"}', "json", LIMITS)
    assert tree == {"a\ufffd": "x\ufffdy\ufffd"}


def test_xml():
    root = read(b' <?xml version="1.0"?><a><b x="1">t</b><!-- c --></a>', "xml", LIMITS)
    assert root.findtext("b") == "t"


BOMB = b"""<?xml version="1.0"?><!DOCTYPE z [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>
<z>&b;</z>"""
XXE = b"""<!DOCTYPE z [<!ENTITY x SYSTEM "file:///etc/passwd">]><z>&x;</z>"""


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (BOMB, "doctype"),
        (XXE, "doctype"),
        (XXE.decode().encode("utf-16"), "doctype"),
        (b'<!DOCTYPE html PUBLIC "x" "http://127.0.0.1/dtd"><html/>', "doctype"),
        (b"<a><b></a>", "xml"),
        (b"", "xml"),
        (b"<a>" * 30 + b"</a>" * 30, "depth"),
        (b"<a>" + b"<b/>" * 1001 + b"</a>", "size"),
        (b"<a>&undefined;</a>", "xml"),
    ],
)
def test_xml_refused(body, code):
    assert refused(body, "xml") == code


def test_csv():
    rows = read('no;text\n1;Grüße\n\n2;"a;b"\n'.encode(), "csv", LIMITS)
    assert rows == [{"no": "1", "text": "Grüße"}, {"no": "2", "text": "a;b"}]


@pytest.mark.parametrize("body", [b"", b"a,b\n1,2,3\n", b'a,b\n"1,2\n'])
def test_csv_refused(body):
    assert refused(body, "csv") == "csv"


@settings(max_examples=400, deadline=None, derandomize=True, database=None)
@given(st.binary(max_size=200), st.sampled_from(["json", "xml", "csv"]))
def test_nothing_but_a_read_error_escapes(body, kind):
    try:
        read(body, kind, LIMITS)
    except ReadError as error:
        assert error.code
