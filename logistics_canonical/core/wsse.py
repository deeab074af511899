# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Web Services Security 1.1 for SOAP requests: user name tokens and signatures.

Rules: OASIS "SOAP Message Security 1.1", "UsernameToken Profile 1.1" and "X.509
Certificate Token Profile 1.1"; W3C "XML Signature Syntax and Processing" and
"Exclusive XML Canonicalization 1.0".

The user name token is zeep's. Its signature needs a native library bound to one
version of libxml2, and signxml needs a newer ``cryptography`` than Odoo 19 has; what
remains of a signature when lxml canonicalises and ``cryptography`` signs is the
list of digests below. Nothing here verifies signatures.
"""

import base64
import hashlib
from datetime import datetime, timedelta, timezone

from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree
from lxml.builder import ElementMaker
from zeep import ns
from zeep.wsse import UsernameToken
from zeep.wsse.utils import WSSE, WSU, get_security_header

from .signing import KeyUnusable, load_certificate, sign

_SOAP = (ns.SOAP_ENV_11, ns.SOAP_ENV_12)
_PROFILES = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-"
_X509 = f"{_PROFILES}x509-token-profile-1.0#X509v3"
_BASE64 = f"{_PROFILES}soap-message-security-1.0#Base64Binary"
_EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
_RSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
_SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"
_ID = etree.QName(ns.WSU, "Id")
_DS = ElementMaker(namespace=ns.DS, nsmap={"ds": ns.DS})


class EnvelopeError(ValueError):
    """A body that is no SOAP envelope."""


def add_username_token(
    envelope: bytes,
    username: str,
    password: str,
    *,
    now: datetime,
    nonce: str,
    digest: bool = False,
    ttl: int = 0,
) -> bytes:
    """Return a SOAP request with a user name token.

    :param envelope: the request, SOAP 1.1 or 1.2
    :param now: aware; when it was made
    :param nonce: never the same twice
    :param digest: whether the password goes as a digest of it, the nonce and the
        instant (UsernameToken Profile, 3.1) instead of in clear
    :param ttl: seconds until a ``Timestamp`` says that the request ended; 0 for
        none
    :raise EnvelopeError: when the body is no SOAP envelope
    """
    root = _parse(envelope)
    _username_token(root, username, password, now, nonce, digest)
    if ttl:
        get_security_header(root).append(_timestamp(now, ttl))
    return _serialise(root)


def add_signature(
    envelope: bytes,
    certificate: str,
    private_key: str,
    *,
    now: datetime,
    nonce: str,
    password: str = "",
    ttl: int = 300,
    username: tuple[str, str, bool] | None = None,
) -> bytes:
    """Return a SOAP request signed over its body and its time.

    The certificate goes along as a ``BinarySecurityToken``; digests are SHA-256, the
    signature is RSA with SHA-256, everything in exclusive canonical form.

    :param certificate: PEM
    :param private_key: PEM
    :param nonce: makes the identifiers in the message unique
    :param password: of the private key
    :param ttl: seconds until the request ends
    :param username: user name, password and whether it goes as a digest, for
        partners that want both; the token is signed too
    :raise EnvelopeError: when the body is no SOAP envelope
    :raise KeyUnusable: when certificate or key can't be used
    """
    root = _parse(envelope)
    body = root.find(f"{{{etree.QName(root).namespace}}}Body")
    if body is None:
        raise EnvelopeError("The SOAP envelope has no body.")
    token = WSSE.BinarySecurityToken(
        base64.b64encode(
            load_certificate(certificate).public_bytes(Encoding.DER)
        ).decode(),
        ValueType=_X509,
        EncodingType=_BASE64,
    )
    security = get_security_header(root)
    security.append(token)
    timestamp = _timestamp(now, ttl)
    security.append(timestamp)
    signed = [timestamp, body]
    if username:
        name, word, digest = username
        signed.insert(1, _username_token(root, name, word, now, nonce, digest))
    token.set(_ID, f"X509-{nonce}")
    for number, element in enumerate(signed):
        if not element.get(_ID):
            element.set(_ID, f"id-{nonce}-{number}")
    signature = _signature(token, len(signed))
    # In its place first: the namespaces around it are part of what is canonical.
    security.append(signature)
    info = signature.find(f"{{{ns.DS}}}SignedInfo")
    references = info.findall(f"{{{ns.DS}}}Reference")
    for reference, element in zip(references, signed, strict=True):
        reference.set("URI", "#" + element.get(_ID))
        reference.find(f"{{{ns.DS}}}DigestValue").text = _digest(element)
    value = sign("rsa-sha256", private_key, _canonical(info), password=password)
    place = signature.find(f"{{{ns.DS}}}SignatureValue")
    place.text = base64.b64encode(value).decode()
    return _serialise(root)


def _username_token(root, username, password, now, nonce, digest):
    UsernameToken(
        username,
        password,
        use_digest=digest,
        nonce=nonce,
        created=now.astimezone(timezone.utc),
        zulu_timestamp=True,
    ).apply(root, {})
    return get_security_header(root).find(f"{{{ns.WSSE}}}UsernameToken")


def _timestamp(now, ttl):
    instant = now.astimezone(timezone.utc)
    return WSU.Timestamp(
        *(
            element(moment.strftime("%Y-%m-%dT%H:%M:%SZ"))
            for element, moment in (
                (WSU.Created, instant),
                (WSU.Expires, instant + timedelta(seconds=ttl)),
            )
        )
    )


def _signature(token, count):
    """Return a signature with places for its digests and its value."""
    references = [
        _DS.Reference(
            _DS.Transforms(_DS.Transform(Algorithm=_EXCLUSIVE)),
            _DS.DigestMethod(Algorithm=_SHA256),
            _DS.DigestValue(),
        )
        for _number in range(count)
    ]
    return _DS.Signature(
        _DS.SignedInfo(
            _DS.CanonicalizationMethod(Algorithm=_EXCLUSIVE),
            _DS.SignatureMethod(Algorithm=_RSA_SHA256),
            *references,
        ),
        _DS.SignatureValue(),
        _DS.KeyInfo(
            WSSE.SecurityTokenReference(
                WSSE.Reference(URI="#" + token.get(_ID), ValueType=_X509)
            )
        ),
    )


def _digest(element):
    return base64.b64encode(hashlib.sha256(_canonical(element)).digest()).decode()


def _canonical(element):
    return etree.tostring(
        element, method="c14n", exclusive=True, with_comments=False, with_tail=False
    )


def _parse(envelope):
    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    try:
        root = etree.fromstring(envelope, parser)
    except etree.XMLSyntaxError as error:
        raise EnvelopeError("The body is not XML.") from error
    name = etree.QName(root)
    if name.localname != "Envelope" or name.namespace not in _SOAP:
        raise EnvelopeError("The body is no SOAP envelope.")
    # Prefixes mean nothing, but there are partners that expect the usual ones.
    named = etree.Element(
        root.tag,
        dict(root.attrib),
        nsmap={"wsse": ns.WSSE, "wsu": ns.WSU, **root.nsmap},
    )
    named.text = root.text
    named.extend(root)
    return named


def _serialise(root):
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


__all__ = ["EnvelopeError", "KeyUnusable", "add_signature", "add_username_token"]
