import pytest

from legato.http.guards.addresses import Proxies
from legato.http.server.transport.limit import ConnectionLimit, Full

PROXIES = Proxies(["10.0.0.0/8"])


def test_no_address_has_more_than_its_share() -> None:
    limit = ConnectionLimit(10, 2, PROXIES.trusts)
    found = [limit.enter(f"198.51.100.{last}") for last in (1, 1, 1, 2)]

    assert found == [None, None, Full.ADDRESS, None]
    assert limit.open == 3


def test_a_network_of_ipv6_is_one_address() -> None:
    limit = ConnectionLimit(10, 1, PROXIES.trusts)
    found = [limit.enter(f"2001:db8:{last}") for last in ("0:1::1", "0:1::2", "0:2::1")]

    assert found == [None, Full.ADDRESS, None]


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::ffff:127.0.0.1", "10.1.2.3", ""])
def test_behind_a_proxy_are_many(address: str) -> None:
    limit = ConnectionLimit(5, 1, PROXIES.trusts)

    assert [limit.enter(address) for _ in range(6)] == [None] * 5 + [Full.PROCESS]


def test_who_leaves_makes_room() -> None:
    limit = ConnectionLimit(2, 1, PROXIES.trusts)
    for _ in range(3):
        assert limit.enter("198.51.100.1") is None
        limit.leave("198.51.100.1")

    assert limit.open == 0
    assert limit.enter("198.51.100.1") is None
