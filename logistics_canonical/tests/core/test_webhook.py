# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import base64
import hashlib
import hmac
import json
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from hypothesis import given, settings, strategies as st

from odoo.addons.logistics_canonical.core.webhook import compile_spec, verify

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
BODY = b'{"a": 1}'
PLAIN = {"scheme": "hmac", "header": "x-sig", "signed": "{body}", "encoding": "hex"}
STANDARD = {
    "scheme": "hmac",
    "header": "webhook-signature",
    "parse": "list",
    "prefix": "v1,",
    "key": "whsec",
    "signed": "{id}.{timestamp}.{body}",
    "encoding": "base64",
    "id_header": "webhook-id",
    "timestamp_header": "webhook-timestamp",
    "timestamp_format": "unix",
}


def mac(key, text, digest=hashlib.sha256):
    return hmac.new(key, text, digest)


def check(spec, headers, secrets, body=BODY, now=NOW, path="/in"):
    return verify(
        spec,
        headers=headers,
        body=body,
        method="POST",
        path=path,
        secrets=secrets,
        now=now,
    )


def test_sendclouds_published_vector():
    headers = {
        "sendcloud-signature": (
            "1eed4b3d41f4653ac64fd56f1bf1cbfd349e4482cbc11dff7134bd93e5da4b0a"
        )
    }
    spec = {**PLAIN, "header": "sendcloud-signature"}
    assert check(spec, headers, ["secretkey"], b'{"key": "value"}').ok
    assert not check(spec, headers, ["secretkey"], b'{"key":"value"}').ok


def test_standard_webhooks_published_vector():
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    at = datetime.fromtimestamp(1614265330, timezone.utc)
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    verdict = check(STANDARD, headers, [secret], b'{"test": 2432232314}', at)
    assert verdict.ok
    assert (verdict.message_id, verdict.trust) == (headers["webhook-id"], "content")
    for shift in (-301, 301):
        moved = at + timedelta(seconds=shift)
        assert not check(STANDARD, headers, [secret], b'{"test": 2432232314}', moved).ok
    other = {**headers, "webhook-id": "msg_other"}
    assert not check(STANDARD, other, [secret], b'{"test": 2432232314}', at).ok


def test_the_key_is_normalised_where_the_sender_does():
    spec = {**PLAIN, "key": "nfkd", "prefix": "hmac-sha256-hex="}
    signature = mac("se\u0301cret".encode(), BODY).hexdigest()
    headers = {"x-sig": f"hmac-sha256-hex={signature}"}
    assert check(spec, headers, ["s\u00e9cret"]).ok
    assert not check({**spec, "key": "utf8"}, headers, ["s\u00e9cret"]).ok


def test_either_secret_while_rotating():
    for secret in ("new", "old"):
        headers = {"x-sig": mac(secret.encode(), BODY).hexdigest()}
        assert check(PLAIN, headers, ["new", "old"]).ok
    assert not check(
        PLAIN, {"x-sig": mac(b"older", BODY).hexdigest()}, ["new", "old"]
    ).ok


@pytest.mark.parametrize("scheme", ["hmac", "rsa", "static", "basic"])
def test_without_a_secret_or_a_header_it_fails_closed(scheme):
    spec = {**PLAIN, "scheme": scheme}
    assert not check(spec, {"x-sig": mac(b"", BODY).hexdigest()}, []).ok
    if scheme != "rsa":
        assert not check(spec, {}, ["secret"]).ok


def test_an_unknown_scheme_fails_closed():
    assert not check({"scheme": "quantum", "header": "x-sig"}, {"x-sig": "1"}, ["s"]).ok


def test_timestamp_and_signature_in_one_header():
    spec = {
        **PLAIN,
        "parse": "keyvalue",
        "signed": "{timestamp}.{body}",
        "timestamp_format": "unix",
    }
    stamp = str(int(NOW.timestamp()))
    signature = mac(b"k", stamp.encode() + b"." + BODY).hexdigest()
    assert check(spec, {"x-sig": f"t={stamp},v1={signature}"}, ["k"]).ok
    assert check(spec, {"x-sig": f"t={stamp},v1=00,v1={signature}"}, ["k"]).ok
    assert not check(spec, {"x-sig": f"t=1,v1={signature}"}, ["k"]).ok


def test_method_and_path_signed():
    spec = {
        **PLAIN,
        "signed": "{timestamp}{method}{path}{body}",
        "timestamp_header": "x-timestamp",
        "timestamp_format": "rfc2822",
    }
    stamp = format_datetime(NOW)
    signature = mac(b"k", stamp.encode() + b"POST/in" + BODY).hexdigest()
    headers = {"x-sig": signature, "x-timestamp": stamp}
    assert check(spec, headers, ["k"]).ok
    assert not check(spec, headers, ["k"], path="/elsewhere").ok


def test_alternatives():
    spec = {**PLAIN, "alternatives": [{**PLAIN, "header": "x-other"}]}
    assert check(spec, {"x-other": mac(b"k", BODY).hexdigest()}, ["k"]).ok


def test_a_shared_secret_names_the_sender_only():
    spec = {"scheme": "static", "header": "credential"}
    assert check(spec, {"credential": "s3"}, ["s3"]).trust == "sender"
    assert not check(spec, {"credential": "s4"}, ["s3"]).ok
    basic = {"authorization": "Basic " + base64.b64encode(b"u:p").decode()}
    assert check({"scheme": "basic"}, basic, ["u:p"]).trust == "sender"


def test_rsa_with_a_pem_key_or_a_key_set():
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    numbers = key.public_key().public_numbers()

    def part(number):
        raw = number.to_bytes((number.bit_length() + 7) // 8, "big")
        return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

    jwks = json.dumps(
        {"keys": [{"kty": "RSA", "n": part(numbers.n), "e": part(numbers.e)}]}
    )
    signature = key.sign(BODY, padding.PKCS1v15(), hashes.SHA256())
    spec = {"scheme": "rsa", "header": "x-sig", "encoding": "base64"}
    headers = {"x-sig": base64.b64encode(signature).decode()}
    assert check(spec, headers, [pem.decode()]).ok
    assert check(spec, headers, [jwks]).ok
    assert not check(spec, headers, [jwks], b"other").ok


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(
    st.dictionaries(
        st.sampled_from(
            ["x-sig", "webhook-id", "webhook-timestamp", "webhook-signature"]
        ),
        st.text(max_size=80),
    ),
    st.binary(max_size=50),
    st.sampled_from([PLAIN, STANDARD, {**PLAIN, "parse": "keyvalue"}]),
)
def test_nothing_hostile_raises_or_passes(headers, body, spec):
    verdict = compile_spec(spec, ["whsec_c2VjcmV0"]).verify(
        headers, body, "POST", "/", NOW
    )
    assert not verdict.ok
