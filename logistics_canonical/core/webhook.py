# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Verification of what partners send, over the raw bytes, failing closed.

One verifier with parts covers the senders we know: where the signature is, how
it is written, what text is signed with which key, and how old it may be. A spec
is the ``webhook`` part of a profile (``profile.schema.json``).
"""

import base64
import binascii
import hashlib
import hmac
import json
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

_PART = re.compile(rb"\{(id|timestamp|method|path|body)\}")
_MAX_SIGNATURES = 8
_MAX_HEADER = 4096


class Verdict(NamedTuple):
    """Whether a message is from the partner.

    :param reason: for people here; the sender is told nothing
    :param message_id: the sender's id, only where the signature covers it
    :param trust: ``content`` when what was sent is signed, ``sender`` when only
        the sender is known, ``none``
    """

    ok: bool
    reason: str = ""
    message_id: str = ""
    trust: str = "none"


class Verifier:
    """A spec with its secrets, ready to verify many messages."""

    def __init__(self, checks: Sequence[Callable[..., Verdict]]):
        self._checks = checks

    def verify(
        self,
        headers: Mapping[str, str],
        body: bytes,
        method: str,
        path: str,
        now: datetime,
    ) -> Verdict:
        """Verify one message; never raises, whatever was sent.

        :param headers: names in lower case
        :param now: aware
        """
        verdict = Verdict(False, "no secret is set")
        for check in self._checks:
            try:
                verdict = check(headers, body, method, path, now)
            except (ValueError, TypeError, OverflowError, IndexError):
                verdict = Verdict(False, "the signature is malformed")
            if verdict.ok:
                return verdict
        return verdict


def compile_spec(spec: Mapping[str, Any] | None, secrets: Sequence[str]) -> Verifier:
    """Return a verifier for a spec.

    :param secrets: the current one first; during a rotation several are valid
    """
    spec = spec or {"scheme": "none"}
    specs = [spec, *spec.get("alternatives", ())]
    return Verifier([_compile(one, list(secrets)) for one in specs])


def verify(
    spec: Mapping[str, Any] | None,
    *,
    headers: Mapping[str, str],
    body: bytes,
    method: str = "POST",
    path: str = "",
    secrets: Sequence[str] = (),
    now: datetime,
) -> Verdict:
    """Verify one message (see :meth:`Verifier.verify`)."""
    return compile_spec(spec, secrets).verify(headers, body, method, path, now)


def _compile(spec, secrets):
    scheme = spec.get("scheme", "none")
    if scheme == "none":
        return lambda headers, body, method, path, now: Verdict(True, trust="none")
    if not secrets:
        return lambda headers, body, method, path, now: Verdict(
            False, "no secret is set"
        )
    if scheme == "static":
        return _static(spec, secrets)
    if scheme == "basic":
        return _basic(secrets)
    if scheme == "rsa":
        return _signed(spec, _rsa_checker(secrets))
    if scheme == "hmac":
        return _signed(spec, _hmac_checker(spec, secrets))
    return lambda headers, body, method, path, now: Verdict(
        False, f"the scheme {scheme} is unknown"
    )


def _static(spec, secrets):
    """A shared secret in a header: it names the sender, it signs nothing."""
    header, prefix = spec["header"].lower(), spec.get("prefix", "")
    keys = [secret.encode() for secret in secrets]

    def check(headers, body, method, path, now):
        given = _header(headers, header)
        if not given:
            return Verdict(False, f"the header {header} is missing")
        if not given.startswith(prefix):
            return Verdict(False, "the credential is malformed")
        value = _bytes(given[len(prefix) :])
        # Compare with each, so that the time tells nothing of which matched.
        matches = [hmac.compare_digest(value, key) for key in keys]
        if any(matches):
            return Verdict(True, trust="sender")
        return Verdict(False, "the credential is wrong")

    return check


def _basic(secrets):
    """HTTP Basic; each secret is ``user:password``."""
    keys = [secret.encode() for secret in secrets]

    def check(headers, body, method, path, now):
        given = _header(headers, "authorization")
        if not given.lower().startswith("basic "):
            return Verdict(False, "the header authorization is missing")
        value = base64.b64decode(_bytes(given[6:].strip()), validate=True)
        matches = [hmac.compare_digest(value, key) for key in keys]
        if any(matches):
            return Verdict(True, trust="sender")
        return Verdict(False, "user or password is wrong")

    return check


def _signed(spec, matches):
    header, prefix = spec["header"].lower(), spec.get("prefix", "")
    parse = spec.get("parse", "plain")
    id_header = spec.get("id_header", "").lower()
    time_header = spec.get("timestamp_header", "").lower()
    time_format = spec.get("timestamp_format", "unix")
    tolerance = float(spec.get("tolerance", 300))
    template = spec.get("signed", "{body}").encode()
    parts = _PART.split(template)
    covers_body = b"{body}" in template
    covers_id = b"{id}" in template
    plain_body = template == b"{body}"
    decode = _decoder(spec.get("encoding", "hex"))

    def check(headers, body, method, path, now):
        given = _header(headers, header)
        if not given:
            return Verdict(False, f"the header {header} is missing")
        timestamp, signatures = _signatures(given, parse, prefix)
        if not signatures:
            return Verdict(False, "the signature is malformed")
        if time_header:
            timestamp = _header(headers, time_header)
        message_id = _header(headers, id_header) if id_header else ""
        if b"{timestamp}" in template:
            age = _age(timestamp, time_format, now)
            if age is None:
                return Verdict(False, "the timestamp is missing or malformed")
            if abs(age) > tolerance:
                return Verdict(False, "the timestamp is too old or too new")
        if covers_id and not message_id:
            return Verdict(False, f"the header {id_header} is missing")
        if plain_body:
            text = body
        else:
            values = {
                b"id": _bytes(message_id),
                b"timestamp": _bytes(timestamp),
                b"method": _bytes(method),
                b"path": _bytes(path),
                b"body": body,
            }
            text = b"".join(
                values[part] if index % 2 else part for index, part in enumerate(parts)
            )
        for signature in signatures[:_MAX_SIGNATURES]:
            if matches(text, decode(signature), headers):
                return Verdict(
                    True,
                    message_id=message_id if covers_id else "",
                    trust="content" if covers_body else "sender",
                )
        return Verdict(False, "the signature is wrong")

    return check


def _hmac_checker(spec, secrets):
    digest = {"sha256": hashlib.sha256, "sha512": hashlib.sha512, "sha1": hashlib.sha1}[
        spec.get("algorithm", "sha256")
    ]
    # A keyed hash is copied for each message instead of being set up anew.
    keyed = [
        hmac.new(key, digestmod=digest)
        for key in (_key(secret, spec.get("key", "utf8")) for secret in secrets)
        if key is not None
    ]

    def matches(text, signature, headers):
        found = False
        for key in keyed:
            mac = key.copy()
            mac.update(text)
            found |= hmac.compare_digest(mac.digest(), signature)
        return found

    return matches


def _key(secret, transform):
    """Return a secret as the key it stands for, None when it is malformed."""
    try:
        if transform == "nfkd":
            return unicodedata.normalize("NFKD", secret).encode()
        if transform == "hex":
            return bytes.fromhex(secret)
        if transform == "whsec":
            secret = secret.removeprefix("whsec_")
            return base64.b64decode(secret + "=" * (-len(secret) % 4))
        if transform == "base64":
            return base64.b64decode(secret + "=" * (-len(secret) % 4))
    except ValueError:
        return None
    return secret.encode()


def _rsa_checker(secrets):
    """RSA PKCS#1 v1.5 with SHA-256; each secret is a PEM key or a JWKS."""
    keys = [key for secret in secrets for key in _public_keys(secret)]

    def matches(text, signature, headers):
        for key in keys:
            try:
                key.verify(signature, text, padding.PKCS1v15(), hashes.SHA256())
            except InvalidSignature:
                continue
            return True
        return False

    return matches


def _public_keys(secret):
    text = secret.strip()
    if text.startswith("{"):
        for entry in json.loads(text).get("keys", ()):
            if entry.get("kty") == "RSA":
                yield rsa.RSAPublicNumbers(
                    _base64url_integer(entry["e"]), _base64url_integer(entry["n"])
                ).public_key()
        return
    key = serialization.load_pem_public_key(text.encode())
    if isinstance(key, rsa.RSAPublicKey):
        yield key


def _base64url_integer(text):
    return int.from_bytes(
        base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), "big"
    )


def _signatures(given, parse, prefix):
    """Return (timestamp or "", list of signature texts)."""
    if parse == "keyvalue":
        timestamp, found = "", []
        for pair in given.split(","):
            name, _equals, value = pair.strip().partition("=")
            if name == "t":
                timestamp = value
            elif name == (prefix or "v1"):
                found.append(value)
        return timestamp, found
    if parse == "list":
        marker = prefix or "v1,"
        return "", [
            entry[len(marker) :]
            for entry in given.split(" ")
            if entry.startswith(marker)
        ]
    if prefix and not given.startswith(prefix):
        return "", []
    return "", [given[len(prefix) :]]


def _decoder(encoding):
    if encoding == "base64":
        return lambda text: base64.b64decode(_bytes(text), validate=True)
    return lambda text: binascii.unhexlify(_bytes(text))


def _age(timestamp, form, now):
    """Return seconds since the timestamp, None when it can't be read."""
    try:
        if form == "unix":
            return now.timestamp() - float(timestamp)
        if form == "rfc2822":
            moment = parsedate_to_datetime(timestamp)
        else:
            moment = datetime.fromisoformat(timestamp.replace("Z", "+00:00"))
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return (now - moment).total_seconds()


def _header(headers, name):
    value = headers.get(name, "")
    return value.strip() if len(value) <= _MAX_HEADER else ""


def _bytes(text):
    return text.encode("utf-8", "surrogateescape")


_DECOY = compile_spec(
    {"scheme": "hmac", "header": "x", "signed": "{body}", "encoding": "hex"}, ["-"]
)


def decoy_verify(body: bytes) -> None:
    """Spend what a verification costs, for an address nobody has."""
    _DECOY.verify({"x": "0" * 64}, body, "POST", "", datetime.now(timezone.utc))
