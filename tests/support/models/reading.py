"""A provider's bytes read by the pure reader, and what came of them in short."""

from collections.abc import Iterable, Sequence
from typing import Any

from msgspec import UNSET, Struct

from legato.models.contract import (
    FinishReport,
    LogprobsChunk,
    ModelEvent,
    ReasoningChunk,
    RefusalChunk,
    TextChunk,
    ToolCallChunk,
    UsageReport,
)
from legato.models.reader import AnswerReader

PREFIX = "ours"


class Answer(Struct, frozen=True, kw_only=True):
    """`calls`: id, name and arguments; `usage`: prompt, completion, reasoning, cached."""

    text: str = ""
    thought: str = ""
    refusal: str = ""
    calls: tuple[tuple[str, str, str], ...] = ()
    usage: tuple[int, int, int | None, int | None] | None = None
    finish: str | None = None
    failure: str | None = None
    status: int | None = None
    unreadable: int = 0


def read_all(*reads: bytes, is_broken: bool = False) -> tuple[AnswerReader, list[ModelEvent]]:
    """A reader that was fed all that, and its events; it stops where nothing follows."""
    reader = AnswerReader(PREFIX)
    events: list[ModelEvent] = []
    for read in reads:
        events += reader.feed(read)
        if reader.is_done or reader.failure:
            break
    events += reader.end(is_broken=is_broken)
    return reader, events


def answer_of(reads: Iterable[bytes], *, is_broken: bool = False) -> Answer:
    reader, events = read_all(*reads, is_broken=is_broken)
    failure = reader.failure
    return Answer(
        text=text_of(events),
        thought="".join(each.text for each in events if isinstance(each, ReasoningChunk)),
        refusal="".join(each.text for each in events if isinstance(each, RefusalChunk)),
        calls=calls_of(events),
        usage=usage_of(events),
        finish=next((each.reason for each in events if isinstance(each, FinishReport)), None),
        failure=failure.reason if failure else None,
        status=failure.status if failure else None,
        unreadable=reader.unreadable,
    )


def text_of(events: Sequence[ModelEvent]) -> str:
    return "".join(each.text for each in events if isinstance(each, TextChunk | LogprobsChunk))


def calls_of(events: Sequence[ModelEvent]) -> tuple[tuple[str, str, str], ...]:
    calls: dict[int, list[str]] = {}
    for each in events:
        if isinstance(each, ToolCallChunk):
            call = calls.setdefault(each.index, [each.id, each.name, ""])
            call[2] += each.args
    return tuple((call[0], call[1], call[2]) for call in calls.values())


def usage_of(events: Sequence[ModelEvent]) -> Any:
    for each in events:
        if isinstance(each, UsageReport):
            said = each.usage
            cached = None if said.cached_tokens is UNSET else said.cached_tokens
            reasoning = None if said.reasoning_tokens is UNSET else said.reasoning_tokens
            return said.prompt_tokens, said.completion_tokens, reasoning, cached
    return None
