# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError, NewConnectionError

from ..core.adapter import Outbound, Response
from ..core.calls import CallError, authorise, read_token, token_request
from ..core.profile import Profile
from . import guard

CONNECT_TIMEOUT = 5.0
READ_TIMEOUT = 20.0
TOTAL_TIMEOUT = 30.0
MAX_BYTES = 10 * 1024 * 1024
#: Seconds before its end at which a token is no longer used.
TOKEN_MARGIN = 60.0


class TransportError(Exception):
    """The call brought no answer.

    :param str error_class: see ``core/adapter.py``, e.g. ``transient``
    """

    def __init__(self, text, error_class="transient"):
        super().__init__(text)
        self.error_class = error_class


@dataclass(frozen=True)
class Call:
    """A request with all that is needed to send it, away from any database.

    :param outbound: the request, without credentials
    :param profile: :class:`~..core.profile.Profile` it was built with
    :param credentials: credential name to value in clear
    :param environment: ``sandbox`` or ``production``
    :param base_url: used instead of the profile's endpoints, if any
    :param allow_loopback: whether this machine itself may be called
    :param cache_key: whose access token it is
    """

    outbound: Outbound
    profile: Profile
    credentials: Mapping[str, str] = field(default_factory=dict, repr=False)
    environment: str = "production"
    base_url: str = ""
    allow_loopback: bool = False
    cache_key: str = ""

    @property
    def secrets(self):
        """The values that must appear in no log, excerpt or error text.

        Partners repeat what they were sent, so the access token counts too.
        """
        secret_names = {
            spec["name"] for spec in self.profile.credentials if spec["secret"]
        }
        found = [
            value
            for name, value in self.credentials.items()
            if value and name in secret_names
        ]
        token, _ends = _tokens.get(self.cache_key, ("", 0.0))
        return [*found, token] if token else found

    @property
    def uses_token(self):
        """Whether it is authenticated with an OAuth2 access token."""
        auth = self.profile.auth.get(self.outbound.auth, {})
        return auth.get("scheme") == "oauth2_client_credentials"


def send(call):
    """Send a call and return the answer.

    TLS is verified, redirects are not followed, the answer's size and the total
    time are bounded, and only public addresses are called.

    :rtype: Response
    :raise TransportError: when no answer came
    """
    response = _send_authorised(call)
    if response.status == 401 and call.uses_token:
        # The partner may end a token before its time: once more with a new one.
        _tokens.pop(call.cache_key, None)
        response = _send_authorised(call)
    return response


def _send_authorised(call):
    token = _token(call) if call.uses_token else ""
    try:
        request = authorise(call.outbound, call.profile, call.credentials, token)
    except CallError as error:
        raise TransportError(str(error), "auth") from error
    return _request(call, request)


def _request(call, outbound):
    started = time.monotonic()
    session = requests.Session()
    session.trust_env = False
    adapter = _GuardedAdapter(call.allow_loopback)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    if not outbound.url.startswith("https://") and not call.allow_loopback:
        raise TransportError(
            f"{outbound.url.split('?')[0]} is not https; only a sandbox connector "
            "that may call this machine can do without",
            "rejected",
        )
    try:
        with session.request(
            outbound.method,
            outbound.url,
            headers=dict(outbound.headers),
            data=outbound.body or None,
            auth=_no_auth,
            timeout=READ_TIMEOUT,
            allow_redirects=False,
            stream=True,
        ) as answer:
            return Response(
                status=answer.status_code,
                headers={name.lower(): value for name, value in answer.headers.items()},
                body=_read(answer, started),
            )
    except guard.AddressRefused as error:
        raise TransportError(str(error), "rejected") from error
    except (requests.RequestException, HTTPError, OSError) as error:
        raise TransportError(_explain(error, outbound.url)) from error


def _read(answer, started):
    chunks, size = [], 0
    for chunk in answer.iter_content(65536):
        size += len(chunk)
        if size > MAX_BYTES:
            raise TransportError("The answer is too large", "poison")
        if time.monotonic() - started > TOTAL_TIMEOUT:
            raise TransportError("The answer took too long")
        chunks.append(chunk)
    return b"".join(chunks)


def _explain(error, url):
    """Return a failure as a sentence without the query, which may hold keys."""
    place = url.split("?")[0]
    if _caused_by(error, guard.AddressRefused):
        raise TransportError(
            f"{place} leads to an address that is not public", "rejected"
        ) from error
    if isinstance(error, requests.Timeout):
        return f"{place} did not answer in time"
    if isinstance(error, requests.exceptions.SSLError):
        return f"The certificate of {place} is not valid"
    return f"{place} can't be reached"


def _caused_by(error, kind):
    while error is not None:
        if isinstance(error, kind):
            return True
        reason = getattr(error, "reason", None)
        if not isinstance(reason, BaseException):
            reason = error.args[0] if error.args else None
        error = (
            error.__cause__
            or error.__context__
            or (reason if isinstance(reason, BaseException) else None)
        )
    return False


# === ACCESS TOKENS === #

_tokens = {}
_token_locks = {}
_locks_guard = threading.Lock()


def _no_auth(request):
    """Keep requests from looking for credentials in a .netrc file."""
    return request


def _token(call):
    """Return a valid access token (RFC 6749, 4.4), fetched once per process."""
    with _locks_guard:
        lock = _token_locks.setdefault(call.cache_key, threading.Lock())
    with lock:
        token, ends = _tokens.get(call.cache_key, ("", 0.0))
        if token and time.monotonic() < ends:
            return token
        token, seconds = _fetch_token(call)
        _tokens[call.cache_key] = (
            token,
            time.monotonic() + max(seconds - TOKEN_MARGIN, 0),
        )
        return token


def _fetch_token(call):
    try:
        request = token_request(
            call.profile,
            call.outbound.auth,
            call.credentials,
            environment=call.environment,
            base_url=call.base_url,
        )
    except CallError as error:
        raise TransportError(str(error), "auth") from error
    response = _request(call, request)
    if response.status in (400, 401, 403):
        raise TransportError(
            f"The partner gave no token (HTTP {response.status}): the client id or "
            "secret is wrong",
            "auth",
        )
    if response.status != 200:
        raise TransportError(f"The partner gave no token (HTTP {response.status})")
    try:
        return read_token(response)
    except CallError as error:
        raise TransportError(str(error)) from error


# === CONNECTIONS === #


class _GuardedAdapter(HTTPAdapter):
    def __init__(self, allow_loopback):
        self._allow_loopback = allow_loopback
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args, **kwargs):
        result = super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {
            "http": _pool_class(
                HTTPConnectionPool, HTTPConnection, self._allow_loopback
            ),
            "https": _pool_class(
                HTTPSConnectionPool, HTTPSConnection, self._allow_loopback
            ),
        }
        return result


def _pool_class(pool_class, connection_class, allow_loopback):
    class GuardedConnection(connection_class):
        def _new_conn(self):
            try:
                sock = guard.connect(
                    self._dns_host,
                    self.port,
                    CONNECT_TIMEOUT,
                    allow_loopback=allow_loopback,
                )
                sock.settimeout(self.timeout)
                return sock
            except guard.AddressRefused:
                raise
            except OSError as error:
                raise NewConnectionError(self, str(error)) from error

    class GuardedPool(pool_class):
        ConnectionCls = GuardedConnection

    return GuardedPool
