"""Runs of agents with tools as the Responses API: items, events, and what a GET answers."""

from collections.abc import Sequence
from typing import Any

import openresponses_types
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET, json
from msgspec.structs import replace
from openai.types.responses import ResponseOutputItem, ResponseStreamEvent
from pydantic import TypeAdapter

from legato.actors.ending import Decision, ending_of
from legato.actors.messages import Ended, Failure, Opening, Outcome, StopRequested, Stored
from legato.actors.stream.fold import Fold
from legato.content import Answering, Conversation, SteerPart, ToolCall, ToolListPart, Usage
from legato.dialects.response_object import has_output, resource, resource_now
from legato.dialects.responses import ResponsesEncoder
from legato.events import (
    Answered,
    AnyEnding,
    AnyEvent,
    ArgumentsDelta,
    Asked,
    ContentEvent,
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
from legato.models.contract import ModelRequest
from legato.requests import TurnRequest
from legato.shown import shown
from tests.support.responses import EVENTS, IDENTITY, JOB
from tests.support.responses import created as asked
from tests.support.runs import runs

CREATED = replace(asked(), agent=Answering("ada", 1))
OPENING = Opening(
    CREATED, ModelRequest(()), Conversation(conversation_id="c", user="ann", model="m"), 3
)
STREAM_EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
ITEMS: TypeAdapter[Any] = TypeAdapter(list[ResponseOutputItem])
FIRST, SECOND = Origin(0, "ada"), Origin(1, "ada")
TOOLS = '[{"name":"now","description":"The time.","input_schema":{"type":"object"}}]'
LISTED = StepStarted(
    0, "tool_list", origin=FIRST, whole=ToolListPart("clock", TOOLS, agent_id="ada")
)
NOON = ToolCall("c1", "now_mcp_clock", "{}", output="12:00", progress=1)
ASKED: Sequence[ContentEvent] = (
    LISTED,
    StepStarted(1, "text", origin=FIRST),
    TextDelta(1, "Let me look."),
    StepStarted(2, "tool_call", ToolCall("c1", "now_mcp_clock"), FIRST),
    ArgumentsDelta(2, "{}"),
    ModelCallEnded(FIRST, "m", "tool_calls"),
)
RUN: Sequence[ContentEvent] = (
    *ASKED,
    StepCompleted(2, NOON),
    StepStarted(3, "text", origin=SECOND),
    TextDelta(3, "Noon."),
    ModelCallEnded(SECOND, "m", "stop"),
)


def ended(events: Sequence[ContentEvent], outcome: Outcome | None = None) -> AnyEnding:
    """The ending as a job makes it."""
    fold = Fold()
    fold.apply(CREATED, *events)
    snapshot = fold.snapshot(0)
    decision = Decision(outcome or Ended("stop"), 7)
    return ending_of(decision, OPENING, shown(snapshot), Usage(1, 2), Stored(None), snapshot)


def told(events: Sequence[AnyEvent]) -> list[dict[str, Any]]:
    """All events, each as OpenAI's own client reads it."""
    encoder = ResponsesEncoder(IDENTITY)
    every = (CREATED, *events)
    stream = b"".join(encoder.encode(seq, event) for seq, event in enumerate(every, 1))
    frames = [frame.partition(b"\ndata: ")[2] for frame in stream.split(b"\n\n")]
    return [read(frame) for frame in frames if frame]


def read(data: bytes) -> dict[str, Any]:
    """An event, checked by OpenAI's types and, where there are any, the specification's."""
    event: dict[str, Any] = json.decode(data)
    if "response" not in event:
        STREAM_EVENT.validate_python(event)
    items = [event["item"]] if "item" in event else event.get("response", {}).get("output", [])
    if event["type"] in EVENTS and not any(item["type"].startswith("mcp") for item in items):
        EVENTS[event["type"]].model_validate(event)
    if "response" in event:
        ITEMS.validate_python(items)
        known = [item for item in event["response"]["output"] if item["type"][:3] != "mcp"]
        openresponses_types.ResponseResource.model_validate(event["response"] | {"output": known})
    return event


def names(events: Sequence[dict[str, Any]]) -> list[str]:
    return [event["type"].removeprefix("response.") for event in events]


def test_a_call_from_its_list_of_tools_to_its_result() -> None:
    events = told(RUN)

    assert names(events) == [
        "created",
        "in_progress",
        "output_item.added",
        "mcp_list_tools.in_progress",
        "mcp_list_tools.completed",
        "output_item.done",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "output_item.added",
        "mcp_call.in_progress",
        "mcp_call_arguments.delta",
        "mcp_call_arguments.done",
        "mcp_call.completed",
        "output_item.done",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
    ]
    assert events[5]["item"] == {
        "id": f"mcpl_{JOB}_0",
        "type": "mcp_list_tools",
        "server_label": "clock",
        "tools": json.decode(TOOLS),
        "error": None,
    }
    assert events[2]["item"]["tools"] == []
    call = {
        "id": f"mcp_{JOB}_2",
        "type": "mcp_call",
        "server_label": "clock",
        "name": "now",
        "approval_request_id": None,
        "error": None,
    }
    opened = {"status": "in_progress", "arguments": "", "output": None}
    assert events[12]["item"] == call | opened
    done = {"status": "completed", "arguments": "{}", "output": "12:00"}
    assert events[17]["item"] == call | done
    assert events[15]["arguments"] == "{}"


def test_a_failed_call_has_an_error_and_no_output() -> None:
    wrong = replace(NOON, output="no clock", is_error=True)
    events = told([*ASKED, StepCompleted(2, wrong)])

    assert names(events)[-2:] == ["mcp_call.failed", "output_item.done"]
    item = events[-1]["item"]
    assert (item["status"], item["output"]) == ("failed", None)
    content = [{"type": "text", "text": "no clock"}]
    assert item["error"] == {"type": "mcp_tool_execution_error", "content": content}


def test_a_server_without_tools_says_why() -> None:
    part = ToolListPart("clock", "[]", "it is not there", agent_id="ada")
    events = told([StepStarted(0, "tool_list", origin=FIRST, whole=part)])

    assert names(events)[-2:] == ["mcp_list_tools.failed", "output_item.done"]
    assert events[-1]["item"]["error"] == "it is not there"


def test_a_call_of_the_callers_own_is_a_function_call_and_done_with_its_model_call() -> None:
    theirs = ToolCall("c2", "find", "{}", by_caller=True)
    events = told(
        [StepStarted(0, "tool_call", theirs, FIRST), ModelCallEnded(FIRST, "m", "tool_calls")]
    )

    assert names(events)[-2:] == ["function_call_arguments.done", "output_item.done"]
    item = events[-1]["item"]
    assert (item["type"], item["status"], item["call_id"]) == ("function_call", "completed", "c2")


def test_a_call_whose_model_call_was_cut_is_not_to_be_made() -> None:
    theirs = ToolCall("c2", "find", "{", by_caller=True)
    events = told(
        [
            StepStarted(0, "tool_call", theirs, FIRST),
            StepCompleted(0, replace(theirs, output="The call was not made.", is_error=True)),
        ]
    )

    assert events[-1]["item"]["status"] == "incomplete"


def test_a_call_that_a_stop_cut_is_incomplete() -> None:
    ending = ended(ASKED, StopRequested())
    last = told([*ASKED, ending])[-1]["response"]

    assert [item.get("status") for item in last["output"]] == [None, "completed", "incomplete"]


def test_labels_say_where_a_tool_runs() -> None:
    found = []
    for name in ("roll", "get_action_a_example", "lc_transfer_to_poet", "now_mcp_clock"):
        events = told([StepStarted(0, "tool_call", ToolCall("c", name), FIRST)])
        found.append((events[-2]["item"]["server_label"], events[-2]["item"]["name"]))

    assert found == [
        ("functions", "roll"),
        ("actions:a_example", "get"),
        ("agents", "lc_transfer_to_poet"),
        ("clock", "now"),
    ]


def test_a_list_of_tools_is_nothing_that_a_model_said() -> None:
    part = LISTED.whole
    assert part is not None

    assert not has_output([part])


OUTCOMES = st.sampled_from(
    [Ended("stop"), Ended("length"), StopRequested(), Failure("provider_cut", "It broke.")]
)


@settings(max_examples=150)
@given(runs(), OUTCOMES)
def test_the_last_event_of_any_run_has_what_the_items_said_and_a_get_answers(
    events: list[ContentEvent], outcome: Outcome
) -> None:
    ending = ended(events, outcome)
    stream = told([*events, ending])
    done = {each["output_index"]: each["item"] for each in stream if "item.done" in each["type"]}
    added = [each["output_index"] for each in stream if "item.added" in each["type"]]
    output = stream[-1]["response"]["output"]

    assert [each["sequence_number"] for each in stream] == [*range(len(stream))]
    assert added == [*range(len(added))]
    assert [done[index] for index in added] == output
    stored = ending.response.content if ending.response else ()
    assert resource(CREATED, stored or (), ending) == stream[-1]["response"]
    fold = Fold()
    fold.apply(CREATED, *events)
    assert resource_now(fold.snapshot(0), ending)["output"][: len(output)] == output


@settings(max_examples=60)
@given(runs())
def test_the_events_of_any_run_are_the_same_from_any_number(events: list[ContentEvent]) -> None:
    every = [CREATED, *events, ended(events)]
    whole = ResponsesEncoder(IDENTITY)
    frames = [whole.encode(seq, event) for seq, event in enumerate(every, 1)]
    for at in range(len(every)):
        encoder = ResponsesEncoder(IDENTITY)
        begun = [encoder.encode(seq, event) for seq, event in enumerate(every[:at], 1)]
        rest = [encoder.fork().encode(at + 1, every[at]), encoder.encode(at + 1, every[at])]

        assert [*begun, rest[0]] == frames[: at + 1]
        assert rest[0] == rest[1]


def test_a_turn_that_waits_is_told_by_the_reply_alone() -> None:
    turn = TurnRequest(
        job_id="J", conversation_id="C", message_id="Q", response_id="R", user="u", model="m"
    )

    assert ResponsesEncoder(IDENTITY).encode(1, Queued(turn)) == b""


def test_a_call_that_goes_on_as_a_task_is_told_with_its_result() -> None:
    begun = StepCompleted(2, replace(NOON, output=UNSET, task="t1"))
    encoder = ResponsesEncoder(IDENTITY)
    for seq, event in enumerate((CREATED, *ASKED), 1):
        encoder.encode(seq, event)

    assert encoder.encode(9, begun) == b""
    assert b"12:00" in encoder.encode(10, StepCompleted(2, NOON))


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
def test_words_and_answers_from_outside_are_no_items(event: AnyEvent) -> None:
    assert ResponsesEncoder(IDENTITY).encode(1, event) == b""
