"""The stream of Chat Completions: chunks as server-sent events, with a cursor as their `id:`.

The cursor is a frame's last line, as in `librechat`.
"""

from copy import copy
from typing import Final, Self, assert_never

from msgspec import Raw, convert, json

from legato.content import ToolCall
from legato.dialects.completion_object import (
    THOUGHTS,
    Body,
    Echo,
    annotation_of,
    call_of,
    error_of,
    finish_reason,
    head_of,
    served_by,
    usage_of,
)
from legato.dialects.contract import Identity
from legato.events import (
    AnnotationAdded,
    Answered,
    AnyEvent,
    ArgumentsDelta,
    Asked,
    Created,
    Failed,
    Finished,
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

_json = json.Encoder().encode  # JSON escapes every line break, so a payload cannot forge a frame

_TEXT: Final = b'"content":%b'
_THOUGHT: Final = b'"%b":%%b' % THOUGHTS.encode()
_REFUSAL: Final = b'"refusal":%b'
_ARGUMENTS: Final = b'"tool_calls":[{"index":%d,"function":{"arguments":%b}}]'
_INPUT: Final = b'"tool_calls":[{"index":%d,"custom":{"input":%b}}]'


class ChatCompletions:
    """One job's frames.

    The state is the first event's echo of the request, and the number of each tool call, because
    clients count an answer's calls and not its parts.
    """

    number: Final = None

    def __init__(self, identity: Identity) -> None:
        self._identity = identity
        self._id = f"id: {identity.job_id}:{identity.epoch}:".encode()  # a cursor without the seq
        self._calls: dict[int, int] = {}
        self._custom: frozenset[int] = frozenset()  # positions of calls whose input is any text

    def fork(self) -> Self:
        twin = copy(self)
        twin._calls = dict(self._calls)
        return twin

    def encode(self, seq: int, event: AnyEvent) -> bytes:
        # Nearly all encoded events are deltas.  Therefore a job makes templates of their frames
        # once, and fills in the differences.
        if type(event) is TextDelta:
            return self._text % (_json(event.text), seq)
        if type(event) is ReasoningDelta:
            return self._thought % (_json(event.text), seq)
        if type(event) is ArgumentsDelta:
            template = self._input if event.index in self._custom else self._arguments
            return template % (self._calls[event.index], _json(event.text), seq)
        if type(event) is RefusalDelta:
            return self._refusal % (_json(event.text), seq)
        return self._rare(seq, event)

    def snapshot(self, snapshot: Snapshot) -> None:
        """No chunk says: forget what was before."""

    def _rare(self, seq: int, event: RareEvent) -> bytes:
        match event:
            case Created():
                self._begin(event)
                return self._frame(seq, self._chunk({"role": "assistant", "content": ""}))
            case LogprobsDelta():
                return self._frame(seq, self._with_logprobs(event))
            case AnnotationAdded(_, annotation):
                return self._frame(seq, self._chunk({"annotations": [annotation_of(annotation)]}))
            case StepStarted(index, "tool_call", call):
                return self._frame(seq, self._chunk(self._call(index, call or ToolCall("", ""))))
            case Queued() | StepStarted() | StepCompleted() | ModelCallEnded():
                return b""
            case SteerTaken() | SteerApplied() | SteerReturned() | Asked() | Answered():
                return b""
            case Finished():
                return self._finish(event) + self._done(seq)
            case Stopped() | Failed():
                return _unnamed({"error": error_of(event)}) + self._done(seq)
            case _:
                assert_never(event)

    def _begin(self, created: Created) -> None:
        api_request = created.api_request
        assert api_request is not None, "only what an API was asked is answered so"
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

    def _call(self, index: int, call: ToolCall) -> Body:
        number = self._calls[index] = len(self._calls)
        if call.kind == "custom":
            self._custom |= {index}
        return {"tool_calls": [{"index": number, **call_of(call)}]}

    def _with_logprobs(self, delta: LogprobsDelta) -> Body:
        chunk = self._chunk({"content": delta.text})
        content = Raw(b"[%b]" % delta.logprobs.encode())
        chunk["choices"][0]["logprobs"] = {"content": content, "refusal": None}
        return chunk

    def _finish(self, ending: Finished) -> bytes:
        last = _unnamed(self._chunk({}, finish_reason(ending)) | served_by(ending))
        if not self._echo.include_usage:
            return last
        usage = {"choices": [], "usage": usage_of(ending.usage)}
        return last + _unnamed(self._chunk({}) | usage)

    def _done(self, seq: int) -> bytes:
        """Of one event's frames only the last has the cursor: who saw less comes back for all."""
        return b"data: [DONE]\n%b%d\n\n" % (self._id, seq)

    def _chunk(self, delta: Body, finish: str | None = None) -> Body:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return {
            **self._head,
            "choices": [choice],
            **({"usage": None} if self._echo.include_usage else {}),
        }

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
