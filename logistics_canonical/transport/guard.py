# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Which addresses a call may reach.

The check is made on the address the socket connects to, after the name was
resolved, so that neither a redirecting name server nor an unusual spelling of an
address gets around it.
"""

import ipaddress
import socket


class AddressRefused(OSError):
    """The name leads to an address we don't call."""


def allowed(address, *, allow_loopback):
    """Tell whether a resolved address may be called.

    :param str address: an IPv4 or IPv6 address
    :param bool allow_loopback: whether this machine itself may be called
    """
    ip = ipaddress.ip_address(address.split("%")[0])
    mapped = getattr(ip, "ipv4_mapped", None)
    if mapped:
        ip = mapped
    if ip.is_loopback:
        return allow_loopback
    return ip.is_global and not ip.is_multicast


def connect(host, port, timeout, *, allow_loopback):
    """Open a socket to ``host``, refusing private and special addresses.

    :raise AddressRefused: when none of its addresses may be called
    :raise OSError: when it can't be reached
    """
    failure = None
    refused = []
    for family, kind, proto, _name, address in socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM
    ):
        if not allowed(address[0], allow_loopback=allow_loopback):
            refused.append(address[0])
            continue
        sock = socket.socket(family, kind, proto)
        try:
            sock.settimeout(timeout)
            sock.connect(address)
        except OSError as error:
            sock.close()
            failure = error
            continue
        return sock
    if failure:
        raise failure
    raise AddressRefused(f"{host} leads to {', '.join(refused)}, which is not public")
