"""The bytes of a provider's answer into events: pure, and bounded in memory."""

from collections.abc import Iterator
from typing import Any, Final

from msgspec.structs import replace

from legato.content import Usage
from legato.models.annotations import AnnotationsReader
from legato.models.calls import MOST_CALLS, Calls, TooManyCalls
from legato.models.chunks import (
    CompletionChunk,
    choice_in,
    chunks_in,
    delta_in,
    fact_in,
    finish_in,
    refusal_in,
    said_in,
    thought_in,
    usage_in,
)
from legato.models.contract import (
    AnnotationChunk,
    FinishReport,
    LogprobsChunk,
    ModelError,
    ModelEvent,
    ReasoningChunk,
    RefusalChunk,
    TextChunk,
    ToolCallChunk,
    UsageReport,
)
from legato.models.event_stream import EventSplitter, ServerEvent
from legato.models.failures import SHOWN, ErrorReport, error_in, report_in, report_of
from legato.models.fields import mappings_in
from legato.models.logprobs import LogprobsReader
from legato.models.surrogates import SurrogateJoiner

MOST_DOCUMENT: Final = 4 * 1024 * 1024
"""Bytes of a whole answer in a JSON document: as long as an answer may be."""

MOST_DROPPED: Final = 64 * 1024 * 1024
"""Bytes of skipped events, after which the provider counts as broken."""

MOST_PARTS: Final = 1000
"""Changes between text, thoughts and refusals; each makes a part.  Models make some dozens."""

_Said = TextChunk | ReasoningChunk | RefusalChunk
_DONE: Final = b"[DONE]"
_WHITE: Final = b" \t\r\n"
_BOM: Final = b"\xef\xbb\xbf"


class AnswerReader:
    """Takes the body of a response cut anywhere; gives the completed events.

    `call_prefix` makes ids unique for calls that come without an id. `failure` is an error from the
    provider, or about nonsense; events before the failure, perhaps of the same read, still belong
    to the answer.  `is_done`: nothing follows.  `is_finishing`: the model has ended, and only the
    usage may follow.  `has_spoken`: a part of an answer has come.
    """

    def __init__(self, call_prefix: str) -> None:
        self.failure: ModelError | None = None
        self.is_done = False
        self.has_spoken = False
        self.unreadable = 0  # events that are no chunk
        self._splitter = EventSplitter()
        self._start: bytes | None = b""  # until a first byte shows the kind of body
        self._document: bytearray | None = None
        self._beginning = b""
        self._nonsense = b""  # of the first unreadable event
        self._calls = Calls(call_prefix)
        self._annotations = AnnotationsReader()
        self._logprobs = LogprobsReader()
        self._halves = SurrogateJoiner()
        self._reason = ""
        self._fingerprint = ""
        self._tier = ""
        self._usage: Usage | None = None
        self._has_choices = False
        self._parts = 0
        self._latest: type[_Said] | None = None

    @property
    def logprobs_left_out(self) -> int:
        """The number of chunks with logprobs that are not handed on."""
        return self._logprobs.left_out

    @property
    def is_finishing(self) -> bool:
        return bool(self._reason)

    def feed(self, read: bytes) -> list[ModelEvent]:
        """The events completed by `read`, up to a `failure` or the end."""
        if self._start is not None:
            read = self._begin(read)
        if self._document is not None:
            self._gather(read)
            return []
        return self._events(self._splitter.feed(read))

    def end(self, *, is_broken: bool = False) -> list[ModelEvent]:
        """The last events at the end of the body: with a FinishReport, unless there is a `failure`.

        `is_broken`: the connection did not end as HTTP says.
        """
        nonsense = self._nonsense
        events = self._remainder()
        if is_broken:
            self._nonsense = nonsense  # half an event is none: it was torn
        events.extend(map(AnnotationChunk, self._annotations.take()))  # said before the text
        events.extend(self._calls.rest())
        if self.failure is None and not (self._reason or self._ended_by_done()):
            self.failure = self._why_unfinished(is_broken)
        if self.failure is None:
            events.extend(self._ending())
        return events

    def _begin(self, read: bytes) -> bytes:
        """All bytes up to now, once a byte shows whether the body is a stream or a JSON document.

        The media type does not tell: errors come as streams, and streams as plain text.
        """
        start = (self._start or b"") + read
        self._beginning = start[: 8 * SHOWN]
        text = start.removeprefix(_BOM).lstrip(_WHITE)
        if (not text or _BOM.startswith(start)) and len(start) <= SHOWN:
            self._start = start
            return b""
        self._start = None
        if text[:1] in (b"{", b"["):
            self._document = bytearray()
        return start

    def _gather(self, read: bytes) -> None:
        assert self._document is not None
        self._document += read
        if len(self._document) > MOST_DOCUMENT:
            self._document.clear()
            self._fail(ErrorReport(f"a document of more than {MOST_DOCUMENT} bytes"), "sent")

    def _remainder(self) -> list[ModelEvent]:
        if self._start:
            start, self._start = self._start, None
            return self._events([*self._splitter.feed(start), *self._splitter.flush()])
        if self._document is None:
            return self._events(self._splitter.flush())
        events: list[ModelEvent] = []
        if self.failure is None:
            self._read_data(bytes(self._document).removeprefix(_BOM), events)
            self.is_done = self._has_choices
        return events

    def _events(self, found: list[ServerEvent]) -> list[ModelEvent]:
        events: list[ModelEvent] = []
        for event in found:
            if self.is_done or self.failure is not None:
                break
            self._take(event, events)
        if self._splitter.dropped > MOST_DROPPED:
            self._fail(ErrorReport(f"{MOST_DROPPED} bytes that no answer can be made of"), "sent")
        return events

    def _take(self, event: ServerEvent, events: list[ModelEvent]) -> None:
        if event.name == b"error":
            self._fail(report_in(event.data))
        elif event.data[:1] != b"{" and event.data.strip() == _DONE:
            self.is_done = True
        else:
            self._read_data(event.data, events)

    def _read_data(self, data: bytes, events: list[ModelEvent]) -> None:
        chunks = chunks_in(data)
        if chunks is None:
            self.unreadable += 1
            self._nonsense = self._nonsense or data[: 8 * SHOWN]
            return
        for chunk in chunks:
            self._read(chunk, events)

    def _read(self, chunk: CompletionChunk, events: list[ModelEvent]) -> None:
        choice = choice_in(chunk)
        if choice is not None:
            self._has_choices = True
            delta = delta_in(choice)
            if logprobs := choice.get("logprobs"):
                self._read_with_logprobs(delta, logprobs, events)
            elif delta:
                self._read_delta(delta, events)
            self._reason = finish_in(choice) or self._reason
            self._fingerprint = fact_in(chunk, "system_fingerprint") or self._fingerprint
            self._tier = fact_in(chunk, "service_tier") or self._tier
        if chunk.get("usage") or choice is None or "x_groq" in chunk or "usage" in choice:
            self._usage = usage_in(chunk, choice) or self._usage
        error = error_in(chunk) or (choice and (choice.get("error") or self._reason == "error"))
        if error:
            self._fail(report_of(None if error is True else error))

    def _read_delta(self, delta: Any, events: list[ModelEvent]) -> None:
        if len(delta) == 1 and type(text := delta.get("content")) is str:  # as nearly all are
            self._add(events, TextChunk, text)
            return
        if thought := thought_in(delta):
            self._add(events, ReasoningChunk, thought)
        if text := said_in(delta):
            self._add(events, TextChunk, text)
        if refusal := refusal_in(delta):
            self._add(events, RefusalChunk, refusal)
        if annotations := delta.get("annotations"):
            self._annotations.hold(annotations)
            if self._latest is TextChunk:
                events.extend(map(AnnotationChunk, self._annotations.take()))
        if calls := delta.get("tool_calls"):
            self._read_calls(calls, events)
        elif (call := delta.get("function_call")) and type(call) is dict:
            self._read_calls({"function": call}, events)

    def _read_with_logprobs(self, delta: Any, logprobs: Any, events: list[ModelEvent]) -> None:
        """Only text has logprobs to hand on, not thoughts and calls."""
        self._logprobs.hold(logprobs)
        told: list[ModelEvent] = []
        self._read_delta(delta, told)
        if not told and self._latest is not TextChunk:
            return  # the text is to come
        held = self._logprobs.take()
        if held and not told:
            told.append(TextChunk(""))
        for each in told:
            if held and type(each) is TextChunk:
                events.append(LogprobsChunk(each.text, held))
            else:
                events.append(each)

    def _read_calls(self, found: object, events: list[ModelEvent]) -> None:
        try:
            for given in mappings_in(found):
                for told in self._calls.read(given):
                    self.has_spoken = True
                    self._latest = None
                    events.append(self._encodable(told))
        except TooManyCalls:
            self._fail(ErrorReport(f"more than {MOST_CALLS} tool calls"), "sent")

    def _encodable(self, call: ToolCallChunk) -> ToolCallChunk:
        args = self._halves.join(f"call {call.index}", call.args)
        return call if args == call.args else replace(call, args=args)

    def _add(self, events: list[ModelEvent], kind: type[_Said], text: str) -> None:
        text = self._halves.join(kind.__name__, text)
        if not text:
            return
        if kind is not self._latest:
            self._latest = kind
            self._parts += 1
            if self._parts > MOST_PARTS:
                self._fail(
                    ErrorReport(f"more than {MOST_PARTS} changes of text and thoughts"), "sent"
                )
        self.has_spoken = True
        events.append(kind(text))

    def _fail(self, report: ErrorReport, what: str | None = None) -> None:
        usual = "failed in mid-answer" if self.has_spoken else "answered with an error"
        self.failure = self.failure or report.error(what or usual)

    def _ended_by_done(self) -> bool:
        return self.is_done and self._has_choices

    def _why_unfinished(self, is_broken: bool) -> ModelError:
        if self._nonsense and not self._has_choices:
            return report_in(self._nonsense).error("sent what is no chunk of an answer")
        beginning = self._beginning.removeprefix(_BOM).lstrip(_WHITE)
        if not (is_broken or self.has_spoken) and beginning and not self._has_choices:
            if self.is_done:
                return ErrorReport("only the end of one").error("sent no answer")
            if not beginning.startswith((b":", b"data", b"event", b"id", b"retry")):
                return report_in(beginning).error("sent no event stream")
        return ModelError("provider_cut", "The provider's answer broke off before its end")

    def _ending(self) -> Iterator[ModelEvent]:
        if self._usage is not None:
            yield UsageReport(self._usage)
        reason = self._reason or ("tool_calls" if self._calls else "stop")
        yield FinishReport(reason, self._fingerprint, self._tier)
