from itertools import pairwise

import httpx
import pytest
from httpx_sse import EventSource
from hypothesis import given
from hypothesis import strategies as st

from legato.models.sse import EventSplitter


def fed(reads: list[bytes]) -> list[list[str]]:
    splitter = EventSplitter()
    return [splitter.feed(read) for read in reads]


def test_all_events_of_one_read_come_together() -> None:
    assert fed([b"data: a\n\ndata: b\n\nda", b"ta: c\n", b"\n"]) == [["a", "b"], [], ["c"]]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_any_line_end_may_fall_between_any_two_reads(end: bytes) -> None:
    wire = end.join([b": hi", b"", b"event: x", b"data: gr\xc3\xbc\xc3\x9f", b"data:", b"", b""])
    for cut in range(len(wire) + 1):
        events = [data for read in fed([wire[:cut], wire[cut:], b"\n"]) for data in read]

        assert events == ["grüß\n"]
    one_by_one = fed([wire[i : i + 1] for i in range(len(wire))])
    assert [data for read in [*one_by_one, *fed([])] for data in read] == ["grüß\n"]


def test_an_event_without_its_blank_line_is_taken_at_the_end() -> None:
    splitter = EventSplitter()

    assert splitter.feed(b"data: a\n\ndata: [DONE]") == ["a"]
    assert splitter.flush() == ["[DONE]"]
    assert splitter.flush() == []


PIECES = st.sampled_from(
    [
        b"data",
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

    assert [data for read in fed(reads) for data in read if data] == expected
