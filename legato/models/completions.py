"""The Chat Completions stream as OpenAI and its followers speak it: JSON into model events."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from legato.content import Usage
from legato.models.contract import (
    FinishReport,
    ModelError,
    ModelEvent,
    ReasoningChunk,
    TextChunk,
    ToolCallChunk,
    UsageReport,
)
from legato.models.numbers import NOTHING, index_in, tokens_in, value_in

_DONE: Final = "[DONE]"
_SHOWN: Final = 300  # characters of a provider's own words: a sentence or two, not a page


class _Function(Struct):
    name: str | None = None
    arguments: str | None = None


class _ToolCall(Struct):
    index: Raw = NOTHING
    id: str | None = None
    function: _Function | None = None


class _Delta(Struct):
    content: str | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    tool_calls: list[_ToolCall] | None = None


class _Choice(Struct):
    delta: _Delta | None = None
    finish_reason: str | None = None


class _Chunk(Struct):
    choices: list[_Choice] | None = None
    usage: Raw = NOTHING
    error: object = None


class CompletionDecoder:
    """One answer's chunks, in order.  `ending` closes it; a FinishReport comes nowhere else.

    The provider's finish reason is held back until then, since the usage follows it.
    `failure` is what the provider reported in mid-answer, or that it spoke nonsense; what
    came before it, perhaps in the same read, is still the answer's.
    """

    def __init__(self) -> None:
        self.done = False
        self.failure: ModelError | None = None
        self._reason: str | None = None
        self._usage: Usage | None = None
        self._calls: set[int] = set()

    def decode(self, datas: Sequence[str]) -> list[ModelEvent]:
        """The events in the data of these server-sent events, up to a `failure`."""
        events: list[ModelEvent] = []
        try:
            for data in datas:
                events.extend(self._decode_one(data))
        except ModelError as error:
            self.failure = error
        return events

    def ending(self) -> list[ModelEvent]:
        """The last events, once no more data comes.

        Raises:
            ModelError: `provider_cut`: the provider had not finished.
        """
        if self._reason is None and not self.done:
            raise ModelError("provider_cut", "The provider's answer broke off before its end")
        report: list[ModelEvent] = [] if self._usage is None else [UsageReport(self._usage)]
        return [*report, FinishReport(self._reason or "stop")]

    def _decode_one(self, data: str) -> Iterator[ModelEvent]:
        if self.done or not data:
            return
        if data.strip() == _DONE:
            self.done = True
            return
        chunk = _parse(data)
        if chunk.usage is not NOTHING:
            self._usage = _usage(value_in(chunk.usage)) or self._usage
        if chunk.choices:
            choice = chunk.choices[0]
            self._reason = choice.finish_reason or self._reason
            yield from self._delta(choice.delta or _Delta())

    def _delta(self, delta: _Delta) -> Iterator[ModelEvent]:
        if reasoning := delta.reasoning_content or delta.reasoning:
            yield ReasoningChunk(reasoning)
        if text := delta.content or delta.refusal:
            yield TextChunk(text)
        for call in delta.tool_calls or ():
            yield self._tool_call(call)

    def _tool_call(self, call: _ToolCall) -> ToolCallChunk:
        function = call.function or _Function()
        args = function.arguments or ""
        index = self._index(call)
        if index in self._calls:  # some repeat id and name with every piece
            return ToolCallChunk(index, args=args)
        self._calls.add(index)
        return ToolCallChunk(index, call.id or f"call_{index}", function.name or "", args)

    def _index(self, call: _ToolCall) -> int:
        """Begin a call at an id, or at the very first piece, where no index makes sense."""
        index = index_in(value_in(call.index))
        if index is not None:
            return index
        latest = max(self._calls, default=-1)
        return latest + 1 if call.id or latest < 0 else latest


def _parse(data: str) -> _Chunk:
    try:
        chunk = msgspec.json.decode(data, type=_Chunk)
    except msgspec.DecodeError as error:
        raise ModelError(
            "provider_error", f"The provider sent what is no chunk of an answer: {data:.100}"
        ) from error
    if said := _trimmed(chunk.error):
        raise ModelError("provider_error", f"The provider failed in mid-answer: {said}")
    return chunk


def _usage(found: Any) -> Usage | None:
    """None where nothing is said."""
    if not isinstance(found, dict):
        return None
    details = found.get("completion_tokens_details")
    reasoning = details.get("reasoning_tokens") if isinstance(details, dict) else None
    return Usage(
        prompt_tokens=tokens_in(found.get("prompt_tokens")),
        completion_tokens=tokens_in(found.get("completion_tokens")),
        reasoning_tokens=tokens_in(reasoning),
    )


def message_in(body: bytes) -> str:
    """The words for people in an error body of whatever shape, trimmed; "" if it says nothing."""
    try:
        return _trimmed(msgspec.json.decode(body))
    except msgspec.DecodeError:
        return _trimmed(body.decode(errors="replace"))


def _trimmed(found: object) -> str:
    return " ".join(_words(found).split())[:_SHOWN]


def _words(found: object) -> str:
    match found:
        case _ if not found:
            return ""
        case {"error": inner} | {"message": inner} | {"detail": inner} | [inner, *_]:
            return _words(inner)
        case str(words):
            return words
        case _:
            return msgspec.json.encode(found).decode()
