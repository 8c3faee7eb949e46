"""The client's address, as far as the trusted proxies name the client."""

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

IPAddress = IPv4Address | IPv6Address

IPV6_PREFIX: Final = 64
"""The least that one customer is given: to count a customer's single addresses is no limit."""


class Proxies:
    """The trusted proxies.  Any other sender may make up the headers about a client's address."""

    def __init__(self, trusted: Sequence[str]) -> None:
        """`trusted` are addresses and networks."""
        self._trusted = [ip_network(each) for each in trusted]

    def client(self, peer: str, hops: Sequence[str]) -> str:
        """The client's address; `peer` is connected, and `hops` are the addresses in the headers.

        Each proxy appends the address of the former sender, so the client is the last address
        that is no trusted proxy.
        """
        left = [*hops]
        client = peer
        while self.trusts(client) and left and (before := parse_address(left.pop())):
            client = str(before)
        return str(parse_address(client) or client)

    def trusts(self, peer: str) -> bool:
        """Whether `peer` is a trusted proxy."""
        address = parse_address(peer) if self._trusted else None
        return address is not None and any(address in network for network in self._trusted)


@lru_cache(maxsize=4096)  # every request asks for the same few addresses
def parse_address(text: str) -> IPAddress | None:
    """The address in `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1` or `[2001:db8::1]:80`, or None."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


@lru_cache(maxsize=4096)
def ip_subject(address: str) -> str:
    """The name under which an address is counted and banned; of IPv6 the network counts."""
    found = parse_address(address)
    if isinstance(found, IPv6Address):
        packed = int(found) >> IPV6_PREFIX << IPV6_PREFIX  # without a zone, which is the link's
        return f"ip:{IPv6Address(packed)}/{IPV6_PREFIX}"
    return f"ip:{found or address}"


def user_subject(user: str) -> str:
    return f"user:{user}"
