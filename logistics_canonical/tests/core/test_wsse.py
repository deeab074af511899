# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import base64
import hashlib
import io
from datetime import datetime, timedelta, timezone

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID
from lxml import etree

from odoo.addons.logistics_canonical.core.adapter import Outbound
from odoo.addons.logistics_canonical.core.calls import (
    CallError,
    CredentialError,
    authorise,
    sent_secrets,
)
from odoo.addons.logistics_canonical.core.profile import load_profile

NOW = datetime(2026, 3, 1, 10, 20, 30, 999, tzinfo=timezone.utc)
NONCE = "4fb1c2e8a9d04f7db2c35a1e0f9b7d61"
_PROFILES = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-"
NS = {
    "wsse": f"{_PROFILES}wssecurity-secext-1.0.xsd",
    "wsu": f"{_PROFILES}wssecurity-utility-1.0.xsd",
    "ds": "http://www.w3.org/2000/09/xmldsig#",
}
SOAP = {
    "1.1": "http://schemas.xmlsoap.org/soap/envelope/",
    "1.2": "http://www.w3.org/2003/05/soap-envelope",
}
KEY = rsa.generate_private_key(65537, 2048)


def certificate_of(key):
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "us")])
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )


CERTIFICATE = certificate_of(KEY)
CREDENTIALS = {
    "user": "me & you",
    "password": "pass&word",
    "certificate": CERTIFICATE.public_bytes(serialization.Encoding.PEM).decode(),
    "private_key": KEY.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode(),
}


def envelope(version="1.1", header=""):
    """Return a request whose namespaces are declared in several places."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<soap:Envelope xmlns:soap="{SOAP[version]}" xmlns:unused="urn:unused"\n'
        '    xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns="urn:acme">\n'
        f"  {header}\n"
        "  <!-- a comment -->\n"
        '  <soap:Body id="own">\n'
        '    <Ship b="2" a="1"><Name xsi:type="Text">M\u00fcller &amp; S\u00f6hne'
        "</Name>\n<!-- inside --><x:Empty xmlns:x='urn:x'/></Ship>\n"
        "  </soap:Body>\n</soap:Envelope>"
    ).encode()


def sent(auth, body, **credentials):
    profile = load_profile(
        {
            "format": 1,
            "key": "acme",
            "name": "Acme",
            "version": 1,
            "credentials": [
                {"name": name, "label": name} for name in (*CREDENTIALS, "key_password")
            ],
            "endpoints": {"production": "https://api.acme.example"},
            "auth": {"main": auth},
            "messages": [{"name": "x"}],
            "codes": {},
        }
    )
    request = Outbound(
        "POST", "https://x.example/", {"Content-Type": "text/xml"}, body, "main"
    )
    return authorise(
        request, profile, {**CREDENTIALS, **credentials}, now=NOW, nonce=NONCE
    )


def found(root, path):
    (element,) = root.xpath(path, namespaces=NS)
    return element


# === USER NAME TOKENS === #

TOKEN = {
    "scheme": "wsse_username_token",
    "username": "{user}",
    "password": "{password}",
}


@pytest.mark.parametrize("version", ["1.1", "1.2"])
@pytest.mark.parametrize("with_header", [False, True])
def test_a_password_in_clear(version, with_header):
    header = "<soap:Header><Own/></soap:Header>" if with_header else ""
    result = sent(TOKEN, envelope(version, header))
    root = etree.fromstring(result.body)
    soap = f"{{{SOAP[version]}}}"
    assert [child.tag for child in root if isinstance(child.tag, str)] == [
        f"{soap}Header",
        f"{soap}Body",
    ]
    token = found(root, "*/wsse:Security/wsse:UsernameToken")
    assert found(token, "wsse:Username").text == "me & you"
    password = found(token, "wsse:Password")
    assert password.text == "pass&word"
    assert password.get("Type").endswith("username-token-profile-1.0#PasswordText")
    assert not root.findall(f".//{{{NS['wsu']}}}Timestamp")
    assert result.headers == {"Content-Type": "text/xml"}


def test_a_password_as_digest():
    result = sent({**TOKEN, "password_type": "digest", "ttl_s": 60}, envelope())
    root = etree.fromstring(result.body)
    token = found(root, "*/wsse:Security/wsse:UsernameToken")
    password = found(token, "wsse:Password")
    # printf NONCE2026-03-01T10:20:30Zpass\&word | openssl dgst -sha1 -binary, Base64
    assert password.text == "XmzZ4peVJzK9R1d+feNowuMpA6s="
    assert password.get("Type").endswith("#PasswordDigest")
    assert base64.b64decode(found(token, "wsse:Nonce").text) == NONCE.encode()
    assert found(token, "wsu:Created").text == "2026-03-01T10:20:30Z"
    timestamp = found(root, "*/wsse:Security/wsu:Timestamp")
    assert [part.text for part in timestamp] == [
        "2026-03-01T10:20:30Z",
        "2026-03-01T10:21:30Z",
    ]
    assert b"pass&amp;word" not in result.body
    assert password.text in sent_secrets(result, TOKEN)


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"<a/>", b"<Envelope/>", b"<!DOCTYPE a [<!ENTITY b 'c'>]><a/>"]
)
def test_only_soap_can_carry_a_token(body):
    for auth in (TOKEN, SIGNATURE):
        with pytest.raises(CallError) as caught:
            sent(auth, body)
        assert not isinstance(caught.value, CredentialError)


# === SIGNATURES === #

SIGNATURE = {
    "scheme": "wsse_signature",
    "certificate": "{certificate}",
    "key": "{private_key}",
    "key_password": "{key_password}",
}
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"


def canonical(element):
    """Return an element's exclusive canonical form, by way of a file of its own."""
    target = io.BytesIO()
    etree.ElementTree(element).write_c14n(target, exclusive=True, with_comments=False)
    return target.getvalue()


def verified(body):
    """Verify a signed request by hand; return the names of what is signed."""
    root = etree.fromstring(body)
    security = found(root, "*/wsse:Security")
    signature = found(security, "ds:Signature")
    info = found(signature, "ds:SignedInfo")
    assert found(info, "ds:CanonicalizationMethod").get("Algorithm") == EXCLUSIVE
    assert (
        found(info, "ds:SignatureMethod").get("Algorithm")
        == "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
    )
    names = []
    for reference in info.findall(f"{{{NS['ds']}}}Reference"):
        assert found(reference, "ds:Transforms/ds:Transform").get("Algorithm") == (
            EXCLUSIVE
        )
        assert (
            found(reference, "ds:DigestMethod").get("Algorithm")
            == "http://www.w3.org/2001/04/xmlenc#sha256"
        )
        element = found(root, f"//*[@wsu:Id='{reference.get('URI')[1:]}']")
        digest = base64.b64encode(hashlib.sha256(canonical(element)).digest())
        if digest.decode() != found(reference, "ds:DigestValue").text:
            raise InvalidSignature(element.tag)
        names.append(etree.QName(element).localname)
    pointer = found(signature, "ds:KeyInfo/wsse:SecurityTokenReference/wsse:Reference")
    token = found(root, f"//*[@wsu:Id='{pointer.get('URI')[1:]}']")
    assert token.tag == f"{{{NS['wsse']}}}BinarySecurityToken"
    assert token.get("ValueType") == pointer.get("ValueType")
    assert token.get("ValueType").endswith("x509-token-profile-1.0#X509v3")
    certificate = x509.load_der_x509_certificate(base64.b64decode(token.text))
    certificate.public_key().verify(
        base64.b64decode(found(signature, "ds:SignatureValue").text),
        canonical(info),
        padding.PKCS1v15(),
        hashes.SHA256(),
    )
    assert certificate == CERTIFICATE
    return names


@pytest.mark.parametrize("version", ["1.1", "1.2"])
@pytest.mark.parametrize("with_header", [False, True])
def test_body_and_time_are_signed(version, with_header):
    header = "<soap:Header><Own/></soap:Header>" if with_header else ""
    result = sent(SIGNATURE, envelope(version, header))
    assert verified(result.body) == ["Timestamp", "Body"]
    root = etree.fromstring(result.body)
    expires = found(root, "*/wsse:Security/wsu:Timestamp/wsu:Expires")
    assert expires.text == "2026-03-01T10:25:30Z"
    body = found(root, "*[local-name()='Body']")
    assert (body.get("id"), body[0].get("a")) == ("own", "1")
    assert {"wsu", "unused", "xsi", None} <= set(root.nsmap)
    assert b"wsu:Id=" in result.body and b"<wsse:Security" in result.body


def test_a_user_name_can_be_signed_too():
    auth = {
        **SIGNATURE,
        "username": "{user}",
        "password": "{password}",
        "password_type": "digest",
    }
    result = sent(auth, envelope())
    assert verified(result.body) == ["Timestamp", "UsernameToken", "Body"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Söhne".encode(), b"Sohn"),
        (b'a="1"', b'a="3"'),
        (b"2026-03-01T10:25:30Z", b"2027-03-01T10:25:30Z"),
    ],
)
def test_what_is_changed_afterwards_shows(old, new):
    body = sent(SIGNATURE, envelope()).body
    assert old in body
    with pytest.raises(InvalidSignature):
        verified(body.replace(old, new))


def test_what_means_the_same_has_the_same_signature():
    body = sent(SIGNATURE, envelope()).body
    assert verified(body.replace(b'b="2" a="1"', b"a='1'   b='2'"))
    assert verified(body.replace(b"<!-- inside -->", b""))


def test_a_body_that_has_an_identifier_keeps_it():
    marked = envelope().replace(
        b"<soap:Body ", f'<soap:Body xmlns:u="{NS["wsu"]}" u:Id="mine" '.encode()
    )
    body = sent(SIGNATURE, marked).body
    assert b'URI="#mine"' in body
    assert verified(body) == ["Timestamp", "Body"]


def test_a_key_with_a_password():
    locked = KEY.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.BestAvailableEncryption(b"open sesame"),
    ).decode()
    result = sent(SIGNATURE, envelope(), private_key=locked, key_password="open sesame")
    assert verified(result.body)
    with pytest.raises(CredentialError):
        sent(SIGNATURE, envelope(), private_key=locked)


@pytest.mark.parametrize(
    "credentials",
    [
        {"certificate": "junk"},
        {"private_key": "junk"},
        {
            "private_key": ec.generate_private_key(ec.SECP256R1())
            .private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            .decode()
        },
    ],
)
def test_what_can_not_sign_is_a_matter_of_credentials(credentials):
    with pytest.raises(CredentialError) as caught:
        sent(SIGNATURE, envelope(), **credentials)
    assert "BEGIN" not in str(caught.value)
