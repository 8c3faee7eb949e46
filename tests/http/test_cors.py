"""Other sites' pages: refused by default; a configured site's page needs a token."""

import pytest

from tests.support.http.client import Client, Reply, bearer
from tests.support.http.runtime import open_client

NAMED = "https://chat.example.com"
OTHER = "https://evil.example"
API, OPENAI = "/api/models", "/v1/models"


async def preflight(client: Client, path: str, origin: str) -> Reply:
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,x-stainless-lang",
    }
    return await Client(client.app, {}).ask("OPTIONS", path, headers=asked)


def sharing(reply: Reply) -> dict[str, str]:
    return {name: each for name, each in reply.headers.items() if name.startswith("access-control")}


@pytest.mark.parametrize("path", [API, OPENAI, "/"])
async def test_without_named_origins_no_other_site_is_told_anything(ann: Client, path: str) -> None:
    asked = await ann.get(path, Origin=OTHER)
    flown = await preflight(ann, path, OTHER)

    assert sharing(asked) == sharing(flown) == {}
    assert "Origin" not in asked.headers.get("vary", "")


async def test_a_named_site_may_read_replies_and_refusals() -> None:
    async with open_client(cors_origins=(NAMED,)) as ann:
        reply = await ann.get(API, Origin=NAMED)
        refusal = await Client(ann.app, {}).get(API, Origin=NAMED)

    assert (reply.status, refusal.status) == (200, 401)
    assert sharing(reply) == sharing(refusal)
    assert sharing(reply)["access-control-allow-origin"] == NAMED
    assert {"X-Legato-Job", "X-Request-ID", "Retry-After"} <= set(
        sharing(reply)["access-control-expose-headers"].split(", ")
    )
    assert reply.headers["vary"] == "Origin"


@pytest.mark.parametrize("path", [API, OPENAI])
async def test_a_preflight_needs_no_token_and_says_what_a_page_may_send(path: str) -> None:
    async with open_client(cors_origins=(NAMED,)) as ann:
        reply = await preflight(ann, path, NAMED)

    assert (reply.status, reply.text) == (204, "")
    assert sharing(reply)["access-control-allow-origin"] == NAMED
    assert "DELETE" in sharing(reply)["access-control-allow-methods"]
    headers = sharing(reply)["access-control-allow-headers"].split(", ")
    assert {"Authorization", "Last-Event-ID", "*"} <= set(headers)


async def test_a_site_that_is_not_named_may_not() -> None:
    async with open_client(cors_origins=(NAMED,)) as ann:
        for origin in (OTHER, NAMED + ":8443", NAMED + ".evil.example", "null", NAMED.upper()):
            replies = [await ann.get(API, Origin=origin), await preflight(ann, API, origin)]
            assert all(sharing(reply) == {} for reply in replies)
            assert all(reply.headers["vary"] == "Origin" for reply in replies)


async def test_every_site_is_one_at_openais_apis_only() -> None:
    async with open_client(cors_origins=("*",)) as ann:
        openai = await ann.get(OPENAI, Origin=OTHER)
        flown = await preflight(ann, OPENAI, OTHER)
        elsewhere = [await ann.get(path, Origin=OTHER) for path in (API, "/", "/login")]

    assert sharing(openai)["access-control-allow-origin"] == "*"
    assert sharing(flown)["access-control-allow-origin"] == "*"
    assert [sharing(reply) for reply in elsewhere] == [{}, {}, {}]


@pytest.mark.parametrize("origins", [(NAMED,), ("*",), (NAMED, "*")])
async def test_nobodys_cookies_are_good_elsewhere(origins: tuple[str, ...]) -> None:
    async with open_client(cors_origins=origins) as ann:
        cookie = {"Cookie": f"legato_session={ann.app.authenticator.session('ann')}"}
        replies = [await ann.get(path, Origin=NAMED) for path in (API, OPENAI)]
        start = await Client(ann.app, cookie).ask(
            "POST", "/api/agents/chat", {"text": "Hi"}, headers={"Origin": NAMED}
        )

    assert not any("access-control-allow-credentials" in reply.headers for reply in replies)
    assert (start.status, start.body["error"]) == (403, "Forbidden origin")


async def test_options_that_are_no_preflight_are_answered_as_ever() -> None:
    async with open_client(cors_origins=(NAMED,)) as ann:
        reply = await ann.ask("OPTIONS", "/healthz", headers=bearer("ann"))

    assert (reply.status, "allow" in reply.headers) == (200, True)
