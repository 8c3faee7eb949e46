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

    def address(self, peer: str, forwarded: Sequence[str]) -> str:
        """The client's, where `peer` is connected and `forwarded` its X-Forwarded-For headers.

        Each proxy appends whom it talked to; so the last one that is no proxy of ours is it.
        """
        hops = [hop.strip() for header in forwarded for hop in header.split(",")]
        client = peer
        while self.trusts(client) and hops and (before := parse_address(hops.pop())):
            client = str(before)
        return str(parse_address(client) or client)

    def scheme(self, peer: str, own: str, forwarded: Sequence[str]) -> str:
        """http or https: `own` of the connection, unless a proxy says (X-Forwarded-Proto)."""
        said = _last(forwarded).lower()
        return said if said in ("http", "https") and self.trusts(peer) else own

    def host(self, peer: str, own: str, forwarded: Sequence[str]) -> str:
        """host[:port]: `own` of the request, unless a proxy says (X-Forwarded-Host)."""
        said = _last(forwarded)
        return said if said and self.trusts(peer) else own

    def trusts(self, peer: str) -> bool:
        """Whether it is one of them."""
        address = parse_address(peer) if self._trusted else None
        return address is not None and any(address in network for network in self._trusted)


def _last(forwarded: Sequence[str]) -> str:
    """What the proxy that is next to us says; what stands before that, anybody may have said."""
    return forwarded[-1].rpartition(",")[2].strip() if forwarded else ""


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
