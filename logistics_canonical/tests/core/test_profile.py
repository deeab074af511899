# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import copy

import pytest

from odoo.addons.logistics_canonical.core.profile import ProfileError, load_profile

MINIMAL = {
    "format": 1,
    "key": "acme",
    "name": "Acme Parcels",
    "version": 3,
    "credentials": [{"name": "token", "label": "Token"}],
    "endpoints": {"production": "https://api.acme.example/v1"},
    "auth": {"token": {"scheme": "headers", "headers": {"X-Token": "{token}"}}},
    "operations": {
        "track": {"method": "GET", "path": "/t/{tracking_number}", "auth": "token"}
    },
    "messages": [
        {
            "name": "scan",
            "when": "message.scans",
            "events": [
                {
                    "levels": [{"name": "scan", "path": "message.scans"}],
                    "references": [
                        {"type": "tracking_number", "value": "message.number"}
                    ],
                    "code": ["scan.state", "scan.detail"],
                    "time": "scan.at",
                }
            ],
        }
    ],
    "codes": {
        "moving": "in_transit",
        "failed/*": "exception",
        "failed/refused": {"event": "refused", "reason": "refused"},
        "done/2/*": "delivered",
    },
}


def changed(*path_and_value):
    """Return MINIMAL with the value at a path replaced (or added)."""
    *path, value = path_and_value
    data = copy.deepcopy(MINIMAL)
    node = data
    for step in path[:-1]:
        node = node[step]
    node[path[-1]] = value
    return data


def errors_of(data):
    with pytest.raises(ProfileError) as raised:
        load_profile(data)
    return dict(raised.value.errors)


def test_what_a_profile_says_is_at_hand():
    profile = load_profile(MINIMAL)
    assert (profile.key, profile.name, profile.version) == ("acme", "Acme Parcels", 3)
    assert profile.adapter == "profile"
    assert profile.push == "fact"
    assert profile.webhook is None
    assert profile.streams == {"": {}}
    # A credential is a secret unless the profile says otherwise.
    assert profile.credentials == [
        {
            "name": "token",
            "label": "Token",
            "help": "",
            "secret": True,
            "required": True,
            "kind": "password",
        }
    ]
    assert profile.acknowledgement["status"] == 202
    assert set(profile.poll) == {
        "operation",
        "first_after_h",
        "interval_h",
        "stop_after_delivered_h",
        "stop_after_days",
    }
    assert profile.data["endpoints"]["production"] == "https://api.acme.example/v1"


@pytest.mark.parametrize(
    ("limits", "read", "pushed"),
    [
        ({}, 1 << 20, 1 << 20),
        ({"max_bytes": 5000}, 5000, 5000),
        # Labels come in answers; whoever pushes is unknown at first.
        ({"max_bytes": 8 << 20}, 8 << 20, 2 << 20),
        ({"max_bytes": 8 << 20, "max_push_bytes": 4 << 20}, 8 << 20, 4 << 20),
    ],
)
def test_answers_may_be_larger_than_pushes(limits, read, pushed):
    profile = load_profile({**MINIMAL, "limits": limits})
    assert (profile.reader_limits.max_bytes, profile.max_push_bytes) == (read, pushed)


def test_code_table_gives_event_reason_and_classifier():
    table = load_profile(MINIMAL).code_table
    assert table["moving"] == {
        "event": "in_transit",
        "reason": "",
        "classifier": "actual",
        "text": "",
    }
    assert table["failed/refused"]["reason"] == "refused"


@pytest.mark.parametrize(
    ("code", "event"),
    [
        ("moving", "in_transit"),
        ("failed/refused", "refused"),  # exact before wildcard
        ("failed/anything", "exception"),
        ("failed", "exception"),  # no detail given
        ("failed/a/b", "exception"),
        ("done/2/x", "delivered"),
        ("done/2", "delivered"),
    ],
)
def test_code_lookup(code, event):
    profile = load_profile(MINIMAL)
    for _again in range(2):  # the second time it is remembered
        assert profile.find_code(code)["event"] == event


@pytest.mark.parametrize("code", ["", "moving/on", "done/1", "done", "fail", "FAILED"])
def test_a_code_nobody_mapped_is_not_guessed(code):
    profile = load_profile(MINIMAL)
    assert profile.find_code(code) is None
    assert profile.find_code(code) is None


def test_overrides_change_a_copy():
    profile = load_profile(MINIMAL)
    assert profile.find_code("lost?") is None
    mended = profile.with_overrides(
        {"lost?": ("lost", "lost"), "moving": ("departed", "")}
    )
    assert mended.find_code("lost?") == {
        "event": "lost",
        "reason": "lost",
        "classifier": "actual",
        "text": "",
    }
    assert mended.find_code("moving")["event"] == "departed"
    assert profile.find_code("lost?") is None
    assert profile.find_code("moving")["event"] == "in_transit"
    assert profile.with_overrides({}) is profile


def test_an_override_without_reason_takes_the_reason_away():
    mended = load_profile(MINIMAL).with_overrides(
        {"failed/refused": ("delivery_attempted", None)}
    )
    assert mended.find_code("failed/refused")["reason"] == ""


@pytest.mark.parametrize(
    ("data", "place", "words"),
    [
        (changed("version", "3"), "/version", "type integer"),
        (changed("push", "truth"), "/push", "'fact', 'hint'"),
        (changed("colour", "red"), "", "'colour' is not a key"),
        (changed("messages", 0, "evnts", []), "/messages/0", "'evnts' is not a key"),
        (
            changed("endpoints", "production", "http://acme.example"),
            "/endpoints/production",
            "not written as expected",
        ),
        (
            changed("messages", 0, "events", 0, "references", 0, "value", 7),
            "/messages/0/events/0/references/0/value",
            "should be of type",
        ),
        (
            changed("codes", "a/b", "teleported"),
            "/codes/a~1b",
            "'teleported' is not an event type",
        ),
        (
            changed("codes", "x", {"event": "lost", "reason": "sadness"}),
            "/codes/x",
            "'sadness' is not a reason",
        ),
        # An unmapped code is a fact about the table; nobody can map to it.
        (changed("codes", "x", "unmapped"), "/codes/x", "not an event type"),
        (changed("codes", "*/x", "lost"), "/codes/*~1x", "only at the end"),
        (changed("codes", "*", "in_transit"), "/codes/*", "only at the end"),
        (changed("reasons", {"7": "sadness"}), "/reasons/7", "not a reason"),
        (changed("zone", "Mars/Olympus"), "/zone", "not an IANA time zone"),
        (changed("zones", {"LEJ": "CET+1"}), "/zones/LEJ", "not an IANA time zone"),
        (
            changed("messages", 0, "when", "message.scans["),
            "/messages/0/when",
            "not a JMESPath expression",
        ),
        (
            changed("messages", 0, "when", "scans"),
            "/messages/0/when",
            "none of the names known here: message, request",
        ),
        (
            changed("messages", 0, "when", "!message.scans.x"),
            "/messages/0/when",
            "write !(a.b)",
        ),
        (
            changed("messages", 0, "events", 0, "time", "package.at"),
            "/messages/0/events/0/time/text",
            "message, request, scan",
        ),
        (
            changed("messages", 0, "events", 0, "event", "beamed"),
            "/messages/0/events/0/event",
            "not an event type",
        ),
        (
            changed("messages", 0, "events", 0, "references", 0, "type", "barcode"),
            "/messages/0/events/0/references/0/type",
            "not a type of reference",
        ),
        (
            changed("messages", 0, "operations", ["book"]),
            "/messages/0/operations",
            "'book' is not one of the operations",
        ),
        (
            changed("operations", "track", "auth", "basic"),
            "/operations/track/auth",
            "not one of the schemes",
        ),
        (
            changed("auth", "token", "headers", {"X": "{password}"}),
            "/auth/token",
            "'password' is not one of the credentials",
        ),
        (
            changed("webhook", {"scheme": "hmac", "secret": "key", "header": "x"}),
            "/webhook/secret",
            "not one of the credentials",
        ),
        (changed("errors", [{}]), "/errors/0", "needs a status, a when or levels"),
    ],
)
def test_a_wrong_profile_is_refused_with_the_place(data, place, words):
    errors = errors_of(data)
    assert words in errors[place]


def test_every_wrong_place_is_named_at_once():
    data = changed("codes", "x", "teleported")
    data["messages"][0]["when"] = "scans"
    data["zone"] = "Mars/Olympus"
    assert set(errors_of(data)) == {"/codes/x", "/messages/0/when", "/zone"}


def test_an_event_block_without_a_time_is_refused_unless_it_says_so():
    data = changed("messages", 0, "events", 0, "time_required", False)
    del data["messages"][0]["events"][0]["time"]
    load_profile(data)
    del data["messages"][0]["events"][0]["time_required"]
    assert "needs a time" in errors_of(data)["/messages/0/events/0"]


def test_xpath_is_checked_as_well():
    data = changed("messages", 0, "kind", "xml")
    data["messages"][0]["when"] = "dhl:AWBInfo"
    assert "not an XPath expression" in errors_of(data)["/messages/0/when"]
    data["namespaces"] = {"dhl": "http://www.dhl.com"}
    data["messages"][0]["events"] = []
    load_profile(data)
