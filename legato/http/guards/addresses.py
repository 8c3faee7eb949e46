"""Where a request comes from, as far as those that passed it on can be believed."""

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

Address = IPv4Address | IPv6Address

IPV6_PREFIX: Final = 64
"""What one customer is given, at least: to count single addresses of theirs would count nothing."""


class Proxies:
    """Those whose word counts.  What anybody else says of a client's address is made up."""

    def __init__(self, trusted: Sequence[str]) -> None:
        """`trusted` are addresses and networks."""
        self._trusted = [ip_network(each) for each in trusted]

    def client(self, peer: str, hops: Sequence[str]) -> str:
        """The client's address, where `peer` is connected and `hops` is whom each proxy named.

        Each proxy appends whom it talked to; so the last one that is no proxy of ours is it.
        """
        left = [*hops]
        client = peer
        while self.trusts(client) and left and (before := parse_address(left.pop())):
            client = str(before)
        return str(parse_address(client) or client)

    def trusts(self, peer: str) -> bool:
        """Whether it is one of them."""
        address = parse_address(peer) if self._trusted else None
        return address is not None and any(address in network for network in self._trusted)


@lru_cache(maxsize=4096)  # for each request the same few are asked for again and again
def parse_address(text: str) -> Address | None:
    """Of `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]:80`; None where it is none."""
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


def ip_subject(address: str) -> str:
    """Under what name it is counted and banned: an IPv6 address as its network."""
    found = parse_address(address)
    if isinstance(found, IPv6Address):
        packed = int(found) >> IPV6_PREFIX << IPV6_PREFIX  # without a zone, which is the link's
        return f"ip:{IPv6Address(packed)}/{IPV6_PREFIX}"
    return f"ip:{found or address}"


def user_subject(user: str) -> str:
    return f"user:{user}"
