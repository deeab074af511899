# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Which addresses a call may reach, and for how long.

The check is made on the address the socket connects to, after the name was
resolved, so that neither a redirecting name server nor an unusual spelling of an
address gets around it.

The sockets keep to an instant rather than to a pause: a partner that sends a byte
now and then is cut off like one that sends nothing.
"""

import ipaddress
import queue
import socket
import ssl
import threading
import time

#: Carries IPv4 addresses through IPv6 networks (RFC 6052).
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
#: Of no use to anybody outside, and public by what some Pythons know: the protocols'
#: own addresses (RFC 6890), where clouds tell machines about themselves, too, and the
#: former private ones of IPv6 (RFC 3879).
_SPECIAL = (ipaddress.ip_network("192.0.0.0/24"), ipaddress.ip_network("fec0::/10"))


class AddressRefused(OSError):
    """The name leads to an address we don't call."""


class TooMuch(OSError):
    """The other side sent more than we take."""


def allowed(address, *, allow_loopback, allow_private=False):
    """Tell whether a resolved address may be called.

    :param str address: an IPv4 or IPv6 address
    :param bool allow_loopback: whether this machine itself may be called
    :param bool allow_private: whether the network this machine is in may be called
    """
    ip = _innermost(ipaddress.ip_address(address.split("%")[0]))
    if ip.is_loopback:
        return allow_loopback
    if ip.is_multicast or ip.is_unspecified or ip.is_link_local or ip.is_reserved:
        return False
    if any(ip in network for network in _SPECIAL):
        return False
    return ip.is_global or (allow_private and ip.is_private)


def _innermost(ip):
    """Return the IPv4 address that an IPv6 address stands for, if it does."""
    if ip.version == 4:
        return ip
    if ip in _NAT64:
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or ip


def resolve(host, port, deadline):
    """Return the addresses of a name.

    The system's resolver knows no time-out of ours, so it is left behind in a
    thread of its own when it takes too long.

    :param float deadline: an instant of ``time.monotonic()``
    :return: list as of ``socket.getaddrinfo``
    :raise OSError: when the name has none or nobody tells in time
    """
    answers = queue.SimpleQueue()

    def ask():
        try:
            answers.put(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, ValueError) as error:
            answers.put(error)

    threading.Thread(target=ask, name="logistics-resolve", daemon=True).start()
    try:
        answer = answers.get(timeout=max(deadline - time.monotonic(), 0))
    except queue.Empty:
        raise TimeoutError(f"Nobody told the address of {host} in time") from None
    if isinstance(answer, Exception):
        raise OSError(f"{host} has no address") from answer
    return answer


def is_this_machine(host, port, deadline):
    """Tell whether a name leads to this machine and nowhere else."""
    found = resolve(host, port, deadline)
    return all(
        _innermost(ipaddress.ip_address(address[0].split("%")[0])).is_loopback
        for *_socket, address in found
    )


def check_public(host, port, deadline):
    """Refuse a name that leads anywhere but to public addresses.

    For calls through a proxy, which resolves the name once more by itself: one
    private address among several public ones is enough to refuse.

    :raise AddressRefused: when an address may not be called
    :raise OSError: when the name has no address
    """
    for *_socket, address in resolve(host, port, deadline):
        if not allowed(address[0], allow_loopback=False):
            raise AddressRefused(f"{host} leads to {address[0]}, which is not public")


def connect(
    host,
    port,
    timeout,
    *,
    deadline,
    allow_loopback,
    allow_private=False,
    pause=None,
    max_bytes=None,
):
    """Open a socket to ``host``, refusing private and special addresses.

    :param float timeout: seconds that one address may take
    :param float deadline: instant of ``time.monotonic()`` at which everything ends
    :param float pause: seconds without a byte after which reading fails
    :param int max_bytes: more than these are not received
    :rtype: Socket
    :raise AddressRefused: when none of its addresses may be called
    :raise OSError: when it can't be reached
    """
    failure = None
    refused = []
    until = min(deadline, time.monotonic() + timeout)
    for family, kind, proto, _name, address in resolve(host, port, until):
        if not allowed(
            address[0], allow_loopback=allow_loopback, allow_private=allow_private
        ):
            refused.append(address[0])
            continue
        sock = Socket(family, kind, proto)
        try:
            sock.keep_to(deadline, pause, max_bytes)
            sock.settimeout(min(timeout, sock.left()))
            sock.connect(address)
            # Headers and body leave in two pieces; nothing is gained by waiting.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            sock.close()
            failure = error
            continue
        return sock
    if failure:
        raise failure
    raise AddressRefused(f"{host} leads to {', '.join(refused)}, which is not public")


class _Bounded:
    """A socket of which every operation ends at an instant, and that receives only
    so much.

    Whoever reads from it may believe what the other side says about lengths: what
    comes in is counted here.
    """

    _deadline = None
    _pause = None
    _bytes_left = None

    def keep_to(self, deadline, pause=None, max_bytes=None):
        """Set the bounds.

        :param float deadline: of ``time.monotonic()``
        :param float pause: seconds without a byte after which reading fails
        :param int max_bytes: more than these are not received
        """
        self._deadline, self._pause, self._bytes_left = deadline, pause, max_bytes

    def left(self):
        """Return how many seconds are left.

        :raise TimeoutError: when there are none
        """
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        return left

    def _arm(self, reading=False):
        if self._deadline is None:
            return
        left = self.left()
        self.settimeout(min(left, self._pause) if reading and self._pause else left)

    def _count(self, received):
        if self._bytes_left is not None:
            self._bytes_left -= received
            if self._bytes_left < 0:
                raise TooMuch("too much")

    def recv(self, *args):
        self._arm(reading=True)
        data = super().recv(*args)
        self._count(len(data))
        return data

    def recv_into(self, *args):
        self._arm(reading=True)
        received = super().recv_into(*args)
        self._count(received)
        return received

    def send(self, *args):
        self._arm()
        return super().send(*args)

    def sendall(self, *args):
        self._arm()
        return super().sendall(*args)


class Socket(_Bounded, socket.socket):
    """A plain connection with bounds."""


class TLSSocket(_Bounded, ssl.SSLSocket):
    """A secured connection with bounds."""

    @classmethod
    def over(cls, sock, context, host):
        """Secure a connection.

        :param Socket sock: it belongs to the result from now on
        :param ssl.SSLContext context: of which this is the ``sslsocket_class``
        :param str host: whose certificate is expected
        :raise OSError: when the other side can't be trusted; the connection is
            closed then
        """
        bounds = sock._deadline, sock._pause, sock._bytes_left
        secured = sock
        try:
            secured = context.wrap_socket(
                sock, server_hostname=host, do_handshake_on_connect=False
            )
            secured.keep_to(*bounds)
            secured._arm()
            secured.do_handshake()
        except BaseException:
            secured.close()
            raise
        return secured
