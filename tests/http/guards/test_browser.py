"""The `User-Agent` headers of browsers, and of programs."""

import pytest

from legato.http.guards.browser import is_browser
from tests.support.http.guards import ELSEWHERE, open_door

CHROME = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/120.0.0.0 Safari/537.36"
)


@pytest.mark.parametrize(
    "agent",
    [
        CHROME,
        "Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
        "Gecko) Version/17.0 Mobile/15E148 Safari/604.1",
        f"{CHROME} Edg/120.0.2210.91",
    ],
)
def test_a_browser_is_known(agent: str) -> None:
    assert is_browser(agent)


@pytest.mark.parametrize(
    "agent",
    [
        "",
        "Mozilla/5.0",
        "python-requests/2.31.0",
        "python-httpx/0.27.0",
        "Python/3.11 aiohttp/3.9.1",
        "curl/8.4.0",
        "PostmanRuntime/7.36.0",
        "Go-http-client/1.1",
        "okhttp/4.9.2",
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "(" * 100_000,
    ],
)
def test_a_program_is_no_browser(agent: str) -> None:
    assert not is_browser(agent)


async def test_where_a_browser_is_required_no_program_chats() -> None:
    async with open_door(require_browser=True) as door:
        program = door.guest("ann", User_Agent="curl/8.4.0")
        refused = await program.try_start()
        silent = await door.guest("ann").get("/api/agents/chat/active")

        assert (refused.status, refused.body["error"]) == (403, "Illegal request")
        assert refused.body["type"] == "non_browser"
        assert refused.body["score"] == 20
        assert silent.status == 403
        assert (await program.get("/api/convos")).status == 200
        assert (await program.get("/v1/models")).status != 403
        assert (await door.guest("ann", User_Agent=CHROME).try_start()).status == 200


async def test_one_try_of_a_program_may_be_enough_for_a_ban() -> None:
    async with open_door(require_browser=True, ban_score=20) as door:
        await door.guest("ann", User_Agent="curl/8.4.0").try_start()

        assert (await door.guest("ann", ELSEWHERE, User_Agent=CHROME).try_start()).status == 403


async def test_where_none_is_required_anything_may_chat() -> None:
    async with open_door() as door:
        assert (await door.guest("ann", User_Agent="curl/8.4.0").try_start()).status == 200
