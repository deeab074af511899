# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import base64
import json
from urllib.parse import parse_qs, urlsplit

import pytest

from odoo.addons.logistics_canonical.core.adapter import Adapter, Response
from odoo.addons.logistics_canonical.core.calls import (
    CallError,
    authorise,
    read_token,
    token_request,
)
from odoo.addons.logistics_canonical.core.profile import load_profile

CREDENTIALS = {"user": "me", "password": 'p<&">:ß', "client_id": "id"}


def profile(operation, auth=None):
    """Return a profile with one operation, ``track``, and one way to sign in."""
    return load_profile(
        {
            "format": 1,
            "key": "acme",
            "name": "Acme",
            "version": 1,
            "credentials": [
                {"name": name, "label": name.title()} for name in CREDENTIALS
            ],
            "endpoints": {
                "sandbox": "https://test.acme.example/v1/",
                "production": "https://api.acme.example/v1",
            },
            "auth": {"main": auth or {"scheme": "none"}},
            "operations": {
                "track": {"method": "GET", "path": "/t", "auth": "main", **operation}
            },
            "messages": [{"name": "x"}],
            "codes": {},
        }
    )


def build(operation, payload=None, auth=None, **options):
    return Adapter().build_request(
        "track", payload or {}, profile(operation, auth), **options
    )


def test_values_are_escaped_where_they_go():
    payload = {"tracking_number": "A/B?c=1&ü", "lang": "de DE"}
    request = build(
        {"path": "/t/{tracking_number}?a=1", "query": {"locale": "{lang}"}}, payload
    )
    parts = urlsplit(request.url)
    assert parts.path == "/v1/t/A%2FB%3Fc%3D1%26%C3%BC"
    assert parse_qs(parts.query) == {"a": ["1"], "locale": ["de DE"]}
    assert request.method == "GET"
    assert request.body == b""


def test_environment_and_override_choose_the_host():
    assert build({}).url == "https://api.acme.example/v1/t"
    assert build({}, environment="sandbox").url == "https://test.acme.example/v1/t"
    local = build({}, base_url="http://127.0.0.1:8070/acme/")
    assert local.url == "http://127.0.0.1:8070/acme/t"


def test_a_missing_value_is_named_and_an_optional_one_left_out():
    operation = {
        "path": "/t/{tracking_number}",
        "query": {"account": "{account?}"},
        "headers": {"X-Ref": "{ref?}"},
    }
    with pytest.raises(CallError, match="tracking_number"):
        build(operation)
    request = build(operation, {"tracking_number": "1"})
    assert request.url == "https://api.acme.example/v1/t/1"
    assert "X-Ref" not in request.headers
    with pytest.raises(CallError, match="no operation 'book'"):
        Adapter().build_request("book", {}, profile({}))
    with pytest.raises(CallError, match="no moon endpoint"):
        build({}, environment="moon")


def test_a_json_body_keeps_types_and_repeats_items():
    operation = {
        "method": "POST",
        "body": {
            "detail": True,
            "account": "{account?}",
            "numbers": "{tracking_numbers}",
            "list": {
                "$each": "tracking_numbers",
                "item": {"info": {"number": "{item}"}},
            },
            "note": 'for "{tracking_number}"',
        },
    }
    payload = {"tracking_number": 'a"b', "tracking_numbers": ["1", "2"]}
    request = build(operation, payload)
    assert request.headers["Content-Type"] == "application/json"
    assert json.loads(request.body) == {
        "detail": True,
        "numbers": ["1", "2"],
        "list": [{"info": {"number": "1"}}, {"info": {"number": "2"}}],
        "note": 'for "a"b"',
    }


def test_an_xml_body_is_escaped():
    request = build(
        {"method": "POST", "body_type": "xml", "body": "<n>{tracking_number}</n>"},
        {"tracking_number": "</n><x>&"},
    )
    assert request.body == b"<n>&lt;/n&gt;&lt;x&gt;&amp;</n>"


def test_the_request_id_is_the_same_when_a_request_is_repeated():
    operation = {"headers": {"transId": "{request_id}"}}
    first = build(operation, {"tracking_number": "1"}).headers["transId"]
    assert first == build(operation, {"tracking_number": "1"}).headers["transId"]
    assert first != build(operation, {"tracking_number": "2"}).headers["transId"]
    assert len(first) == 32


def test_a_stored_request_holds_no_credential():
    request = build(
        {"method": "POST", "body_type": "xml", "body": "<p>{credential:password}</p>"},
        auth={"scheme": "body"},
    )
    stored = repr(request)
    assert CREDENTIALS["password"] not in stored
    prof = profile({}, {"scheme": "body"})
    sent = authorise(request, prof, CREDENTIALS)
    assert sent.body == '<p>p&lt;&amp;"&gt;:ß</p>'.encode()


@pytest.mark.parametrize(
    ("auth", "header", "value"),
    [
        (
            {"scheme": "basic", "username": "{user}", "password": "{password}"},
            "Authorization",
            "Basic " + base64.b64encode('me:p<&">:ß'.encode()).decode(),
        ),
        (
            {"scheme": "basic", "username": "{user}", "password": ""},
            "Authorization",
            "Basic " + base64.b64encode(b"me:").decode(),
        ),
        (
            {"scheme": "headers", "headers": {"X-Key": "ShippoToken {user}"}},
            "X-Key",
            "ShippoToken me",
        ),
    ],
)
def test_headers_that_authenticate(auth, header, value):
    sent = authorise(build({}, auth=auth), profile({}, auth), CREDENTIALS)
    assert sent.headers[header] == value


def test_a_key_in_the_address_is_escaped():
    auth = {"scheme": "query", "query": {"key": "{password}"}}
    sent = authorise(build({}, auth=auth), profile({}, auth), CREDENTIALS)
    assert parse_qs(urlsplit(sent.url).query) == {"key": [CREDENTIALS["password"]]}


def test_a_key_in_the_address_stands_beside_a_login():
    auth = {
        "scheme": "basic",
        "username": "{user}",
        "password": "{password}",
        "query": {"account": "{password}"},
    }
    request = build({"path": "/t?a=1"}, auth=auth)
    sent = authorise(request, profile({}, auth), {**CREDENTIALS, "user": "me"})
    assert sent.headers["Authorization"].startswith("Basic ")
    query = parse_qs(urlsplit(sent.url).query)
    assert query == {"a": ["1"], "account": [CREDENTIALS["password"]]}


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("{credential", ":api_key}"),
        ("{", "credential:api_key}"),
        ("{credential:api_", "key}"),
        ("{credential:api_key", "}"),
    ],
)
@pytest.mark.parametrize(
    "operation",
    [
        {"body": {"login": "{credential:api_key}", "name": "{first}{last}"}},
        {"body": [{"$each": "names", "item": "{first}{last}"}]},
        {
            "body_type": "xml",
            "body": "<p k='{credential:api_key}'>{first}{last}</p>",
        },
    ],
)
def test_two_values_make_up_no_place_for_a_credential(operation, first, last):
    values = {"first": first, "last": last, "names": [1]}
    with pytest.raises(CallError, match="credential"):
        build({"method": "POST", **operation}, values)
    values.update(first="{Ada", last="Lovelace}")
    sent = build({"method": "POST", **operation}, values)
    assert b"{AdaLovelace}" in sent.body


def test_a_missing_credential_is_named():
    auth = {"scheme": "headers", "headers": {"X-Key": "{user}"}}
    with pytest.raises(CallError, match="'user' is not filled in"):
        authorise(build({}, auth=auth), profile({}, auth), {})


OAUTH = {
    "scheme": "oauth2_client_credentials",
    "token_url": {
        "sandbox": "https://test.acme.example/oauth/token",
        "production": "https://api.acme.example/oauth/token",
    },
    "client_id": "{client_id}",
    "client_secret": "{password}",
    "scope": "track",
}


def test_a_token_is_asked_for_and_used():
    prof = profile({}, OAUTH)
    request = token_request(prof, "main", CREDENTIALS, environment="sandbox")
    assert request.method == "POST"
    assert request.url == "https://test.acme.example/oauth/token"
    assert parse_qs(request.body.decode()) == {
        "grant_type": ["client_credentials"],
        "scope": ["track"],
    }
    assert request.headers["Authorization"].startswith("Basic ")
    sent = authorise(build({}, auth=OAUTH), prof, CREDENTIALS, token="abc")
    assert sent.headers["Authorization"] == "Bearer abc"


def test_a_token_can_be_asked_for_with_the_client_in_the_body():
    prof = profile({}, {**OAUTH, "client_auth": "body"})
    request = token_request(
        prof, "main", CREDENTIALS, base_url="http://127.0.0.1:8070/acme"
    )
    # The path of the API's address is not the token's.
    assert request.url == "http://127.0.0.1:8070/oauth/token"
    form = parse_qs(request.body.decode())
    assert form["client_id"] == ["id"]
    assert form["client_secret"] == [CREDENTIALS["password"]]
    assert "Authorization" not in request.headers


def test_a_tokens_answer_is_read():
    answer = b'{"access_token": "abc", "expires_in": "14399"}'
    assert read_token(Response(200, {}, answer)) == ("abc", 14399.0)
    for body in (b"", b"[]", b"{}", b"<html>"):
        with pytest.raises(CallError, match="HTTP 401"):
            read_token(Response(401, {}, body))


def test_asking_again_is_not_offered_where_nothing_tells_how():
    assert Adapter().lookup_request("track", {}, profile({})) is None


def test_an_interim_status_tells_nothing_of_what_was_asked():
    result = Adapter().parse_response("track", Response(101), profile({}), {})
    assert (result.error_class, result.parsed.problems[0].kind) == (
        "transient",
        "partner_error",
    )


@pytest.mark.parametrize("zone", ["", " -0000", " +99999999999999999999"])
def test_a_date_without_a_usable_zone_spoils_no_answer(zone):
    headers = {"date": f"Wed, 21 Oct 2026 07:28:00{zone}", "retry-after": "120"}
    result = Adapter().parse_response("track", Response(429, headers), profile({}), {})
    assert (result.error_class, result.retry_after) == ("throttled", 120.0)
    headers["retry-after"] = "Wed, 21 Oct 2026 07:38:00 GMT"
    result = Adapter().parse_response("track", Response(429, headers), profile({}), {})
    assert result.error_class == "throttled"
