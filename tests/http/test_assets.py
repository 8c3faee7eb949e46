"""Files that are the same for everybody are made once, and not sent again to a client's cache."""

import threading

import pytest
import trio
from quart import Response
from trio.testing import wait_all_tasks_blocked

from legato.http import description
from legato.http.assets import Assets
from legato.http.openapi import Description
from tests.support.http.client import Client
from tests.support.http.server_process import DEADLINE

PLACES = ["/", "/c/x", "/docs", "/docs/swagger-ui.css", "/static/index.html", "/openapi.json"]


@pytest.mark.parametrize("path", PLACES)
async def test_whoever_has_it_is_told_so(nobody: Client, path: str) -> None:
    first = await nobody.get(path)
    known = {"If-None-Match": first.headers["etag"]}
    again = await nobody.ask("GET", path, headers=known)
    other = await nobody.ask("GET", path, headers={"If-None-Match": '"another"'})

    assert first.status == 200
    assert first.headers["cache-control"] == "no-cache"
    assert (again.status, again.text) == (304, "")
    assert (other.status, other.text) == (200, first.text)


async def test_the_description_is_made_once(
    nobody: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    schema = Description.schema

    def counted(self: Description) -> object:
        made.append(self)
        return schema(self)

    monkeypatch.setattr(Description, "schema", counted)
    for _ in range(3):
        await nobody.get(f"/{description.NAME}")

    assert len(made) == 1


async def test_files_are_read_once(nobody: Client) -> None:
    await nobody.get("/static/index.html")
    made = dict(nobody.app.assets._made)
    await nobody.get("/")

    assert nobody.app.assets._made == made
    assert [each.media_type for each in made.values()] == ["text/html"]


async def test_what_many_ask_for_at_once_is_made_once(nobody: Client) -> None:
    asked = 0
    all_wait = threading.Event()

    def make() -> bytes:
        nonlocal asked
        asked += 1
        all_wait.wait(DEADLINE)
        return b"made"

    async def ask() -> None:
        async with nobody.app.test_request_context("/"):
            replies.append(await assets.reply("x.txt", make))

    assets, replies = Assets(), list[Response]()
    async with trio.open_nursery() as nursery:
        for _ in range(10):
            nursery.start_soon(ask)
        await wait_all_tasks_blocked()
        all_wait.set()

    assert (len(replies), asked) == (10, 1)


async def test_what_could_not_be_made_is_made_for_the_next_who_asks(nobody: Client) -> None:
    failures = [OSError("gone")]

    def make() -> bytes:
        if failures:
            raise failures.pop()
        return b"made"

    assets = Assets()
    async with nobody.app.test_request_context("/"):
        with pytest.raises(OSError, match="gone"):
            await assets.reply("x.txt", make)
        response = await assets.reply("x.txt", make)

    assert await response.get_data() == b"made"
