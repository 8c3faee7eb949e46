"""Every way in which reads can split a stream gives the same counts."""

from itertools import pairwise

import pytest

from legato.bench.counting import ENDING, EVENT, FRAME_END, Lags, Stamps, Tally
from legato.bench.readers import Reader
from legato.bench.servers.served import FRAME

STREAM = b"HTTP/1.1 200 OK\r\n\r\n" + b"".join(
    b"%x\r\n%b\r\n" % (len(frame), frame)
    for frame in ((FRAME % stamp).encode() for stamp in (1_000_000, 2_000_000, 3_000_000))
)


def pieces(stream: bytes, *cuts: int) -> list[bytes]:
    return [stream[a:b] for a, b in pairwise([0, *cuts, len(stream)])]


@pytest.mark.parametrize("pattern", [EVENT, FRAME_END, b"ts="])
def test_a_pattern_is_counted_once_wherever_two_cuts_are(pattern: bytes) -> None:
    for first in range(len(STREAM)):
        for second in range(first, min(first + 12, len(STREAM))):
            tally = Tally(pattern)
            assert sum(map(tally.take, pieces(STREAM, first, second))) == 3, (first, second)


def test_a_stream_can_come_byte_by_byte() -> None:
    tally, stamps = Tally(EVENT), Stamps()
    single = [bytes([byte]) for byte in STREAM]

    assert sum(map(tally.take, single)) == 3
    found = [stamp for piece in single if (stamp := stamps.first(piece)) is not None]
    assert found == [1_000_000, 2_000_000, 3_000_000]


def test_a_read_s_stamp_is_its_oldest_and_none_is_given_twice() -> None:
    for cut in range(len(STREAM)):
        stamps = Stamps()
        found = [stamps.first(piece) for piece in pieces(STREAM, cut)]

        assert 1_000_000 in found
        assert found[0] != found[1]


def test_every_event_has_a_lag_wherever_a_read_ends() -> None:
    for cut in range(len(STREAM)):
        reader, lags = Reader(EVENT), Lags()
        for piece in pieces(STREAM, cut):
            reader.take(piece, 4_000_000, lags)

        assert reader.events == 3
        # An event whose stamp is cut off waits for it; none is left where all has come.
        assert sum(lags.counts.values()) + reader.unstamped == 3
        assert reader.unstamped == 0 or STREAM.count(b"ts=", cut) == 0


def test_a_reader_counts_the_same_wherever_two_cuts_are() -> None:
    for first in range(len(STREAM)):
        for second in range(first, min(first + 40, len(STREAM)), 3):
            reader = Reader(EVENT)
            for piece in pieces(STREAM, first, second):
                reader.take(piece, 4_000_000, Lags())
            assert reader.events == 3, (first, second)


def test_events_of_one_read_are_as_late_as_the_oldest() -> None:
    reader, lags = Reader(EVENT), Lags()
    reader.take(STREAM, 4_000_000, lags)

    assert lags.counts == {30: 3}


def test_an_ending_is_seen_across_a_cut() -> None:
    data = b"data: {" + ENDING + b',"conversation":null}\n\n'
    for cut in range(len(data)):
        reader = Reader(EVENT)
        for now, piece in enumerate(pieces(data, cut), start=1):
            reader.look_for_ending(piece, now)

        assert reader.ended > 0


def test_percentiles_are_the_upper_edge_of_their_bucket() -> None:
    lags = Lags()
    lags.add(50_000, 98)  # ns: the first bucket, to 0.1 ms
    lags.add(7_250_000, 2)

    assert lags.percentile(0.5) == 0.1
    assert lags.percentile(0.98) == 0.1
    assert lags.percentile(0.99) == 7.3
    assert lags.percentile(1.0) == 7.3
    assert Lags().percentile(0.5) == 0.0
