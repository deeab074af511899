# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Signatures that partners ask of our requests, and signed assertions (JWT).

Keys are PEM texts or shared secrets as an administrator entered them. The instant
and all randomness are passed in.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timezone
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlsplit

import jwt
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

#: Ways to sign a request.
ALGORITHMS = (
    "hmac-sha256",
    "hmac-sha512",
    "rsa-sha256",
    "rsa-sha512",
    "rsa-pss-sha256",
    "ecdsa-sha256",
    "ecdsa-sha512",
)
#: Ways to sign a JWT (RFC 7518, 3.1).
JWT_ALGORITHMS = (
    *("HS256", "HS384", "HS512", "RS256", "RS384", "RS512"),
    *("PS256", "PS384", "PS512", "ES256", "ES384", "ES512"),
)
#: What a template of a signature can name beside credentials and ``header:name``.
#: ``target`` is the path with its query, ``sorted_target`` with the query's
#: parameters in order of their names; digests of the body are hexadecimal, of an
#: empty one too; ``body_md5_upper`` is empty for an empty body.
FIELDS = (
    *("method", "host", "path", "query", "target", "sorted_target", "content_type"),
    *("body", "body_sha256", "body_sha512", "body_sha256_base64", "body_md5"),
    *("body_md5_upper", "timestamp", "date", "nonce"),
)
TIMESTAMP_FORMATS = ("unix", "unix_ms", "iso", "rfc1123")
_DIGESTS = {"sha256": hashlib.sha256, "sha512": hashlib.sha512}
_HASHES = {"sha256": hashes.SHA256, "sha512": hashes.SHA512}
_FIELD = re.compile(r"\{(?:header:([A-Za-z0-9-]+)|([a-z][a-z0-9_]*))(\?)?\}")


class KeyUnusable(ValueError):
    """A key, a certificate or a shared secret that can't be used for this."""


# === KEYS === #


def load_private_key(pem: str, password: str = ""):
    """Return a private key.

    :raise KeyUnusable: when it isn't one, or the password doesn't open it
    """
    try:
        return serialization.load_pem_private_key(
            pem.encode(), password.encode() if password else None
        )
    except TypeError:
        # The key has no password although there is one for it, or the reverse.
        if not password:
            raise KeyUnusable("The private key needs its password.") from None
        return load_private_key(pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise KeyUnusable(
            "The private key isn't a PEM text, or its password is wrong."
        ) from error


def load_certificate(pem: str) -> x509.Certificate:
    """Return the first certificate of a PEM text.

    :raise KeyUnusable: when it holds none
    """
    try:
        return x509.load_pem_x509_certificate(pem.encode())
    except ValueError as error:
        raise KeyUnusable("The certificate isn't a PEM text.") from error


def check_pem(kind: str, text: str) -> None:
    """Refuse what can't be the kind of credential it is entered as.

    A key with a password is taken as it is: the password may come later.

    :param kind: of the credential, as in a profile
    :raise KeyUnusable: saying what was expected
    """
    if kind == "certificate":
        load_certificate(text)
    elif kind == "private_key":
        # Not everything that uses it does without the line breaks.
        if not re.search(r"^-----BEGIN [A-Z ]*PRIVATE KEY-----\s*$", text, re.M):
            raise KeyUnusable("The private key isn't a PEM text with its lines.")
        if "ENCRYPTED" not in text:
            load_private_key(text)


def shared_key(text: str, encoding: str = "utf8") -> bytes:
    """Return the bytes of a shared secret.

    :param encoding: ``utf8``, ``base64`` or ``hex``
    :raise KeyUnusable: when the text isn't written so
    """
    try:
        if encoding == "base64":
            return base64.b64decode(text, validate=True)
        if encoding == "hex":
            return bytes.fromhex(text)
    except (binascii.Error, ValueError) as error:
        raise KeyUnusable(f"The shared secret isn't written in {encoding}.") from error
    return text.encode()


# === SIGNATURES === #


def sign(
    algorithm: str,
    key: str,
    content: bytes,
    *,
    key_encoding: str = "utf8",
    password: str = "",
) -> bytes:
    """Return the signature of a text.

    RSA is PKCS #1 v1.5, or PSS with a salt as long as the digest; an ECDSA
    signature is the DER sequence of RFC 3279, 2.2.3.

    :param algorithm: one of :data:`ALGORITHMS`
    :param key: a shared secret, or a private key as PEM
    :param key_encoding: of a shared secret, see :func:`shared_key`
    :param password: of a private key
    :raise KeyUnusable: when the key doesn't fit the algorithm
    """
    family, _dash, digest = algorithm.rpartition("-")
    if family == "hmac":
        return hmac.new(
            shared_key(key, key_encoding), content, _DIGESTS[digest]
        ).digest()
    private = load_private_key(key, password)
    chosen = _HASHES[digest]()
    if family == "ecdsa" and isinstance(private, ec.EllipticCurvePrivateKey):
        return private.sign(content, ec.ECDSA(chosen))
    if family in ("rsa", "rsa-pss") and isinstance(private, rsa.RSAPrivateKey):
        scheme = (
            padding.PSS(padding.MGF1(chosen), chosen.digest_size)
            if family == "rsa-pss"
            else padding.PKCS1v15()
        )
        return private.sign(content, scheme, chosen)
    raise KeyUnusable(f"The private key isn't one for {algorithm}.")


def encode(signature: bytes, encoding: str) -> str:
    """Return a signature as text: ``hex`` or ``base64``."""
    if encoding == "hex":
        return signature.hex()
    return base64.b64encode(signature).decode("ascii")


def format_instant(instant: datetime, style: str) -> str:
    """Return an instant as partners write it.

    :param instant: aware
    :param style: one of :data:`TIMESTAMP_FORMATS`
    """
    instant = instant.astimezone(timezone.utc)
    if style == "unix":
        return str(int(instant.timestamp()))
    if style == "unix_ms":
        return str(int(instant.timestamp() * 1000))
    if style == "rfc1123":
        return format_datetime(instant, usegmt=True)
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")


def digest_header(name: str, body: bytes) -> str:
    """Return the value of a header that tells the body's digest.

    :param name: ``Content-Digest`` (RFC 9530) or ``Digest`` (RFC 3230)
    """
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode("ascii")
    return f"sha-256=:{digest}:" if name == "Content-Digest" else f"SHA-256={digest}"


def request_fields(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    now: datetime,
    nonce: str,
    timestamp_format: str = "unix",
) -> dict[str, bytes]:
    """Return what a template of a signature can name, see :data:`FIELDS`."""
    parts = urlsplit(url)
    path = parts.path or "/"
    in_order = "&".join(sorted(parts.query.split("&"))) if parts.query else ""
    md5 = hashlib.md5(body, usedforsecurity=False).hexdigest()
    sha256 = hashlib.sha256(body)
    by_name = {name.lower(): value for name, value in headers.items()}
    fields = {
        "method": method,
        "host": parts.netloc.rpartition("@")[2],
        "path": path,
        "query": parts.query,
        "target": f"{path}?{parts.query}" if parts.query else path,
        "sorted_target": f"{path}?{in_order}" if in_order else path,
        "content_type": by_name.get("content-type", "") if body else "",
        "body_sha256": sha256.hexdigest(),
        "body_sha256_base64": base64.b64encode(sha256.digest()).decode("ascii"),
        "body_sha512": hashlib.sha512(body).hexdigest(),
        "body_md5": md5,
        "body_md5_upper": md5.upper() if body else "",
        "timestamp": format_instant(now, timestamp_format),
        "date": format_instant(now, "rfc1123"),
        "nonce": nonce,
    }
    return {"body": body, **{name: text.encode() for name, text in fields.items()}}


def fill(
    template: str,
    fields: Mapping[str, bytes],
    headers: Mapping[str, str],
    credential: Callable[[str], str],
) -> bytes:
    """Fill the template of what is signed, or of a header.

    :param fields: see :func:`request_fields`; they go before credentials
    :param headers: what ``{header:name}`` refers to
    :param credential: gives a credential by its name
    :raise KeyError: when there is no such header and it isn't marked ``?``
    """
    by_name = {name.lower(): value for name, value in headers.items()}
    filled, end = [], 0
    for found in _FIELD.finditer(template):
        header, name, optional = found.groups()
        filled.append(template[end : found.start()].encode())
        end = found.end()
        if header:
            value = by_name.get(header.lower(), "" if optional else None)
            if value is None:
                raise KeyError(header)
            filled.append(value.strip().encode())
        elif name in fields:
            filled.append(fields[name])
        else:
            filled.append(credential(name).encode())
    filled.append(template[end:].encode())
    return b"".join(filled)


def names(templates: Iterable[str]) -> set[str]:
    """Return the names in templates that must be credentials."""
    return {
        name
        for template in templates
        for _header, name, _optional in _FIELD.findall(template)
        if name and name not in (*FIELDS, "signature")
    }


# === ASSERTIONS === #


def make_jwt(
    algorithm: str,
    key: str,
    claims: Mapping[str, Any],
    *,
    now: datetime,
    lifetime: int,
    nonce: str = "",
    key_id: str = "",
    key_encoding: str = "utf8",
    password: str = "",
) -> str:
    """Return a signed assertion (RFC 7519).

    :param algorithm: one of :data:`JWT_ALGORITHMS`
    :param key: a shared secret, or a private key as PEM
    :param claims: what it says beside ``iat``, ``exp`` and ``jti``
    :param now: aware; when it begins to hold
    :param lifetime: seconds it holds
    :param nonce: becomes ``jti``, by which a receiver knows a repetition
    :param key_id: becomes ``kid``, when the partner has several keys of ours
    :raise KeyUnusable: when the key doesn't fit the algorithm
    """
    issued = int(now.timestamp())
    content = {"iat": issued, "exp": issued + lifetime, **claims}
    if nonce:
        content.setdefault("jti", nonce)
    secret = (
        shared_key(key, key_encoding)
        if algorithm.startswith("HS")
        else load_private_key(key, password)
    )
    try:
        return jwt.encode(
            content,
            secret,
            algorithm=algorithm,
            headers={"kid": key_id} if key_id else None,
        )
    except (jwt.PyJWTError, TypeError, ValueError) as error:
        raise KeyUnusable(f"The private key isn't one for {algorithm}.") from error
