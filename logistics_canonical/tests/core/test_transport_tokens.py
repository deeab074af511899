# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import json
import threading
import time
import uuid

import pytest
from hypothesis import given, settings, strategies as st

from odoo.addons.logistics_canonical.core.adapter import Outbound, Response
from odoo.addons.logistics_canonical.core.calls import (
    DEFAULT_TOKEN_SECONDS,
    MAX_TOKEN_SECONDS,
    CallError,
    read_token,
)
from odoo.addons.logistics_canonical.core.profile import load_profile
from odoo.addons.logistics_canonical.transport import (
    Call,
    TransportError,
    http,
    send,
    tokens,
)

PROFILE = load_profile(
    {
        "format": 1,
        "key": "acme",
        "name": "Acme",
        "version": 1,
        "credentials": [
            {"name": "client_id", "label": "Client id", "secret": False},
            {"name": "client_secret", "label": "Client secret"},
        ],
        "endpoints": {"production": "https://api.acme.example"},
        "auth": {
            "main": {
                "scheme": "oauth2_client_credentials",
                "token_url": {"production": "https://api.acme.example/token"},
                "client_id": "{client_id}",
                "client_secret": "{client_secret}",
            }
        },
        "messages": [{"name": "x"}],
        "codes": {},
    }
)


class Partner:
    """Gives out tokens and takes those it gave out and hasn't ended."""

    def __init__(self):
        self.token_requests = 0
        self.calls = 0
        self.valid = set()
        self.token_answer = None
        self._lock = threading.Lock()

    def give(self):
        with self._lock:
            self.token_requests += 1
            token = uuid.uuid4().hex
            self.valid.add(token)
            return token

    def request(self, call, outbound, deadline):
        if outbound.url.endswith("/token"):
            if self.token_answer:
                self.give()
                return self.token_answer
            body = {"access_token": self.give(), "expires_in": 3600}
            return Response(200, {}, json.dumps(body).encode())
        with self._lock:
            self.calls += 1
        token = outbound.headers["Authorization"].removeprefix("Bearer ")
        return Response(200 if token in self.valid else 401)


@pytest.fixture
def partner(monkeypatch):
    made = Partner()
    monkeypatch.setattr(http, "_request", made.request)
    return made


def make_call(**more):
    more.setdefault("cache_key", uuid.uuid4().hex)
    return Call(
        outbound=Outbound("GET", "https://api.acme.example/t", auth="main"),
        profile=PROFILE,
        credentials={"client_id": "me", "client_secret": "hush"},
        **more,
    )


def together(number, work):
    """Do something in so many threads at once and return what came of it."""
    start, results = threading.Barrier(number), []

    def run():
        start.wait()
        results.append(work())

    threads = [threading.Thread(target=run) for _number in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@settings(max_examples=30)
@given(state=st.sampled_from(["none", "ended", "rejected", "good"]))
def test_sixteen_at_once_ask_for_one_token(state):
    partner = Partner()
    key = uuid.uuid4().hex
    kept = tokens.MemoryTokens(key)
    if state == "ended":
        kept.put("old", 0)
    elif state == "rejected":
        kept.put("old", 1000)
    elif state == "good":
        kept.put(partner.give(), 1000)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(http, "_request", partner.request)
        answers = together(16, lambda: send(make_call(cache_key=key)))
    assert [answer.status for answer in answers] == [200] * 16
    assert partner.token_requests == 1


def test_a_token_is_used_again_and_replaced_when_refused(partner):
    call = make_call()
    for _time in range(3):
        assert send(call).status == 200
    assert partner.token_requests == 1
    partner.valid.clear()
    assert send(call).status == 200
    assert partner.token_requests == 2


def test_a_new_token_that_is_refused_is_not_fetched_again(partner):
    partner.token_answer = Response(200, {}, b'{"access_token": "never-valid"}')
    assert send(make_call()).status == 401
    assert partner.calls == 1


def test_a_refused_token_is_replaced_once(partner):
    call = make_call()
    send(call)
    partner.valid.clear()
    partner.token_answer = Response(200, {}, b'{"access_token": "never-valid"}')
    before = partner.calls
    assert send(call).status == 401
    assert partner.calls == before + 2


def test_other_credentials_get_another_token(partner):
    send(make_call(cache_key="one"))
    send(make_call(cache_key="two"))
    assert partner.token_requests == 2


def refusal_of(call):
    with pytest.raises(TransportError) as caught:
        send(call)
    return caught.value


@pytest.mark.parametrize(
    ("answer", "error_class"),
    [(Response(401), "auth"), (Response(429, {"retry-after": "7"}), "throttled")],
)
def test_sixteen_at_once_are_refused_a_token_once(partner, answer, error_class):
    partner.token_answer = answer
    key = uuid.uuid4().hex
    errors = together(16, lambda: refusal_of(make_call(cache_key=key)))
    assert partner.token_requests == 1
    assert {(error.error_class, error.left) for error in errors} == {
        (error_class, False)
    }
    # Each has its own, with its own trace.
    assert len({id(error) for error in errors}) == 16
    other = make_call()
    refusal_of(other)
    assert partner.token_requests == 2, "other credentials were not refused"


def test_a_refusal_does_not_last(partner, monkeypatch):
    partner.token_answer = Response(401)
    call = make_call()
    refusal_of(call)
    partner.token_answer = None
    refusal_of(call)
    assert partner.token_requests == 1
    later = time.monotonic() + tokens.REFUSAL_SECONDS
    monkeypatch.setattr(tokens.time, "monotonic", lambda: later)
    assert send(call).status == 200


def test_a_token_request_that_got_lost_refuses_nobody(partner):
    partner.token_answer = Response(503)
    call = make_call()
    assert refusal_of(call).error_class == "transient"
    partner.token_answer = None
    assert send(call).status == 200


@pytest.mark.parametrize("status", [429, 503])
def test_the_wait_that_a_token_request_was_told_is_passed_on(partner, status):
    partner.token_answer = Response(status, {"retry-after": "77"})
    call = make_call()
    for _time in range(2):
        error = refusal_of(call)
        assert (error.error_class, error.retry_after) == ("throttled", 77.0)


@pytest.mark.parametrize(
    ("answer", "error_class"),
    [
        (Response(401), "auth"),
        (Response(400), "auth"),
        (Response(429), "throttled"),
        (Response(503), "transient"),
        (Response(200, {}, b"<html>"), "transient"),
    ],
)
def test_without_a_token_the_call_does_not_leave(partner, answer, error_class):
    partner.token_answer = answer
    with pytest.raises(TransportError) as caught:
        send(make_call())
    assert (caught.value.error_class, caught.value.left) == (error_class, False)
    assert partner.calls == 0


def test_a_token_request_of_unknown_fate_means_nothing_for_the_call(monkeypatch):
    def lost(call, outbound, deadline):
        raise TransportError("did not answer in time", "poison", left=True)

    monkeypatch.setattr(http, "_request", lost)
    with pytest.raises(TransportError) as caught:
        send(make_call())
    assert (caught.value.error_class, caught.value.left) == ("transient", False)


def test_whoever_waits_too_long_for_the_others_token_gives_up(partner):
    call = make_call()
    with tokens.MemoryTokens(call.cache_key).lock(1):
        with pytest.raises(TimeoutError):
            tokens.obtain(tokens.MemoryTokens(call.cache_key), partner.give, 0.05)


def test_a_token_counts_as_secret(partner):
    call = make_call()
    send(call)
    (token,) = partner.valid
    assert token in call.secrets
    assert "Bearer " + token in call.secrets


def test_only_the_token_that_was_refused_is_forgotten():
    kept = tokens.MemoryTokens(uuid.uuid4().hex)
    kept.put("new", 100)
    kept.drop("old")
    assert kept.get()[0] == "new"
    assert kept.get(rejected="new") is None
    kept.drop("new")
    assert kept.get() is None


# === HOW LONG A TOKEN HOLDS === #


@given(seconds=st.integers(-(10**9), 10**9))
def test_a_token_is_used_for_less_than_it_holds(seconds):
    used = tokens.usable_seconds(seconds)
    assert used >= 0
    if seconds > 0:
        assert used < seconds
        assert used >= seconds - tokens.MARGIN or used >= seconds / 2
    if seconds >= 2 * tokens.MARGIN:
        assert used == pytest.approx(seconds - tokens.MARGIN)


@given(
    written=st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(max_size=20),
        st.lists(st.integers(), max_size=2),
        st.just(10**400),
    )
)
def test_whatever_the_seconds_the_token_is_read(written):
    body = json.dumps({"access_token": "abc", "expires_in": written}).encode()
    token, seconds = read_token(Response(200, {}, body))
    assert token == "abc"
    assert 0 <= seconds <= MAX_TOKEN_SECONDS


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ('"14399"', 14399),
        ("3600", 3600),
        ("-5", 0),
        ("0", 0),
        ("1e400", MAX_TOKEN_SECONDS),
        ("31536000", MAX_TOKEN_SECONDS),
        ('"soon"', DEFAULT_TOKEN_SECONDS),
        ("null", DEFAULT_TOKEN_SECONDS),
        ("true", DEFAULT_TOKEN_SECONDS),
        ("NaN", DEFAULT_TOKEN_SECONDS),
        ("{}", DEFAULT_TOKEN_SECONDS),
    ],
)
def test_the_seconds_of_a_token(written, seconds):
    body = f'{{"access_token": "abc", "expires_in": {written}}}'.encode()
    assert read_token(Response(200, {}, body)) == ("abc", seconds)


@pytest.mark.parametrize("token", [None, "", "a b", "a\r\nX: 1", 17, ["a"], "ü"])
def test_what_can_be_no_token_is_refused(token):
    body = json.dumps({"access_token": token}).encode()
    with pytest.raises(CallError):
        read_token(Response(200, {}, body))
