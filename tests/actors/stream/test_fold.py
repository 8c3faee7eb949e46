"""The fold, against an oracle that rebuilds everything at every step."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from legato.actors.production.event_builder import Steps
from legato.actors.stream.fold import Fold
from legato.actors.stream.log import Log
from legato.content import ErrorPart, Message, Part, TextPart, ThinkPart, ToolCall, ToolCallPart
from legato.events import (
    AnyEvent,
    ArgumentsDelta,
    Created,
    ReasoningDelta,
    RefusalDelta,
    SteerApplied,
    SteerTaken,
    StepCompleted,
    StepStarted,
    TextDelta,
)
from legato.models.contract import ReasoningChunk, RefusalChunk, TextChunk, ToolCallChunk

QUESTION = Message(message_id="q", conversation_id="c", text="hello")

chunks = st.one_of(
    st.builds(TextChunk, st.text(max_size=3)),
    st.builds(ReasoningChunk, st.text(max_size=3)),
    st.builds(RefusalChunk, st.text(max_size=3)),
    st.builds(
        ToolCallChunk, st.integers(0, 3), st.just("id"), st.just("name"), st.text(max_size=3)
    ),
)
kept_parts = st.lists(st.sampled_from([TextPart("k"), ThinkPart("k")]), max_size=2).map(tuple)


KINDS: dict[str, type[Part]] = {
    "text": TextPart,
    "think": ThinkPart,
    "refusal": TextPart,
    "tool_call": ToolCallPart,
}


def oracle(events: list[AnyEvent]) -> list[Any]:
    """Content by the definition: each position's kept part, beginning and deltas, in order."""
    parts: dict[int, list[str]] = {}
    kinds: dict[int, type[Part]] = {}
    for event in events:
        match event:
            case Created(kept=kept):
                for index, part in enumerate(kept):
                    kinds[index] = type(part)
                    parts[index] = [plainly(part)[1]]
            case StepStarted(index, kind, call):
                kinds.setdefault(index, KINDS[kind])
                parts.setdefault(index, [call.args if call else ""])
            case TextDelta(index, text) | ReasoningDelta(index, text) | RefusalDelta(index, text):
                parts[index].append(text)
            case ArgumentsDelta(index, args):
                parts[index].append(args)
    return [(kinds[index], "".join(parts[index])) for index in sorted(parts)]


def plainly(part: Part) -> tuple[type[Part], str]:
    match part:
        case TextPart(text):
            return TextPart, text
        case ThinkPart(think):
            return ThinkPart, think
        case ToolCallPart(call):
            return ToolCallPart, call.args
        case _:
            raise AssertionError(part)


@given(kept_parts, st.lists(st.lists(chunks, max_size=4), max_size=8))
def test_the_fold_is_the_oracle_after_every_event(kept: Any, batches: Any) -> None:
    events: list[AnyEvent] = [Created(QUESTION, "a", "model", kept)]
    steps = Steps(kept)
    for batch in batches:
        events += steps.events(batch)

    fold = Fold()
    for count, event in enumerate(events, 1):
        fold.apply(event)
        assert [plainly(part) for part in fold.content()] == oracle(events[:count])

    for step in fold.steps:
        assert step.index < len(fold.content())
    assert [step.index for step in fold.steps] == sorted({step.index for step in fold.steps})


@given(kept_parts, st.lists(st.lists(chunks, max_size=8), max_size=8), st.integers(1, 9))
def test_a_packed_log_has_every_event_as_it_was(kept: Any, said: Any, pack_every: int) -> None:
    batches: list[list[AnyEvent]] = [[Created(QUESTION, "a", "model", kept)]]
    steps = Steps(kept)
    batches += [list(steps.events(batch)) for batch in said]
    log = Log(pack_every)
    for batch in batches:
        log.append(*batch)
    events = [event for batch in batches for event in batch]

    assert log.tail == len(events)
    for after in range(log.tail + 1):
        for up_to in (after, after + 1, after + 4, log.tail):
            assert list(log.events(after, up_to)) == events[after:up_to]


def test_all_text_counts_however_it_came() -> None:
    fold = Fold()
    kept = (TextPart("é"), ThinkPart("hm"), ErrorPart("no"))
    fold.apply(Created(Message(message_id="q", conversation_id="c"), "a", "m", kept))
    fold.apply(StepStarted(3, "tool_call", ToolCall("id", "search", '{"q":')))
    fold.apply(ArgumentsDelta(3, "1}"))
    fold.apply(StepStarted(0, "text"))

    assert fold.bytes == 2 + 2 + 2 + 7


def test_a_result_replaces_its_tool_call() -> None:
    fold = Fold()
    done = ToolCall("id", "search", '{"q":1}', output="found", progress=1.0)
    fold.apply(StepStarted(0, "tool_call", ToolCall("id", "search")))
    fold.apply(ArgumentsDelta(0, '{"q"'))
    fold.apply(StepCompleted(0, done))

    assert fold.content() == (ToolCallPart(done),)


@pytest.mark.parametrize(
    ("event", "complaint"),
    [
        (TextDelta(1, "x"), "no part at 1; there are 1"),
        (TextDelta(-1, "x"), "no part at -1"),
        (ReasoningDelta(0, "x"), "part 0 is TextPart, not ThinkPart"),
        (StepStarted(0, "think"), "part 0 is TextPart, not ThinkPart"),
        (StepStarted(2, "text"), "no part at 2"),
    ],
)
def test_an_event_that_does_not_fit_is_a_bug(event: AnyEvent, complaint: str) -> None:
    fold = Fold()
    fold.apply(StepStarted(0, "text"))
    with pytest.raises(ValueError, match=complaint):
        fold.apply(event)


def test_a_tool_step_without_a_call_begins_blank() -> None:
    fold = Fold()
    fold.apply(StepStarted(0, "tool_call"))

    assert fold.content() == (ToolCallPart(ToolCall("", "")),)


def test_a_steer_has_its_place_behind_all_that_was_said() -> None:
    fold = Fold()
    taken = SteerTaken(steer_id="s", text="Shorter.", at=1)
    fold.apply(taken)
    with pytest.raises(ValueError, match="a steer at 3; there are 0 parts"):
        fold.apply(SteerApplied(taken.part, 3))
