"""The stream of the Responses API: server-sent events, numbered from 0, without an `id:`."""

from collections.abc import Iterable, Iterator
from copy import copy
from typing import Final, NamedTuple, Self, assert_never

from msgspec import UNSET, json

from legato.content import (
    AgentUpdatePart,
    Part,
    TextPart,
    ThinkPart,
    ToolCallPart,
    ToolListPart,
)
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
    whole_arguments,
    with_logprobs,
)
from legato.dialects.response_object import beginning, resource
from legato.dialects.response_status import end_status, end_type, unbegun
from legato.events import (
    KEPT,
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
    HiddenDelta,
    LogprobsDelta,
    ModelCallEnded,
    Origin,
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
from legato.growing_part import GrowingPart, blank, completed

_json = json.Encoder().encode  # JSON escapes every line break, so a payload cannot forge a frame

_DONE: Final = b"data: [DONE]\n\n"


class _Item(NamedTuple):
    """An open item.  `frame`: a template of the item's deltas, empty for an item without deltas;
    `place`: the item's number."""

    growing: GrowingPart
    frame: bytes
    place: int
    origin: Origin


class ResponsesEncoder:
    """One job's frames.

    The state is the answer's parts.  A text is open until the next step of the same agent.  A tool
    call is open until the model call ends, and a call made by the run until the result is there:
    more arguments may come beside the arguments of later calls.  Items have numbers of
    their own, because some parts are no items.
    """

    def __init__(self, identity: Identity) -> None:
        self._job_id = identity.job_id
        self.number = 0
        self._created: Created | None = None
        self._closed: dict[int, Part] = {}
        self._open: dict[int, _Item] = {}
        self._count = 0  # of items
        self._whole: frozenset[int] = frozenset()  # positions of open calls with whole arguments

    def fork(self) -> Self:
        twin = copy(self)
        twin._closed = dict(self._closed)
        twin._open = {
            index: item._replace(growing=item.growing.fork()) for index, item in self._open.items()
        }
        return twin

    def encode(self, seq: int, event: AnyEvent) -> bytes:
        # Nearly all encoded events are deltas.  Therefore an item makes the template of its deltas'
        # frames once, and fills in the differences.
        if type(event) is TextDelta or isinstance(event, Delta):
            if type(event) is HiddenDelta:
                return b""
            item = self._open[event.index]
            text, number = event.text, self.number
            item.growing.grow(text)
            if not item.frame:
                return b""
            self.number = number + 1
            return item.frame % (number, _json(text))
        return self._frames(self._rare(event)) + (_DONE if isinstance(event, Ending) else b"")

    def snapshot(self, snapshot: Snapshot) -> None:
        """No event says: forget what was before."""

    def _rare(self, event: RareEvent) -> Iterator[ResponseEvent]:
        match event:
            case StepStarted():
                yield from self._start(event)
            case LogprobsDelta():
                yield self._grow(event)
            case AnnotationAdded(position, annotation):
                item = self._open[position]
                number = item.growing.annotate(annotation)
                yield annotated(self._job_id, event, item.place, number)
            case ModelCallEnded(origin):
                yield from self._end_call(origin)
            case StepCompleted():
                yield from self._complete(event)
            case SteerApplied():
                self._closed[event.index] = event.part
            case Queued() | SteerTaken() | SteerReturned() | Asked() | Answered():
                pass
            case Created():
                self._created = event
                yield from beginning(event)
                for index, part in enumerate(event.kept):
                    yield from self._keep(index, part)
            case Finished() | Stopped() | Failed():
                yield from self._end(event)
            case _:
                assert_never(event)

    def _start(self, step: StepStarted) -> Iterator[ResponseEvent]:
        if step.index in self._open:
            return  # a model goes on where another owner's left off
        yield from self._close_words(step.origin)
        part = blank(step)
        if isinstance(part, AgentUpdatePart):
            self._closed[step.index] = part
        elif not step.is_hidden:
            yield from self._add(step, part)

    def _add(self, step: StepStarted, part: OutputPart) -> Iterator[ResponseEvent]:
        index = self._count
        self._count += 1
        yield from opening(part, self._job_id, index)
        if isinstance(part, ToolListPart):
            self._closed[step.index] = part
            yield from closing(part, self._job_id, index, "completed")
        else:
            frame = self._template(part, index)
            self._open[step.index] = _Item(GrowingPart(part), frame, index, step.origin)

    def _keep(self, position: int, part: Part) -> Iterator[ResponseEvent]:
        """Begin an answer's first items: calls of an earlier answer, which asked for leave."""
        assert isinstance(part, ToolCallPart), "no other answer of the API goes on"
        number, agent_id = self._count, part.agent_id or None
        self._count += 1
        yield from opening(part, self._job_id, number)
        frame = self._template(part, number)
        self._open[position] = _Item(GrowingPart(part), frame, number, Origin(KEPT, agent_id))
        if part.tool_call.is_undecided:
            yield from self._close(position, "completed")
        else:
            yield from self._say_arguments(position, part)

    def _grow(self, delta: LogprobsDelta) -> ResponseEvent:
        item = self._open[delta.index]
        item.growing.grow(delta.text)
        item.growing.add_logprobs(delta.logprobs)
        return with_logprobs(self._job_id, delta, item.place)

    def _close_words(self, origin: Origin) -> Iterator[ResponseEvent]:
        """Close what the agent was saying."""
        for position, item in sorted(self._open.items()):
            is_words = item.growing.kind is not ToolCallPart
            if is_words and item.origin[1:3] == origin[1:3]:
                yield from self._close(position, "completed")

    def _end_call(self, origin: Origin) -> Iterator[ResponseEvent]:
        yield from self._close_words(origin)
        for position, item in sorted(self._open.items()):
            if item.origin.call_no == origin.call_no:
                part = item.growing.read()
                assert isinstance(part, ToolCallPart), "the words are closed"
                if part.is_made_here and not part.tool_call.is_undecided:
                    yield from self._say_arguments(position, part)
                else:
                    yield from self._close(position, "completed")

    def _complete(self, event: StepCompleted) -> Iterator[ResponseEvent]:
        """The result of a call.  A call of the caller's gets one where its model call was cut."""
        if event.tool_call.output is UNSET:
            return  # the call goes on as a task
        item = self._open.get(event.index)
        if item is not None and item.origin.agent_id is not None:
            growing = completed(item.growing, event.tool_call)
            self._open[event.index] = item._replace(growing=growing)
            yield from self._close(event.index, "incomplete")

    def _say_arguments(self, position: int, part: ToolCallPart) -> Iterator[ResponseEvent]:
        if position not in self._whole and not part.tool_call.is_undecided:
            self._whole |= {position}
            yield whole_arguments(part, self._job_id, self._open[position].place)

    def _close(self, position: int, status: ItemStatus) -> Iterator[ResponseEvent]:
        part = self._open[position].growing.read()
        assert isinstance(part, OutputPart), "no other part is open"
        if isinstance(part, ToolCallPart):
            yield from self._say_arguments(position, part)
        item = self._open.pop(position)
        self._closed[position] = part
        yield from closing(part, self._job_id, item.place, status)

    def _end(self, ending: AnyEnding) -> Iterator[ResponseEvent]:
        for position in sorted(self._open):
            yield from self._close(position, end_status(ending))
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

    def _template(self, part: TextPart | ThinkPart | ToolCallPart, index: int) -> bytes:
        """The template of a delta's frame, with places for the number and for the text as JSON.

        A request for leave has no deltas: the API tells the arguments at the end.
        """
        if isinstance(part, ToolCallPart) and part.tool_call.is_undecided:
            return b""
        name = delta_type(part)
        place = _json(place_of(part, self._job_id, index))[1:-1].replace(b"%", b"%%")
        return b'event: %b\ndata: {"type":"%b","sequence_number":%%d,%b,"delta":%%b}\n\n' % (
            name.encode(),
            name.encode(),
            place,
        )
