"""The real process: the start, the log, the end on a signal, and the files that are left."""

import json
import re
import signal
import socket
from pathlib import Path

import pytest
import trio

from legato.content import text_of as stored_text_of
from legato.http.server.server import GRACE
from legato.storage.open import open_records
from tests.support.http.live_server import until
from tests.support.http.raw_client import START, Cut, RawClient, text_of
from tests.support.http.server_process import hypercorn, output_of, started_serve

MEMORY = {"LEGATO_DATABASE_URL": "memory://"}
QUIET = ["serving", "shutting down", "stopped"]


async def test_on_sigterm_it_ends_in_time_cuts_its_streams_and_stores_what_there_is(
    tmp_path: Path,
) -> None:
    url = f"sqlite:///{tmp_path}/legato.db"

    settings = {"LEGATO_DATABASE_URL": url, "LEGATO_DRAIN_TIMEOUT": "0"}
    async with started_serve(tmp_path, **settings) as server:
        started = await server.start(tokens=1_000_000, rate=20_000)
        async with (
            await server.connect(),
            await server.connect() as used,
            await server.follow(started) as reader,
            await server.follow(started, receive_buffer=4096),  # never read from
        ):
            await used.json("GET", "/healthz")
            seen = [await next_frame(reader) for _ in range(6000)]
            await server.end(signal.SIGTERM)
            with pytest.raises(Cut):
                await reader.body()

    assert server.seconds_to_end() < GRACE
    events = [event for event in server.events() if not event.startswith("generation ")]
    assert events == ["made a new database", QUIET[0], "draining", *QUIET[1:]]
    async with open_records(url) as records:
        _, answer = await records.messages(started["conversationId"])
    assert answer.unfinished
    assert stored_text_of(answer).startswith(text_of(seen))


async def next_frame(reader: RawClient) -> bytes:
    frame = await reader.frame()
    assert frame is not None
    return frame


async def test_a_second_signal_ends_it_without_grace(tmp_path: Path) -> None:
    async with (
        started_serve(tmp_path, **MEMORY) as server,
        await server.connect() as idle,
        await server.connect() as under_way,
    ):
        await idle.json("GET", "/healthz")
        request = under_way.request("POST", START, ("Expect", "100-continue"), body=b"{}")
        await under_way.stream.send_all(request[:-2])
        await under_way.event()  # told to go on
        server.send(signal.SIGINT)
        assert await idle.stream.receive_some() == b""
        await server.end(signal.SIGINT)

    assert server.seconds_to_end() < GRACE
    assert server.events() == QUIET


async def test_sighup_does_not_end_it(tmp_path: Path) -> None:
    async with started_serve(tmp_path, **MEMORY) as server:
        server.send(signal.SIGHUP)
        async with await server.connect() as client:
            await client.json("GET", "/healthz")
        await server.end(signal.SIGTERM)

    assert server.events() == [QUIET[0], "SIGHUP ignored", *QUIET[1:]]


async def test_a_server_that_follows_another_on_its_database_waits_for_its_end(
    tmp_path: Path,
) -> None:
    for folder in ("former", "next"):
        (tmp_path / folder).mkdir()
    url = {"LEGATO_DATABASE_URL": f"sqlite:///{tmp_path}/legato.db"}
    async with started_serve(tmp_path / "former", **url) as former, trio.open_nursery() as nursery:

        async def follow() -> None:
            async with started_serve(tmp_path / "next", **url) as follower:
                await follower.end(signal.SIGTERM)
            assert follower.events() == ["waiting for another server to end", *QUIET]

        nursery.start_soon(follow)
        log = tmp_path / "next" / "stderr"
        await until(lambda: log.exists() and "waiting" in log.read_text())
        await former.end(signal.SIGTERM)


async def test_no_secret_gets_into_the_log(tmp_path: Path) -> None:
    async with started_serve(tmp_path, **MEMORY) as server:
        for target in ("/login?token=a-secret", "/nowhere?token=a-secret", "/healthz"):
            async with await server.connect() as client:
                cookie = ("Cookie", "legato_session=a-secret")
                await client.ask("GET", target, cookie, ("Origin", "a-secret"))
                await client.head()
                await client.body()
        await server.end(signal.SIGTERM)

    assert server.events() == QUIET
    assert "a-secret" not in server.log()
    assert server.token not in server.log()


async def test_the_log_is_json_for_programs_and_text_for_people(tmp_path: Path) -> None:
    async with started_serve(tmp_path, **MEMORY) as server:
        await server.end(signal.SIGTERM)
    [line, *_] = server.log().splitlines()
    async with started_serve(tmp_path, LEGATO_LOG="console", **MEMORY) as server:
        await server.end(signal.SIGTERM)
    [text, *_] = server.log().splitlines()

    entry = json.loads(line)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", entry.pop("timestamp"))
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", entry.pop("url"))
    assert entry == {"event": "serving", "level": "info", "logger": "legato.http.server.server"}
    assert re.search(r"\[info +\] serving .*url=http://127\.0\.0\.1:\d+", text)


async def test_a_port_in_use_is_one_line_and_a_status(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        status, errors = await output_of(tmp_path, "serve", "--port", port, **MEMORY)

    place = f"127.0.0.1, port {port}"
    refusal = f"legato: cannot listen on {place}: Address already in use; is another Legato"
    assert status == 2
    assert re.fullmatch(rf"{re.escape(refusal)} running there\? Try --port \d+\n", errors)


async def test_a_database_that_cannot_be_opened_is_one_line_and_a_status(tmp_path: Path) -> None:
    url = "sqlite:////dev/null/legato.db"
    status, errors = await output_of(tmp_path, "serve", "--port", "0", LEGATO_DATABASE_URL=url)

    assert status == 1
    assert re.fullmatch(r"legato: LEGATO_DATABASE_URL: [^\n]+\n", errors)


async def test_hypercorn_serves_the_application_by_itself(tmp_path: Path) -> None:
    async with hypercorn(tmp_path, LEGATO_DATABASE_URL="memory://") as server:
        started = await server.start(tokens=10, rate=0)
        async with await server.follow(started) as reader:
            frames = await reader.body()
        running = await server.start(tokens=1_000_000, rate=100)
        async with await server.follow(running) as reader:
            await reader.frame()
            await server.end(signal.SIGTERM)
            with pytest.raises(Cut):
                await reader.body()

    assert frames.count(b"on_message_delta") == 10
    assert "Traceback" not in server.log()


async def test_hypercorn_is_told_why_the_application_cannot_start(tmp_path: Path) -> None:
    url = "sqlite:////dev/null/legato.db"
    async with hypercorn(tmp_path, workers=0, LEGATO_DATABASE_URL=url) as server:
        status = await server.exit()

    assert status != 0
    last_line = server.log().splitlines()[-2]
    assert "LifespanFailureError: Lifespan failure in startup. 'LEGATO_DATABASE_URL: " in last_line


async def test_a_worker_without_trio_is_told_so(tmp_path: Path) -> None:
    async with hypercorn(tmp_path, "asyncio", workers=0, **MEMORY) as server:
        status = await server.exit()

    assert status != 0
    assert "Legato runs on Trio only" in server.log().splitlines()[-1]
