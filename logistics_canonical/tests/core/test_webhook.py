# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import base64
import hashlib
import hmac
import json
from datetime import datetime, timedelta, timezone

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from hypothesis import given, settings, strategies as st

from odoo.addons.logistics_canonical.core.webhook import (
    compile_spec,
    decoy_verify,
    validate_spec,
    verify,
)

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


@pytest.mark.parametrize(
    "wrong",
    [
        {"scheme": "quantum"},
        {"scheme": None},
        {"algorithm": "md5"},
        {"key": "rot13"},
        {"signed": "{body}{nonce}"},
        {"header": ""},
    ],
)
def test_a_wrong_spec_fails_closed(wrong):
    verdict = check({**PLAIN, **wrong}, {"x-sig": mac(b"s", BODY).hexdigest()}, ["s"])
    assert not verdict.ok
    assert "set up wrongly" in verdict.reason


def test_a_spec_without_a_scheme_lets_nothing_in():
    assert not check({}, {}, ["s"]).ok
    assert not check({"header": "x-sig"}, {"x-sig": "s"}, ["s"]).ok


def test_who_signs_nothing_is_taken_at_no_trust():
    assert check({"scheme": "none"}, {}, [])[:1] == (True,)
    assert check({"scheme": "none"}, {}, []).trust == "none"


@pytest.mark.parametrize(
    ("transform", "secret"),
    [("utf8", ""), ("whsec", "whsec_"), ("base64", "!!!!"), ("hex", "zz")],
)
def test_a_secret_that_makes_no_key_opens_no_door(transform, secret):
    forged = {"x-sig": mac(b"", BODY).hexdigest()}
    assert not check({**PLAIN, "key": transform}, forged, [secret]).ok
    # The other secret of a rotation still holds.
    good = base64.b64encode(b"0123456789abcdef").decode()
    if transform in ("whsec", "base64"):
        headers = {"x-sig": mac(b"0123456789abcdef", BODY).hexdigest()}
        assert check({**PLAIN, "key": transform}, headers, [secret, good]).ok


def test_an_empty_shared_secret_opens_no_door():
    spec = {"scheme": "static", "header": "authorization", "prefix": "Bearer"}
    assert not check(spec, {"authorization": "Bearer"}, [""]).ok


@pytest.mark.parametrize("secret", ["no key", "{}", '{"keys": [{"kty": "RSA"}]}', "[]"])
def test_a_malformed_public_key_fails_closed(secret):
    spec = {"scheme": "rsa", "header": "x-sig", "encoding": "base64"}
    assert not check(spec, {"x-sig": "AAAA"}, [secret]).ok


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


EASYPOST_V2 = {
    "scheme": "hmac",
    "header": "x-hmac-signature-v2",
    "prefix": "hmac-sha256-hex=",
    "key": "nfkd",
    "signed": "{timestamp}{method}{path}{body}",
    "timestamp_header": "x-timestamp",
    "timestamp_format": "rfc2822",
}
PATH = "/logistics/v1/in/abc"
PUBLIC_KEY = """-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEArft6oFh0LhMjucZFyHYo
h1II1LJyCia4hXY74b2KF3zqqTBlk0wEGSAYAUlCtz04vLWH/lnrORNhR493dxG1
9R8A5UVLr1W8h4rKF7a/meUn5O9vzaIQamb6Sc/5xPEjV6Kc8E3lmBQexrBzg8uR
B6c48954YXBm4x1BX2DLTjWDkX79XO6j4PuZjAX2ROXgEL8IB2/kILXZp8Xe9r/t
cEvkS77N0B4ASb6K8HArhnET+6tjiftUQgcSx+DetS3UqLekoroSw1+Q8lEpM5xs
nJd07QI2Y8RnWRx/5saRHhG9BQW4Oq7Dn7hd7eDi9l3I8WcAkvK8JkgLKDF+fLrD
0wIDAQAB
-----END PUBLIC KEY-----
"""

# Each way a partner is known to sign, over '{"n": 1}' with the secret k3y at NOW.
# The signatures were made with the openssl command, not with this code's library.
SENDERS = {
    "EasyPost v1": (
        {
            "scheme": "hmac",
            "header": "x-hmac-signature",
            "prefix": "hmac-sha256-hex=",
            "key": "nfkd",
        },
        {
            "x-hmac-signature": "hmac-sha256-hex="
            "debbcedaffb7fc352eda42a2ab0b5a3ecbbbc7bfe7bd9bc121ded4c6405e8d84"
        },
        "content",
    ),
    "EasyPost v2": (
        EASYPOST_V2,
        {
            "x-hmac-signature-v2": "hmac-sha256-hex="
            "7d1c053b8089455c45de8b6638e64a578bb32eee3bdedf80e298f46282d4f3a0",
            "x-timestamp": "Fri, 02 Jan 2026 03:04:05 +0000",
            "x-path": PATH,
        },
        "content",
    ),
    "EasyPost v2 without its prefix": (
        EASYPOST_V2,
        {
            "x-hmac-signature-v2": (
                "7d1c053b8089455c45de8b6638e64a578bb32eee3bdedf80e298f46282d4f3a0"
            ),
            "x-timestamp": "Fri, 02 Jan 2026 03:04:05 +0000",
        },
        "content",
    ),
    "base64 (AfterShip tracking, ShipHero, FedEx)": (
        {"scheme": "hmac", "header": "aftership-hmac-sha256", "encoding": "base64"},
        {"aftership-hmac-sha256": "3rvO2v+3/DUu2kKiqwtaPsu7x7/nvZvBId7UxkBejYQ="},
        "content",
    ),
    "AfterShip returns": (
        {
            "scheme": "hmac",
            "header": "am-webhook-signature",
            "prefix": "hmac-sha256=",
            "encoding": "base64",
        },
        {
            "am-webhook-signature": (
                "hmac-sha256=3rvO2v+3/DUu2kKiqwtaPsu7x7/nvZvBId7UxkBejYQ="
            )
        },
        "content",
    ),
    "hex (Sendcloud, Teleship)": (
        {"scheme": "hmac", "header": "x-teleship-signature"},
        {
            "x-teleship-signature": (
                "debbcedaffb7fc352eda42a2ab0b5a3ecbbbc7bfe7bd9bc121ded4c6405e8d84"
            )
        },
        "content",
    ),
    "Shippo": (
        {
            "scheme": "hmac",
            "header": "shippo-auth-signature",
            "parse": "keyvalue",
            "signed": "{timestamp}.{body}",
        },
        {
            "shippo-auth-signature": "t=1767323045,v1="
            "2645b7cc48e336ec13756739986453b1488d07ac86c739511de6c059316ff117"
        },
        "content",
    ),
    "17TRACK": (
        {"scheme": "digest", "header": "sign", "signed": "{body}/{key}"},
        {"sign": "a38f94caa273bb21da38510a30e48a8e7b20575f6d67e2806298ca2a42a532c3"},
        "content",
    ),
    "SHA-512": (
        {"scheme": "hmac", "header": "x-sig", "algorithm": "sha512"},
        {
            "x-sig": "c3efc047756150ff87c1142c9d50ce8f90fb90014c3e0da4d04bdd83dd54aafb"
            "c6e248b8c8bf112b1aafe8feea69c5c171422826ad7d49c92bd460b29d31bbea"
        },
        "content",
    ),
    "static (UPS Track Alert, project44, FourKites)": (
        {"scheme": "static", "header": "credential"},
        {"credential": "k3y"},
        "sender",
    ),
    "nothing (Deliverea, local carriers)": ({"scheme": "none"}, {}, "none"),
}


@pytest.mark.parametrize("sender", SENDERS)
def test_each_sender(sender):
    spec, headers, trust = SENDERS[sender]
    assert validate_spec(spec) == []
    body = b'{"n": 1}'
    verdict = check(spec, headers, ["k3y"], body, path=PATH)
    assert (verdict.ok, verdict.trust) == (True, trust), verdict.reason
    if trust == "none":
        return
    assert not check(spec, headers, ["other"], body, path=PATH).ok
    assert not check(spec, headers, [], body, path=PATH).ok
    assert not check(spec, {}, ["k3y"], body, path=PATH).ok
    # Whoever signs nothing of the body only says who is speaking.
    changed = check(spec, headers, ["k3y"], b'{"n": 2}', path=PATH)
    assert changed.ok is (trust == "sender")


def test_a_message_for_another_path_is_refused_whatever_path_it_claims():
    spec, headers, _trust = SENDERS["EasyPost v2"]
    elsewhere = {**headers, "x-path": "/logistics/v1/in/other"}
    for sent in (headers, elsewhere):
        verdict = check(spec, sent, ["k3y"], b'{"n": 1}', path=elsewhere["x-path"])
        assert not verdict.ok


def test_shipengine_signs_with_rsa_over_an_iso_time():
    spec = {
        "scheme": "rsa",
        "header": "x-shipengine-rsa-sha256-signature",
        "encoding": "base64",
        "signed": "{timestamp}.{body}",
        "timestamp_header": "x-shipengine-timestamp",
        "timestamp_format": "iso",
    }
    headers = {
        "x-shipengine-timestamp": "2026-01-02T03:04:05.1234567Z",
        "x-shipengine-rsa-sha256-signature": (
            "jsSRsnX3nQyF3alB2F0Lq+TuYicawwx8QbaFlgV9Uw676BvQgPtd69y49HyO/CTro1ix+J+N"
            "3kzqIbmMsTwBEcjkcbhWEGxESiKZ0dbSGjmEmIIlX9iUwZtHEV0ggbiDW0JZYMXx9hgufwFj"
            "pUhff4joBDscrcQJA9zd5Orabmj1Z0eACcnC5NMy9Mp8TrTdrxspsYF7t5RnTcSIfjFeqT0f"
            "0mCcIzXM8a0XJFAtueuD8lK2t5rvwkuwcphWf6TMJnBkXz0NmA1sBRjDKTqz5bhS9DRJbC47"
            "W0iXiPhD3npnzFdHzhSwUdyqvsDknqoaDtEQrt7yCe4Ey79g561bEg=="
        ),
    }
    body = b'{"n": 1}'
    assert check(spec, headers, [PUBLIC_KEY], body).ok
    later = NOW + timedelta(seconds=301)
    assert not check(spec, headers, [PUBLIC_KEY], body, later).ok
    assert not check(spec, headers, [PUBLIC_KEY], b'{"n": 2}').ok


def test_track123_signs_a_time_in_the_body_and_proves_no_content():
    spec = {
        "scheme": "hmac",
        "where": "body",
        "header": "verify.signature",
        "timestamp_header": "verify.timestamp",
        "signed": "{timestamp}",
    }
    signature = "f2a2666ceaf3ca7fad99592591a743fe4054d150a913cb4cf635f09e71609f02"
    sent = {"verify": {"signature": signature, "timestamp": "1767323045"}, "data": 1}
    verdict = check(spec, {}, ["k3y"], json.dumps(sent).encode())
    assert (verdict.ok, verdict.trust) == (True, "sender")
    sent["verify"]["timestamp"] = 1767323045
    assert check(spec, {}, ["k3y"], json.dumps(sent).encode()).ok
    sent["verify"]["timestamp"] = 1767323046
    assert not check(spec, {}, ["k3y"], json.dumps(sent).encode()).ok
    for body in (b"", b"[]", b"no json", b"[" * 5000, b'{"verify": 1}'):
        assert not check(spec, {}, ["k3y"], body).ok


def test_shiptifys_token_is_used_once():
    spec = {
        "scheme": "hmac",
        "where": "body",
        "header": "signature",
        "timestamp_header": "timestamp",
        "id_header": "token",
        "signed": "{timestamp}{id}",
    }
    sent = {
        "timestamp": 1767323045,
        "token": "t0ken",
        "signature": "15d024aec717d08e3e6341e5de359f2ab060512e293f7ded81235c497955f0eb",
    }
    verdict = check(spec, {}, ["k3y"], json.dumps(sent).encode())
    assert verdict == (True, "", "t0ken", "sender")


@pytest.mark.parametrize(
    ("signatures", "accepted"),
    [
        ("v1,{good}", True),
        ("v1,{bad} v2,{bad} v1,{good}", True),
        ("v1,%%% v1,{good}", True),
        ("v1a,{good}", False),
        ("v2,{good}", False),
        ("v1,{bad} v1,{bad} v1,{bad}", False),
        ("v1,{start}", False),
        ("v1,", False),
        ("v1,dawfeoifkpqwoekfpqoekf", False),
        ("{good}", False),
    ],
)
def test_standard_webhooks_with_several_signatures(signatures, accepted):
    good = "tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw="
    text = signatures.format(good=good, start=good[:8], bad="A" * 43 + "=")
    at = datetime.fromtimestamp(1649367553, timezone.utc)
    headers = {
        "webhook-id": "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
        "webhook-timestamp": "1649367553",
        "webhook-signature": text,
    }
    body = b'{"email":"test@example.com","username":"test_user"}'
    secret = "C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
    for spelling in (secret, f"whsec_{secret}"):
        assert check(STANDARD, headers, [spelling], body, at).ok is accepted


@pytest.mark.parametrize(
    "timestamp",
    ["", "hello", "nan", "inf", "-1", "1e9", "１７６７３２３０４５", "9" * 400],
)
def test_a_timestamp_that_is_none(timestamp):
    spec = {
        **PLAIN,
        "signed": "{timestamp}.{body}",
        "timestamp_header": "x-timestamp",
    }
    signature = mac(b"k", timestamp.encode() + b"." + BODY).hexdigest()
    headers = {"x-sig": signature, "x-timestamp": timestamp}
    assert not check(spec, headers, ["k"]).ok


def test_a_day_is_no_timestamp():
    spec = {
        **PLAIN,
        "signed": "{timestamp}.{body}",
        "timestamp_header": "x-timestamp",
        "timestamp_format": "iso",
        "tolerance": 86400,
    }
    signature = mac(b"k", b"2026-01-02." + BODY).hexdigest()
    assert not check(spec, {"x-sig": signature, "x-timestamp": "2026-01-02"}, ["k"]).ok


def test_alternatives():
    spec = {**PLAIN, "alternatives": [{**PLAIN, "header": "x-other"}]}
    assert check(spec, {"x-other": mac(b"k", BODY).hexdigest()}, ["k"]).ok
    # What is said is about the signature that was sent.
    assert check(spec, {"x-sig": "00"}, ["k"]).reason == "the signature is wrong"
    assert check(spec, {"x-other": "00"}, ["k"]).reason == "the signature is wrong"
    assert check(spec, {}, ["k"]).reason == "x-sig is missing"


def test_a_shared_secret_names_the_sender_only():
    spec = {"scheme": "static", "header": "credential"}
    assert check(spec, {"credential": "s3"}, ["s3"]).trust == "sender"
    assert not check(spec, {"credential": "s4"}, ["s3"]).ok
    basic = {"authorization": "Basic " + base64.b64encode(b"u:p").decode()}
    assert check({"scheme": "basic"}, basic, ["u:p"]).trust == "sender"
    assert not check({"scheme": "basic"}, basic, ["u:q"]).ok
    assert not check({"scheme": "basic"}, {"authorization": "Basic %%"}, ["u:p"]).ok


def test_a_shared_secret_beyond_ascii():
    # A server hands over the bytes of a header as Latin-1 text (PEP 3333).
    sent = {"credential": "sécret".encode().decode("latin-1")}
    assert check({"scheme": "static", "header": "credential"}, sent, ["sécret"]).ok


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


@settings(max_examples=300)
@given(
    st.dictionaries(
        st.sampled_from(
            ["x-sig", "webhook-id", "webhook-timestamp", "webhook-signature"]
        ),
        st.text(max_size=80),
    ),
    st.binary(max_size=50),
    st.sampled_from(
        [
            PLAIN,
            STANDARD,
            {**PLAIN, "parse": "keyvalue"},
            {**PLAIN, "scheme": "static"},
            {
                **PLAIN,
                "where": "body",
                "signed": "{timestamp}",
                "timestamp_header": "t",
            },
            {**STANDARD, "header": "x-sig", "timestamp_format": "rfc2822"},
            {**STANDARD, "header": "x-sig", "timestamp_format": "iso"},
        ]
    ),
)
def test_nothing_hostile_raises_or_passes(headers, body, spec):
    verdict = compile_spec(spec, ["whsec_c2VjcmV0"]).verify(
        headers, body, "POST", "/", NOW
    )
    assert not verdict.ok


@pytest.mark.parametrize("size", [5_000, 1_000_000])
def test_huge_headers_are_refused(size):
    for spec in (PLAIN, STANDARD, {**PLAIN, "scheme": "static"}):
        header = spec["header"]
        headers = {
            "webhook-id": "1" * size,
            "webhook-timestamp": "1" * size,
            header: "v1," * size,
        }
        assert not check(spec, headers, ["c2VjcmV0"]).ok


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"scheme": "quantum"}, "scheme"),
        ({"signed": "{nonce}"}, "nonce"),
        ({"signed": "fixed"}, "Nothing"),
        ({"signed": "{id}.{body}"}, "id_header"),
        ({"signed": "{timestamp}.{body}"}, "timestamp_header"),
        ({"timestamp_header": "t"}, "proves nothing"),
        ({"signed": "{body}{key}"}, "digest"),
        ({"scheme": "digest"}, "digest"),
        ({"where": "body"}, "cover"),
        ({"tolerance": 0}, "tolerance"),
        ({"alternatives": [{"scheme": "none"}]}, "everything"),
        ({"alternatives": [{"scheme": "static"}]}, "header"),
    ],
)
def test_a_spec_that_protects_nothing_is_told(change, word):
    assert word in " ".join(validate_spec({**PLAIN, **change}))
    assert validate_spec(PLAIN) == []


def test_an_unknown_address_costs_a_verification():
    decoy_verify(b"x" * 2000)
    decoy_verify(b"")
