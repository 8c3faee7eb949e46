"""The readers' feed: backlog and live as one step, pages, the bytes kept."""

from contextlib import suppress

import trio

from legato.actors.stream.feed import Feed
from legato.actors.stream.places import Start
from legato.actors.stream.projection import PAGE_BYTES, SPARED
from legato.actors.stream.sinks import BACKLOG_BYTES, ChannelSink, Chunk
from legato.content import Message
from legato.dialects.contract import Identity
from legato.dialects.librechat import LibreChat
from legato.events import Created, Cursor, Finished, StepStarted, TextDelta
from tests.support.actors import SimulatedClient

IDENTITY = Identity("J", 1, "c", "a")
QUESTION = Message(message_id="q", conversation_id="c", text="hello")


def feed_of(texts: int, *, size: int = 1) -> Feed:
    feed = Feed(IDENTITY, {"librechat": LibreChat})
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
        self.waiting = 0

    def push(self, chunk: Chunk) -> bool:
        self.chunks.append(chunk)
        return True

    def close(self) -> None:
        self.closed = True


def subscribed(feed: Feed, start: Start) -> OpenSink:
    feed.subscribe("librechat", start, sink := OpenSink())
    return sink


def read(*sinks: OpenSink) -> SimulatedClient:
    """A client with the bytes of these sinks, one after another."""
    client = SimulatedClient()
    for sink in sinks:
        for chunk in sink.chunks:
            client.feed(chunk.data)
    return client


async def test_what_came_between_two_pushes_is_one_write() -> None:
    feed = feed_of(0)
    sink = subscribed(feed, "beginning")
    for _ in range(5):
        feed.append(TextDelta(0, "x"))
    feed.push()
    feed.push()

    assert len(sink.chunks) == 2
    assert read(sink).seqs == [1, 2, 3, 4, 5, 6, 7]


async def test_readers_that_left_a_silent_job_are_not_kept() -> None:
    feed, stays = feed_of(0), OpenSink()
    feed.subscribe("librechat", "beginning", stays)
    for _ in range(10 * SPARED):
        feed.subscribe("librechat", "beginning", left := ChannelSink())
        left.leave()
    assert feed.readers <= SPARED
    feed.append(TextDelta(0, "x"))
    feed.push()

    assert feed.readers == 1
    assert not stays.closed


async def test_readers_that_resume_a_finished_job_share_the_bytes() -> None:
    feed = feed_of(100)
    feed.append(Finished())
    [one], [two] = [subscribed(feed, "snapshot").chunks for _ in range(2)]

    assert one.last
    assert one is two


async def test_a_long_backlog_comes_in_pages() -> None:
    feed = feed_of(2000)
    sinks = [subscribed(feed, "beginning")]
    while sinks[-1].closed:
        [page] = sinks[-1].chunks
        assert len(page.data) < PAGE_BYTES + 1000
        sinks.append(subscribed(feed, Cursor("J", 1, page.seq)))

    assert len(sinks) == 5
    assert read(*sinks).seqs == list(range(1, 2003))


async def test_readers_that_replay_together_share_the_pages() -> None:
    feed = feed_of(2000)
    [one], [two] = [subscribed(feed, "beginning").chunks for _ in range(2)]
    assert one is two

    for seq in range(1, 5):
        subscribed(feed, Cursor("J", 1, seq))
    assert feed.bytes < feed_of(2000).bytes + 3 * PAGE_BYTES, "not every page is kept"


async def test_a_page_that_is_not_full_is_not_the_same_later() -> None:
    feed = feed_of(3)
    subscribed(feed, "beginning")
    feed.append(TextDelta(0, "x"))

    assert read(subscribed(feed, "beginning")).seqs == [1, 2, 3, 4, 5, 6]


async def test_a_snapshot_is_one_write_of_the_answers_size() -> None:
    feed = feed_of(10_000, size=4)
    [one], [two] = [subscribed(feed, "snapshot").chunks for _ in range(2)]

    assert 40_000 < len(one.data) < 41_000
    assert one is two


async def test_a_long_answer_is_kept_in_little_more_than_its_text() -> None:
    feed = feed_of(10_000, size=5)
    sink = subscribed(feed, "snapshot")
    feed.append(Finished())
    feed.push()

    assert sink.chunks[-1].last
    assert feed.bytes < 4 * 50_000


async def test_a_reader_with_nothing_to_catch_up_on_hears_where_it_is() -> None:
    feed = feed_of(3)
    sink = subscribed(feed, Cursor("J", 1, 5))
    assert sink.chunks == [Chunk(b"", 5, 1)]
    feed.append(Finished())
    feed.push()
    [late] = subscribed(feed, Cursor("J", 1, 6)).chunks

    assert late == Chunk(b"", 6, 1, last=True)


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


async def test_a_reader_that_left_is_not_counted() -> None:
    feed, sink = feed_of(0), ChannelSink()
    feed.subscribe("librechat", "beginning", sink)
    assert feed.readers == 1
    sink.leave()
    assert feed.readers == 0
    feed.append(TextDelta(0, "x"))
    feed.push()

    assert feed.readers == 0


def test_an_owner_who_appended_nothing_had_what_the_one_before_left() -> None:
    feed = Feed(Identity("j", 3, "c", "a"), {}, {1: 5})
    assert feed.holds(Cursor("j", 2, 5))
    assert not feed.holds(Cursor("j", 2, 6))
    assert not feed.holds(Cursor("j", 4, 1))
    assert feed.holds("snapshot")
