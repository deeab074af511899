# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import json

import pytest
from hypothesis import given, settings, strategies as st

from odoo.addons.logistics_canonical.core.readers import (
    Limits,
    ReadError,
    escape_formula,
    read,
)

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
        (b"{} {}", "json"),
        (b"\xc2\xa0{}", "json"),
        (b'{"a": "\x00"}', "json"),
        (b'{"a": NaN}', "number"),
        (b"[Infinity]", "number"),
        (b"[-Infinity]", "number"),
        (b"[1e400]", "number"),
        (b"[-1e400]", "number"),
        (b"[" + b"9" * 400 + b".0]", "number"),
        (b"[" + b"9" * 5000 + b"]", "number"),
        (b"\xff\xfe{}", "encoding"),
        (b'{"a": "\xe9"}', "encoding"),
        ('{"a": 1}'.encode("utf-16"), "encoding"),
        (b"[" * 30 + b"]" * 30, "depth"),
        (b"[" * 50_000 + b"]" * 50_000, "depth"),
        (b"[" * 100_000, "depth"),
        (b'[{"a":' * 16_000, "depth"),
        (b"[" * 21 + b"]" * 21, "depth"),
        (b'["\\\\",' * 21 + b"1" + b"]" * 21, "depth"),
        (b"[" + b"1," * 2000 + b"1]", "size"),
        (b"[" + b"{}," * 600 + b"1]", "size"),
        (b'"' + b"x" * 100_000 + b'"', "size"),
    ],
)
def test_json_refused(body, code):
    assert refused(body, "json") == code


def test_json_at_the_limit():
    tree = read(b"[" * 20 + b"]" * 20, "json", LIMITS)
    assert json.dumps(tree) == "[" * 20 + "]" * 20
    assert len(read(b"[" + b"[]," * 400 + b"1]", "json", LIMITS)) == 401


def test_what_stands_in_a_text_is_neither_depth_nor_items():
    for text in ("[" * 100, "," * 5000, '\\"[' * 100, "\\" * 50 + "{" * 50, '"' * 99):
        assert read(json.dumps({"a": text}).encode(), "json", LIMITS) == {"a": text}
    embedded = json.dumps({"a": json.dumps([[[{"b": "\\"}]]] * 30)})
    assert read(embedded.encode(), "json", LIMITS) == json.loads(embedded)


def test_of_a_name_given_twice_the_last_value_counts():
    assert read(b'{"a": 1, "a": 2}', "json", LIMITS) == {"a": 2}


def test_numbers_keep_their_value():
    body = b"[0.1, 1e3, -2.5E-3, 12345678901234567890, 1e308]"
    assert read(body, "json", LIMITS) == [
        0.1,
        1e3,
        -2.5e-3,
        12345678901234567890,
        1e308,
    ]


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner)
    ),
    max_leaves=30,
)


def depth_of(tree):
    if isinstance(tree, dict):
        tree = list(tree.values())
    if isinstance(tree, list):
        return 1 + max(map(depth_of, tree), default=0)
    return 0


@settings(max_examples=300)
@given(_VALUES, st.integers(1, 4), st.booleans())
def test_exactly_what_is_deeper_than_allowed_is_refused(tree, limit, ascii_only):
    body = json.dumps(tree, ensure_ascii=ascii_only).encode()
    limits = Limits(max_depth=limit)
    if depth_of(tree) > limit:
        with pytest.raises(ReadError) as caught:
            read(body, "json", limits)
        assert caught.value.code == "depth"
    else:
        read(body, "json", limits)


def test_what_no_database_stores_is_replaced():
    tree = read(b'{"a\\u0000": "x\\ud800y\\u0000"}', "json", LIMITS)
    assert tree == {"a\ufffd": "x\ufffdy\ufffd"}
    pair = read(b'["\\ud83d\\ude9a \\u00e9", "\\ude9a\\ud83d"]', "json", LIMITS)
    assert pair == ["\U0001f69a é", "\ufffd\ufffd"]


@settings(max_examples=300)
@given(st.text(st.characters(codec=None), max_size=10))
def test_all_text_that_was_read_can_be_stored(text):
    (kept,) = read(json.dumps([text]).encode(), "json", LIMITS)
    kept.encode()
    assert "\x00" not in kept
    if "\x00" not in text and text.encode(errors="replace").decode() == text:
        assert kept == text


def test_xml():
    root = read(b' <?xml version="1.0"?><a><b x="1">t</b><!-- c --></a>', "xml", LIMITS)
    assert root.findtext("b") == "t"


@pytest.mark.parametrize("blank", ["", " ", "\n", "\ufeff", "\ufeff\r\n"])
def test_blanks_before_the_xml_declaration(blank):
    body = f'{blank}<?xml version="1.0" encoding="UTF-8"?><a>é</a>'.encode()
    assert read(body, "xml", LIMITS).text == "é"


@pytest.mark.parametrize(
    "encoding", ["ISO-8859-1", "windows-1252", "UTF-16", "us-ascii", "utf8"]
)
def test_xml_in_its_own_encoding(encoding):
    text = "e" if encoding == "us-ascii" else "é"
    body = f'<?xml version="1.0" encoding="{encoding}"?><a>{text}</a>'.encode(encoding)
    assert read(body, "xml", LIMITS).text == text


BOMB = b"""<?xml version="1.0"?><!DOCTYPE z [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>
<z>&b;</z>"""
XXE = b"""<!DOCTYPE z [<!ENTITY x SYSTEM "file:///etc/passwd">]><z>&x;</z>"""

XXE_HTTP = b"""<!DOCTYPE z [<!ENTITY x SYSTEM "http://127.0.0.1:9/">]><z>&x;</z>"""
PARAMETER = b"""<!DOCTYPE z [<!ENTITY % p SYSTEM "http://127.0.0.1:9/x"> %p;]><z/>"""
QUADRATIC = (
    b'<!DOCTYPE z [<!ENTITY a "' + b"a" * 9000 + b'">]><z>' + b"&a;" * 9000 + b"</z>"
)
ATTRIBUTE = b"""<!DOCTYPE z [<!ENTITY a "ha">]><z b="&a;&a;"/>"""
# The word DOCTYPE in UTF-7, which has no byte of it in its usual place.
HIDDEN = (
    b'<?xml version="1.0" encoding="UTF-7"?>'
    b'+ADwAIQ-DOCTYPE z +AFsAPAAh-ENTITY a "ha"+AD4AXQA+-<z>+ACY-a;</z>'
)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (BOMB, "doctype"),
        (XXE_HTTP, "doctype"),
        (XXE, "doctype"),
        (QUADRATIC, "doctype"),
        (PARAMETER, "doctype"),
        (ATTRIBUTE, "doctype"),
        (XXE.decode().encode("utf-16"), "doctype"),
        (XXE.decode().encode("utf-16-le"), "doctype"),
        (XXE.decode().encode("utf-16-be"), "doctype"),
        (XXE.decode().encode("utf-32"), "doctype"),
        (XXE.replace(b"DOCTYPE", b"doctype"), "doctype"),
        (b"<!-- -->" + XXE, "doctype"),
        (HIDDEN, "encoding"),
        (b'<?xml version="1.0" encoding="cp037"?><a/>', "encoding"),
        (b'<?xml version="1.0" encoding="none such"?><a/>', "encoding"),
        (XXE.decode().encode("cp037"), "xml"),
        (b'<!DOCTYPE html PUBLIC "x" "http://127.0.0.1/dtd"><html/>', "doctype"),
        (b"<a><b></a>", "xml"),
        (b"", "xml"),
        (b"<a>" * 21 + b"</a>" * 21, "depth"),
        (b"<a>" * 300 + b"</a>" * 300, "depth"),
        (b"<a>" * 10_000 + b"</a>" * 10_000, "depth"),
        (b"<a>\x00</a>", "xml"),
        (b"<a>&#0;</a>", "xml"),
        (b"<a>&#xd800;</a>", "xml"),
        (b"<a>\xff</a>", "xml"),
        (b"no xml", "xml"),
        (b"{}", "xml"),
        (b"<a>" + b"<b/>" * 1001 + b"</a>", "size"),
        (b"<a>&undefined;</a>", "xml"),
    ],
)
def test_xml_refused(body, code):
    assert refused(body, "xml") == code


def test_xml_at_the_limit():
    assert read(b"<a>" * 20 + b"</a>" * 20, "xml", LIMITS).tag == "a"


def test_csv():
    rows = read('no;text\n1;Grüße\n\n2;"a;b"\n'.encode(), "csv", LIMITS)
    assert rows == [{"no": "1", "text": "Grüße"}, {"no": "2", "text": "a;b"}]


def test_csv_as_it_comes():
    rows = read(b"\xef\xbb\xbfno,text,\r\n1,x,\r\n2\r\n", "csv", LIMITS)
    assert [(row["no"], row.get("text")) for row in rows] == [("1", "x"), ("2", None)]
    assert read(b"a,b\n1,2,\n", "csv", LIMITS) == [{"a": "1", "b": "2"}]
    assert read(b'"a,b";c\n1;2\n', "csv", LIMITS) == [{"a,b": "1", "c": "2"}]
    assert read(b"a\tb\n1\t2\n", "csv", LIMITS) == [{"a": "1", "b": "2"}]
    assert read(b"a\n\x00\n", "csv", LIMITS) == [{"a": "\ufffd"}]


def test_no_value_of_a_column_given_twice_is_lost():
    rows = read(b"fee,fee,fee_2\n1,2,3\n", "csv", LIMITS)
    assert rows == [{"fee": "1", "fee_2": "2", "fee_2_2": "3"}]


def test_csv_in_the_encoding_the_sender_declares():
    body = "a\nGrüße\n".encode("cp1252")
    kind = 'text/csv; header=present; charset="windows-1252"'
    assert read(body, kind, LIMITS) == [{"a": "Grüße"}]
    assert refused(body, "text/csv") == "encoding"
    for encoding in ("utf-7", "rot13", "none such", "idna", "", "\x00"):
        assert refused(b"a\nb\n", f"text/csv; charset={encoding}") == "encoding"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "csv"),
        (b",,\n1,2,3\n", "csv"),
        (b"a,b\n1,2,3\n", "csv"),
        (b'a,b\n"1,2\n', "csv"),
        (b"a\n" + b"1\n" * 1001, "size"),
        (b"a\n\xff\n", "encoding"),
        (b'a\n"' + b"x" * 140_000 + b'"', "size"),
    ],
)
def test_csv_refused(body, code):
    assert refused(body, "csv") == code


def test_a_header_of_very_many_columns_is_read_at_once():
    assert len(read(b"," * 90_000 + b"a\n1\n", "csv", LIMITS)) == 1


def test_kinds():
    assert read(b"{}", "application/json; charset=utf-8", LIMITS) == {}
    assert read(b"{}", "application/cloudevents+json", LIMITS) == {}
    assert read(b"<a/>", "application/soap+xml", LIMITS).tag == "a"
    for kind in ("", "text/plain", "application/pdf", ";", "yaml"):
        assert refused(b"{}", kind) == "kind"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("=1+1", "'=1+1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
        ("\t=1", "'\t=1"),
        ("-2+3", "'-2+3"),
        ("-12.50", "-12.50"),
        ("+44", "+44"),
        ("1Z999", "1Z999"),
        ("", ""),
    ],
)
def test_a_spreadsheet_runs_nothing_of_a_partners_text(text, shown):
    assert escape_formula(text) == shown


@settings(max_examples=400)
@given(
    st.binary(max_size=200)
    | st.builds(
        lambda start, rest: start + rest,
        st.sampled_from([b"<", b"{", b"[", b'<?xml encoding="', b"\xff\xfe", b"a,b\n"]),
        st.binary(max_size=100),
    ),
    st.sampled_from(["json", "xml", "csv", "text/csv; charset=utf-16"]),
)
def test_nothing_but_a_read_error_escapes(body, kind):
    try:
        read(body, kind, LIMITS)
    except ReadError as error:
        assert error.code
