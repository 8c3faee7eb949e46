"""Which addresses an action may connect to.

A document, or a name in somebody's DNS, must not lead into the network that Legato stands in.
"""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final

import trio

_NAT64: Final = IPv6Network("64:ff9b::/96")
_INTERNET: Final = IPv6Network("2000::/3")
"""The only addresses of version 6 that belong to somebody in the internet."""

_OF_CLOUDS: Final = frozenset({IPv4Address("168.63.129.16")})
"""Addresses with a public look where a cloud tells its own machines secrets: Azure's."""

RESOLVING_TIMEOUT: Final = 10.0  # seconds


class Forbidden(Exception):
    """There is no address that an action may connect to.  The message says why."""


def is_public(address: str) -> bool:
    """Whether everybody in the internet could connect there."""
    found = _inner(ip_address(address.partition("%")[0]))
    if isinstance(found, IPv6Address) and found not in _INTERNET:
        return False
    return found.is_global and not found.is_multicast and found not in _OF_CLOUDS


def _inner(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The address of version 4 that one of version 6 leads to, if any."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


async def resolved(host: str, port: int, *, allow_private: bool) -> str:
    """Look a host up once; the connection is then made to that address and no other.

    Raises:
        Forbidden: the name leads nowhere, or only to addresses that are not public.
    """
    try:
        with trio.fail_after(RESOLVING_TIMEOUT):
            found = await trio.socket.getaddrinfo(host, port, type=trio.socket.SOCK_STREAM)
    except (OSError, UnicodeError, trio.TooSlowError):
        raise Forbidden(f"{host} cannot be found") from None
    addresses = [str(each[4][0]) for each in found]
    return chosen(host, addresses, allow_private=allow_private)


def chosen(host: str, addresses: Sequence[str], *, allow_private: bool) -> str:
    """The first address that may be used.  Raises Forbidden."""
    for address in addresses:
        if allow_private or is_public(address):
            return address
    raise Forbidden(f"{host} is at an address inside a network, where no action may connect")
