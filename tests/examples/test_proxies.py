"""The proxies of `examples/`: real ones, before a real server."""

import json
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import pytest
import trio
import trio_websocket
from msgspec.structs import replace

from legato.config import Guards
from tests.support.http.live_server import SETTINGS, LiveServer, live_server
from tests.support.http.raw_client import START, RawClient, text_of
from tests.support.openai.asked import PATH, scripted
from tests.support.openai.sockets import Talker
from tests.support.proxies import HOST, PROXIES, Files, Proxied, make_certificate, proxied

TRUSTED = replace(SETTINGS, guards=Guards(trusted_proxies=("127.0.0.1",), starts_per_ip="1/minute"))
PLENTY = replace(SETTINGS, guards=Guards(trusted_proxies=("127.0.0.1",)))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(params=PROXIES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def server() -> AsyncIterator[LiveServer]:
    async with live_server(PLENTY, models=scripted()) as server:
        yield server


@pytest.fixture
async def proxy(
    name: str, server: LiveServer, tmp_path: Path, files: Files
) -> AsyncIterator[Proxied]:
    async with proxied(name, server.port, tmp_path, files) as proxy:
        yield proxy


async def test_each_token_comes_at_once(server: LiveServer, proxy: Proxied) -> None:
    started = await proxy.start("held", tokens=3)
    async with await proxy.follow(started) as reader:
        frames: list[bytes] = []
        while text_of(frames) != "w0 w1 w2 ":  # and it does not end before it is let go
            frame = await reader.frame()
            assert frame is not None
            frames.append(frame)
        server.let_go()
        while await reader.frame():
            pass


async def test_a_websocket_has_its_turns(proxy: Proxied) -> None:
    headers = [(b"Authorization", f"Bearer {proxy.token}".encode())]
    stream = await proxy.secured()
    async with stream, trio.open_nursery() as nursery:
        socket = await trio_websocket.wrap_client_stream(
            nursery, stream, HOST, PATH, extra_headers=headers
        )
        async with socket:
            ann = Talker(socket)
            first = await ann.turn()
            second = await ann.turn(previous_response_id=first["id"])

    assert second["status"] == "completed"


async def test_only_the_proxy_says_where_a_client_is(
    name: str, tmp_path: Path, files: Files
) -> None:
    async with live_server(TRUSTED) as server, proxied(name, server.port, tmp_path, files) as proxy:
        forged = [("X-Forwarded-For", "198.51.100.7"), ("Forwarded", "for=198.51.100.7")]
        found = [
            await start(proxy, "127.0.0.2"),
            await start(proxy, "127.0.0.2", *forged),
            await start(proxy, "127.0.0.3"),
        ]

    assert found == [200, 429, 200]


async def start(proxy: Proxied, address: str, *headers: tuple[str, str]) -> int:
    body = {"text": "Hi", "model": "scripted", "conversationId": str(uuid4())}
    async with await proxy.connect(address=address) as client:
        await client.ask("POST", START, *headers, body=json.dumps(body).encode())
        return (await client.head()).status_code


async def test_the_page_may_change_things_from_its_own_origin_alone(proxy: Proxied) -> None:
    found = []
    async with await proxy.connect() as client:
        await client.ask("GET", f"/login?token={proxy.token}")
        logged_in = await client.head()
    cookie = dict(logged_in.headers)[b"set-cookie"].decode()
    for origin in (f"https://{HOST}", "https://evil.example.com"):
        async with await proxy.connect() as client:
            session = f"Cookie: {cookie.partition(';')[0]}"
            head = head_of("POST", START, f"Origin: {origin}", session, length=2)
            await client.stream.send_all(head + b"{}")
            found.append(await status_of(client))

    assert "; Secure" in cookie
    assert found == [400, 403], "without a text, but let in; not let in"


async def test_nothing_but_a_websocket_is_upgraded(proxy: Proxied) -> None:
    async with await proxy.connect() as client:
        await client.ask(
            "GET",
            "/healthz",
            ("Connection", "Upgrade, HTTP2-Settings"),
            ("Upgrade", "h2c"),
            ("HTTP2-Settings", "AAMAAABkAAQAoAAAAAIAAAAA"),
        )
        assert (await client.head()).status_code == 200


async def test_metrics_are_not_passed_on(proxy: Proxied) -> None:
    async with await proxy.connect() as client:
        await client.ask("GET", "/metrics")
        assert (await client.head()).status_code == 404


async def test_a_body_may_be_as_large_as_legatos_and_no_larger(proxy: Proxied) -> None:
    most = PLENTY.limits.max_body_bytes
    async with await proxy.connect() as client:
        await client.ask("POST", START, body=b"{}".ljust(most))
        taken = (await client.head()).status_code
    async with await proxy.connect() as client, trio.open_nursery() as nursery:
        head = head_of("POST", START, f"Authorization: Bearer {proxy.token}", length=most + 1024)
        nursery.start_soon(send, client, head + b"{}".ljust(most + 1024))
        refused = await status_of(client)
        nursery.cancel_scope.cancel()

    assert (taken, refused) == (400, 413), "without a text, but read; not read"


def head_of(method: str, path: str, *headers: str, length: int) -> bytes:
    """A request's bytes up to its body."""
    lines = (f"{method} {path} HTTP/1.1", f"Host: {HOST}", *headers, f"Content-Length: {length}")
    return "\r\n".join([*lines, "", ""]).encode()


async def send(client: RawClient, data: bytes) -> None:
    """As much of it as is taken: who refuses it need not read it."""
    with suppress(trio.BrokenResourceError):
        await client.stream.send_all(data)


async def status_of(client: RawClient) -> int:
    return int((await client.receive_until(b"\r\n")).split()[1])


async def test_http_leads_to_https(proxy: Proxied) -> None:
    async with await trio.open_tcp_stream("127.0.0.1", proxy.plain) as stream:
        await stream.send_all(f"GET /c/x?y=z HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
        head = await stream.receive_some()

    assert head.startswith(b"HTTP/1.1 308")
    assert f"location: https://{HOST}".encode() in head.lower()
