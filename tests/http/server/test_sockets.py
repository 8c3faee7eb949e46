"""Streams on real sockets: readers that leave, stall, drop and come back."""

import logging
import math
import random
import re

import pytest
import trio

from legato.actors.stream.projection import PAGE_BYTES
from legato.actors.stream.sinks import BACKLOG_BYTES
from legato.content import text_of as stored_text_of
from legato.http.streams.served import PIECE
from tests.support.http.live_server import LiveServer, Serve, kept_for, live_server, until
from tests.support.http.raw_client import (
    STREAM,
    Cut,
    Started,
    cursor_of,
    data_of,
    frames_of,
    text_of,
)

TOKENS = 10_000
ANSWER = "".join(f"w{i} " for i in range(TOKENS))
READERS = 40


async def stored_answers(server: LiveServer, started: Started) -> list[tuple[str, bool]]:
    """The text of each stored answer, and whether the answer is unfinished."""
    messages = await server.runtime.records.messages(started["conversationId"])
    answers = [message for message in messages if not message.is_created_by_user]
    return [(stored_text_of(message), message.unfinished) for message in answers]


async def test_a_reader_that_leaves_is_forgotten_and_the_generation_goes_on(serve: Serve) -> None:
    async with serve() as server:
        started = await server.start("held", tokens=20)
        async with await server.follow(started) as reader:
            await reader.frame()
            await until(lambda: server.readers(started) == 1)

        await until(lambda: not server.app.streams.bodies)
        server.let_go()
        await server.job(started).ended.wait()

        assert server.readers(started) == 0
        answer = "".join(f"w{i} " for i in range(20))
        assert await stored_answers(server, started) == [(answer, False)]


async def test_a_reader_that_never_reads_holds_nobody_up_and_gets_the_rest_when_it_does(
    serve: Serve,
) -> None:
    async with serve() as server:
        started = await server.start(tokens=TOKENS, rate=20_000, delay=0.2)
        async with (
            await server.follow(started, receive_buffer=4096) as stalled,
            await server.follow(started) as reader,
        ):
            whole = await reader.body()
            await server.job(started).ended.wait()
            [waiting] = server.app.streams.bodies
            queued = kept_for(waiting)
            assert queued <= BACKLOG_BYTES + PAGE_BYTES
            assert queued + PAGE_BYTES < len(whole) / 4, "it was not served behind the scenes"
            assert server.readers(started) == 0

            stalled.widen()
            rest = await stalled.body()

        assert rest == whole
        assert text_of(frames_of(whole)) == ANSWER


@pytest.mark.parametrize("rate", [0, 5000])
async def test_forty_readers_with_random_drops_all_see_the_same(serve: Serve, rate: float) -> None:
    seen: list[list[bytes]] = []

    async with serve() as server:
        started = await server.start(tokens=TOKENS, rate=rate)

        async def read(seed: int) -> None:
            seen.append(await read_with_drops(server, started, random.Random(seed)))

        async with trio.open_nursery() as readers:
            for seed in range(READERS):
                readers.start_soon(read, seed)
        async with await server.follow(started) as late:
            expected = frames_of(await late.body())

    assert all(frames == expected for frames in seen)
    assert len(seen) == READERS
    assert text_of(expected) == ANSWER
    assert data_of(expected[-1])["responseMessage"]["content"] == [{"type": "text", "text": ANSWER}]


async def read_with_drops(
    server: LiveServer, started: Started, chance: random.Random
) -> list[bytes]:
    """Read to the end, dropping the connection at random bytes and going on from the last frame."""
    frames: list[bytes] = []
    while not (frames and b'"final":true' in frames[-1]):
        async with await server.connect() as client:
            await client.follow(started["streamId"], "", *last_event_id(frames))
            client.budget = chance.randrange(1, 600_000)
            try:
                while (frame := await client.frame()) is not None:
                    frames.append(frame)
            except Cut:
                continue
    return frames


def last_event_id(frames: list[bytes]) -> list[tuple[str, str]]:
    return [("Last-Event-ID", cursor_of(frames[-1]))] if frames else []


async def test_resume_of_ten_thousand_events_is_one_write_of_the_answer_s_size(
    serve: Serve,
) -> None:
    async with serve() as server:
        started = await server.start("held", tokens=TOKENS)
        job = server.job(started)
        await until(lambda: job.feed.text_bytes == len(ANSWER))

        async with await server.follow(started, "?resume=true") as reader:
            sync = await reader.frame()
            assert sync is not None
            assert reader.chunks == 1
            assert len(sync) < len(ANSWER) + 2000
            assert data_of(sync)["resumeState"]["aggregatedContent"] == [
                {"type": "text", "text": ANSWER}
            ]

            server.let_go()
            [final] = frames_of(await reader.body())

    assert data_of(final)["final"]
    assert reader.chunks == 2


async def test_resume_of_a_finished_generation_is_one_write(serve: Serve) -> None:
    async with serve() as server:
        started = await server.start(tokens=TOKENS, rate=0)
        await server.job(started).ended.wait()
        async with await server.follow(started, "?resume=true") as reader:
            sync, final = frames_of(await reader.body())

    assert reader.chunks == 1
    assert data_of(sync)["sync"]
    assert data_of(final)["final"]


async def test_a_large_snapshot_is_handed_to_the_server_in_pieces() -> None:
    answer = "".join(f"w{i} " for i in range(40_000))

    async with live_server(direct=False) as server:
        started = await server.start("held", tokens=40_000)
        await until(lambda: server.job(started).feed.text_bytes == len(answer))
        async with await server.follow(started, "?resume=true") as reader:
            sync = await reader.frame()

    assert sync is not None
    assert data_of(sync)["resumeState"]["aggregatedContent"] == [{"type": "text", "text": answer}]
    assert reader.chunks == math.ceil(len(sync) / PIECE)


async def test_a_body_whose_job_is_gone_is_cut_and_not_ended(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    async with serve() as server:
        started = await server.start("held", tokens=5)
        async with await server.follow(started) as reader:
            await reader.frame()
            server.job(started).ownership.leave()
            with pytest.raises(Cut):
                await reader.body()

    assert [each for each in caplog.records if each.levelno > logging.INFO] == []


async def test_a_body_that_only_its_connection_s_end_would_end_is_reset(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    async with serve() as server:
        started = await server.start("held", tokens=5)
        async with await server.connect() as reader:
            await reader.stream.send_all(http_1_0(server, started))
            await reader.receive_until(b'"text":"w4 "')
            server.job(started).ownership.leave()
            with pytest.raises(trio.BrokenResourceError):
                await reader.stream.receive_some()

    assert [each for each in caplog.records if each.levelno > logging.INFO] == []


async def test_over_http_1_0_a_generation_s_end_is_a_clean_one(serve: Serve) -> None:
    async with serve() as server:
        started = await server.start(tokens=5, rate=0)
        async with await server.connect() as reader:
            await reader.stream.send_all(http_1_0(server, started))
            answer = await reader.receive_until(b'"final":true')
            answer += b"".join([bytes(piece) async for piece in reader.stream])

    assert re.search(rb"}\nid: \S+\n\n$", answer)


def http_1_0(server: LiveServer, started: Started) -> bytes:
    """The request in nginx's default form for a backend."""
    head = f"GET {STREAM}{started['streamId']} HTTP/1.0\r\nConnection: close\r\n"
    return f"{head}Authorization: Bearer {server.token}\r\n\r\n".encode()


async def test_a_reader_with_a_closed_sending_side_counts_as_gone(serve: Serve) -> None:
    # TCP shows a closed sending side and a closed connection alike.  Browsers, proxies and
    # client libraries never do the first, and the second must be forgotten at once.
    async with serve() as server:
        started = await server.start("held", tokens=5)
        async with await server.follow(started) as reader:
            await reader.stream.send_eof()
            with pytest.raises(Cut):
                await reader.body()
        await until(lambda: not server.app.streams.bodies)


async def test_head_of_a_stream_ends_at_once(serve: Serve) -> None:
    async with serve() as server:
        started = await server.start("held", tokens=5)
        async with await server.connect() as client:
            await client.ask("HEAD", STREAM + started["streamId"])
            head = await client.head()
            assert await client.body() == b""
            assert await client.json("GET", "/healthz") == {"status": "ok"}
        assert not server.app.streams.bodies

    assert re.match(b"text/event-stream", dict(head.headers)[b"content-type"])
