"""A log's older events, pressed together without loss by joining their texts.  Pure."""

from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise
from sys import getsizeof
from typing import cast

from legato.actors.stream.memory_sizes import (
    EVENT_BYTES,
    size_of_citation,
    size_of_json,
    size_of_part,
)
from legato.agents.definition import Agent
from legato.events import (
    AnnotationAdded,
    Answered,
    AnyDelta,
    AnyEvent,
    Asked,
    Created,
    Delta,
    LogprobsDelta,
    Queued,
    RareEvent,
    SteerTaken,
    StepStarted,
)
from legato.requests import TurnRequest


class _DeltaRun:
    """Neighbouring deltas of one part: for each its text and four bytes, instead of an object."""

    __slots__ = ("_ends", "_index", "_kind", "_text")

    def __init__(self, deltas: Sequence[AnyDelta]) -> None:
        texts = [delta.text for delta in deltas]
        self._kind = type(deltas[0])
        self._index = deltas[0].index
        self._text = "".join(texts)
        self._ends = array("I", accumulate(map(len, texts)))

    def __len__(self) -> int:
        return len(self._ends)

    @property
    def bytes(self) -> int:
        return getsizeof(self._text) + getsizeof(self._ends)

    def events(self, start: int, end: int) -> Iterator[AnyDelta]:
        """The deltas `start` to `end` of the run, equal to the originals."""
        bounds = [0, *self._ends[:end]] if start == 0 else self._ends[start - 1 : end]
        for begin, stop in pairwise(bounds):
            yield self._kind(self._index, self._text[begin:stop])


class Packed:
    """Events by index, from 0; more come at the end only."""

    def __init__(self) -> None:
        self.bytes = 0
        self.length = 0  # in events
        self._pieces: list[_DeltaRun | AnyEvent] = []
        self._starts: list[int] = []  # the index of each piece's first event

    def extend(self, events: Sequence[AnyEvent]) -> None:
        for each in _runs(events):
            if isinstance(each, list):
                run = _DeltaRun(each)
                self._add(run, len(run), run.bytes)
            else:
                self._add(each, 1, size_of(each))

    def _add(self, piece: _DeltaRun | AnyEvent, length: int, size: int) -> None:
        self._pieces.append(piece)
        self._starts.append(self.length)
        self.length += length
        self.bytes += size

    def events(self, start: int, end: int) -> Iterator[AnyEvent]:
        """The events `start` to `end`, as far as there are any."""
        number = max(0, bisect_right(self._starts, start) - 1)
        for piece, first in zip(self._pieces[number:], self._starts[number:], strict=True):
            if first >= end:
                return
            if isinstance(piece, _DeltaRun):
                yield from piece.events(max(0, start - first), end - first)
            else:
                yield piece


def size_of(event: RareEvent) -> int:
    """About how many bytes the event keeps alive; the fold counts the answer."""
    match event:
        case LogprobsDelta(text=text, logprobs=logprobs):
            return EVENT_BYTES + getsizeof(text) + getsizeof(logprobs)
        case AnnotationAdded(annotation=annotation):
            return EVENT_BYTES + size_of_citation(annotation)
        case StepStarted(whole=whole) if whole is not None:
            return EVENT_BYTES + size_of_part(whole)
        case SteerTaken(text=text, next_turn=next_turn):
            turn_size = _size_of_turn(next_turn) if next_turn else 0
            return EVENT_BYTES + getsizeof(text) + turn_size
        case Queued(turn):
            return EVENT_BYTES + _size_of_turn(turn)
        case Asked(payload=payload, state=state):
            return EVENT_BYTES + size_of_json(payload) + getsizeof(state)
        case Answered(value=value):
            return EVENT_BYTES + size_of_json(value)
        case Created(request, kept=kept, api_request=api_request, turn=turn):
            echo = size_of_json(api_request.echo) if api_request else 0
            texts = getsizeof(request.text) + sum(map(size_of_part, kept))
            return EVENT_BYTES + texts + echo + (_size_of_turn(turn) if turn else 0)
        case _:
            return EVENT_BYTES


def _size_of_turn(turn: TurnRequest) -> int:
    texts = getsizeof(turn.text) + getsizeof(turn.instructions)
    texts += getsizeof(turn.edit.text if turn.edit else None)
    return texts + size_of_json(turn.parameters) + sum(map(_size_of_agent, turn.agents))


def _size_of_agent(agent: Agent) -> int:
    return size_of_json([getattr(agent, name) for name in agent.__struct_fields__])


def _runs(events: Sequence[AnyEvent]) -> Iterator[list[AnyDelta] | RareEvent]:
    """Runs of neighbouring deltas of one part, and every other event alone."""
    start, count = 0, len(events)
    while start < count:
        first, end = events[start], start + 1
        if isinstance(first, Delta):
            kind, index = type(first), first.index
            # Nearly all events are compared here, with the one before: no call, and no tuple.
            while end < count and type(event := events[end]) is kind and event.index == index:
                end += 1
            yield cast("list[AnyDelta]", [*events[start:end]])
        else:
            yield first
        start = end
