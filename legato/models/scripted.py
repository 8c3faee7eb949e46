"""A deterministic model that speaks at a given pace: for load and for tests."""

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

_LONGEST_BATCH: Final = 256  # tokens; about 50 µs of work, then other tasks get a turn
_WORD: Final = re.compile(r"(?:w|ts=)\d+ ")  # a token of an answer
_TOKEN: Final = re.compile(r"\s*\S+\s*|\s+")  # of a scripted text
_ARGUMENTS_PIECE: Final = 8  # characters: every call's arguments arrive in pieces

FASTEST: Final = 1_000_000.0  # tokens/s

_Count = Annotated[int, Meta(ge=0, le=10_000_000)]
_Limit = Annotated[int, Meta(ge=1, le=2**53)]
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
    """The answer to one model call of a run: a text or a number of tokens, then tool calls."""

    text: Annotated[str, Meta(max_length=1_000_000)] | None = None
    tokens: _Count = 0
    calls: Annotated[tuple[ScriptedCall, ...], Meta(max_length=100)] = ()


_Entries = Annotated[tuple[Entry, ...], Meta(max_length=1000)]


class Script(Struct, frozen=True, kw_only=True):
    """The parameters of a script.  Counts in tokens, `rate` in tokens/s, `delay` in seconds.

    `rate` 0 is as fast as it may.  `fail_after` counts reasoning tokens too.  An answer that a
    limit cuts calls no tools.  `script` has an entry for each model call of a run, and takes the
    place of `tokens` and `tool_calls`.
    """

    tokens: _Count = 50
    rate: _Rate = 20.0
    delay: _Delay = 0.0
    reasoning: _Count = 0
    fail_after: _Count | None = None
    stamp: bool = False
    tool_calls: _Calls = 0
    script: _Entries | None = None
    max_tokens: _Limit | None = None
    max_completion_tokens: _Limit | None = None

    @property
    def limit(self) -> int | None:
        """How many tokens an answer has at most, thoughts included; None for any number."""
        limits = (self.max_tokens, self.max_completion_tokens)
        return min((each for each in limits if each is not None), default=None)


class Play(Struct, frozen=True, kw_only=True):
    """One model call.  `words`: the tokens of the text, or None for numbered ones.

    `said`: the number of tokens that were said before, thoughts included.
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
    "max_tokens": (_Limit | None, "a whole number from 1, or null"),
    "max_completion_tokens": (_Limit | None, "a whole number from 1, or null"),
}


class ScriptedModel:
    """Deterministic: the same parameters give the same events, and on a mock clock the same times.

    Unknown parameters are meant for other models (temperature, …) and are ignored.
    """

    writes_titles: Final = False
    continues: Final = True
    reads_images: Final = True  # as it reads texts

    def __init__(
        self,
        name: str = "scripted",
        *,
        max_context_tokens: int = 8192,
        parameters: Mapping[str, Json] | None = None,
        fastest: float | None = None,
    ) -> None:
        """`fastest`: the most tokens per second; None without a bound."""
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
    """The script with a rate of at most `fastest`."""
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
    """Choose this call's answer: of several calls of a run, or the rest of a former answer."""
    if script.script is None:
        calls = tuple(_numbered(call) for call in range(script.tool_calls))
        words = len(_WORD.findall(request.resumed))
        return Play(script=script, calls=calls, said=script.reasoning + words if words else 0)
    number = _calls_before(request)
    entry = script.script[number] if number < len(script.script) else Entry()
    texts = None if entry.text is None else _TOKEN.findall(entry.text)
    spoken = _TOKEN.findall(request.resumed)
    named = len([each for each in request.messages if each.role == "assistant"])
    return Play(
        script=replace(script, tokens=entry.tokens if texts is None else len(texts)),
        calls=tuple(
            ToolCallChunk(index, f"call_{named}_{index}", call.name, call.args)
            for index, call in enumerate(entry.calls)
        ),
        words=texts,
        said=script.reasoning + len(spoken) if spoken else 0,
    )


def _calls_before(request: ModelRequest) -> int:
    """Count the model calls since the question: each left a message of the assistant."""
    if request.calls_made:
        return request.calls_made
    made = 0
    for message in request.messages:
        made = 0 if message.role == "user" else made + (message.role == "assistant")
    return made - bool(request.resumed)


def _numbered(call: int) -> ToolCallChunk:
    args = json.dumps({"call": call, "text": f"argument of call {call}"})
    return ToolCallChunk(call, f"call_{call}", "scripted_tool", args)


async def _perform(play: Play, pacer: Pacer) -> AsyncGenerator[Sequence[ModelEvent], None]:
    script, said = play.script, play.said
    wanted = script.reasoning + script.tokens
    total = wanted if script.limit is None else min(wanted, script.limit)
    is_cut = total < wanted
    end = total if script.fail_after is None else min(total, script.fail_after)
    start = trio.current_time() + script.delay
    if script.rate:
        start -= said / script.rate
    await pacer.sleep_until(start)
    while said < end:
        # Deadlines are absolute: a model that was held up catches up, and the pace does not drift.
        now = await pacer.sleep_until(start + said / script.rate if script.rate else start)
        due = min(end, said + _batch(script.rate, now - start, said))
        yield _tokens(play, said, due)
        said = due
    if script.fail_after is not None and script.fail_after <= total:
        raise ModelError("provider_error", f"The script failed after {said} tokens, as it was told")
    for call in () if is_cut else play.calls:
        await trio.lowlevel.checkpoint()
        yield list(_pieces(call))
    usage = Usage(
        prompt_tokens=play.prompt_tokens,
        completion_tokens=total,
        reasoning_tokens=min(script.reasoning, total),
    )
    reason = "length" if is_cut else "tool_calls" if play.calls else "stop"
    yield [UsageReport(usage), FinishReport(reason)]


def _batch(rate: float, elapsed: float, said: int) -> int:
    """The number of tokens due and not said yet: at least 1, at most _LONGEST_BATCH.

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
        yield ToolCallChunk(call.index, args=call.args[start : start + _ARGUMENTS_PIECE])
