"""Files that are the same for everybody are made once, and not sent again to a client's cache."""

import gzip
import re
import threading
from pathlib import Path

import pytest
import trio
from quart import Response
from trio.testing import wait_all_tasks_blocked

from legato.http import description
from legato.http.assets import FOR_EVER, Assets, Folder
from legato.http.openapi import Description
from tests.support.http.client import Client, everything
from tests.support.http.runtime import open_client
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


@pytest.mark.parametrize("accepted", ["gzip", "br, gzip;q=0.5", "*"])
async def test_who_takes_gzip_is_sent_less(nobody: Client, accepted: str) -> None:
    path = "/static/js/conversation.js"
    plain = await nobody.get(path)
    connection = nobody.connect("GET", path, {"Accept-Encoding": accepted})
    async with connection:
        await connection.send_complete()
        packed = await everything(connection)
    headers = dict(connection.headers or {})

    assert headers["content-encoding"] == "gzip"
    assert headers["vary"] == plain.headers["vary"] == "Accept-Encoding"
    assert headers["etag"] == plain.headers["etag"]
    assert gzip.decompress(packed).decode() == plain.text
    assert len(packed) < len(plain.text) / 2


@pytest.mark.parametrize("accepted", ["", "br", "gzip;q=0", "identity", "gzip, " * 500])
async def test_who_does_not_take_gzip_is_sent_none(nobody: Client, accepted: str) -> None:
    reply = await nobody.get("/static/js/conversation.js", **{"Accept-Encoding": accepted})

    assert "content-encoding" not in reply.headers


async def test_a_file_that_gzip_makes_no_smaller_is_sent_as_it_is(nobody: Client) -> None:
    for path in ("/static/icon.svg", "/docs/favicon-32x32.png"):
        reply = await nobody.get(path, **{"Accept-Encoding": "gzip"})
        assert "content-encoding" not in reply.headers
        assert not reply.headers["etag"].startswith("W/")


async def test_the_page_below_a_path_is_not_sent_again_either() -> None:
    async with open_client(base_path="/llm") as ann:
        first = await ann.get("/llm/")
        again = await ann.get("/llm/", **{"If-None-Match": first.headers["etag"]})

    assert first.headers["cache-control"] == "no-cache"
    assert re.search('href="/llm/static/[0-9a-f]{16}/css/base.css"', first.text)
    assert (again.status, again.text) == (304, "")


async def test_files_of_the_page_are_kept_for_ever_below_their_version(nobody: Client) -> None:
    page = await nobody.get("/")
    paths = re.findall('(?:href|src)="(/static/[^"]+)"', page.text)
    replies = [await nobody.get(path) for path in paths]
    other = await nobody.get(re.sub("[0-9a-f]{16}", "0123456789abcdef", paths[0]))
    nothing = await nobody.get(paths[0] + "x")

    assert {each.split("/")[-1] for each in paths} > {"base.css", "app.js", "theme.js", "icon.svg"}
    for reply in replies:
        assert (reply.status, reply.headers["cache-control"]) == (200, FOR_EVER)
    assert (other.status, other.headers["cache-control"]) == (200, "no-cache")
    assert other.text == (await nobody.get(paths[0])).text
    assert nothing.status == 404


def test_the_version_is_that_of_all_names_and_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    first = Folder(tmp_path).version
    same = Folder(tmp_path).version
    (tmp_path / "a").write_text("2")
    changed = Folder(tmp_path).version
    (tmp_path / "a").rename(tmp_path / "b")
    renamed = Folder(tmp_path).version

    assert same == first
    assert len({first, changed, renamed}) == 3


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
    await nobody.get("/")
    made = dict(nobody.app.assets._made)
    await nobody.get("/c/x")

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
