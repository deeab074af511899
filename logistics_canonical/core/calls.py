# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Requests to a partner, and what its answers mean, driven by a profile.

Nothing here sends. A request is built without credentials, so that it can be
stored and shown; :func:`authorise` adds them to the copy that leaves.
"""

import base64
import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode, urljoin, urlsplit
from xml.sax.saxutils import escape

from . import signing, wsse
from .adapter import Outbound, Parsed, Problem, Response, Result
from .readers import ReadError, read
from .retry import classify, retry_after_of
from .signing import KeyUnusable, make_jwt

#: Schemes that ask for an access token and keep it.
TOKEN_SCHEMES = ("oauth2_client_credentials", "oauth2_jwt_bearer")
#: For how long a token is taken to hold when its answer doesn't tell.
DEFAULT_TOKEN_SECONDS = 300.0
#: A longer promise is believed for a day.
MAX_TOKEN_SECONDS = 86400.0
#: How long what we sign holds unless the profile says otherwise.
DEFAULT_ASSERTION_SECONDS = 300
_FIELD = re.compile(r"\{([a-z][a-z0-9_]*)(\?)?\}")
_CREDENTIAL = re.compile(r"\{credential:([a-z][a-z0-9_]*)\}")
#: RFC 6750, 2.1, and whatever else can stand in a header.
_TOKEN = re.compile(r"[\x21-\x7e]+")
#: What a token request or a SOAP header holds that is a credential for a while.
_SENT_IN_BODY = re.compile(
    rb"(?:[?&]|^)assertion=([^&]+)|<wsse:Password[^>]*>([^<]+)<", re.MULTILINE
)
_EXCERPT = 300
_BLANKS = b"\xef\xbb\xbf \t\r\n"


class CallError(ValueError):
    """A request that can't be built; the message says what is missing."""


def body_kind(body: bytes, content_type: str) -> str:
    """Return ``json``, ``xml`` or ``csv``, by the body rather than by its label.

    Partners label XML as text/html and JSON as text/plain; the first character
    doesn't lie.
    """
    start = body[:64].lstrip(_BLANKS)[:1]
    if start == b"<":
        return "xml"
    if start in (b"{", b"["):
        return "json"
    if "csv" in content_type:
        return "csv"
    return "xml" if "xml" in content_type else "json"


def build_request(
    profile: Any,
    operation: str,
    payload: Mapping[str, Any],
    *,
    environment: str = "production",
    base_url: str = "",
) -> Outbound:
    """Build a request.

    :param profile: the compiled profile
    :param operation: a key of its ``operations``
    :param payload: the values its templates ask for
    :param environment: ``sandbox`` or ``production``
    :param base_url: used instead of the profile's endpoint
    :raise CallError: when the operation, its endpoint or a value is missing
    """
    spec = profile.operations.get(operation)
    if spec is None:
        raise CallError(f"{profile.name} has no operation {operation!r}.")
    refuse_markers(payload)
    values = {"request_id": _request_id(operation, payload), **payload}
    body, content_type = _body(spec, values) if "body" in spec else (b"", "")
    return frame(
        profile,
        operation,
        values,
        body,
        content_type,
        environment=environment,
        base_url=base_url,
    )


def frame(
    profile: Any,
    operation: str,
    values: Mapping[str, Any],
    body: bytes,
    content_type: str,
    *,
    environment: str = "production",
    base_url: str = "",
) -> Outbound:
    """Put a body into the request the profile describes for an operation.

    :param values: what fills the operation's path, query and headers
    :param content_type: of the body, empty when there is none
    :raise CallError: when the operation, its endpoint or a value is missing
    """
    spec = profile.operations.get(operation)
    if spec is None:
        raise CallError(f"{profile.name} has no operation {operation!r}.")
    base = base_url or spec.get("endpoints", profile.endpoints).get(environment)
    if not base:
        raise CallError(f"{profile.name} has no {environment} endpoint.")
    url = base.rstrip("/") + _fill(spec["path"], values, _quote)
    query = _filled(spec.get("query", {}), values)
    if query:
        url += ("&" if "?" in url else "?") + urlencode(query, quote_via=quote)
    headers = {"Accept": spec.get("accept", "application/json")}
    headers.update(_filled(spec.get("headers", {}), values))
    if content_type:
        headers.setdefault("Content-Type", content_type)
    return Outbound(spec["method"], url, headers, body, spec.get("auth", ""))


def refuse_markers(payload: Any) -> None:
    """Refuse values that look like a place for a credential.

    Whoever can write a customer's name must not get a password put in its place.

    :raise CallError: when there is one
    """
    if "{credential:" in json.dumps(payload, default=str):
        raise CallError("A value of the request contains '{credential:'.")


class CredentialError(CallError):
    """A credential that is missing or can't be used for what it is for."""


class ClientCertificate(NamedTuple):
    """What we identify ourselves with when a connection is opened (mutual TLS).

    :ivar pem: certificate, further ones up to the authority's, and private key
    :ivar password: of the private key, empty when it has none
    """

    pem: str
    password: str


def authorise(
    outbound: Outbound,
    profile: Any,
    credentials: Mapping[str, str],
    token: str = "",
    *,
    now: datetime | None = None,
    nonce: str | None = None,
) -> Outbound:
    """Return the request with what authenticates it. Never store the result.

    :param credentials: values by the names of the profile's ``credentials``
    :param token: the access token for an OAuth2 scheme (see
        :func:`token_request`)
    :param now: aware instant, for schemes that sign or date the request
    :param nonce: letters and digits, never the same twice, for the same schemes
    :raise CredentialError: when a credential is missing or can't be used
    :raise CallError: when the scheme doesn't fit the request
    """
    auth = profile.auth.get(outbound.auth, {"scheme": "none"})
    scheme = auth["scheme"]
    headers = dict(outbound.headers)
    if scheme != "signature":
        headers.update(_credentialed(auth.get("headers", {}), credentials))
    url, body = outbound.url, outbound.body
    # Beside a login, too: an account number that the partner wants in the address.
    query = urlencode(
        _credentialed(auth.get("query", {}), credentials), quote_via=quote
    )
    if query:
        url += ("&" if "?" in url else "?") + query
    if b"{credential:" in body:
        # Account numbers and logins that the partner wants in the message.
        body = _credential_body(outbound, credentials)
    if scheme == "basic":
        headers["Authorization"] = _basic(
            _credential_text(auth.get("username", ""), credentials),
            _credential_text(auth.get("password", ""), credentials),
        )
    elif scheme in TOKEN_SCHEMES:
        headers["Authorization"] = f"Bearer {token}"
    request = replace(outbound, url=url, headers=headers, body=body)
    dated = _DATED_SCHEMES.get(scheme)
    if dated is None:
        return request
    if now is None or not nonce:
        raise CallError(f"The scheme {scheme} needs an instant and a nonce.")
    try:
        return dated(request, auth, credentials, now, nonce)
    except KeyUnusable as error:
        raise CredentialError(str(error)) from error


def client_certificate(
    auth: Mapping[str, Any], credentials: Mapping[str, str]
) -> ClientCertificate | None:
    """Return what a scheme opens connections with, None when it is nothing.

    :param auth: an entry of the profile's ``auth``
    :raise CredentialError: when a credential is missing
    """
    spec = auth.get("client_certificate")
    if not spec:
        return None
    parts = [spec["certificate"], spec.get("private_key", "")]
    return ClientCertificate(
        "\n".join(_credential_text(part, credentials) for part in parts if part) + "\n",
        _optional(spec.get("password", ""), credentials),
    )


def sent_secrets(outbound: Outbound, auth: Mapping[str, Any]) -> set[str]:
    """Return what authenticates a request as it stands in its headers.

    Derived from credentials, it looks like none of them, and whoever has it could
    for a while do what they allow.

    :param outbound: as :func:`authorise` or :func:`token_request` returned it
    """
    names = {"authorization"}
    if auth.get("scheme") == "signature":
        names.add(auth.get("header", "").lower())
    found = set()
    for name, value in outbound.headers.items():
        if name.lower() in names and value:
            found |= {value, value.rpartition(" ")[2]}
    for words in _SENT_IN_BODY.findall(outbound.body):
        found.update(word.decode("utf-8", "replace") for word in words if word)
    return found


def token_request(
    profile: Any,
    auth_name: str,
    credentials: Mapping[str, str],
    *,
    environment: str = "production",
    base_url: str = "",
    now: datetime | None = None,
    nonce: str | None = None,
) -> Outbound:
    """Build the request for an access token. Never store it.

    With a client's id and secret (RFC 6749, 4.4), or with an assertion we sign
    (RFC 7523, 2.1).

    :param base_url: host to use instead of the profile's, as for other calls
    :param now: aware instant, for an assertion
    :param nonce: never the same twice, for an assertion
    :raise CallError: when a credential or the token address is missing
    """
    auth = profile.auth[auth_name]
    url = auth["token_url"].get(environment)
    if not url:
        raise CallError(f"{profile.name} has no {environment} address for tokens.")
    audience = url
    if base_url:
        # The host is replaced; the token's path has nothing to do with the API's.
        url = urljoin(base_url, urlsplit(url).path)
    headers = {
        "Accept": "application/json",
        "Content-Type": "application/x-www-form-urlencoded",
        **_credentialed(auth.get("headers", {}), credentials),
    }
    if auth["scheme"] == "oauth2_jwt_bearer":
        form = {
            "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
            "assertion": _assertion(auth, credentials, now, nonce, audience),
        }
    else:
        form = {"grant_type": "client_credentials"}
    if "client_id" in auth and "client_secret" in auth:
        client_id = _credential_text(auth["client_id"], credentials)
        client_secret = _credential_text(auth["client_secret"], credentials)
        if auth.get("client_auth", "basic") == "basic":
            headers["Authorization"] = _basic(client_id, client_secret)
        else:
            form.update(client_id=client_id, client_secret=client_secret)
    if auth.get("scope"):
        form["scope"] = auth["scope"]
    form.update(_credentialed(auth.get("parameters", {}), credentials))
    return Outbound("POST", url, headers, urlencode(form).encode())


def read_token(response: Response) -> tuple[str, float]:
    """Return the access token of an answer and how many seconds it holds.

    Partners write the seconds as text, or not at all; what can't be true counts as
    not written, since the token itself may well work.

    :return: seconds from 0 to :data:`MAX_TOKEN_SECONDS`
    :raise CallError: when the answer holds none
    """
    try:
        answer = json.loads(response.body)
        token = answer["access_token"]
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise CallError(
            f"The answer (HTTP {response.status}) holds no access token."
        ) from error
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        raise CallError(
            f"The answer (HTTP {response.status}) holds no usable access token."
        )
    return token, _token_seconds(answer.get("expires_in"))


def _token_seconds(value):
    if isinstance(value, bool):
        return DEFAULT_TOKEN_SECONDS
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        return DEFAULT_TOKEN_SECONDS
    except OverflowError:
        return MAX_TOKEN_SECONDS
    if math.isnan(seconds):
        return DEFAULT_TOKEN_SECONDS
    return min(max(seconds, 0.0), MAX_TOKEN_SECONDS)


# === SCHEMES THAT SIGN === #


def _send_assertion(request, auth, credentials, now, nonce):
    """A JWT of our own is the bearer token."""
    token = _assertion(auth, credentials, now, nonce, "")
    return replace(
        request, headers={**request.headers, "Authorization": f"Bearer {token}"}
    )


def _assertion(auth, credentials, now, nonce, audience):
    if now is None or not nonce:
        raise CallError(f"The scheme {auth['scheme']} needs an instant and a nonce.")
    claims = {
        name: _claim(value, credentials)
        for name, value in auth.get("claims", {}).items()
    }
    audience = _credential_text(auth.get("audience", ""), credentials) or audience
    if audience:
        claims.setdefault("aud", audience)
    try:
        return make_jwt(
            auth.get("algorithm", "RS256"),
            _credential_text(auth["key"], credentials),
            claims,
            now=now,
            lifetime=auth.get("lifetime_s", DEFAULT_ASSERTION_SECONDS),
            nonce=nonce,
            key_id=_credential_text(auth.get("kid", ""), credentials),
            key_encoding=auth.get("key_encoding", "utf8"),
            password=_optional(auth.get("key_password", ""), credentials),
        )
    except KeyUnusable as error:
        raise CredentialError(str(error)) from error


def _claim(value, credentials):
    if isinstance(value, str):
        return _credential_text(value, credentials)
    if isinstance(value, list):
        return [_claim(part, credentials) for part in value]
    return value


def _sign_request(request, auth, credentials, now, nonce):
    def credential(name):
        return _credential_text(f"{{{name}}}", credentials)

    def filled(template, headers, **more):
        try:
            return signing.fill(template, {**fields, **more}, headers, credential)
        except KeyError as error:
            raise CallError(
                f"The signature needs the header {error.args[0]!r}, which the request "
                "doesn't have."
            ) from None

    headers = dict(request.headers)
    fields = signing.request_fields(
        request.method,
        request.url,
        headers,
        request.body,
        now=now,
        nonce=nonce,
        timestamp_format=auth.get("timestamp_format", "unix"),
    )
    for name, template in auth.get("headers", {}).items():
        headers[name] = filled(template, headers).decode()
    for name in auth.get("digests", ()):
        headers[name] = signing.digest_header(name, request.body)
    signature = signing.sign(
        auth["algorithm"],
        _credential_text(auth["key"], credentials),
        filled(auth["signed"], headers),
        key_encoding=auth.get("key_encoding", "utf8"),
        password=_optional(auth.get("key_password", ""), credentials),
    )
    text = signing.encode(signature, auth.get("encoding", "hex"))
    headers[auth["header"]] = filled(
        auth.get("value", "{signature}"), headers, signature=text.encode()
    ).decode()
    return replace(request, headers=headers)


def _add_username_token(request, auth, credentials, now, nonce):
    username, password, digest = _soap_user(auth, credentials)
    return _with_envelope(
        request,
        wsse.add_username_token,
        username,
        password,
        digest=digest,
        now=now,
        nonce=nonce,
        ttl=auth.get("ttl_s", 0),
    )


def _sign_envelope(request, auth, credentials, now, nonce):
    return _with_envelope(
        request,
        wsse.add_signature,
        _credential_text(auth["certificate"], credentials),
        _credential_text(auth["key"], credentials),
        password=_optional(auth.get("key_password", ""), credentials),
        now=now,
        nonce=nonce,
        ttl=auth.get("ttl_s", DEFAULT_ASSERTION_SECONDS),
        username=_soap_user(auth, credentials) if "username" in auth else None,
    )


def _with_envelope(request, add, *args, **options):
    try:
        return replace(request, body=add(request.body, *args, **options))
    except wsse.EnvelopeError as error:
        raise CallError(str(error)) from error


def _soap_user(auth, credentials):
    return (
        _credential_text(auth["username"], credentials),
        _credential_text(auth.get("password", ""), credentials),
        auth.get("password_type", "text") == "digest",
    )


_DATED_SCHEMES = {
    "jwt_bearer": _send_assertion,
    "signature": _sign_request,
    "wsse_username_token": _add_username_token,
    "wsse_signature": _sign_envelope,
}


def response_result(
    profile: Any,
    program: Any,
    operation: str,
    response: Response,
    request: Mapping[str, Any] | None,
) -> Result:
    """Say what an answer means. Used by :meth:`.profile.Profile.answer`."""
    retry_after = retry_after_of(response.headers)
    from_status = (
        ""
        if 200 <= response.status < 300
        else classify(response.status, retry_after=retry_after)
    )
    content_type = response.headers.get("content-type", "")
    error_class = None
    parsed = _empty(profile, operation, response, request)
    if response.body.strip():
        kind = body_kind(response.body, content_type)
        try:
            tree = read(response.body, kind, profile.reader_limits)
        except ReadError as error:
            if not from_status:
                problem = Problem("bad_value", code=error.code, text=str(error))
                return Result("poison", retry_after, Parsed(problems=(problem,)))
        else:
            parsed, error_class = program.read(
                tree,
                kind,
                profile,
                operation=operation,
                request=request,
                status=response.status,
            )
    if error_class is None:
        error_class = from_status
        if from_status and not parsed.problems:
            excerpt = response.body[:_EXCERPT].decode("utf-8", "replace").strip()
            problem = Problem(
                kind="partner_error",
                code=f"HTTP {response.status}",
                text=excerpt,
                reference=str((request or {}).get("tracking_number") or ""),
            )
            parsed = Parsed(problems=(problem,))
    return Result(error_class, retry_after, parsed)


def _empty(profile, operation, response, request):
    """Return what an answer without a body means: to a question, nothing known."""
    asked = profile.operations.get(operation, {}).get("method") == "GET"
    if not asked or not 200 <= response.status < 400:
        return Parsed()
    number = str((request or {}).get("tracking_number") or "")
    text = f"The answer (HTTP {response.status}) is empty."
    return Parsed(problems=(Problem("no_data", text=text, reference=number),))


def _request_id(operation, payload):
    """Return an identifier that a repeated request repeats."""
    text = json.dumps([operation, payload], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _quote(text):
    return quote(text, safe="")


def _fill(template, values, transform):
    def put(found):
        name, optional = found.groups()
        value = values.get(name)
        if value in (None, "", False):
            if optional:
                return ""
            raise CallError(f"The request needs a value for {name!r}.")
        return transform(str(value))

    filled = _FIELD.sub(put, template)
    # Two values side by side may make up what neither of them contains.
    if _CREDENTIAL.findall(filled) != _CREDENTIAL.findall(template):
        raise CallError("Values of the request make up a place for a credential.")
    return filled


def _filled(templates, values):
    """Fill each template; one that stays empty is left out."""
    filled = {name: _fill(text, values, str) for name, text in templates.items()}
    return {name: text for name, text in filled.items() if text}


def _body(spec, values):
    kind = spec.get("body_type", "json")
    template = spec["body"]
    if kind == "xml":
        text = _fill(template, values, escape)
        return text.encode(), "application/xml; charset=utf-8"
    if kind == "form":
        form = urlencode(_filled(template, values))
        return form.encode(), "application/x-www-form-urlencoded"
    filled = _fill_json(template, values)
    return json.dumps(filled, ensure_ascii=False).encode(), "application/json"


def _fill_json(template, values):
    if isinstance(template, list):
        return [_fill_json(part, values) for part in template]
    if isinstance(template, dict):
        if "$each" in template:
            entries = values.get(template["$each"])
            if not entries:
                raise CallError(f"The request needs a value for {template['$each']!r}.")
            return [
                _fill_json(template["item"], {**values, "item": entry})
                for entry in entries
            ]
        filled = {name: _fill_json(part, values) for name, part in template.items()}
        return {name: part for name, part in filled.items() if part is not None}
    if not isinstance(template, str):
        return template
    alone = _FIELD.fullmatch(template)
    if alone:
        name, optional = alone.groups()
        value = values.get(name)
        if value in (None, "") and not optional:
            raise CallError(f"The request needs a value for {name!r}.")
        return value
    return _fill(template, values, str)


def _credential_text(template, credentials, transform=str):
    def put(found):
        name, optional = found.groups()
        value = credentials.get(name)
        if not value:
            if optional:
                return ""
            raise CredentialError(f"The credential {name!r} is not filled in.")
        return transform(value)

    return _FIELD.sub(put, template)


def _optional(template, credentials):
    """Fill in a password that a key may do without."""
    return _FIELD.sub(lambda found: credentials.get(found.group(1)) or "", template)


def _credentialed(templates, credentials):
    return {
        name: _credential_text(text, credentials) for name, text in templates.items()
    }


def _credential_body(outbound, credentials):
    """Put credentials into a body that has places for them."""
    kind = outbound.headers.get("Content-Type", "")
    transform = escape if "xml" in kind else _json_text

    def put(found):
        name = found.group(1)
        if not credentials.get(name):
            raise CredentialError(f"The credential {name!r} is not filled in.")
        return transform(credentials[name])

    return _CREDENTIAL.sub(put, outbound.body.decode()).encode()


def _json_text(text):
    return json.dumps(text, ensure_ascii=False)[1:-1]


def _basic(username, password):
    pair = f"{username}:{password}".encode()
    return "Basic " + base64.b64encode(pair).decode("ascii")
