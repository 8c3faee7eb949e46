"""Runs of agents with tools as Chat Completions: as seen by a client of OpenAI's API."""

from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from msgspec import json
from msgspec.structs import replace
from openai.lib.streaming._deltas import accumulate_delta
from openai.types.chat import ChatCompletionChunk

from legato.actors.stream.fold import Fold
from legato.content import Answering, Message, SteerPart, ToolCall
from legato.dialects.chat_completions import ChatCompletions
from legato.dialects.completion_object import completion
from legato.dialects.contract import Identity
from legato.events import (
    Answered,
    AnyEvent,
    ArgumentsDelta,
    Asked,
    ContentEvent,
    Created,
    Finished,
    ModelCallEnded,
    Origin,
    Queued,
    SteerApplied,
    SteerReturned,
    SteerTaken,
    StepCompleted,
    StepStarted,
    TextDelta,
)
from legato.requests import ApiRequest, TurnRequest
from legato.shown import shown
from tests.support.openai.chunks import DONE, Chunk, chunks_of
from tests.support.runs import runs

IDENTITY = Identity("J", 1, "chatcmpl-J", "chatcmpl-J")
FIRST, SECOND, POET = Origin(0, "ada"), Origin(1, "ada"), Origin(2, "poet")
CLOCK = ToolCall("c1", "now_mcp_clock", "{}")
NOON = ToolCall("c1", "now_mcp_clock", "{}", output="12:00", progress=1)
TOLD = {
    "id": "c1",
    "name": "now_mcp_clock",
    "arguments": "{}",
    "output": "12:00",
    "agent_id": "ada",
}
RUN: Sequence[ContentEvent] = (
    StepStarted(0, "text", origin=FIRST),
    TextDelta(0, "Let me "),
    TextDelta(0, "look."),
    StepStarted(1, "tool_call", ToolCall("c1", "now_mcp_clock"), FIRST),
    ArgumentsDelta(1, "{}"),
    ModelCallEnded(FIRST, "m", "tool_calls"),
    StepCompleted(1, NOON),
    StepStarted(2, "text", origin=SECOND),
    TextDelta(2, "It is noon."),
    ModelCallEnded(SECOND, "m", "stop"),
)


def created() -> Created:
    asked = ApiRequest(api="chat_completions", user="u", model="ada", echo={"created": 7})
    question = Message(message_id="Q", conversation_id="C")
    return Created(question, "R", "Ada", api_request=asked, agent=Answering("ada", 1))


def finished(events: Iterable[ContentEvent], reason: str = "stop") -> Finished:
    fold = Fold()
    fold.apply(created(), *events)
    answer = Message(
        message_id="R",
        conversation_id="C",
        is_created_by_user=False,
        content=shown(fold.snapshot(0)),
        agent_id="ada",
    )
    return Finished(response=answer, reason=reason)


def streamed(events: Iterable[AnyEvent]) -> list[Chunk]:
    encoder = ChatCompletions(IDENTITY)
    every = (created(), *events)
    body = b"".join(encoder.encode(seq, event) for seq, event in enumerate(every, 1))
    return chunks_of(body.decode())


def put_together(chunks: Sequence[Chunk]) -> dict[str, Any]:
    """Have OpenAI's own client put the chunks together."""
    message: dict[object, object] = {}
    for chunk in chunks:
        if chunk.data != DONE and chunk.data["choices"]:
            ChatCompletionChunk.model_validate(chunk.data)
            delta = dict(chunk.data["choices"][0]["delta"])
            delta.pop("annotations", None)  # of which the client puts no two together
            message = accumulate_delta(message, delta)
    return {str(name): value for name, value in message.items()}


def whole(ending: Finished) -> dict[str, Any]:
    said = completion("chatcmpl-J", 7, ending)
    assert said is not None
    return dict(said["choices"][0])


def test_the_texts_of_all_model_calls_are_paragraphs_of_one_text() -> None:
    said = put_together(streamed(RUN))

    assert said["content"] == "Let me look.\n\nIt is noon."
    assert whole(finished(RUN))["message"]["content"] == said["content"]


def test_a_call_that_the_run_makes_is_in_the_field_of_ours_alone() -> None:
    said = put_together(streamed(RUN))

    assert "tool_calls" not in said
    assert said["legato"] == {"tool_calls": [{"index": 0, **TOLD}]}
    message = whole(finished(RUN))["message"]
    assert "tool_calls" not in message
    assert message["legato"] == {"tool_calls": [TOLD]}


def test_a_call_of_the_callers_own_tool_comes_out_beside() -> None:
    theirs = ToolCall("c2", "theirs", "", by_caller=True)
    more: Sequence[ContentEvent] = (
        *RUN[:5],
        StepStarted(2, "tool_call", theirs, FIRST),
        ArgumentsDelta(2, "{}"),
        ModelCallEnded(FIRST, "m", "tool_calls"),
        StepCompleted(1, NOON),
    )
    chunks = streamed([*more, Finished(reason="tool_calls")])
    said = put_together(chunks)
    calls = [{"id": "c2", "type": "function", "function": {"name": "theirs", "arguments": "{}"}}]

    assert said["tool_calls"] == [{"index": 0, **calls[0]}]
    assert chunks[-2].data["choices"][0]["finish_reason"] == "tool_calls"
    answer = whole(finished(more, "tool_calls"))
    assert answer["message"]["tool_calls"] == calls
    assert answer["message"]["legato"] == {"tool_calls": [TOLD]}
    assert answer["finish_reason"] == "tool_calls"


def test_a_run_that_ends_with_its_own_calls_asks_nobody_for_calls() -> None:
    chunks = streamed([*RUN[:7], Finished(reason="tool_calls")])

    assert chunks[-2].data["choices"][0]["finish_reason"] == "stop"
    assert whole(finished(RUN[:7], "tool_calls"))["finish_reason"] == "stop"


def test_a_run_at_its_limit_of_model_calls_was_cut() -> None:
    chunks = streamed([*RUN[:7], Finished(reason="recursion_limit")])

    assert chunks[-2].data["choices"][0]["finish_reason"] == "length"


def test_a_failed_call_says_so() -> None:
    wrong = ToolCall("c1", "now_mcp_clock", "{}", output="no", is_error=True)
    said = put_together(streamed([*RUN[:6], StepCompleted(1, wrong)]))

    assert said["legato"]["tool_calls"][0]["is_error"] is True


def test_the_words_of_two_agents_do_not_mingle() -> None:
    ada, bob = Origin(0, "ada", 1), Origin(1, "bob", 1)
    events: Sequence[ContentEvent] = (
        StepStarted(0, "text", origin=ada),
        TextDelta(0, "I am"),
        StepStarted(1, "text", origin=bob),
        TextDelta(1, "And I"),
        TextDelta(0, " Ada."),
        ModelCallEnded(ada, "m", "stop"),
        TextDelta(1, " am Bob."),
        ModelCallEnded(bob, "m", "stop"),
    )
    texts = [chunk.text for chunk in streamed(events) if chunk.text]

    assert texts == ["I am", " Ada.", "\n\nAnd I", " am Bob."]


def test_a_model_that_goes_on_after_a_restart_goes_on_with_the_same_words() -> None:
    events = [*RUN[:2], StepStarted(0, "text", origin=FIRST), *RUN[2:]]

    assert put_together(streamed(events))["content"] == "Let me look.\n\nIt is noon."


@settings(max_examples=150)
@given(runs())
def test_the_stream_of_any_run_adds_up_to_the_whole(events: list[ContentEvent]) -> None:
    ending = finished(events)
    chunks = streamed([*events, ending])
    said = put_together(chunks)
    message = whole(ending)["message"]

    assert said["content"] == (message["content"] or "")
    assert (said.get("refusal") or None) == message["refusal"]
    assert (said.get("reasoning_content") or None) == message.get("reasoning_content")
    numbered = [
        {"index": index, **call} for index, call in enumerate(message.get("tool_calls", ()))
    ]
    assert said.get("tool_calls", []) == numbered
    made = [
        call
        for call in message.get("legato", {}).get("tool_calls", ())
        if call["output"] is not None
    ]
    told = [
        {name: value for name, value in call.items() if name != "index"}
        for call in said.get("legato", {}).get("tool_calls", ())
    ]
    assert sorted(map(json.encode, told)) == sorted(map(json.encode, made))


@settings(max_examples=60)
@given(runs())
def test_the_stream_of_any_run_is_the_same_from_any_place(events: list[ContentEvent]) -> None:
    every = [created(), *events, finished(events)]
    for at in range(len(every)):
        encoder = ChatCompletions(IDENTITY)
        begun = [encoder.encode(seq, event) for seq, event in enumerate(every[:at], 1)]
        twin = encoder.fork()
        rest = [encoder.encode(seq, event) for seq, event in enumerate(every[at:], at + 1)]

        assert rest == [twin.encode(seq, event) for seq, event in enumerate(every[at:], at + 1)]
        assert len([*begun, *rest]) == len(every)


def test_a_turn_that_waits_is_told_by_the_reply_alone() -> None:
    turn = TurnRequest(
        job_id="J", conversation_id="C", message_id="Q", response_id="R", user="u", model="m"
    )

    assert ChatCompletions(IDENTITY).encode(1, Queued(turn)) == b""


def test_a_call_that_goes_on_as_a_task_is_told_with_its_result() -> None:
    begun = StepCompleted(1, replace(CLOCK, task="t1"))
    encoder = ChatCompletions(IDENTITY)
    for seq, event in enumerate((created(), *RUN[:6]), 1):
        encoder.encode(seq, event)

    assert encoder.encode(8, begun) == b""
    assert b"12:00" in encoder.encode(9, StepCompleted(1, NOON))


@pytest.mark.parametrize(
    "event",
    [
        SteerTaken(steer_id="s", text="Shorter.", at=1),
        SteerApplied(SteerPart(steer="Shorter.", steer_id="s"), 1),
        SteerReturned("s", "stopped"),
        Asked(ask_id="a", kind="approval", index=2, payload={}, allowed=("approve",)),
        Answered(ask_id="a", decision="approve"),
    ],
)
def test_words_and_answers_from_outside_are_no_chunks(event: AnyEvent) -> None:
    assert ChatCompletions(IDENTITY).encode(1, event) == b""
