"""What readers follow: backlog and live as one step, pages, compaction."""

from contextlib import suppress

import trio

from legato.actors.feed import Feed
from legato.actors.projection import PAGE_BYTES
from legato.actors.sinks import BACKLOG_BYTES, ChannelSink, Chunk
from legato.content import Message
from legato.dialects.contract import Identity
from legato.dialects.librechat import LibreChat
from legato.events import Created, Cursor, Finished, StepStarted, TextDelta
from tests.actors.kit import Client

IDENTITY = Identity("J", 1, "c", "a")
QUESTION = Message(message_id="q", conversation_id="c", text="hello")


def feed_of(texts: int, *, max_log_bytes: int = 1 << 30, size: int = 1) -> Feed:
    feed = Feed(IDENTITY, {"librechat": LibreChat}, max_log_bytes)
    feed.append(Created(QUESTION, "a", "model"), StepStarted(0, "text"))
    for number in range(texts):
        feed.append(TextDelta(0, str(number % 10) * size))
    return feed


class OpenSink:
    """Takes everything; counts its writes."""

    def __init__(self) -> None:
        self.chunks: list[Chunk] = []
        self.closed = False
        self.is_left = False

    def push(self, chunk: Chunk) -> bool:
        self.chunks.append(chunk)
        return True

    def close(self) -> None:
        self.closed = True


async def test_what_came_between_two_pushes_is_one_write() -> None:
    feed, sink = feed_of(0), OpenSink()
    client = Client()
    client.feed(feed.subscribe("librechat", "beginning", sink).data)
    for _ in range(5):
        feed.append(TextDelta(0, "x"))
    feed.push()
    feed.push()

    assert len(sink.chunks) == 1
    client.feed(sink.chunks[0].data)
    assert client.seqs == [1, 2, 3, 4, 5, 6, 7]


async def test_readers_that_left_a_silent_job_are_not_kept() -> None:
    feed, left, stays = feed_of(0), ChannelSink(), ChannelSink()
    feed.subscribe("librechat", "beginning", left)
    feed.subscribe("librechat", "beginning", stays)
    left.leave()
    assert feed.readers == 2
    feed.subscribe("librechat", "beginning", OpenSink())

    assert feed.readers == 2


async def test_readers_that_resume_a_finished_job_share_the_bytes() -> None:
    feed = feed_of(100)
    feed.append(Finished())
    one, two = [feed.subscribe("librechat", "snapshot", OpenSink()) for _ in range(2)]

    assert one.last
    assert one.data is two.data


async def test_a_long_backlog_comes_in_pages() -> None:
    feed = feed_of(2000)
    client = Client()
    chunk = feed.subscribe("librechat", "beginning", sink := OpenSink())
    pages = 1
    while sink.closed:
        assert len(chunk.data) < PAGE_BYTES + 1000
        client.feed(chunk.data)
        assert client.cursor is not None
        chunk = feed.subscribe("librechat", client.cursor, sink := OpenSink())
        pages += 1
    client.feed(chunk.data)

    assert pages > 4
    assert client.seqs == list(range(1, 2003))


async def test_a_snapshot_is_one_write_of_the_answers_size() -> None:
    feed = feed_of(10_000, size=4)

    chunk = feed.subscribe("librechat", "snapshot", OpenSink())
    assert 40_000 < len(chunk.data) < 41_000
    assert chunk.data is feed.subscribe("librechat", "snapshot", OpenSink()).data


async def test_a_running_log_that_grows_too_large_is_compacted() -> None:
    reader, sink = Client(), OpenSink()
    feed = feed_of(0, max_log_bytes=20_000)
    reader.feed(feed.subscribe("librechat", "beginning", sink).data)
    for number in range(300):
        feed.append(TextDelta(0, f"{number} "))
        feed.push()
    late = Client()
    late.feed(feed.subscribe("librechat", "beginning", OpenSink()).data)
    feed.append(Finished())
    feed.push()
    for chunk in sink.chunks:
        reader.feed(chunk.data)

    assert feed.bytes < 100_000
    assert reader.seqs == list(range(1, 304))
    assert len(late.seqs) < 150
    assert late.content == reader.content
    synced = feed.subscribe("librechat", Cursor("J", 1, 50), OpenSink())
    assert b'"sync":true' in synced.data
    assert synced.last


async def test_a_reader_that_takes_nothing_is_dropped_with_little_waiting() -> None:
    feed, sink = feed_of(0), ChannelSink()
    feed.subscribe("librechat", "beginning", sink)
    for _ in range(1000):
        feed.append(TextDelta(0, "x" * 100))
        feed.push()
    sink.close()
    waiting = 0
    with suppress(trio.EndOfChannel):
        while True:
            waiting += len((await sink.receive()).data)

    assert BACKLOG_BYTES <= waiting < BACKLOG_BYTES + 1000
