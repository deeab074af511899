# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Whatever arrives, reading it says something and never raises."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from odoo.addons.logistics_canonical.core.adapter import Adapter, Inbound, Response
from odoo.addons.logistics_canonical.core.profile import load_profile
from odoo.addons.logistics_canonical.core.readers import ReadError

ADDON = Path(__file__).parents[2]
PROFILES = {
    path.stem: load_profile(json.loads(path.read_text(encoding="utf-8")))
    for path in sorted((ADDON / "profiles").glob("*.json"))
}
MESSAGES = [
    (profile, path.name, path.read_bytes())
    for profile in PROFILES
    for path in sorted((ADDON / "tests" / "fixtures" / profile).glob("*.json"))
]
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)


def places(tree, path=()):
    """Yield the path of every node of a tree."""
    yield path
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from places(value, (*path, key))
    elif isinstance(tree, list):
        for index, value in enumerate(tree):
            yield from places(value, (*path, index))


def put(tree, path, value):
    if not path:
        return value
    node = tree
    for step in path[:-1]:
        node = node[step]
    node[path[-1]] = value
    return tree


def check(parsed):
    """Nothing is silent, and what is there fits the contract."""
    assert (
        parsed.events
        or parsed.problems
        or parsed.hints
        or parsed.ignored
        or parsed.documents
    )
    for event in parsed.events:
        assert event.references
        assert len(event.identity) == 64
        assert event.occurred_at is None or event.occurred_at.tzinfo is not None
        json.dumps(dict(event.extra), default=str)


@pytest.mark.parametrize(("profile", "name", "body"), MESSAGES)
@settings(max_examples=25)
@given(data=st.data())
def test_a_message_with_any_part_replaced(profile, name, body, data):
    tree = json.loads(body)
    path = data.draw(st.sampled_from(list(places(tree))))
    tree = put(tree, path, data.draw(JSON))
    broken = json.dumps(tree).encode()
    for operation in ("", "track"):
        inbound = Inbound(broken, "application/json", operation=operation)
        try:
            parsed = Adapter().parse_inbound(inbound, PROFILES[profile])
        except ReadError:
            continue
        check(parsed)


@pytest.mark.parametrize("profile", PROFILES)
@settings(max_examples=60)
@given(tree=JSON, status=st.sampled_from([200, 204, 400, 401, 404, 429, 500, 503]))
def test_any_json(profile, tree, status):
    body = json.dumps(tree).encode()
    response = Response(status, {}, body)
    result = Adapter().parse_response(
        "track", response, PROFILES[profile], {"tracking_number": "1"}
    )
    assert not result.parsed.events
    assert result.parsed.problems or result.parsed.ignored
    if status in (401, 429, 500, 503):
        assert not result.ok


@pytest.mark.parametrize("profile", PROFILES)
@settings(max_examples=60)
@given(body=st.binary(max_size=40), status=st.sampled_from([200, 404, 500]))
def test_any_bytes_as_an_answer(profile, body, status):
    result = Adapter().parse_response(
        "track", Response(status, {}, body), PROFILES[profile], None
    )
    assert not result.parsed.events
    if status == 500:
        assert not result.ok
