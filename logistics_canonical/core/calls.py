# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Requests to a partner, and what its answers mean, driven by a profile.

Nothing here sends. A request is built without credentials, so that it can be
stored and shown; :func:`authorise` adds them to the copy that leaves.
"""

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote, urlencode, urljoin, urlsplit
from xml.sax.saxutils import escape

from .adapter import Outbound, Parsed, Problem, Response, Result
from .readers import ReadError, read
from .retry import classify, parse_retry_after

_FIELD = re.compile(r"\{([a-z][a-z0-9_]*)(\?)?\}")
_CREDENTIAL = re.compile(r"\{credential:([a-z][a-z0-9_]*)\}")
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


def authorise(
    outbound: Outbound, profile: Any, credentials: Mapping[str, str], token: str = ""
) -> Outbound:
    """Return the request with what authenticates it. Never store the result.

    :param credentials: values by the names of the profile's ``credentials``
    :param token: the access token for an OAuth2 scheme (see
        :func:`token_request`)
    :raise CallError: when a credential is missing
    """
    auth = profile.auth.get(outbound.auth, {"scheme": "none"})
    scheme = auth["scheme"]
    headers = dict(outbound.headers)
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
    elif scheme == "oauth2_client_credentials":
        headers["Authorization"] = f"Bearer {token}"
    return replace(outbound, url=url, headers=headers, body=body)


def token_request(
    profile: Any,
    auth_name: str,
    credentials: Mapping[str, str],
    *,
    environment: str = "production",
    base_url: str = "",
) -> Outbound:
    """Build the request for an access token (RFC 6749, 4.4). Never store it.

    :param base_url: host to use instead of the profile's, as for other calls
    :raise CallError: when a credential or the token address is missing
    """
    auth = profile.auth[auth_name]
    url = auth["token_url"].get(environment)
    if not url:
        raise CallError(f"{profile.name} has no {environment} address for tokens.")
    if base_url:
        # The host is replaced; the token's path has nothing to do with the API's.
        url = urljoin(base_url, urlsplit(url).path)
    client_id = _credential_text(auth["client_id"], credentials)
    client_secret = _credential_text(auth["client_secret"], credentials)
    form = {"grant_type": "client_credentials"}
    headers = {
        "Accept": "application/json",
        "Content-Type": "application/x-www-form-urlencoded",
        **_credentialed(auth.get("headers", {}), credentials),
    }
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

    :raise CallError: when the answer holds none
    """
    try:
        answer = json.loads(response.body)
        token = str(answer["access_token"])
        # UPS writes the seconds as text.
        seconds = float(answer.get("expires_in", 300))
    except (KeyError, TypeError, ValueError) as error:
        raise CallError(
            f"The answer (HTTP {response.status}) holds no access token."
        ) from error
    return token, seconds


def response_result(
    profile: Any,
    program: Any,
    operation: str,
    response: Response,
    request: Mapping[str, Any] | None,
) -> Result:
    """Say what an answer means. Used by :meth:`.profile.Profile.answer`."""
    retry_after = _retry_after(response.headers)
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
    if not asked or response.status >= 400:
        return Parsed()
    number = str((request or {}).get("tracking_number") or "")
    text = f"The answer (HTTP {response.status}) is empty."
    return Parsed(problems=(Problem("no_data", text=text, reference=number),))


def _retry_after(headers):
    text = headers.get("retry-after", "")
    if not text:
        return None
    # An HTTP date is relative to the partner's own clock, which the answer tells.
    try:
        now = parsedate_to_datetime(headers.get("date", ""))
    except ValueError:
        now = None
    return parse_retry_after(text, now)


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

    return _FIELD.sub(put, template)


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
        value = credentials.get(found.group(1))
        if not value:
            raise CallError(f"The credential {found.group(1)!r} is not filled in.")
        return transform(value)

    return _FIELD.sub(put, template)


def _credentialed(templates, credentials):
    return {
        name: _credential_text(text, credentials) for name, text in templates.items()
    }


def _credential_body(outbound, credentials):
    """Put credentials into a body that has places for them."""
    kind = outbound.headers.get("Content-Type", "")
    transform = escape if "xml" in kind else _json_text

    def put(found):
        value = credentials.get(found.group(1))
        if not value:
            raise CallError(f"The credential {found.group(1)!r} is not filled in.")
        return transform(value)

    return _CREDENTIAL.sub(put, outbound.body.decode()).encode()


def _json_text(text):
    return json.dumps(text, ensure_ascii=False)[1:-1]


def _basic(username, password):
    pair = f"{username}:{password}".encode()
    return "Basic " + base64.b64encode(pair).decode("ascii")
