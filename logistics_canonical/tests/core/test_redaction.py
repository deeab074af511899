# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import base64
import json
from urllib.parse import quote

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

CANARY = 'can4ry/+ se"cret'


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


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(
    st.recursive(
        st.sampled_from([CANARY, f"x {CANARY} y", 1, None, "plain"]),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["a", "b", CANARY]), inner, max_size=3)
        ),
        max_leaves=8,
    )
)
def test_a_known_secret_survives_nowhere(tree):
    outbound = Outbound(
        "POST",
        f"https://h.example/{quote(CANARY, safe='')}?q={quote(CANARY, safe='')}",
        {"X-Other": CANARY, "Authorization": "Bearer " + CANARY},
        json.dumps(tree).encode(),
    )
    spellings = [
        CANARY,
        quote(CANARY, safe=""),
        json.dumps(CANARY)[1:-1],
        base64.b64encode(CANARY.encode()).decode(),
    ]
    for text in (
        excerpt_request(outbound, [CANARY]),
        excerpt_response(Response(200, {}, json.dumps(tree).encode()), [CANARY]),
    ):
        assert not any(spelling in text for spelling in spellings)


def test_redacting_twice_changes_nothing():
    once = redact_text("token=abcd secret: 'x' pw", ["abcd"])
    assert redact_text(once, ["abcd"]) == once
    assert "abcd" not in once
