"""A model that says what it was told to, at the pace it was told: for load and for tests."""

import json
import math
import re
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Annotated, Any, Final

import msgspec
import trio
from msgspec import Meta, Struct
from msgspec.structs import replace

from legato.content import Usage
from legato.models.contract import (
    FinishReport,
    Json,
    ModelError,
    ModelEvent,
    ModelRequest,
    ReasoningChunk,
    TextChunk,
    ToolCallChunk,
    UsageReport,
)
from legato.models.counting import estimate_tokens
from legato.models.pacer import Pacer

_LONGEST_BATCH: Final = 256  # tokens; about 50 µs of work, then the others get a turn
_WORD: Final = re.compile(r"(?:w|ts=)\d+ ")  # a token of an answer
_TOKEN: Final = re.compile(r"\s*\S+\s*|\s+")  # of a scripted text
_ARGUMENTS_PIECE: Final = 8  # characters, so that every call's arguments arrive in pieces

FASTEST: Final = 1_000_000.0  # tokens/s

_Count = Annotated[int, Meta(ge=0, le=10_000_000)]
_Rate = Annotated[float, Meta(ge=0, le=1_000_000)]
_Delay = Annotated[float, Meta(ge=0, le=86_400)]
_Calls = Annotated[int, Meta(ge=0, le=100)]


class ScriptedCall(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A tool call to make.  `arguments`: an object, or a text that need not be JSON."""

    name: Annotated[str, Meta(max_length=128)]
    arguments: dict[str, Any] | Annotated[str, Meta(max_length=65_536)] = {}

    @property
    def args(self) -> str:
        return self.arguments if isinstance(self.arguments, str) else json.dumps(self.arguments)


class Entry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one model call of a run says: that text or as many tokens, then those tool calls."""

    text: Annotated[str, Meta(max_length=1_000_000)] | None = None
    tokens: _Count = 0
    calls: Annotated[tuple[ScriptedCall, ...], Meta(max_length=100)] = ()


_Entries = Annotated[tuple[Entry, ...], Meta(max_length=1000)]


class Script(Struct, frozen=True, kw_only=True):
    """What the parameters ask for.  Counts in tokens, `rate` in tokens/s, `delay` in seconds.

    `rate` 0 is as fast as it may.  `fail_after` counts reasoning tokens too.  `script` has an entry
    for each model call of a run, and stands for `tokens` and `tool_calls`.
    """

    tokens: _Count = 50
    rate: _Rate = 20.0
    delay: _Delay = 0.0
    reasoning: _Count = 0
    fail_after: _Count | None = None
    stamp: bool = False
    tool_calls: _Calls = 0
    script: _Entries | None = None


class Play(Struct, frozen=True, kw_only=True):
    """What one model call says.  `words`: its tokens, where they are given.

    `said`: how many tokens, thoughts included, are said already.
    """

    script: Script
    calls: tuple[ToolCallChunk, ...]
    words: Sequence[str] | None = None
    said: int = 0
    prompt_tokens: int = 0


_ALLOWED: Final[Mapping[str, tuple[object, str]]] = {
    "tokens": (_Count, "a whole number from 0 to 10000000"),
    "rate": (_Rate, "tokens per second from 0 (as fast as it may) to 1000000"),
    "delay": (_Delay, "seconds from 0 to 86400"),
    "reasoning": (_Count, "a whole number from 0 to 10000000"),
    "fail_after": (_Count | None, "a whole number from 0 to 10000000, or null"),
    "stamp": (bool, "true or false"),
    "tool_calls": (_Calls, "a whole number from 0 to 100"),
    "script": (
        _Entries | None,
        'a list of at most 1000 entries such as {"text": "…"}, {"tokens": 20} and '
        '{"calls": [{"name": "…", "arguments": {}}]}',
    ),
}


class ScriptedModel:
    """Deterministic: the same parameters give the same events, and on a mock clock the same times.

    Parameters it does not know are somebody else's (temperature, …) and are ignored.
    """

    writes_titles: Final = False
    continues: Final = True

    def __init__(
        self,
        name: str = "scripted",
        *,
        max_context_tokens: int = 8192,
        parameters: Mapping[str, Json] | None = None,
        fastest: float | None = None,
    ) -> None:
        """`fastest`: tokens per second that it says at most; None where nothing bounds them."""
        self.name: Final = name
        self.max_context_tokens: Final = max_context_tokens
        self._defaults = parameters or {}
        self._pacer = Pacer()
        self._fastest = fastest
        _read_script(self._defaults)

    def count_tokens(self, text: str) -> int:
        return estimate_tokens(text)

    def check(self, parameters: Mapping[str, Json]) -> None:
        script = _read_script(parameters)
        if self._fastest is not None and script.rate > self._fastest:
            allowed = f"tokens per second from 0 (as fast as it may) to {self._fastest:g}"
            raise ModelError("invalid_parameters", f"rate is {script.rate:g}; allowed: {allowed}")

    @asynccontextmanager
    async def stream(
        self, request: ModelRequest
    ) -> AsyncIterator[AsyncIterator[Sequence[ModelEvent]]]:
        script = _paced(_read_script({**self._defaults, **request.parameters}), self._fastest)
        prompt_tokens = sum(self.count_tokens(message.text) for message in request.messages)
        play = replace(_play(script, request), prompt_tokens=prompt_tokens)
        async with aclosing(_perform(play, self._pacer)) as batches:
            yield batches


def _paced(script: Script, fastest: float | None) -> Script:
    """Not faster than that."""
    if fastest is None:
        return script
    return replace(script, rate=min(script.rate or fastest, fastest))


def _read_script(parameters: Mapping[str, Json]) -> Script:
    known = {key: value for key, value in parameters.items() if key in _ALLOWED}
    for key, value in known.items():
        kind, allowed = _ALLOWED[key]
        try:
            msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            found = f"{value!r:.80}"
            raise ModelError(
                "invalid_parameters", f"{key} is {found}; allowed: {allowed}"
            ) from error
    return msgspec.convert(known, Script)


def _play(script: Script, request: ModelRequest) -> Play:
    """Choose what this call says: it may be one of several of a run, or go on from its own text."""
    if script.script is None:
        calls = tuple(_numbered(call) for call in range(script.tool_calls))
        words = len(_WORD.findall(request.resumed))
        return Play(script=script, calls=calls, said=script.reasoning + words if words else 0)
    number = _calls_before(request)
    entry = script.script[number] if number < len(script.script) else Entry()
    texts = None if entry.text is None else _TOKEN.findall(entry.text)
    spoken = _TOKEN.findall(request.resumed)
    tokens = entry.tokens if texts is None else len(texts)
    named = len([each for each in request.messages if each.role == "assistant"])
    return Play(
        script=replace(script, tokens=tokens),
        calls=tuple(
            ToolCallChunk(index, f"call_{named}_{index}", call.name, call.args)
            for index, call in enumerate(entry.calls)
        ),
        words=texts,
        said=script.reasoning + len(spoken) if spoken else 0,
    )


def _calls_before(request: ModelRequest) -> int:
    """How many model calls were made since the question: each left what it said, or its calls."""
    made = 0
    for message in request.messages:
        made = 0 if message.role == "user" else made + (message.role == "assistant")
    return made - bool(request.resumed)


def _numbered(call: int) -> ToolCallChunk:
    args = json.dumps({"call": call, "text": f"argument of call {call}"})
    return ToolCallChunk(call, f"call_{call}", "scripted_tool", args)


async def _perform(play: Play, pacer: Pacer) -> AsyncGenerator[Sequence[ModelEvent], None]:
    script, said = play.script, play.said
    total = script.reasoning + script.tokens
    end = total if script.fail_after is None else min(total, script.fail_after)
    start = trio.current_time() + script.delay
    if script.rate:
        start -= said / script.rate
    await pacer.sleep_until(start)
    while said < end:
        # Absolute deadlines: whoever was held up catches up, and the pace does not drift.
        now = await pacer.sleep_until(start + said / script.rate if script.rate else start)
        due = min(end, said + _batch(script.rate, now - start, said))
        yield _tokens(play, said, due)
        said = due
    if script.fail_after is not None and script.fail_after <= total:
        raise ModelError("provider_error", f"The script failed after {said} tokens, as it was told")
    for call in play.calls:
        await trio.lowlevel.checkpoint()
        yield list(_pieces(call))
    usage = Usage(
        prompt_tokens=play.prompt_tokens,
        completion_tokens=total,
        reasoning_tokens=script.reasoning,
    )
    yield [UsageReport(usage), FinishReport("tool_calls" if play.calls else "stop")]


def _batch(rate: float, elapsed: float, said: int) -> int:
    """How many tokens are due and not said yet; at least one, and never more than one turn's.

    Token i is due i / rate seconds after the start.  Rounding may put the very moment
    of a deadline a hair before it; the token is due all the same.
    """
    if not rate:
        return _LONGEST_BATCH
    return min(_LONGEST_BATCH, max(1, math.floor(elapsed * rate) + 1 - said))


def _tokens(play: Play, start: int, end: int) -> Sequence[ModelEvent]:
    """The tokens from position `start` to before `end`; reasoning has the first positions."""
    script = play.script
    if start < script.reasoning and start < end:
        turn = min(script.reasoning, end)
        thoughts = [ReasoningChunk(f"r{i} ") for i in range(start, turn)]
        return [*thoughts, *_tokens(play, turn, end)]
    if script.stamp:
        return [TextChunk(f"ts={time.monotonic_ns()} ") for _ in range(start, end)]
    places = range(start - script.reasoning, end - script.reasoning)
    if play.words is not None:
        return [TextChunk(play.words[i]) for i in places]
    return [TextChunk(f"w{i} ") for i in places]


def _pieces(call: ToolCallChunk) -> Iterator[ToolCallChunk]:
    yield replace(call, args="")
    for start in range(0, len(call.args), _ARGUMENTS_PIECE):
        piece = call.args[start : start + _ARGUMENTS_PIECE]
        yield ToolCallChunk(call.index, args=piece)
