"""The client's address: only a trusted proxy may name a different address."""

import pytest

from legato.http.guards.addresses import ip_subject
from tests.support.http.guards import Guest, open_door

PROXY = "10.0.0.1"


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
    """By default nginx sends as `Host` the name under which nginx knows this server."""
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
