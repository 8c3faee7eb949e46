"""Whence a request comes, and who may say so."""

import pytest

from legato.http.guards.addresses import Proxies, ip_subject
from tests.support.http.guards import Guest, open_door

PROXY = "10.0.0.1"


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("192.0.2.1", [], "192.0.2.1"),
        ("192.0.2.1", ["203.0.113.9"], "192.0.2.1"),  # nobody asked them
        (PROXY, [], PROXY),
        (PROXY, ["192.0.2.1"], "192.0.2.1"),
        (PROXY, ["203.0.113.9, 192.0.2.1"], "192.0.2.1"),  # the first is made up
        (PROXY, ["192.0.2.1, 10.0.0.2"], "192.0.2.1"),
        (PROXY, ["203.0.113.9", "192.0.2.1,10.0.0.2"], "192.0.2.1"),
        (PROXY, ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        (PROXY, ["192.0.2.1, nonsense"], PROXY),
        (PROXY, [""], PROXY),
        (PROXY, ["192.0.2.1:4711"], "192.0.2.1"),
        (PROXY, ["[2001:db8::1]:4711"], "2001:db8::1"),
        ("::ffff:10.0.0.1", ["192.0.2.1"], "192.0.2.1"),
        ("fd00::7", ["192.0.2.1"], "192.0.2.1"),
        ("<local>", ["192.0.2.1"], "<local>"),
        ("", [], ""),
    ],
)
def test_the_last_that_is_no_proxy_of_ours_is_the_client(
    peer: str, forwarded: list[str], client: str
) -> None:
    assert Proxies(["10.0.0.0/8", "fd00::7"]).address(peer, forwarded) == client


def test_without_proxies_nobody_is_believed() -> None:
    proxies = Proxies([])

    assert proxies.address(PROXY, ["192.0.2.1"]) == PROXY
    assert proxies.scheme(PROXY, "http", ["https"]) == "http"


@pytest.mark.parametrize(
    ("peer", "own", "said", "scheme"),
    [
        (PROXY, "http", ["https"], "https"),
        (PROXY, "http", ["http, HTTPS "], "https"),
        (PROXY, "https", ["http"], "http"),
        (PROXY, "http", [], "http"),
        (PROXY, "http", ["gopher"], "http"),
        ("192.0.2.1", "http", ["https"], "http"),
    ],
)
def test_a_proxy_says_how_the_client_came(
    peer: str, own: str, said: list[str], scheme: str
) -> None:
    assert Proxies([PROXY]).scheme(peer, own, said) == scheme


@pytest.mark.parametrize(
    ("peer", "said", "host"),
    [
        (PROXY, ["chat.example.com"], "chat.example.com"),
        (PROXY, ["made.up, chat.example.com:8443 "], "chat.example.com:8443"),
        (PROXY, ["made.up", "chat.example.com"], "chat.example.com"),
        (PROXY, [], "backend:8000"),
        (PROXY, [""], "backend:8000"),
        ("192.0.2.1", ["chat.example.com"], "backend:8000"),
    ],
)
def test_a_proxy_says_under_which_name_it_was_asked(peer: str, said: list[str], host: str) -> None:
    assert Proxies([PROXY]).host(peer, "backend:8000", said) == host


@pytest.mark.parametrize(
    ("address", "subject"),
    [
        ("192.0.2.1", "ip:192.0.2.1"),
        ("2001:db8:1:2:3::4", "ip:2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "ip:2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "ip:192.0.2.1"),
        ("fe80::1%eth0", "ip:fe80::/64"),
        ("<local>", "ip:<local>"),
    ],
)
def test_ipv6_is_counted_by_network(address: str, subject: str) -> None:
    assert ip_subject(address) == subject


async def cookie_post(guest: Guest, **headers: str) -> int:
    session = guest.app.authenticator.session("ann")
    sent = {"Cookie": f"legato_session={session}", "Origin": "https://localhost"} | headers
    return (await guest.ask("POST", "/api/agents/chat", {"text": "Hi"}, headers=sent)).status


async def test_behind_a_tls_proxy_the_pages_origin_is_https() -> None:
    async with open_door(trusted_proxies=(PROXY,)) as door:
        proxied = {"X-Forwarded-Proto": "https"}

        assert await cookie_post(door.guest(None, PROXY), **proxied) == 200
        assert await cookie_post(door.guest(None, PROXY)) == 403
        assert await cookie_post(door.guest(None), **proxied) == 403


async def test_behind_a_proxy_that_asks_under_another_name_the_page_is_at_home() -> None:
    """As nginx does by default: `Host` is then the name by which it knows this server."""
    page = {"Host": "backend:8000", "Origin": "https://chat.example.com"}
    proxied = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "chat.example.com"}
    async with open_door(trusted_proxies=(PROXY,)) as door:
        assert await cookie_post(door.guest(None, PROXY), **page, **proxied) == 200
        assert await cookie_post(door.guest(None, PROXY), **page) == 403
        assert await cookie_post(door.guest(None), **page, **proxied) == 403
        elsewhere = proxied | {"X-Forwarded-Host": "other.example.com"}
        assert await cookie_post(door.guest(None, PROXY), **page, **elsewhere) == 403


async def test_behind_a_tls_proxy_the_session_is_for_tls_only() -> None:
    async with open_door(trusted_proxies=(PROXY,)) as door:
        path = f"/login?token={door.app.logins.issue('ann', float('-inf'))}"
        found = []
        for address in (PROXY, "192.0.2.1"):
            path = f"/login?token={door.app.logins.issue('ann', 1e12)}"
            reply = await door.guest(None, address).get(path, **{"X-Forwarded-Proto": "https"})
            found.append("Secure" in reply.headers["set-cookie"])

    assert found == [True, False]
