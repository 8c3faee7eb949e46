"""The Responses API's frames, event by event, as its specification has them."""

from typing import Any

import pytest
from msgspec import json
from openai.types.responses import ResponseCustomToolCallItem

from legato.content import (
    ErrorPart,
    TextPart,
    ThinkPart,
    ToolCall,
    ToolCallPart,
    UrlCitation,
    Usage,
)
from legato.dialects.contract import Encoder
from legato.dialects.response_object import queued, resource
from legato.dialects.responses import ResponsesEncoder
from legato.events import (
    AnnotationAdded,
    AnyEnding,
    AnyEvent,
    ArgumentsDelta,
    Failed,
    Finished,
    LogprobsDelta,
    ReasoningDelta,
    RefusalDelta,
    Snapshot,
    StepCompleted,
    StepStarted,
    Stopped,
    TextDelta,
)
from tests.support.responses import BEGAN, DONE, IDENTITY, JOB, created, encoded, said

CALL = ToolCall(id="call_1", name="add", args="")
TEXT = (StepStarted(0, "text"), TextDelta(0, "He"), TextDelta(0, "llo"))


def types(*events: AnyEvent) -> list[str]:
    return [each["type"].removeprefix("response.") for each in said(encoded(events))]


def test_a_text_from_its_beginning_to_its_end() -> None:
    stream = encoded([created(), *TEXT, Finished(usage=Usage(3, 2, 1), at=BEGAN + 9)])
    events = said(stream)

    assert [each["type"] for each in events] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert [each["sequence_number"] for each in events] == list(range(10))
    assert stream.endswith(b"\n\n" + DONE + b"\n\n")
    assert b"\nid:" not in stream
    place = {"item_id": f"msg_{JOB}_0", "output_index": 0, "content_index": 0, "logprobs": []}
    part = {"type": "output_text", "text": "Hello", "annotations": [], "logprobs": []}
    item = {
        "id": f"msg_{JOB}_0",
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": [part],
    }
    assert events[2]["item"] == item | {"status": "in_progress", "content": []}
    assert fields(events[3]) == place | {"part": part | {"text": ""}}
    assert fields(events[4]) == place | {"delta": "He"}
    assert fields(events[6]) == place | {"text": "Hello"}
    assert fields(events[7]) == place | {"part": part}
    assert fields(events[8]) == {"output_index": 0, "item": item}
    response = events[9]["response"]
    assert response["output"] == [item]
    assert response["usage"] == {
        "input_tokens": 3,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": 2,
        "output_tokens_details": {"reasoning_tokens": 1},
        "total_tokens": 5,
    }
    assert (response["created_at"], response["completed_at"]) == (BEGAN, BEGAN + 9)


def fields(event: dict[str, Any]) -> dict[str, Any]:
    return {key: event[key] for key in event if key not in ("type", "sequence_number")}


def test_counts_that_the_api_wants_are_0_where_nothing_was_said() -> None:
    last = said(encoded([created(), *TEXT, Finished(usage=Usage(3, 2))]))[-1]

    assert last["response"]["usage"]["input_tokens_details"] == {"cached_tokens": 0}
    assert last["response"]["usage"]["output_tokens_details"] == {"reasoning_tokens": 0}


def test_a_delta_byte_for_byte() -> None:
    encoder = ResponsesEncoder(IDENTITY)
    encoder.encode(1, created())
    encoder.encode(2, StepStarted(0, "text"))

    assert encoder.encode(3, TextDelta(0, "a\n%d\u2028")) == (
        b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta",'
        b'"sequence_number":4,"item_id":"msg_01KAZDY800ABCDEFGHJKMNPQRS_0","output_index":0,'
        b'"content_index":0,"logprobs":[],"delta":"a\\n%d\xe2\x80\xa8"}\n\n'
    )
    assert encoder.number == 5


def test_a_refusal_from_its_beginning_to_its_end() -> None:
    refusal = (StepStarted(0, "refusal"), RefusalDelta(0, "N"), RefusalDelta(0, "o."))
    events = said(encoded([created(), *refusal, Finished()]))

    place = {"item_id": f"msg_{JOB}_0", "output_index": 0, "content_index": 0}
    part = {"type": "refusal", "refusal": "No."}
    assert [(each["type"], fields(each)) for each in events[3:8]] == [
        ("response.content_part.added", place | {"part": part | {"refusal": ""}}),
        ("response.refusal.delta", place | {"delta": "N"}),
        ("response.refusal.delta", place | {"delta": "o."}),
        ("response.refusal.done", place | {"refusal": "No."}),
        ("response.content_part.done", place | {"part": part}),
    ]
    assert events[-1]["response"]["output"][0]["content"] == [part]


def test_logprobs_stand_beside_their_text_and_in_the_whole() -> None:
    odd = 'a"bytes":null'  # is a text, and no field
    said_of = {"token": odd, "logprob": -0.5, "bytes": None, "top_logprobs": []}
    delta = LogprobsDelta(0, odd, json.encode(said_of).decode())
    events = said(encoded([created(), StepStarted(0, "text"), delta, delta, Finished()]))

    logprobs = [said_of | {"bytes": []}]
    place = {"item_id": f"msg_{JOB}_0", "output_index": 0, "content_index": 0}
    assert [fields(each) for each in events[4:7]] == [
        place | {"delta": odd, "logprobs": logprobs},
        place | {"delta": odd, "logprobs": logprobs},
        place | {"text": odd * 2, "logprobs": logprobs * 2},
    ]
    assert events[-1]["response"]["output"][0]["content"][0]["logprobs"] == logprobs * 2


def test_citations_are_numbered_and_stand_in_the_part() -> None:
    cited = [UrlCitation(f"https://{name}.example", name, 0, 5) for name in "ab"]
    added = [AnnotationAdded(0, each) for each in cited]
    events = said(encoded([created(), *TEXT, *added, Finished()]))

    place = {"item_id": f"msg_{JOB}_0", "output_index": 0, "content_index": 0}
    told = [
        {"type": "url_citation", "url": each.url, "title": each.title}
        | {"start_index": 0, "end_index": 5}
        for each in cited
    ]
    assert events[6]["type"] == "response.output_text.annotation.added"
    assert [fields(each) for each in events[6:8]] == [
        place | {"annotation_index": number, "annotation": each} for number, each in enumerate(told)
    ]
    assert events[-1]["response"]["output"][0]["content"][0]["annotations"] == told


def test_thoughts_are_a_summary_that_ends_where_the_text_begins() -> None:
    events = said(
        encoded(
            [
                created(),
                StepStarted(0, "think"),
                ReasoningDelta(0, "Hm."),
                StepStarted(1, "text"),
                TextDelta(1, "Yes."),
                Finished(),
            ]
        )
    )

    assert [each["type"].removeprefix("response.") for each in events[2:10]] == [
        "output_item.added",
        "reasoning_summary_part.added",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.done",
        "reasoning_summary_part.done",
        "output_item.done",
        "output_item.added",
        "content_part.added",
    ]
    place = {"item_id": f"rs_{JOB}_0", "output_index": 0, "summary_index": 0}
    assert fields(events[4]) == place | {"delta": "Hm."}
    assert fields(events[5]) == place | {"text": "Hm."}
    assert events[2]["item"]["summary"] == []
    assert events[7]["item"]["summary"] == [{"type": "summary_text", "text": "Hm."}]
    assert [each["type"] for each in events[-1]["response"]["output"]] == ["reasoning", "message"]


def test_parallel_calls_stay_open_to_the_end_and_each_is_completed() -> None:
    stream = encoded(
        [
            created(),
            StepStarted(0, "tool_call", CALL),
            ArgumentsDelta(0, '{"a":'),
            StepStarted(1, "tool_call", ToolCall("call_2", "sub", "{")),
            ArgumentsDelta(1, "}"),
            ArgumentsDelta(0, "1}"),
            StepCompleted(0, ToolCall("call_1", "add", '{"a":1}', output="1")),
            Finished(reason="tool_calls"),
        ]
    )
    events = said(stream)

    assert [each["type"].removeprefix("response.") for each in events[2:]] == [
        "output_item.added",
        "function_call_arguments.delta",
        "output_item.added",
        "function_call_arguments.delta",
        "function_call_arguments.delta",
        "function_call_arguments.delta",
        "function_call_arguments.done",
        "output_item.done",
        "function_call_arguments.done",
        "output_item.done",
        "completed",
    ]
    assert events[2]["item"] == {
        "id": f"fc_{JOB}_0",
        "type": "function_call",
        "status": "in_progress",
        "call_id": "call_1",
        "name": "add",
        "arguments": "",
    }
    assert events[4]["item"]["arguments"] == ""
    assert fields(events[8]) == {
        "item_id": f"fc_{JOB}_0",
        "output_index": 0,
        "name": "add",
        "arguments": '{"a":1}',
    }
    output = events[-1]["response"]["output"]
    assert [item["arguments"] for item in output] == ['{"a":1}', "{}"]
    assert {item["status"] for item in output} == {"completed"}


def test_a_custom_tools_call_has_an_input_and_events_of_its_own() -> None:
    call = ToolCall("call_1", "sh", "l", kind="custom")
    log: list[AnyEvent] = [
        created(),
        StepStarted(0, "tool_call", call),
        ArgumentsDelta(0, "s"),
        Finished(reason="tool_calls"),
    ]
    frames = encoded(log).split(b"\n\n")[2:-2]
    events = [json.decode(frame.partition(b"\ndata: ")[2]) for frame in frames]

    place = {"item_id": f"ctc_{JOB}_0", "output_index": 0}
    item = {
        "id": f"ctc_{JOB}_0",
        "type": "custom_tool_call",
        "status": "completed",
        "call_id": "call_1",
        "name": "sh",
        "input": "ls",
    }
    ResponseCustomToolCallItem.model_validate(item, strict=True)
    assert [(event["type"].removeprefix("response."), fields(event)) for event in events[:5]] == [
        (
            "output_item.added",
            {"output_index": 0, "item": item | {"status": "in_progress", "input": ""}},
        ),
        ("custom_tool_call_input.delta", {**place, "delta": "l"}),
        ("custom_tool_call_input.delta", {**place, "delta": "s"}),
        ("custom_tool_call_input.done", {**place, "input": "ls"}),
        ("output_item.done", {"output_index": 0, "item": item}),
    ]
    assert events[5]["response"]["output"] == [item]


def test_a_text_after_a_call_leaves_the_call_open() -> None:
    assert types(
        created(),
        StepStarted(0, "tool_call", CALL),
        StepStarted(1, "text"),
        ArgumentsDelta(0, "{}"),
        Finished(),
    )[2:] == [
        "output_item.added",
        "output_item.added",
        "content_part.added",
        "function_call_arguments.delta",
        "function_call_arguments.done",
        "output_item.done",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]


def test_a_step_that_goes_on_says_nothing_of_its_own() -> None:
    """So a model begins that goes on with what another replica had of an answer."""
    once = encoded([created(), *TEXT, Finished()])

    assert encoded([created(), *TEXT[:2], TEXT[0], TEXT[2], Finished()]) == once


def test_in_the_background_it_is_queued_first() -> None:
    events = said(encoded([created(background=True)]))

    assert [each["type"] for each in events] == [
        "response.created",
        "response.queued",
        "response.in_progress",
    ]
    assert [each["response"]["status"] for each in events] == ["queued", "queued", "in_progress"]
    assert events[0]["response"] == queued(created(background=True))


@pytest.mark.parametrize(
    ("ending", "event", "status", "item_status"),
    [
        (Finished(reason="tool_calls"), "completed", "completed", "completed"),
        (Finished(reason="the provider's own"), "completed", "completed", "completed"),
        (Finished(reason="length"), "incomplete", "incomplete", "incomplete"),
        (Finished(reason="max_answer_bytes"), "incomplete", "incomplete", "incomplete"),
        (Finished(reason="content_filter"), "incomplete", "incomplete", "incomplete"),
        (Stopped(), "failed", "cancelled", "incomplete"),
        (Failed(reason="r", message="m"), "failed", "failed", "incomplete"),
    ],
)
def test_how_it_ends(ending: AnyEnding, event: str, status: str, item_status: str) -> None:
    events = said(encoded([created(), *TEXT, ending]))

    assert events[-1]["type"] == f"response.{event}"
    response = events[-1]["response"]
    assert response["status"] == status
    assert events[-2]["item"]["status"] == item_status
    assert response["output"] == [events[-2]["item"]]
    assert response["completed_at"] is None


@pytest.mark.parametrize(
    ("ending", "error", "details"),
    [
        (Finished(reason="length"), None, {"reason": "max_output_tokens"}),
        (Finished(reason="max_answer_bytes"), None, {"reason": "max_output_tokens"}),
        (Finished(reason="content_filter"), None, {"reason": "content_filter"}),
        (Finished(), None, None),
        (Stopped(), None, None),
        (Failed(reason="why", message="Oh."), {"code": "why", "message": "Oh."}, None),
        (
            Failed(reason="provider_rate_limited", message="Slow."),
            {"code": "rate_limit_exceeded", "message": "Slow."},
            None,
        ),
    ],
)
def test_why_it_ended(ending: AnyEnding, error: object, details: object) -> None:
    response = resource(created(), (), ending)

    assert (response["error"], response["incomplete_details"]) == (error, details)


@pytest.mark.parametrize(
    ("ending", "code"),
    [(Stopped(), "generation_stopped"), (Failed(reason="why", message="Oh."), "why")],
)
def test_what_ends_before_it_began_is_an_error(ending: AnyEnding, code: str) -> None:
    stream = encoded([ending])
    [event] = said(stream)

    assert (event["type"], event["sequence_number"], event["error"]["code"]) == ("error", 0, code)
    assert stream.endswith(DONE + b"\n\n")


def test_a_running_one_shows_what_there_is() -> None:
    call = ToolCallPart(CALL)
    content = (ThinkPart("Hm."), call, TextPart("Hel"))
    response = resource(created(), content, None)

    assert [item["status"] for item in response["output"]] == [
        "completed",
        "in_progress",
        "in_progress",
    ]
    assert (response["status"], response["usage"]) == ("in_progress", None)


def test_an_error_in_the_content_is_no_item() -> None:
    failed = Failed(reason="r", message="m")
    response = resource(created(), (TextPart("Hel"), ErrorPart("m")), failed)

    assert [item["status"] for item in response["output"]] == ["incomplete"]


def test_what_was_asked_is_said_again_and_the_rest_is_as_by_default() -> None:
    response = resource(created(temperature=0.5, conversation={"id": "conv_1"}), (), None)

    assert (response["temperature"], response["top_p"]) == (0.5, 1.0)
    assert response["conversation"] == {"id": "conv_1"}
    assert response["store"] is True
    assert response["text"] == {"format": {"type": "text"}}


def test_nothing_stands_for_all_that_was_before() -> None:
    encoder: Encoder = ResponsesEncoder(IDENTITY)

    assert encoder.snapshot(Snapshot(0, None, (), ())) is None
