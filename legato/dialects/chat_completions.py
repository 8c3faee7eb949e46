"""The stream of Chat Completions: chunks as server-sent events, with a cursor as their `id:`.

The cursor is a frame's last line, as in `librechat`.
"""

from collections.abc import Iterable, Iterator
from copy import copy
from typing import Final, Self, assert_never

from msgspec import UNSET, Raw, convert, json

from legato.content import Part, TextPart, ThinkPart, ToolCall, ToolCallPart, WholePart
from legato.dialects.blank_lines import BlankLines
from legato.dialects.completion_object import (
    EXTENSION,
    FUNCTION_CALL,
    THOUGHTS,
    Body,
    Echo,
    annotation_of,
    call_of,
    error_of,
    finish_reason,
    function_of,
    head_of,
    made_call_of,
    served_by,
    usage_of,
)
from legato.dialects.contract import Identity
from legato.dialects.floor import SpeakingOrder
from legato.dialects.leave_requests import requests_in, told
from legato.events import (
    AnnotationAdded,
    Answered,
    AnyEnding,
    AnyEvent,
    ArgumentsDelta,
    Asked,
    Created,
    Failed,
    Finished,
    HiddenDelta,
    LogprobsDelta,
    ModelCallEnded,
    Queued,
    RareEvent,
    ReasoningDelta,
    RefusalDelta,
    Snapshot,
    SteerApplied,
    SteerReturned,
    SteerTaken,
    StepCompleted,
    StepStarted,
    Stopped,
    TextDelta,
)
from legato.growing_part import blank, extended

_json = json.Encoder().encode  # JSON escapes every line break, so a payload cannot forge a frame

_TEXT: Final = b'"content":%b'
_THOUGHT: Final = b'"%b":%%b' % THOUGHTS.encode()
_REFUSAL: Final = b'"refusal":%b'
_ARGUMENTS: Final = b'"tool_calls":[{"index":%d,"function":{"arguments":%b}}]'
_FUNCTION: Final = b'"%b":{"arguments":%%b}' % FUNCTION_CALL.encode()
_INPUT: Final = b'"tool_calls":[{"index":%d,"custom":{"input":%b}}]'


class ChatCompletions:
    """One job's frames.

    The state is the first event's echo of the request, and the number of each tool call, because
    clients count an answer's calls and not its parts.  Of simultaneous agents, the later
    agent's words are held back.  A call made by the run is told with the result, in a field of
    ours: a client would make a call in `tool_calls` a second time.
    """

    number: Final = None

    def __init__(self, identity: Identity) -> None:
        self._identity = identity
        self._id = f"id: {identity.job_id}:{identity.epoch}:".encode()  # a cursor without the seq
        self._calls: dict[int, int] = {}
        self._agents: dict[int, str] = {}  # by the positions of the run's own calls
        self._answered = 0  # of these calls
        self._floor = SpeakingOrder()
        self._lines = BlankLines()
        self._custom: frozenset[int] = frozenset()  # positions of calls whose input is any text

    def fork(self) -> Self:
        twin = copy(self)
        twin._calls = dict(self._calls)
        twin._agents = dict(self._agents)
        twin._floor = self._floor.fork()
        twin._lines = self._lines.fork()
        return twin

    def encode(self, seq: int, event: AnyEvent) -> bytes:
        # Nearly all encoded events are deltas.  Therefore a job makes templates of their frames
        # once, and fills in the differences.
        if type(event) is TextDelta:
            if event.index == self._floor.live:
                return self._text % (_json(event.text), seq)
            return self._hold(event)
        if type(event) is ReasoningDelta:
            if event.index == self._floor.live:
                return self._thought % (_json(event.text), seq)
            return self._hold(event)
        if type(event) is ArgumentsDelta:
            if event.index not in self._calls:
                return b""
            if self._echo.functions:
                return self._function % (_json(event.text), seq)
            template = self._input if event.index in self._custom else self._arguments
            return template % (self._calls[event.index], _json(event.text), seq)
        if type(event) is RefusalDelta:
            if event.index == self._floor.live:
                return self._refusal % (_json(event.text), seq)
            return self._hold(event)
        if type(event) is HiddenDelta:
            return b""
        return self._rare(seq, event)

    def _hold(self, delta: TextDelta | ReasoningDelta | RefusalDelta) -> bytes:
        self._floor.held(delta.index).grow(delta.text)
        return b""

    def snapshot(self, snapshot: Snapshot) -> None:
        """No chunk says: forget what was before."""

    def _rare(self, seq: int, event: RareEvent) -> bytes:
        match event:
            case Created():
                self._begin(event)
                return self._frame(seq, self._chunk({"role": "assistant", "content": ""}))
            case LogprobsDelta():
                return self._frames(seq, self._add_logprobs(event))
            case AnnotationAdded():
                return self._frames(seq, self._annotate(event))
            case StepStarted():
                return self._frames(seq, self._start(event))
            case StepCompleted():
                return self._frames(seq, self._complete(event))
            case ModelCallEnded(origin):
                return self._frames(seq, self._told(self._floor.end(origin)))
            case Queued():
                return b""
            case SteerTaken() | SteerApplied() | SteerReturned() | Asked() | Answered():
                return b""
            case Finished() | Stopped() | Failed():
                rest = self._told(self._floor.rest())
                return b"".join(map(_unnamed, rest)) + self._end(event) + self._done(seq)
            case _:
                assert_never(event)

    def _begin(self, created: Created) -> None:
        api_request = created.api_request
        assert api_request is not None, "only what an API was asked is answered so"
        self._is_run = created.agent is not None
        self._agents |= {
            index: part.agent_id or ""
            for index, part in enumerate(created.kept)
            if isinstance(part, ToolCallPart) and not part.tool_call.is_undecided
        }
        self._echo = convert(api_request.echo, Echo)
        self._head = head_of(
            self._identity.response_id,
            "chat.completion.chunk",
            self._echo.created,
            api_request.model,
        )
        self._text = self._template(_TEXT)
        self._thought = self._template(_THOUGHT)
        self._refusal = self._template(_REFUSAL)
        self._arguments = self._template(_ARGUMENTS)
        self._input = self._template(_INPUT)
        self._function = self._template(_FUNCTION)

    def _start(self, step: StepStarted) -> Iterator[Body]:
        if self._floor.goes_on(step):
            return
        yield from self._told(self._floor.end(step.origin))
        part = blank(step)
        if step.is_hidden or isinstance(part, WholePart):
            return
        separator = self._lines.before(part)
        if isinstance(part, ToolCallPart):
            if part.is_made_here:
                if not part.tool_call.is_undecided:
                    self._agents[step.index] = step.origin.agent_id or ""
            elif not (self._echo.functions and self._calls):
                yield self._chunk(self._call(step.index, part.tool_call))
        elif self._floor.begin(step, extended(part, separator)):
            yield from self._told([extended(part, separator)])

    def _told(self, parts: Iterable[Part]) -> Iterator[Body]:
        """Whole parts as chunks."""
        for part in parts:
            if isinstance(part, ThinkPart) and part.think:
                yield self._chunk({THOUGHTS: part.think})
            elif isinstance(part, TextPart):
                yield from self._told_text(part)

    def _told_text(self, part: TextPart) -> Iterator[Body]:
        if part.text:
            field = "refusal" if part.kind == "refusal" else "content"
            yield self._chunk({field: part.text}, logprobs=part.logprobs or "")
        if part.annotations:
            yield self._chunk({"annotations": list(map(annotation_of, part.annotations))})

    def _complete(self, event: StepCompleted) -> Iterator[Body]:
        if event.tool_call.output is UNSET:
            return  # the call goes on as a task
        if event.index in self._agents:
            part = ToolCallPart(event.tool_call, agent_id=self._agents.pop(event.index))
            # Clients put lists together by `index`: this list has the calls in the order of their
            # results.
            call = {"index": self._answered, **made_call_of(part)}
            self._answered += 1
            yield self._chunk({EXTENSION: {"tool_calls": [call]}})

    def _call(self, index: int, call: ToolCall) -> Body:
        number = self._calls[index] = len(self._calls)
        if self._echo.functions:
            return {FUNCTION_CALL: function_of(call)}
        if call.kind == "custom":
            self._custom |= {index}
        return {"tool_calls": [{"index": number, **call_of(call)}]}

    def _add_logprobs(self, delta: LogprobsDelta) -> Iterator[Body]:
        if delta.index == self._floor.live:
            yield self._chunk({"content": delta.text}, logprobs=delta.logprobs)
        else:
            held = self._floor.held(delta.index)
            held.grow(delta.text)
            held.add_logprobs(delta.logprobs)

    def _annotate(self, added: AnnotationAdded) -> Iterator[Body]:
        if added.index == self._floor.live:
            yield self._chunk({"annotations": [annotation_of(added.annotation)]})
        else:
            self._floor.held(added.index).annotate(added.annotation)

    def _end(self, ending: AnyEnding) -> bytes:
        if not isinstance(ending, Finished):
            return _unnamed({"error": error_of(ending)})
        asks = bool(self._calls) or not self._is_run
        reason = finish_reason(ending, asks=asks, functions=self._echo.functions)
        last = _unnamed(self._chunk(self._pending(ending), reason) | served_by(ending))
        if not self._echo.include_usage:
            return last
        usage = {"choices": [], "usage": usage_of(ending.usage, ending.usages)}
        return last + _unnamed(self._chunk({}) | usage)

    def _pending(self, ending: Finished) -> Body:
        """The calls for which the run needs leave: the next request has the decisions."""
        content = (ending.response.content or ()) if ending.response else ()
        pending = [*told(requests_in(content, self._identity.job_id))]
        return {EXTENSION: {"pending": pending}} if pending else {}

    def _done(self, seq: int) -> bytes:
        """Give the cursor to an event's last frame: a reader cut before gets all frames again."""
        return b"data: [DONE]\n%b%d\n\n" % (self._id, seq)

    def _chunk(self, delta: Body, finish: str | None = None, logprobs: str = "") -> Body:
        said = {"content": Raw(b"[%b]" % logprobs.encode()), "refusal": None} if logprobs else None
        choice = {"index": 0, "delta": delta, "logprobs": said, "finish_reason": finish}
        return {
            **self._head,
            "choices": [choice],
            **({"usage": None} if self._echo.include_usage else {}),
        }

    def _frames(self, seq: int, bodies: Iterable[Body]) -> bytes:
        """All frames of an event: only the last has the cursor."""
        every = list(bodies)
        if not every:
            return b""
        return b"".join(map(_unnamed, every[:-1])) + self._frame(seq, every[-1])

    def _frame(self, seq: int, body: Body) -> bytes:
        return b"data: %b\n%b%d\n\n" % (_json(body), self._id, seq)

    def _template(self, delta: bytes) -> bytes:
        """A delta's frame, to be filled in: its seq, and what `delta` has places for."""
        chunk, name = _json(self._chunk({})), self._id.replace(b"%", b"%%")
        before, after = chunk.replace(b"%", b"%%").split(b'"delta":{}')
        return b'data: %b"delta":{%b}%b\n%b%%d\n\n' % (before, delta, after, name)


def _unnamed(body: Body) -> bytes:
    """A frame without a cursor: the reader's cursor stays where the frame before put it."""
    return b"data: %b\n\n" % _json(body)
