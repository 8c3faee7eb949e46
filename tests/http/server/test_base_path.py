"""Legato below a path of a site, behind proxies that take the path off and proxies that do not."""

from urllib.parse import urljoin

import pytest
from msgspec import json
from msgspec.structs import replace

from legato.http.auth.authenticator import SESSION_COOKIE
from legato.http.server.asgi import path_of
from tests.support.http.client import Client, bearer
from tests.support.http.live_server import SETTINGS, live_server
from tests.support.http.runtime import open_client
from tests.support.http.sessions import HOME, submit

BASE = "/llm"
ROADS = pytest.mark.parametrize("road", ["", BASE], ids=["taken off", "left there"])
"""What a proxy makes of the base path, before this server sees it."""


@ROADS
async def test_the_page_finds_all_that_is_its_own(road: str) -> None:
    async with open_client(base_path=BASE) as ann:
        for path in ("/", "/c/6ba7b810-9dad-41d1-80b4-00c04fd430c8", "/inspect", "/inspect/x"):
            reply = await ann.get(road + path)
            assert reply.status == 200
            addresses = [part.partition('"')[0] for part in reply.text.split('="/')[1:]]
            assert len(addresses) >= 5
            for address in addresses:
                assert address.startswith("llm/")
                found = await ann.get(f"{road}/{address.removeprefix('llm/')}")
                assert found.status in (200, 303, 401), address


@ROADS
async def test_the_description_says_where_the_routes_are(road: str) -> None:
    async with open_client(base_path=BASE) as ann:
        docs = await ann.get(f"{road}/docs")
        described = json.decode((await ann.get(f"{road}/openapi.json")).text)

    assert described["servers"] == [{"url": BASE}]
    assert 'href="openapi.json"' in docs.text
    assert (
        urljoin(f"https://x{BASE}/docs", "docs/swagger-ui.css")
        == "https://x/llm/docs/swagger-ui.css"
    )


@ROADS
async def test_a_session_is_for_the_path_and_works_there(road: str) -> None:
    async with open_client(base_path=BASE) as ann:
        nobody = Client(ann.app, {})
        token = bearer("ann")["Authorization"].removeprefix("Bearer ")
        reply = await submit(nobody, place=f"{road}/login", token=token)
        cookie = {"Cookie": reply.headers["set-cookie"].split(";")[0], "Origin": HOME}
        started = await nobody.ask(
            "POST", f"{road}/api/agents/chat", {"text": "Hi"}, headers=cookie
        )
        asked = await nobody.ask(
            "GET", f"{road}/login?token={token}", headers={"Accept": "text/html"}
        )
        over = await nobody.ask("POST", f"{road}/logout", headers=cookie)

    assert (reply.status, reply.headers["location"]) == (303, "/llm/")
    assert "; Path=/llm/;" in reply.headers["set-cookie"]
    assert (started.status, over.status) == (200, 204)
    assert over.headers["set-cookie"].startswith(f"{SESSION_COOKIE}=; Max-Age=0; Path=/llm/;")
    assert 'action="/llm/login"' in asked.text


@ROADS
async def test_nothing_is_unguarded_below_the_path(road: str) -> None:
    async with open_client(base_path=BASE) as ann:
        nobody = Client(ann.app, {})
        for path in ("/api/models", "/v1/models", "/api/unknown"):
            assert (await nobody.get(road + path)).status == 401
        for path in ("//api/models", "//llm/api/models", "/llm//api/models", "/llmapi/models"):
            assert (await nobody.get(road + path)).status == 404


@ROADS
async def test_a_stream_is_followed_below_the_path_over_a_socket(road: str) -> None:
    settings = replace(SETTINGS, base_path=BASE)
    async with live_server(settings) as server, await server.connect() as client:
        body = {"text": "Hi", "model_parameters": {"tokens": 3, "rate": 0}}
        started = await client.json("POST", f"{road}/api/agents/chat", body)
        await client.ask("GET", f"{road}/api/agents/chat/stream/{started['streamId']}")
        assert (await client.head()).status_code == 200
        assert b'"final":true' in await client.body()


@pytest.mark.parametrize(
    ("base", "target", "path"),
    [
        ("", "/api/x", "/api/x"),
        ("", "", "/"),
        ("", "http://x", "/"),
        ("", "http://x/api/x", "/api/x"),
        ("", "http://x//api/x", "/.//api/x"),
        ("", "http://[x", "/."),
        ("", "//metrics", "/.//metrics"),
        ("", "///metrics", "/.///metrics"),
        ("", "metrics", "/.metrics"),
        ("", "*", "/.*"),
        ("/llm", "/llm", "/"),
        ("/llm", "/llm/", "/"),
        ("/llm", "http://x/llm/y", "/y"),
        ("/llm", "/llm//metrics", "/.//metrics"),
        ("/llm", "/llm/llm/x", "/llm/x"),
        ("/llm", "/llmx", "/llmx"),
        ("/llm", "/x/llm", "/x/llm"),
        ("/a/b", "/a/b/c/d", "/c/d"),
        ("/a/b", "/a", "/a"),
    ],
)
def test_only_the_whole_path_is_taken_off(base: str, target: str, path: str) -> None:
    assert path_of(target, base) == path


@pytest.mark.parametrize("target", ["//metrics", "///metrics", "http://[x", "/%2fmetrics", "*"])
async def test_no_other_address_leads_to_a_route(target: str) -> None:
    async with live_server() as server, await server.connect() as client:
        await client.ask("GET", target)
        assert (await client.head()).status_code in (400, 404)
        await client.body()
