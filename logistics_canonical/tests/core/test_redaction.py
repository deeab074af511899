# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import base64
import html
import json
import re
from urllib.parse import quote, quote_plus
from xml.sax.saxutils import escape

import pytest
from hypothesis import given, settings, strategies as st

from odoo.addons.logistics_canonical.core.adapter import Outbound, Response
from odoo.addons.logistics_canonical.core.redaction import (
    excerpt_request,
    excerpt_response,
    preview,
    redact_headers,
    redact_text,
    redact_tree,
    redact_url,
)

CANARY = 'can4ry/+ &se"cret<'


def test_secrets_by_name():
    tree = {"apiKey": "k", "a": [{"password": "p", "n": 1}], "token": "", "x": "y"}
    hidden = redact_tree(tree)
    assert "k" not in json.dumps(hidden["apiKey"])
    assert hidden["a"][0] == {"password": "•••", "n": 1}
    assert hidden["x"] == "y"
    assert redact_headers({"authorization": "Basic eA==", "accept": "json"}) == {
        "authorization": "•••",
        "accept": "json",
    }
    assert redact_url("https://u:p@h.example/a?api_key=1&n=2") == (
        "https://h.example/a?api_key=•••&n=2"
    )


def test_personal_data_only_for_those_who_may():
    body = json.dumps({"parcel": {"name": "Ada", "city": "London", "email": "a@b.c"}})
    assert "Ada" in preview(body.encode(), "", personal=True)
    masked = preview(body.encode(), "", personal=False)
    assert "Ada" not in masked and "a@b.c" not in masked
    assert "London" in masked
    xml = b"<r><ConsigneeName>Ada</ConsigneeName><City>London</City></r>"
    assert "Ada" not in preview(xml, "", personal=False)
    assert "London" in preview(xml, "", personal=False)


def test_what_cannot_be_read_cannot_be_masked():
    assert "Ada" not in preview(b'{"name": "Ada', "", personal=False)


def test_what_is_below_a_secret_name_is_secret_and_the_shape_stays():
    tree = {
        "credentials": {"user": "u", "list": ["a", 1, None, True, ""]},
        "accountNumber": 4711,
        "hasToken": True,
        "token": None,
    }
    assert redact_tree(tree) == {
        "credentials": {"user": "•••", "list": ["•••", "•••", None, True, ""]},
        "accountNumber": "•••",
        "hasToken": True,
        "token": None,
    }


def test_a_name_beside_its_value():
    tree = [{"name": "X-Api-Key", "value": "k"}, {"key": "Accept", "value": "v"}]
    assert [pair["value"] for pair in redact_tree(tree)] == ["•••", "v"]
    xml = b"""<r><p name="password" value="k1"/><p name="password">k2</p>
    <p name="n">v</p></r>"""
    shown = preview(xml, "", personal=True)
    assert "k1" not in shown and "k2" not in shown and ">v<" in shown


def test_secrets_in_xml_wherever_they_stand():
    body = b"""<s:Envelope xmlns:s="urn:s"><s:Header><s:UsernameToken token="k1">
    <s:User>k2</s:User>k3<s:Deep><s:Value a="k4">k5</s:Value></s:Deep></s:UsernameToken>
    </s:Header><s:AccountNumber>k6</s:AccountNumber><City>Ulm</City></s:Envelope>"""
    shown = preview(body, "", personal=True)
    assert not any(f"k{number}" in shown for number in range(1, 7))
    assert "Ulm" in shown


@pytest.mark.parametrize(
    "name",
    [
        "name", "Name1", "fullName", "first_name", "ContactName", "companyname",
        "attentionName", "receivedByName", "signedForByName", "signed_by", "SIGNEDBY",
        "Signatory", "carrierContactName", "signature",
        "packageRecipientName", "consignee", "recipient", "email", "e-mail",
        "EmailAddress", "EMailAddress", "contactEmail", "phone", "phoneNumber",
        "TelephoneNumber",
        "mobile_phone", "fax", "street", "streetLines", "Street1", "address",
        "addressLine1", "address_2", "AddressLine", "line2", "house_number",
        "from_name",
    ],
)  # fmt: skip
def test_names_of_personal_data(name):
    for value, hidden in (("Ada", "•••"), (["Ada", "Bob"], ["•••", "•••"])):
        assert redact_tree({"x": {name: value}}, personal=False) == {
            "x": {name: hidden}
        }
        assert redact_tree({"x": {name: value}}) == {"x": {name: value}}


@pytest.mark.parametrize(
    "name",
    [
        "city", "country", "postal_code", "state", "status", "carrierName",
        "service_name", "cityName", "facilityName", "event_type", "fileName",
        "carrierShortName", "codeListName", "lastEventLocationName",
        "signatureDateTime", "returnAuthorizationId", "trackingNumber",
        "mailPieces", "weight", "description", "lines",
    ],
)  # fmt: skip
def test_what_people_need_to_see_stays(name):
    tree = {name: "Ulm", "list": [{name: 3}]}
    assert redact_tree(tree, personal=False) == tree


def test_of_an_address_the_place_stays():
    tree = {
        "consignee": {
            "name": {"first": "Ada", "last": "Lovelace"},
            "address": {"street1": "12 Main St", "city": "Ulm", "country": "DE"},
            "contacts": [{"phone": 49731, "kind": "day"}],
        }
    }
    assert redact_tree(tree, personal=False) == {
        "consignee": {
            "name": {"first": "•••", "last": "•••"},
            "address": {"street1": "•••", "city": "Ulm", "country": "DE"},
            "contacts": [{"phone": "•••", "kind": "day"}],
        }
    }


def test_personal_data_in_xml():
    body = b"""<r><Consignee><Name>Ada <b>Love</b>lace</Name><Address>
    <StreetLines>12 Main</StreetLines><City>Ulm</City></Address></Consignee>
    <Event signedBy="Ada">Delivered, ask ada@home.example</Event></r>"""
    shown = preview(body, "", personal=False)
    for part in ("Ada", "Love", "lace", "Main", "ada@"):
        assert part not in shown
    assert "Ulm" in shown and "Delivered" in shown
    assert "Ada" in preview(body, "", personal=True)


def test_a_message_inside_a_message():
    inner = json.dumps({"password": "k1", "name": "Ada", "city": "Ulm"})
    xml = "<r><Password>k1</Password><Name>Ada</Name><City>Ulm</City></r>"
    for text in (inner, xml, json.dumps({"Message": inner})):
        body = json.dumps({"Message": text}).encode()
        soap = f"<s><Body><![CDATA[{text}]]></Body></s>".encode()
        for sent in (body, soap):
            shown = preview(sent, "", personal=False)
            assert "k1" not in shown and "Ada" not in shown and "Ulm" in shown
            assert "k1" not in preview(sent, "", personal=True)
    text = '{"name": "Ada", "password": "k1"}'
    for _time in range(8):
        text = json.dumps({"m": text})
    shown = preview(text.encode(), "", personal=False)
    assert "Ada" not in shown and "k1" not in shown


@pytest.mark.parametrize(
    "text",
    [
        '{"password": "k1 k2", "x": ',
        '{"password": "k0\\"k1",',
        '{\\"password\\": \\"k1 \\\\\\"k2\\", \\"x\\"',
        "password='k1 k2'",
        "client_secret=k1&x=1",
        "GET /a?api_key=k1 HTTP/1.1",
        "<Password>k1</Passw",
        '<ns:Token a="1">k1<',
        'accessToken => "k1"',
        "https://user:k1@host.example/",
        "Authorization: Bearer k1",
        "Authorization: Basic azE6azI=",
        "sent bearer k1k1k1k1k1k1k1k1 to",
        "account_number: k1",
        '"secret": "k1',
    ],
)
def test_secrets_in_text_that_is_no_message(text):
    shown = redact_text(text)
    assert "k1" not in shown and "azE6azI" not in shown
    assert redact_text(shown) == shown


@pytest.mark.parametrize(
    "text",
    ["Basic service delayed", "token", '{"token": null, "hmac": true', "a=1&b=2"],
)
def test_other_text_stays(text):
    assert redact_text(text) == text


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://h.example/a?b=1#token", "https://h.example/a?b=1"),
        ("https://h.example/a?api%5Fkey=k", "https://h.example/a?api%5Fkey=•••"),
        ("https://h.example/a?subscription-key=k", "https://h.example/a?subscription-key=•••"),
        ("https://[h.example/?token=k", "https://[h.example/?token=•••"),
        ("not an address", "not an address"),
    ],
)  # fmt: skip
def test_addresses(url, shown):
    assert redact_url(url) == shown
    assert redact_url(shown) == shown


def test_headers_that_authenticate_under_a_name_of_their_own():
    names = ["DHL-API-Key", "X-Okapi-Key", "17token", "X-IBM-Client-Secret", "Cookie",
             "Account-Number", "Proxy-Authorization", "x-hmac-signature"]  # fmt: skip
    assert set(redact_headers(dict.fromkeys(names, "k")).values()) == {"•••"}
    assert redact_headers({"Idempotency-Key": "k"}) == {"Idempotency-Key": "k"}


def spellings(secret):
    """Return how the secret looks in requests and answers, made the senders' way."""
    data = secret.encode()
    return {
        "plain": secret,
        "query": quote(secret, safe=""),
        "form": quote_plus(secret),
        "lower": re.sub("%..", lambda m: m[0].lower(), quote(secret, safe="")),
        "path": quote(secret),
        "json": json.dumps(secret)[1:-1],
        "json in json": json.dumps(json.dumps(secret))[3:-3],
        "php json": json.dumps(secret)[1:-1].replace("/", "\\/"),
        "xml": escape(secret),
        "html": html.escape(secret),
        "hex": data.hex(),
    }


@settings(max_examples=200)
@given(
    st.recursive(
        st.sampled_from([CANARY, f"x {CANARY} y", 1, None, "plain"]),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["a", "b", CANARY]), inner, max_size=3)
        ),
        max_leaves=8,
    ),
    st.sampled_from(sorted(spellings(CANARY))),
    st.sampled_from(["", "u:", "us:", "usr:"]),
    st.sampled_from([b"", b'{"broken": ', b"\xff", b"<r>"]),
)
def test_a_known_secret_survives_nowhere(tree, spelling, user, before):
    written = spellings(CANARY)[spelling]
    basic = base64.b64encode(f"{user}{CANARY}".encode()).decode()
    body = before + json.dumps([tree, written, basic]).encode()
    outbound = Outbound(
        "POST",
        f"https://u:{quote(CANARY, safe='')}@h.example/{quote(CANARY, safe='')}"
        f"?q={quote_plus(CANARY)}",
        {"X-Other": written, "Authorization": f"Basic {basic}", "X-More": f"a {basic}"},
        body,
    )
    for text in (
        excerpt_request(outbound, [CANARY]),
        excerpt_response(Response(200, {"content-type": written}, body), [CANARY]),
        redact_text(body.decode("utf-8", "replace"), [CANARY]),
    ):
        for kept in spellings(CANARY).values():
            assert kept not in text
        # What Base64 of it looks like depends on what stands before it.
        for code in re.findall(r"[A-Za-z0-9+/]{8,}", text):
            for start in range(4):
                part = code[start:]
                part = part[: len(part) // 4 * 4]
                assert CANARY.encode()[:6] not in base64.b64decode(part)


@settings(max_examples=300)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=10),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["name", "token", "value", "key", "city", "address"]),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    ),
    st.booleans(),
)
def test_masking_twice_changes_nothing_and_keeps_the_shape(tree, personal):
    once = redact_tree(tree, personal=personal)
    assert redact_tree(once, personal=personal) == once
    assert shape(once) == shape(tree)


def shape(tree):
    if isinstance(tree, dict):
        return {name: shape(value) for name, value in tree.items()}
    return [shape(item) for item in tree] if isinstance(tree, list) else None


@settings(max_examples=300)
@given(st.binary(max_size=80), st.sampled_from([b"", b"<a>", b"{", b"\xff\xfe"]))
def test_whatever_came_can_be_shown(body, start):
    for personal in (True, False):
        preview(start + body, "", personal=personal).encode()


def test_long_hostile_texts_are_shown_at_once():
    for unit in ("a", "token", "token ", "<token", '"', "\\", "basic ", "://", "a.b@",
                 'token: \\"', "token='", "{", "&amp;lt;a>"):  # fmt: skip
        text = unit * (100_000 // len(unit))
        redact_text(text, ["secret"])
        preview(text.encode(), "", personal=False)
    nested = "<a>x</a>"
    for _time in range(60):
        nested = f"<a>{escape(nested)}</a>"
    preview(nested.encode(), "", personal=False)


def test_wide_text_is_read_before_it_is_shown():
    for encoding in ("utf-16", "utf-8-sig"):
        body = '{"password": "k1", "city": "Ulm"}'.encode(encoding)
        shown = preview(body, "", personal=True)
        assert "k1" not in shown and "Ulm" in shown


def test_redacting_twice_changes_nothing():
    once = redact_text("token=abcd secret: 'x' pw", ["abcd"])
    assert redact_text(once, ["abcd"]) == once
    assert "abcd" not in once


#: Secrets of any kind, long enough that hiding them leaves a text readable and that
#: they don't stand in the frame of the text by chance. The mark must not be in them.
SECRETS = st.text(
    st.characters(exclude_categories=("Cs",), exclude_characters="\x00•"),
    min_size=6,
    max_size=24,
).map(lambda text: f"Q7{text}Z9")


def written_as(form, pieces, secrets):
    """Return texts as they stand in a body."""
    if form == "object":
        tree = {"a": dict.fromkeys(secrets, 1), "b": pieces}
        return json.dumps(tree, ensure_ascii=False)
    if form == "form":
        return "&".join(f"n={quote_plus(piece)}" for piece in pieces)
    if form == "xml":
        return f"<r>{''.join(f'<a>{escape(piece)}</a>' for piece in pieces)}</r>"
    if form == "attribute":
        elements = [f'<a b="{html.escape(piece)}"/>' for piece in pieces]
        return f"<r>{''.join(elements)}</r>"
    if form == "text":
        return " ".join(pieces)
    return ('{"a": ' if form == "broken" else "") + json.dumps(pieces)


@settings(max_examples=400)
@given(
    st.lists(SECRETS, min_size=1, max_size=3, unique=True),
    st.sampled_from(sorted(spellings(CANARY))),
    st.sampled_from(["", "u:", "us:", "usr:"]),
    st.sampled_from(["json", "object", "form", "xml", "attribute", "text", "broken"]),
    st.sampled_from(["", "plain "]),
)
def test_whatever_secrets_there_are_none_is_kept(secrets, spelling, user, form, before):
    pieces = []
    for secret in secrets:
        written = spellings(secret)[spelling]
        basic = base64.b64encode(f"{user}{secret}".encode()).decode()
        pieces += [before + written, f"{before}Basic {basic}", basic]
    body = written_as(form, pieces, secrets).encode()
    outbound = Outbound(
        "POST",
        "https://h.example/" + "/".join(quote(secret, safe="") for secret in secrets),
        {f"X-{number}": piece for number, piece in enumerate(pieces)},
        body,
    )
    for shown in (
        excerpt_request(outbound, secrets),
        excerpt_response(Response(500, {"content-type": pieces[0]}, body), secrets),
        redact_text(body.decode(), secrets),
    ):
        shown.encode()
        for secret in secrets:
            for name, kept in spellings(secret).items():
                assert kept not in shown, name
            # Base64 of it looks different with each thing that stands before it.
            letters = shown.replace("-", "+").replace("_", "/")
            for code in re.findall(r"[A-Za-z0-9+/]{8,}", letters):
                for start in range(4):
                    part = code[start:]
                    part = part[: len(part) // 4 * 4]
                    assert secret.encode()[2:-2] not in base64.b64decode(part)
