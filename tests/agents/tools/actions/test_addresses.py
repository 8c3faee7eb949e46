import socket
from typing import Any

import pytest
import trio

from legato.agents.tools.actions.addresses import Forbidden, chosen, is_public, resolved


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1"),
        *("169.254.169.254", "100.64.0.1", "224.0.0.1", "255.255.255.255", "192.0.2.1"),
        *("::1", "::", "fe80::1%eth0", "fc00::1", "fd12::1", "ff02::1", "fec0::1"),
        *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "2002:7f00:1::", "64:ff9b::a00:1"),
        *("::127.0.0.1", "::ffff:0:127.0.0.1", "64:ff9b:1::a00:1", "2001:0:7f00:1::"),
        *("168.63.129.16", "::ffff:168.63.129.16", "fd00:ec2::254", "100.100.100.200"),
    ],
)
def test_addresses_inside_networks_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"]
)
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert is_public(address)


def test_the_first_public_address_of_a_name_is_chosen() -> None:
    assert chosen("x", ["127.0.0.1", "1.1.1.1"], allow_private=False) == "1.1.1.1"
    assert chosen("x", ["127.0.0.1", "1.1.1.1"], allow_private=True) == "127.0.0.1"
    with pytest.raises(Forbidden, match="x is at an address inside a network"):
        chosen("x", ["127.0.0.1"], allow_private=False)


async def test_a_name_that_leads_inside_is_refused() -> None:
    assert await resolved("localhost", 80, allow_private=True) in ("127.0.0.1", "::1")
    with pytest.raises(Forbidden, match="localhost is at an address inside a network"):
        await resolved("localhost", 80, allow_private=False)
    with pytest.raises(Forbidden, match=r"no\.such\.name\.invalid cannot be found"):
        await resolved("no.such.name.invalid", 80, allow_private=True)
    # Systems read numbers in many ways: what they make of these is judged, not the text.
    for spelled in ("0x7f000001", "2130706433", "127.1"):
        with pytest.raises(Forbidden):
            await resolved(spelled, 80, allow_private=False)


class Answers(trio.abc.HostnameResolver):
    """A DNS that says what a test wants."""

    def __init__(self, *addresses: str) -> None:
        self._addresses = addresses

    async def getaddrinfo(self, host: Any, port: Any, *_: int, **__: int) -> Any:
        await trio.lowlevel.checkpoint()
        kind = socket.SOCK_STREAM
        return [
            (socket.AF_INET6 if ":" in each else socket.AF_INET, kind, 6, "", (each, port))
            for each in self._addresses
        ]

    async def getnameinfo(self, sockaddr: Any, flags: int) -> tuple[str, str]:
        raise NotImplementedError


@pytest.mark.parametrize(
    "inside", ["127.0.0.1", "::ffff:127.0.0.1", "169.254.169.254", "10.0.0.1", "::1", "0.0.0.0"]
)
async def test_a_name_in_somebodys_dns_that_leads_inside_is_refused(inside: str) -> None:
    trio.socket.set_custom_hostname_resolver(Answers(inside))
    with pytest.raises(Forbidden, match="at an address inside a network"):
        await resolved("api.example.com", 443, allow_private=False)
    trio.socket.set_custom_hostname_resolver(Answers(inside, "1.1.1.1"))

    assert await resolved("api.example.com", 443, allow_private=False) == "1.1.1.1"


async def test_a_host_that_no_dns_takes_is_not_found() -> None:
    with pytest.raises(Forbidden, match="cannot be found"):
        await resolved("a" * 64 + ".example", 443, allow_private=False)
