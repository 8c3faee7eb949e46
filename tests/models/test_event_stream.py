from itertools import pairwise

import httpx
import pytest
from httpx_sse import EventSource
from hypothesis import given
from hypothesis import strategies as st

from legato.models.event_stream import MOST_EVENT, EventSplitter, ServerEvent


def fed(reads: list[bytes]) -> list[list[bytes]]:
    splitter = EventSplitter()
    return [[event.data for event in splitter.feed(read)] for read in reads]


def test_all_events_of_one_read_come_together() -> None:
    assert fed([b"data: a\n\ndata: b\n\nda", b"ta: c\n", b"\n"]) == [[b"a", b"b"], [], [b"c"]]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_any_line_end_may_fall_between_any_two_reads(end: bytes) -> None:
    whole = "grüß\n".encode()
    wire = end.join([b": hi", b"", b"event: x", b"data: gr\xc3\xbc\xc3\x9f", b"data:", b"", b""])
    for cut in range(len(wire) + 1):
        splitter = EventSplitter()
        events = [*splitter.feed(wire[:cut]), *splitter.feed(wire[cut:]), *splitter.flush()]

        assert events == [ServerEvent(whole, b"x")]
    one_by_one = fed([wire[i : i + 1] for i in range(len(wire))])
    assert [data for read in one_by_one for data in read] == [whole]


def test_an_event_without_its_blank_line_is_taken_at_the_end() -> None:
    splitter = EventSplitter()

    assert splitter.feed(b"data: a\n\ndata: [DONE]") == [ServerEvent(b"a")]
    assert splitter.flush() == [ServerEvent(b"[DONE]")]
    assert splitter.flush() == []


def test_a_byte_order_mark_is_no_part_of_the_first_line() -> None:
    assert fed([b"\xef\xbb", b"\xbfdata: a\n\n\xef\xbb\xbfdata: b\n\n"]) == [[], [b"a"]]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("size", [1000, 65536, 3 * MOST_EVENT])
def test_an_endless_line_is_dropped_and_what_follows_is_read(size: int, end: bytes) -> None:
    splitter = EventSplitter()
    long = b"data: " + b"x" * (3 * MOST_EVENT)
    for start in range(0, len(long), size):
        assert splitter.feed(long[start : start + size]) == []
        assert len(splitter._rest) <= MOST_EVENT
    events = splitter.feed(end + b"data: of the same event" + end + end + b"data: a" + end + end)

    assert events == [ServerEvent(b"a")]
    assert splitter.overlong == 1
    assert splitter.dropped >= MOST_EVENT


def test_an_event_of_many_lines_is_as_bounded_as_one_of_one() -> None:
    splitter = EventSplitter()
    for _ in range(3 * MOST_EVENT // 1000):
        assert splitter.feed(b"data: " + b"x" * 1000 + b"\n") == []
        assert sum(map(len, splitter._data)) <= MOST_EVENT

    assert splitter.feed(b"\ndata: a\n\n") == [ServerEvent(b"a")]
    assert splitter.overlong == 1


def test_an_overlong_event_that_came_in_one_read_is_dropped_too() -> None:
    splitter = EventSplitter()
    splitter.feed(b"\n\n")
    wire = b"data: %b\n\ndata: a\n\n" % (b"x" * (MOST_EVENT + 1))

    assert splitter.feed(wire) == [ServerEvent(b"a")]
    assert splitter.overlong == 1


PIECES = st.sampled_from(
    [
        b"data",
        b"data: ",
        b"event",
        b":",
        b" ",
        b"x",
        b"\n",
        b"\r",
        b"\r\n",
        b"\n\n",
        b"\xf0\x9f\x90\x8b",
        b"id: 1",
        b"\0",
    ]
)


@given(pieces=st.lists(PIECES, max_size=30), cuts=st.lists(st.integers(0, 60), max_size=5))
def test_however_it_is_cut_it_reads_as_httpx_sse_does(pieces: list[bytes], cuts: list[int]) -> None:
    wire = b"".join([*pieces, b"\n\n"])
    places = [0, *sorted(min(cut, len(wire)) for cut in cuts), len(wire)]
    reads = [wire[a:b] for a, b in pairwise(places)]
    whole = httpx.Response(200, headers={"content-type": "text/event-stream"}, content=wire)
    expected = [event.data for event in EventSource(whole).iter_sse() if event.data]

    found = [data.decode() for read in fed(reads) for data in read if data]
    assert found == expected
