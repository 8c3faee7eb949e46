"""The stream of the Responses API: server-sent events, numbered from 0, without an `id:`."""

from collections.abc import Iterable, Iterator
from copy import copy
from typing import Final, Self, assert_never

from msgspec import json

from legato.content import ErrorPart, SteerPart, ToolCallPart
from legato.dialects.contract import Identity
from legato.dialects.response_items import (
    ItemStatus,
    OutputPart,
    ResponseEvent,
    annotated,
    closing,
    delta_type,
    opening,
    place_of,
    with_logprobs,
)
from legato.dialects.response_object import beginning, resource
from legato.dialects.response_status import end_status, end_type, unbegun
from legato.events import (
    AnnotationAdded,
    Answered,
    AnyEnding,
    AnyEvent,
    Asked,
    Created,
    Delta,
    Ending,
    Failed,
    Finished,
    LogprobsDelta,
    ModelCallEnded,
    Queued,
    RareEvent,
    Snapshot,
    SteerApplied,
    SteerReturned,
    SteerTaken,
    StepCompleted,
    StepStarted,
    Stopped,
    TextDelta,
)
from legato.growing_part import GrowingPart, blank

_json = json.Encoder().encode  # JSON escapes every line break, so a payload cannot forge a frame

_DONE: Final = b"data: [DONE]\n\n"


class ResponsesEncoder:
    """One job's frames.

    The state is the answer's parts.  A text is open until the next step; a tool call is open to the
    end, because more arguments may come beside the arguments of later calls.
    """

    def __init__(self, identity: Identity) -> None:
        self._job_id = identity.job_id
        self.number = 0
        self._created: Created | None = None
        self._closed: dict[int, OutputPart] = {}
        self._open: dict[int, tuple[GrowingPart, bytes]] = {}  # each with a template of its deltas

    def fork(self) -> Self:
        twin = copy(self)
        twin._closed = dict(self._closed)
        twin._open = {index: (part.fork(), frame) for index, (part, frame) in self._open.items()}
        return twin

    def encode(self, seq: int, event: AnyEvent) -> bytes:
        # Nearly all encoded events are deltas.  Therefore an item makes the template of its deltas'
        # frames once, and fills in the differences.
        if type(event) is TextDelta or isinstance(event, Delta):
            part, frame = self._open[event.index]
            text, number = event.text, self.number
            part.grow(text)
            self.number = number + 1
            return frame % (number, _json(text))
        return self._frames(self._rare(event)) + (_DONE if isinstance(event, Ending) else b"")

    def snapshot(self, snapshot: Snapshot) -> None:
        """No event says: forget what was before."""

    def _rare(self, event: RareEvent) -> Iterator[ResponseEvent]:
        match event:
            case StepStarted():
                yield from self._start(event)
            case LogprobsDelta():
                yield self._grow(event)
            case AnnotationAdded(index, annotation):
                number = self._open[index][0].annotate(annotation)
                yield annotated(self._job_id, event, number)
            case Queued() | StepCompleted() | ModelCallEnded():
                pass  # a tool's result is not the model's output
            case SteerTaken() | SteerApplied() | SteerReturned() | Asked() | Answered():
                pass
            case Created():
                self._created = event
                yield from beginning(event)
            case Finished() | Stopped() | Failed():
                yield from self._end(event)
            case _:
                assert_never(event)

    def _start(self, step: StepStarted) -> Iterator[ResponseEvent]:
        if step.index in self._open:
            return  # a model goes on where another owner's left off
        yield from self._close("completed", ToolCallPart)
        part = blank(step)
        yield from opening(part, self._job_id, step.index)
        self._open[step.index] = GrowingPart(part), self._template(part, step.index)

    def _grow(self, delta: LogprobsDelta) -> ResponseEvent:
        growing, _ = self._open[delta.index]
        growing.grow(delta.text)
        growing.add_logprobs(delta.logprobs)
        return with_logprobs(self._job_id, delta)

    def _close(self, status: ItemStatus, *but: type[OutputPart]) -> Iterator[ResponseEvent]:
        for index, (growing, _) in sorted(self._open.items()):
            if not issubclass(growing.kind, but):
                del self._open[index]
                part = growing.read()
                assert not isinstance(part, ErrorPart | SteerPart), "no step begins one"
                self._closed[index] = part
                yield from closing(part, self._job_id, index, status)

    def _end(self, ending: AnyEnding) -> Iterator[ResponseEvent]:
        yield from self._close(end_status(ending))
        if self._created is None:
            yield "error", {"error": unbegun(ending)}
        else:
            content = [part for _, part in sorted(self._closed.items())]
            yield end_type(ending), {"response": resource(self._created, content, ending)}

    def _frames(self, events: Iterable[ResponseEvent]) -> bytes:
        return b"".join(map(self._frame, events))

    def _frame(self, event: ResponseEvent) -> bytes:
        name, fields = event
        body = _json({"type": name, "sequence_number": self.number, **fields})
        self.number += 1
        return b"event: %b\ndata: %b\n\n" % (name.encode(), body)

    def _template(self, part: OutputPart, index: int) -> bytes:
        """The template of a delta's frame, with places for the number and for the text as JSON."""
        name = delta_type(part)
        place = _json(place_of(part, self._job_id, index))[1:-1].replace(b"%", b"%%")
        return b'event: %b\ndata: {"type":"%b","sequence_number":%%d,%b,"delta":%%b}\n\n' % (
            name.encode(),
            name.encode(),
            place,
        )
