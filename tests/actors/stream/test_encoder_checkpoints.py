"""Frames that depend on all former frames are the same from every position."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from legato.actors.stream.encoder_checkpoints import KEPT, Encoding, Rest, frames
from legato.actors.stream.log import Log
from legato.content import Message
from legato.dialects.contract import Identity
from legato.dialects.librechat import LibreChat
from legato.events import AnyEvent, Created, Finished, StepStarted, TextDelta
from tests.support.numbers import Numbers

IDENTITY = Identity("J", 1, "c", "a")
QUESTION = Message(message_id="q", conversation_id="c", text="hello")


def log_of(texts: int, *, ended: bool = False) -> Log:
    log = Log(pack_every=3)
    log.append(Created(QUESTION, "a", "model"), StepStarted(0, "text"))
    for number in range(texts):
        log.append(TextDelta(0, "x" * number))
    if ended:
        log.append(Finished())
    return log


def encoding_of(log: Log) -> Encoding:
    return Encoding(lambda: Numbers(IDENTITY), log, mark_every=4)


def whole(log: Log) -> bytes:
    return b"".join(frames(Numbers(IDENTITY), log, 0, log.tail))


def encoded(encoding: Encoding, log: Log, after: int, up_to: int) -> bytes:
    encoder = encoding.take(after)
    made = b"".join(frames(encoder, log, after, up_to))
    encoding.put(up_to, encoder)
    return made


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=12))
def test_any_stretch_in_any_order_is_what_it_is_in_the_whole(
    stretches: list[tuple[int, int]],
) -> None:
    log = log_of(9, ended=True)
    pieces = list(frames(Numbers(IDENTITY), log, 0, log.tail))
    encoding = encoding_of(log)
    for stretch in stretches:
        after, up_to = sorted(stretch)
        assert encoded(encoding, log, after, up_to) == b"".join(pieces[after:up_to])


@given(st.booleans(), st.lists(st.integers(0, 11), max_size=3), st.data())
def test_after_each_number_exactly_the_frames_that_follow(
    ended: bool, kept: list[int], data: st.DataObject
) -> None:
    log = log_of(9, ended=ended)
    encoding = encoding_of(log)
    for seq in kept:
        encoding.put(seq, encoding.take(seq))
    counter = Numbers(IDENTITY)
    parts = b"".join(frames(counter, log, 0, log.tail)).split(b"\n\n")
    number = data.draw(st.integers(-1, counter.number - 1))

    rest = encoding.after(number)

    assert isinstance(rest, Rest)
    following = rest.frames + encoded(encoding, log, rest.seq, log.tail)
    assert following.split(b"\n\n") == parts[number + 1 :]


@pytest.mark.parametrize("ended", [False, True])
def test_a_number_that_was_never_given_is_answered_with_the_last_that_was(ended: bool) -> None:
    log = log_of(2, ended=ended)
    last = 4 if ended else 3
    assert encoding_of(log).after(last + 1) == last
    assert isinstance(encoding_of(log).after(last), Rest)


def test_a_dialect_without_numbers_has_given_none() -> None:
    log = log_of(2)
    encoding = Encoding(lambda: LibreChat(IDENTITY), log)
    assert encoding.after(0) == -1


def test_without_a_state_the_same_encoder_serves_everywhere() -> None:
    encoding = Encoding(lambda: LibreChat(IDENTITY), log_of(2))
    encoder = encoding.take(3)
    encoding.put(1, encoder)
    assert encoding.take(0) is encoder is encoding.any


def test_few_encoders_are_kept_the_last_that_were_used() -> None:
    log: Log = log_of(9)
    events: list[AnyEvent] = []
    encoding = Encoding(lambda: Noting(events), log)
    for seq in range(1, KEPT + 3):
        encoding.put(seq, encoding.take(seq))
    events.clear()
    encoding.take(1)
    assert len(events) == 1, "from the beginning: the first were let go"
    events.clear()
    encoding.take(KEPT + 2)
    assert events == []


def test_who_comes_back_to_a_long_log_pays_for_what_is_behind_the_last_mark() -> None:
    events: list[AnyEvent] = []
    log = log_of(38)
    encoding = Encoding(lambda: Noting(events), log, mark_every=8)
    encoding.take(log.tail)
    for number in range(39):
        events.clear()
        rest = encoding.after(number)

        assert isinstance(rest, Rest)
        assert len(events) <= 9
        del encoding._kept[rest.seq]  # as if other readers had come and gone


class Noting(Numbers):
    """Notes the events encoded by the encoder or a copy."""

    def __init__(self, events: list[AnyEvent]) -> None:
        super().__init__(IDENTITY)
        self._events = events

    def fork(self) -> "Noting":
        other = Noting(self._events)
        other.number, other.encoded, other._length = self.number, self.encoded, self._length
        return other

    def encode(self, seq: int, event: AnyEvent) -> bytes:
        self._events.append(event)
        return super().encode(seq, event)
