# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import contextlib
import gzip
import http.client
import io
import logging
import os
import secrets
import ssl
import tempfile
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from requests.certs import where
from requests.utils import requote_uri
from urllib3.util.ssltransport import SSLTransport

from ..core.adapter import Outbound, Response
from ..core.calls import (
    TOKEN_SCHEMES,
    CallError,
    CredentialError,
    authorise,
    client_certificate,
    read_token,
    sent_secrets,
    token_request,
)
from ..core.profile import Profile
from ..core.retry import classify, retry_after_of
from . import guard
from .tokens import MemoryTokens, TokenRefused, obtain

_logger = logging.getLogger(__name__)

CONNECT_TIMEOUT = 5.0
#: Seconds without a byte, for partners whose profile says nothing else.
READ_TIMEOUT = 20.0
TOTAL_TIMEOUT = 30.0
#: A worker's lease ends after 60 s; what a call brought must be written before, or
#: somebody else makes the same call.
MAX_TIMEOUT = 55.0
MAX_BYTES = 10 * 1024 * 1024
#: What may come in with headers, in small pieces, or secured by a proxy besides.
MAX_RECEIVED = 2 * MAX_BYTES
#: Interim answers ("Processing", "Early Hints") that may come before the answer.
MAX_INTERIM = 20
USER_AGENT = "logistics-suite"
_BLOCK = 65536


class TransportError(Exception):
    """The call brought no answer.

    :param str error_class: see ``core/adapter.py``, e.g. ``transient``
    :param bool left: whether the request may have left this machine. False only
        when it certainly didn't, so that a booking may be sent again without
        asking whether it exists.
    :param float retry_after: seconds the partner asked us to wait, None if it didn't
    """

    def __init__(self, text, error_class="transient", left=True, retry_after=None):
        super().__init__(text)
        self.error_class = error_class
        self.left = left
        self.retry_after = retry_after


@dataclass(frozen=True)
class Call:
    """A request with all that is needed to send it, away from any database.

    :param outbound: the request, without credentials
    :param profile: :class:`~..core.profile.Profile` it was built with
    :param credentials: credential name to value in clear
    :param environment: ``sandbox`` or ``production``
    :param base_url: used instead of the profile's endpoints, if any
    :param allow_loopback: whether this machine itself may be called
    :param cache_key: whose access token it is; it has to change with the
        credentials
    :param tokens: who keeps access tokens (``tokens.py``); this process by default
    :param proxy_url: ``http://`` or ``https://`` address of a proxy, if any
    :param allow_private_proxy: whether the proxy may be in our own network
    :param ca_file: path of certificates to trust beside the public ones. There is
        no way to trust nobody in particular.
    """

    outbound: Outbound
    profile: Profile
    credentials: Mapping[str, str] = field(default_factory=dict, repr=False)
    environment: str = "production"
    base_url: str = ""
    allow_loopback: bool = False
    cache_key: str = ""
    tokens: Any = field(default=None, repr=False)
    proxy_url: str = ""
    allow_private_proxy: bool = False
    ca_file: str = ""
    _sent: set = field(default_factory=set, init=False, repr=False, compare=False)

    @property
    def secrets(self):
        """The values that must appear in no log, excerpt or error text.

        Partners repeat what they were sent, so whatever authenticated this call
        counts too: access tokens, signatures, user name and password in Base64.
        """
        found = []
        for spec in self.profile.credentials:
            value = self.credentials.get(spec["name"])
            if value and spec["secret"]:
                found += [value, *_pem_body(value)]
        return [*found, *sorted(self._sent)]

    def keep_secret(self, *values):
        """Count values of the request among its secrets, as account numbers."""
        self._sent.update(filter(None, values))

    @property
    def auth(self):
        """How the call is authenticated: an entry of the profile's ``auth``."""
        return self.profile.auth.get(self.outbound.auth, {})

    @property
    def uses_token(self):
        """Whether it is authenticated with an access token that is asked for."""
        return self.auth.get("scheme") in TOKEN_SCHEMES

    @property
    def timeout(self):
        """Seconds after which the call has ended, whatever the partner does."""
        return min(self.profile.limits.get("timeout_s", TOTAL_TIMEOUT), MAX_TIMEOUT)


def send(call):
    """Send a call and return the answer.

    TLS is verified, redirects are not followed, the answer's size and the total
    time are bounded, and only public addresses are called.

    :rtype: Response
    :raise TransportError: when no answer came
    """
    deadline = time.monotonic() + call.timeout
    token, kept = _token(call, deadline) if call.uses_token else ("", False)
    response = _send_authorised(call, token, deadline)
    if response.status == 401 and kept:
        # The partner may end a token before its time: once more with a new one. A
        # call that was refused for its token did nothing, so it may be repeated.
        token, _kept = _token(call, deadline, rejected=token)
        response = _send_authorised(call, token, deadline)
    return response


def _send_authorised(call, token, deadline):
    try:
        request = authorise(
            call.outbound,
            call.profile,
            call.credentials,
            token,
            now=datetime.now(timezone.utc),
            nonce=secrets.token_hex(16),
        )
    except CredentialError as error:
        raise TransportError(str(error), "auth", left=False) from error
    except CallError as error:
        raise TransportError(str(error), "rejected", left=False) from error
    call._sent.update(sent_secrets(request, call.auth))
    return _request(call, request, deadline)


def _token(call, deadline, rejected=""):
    """Return an access token and whether it had been kept."""

    def fetch():
        return _fetch_token(call, deadline)

    tokens = call.tokens or MemoryTokens(call.cache_key)
    try:
        token, kept = obtain(tokens, fetch, deadline - time.monotonic(), rejected)
    except TimeoutError as error:
        raise TransportError(f"No access token: {error}", left=False) from error
    except TokenRefused as error:
        text, error_class, retry_after = error.args
        raise TransportError(
            text, error_class, left=False, retry_after=retry_after
        ) from error
    call._sent.add(token)
    return token, kept


def _fetch_token(call, deadline):
    try:
        request = token_request(
            call.profile,
            call.outbound.auth,
            call.credentials,
            environment=call.environment,
            base_url=call.base_url,
            now=datetime.now(timezone.utc),
            nonce=secrets.token_hex(16),
        )
    except CallError as error:
        raise TransportError(str(error), "auth", left=False) from error
    call._sent.update(sent_secrets(request, call.auth))
    try:
        response = _request(call, request, deadline)
    except TransportError as error:
        # Whatever became of this request, the call itself hasn't left.
        kind = "transient" if error.error_class == "poison" else error.error_class
        raise TransportError(f"No access token: {error}", kind, left=False) from error
    text = f"The partner gave no token (HTTP {response.status})"
    if response.status in (400, 401, 403):
        text += ": the client id or secret is wrong"
        raise TokenRefused(text, "auth", None)
    retry_after = retry_after_of(response.headers)
    if classify(response.status, retry_after=retry_after) == "throttled":
        raise TokenRefused(text, "throttled", retry_after)
    if response.status != 200:
        raise TransportError(text, left=False)
    try:
        token, seconds = read_token(response)
    except CallError as error:
        raise TransportError(str(error), left=False) from error
    call._sent.add(token)
    return token, seconds


# === ONE REQUEST === #


class _Answer(http.client.HTTPResponse):
    """The answer itself, whatever interim ones came before it (RFC 9110, 15.2).

    The library knows "Continue" only: "Early Hints" before the answer would be taken
    for it. "Switching Protocols" is followed by no HTTP, so it is the last.
    """

    def begin(self):
        for _time in range(MAX_INTERIM):
            super().begin()
            if self.status >= 200 or self.status == 101:
                return
            # So it begins anew.
            self.headers = None
        raise http.client.HTTPException("Nothing but interim answers")


class _Connection(http.client.HTTPConnection):
    """The HTTP of a connection that is already open."""

    response_class = _Answer

    def connect(self):
        raise OSError("The connection is closed")


class _SecuredConnection(_Connection):
    default_port = http.client.HTTPS_PORT


@dataclass(frozen=True)
class _Target:
    """Where a request goes.

    :param place: the address without its query, which may hold keys
    """

    url: str
    place: str
    host: str
    port: int
    secured: bool

    @classmethod
    def of(cls, url):
        parts = urlsplit(requote_uri(url))
        host = parts.hostname or ""
        if not host.isascii():
            host = host.encode("idna").decode()
        if parts.scheme not in ("http", "https") or not host:
            raise ValueError("not an address of the web")
        secured = parts.scheme == "https"
        path = parts.path or "/"
        return cls(
            url=f"{path}?{parts.query}" if parts.query else path,
            place=url.split("?")[0],
            host=host,
            port=parts.port or (443 if secured else 80),
            secured=secured,
        )


def _request(call, outbound, deadline):
    """Send one request and return the answer."""
    place = outbound.url.split("?")[0]
    try:
        target = _Target.of(outbound.url)
    except ValueError as error:
        raise TransportError(
            f"{place} can't be called: {error}", "rejected", left=False
        ) from error
    if not target.secured and not call.allow_loopback:
        raise TransportError(
            f"{place} is not https; only a sandbox connector that may call this "
            "machine can do without",
            "rejected",
            left=False,
        )
    sock = _open(call, target, deadline)
    with contextlib.closing(sock):
        return _exchange(sock, target, outbound)


def _exchange(sock, target, outbound):
    kind = _SecuredConnection if target.secured else _Connection
    connection = kind(target.host, target.port)
    connection.sock = sock
    own = {name.lower() for name in outbound.headers}
    defaults = {"User-Agent": USER_AGENT, "Accept-Encoding": "gzip, deflate"}
    headers = {name: text for name, text in defaults.items() if name.lower() not in own}
    headers.update(outbound.headers)
    try:
        connection.request(
            outbound.method, target.url, outbound.body or None, headers=headers
        )
    except BrokenPipeError:
        # Refused before all of it was sent: the answer may say why.
        _logger.debug("%s took part of the request only", target.place)
    except (ValueError, http.client.InvalidURL) as error:
        # Nothing is sent before everything was found to be in order.
        raise TransportError(
            f"{target.place} can't be called: a header is malformed",
            "rejected",
            left=False,
        ) from error
    except OSError as error:
        raise _broken(error, target) from error
    try:
        with contextlib.closing(connection.getresponse()) as answer:
            return Response(
                status=answer.status,
                headers=_headers(answer),
                body=_decoded(answer, _read(answer)),
            )
    except (http.client.HTTPException, ValueError, OSError) as error:
        # A negative length, for one, makes a ValueError of the library.
        raise _broken(error, target) from error


def _broken(error, target):
    """Return what a failure on an open connection means."""
    if isinstance(error, guard.TooMuch):
        return TransportError("The answer is too large", "poison")
    if isinstance(error, TimeoutError):
        return TransportError(f"{target.place} did not answer in time")
    if isinstance(error, ssl.SSLError):
        return TransportError(
            f"{target.place} broke the secured connection off; it may not accept our "
            "certificate"
        )
    return TransportError(f"{target.place} broke the connection off")


def _headers(answer):
    found = {}
    for name, value in answer.getheaders():
        name = name.lower()
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def _read(answer):
    expected = answer.length
    if expected is not None and expected > MAX_BYTES:
        raise TransportError("The answer is too large", "poison")
    chunks, size = [], 0
    while chunk := answer.read(_BLOCK):
        size += len(chunk)
        if size > MAX_BYTES:
            raise TransportError("The answer is too large", "poison")
        chunks.append(chunk)
    if expected is not None and size < expected:
        # Half a label is none, although what there is of it may look like one.
        raise TransportError("The answer was cut off")
    return b"".join(chunks)


def _decoded(answer, body):
    """Undo the compression, without unpacking more than may be answered."""
    encoding = (answer.getheader("content-encoding") or "identity").strip().lower()
    if encoding == "identity" or not body:
        return body
    try:
        if encoding in ("gzip", "x-gzip"):
            unpacked = _gunzipped(body)
        elif encoding == "deflate":
            unpacked = _inflated(body)
        else:
            text = f"The answer is encoded as {encoding[:20]!r}"
            raise TransportError(text, "poison")
    except EOFError as error:
        raise TransportError("The answer was cut off") from error
    except (zlib.error, gzip.BadGzipFile) as error:
        raise TransportError("The answer's compression is broken", "poison") from error
    if len(unpacked) > MAX_BYTES:
        raise TransportError("The answer is too large", "poison")
    return unpacked


def _gunzipped(body):
    # It may have several parts, each packed by itself (RFC 1952, 2.2).
    with gzip.GzipFile(fileobj=io.BytesIO(body)) as file:
        return file.read(MAX_BYTES + 1)


def _inflated(body):
    # By the standard with a frame, by some servers without.
    window = zlib.MAX_WBITS if body[0] & 0x0F == 8 else -zlib.MAX_WBITS
    unpacker = zlib.decompressobj(window)
    unpacked = unpacker.decompress(body, MAX_BYTES + 1)
    if not unpacker.eof and len(unpacked) <= MAX_BYTES:
        raise EOFError
    return unpacked


# === CONNECTIONS === #


def _open(call, target, deadline):
    """Return a connection over which a request can be sent.

    :raise TransportError: none of the request has left then
    """
    try:
        context = _context_for(call) if target.secured else None
    except CredentialError as error:
        raise TransportError(str(error), "auth", left=False) from error
    try:
        if call.proxy_url and not _stays_here(call, target, deadline):
            sock = _through_proxy(call, target, deadline)
        else:
            sock = guard.connect(
                target.host,
                target.port,
                CONNECT_TIMEOUT,
                deadline=deadline,
                allow_loopback=call.allow_loopback,
                pause=_pause(call),
                max_bytes=MAX_RECEIVED,
            )
        return _secure(sock, context, target.host) if target.secured else sock
    except guard.AddressRefused as error:
        raise TransportError(
            f"{target.place} can't be called: {error}", "rejected", left=False
        ) from error
    except UnicodeError as error:
        text = f"{target.place} can't be called: the host's name is malformed"
        raise TransportError(text, "rejected", left=False) from error
    except ssl.SSLCertVerificationError as error:
        text = f"The certificate of {target.place} is not valid"
        raise TransportError(text, left=False) from error
    except ssl.SSLError as error:
        text = f"No secured connection to {target.place} came about"
        raise TransportError(text, left=False) from error
    except TimeoutError as error:
        text = f"{target.place} can't be reached in time"
        raise TransportError(text, left=False) from error
    except OSError as error:
        text = f"{target.place} can't be reached"
        raise TransportError(text, left=False) from error


def _pause(call):
    # A profile that says how long its partner takes means the first byte too.
    return None if "timeout_s" in call.profile.limits else READ_TIMEOUT


def _secure(sock, context, host):
    if isinstance(sock, guard.TLSSocket):
        # Within the connection to a proxy that is secured itself.
        try:
            return SSLTransport(sock, context, server_hostname=host)
        except BaseException:
            sock.close()
            raise
    return guard.TLSSocket.over(sock, context, host)


def _stays_here(call, target, deadline):
    """Tell whether a call goes to this machine, where no proxy has a part."""
    return call.allow_loopback and guard.is_this_machine(
        target.host, target.port, deadline
    )


def _through_proxy(call, target, deadline):
    """Return a connection to the target, opened by the proxy.

    The proxy would resolve any name for us, also one of its own network: so we
    resolve it too, and only for public addresses the proxy is asked. What it calls
    is what it resolves itself, though: a name server that tells the two of us
    different things gets around this check, and only the proxy can refuse then.
    """
    if not target.secured:
        raise TransportError(
            f"{target.place} is not https, so no proxy is used for it",
            "rejected",
            left=False,
        )
    try:
        proxy = _Target.of(call.proxy_url)
    except ValueError as error:
        raise TransportError(
            f"The proxy's address is {error}", "rejected", left=False
        ) from error
    guard.check_public(target.host, target.port, deadline)
    try:
        sock = guard.connect(
            proxy.host,
            proxy.port,
            CONNECT_TIMEOUT,
            deadline=deadline,
            allow_loopback=call.allow_private_proxy,
            allow_private=call.allow_private_proxy,
            pause=_pause(call),
            max_bytes=MAX_RECEIVED,
        )
        if proxy.secured:
            sock = _secure(sock, _context(call.ca_file), proxy.host)
    except guard.AddressRefused as error:
        raise TransportError(
            f"The proxy can't be used: {error}. A proxy in the own network has to be "
            "allowed by the system parameter logistics_canonical.allow_private_proxy.",
            "rejected",
            left=False,
        ) from error
    except OSError as error:
        raise TransportError("The proxy can't be reached", left=False) from error
    try:
        _tunnel(sock, target)
    except BaseException:
        sock.close()
        raise
    return sock


def _tunnel(sock, target):
    """Ask the proxy for a connection (RFC 9110, 9.3.6)."""
    host = f"[{target.host}]" if ":" in target.host else target.host
    authority = f"{host}:{target.port}"
    sock.sendall(
        f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n"
        f"User-Agent: {USER_AGENT}\r\n\r\n".encode("ascii")
    )
    try:
        with _Answer(sock, method="CONNECT") as answer:
            answer.begin()
            status = answer.status
    except http.client.HTTPException as error:
        raise TransportError("The proxy's answer is no HTTP", left=False) from error
    if not 200 <= status < 300:
        raise TransportError(
            f"The proxy opened no connection (HTTP {status})", left=False
        )


# === TRUST === #


def _context_for(call):
    certificate = client_certificate(call.auth, call.credentials)
    if certificate is None:
        return _context(call.ca_file)
    context = _new_context(call.ca_file)
    try:
        with _as_file(certificate.pem) as path:
            # A password is always given: without one, OpenSSL asks at the terminal.
            context.load_cert_chain(path, password=certificate.password or " ")
    except (ssl.SSLError, ValueError, OSError) as error:
        raise CredentialError(
            "The client certificate and its private key don't fit together or can't "
            "be read; if the key has a password, that may be the wrong one."
        ) from error
    return context


@lru_cache(maxsize=8)
def _context(ca_file):
    return _new_context(ca_file)


def _new_context(ca_file):
    context = ssl.create_default_context(cafile=where())
    context.sslsocket_class = guard.TLSSocket
    if ca_file:
        context.load_verify_locations(ca_file)
    return context


@contextlib.contextmanager
def _as_file(text):
    """Give a text a path for as long as it takes to read it.

    Python's TLS takes a private key from a file only. Where the system has files
    that lie in memory and have no name, the key touches no disk and needs no
    removal, even if this process dies; elsewhere it is a file nobody else can read.
    """
    if hasattr(os, "memfd_create") and os.path.isdir("/proc/self/fd"):
        handle = os.memfd_create("logistics", os.MFD_CLOEXEC)
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode())
            file.flush()
            yield f"/proc/self/fd/{handle}"
        return
    handle, path = tempfile.mkstemp()
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode())
        yield path
    finally:
        os.unlink(path)


def _pem_body(value):
    """Return what a private key looks like to whom its frame means nothing."""
    if "-----BEGIN" not in value:
        return []
    lines = [line.strip() for line in value.splitlines()]
    lines = [line for line in lines if line and "-----" not in line and ":" not in line]
    return [*lines, "".join(lines)] if lines else []
