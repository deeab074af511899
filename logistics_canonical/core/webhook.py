# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Verification of what partners send, over the raw bytes, failing closed.

One verifier with parts covers the senders we know. A spec is the ``webhook`` part
of a profile (``profile.schema.json``); its members are:

``scheme``
    ``hmac``; ``rsa`` (PKCS#1 v1.5 with SHA-256, each secret a PEM public key or a
    JWKS); ``digest`` (a plain hash over text that contains the key); ``static``
    (a shared secret in a header); ``basic`` (each secret ``user:password``);
    ``none``.
``where``
    ``header`` (default) or ``body``: whether ``header``, ``id_header`` and
    ``timestamp_header`` name headers or members of a JSON body
    (``meta.signature`` is the member of a member).
``header``, ``prefix``, ``parse``, ``encoding``
    Where the signature is and how it is written: ``plain``; ``keyvalue``
    (``t=…,v1=…``); ``list`` (``v1,… v1,…``); ``hex`` or ``base64``.
``algorithm``, ``key``
    The hash, and how a secret is made a key: ``utf8``, ``nfkd``, ``base64``,
    ``hex`` or ``whsec``.
``signed``
    What is signed, made of ``{body}``, ``{id}``, ``{timestamp}``, ``{method}``,
    ``{path}`` (the path as received, whatever path the sender claims) and, for
    ``digest``, ``{key}``.
``id_header``, ``timestamp_header``, ``timestamp_format``, ``tolerance``
    Where the message's id and time are, how the time is written (``unix``,
    ``rfc2822``, ``iso``), and how many seconds it may differ, either way.
``alternatives``
    Further specs, one of which may hold instead.
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
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from .readers import Limits, read
from .times import parse_time

_PART = re.compile(r"\{(\w+)\}")
_UNIX = re.compile(r"[0-9]{1,11}")
_MAX_SIGNATURES = 8
_MAX_HEADER = 4096
_LIMITS = Limits()

_DIGESTS = {
    "sha256": hashlib.sha256,
    "sha512": hashlib.sha512,
    "sha1": hashlib.sha1,
}
_SIGNED_SCHEMES = ("hmac", "rsa", "digest")
#: Member of a spec → (the value it has when it isn't given, the values it can have)
_CHOICES = {
    "scheme": ("", (*_SIGNED_SCHEMES, "static", "basic", "none")),
    "where": ("header", ("header", "body")),
    "algorithm": ("sha256", tuple(_DIGESTS)),
    "key": ("utf8", ("utf8", "nfkd", "base64", "hex", "whsec")),
    "encoding": ("hex", ("hex", "base64")),
    "parse": ("plain", ("plain", "keyvalue", "list")),
    "timestamp_format": ("unix", ("unix", "rfc2822", "iso")),
}
_PARTS = {"id", "timestamp", "method", "path", "body", "key"}


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


class _Missing(ValueError):
    """The message carries nothing a check could look at."""


class Verifier:
    """A spec with its secrets, ready to verify many messages; thread-safe."""

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

        :param headers: names in lower case; values as WSGI gives them
        :param now: aware
        """
        missing = refused = None
        for check in self._checks:
            try:
                verdict = check(headers, body, method, path, now)
            except _Missing as error:
                missing = missing or Verdict(False, str(error))
                continue
            except (ValueError, TypeError, OverflowError):
                verdict = Verdict(False, "the signature is malformed")
            if verdict.ok:
                return verdict
            refused = refused or verdict
        # What is wrong with what was sent tells people more than what wasn't.
        return refused or missing


def compile_spec(spec: Mapping[str, Any] | None, secrets: Sequence[str]) -> Verifier:
    """Return a verifier for a spec. A spec or secret that is no good gives one
    that refuses everything and says why.

    :param spec: None when the partner authenticates in no way
    :param secrets: the current one first; during a rotation several are valid
    """
    if spec is None:
        spec = {"scheme": "none"}
    specs = [spec, *spec.get("alternatives", ())]
    return Verifier([_compile(one, secrets) for one in specs])


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


def validate_spec(spec: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with a spec, one sentence each; empty when it is good."""
    found = []
    for member, (default, choices) in _CHOICES.items():
        value = spec.get(member, default)
        if value not in choices:
            found.append(f"{member} is {value!r}; it can be {', '.join(choices)}.")
    scheme = spec.get("scheme")
    if scheme in (*_SIGNED_SCHEMES, "static") and not spec.get("header"):
        found.append(f"The scheme {scheme} needs the header it is in.")
    if scheme in _SIGNED_SCHEMES:
        found += _validate_signed(spec, scheme)
    for alternative in spec.get("alternatives", ()):
        if scheme != "none" and alternative.get("scheme") == "none":
            found.append("An alternative that checks nothing lets everything in.")
        found += validate_spec(alternative)
    return found


def _validate_signed(spec, scheme):
    parts = set(_PART.findall(spec.get("signed", "{body}")))
    unknown = sorted(parts - _PARTS)
    if unknown:
        yield f"{{{unknown[0]}}} is not something that can be signed."
    if not parts - {"key", "method", "path"}:
        yield "Nothing that differs from message to message is signed."
    if ("key" in parts) != (scheme == "digest"):
        yield "{key} is part of what is signed in the scheme digest, and only there."
    if "body" in parts and spec.get("where") == "body":
        yield "A signature inside the body can't cover the body."
    if "id" in parts and not spec.get("id_header"):
        yield "{id} is signed: id_header has to say where it is."
    timed = spec.get("timestamp_header") or spec.get("parse") == "keyvalue"
    if "timestamp" in parts and not timed:
        yield "{timestamp} is signed: timestamp_header has to say where it is."
    if "timestamp" not in parts and spec.get("timestamp_header"):
        yield "A timestamp that isn't signed proves nothing."
    if not spec.get("tolerance", 300) > 0:
        yield "The tolerance is a number of seconds above zero."


def _compile(spec, secrets):
    problems = validate_spec({**spec, "alternatives": ()})
    if problems:
        return _refuse(f"the verification is set up wrongly: {problems[0]}")
    scheme = spec["scheme"]
    if scheme == "none":
        return lambda headers, body, method, path, now: Verdict(True)
    # An empty key is one that everybody has.
    secrets = [secret for secret in secrets if secret]
    if not secrets:
        return _refuse("no secret is set")
    if scheme == "static":
        return _static(spec, [secret.encode() for secret in secrets])
    if scheme == "basic":
        return _basic([secret.encode() for secret in secrets])
    if scheme == "rsa":
        keys = _usable(_public_keys, secrets)
    else:
        transform = spec.get("key", "utf8")
        keys = _usable(lambda secret: [_key(secret, transform)], secrets)
    if not keys:
        return _refuse("the secret is malformed")
    prover = {"hmac": _hmac_prover, "rsa": _rsa_prover, "digest": _digest_prover}
    digest = _DIGESTS[spec.get("algorithm", "sha256")]
    proves = prover[scheme](spec.get("signed", "{body}"), digest, keys)
    return _signed(spec, proves)


def _refuse(reason):
    return lambda headers, body, method, path, now: Verdict(False, reason)


def _static(spec, keys):
    """A shared secret: it names the sender, it signs nothing."""
    find, prefix = _finder(spec), spec.get("prefix", "")
    name = spec["header"]

    def check(headers, body, method, path, now):
        given = find(headers, body)(name)
        if not given:
            raise _Missing(f"{name} is missing")
        if not given.startswith(prefix):
            return Verdict(False, "the credential is malformed")
        return _compare(_bytes(given[len(prefix) :]), keys, "the credential is wrong")

    return check


def _basic(keys):
    """HTTP Basic (RFC 7617)."""

    def check(headers, body, method, path, now):
        given = _header(headers, "authorization")
        if not given.lower().startswith("basic "):
            raise _Missing("authorization is missing")
        value = base64.b64decode(given[6:].strip(), validate=True)
        return _compare(value, keys, "user or password is wrong")

    return check


def _compare(value, keys, reason):
    # Compare with each, so that the time tells nothing of which matched.
    matches = [hmac.compare_digest(value, key) for key in keys]
    return Verdict(True, trust="sender") if any(matches) else Verdict(False, reason)


def _signed(spec, proves):
    """Signatures over some text. ``proves(values, signatures)`` says whether one
    of the signatures is one of the text the values make."""
    find, name = _finder(spec), spec["header"]
    prefix, parse = spec.get("prefix", ""), spec.get("parse", "plain")
    id_name, time_name = spec.get("id_header"), spec.get("timestamp_header")
    time_format = spec.get("timestamp_format", "unix")
    tolerance = float(spec.get("tolerance", 300))
    parts = _PART.findall(spec.get("signed", "{body}"))
    trust = "content" if "body" in parts else "sender"
    is_timed, is_named = "timestamp" in parts, "id" in parts
    decode = _unhex if spec.get("encoding", "hex") == "hex" else _unbase64

    def check(headers, body, method, path, now):
        get = find(headers, body)
        given = get(name)
        if not given:
            raise _Missing(f"{name} is missing")
        timestamp, texts = _signatures(given, parse, prefix)
        values = {"body": body}
        if is_timed:
            if time_name:
                timestamp = get(time_name)
            age = _age(timestamp, time_format, now)
            if abs(age) > tolerance:
                return Verdict(False, "the timestamp is too old or too new")
            values["timestamp"] = _bytes(timestamp)
        message_id = ""
        if is_named:
            message_id = get(id_name)
            if not message_id:
                return Verdict(False, f"{id_name} is missing")
            values["id"] = _bytes(message_id)
        values["method"], values["path"] = method.encode(), path.encode()
        signatures = [decode(text) for text in texts[:_MAX_SIGNATURES]]
        signatures = [signature for signature in signatures if signature]
        if not signatures:
            return Verdict(False, "the signature is malformed")
        if not proves(values, signatures):
            return Verdict(False, "the signature is wrong")
        return Verdict(True, message_id=message_id, trust=trust)

    return check


# === WHERE IT IS === #


def _finder(spec):
    """Return a function of headers and body that returns one of a name."""
    if spec.get("where", "header") == "body":
        return _member_of
    return lambda headers, body: lambda name: _header(headers, name.lower())


def _header(headers, name):
    value = headers.get(name, "")
    return value.strip() if len(value) <= _MAX_HEADER else ""


def _member_of(headers, body):
    tree = read(body, "json", _LIMITS)

    def get(name):
        value = tree
        for part in name.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        if isinstance(value, bool) or not isinstance(value, str | int):
            return ""
        return str(value)[:_MAX_HEADER]

    return get


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
    # Some senders write the prefix sometimes; it proves nothing.
    return "", [given.removeprefix(prefix)]


def _unhex(text):
    try:
        return binascii.unhexlify(text)
    except ValueError:
        return b""


def _unbase64(text):
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return b""


def _age(timestamp, form, now):
    """Return seconds since the timestamp."""
    if not timestamp:
        raise _Missing("the timestamp is missing")
    if form == "unix":
        if not _UNIX.fullmatch(timestamp):
            raise ValueError(timestamp)
        return now.timestamp() - int(timestamp)
    parsed = parse_time(timestamp, default_zone="UTC")
    if not parsed.has_time:
        raise ValueError(timestamp)
    return (now - parsed.instant).total_seconds()


def _bytes(text):
    """Return what was sent: WSGI passes the bytes of a header as Latin-1."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode()


# === WHAT PROVES IT === #


def _usable(make_keys, secrets):
    keys = []
    for secret in secrets:
        try:
            keys += [key for key in make_keys(secret) if key]
        except (ValueError, TypeError, KeyError, AttributeError, UnsupportedAlgorithm):
            continue
    return keys


def _key(secret, transform):
    """Return a secret as the key it stands for."""
    if transform == "nfkd":
        return unicodedata.normalize("NFKD", secret).encode()
    if transform == "hex":
        return bytes.fromhex(secret)
    if transform in ("base64", "whsec"):
        if transform == "whsec":
            secret = secret.removeprefix("whsec_")
        padded = secret + "=" * (-len(secret) % 4)
        return base64.b64decode(padded, validate=True)
    return secret.encode()


def _pieces(template):
    """Return [(fixed bytes before it, part)] of a template and its fixed end."""
    texts = _PART.split(template)
    fixed = [text.encode() for text in texts[::2]]
    return list(zip(fixed, texts[1::2], strict=False)), fixed[-1]


def _hmac_prover(template, digest, keys):
    pieces, end = _pieces(template)
    # A keyed hash is copied for each message instead of being set up anew.
    keyed = [hmac.new(key, digestmod=digest) for key in keys]

    def proves(values, signatures):
        found = False
        for key in keyed:
            mac = key.copy()
            for fixed, part in pieces:
                if fixed:
                    mac.update(fixed)
                mac.update(values[part])
            if end:
                mac.update(end)
            made = mac.digest()
            for signature in signatures:
                found |= hmac.compare_digest(made, signature)
        return found

    return proves


def _digest_prover(template, digest, keys):
    join = _joiner(template)

    def proves(values, signatures):
        found = False
        for key in keys:
            made = digest(join({**values, "key": key})).digest()
            for signature in signatures:
                found |= hmac.compare_digest(made, signature)
        return found

    return proves


def _rsa_prover(template, digest, keys):
    join = _joiner(template)

    def proves(values, signatures):
        text = join(values)
        return any(
            _is_signed_by(key, signature, text)
            for key in keys
            for signature in signatures
        )

    return proves


def _joiner(template):
    pieces, end = _pieces(template)
    return lambda values: b"".join(fixed + values[part] for fixed, part in pieces) + end


def _is_signed_by(key, signature, text):
    try:
        key.verify(signature, text, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        return False
    return True


def _public_keys(secret):
    text = secret.strip()
    if text.startswith("{"):
        for entry in json.loads(text)["keys"]:
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


_DECOY = compile_spec(
    {"scheme": "hmac", "header": "x", "signed": "{body}", "encoding": "hex"}, ["-"]
)
_DECOY_TIME = datetime(2000, 1, 1, tzinfo=timezone.utc)


def decoy_verify(body: bytes) -> None:
    """Spend what a verification costs, for an address nobody has."""
    _DECOY.verify({"x": "0" * 64}, body, "POST", "", _DECOY_TIME)
