# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import base64
import hashlib
import hmac
import json
from datetime import datetime, timedelta, timezone
from urllib.parse import parse_qs

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from hypothesis import given, strategies as st

from odoo.addons.logistics_canonical.core import signing
from odoo.addons.logistics_canonical.core.adapter import Outbound
from odoo.addons.logistics_canonical.core.calls import (
    CallError,
    CredentialError,
    authorise,
    client_certificate,
    sent_secrets,
    token_request,
)
from odoo.addons.logistics_canonical.core.profile import ProfileError, load_profile

NOW = datetime(1994, 11, 6, 8, 49, 37, tzinfo=timezone.utc)
NONCE = "4fb1c2e8a9d04f7db2c35a1e0f9b7d61"
NAMES = ("api_key", "secret", "private_key", "key_password", "certificate", "issuer")
RSA = rsa.generate_private_key(65537, 2048)
EC = ec.generate_private_key(ec.SECP256R1())


def pem(key, password=b""):
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(password)
        if password
        else serialization.NoEncryption(),
    ).decode()


def profile(auth):
    return load_profile(
        {
            "format": 1,
            "key": "acme",
            "name": "Acme",
            "version": 1,
            "credentials": [{"name": name, "label": name} for name in NAMES],
            "endpoints": {"production": "https://api.acme.example"},
            "auth": {"main": auth},
            "messages": [{"name": "x"}],
            "codes": {},
        }
    )


def sent(auth, request, now=NOW, nonce=NONCE, **credentials):
    return authorise(request, profile(auth), credentials, now=now, nonce=nonce)


def faults(auth):
    with pytest.raises(ProfileError) as caught:
        profile(auth)
    return [text for _place, text in caught.value.errors]


# === SIGNATURES === #


@pytest.mark.parametrize(
    ("algorithm", "expected"),
    [
        (
            "hmac-sha256",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        ),
        (
            "hmac-sha512",
            "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
            "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
        ),
    ],
)
@pytest.mark.parametrize(
    ("key", "encoding"), [("Jefe", "utf8"), ("4a656665", "hex"), ("SmVmZQ==", "base64")]
)
def test_the_second_case_of_rfc_4231(algorithm, expected, key, encoding):
    content = b"what do ya want for nothing?"
    found = signing.sign(algorithm, key, content, key_encoding=encoding)
    assert found.hex() == expected


@pytest.mark.parametrize("password", ["", "open sesame"])
@pytest.mark.parametrize("digest", ["sha256", "sha512"])
def test_signatures_with_a_private_key_can_be_verified(digest, password):
    chosen = {"sha256": hashes.SHA256(), "sha512": hashes.SHA512()}[digest]
    rsa_key, ec_key = pem(RSA, password.encode()), pem(EC, password.encode())
    found = signing.sign(f"rsa-{digest}", rsa_key, b"x", password=password)
    RSA.public_key().verify(found, b"x", padding.PKCS1v15(), chosen)
    found = signing.sign(f"ecdsa-{digest}", ec_key, b"x", password=password)
    EC.public_key().verify(found, b"x", ec.ECDSA(chosen))
    with pytest.raises(InvalidSignature):
        EC.public_key().verify(found, b"y", ec.ECDSA(chosen))


def test_a_pss_signature_has_a_salt_as_long_as_its_digest():
    found = signing.sign("rsa-pss-sha256", pem(RSA), b"x")
    scheme = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
    RSA.public_key().verify(found, b"x", scheme, hashes.SHA256())


def test_a_password_for_a_key_without_one_does_no_harm():
    assert signing.sign("rsa-sha256", pem(RSA), b"x", password="unneeded")


@pytest.mark.parametrize(
    ("algorithm", "key", "options"),
    [
        ("rsa-sha256", pem(EC), {}),
        ("ecdsa-sha256", pem(RSA), {}),
        ("rsa-sha256", "no key", {}),
        ("rsa-sha256", pem(RSA, b"secret"), {}),
        ("rsa-sha256", pem(RSA, b"secret"), {"password": "wrong"}),
        ("hmac-sha256", "xyz", {"key_encoding": "hex"}),
        ("hmac-sha256", "???", {"key_encoding": "base64"}),
    ],
)
def test_a_key_that_does_not_fit_is_refused_without_being_shown(
    algorithm, key, options
):
    with pytest.raises(signing.KeyUnusable) as caught:
        signing.sign(algorithm, key, b"x", **options)
    assert "BEGIN" not in str(caught.value)


# === SIGNED REQUESTS === #

#: AfterShip: method, MD5 of the body in capitals, content type, date, its own headers
#: and the address, on lines of their own; HMAC-SHA256 in Base64.
AFTERSHIP = {
    "scheme": "signature",
    "algorithm": "hmac-sha256",
    "key": "{secret}",
    "headers": {"as-api-key": "{api_key}", "date": "{date}"},
    "signed": "{method}\n{body_md5_upper}\n{content_type}\n{date}\n"
    "as-api-key:{header:as-api-key}\n{sorted_target}",
    "encoding": "base64",
    "header": "as-signature-hmac-sha256",
}
AFTERSHIP_CREDENTIALS = {
    "api_key": "c25b1e6fee2348b3a8bd21599b6ac2de",
    "secret": "aftership-secret",
}


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        # Both made with: printf … | openssl dgst -sha256 -hmac aftership-secret
        (
            Outbound(
                "POST",
                "https://api.aftership.com/tracking/2026-01/trackings",
                {"Content-Type": "application/json"},
                b'{"tracking_number":"1Z999"}',
                "main",
            ),
            "ml03NFCQNumSR37ssGC1AvYtQ1iDWsmetmUHToeqfzM=",
        ),
        (
            Outbound(
                "GET",
                "https://api.aftership.com/tracking/2026-01/trackings?page=2&limit=5",
                {"Content-Type": "application/json"},
                b"",
                "main",
            ),
            "d6Kwmf3DAHPID6uGSgI4/PL+01Ql/OfWlzWwUUpi8T8=",
        ),
    ],
)
def test_a_request_is_signed_as_aftership_documents_it(request_, expected):
    found = sent(AFTERSHIP, request_, **AFTERSHIP_CREDENTIALS)
    assert found.headers["as-signature-hmac-sha256"] == expected
    assert found.headers["date"] == "Sun, 06 Nov 1994 08:49:37 GMT"
    assert found.headers["as-api-key"] == AFTERSHIP_CREDENTIALS["api_key"]
    assert (found.url, found.body) == (request_.url, request_.body)
    assert expected in sent_secrets(found, AFTERSHIP)


def test_a_signature_in_a_header_with_other_things():
    auth = {
        "scheme": "signature",
        "algorithm": "hmac-sha512",
        "key": "{secret}",
        "headers": {"X-Time": "{timestamp}"},
        "signed": "{timestamp}{method}{path}",
        "header": "Authorization",
        "value": 'Acme key="{api_key}", sig="{signature}"',
    }
    url = "https://x.example/tracking/2026-01/trackings"
    request = Outbound("POST", url, auth="main")
    found = sent(auth, request, api_key="K", secret="key")
    # printf 784111777POST/tracking/2026-01/trackings | openssl dgst -sha512 -hmac key
    expected = (
        "3c86e281049ef1548dfe4fb5a4c18ac37577b3ded17b3d02905f2eb2de404fcc"
        "da34c085c8b7fe69319401193492312dcc57c9d7c049f73e1955bbf3d0a67dd4"
    )
    assert found.headers["Authorization"] == f'Acme key="K", sig="{expected}"'
    assert found.headers["X-Time"] == "784111777"


@given(
    body=st.binary(max_size=200),
    path=st.from_regex(r"/[a-z0-9/]{0,10}", fullmatch=True),
    name=st.from_regex(r"[A-Za-z0-9 ]{1,20}", fullmatch=True),
)
def test_every_byte_of_what_is_named_is_signed(body, path, name):
    auth = {
        "scheme": "signature",
        "algorithm": "hmac-sha256",
        "key": "{secret}",
        "signed": "{host}|{path}|{header:X-Name}|{nonce}|{body_sha256}|{body}",
        "header": "X-Signature",
    }
    request = Outbound(
        "PUT", f"https://x.example:8443{path}", {"x-name": name}, body, "main"
    )
    text = (
        f"x.example:8443|{path}|{name.strip()}|{NONCE}|"
        f"{hashlib.sha256(body).hexdigest()}|"
    ).encode() + body
    expected = hmac.new(b"key", text, hashlib.sha256).hexdigest()
    assert sent(auth, request, secret="key").headers["X-Signature"] == expected


def test_the_bodys_digest_can_go_along_and_be_signed():
    auth = {
        "scheme": "signature",
        "algorithm": "rsa-sha256",
        "key": "{private_key}",
        "key_password": "{key_password}",
        "digests": ["Content-Digest", "Digest"],
        "signed": "{header:content-digest}",
        "encoding": "base64",
        "header": "Signature",
    }
    request = Outbound("POST", "https://x.example/", {}, b'{"hello": "world"}', "main")
    found = sent(auth, request, private_key=pem(RSA))
    # RFC 9530 and RFC 3230 have this body among their examples.
    digest = "X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE="
    assert found.headers["Content-Digest"] == f"sha-256=:{digest}:"
    assert found.headers["Digest"] == f"SHA-256={digest}"
    RSA.public_key().verify(
        base64.b64decode(found.headers["Signature"]),
        f"sha-256=:{digest}:".encode(),
        padding.PKCS1v15(),
        hashes.SHA256(),
    )


@pytest.mark.parametrize(
    ("style", "expected"),
    [
        ("unix", "784111777"),
        ("unix_ms", "784111777000"),
        ("iso", "1994-11-06T08:49:37Z"),
        ("rfc1123", "Sun, 06 Nov 1994 08:49:37 GMT"),
    ],
)
def test_instants_are_written_in_universal_time(style, expected):
    assert signing.format_instant(NOW, style) == expected
    elsewhere = NOW.astimezone(timezone(timedelta(hours=-5)))
    assert signing.format_instant(elsewhere, style) == expected


def test_what_a_signature_needs_and_is_not_there_is_named():
    auth = {**AFTERSHIP, "signed": "{header:x-missing}"}
    request = Outbound("GET", "https://x.example/", auth="main")
    with pytest.raises(CallError, match="'x-missing'") as caught:
        sent(auth, request, **AFTERSHIP_CREDENTIALS)
    assert not isinstance(caught.value, CredentialError)
    with pytest.raises(CredentialError, match="'secret' is not filled in"):
        sent(AFTERSHIP, request, api_key="x")
    optional = {**AFTERSHIP, "signed": "{header:x-missing?}"}
    assert sent(optional, request, **AFTERSHIP_CREDENTIALS)
    with pytest.raises(CallError, match="instant"):
        sent(AFTERSHIP, request, now=None, **AFTERSHIP_CREDENTIALS)


def test_a_credential_in_the_body_is_there_before_it_is_signed():
    auth = {**AFTERSHIP, "signed": "{body}", "headers": {}}
    request = Outbound(
        "POST",
        "https://x.example/",
        {"Content-Type": "application/json"},
        b'{"k": "{credential:api_key}"}',
        "main",
    )
    found = sent(auth, request, api_key="K", secret="key")
    assert found.body == b'{"k": "K"}'
    expected = hmac.new(b"key", found.body, hashlib.sha256).digest()
    assert found.headers[auth["header"]] == base64.b64encode(expected).decode()


# === ASSERTIONS === #


def opened(token):
    """Return (header, claims, signed text, signature) of a JWT, read by hand."""

    def plain(part):
        return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))

    header, claims, signature = token.split(".")
    return (
        json.loads(plain(header)),
        json.loads(plain(claims)),
        f"{header}.{claims}".encode(),
        plain(signature),
    )


BEARER = {
    "scheme": "jwt_bearer",
    "algorithm": "RS256",
    "key": "{private_key}",
    "key_password": "{key_password}",
    "kid": "{api_key}",
    "audience": "https://api.acme.example/",
    "lifetime_s": 120,
    "claims": {"iss": "{issuer}", "level": 2, "roles": ["{issuer}", "ship"]},
}
REQUEST = Outbound("GET", "https://x.example/", auth="main")


@pytest.mark.parametrize("password", ["", "open sesame"])
def test_an_assertion_is_the_bearer(password):
    key = pem(RSA, password.encode())
    found = sent(
        BEARER,
        REQUEST,
        private_key=key,
        key_password=password,
        api_key="k1",
        issuer="us",
    )
    kind, token = found.headers["Authorization"].split(" ")
    header, claims, text, signature = opened(token)
    assert kind == "Bearer"
    assert header == {"alg": "RS256", "kid": "k1", "typ": "JWT"}
    assert claims == {
        "iss": "us",
        "level": 2,
        "roles": ["us", "ship"],
        "aud": "https://api.acme.example/",
        "iat": 784111777,
        "exp": 784111897,
        "jti": NONCE,
    }
    RSA.public_key().verify(signature, text, padding.PKCS1v15(), hashes.SHA256())
    assert token in sent_secrets(found, BEARER)


def test_an_assertion_on_an_elliptic_curve():
    auth = {"scheme": "jwt_bearer", "algorithm": "ES256", "key": "{private_key}"}
    found = sent(auth, REQUEST, private_key=pem(EC))
    header, _claims, text, signature = opened(found.headers["Authorization"][7:])
    assert header["alg"] == "ES256"
    pair = [int.from_bytes(part, "big") for part in (signature[:32], signature[32:])]
    EC.public_key().verify(encode_dss_signature(*pair), text, ec.ECDSA(hashes.SHA256()))


def test_an_assertion_with_a_shared_secret():
    key = b"0123456789abcdef0123456789abcdef"
    auth = {
        "scheme": "jwt_bearer",
        "algorithm": "HS256",
        "key": "{secret}",
        "key_encoding": "base64",
    }
    found = sent(auth, REQUEST, secret=base64.b64encode(key).decode())
    header, claims, text, signature = opened(found.headers["Authorization"][7:])
    assert signature == hmac.new(key, text, hashlib.sha256).digest()
    assert header == {"alg": "HS256", "typ": "JWT"}
    assert claims["exp"] - claims["iat"] == 300
    assert "aud" not in claims


@pytest.mark.parametrize(
    "credentials",
    [{}, {"private_key": "junk"}, {"private_key": pem(EC)}],
)
def test_an_assertion_without_its_key_is_a_matter_of_credentials(credentials):
    auth = {"scheme": "jwt_bearer", "key": "{private_key}"}
    with pytest.raises(CredentialError):
        sent(auth, REQUEST, **credentials)


def test_an_assertion_is_exchanged_for_a_token():
    auth = {
        "scheme": "oauth2_jwt_bearer",
        "token_url": {"production": "https://id.acme.example/token"},
        "key": "{private_key}",
        "claims": {"iss": "{issuer}"},
        "scope": "ship",
        "parameters": {"tenant": "{api_key}"},
    }
    compiled = profile(auth)
    credentials = {"private_key": pem(RSA), "issuer": "us", "api_key": "T"}
    request = token_request(compiled, "main", credentials, now=NOW, nonce=NONCE)
    form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
    # RFC 7523, 2.1
    assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    assert (form["scope"], form["tenant"]) == ("ship", "T")
    assert "Authorization" not in request.headers
    _header, claims, text, signature = opened(form["assertion"])
    assert claims["aud"] == "https://id.acme.example/token"
    assert claims["iss"] == "us"
    RSA.public_key().verify(signature, text, padding.PKCS1v15(), hashes.SHA256())
    assert form["assertion"] in sent_secrets(request, auth)
    used = authorise(REQUEST, compiled, credentials, token="abc")
    assert used.headers["Authorization"] == "Bearer abc"
    with pytest.raises(CallError, match="instant"):
        token_request(compiled, "main", credentials)


# === CLIENT CERTIFICATES === #


def test_a_client_certificate_is_put_together():
    auth = {
        "scheme": "none",
        "client_certificate": {
            "certificate": "{certificate}",
            "private_key": "{private_key}",
            "password": "{key_password}",
        },
    }
    spec = profile(auth).auth["main"]
    found = client_certificate(spec, {"certificate": "C", "private_key": "K"})
    assert found == ("C\nK\n", "")
    with pytest.raises(CredentialError, match="'private_key' is not filled in"):
        client_certificate(spec, {"certificate": "C"})
    assert client_certificate({"scheme": "none"}, {}) is None


@pytest.mark.parametrize(
    ("kind", "text", "fits"),
    [
        ("private_key", pem(RSA), True),
        ("private_key", pem(RSA, b"secret"), True),
        ("private_key", pem(RSA).replace("\n", " "), False),
        ("private_key", "secret", False),
        ("certificate", pem(RSA), False),
        ("password", "secret", True),
    ],
)
def test_what_is_entered_as_a_key_has_to_be_one(kind, text, fits):
    if fits:
        signing.check_pem(kind, text)
    else:
        with pytest.raises(signing.KeyUnusable):
            signing.check_pem(kind, text)


# === PROFILES === #


@pytest.mark.parametrize(
    ("auth", "fault"),
    [
        ({"scheme": "oauth2_client_credentials"}, "needs a token_url"),
        ({"scheme": "oauth2_jwt_bearer", "key": "{secret}"}, "needs a token_url"),
        ({"scheme": "jwt_bearer"}, "needs a key"),
        ({"scheme": "signature", "key": "{secret}"}, "needs a signed"),
        ({"scheme": "wsse_username_token"}, "needs a username"),
        ({"scheme": "wsse_signature"}, "needs a certificate"),
        ({"scheme": "query"}, "needs a query"),
        ({"scheme": "jwt_bearer", "key": "{nobody}"}, "'nobody' is not one of"),
        ({**AFTERSHIP, "signed": "{nobody}"}, "'nobody' is not one of"),
        ({**AFTERSHIP, "headers": {"X": "{nobody}"}}, "'nobody' is not one of"),
        ({**AFTERSHIP, "key": "{date}"}, "'date' is not one of"),
        ({**AFTERSHIP, "value": "Acme"}, "{signature}"),
        ({**AFTERSHIP, "algorithm": "RS256"}, "is not an algorithm of"),
        (
            {"scheme": "jwt_bearer", "key": "{secret}", "algorithm": "rsa-sha256"},
            "is not an algorithm of",
        ),
        ({"scheme": "basic", "algorithm": "RS256"}, "has no algorithm"),
        (
            {"scheme": "none", "client_certificate": {"certificate": "{nobody}"}},
            "'nobody' is not one of",
        ),
    ],
)
def test_a_scheme_that_can_not_work_is_refused(auth, fault):
    assert any(fault in text for text in faults(auth)), faults(auth)


def test_no_algorithm_means_unsigned():
    assert faults({"scheme": "jwt_bearer", "key": "{secret}", "algorithm": "none"})
