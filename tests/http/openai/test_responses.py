"""Responses are created whole, as events, or in the background."""

from typing import Any

import pytest
from trio.testing import wait_all_tasks_blocked

from legato.config import Limits
from tests.support.http.client import Client
from tests.support.openai.asked import (
    PATH,
    TOOL,
    ann_asking,
    asked,
    asking,
    bob_beside,
    cancelled,
    created,
    events_in,
    model_of,
    only_job,
    received,
    refusal,
    resource_in,
    retrieved,
    running,
    said_in,
    streamed,
    text_of,
    with_headers,
)

AGENTS_PATH = "/api/agents/v1/responses"


@pytest.mark.parametrize("path", [PATH, AGENTS_PATH])
async def test_a_whole_answer(asker: Client, path: str) -> None:
    reply = await asker.post(path, asked("rich"))
    response = resource_in(reply)

    assert response["id"] == f"resp_{reply.headers['x-legato-job']}"
    assert (response["status"], response["model"]) == ("completed", "rich")
    assert [item["type"] for item in response["output"]] == [
        "reasoning",
        "message",
        "function_call",
        "function_call",
    ]
    assert {item["status"] for item in response["output"]} == {"completed"}
    assert text_of(response) == "w0 w1 w2 "
    assert response["output"][0]["summary"] == [{"type": "summary_text", "text": "r0 r1 "}]
    assert response["usage"]["output_tokens_details"] == {"reasoning_tokens": 2}
    assert response["completed_at"] >= response["created_at"] > 1_700_000_000
    assert await retrieved(asker, response["id"]) == response


@pytest.mark.parametrize("path", [PATH, AGENTS_PATH])
async def test_a_stream_says_the_same_in_pieces_and_as_a_whole(asker: Client, path: str) -> None:
    reply = await asker.post(path, asked("rich", stream=True))
    events = events_in(reply)
    final = events[-1]["response"]

    assert [event["type"] for event in events[:2]] == ["response.created", "response.in_progress"]
    assert events[-1]["type"] == "response.completed"
    assert said_in(events) == text_of(final) == "w0 w1 w2 "
    assert final["id"] == f"resp_{reply.headers['x-legato-job']}"
    assert await retrieved(asker, final["id"]) == final


async def test_function_calls_are_streamed_and_completed_and_their_results_sent_back(
    asker: Client,
) -> None:
    events = await streamed(asker, "rich", tools=[TOOL], tool_choice="auto")
    calls = [item for item in events[-1]["response"]["output"] if item["type"] == "function_call"]
    done = [each for each in events if each["type"] == "response.function_call_arguments.done"]
    deltas = ["", ""]
    for event in events:
        if event["type"] == "response.function_call_arguments.delta":
            deltas[event["output_index"] - 2] += event["delta"]

    assert deltas == [each["arguments"] for each in done] == [call["arguments"] for call in calls]
    assert model_of(asker, "rich").asked[-1].parameters["tool_choice"] == "auto"
    results = [
        {"type": "function_call_output", "call_id": call["call_id"], "output": "42"}
        for call in calls
    ]
    previous = events[-1]["response"]["id"]
    await created(asker, input=results, previous_response_id=previous)
    read = model_of(asker).asked[-1].messages

    assert [message.role for message in read] == ["user", "assistant", "tool", "tool"]
    assert [call["id"] for call in read[1].more["tool_calls"]] == ["call_0", "call_1"]
    assert read[3].more == {"tool_call_id": "call_1"}


async def test_in_the_background_the_reply_does_not_wait(asker: Client) -> None:
    response_id = await running(asker)
    now = await retrieved(asker, response_id)

    assert (now["status"], now["background"], now["usage"]) == ("in_progress", True, None)
    assert text_of(now) == "w0 "
    await cancelled(asker, response_id)


async def test_in_the_background_and_streamed_it_is_queued_first(asker: Client) -> None:
    events = await streamed(asker, background=True)

    assert [event["type"] for event in events[:3]] == [
        "response.created",
        "response.queued",
        "response.in_progress",
    ]
    assert events[0]["response"]["status"] == "queued"
    assert events[-1]["response"]["status"] == "completed"


async def test_what_was_asked_is_said_again(asker: Client) -> None:
    fields: dict[str, Any] = {
        "instructions": "Be brief.",
        "metadata": {"purpose": "a test"},
        "temperature": 0.5,
        "top_p": 0.5,
        "max_output_tokens": 100,
        "max_tool_calls": 3,
        "truncation": "auto",
        "parallel_tool_calls": False,
        "text": {"format": {"type": "json_object"}},
        "reasoning": {"effort": "low", "summary": "auto"},
        "safety_identifier": "s",
        "prompt_cache_key": "p",
    }
    events = await streamed(asker, **fields, nobody_knows={"this": 1})
    for event in (events[0], events[1], events[-1]):
        assert {name: event["response"][name] for name in fields} == fields
    assert "nobody_knows" not in events[0]["response"]
    request = model_of(asker).asked[-1]
    assert [message.text for message in request.messages] == ["Be brief.", "Hi"]
    assert request.parameters["response_format"] == {"type": "json_object"}
    assert (request.parameters["max_tokens"], request.parameters["reasoning_effort"]) == (
        100,
        "low",
    )


async def test_by_default_nothing_is_truncated(asker: Client) -> None:
    assert (await created(asker))["truncation"] == "disabled"


async def test_an_answer_that_grows_too_long_is_incomplete() -> None:
    async with ann_asking(Limits(max_answer_bytes=4)) as ann:
        events = await streamed(ann)
        final = events[-1]["response"]

        assert (events[-1]["type"], final["status"]) == ("response.incomplete", "incomplete")
        assert final["incomplete_details"] == {"reason": "max_output_tokens"}
        assert {item["status"] for item in final["output"]} == {"incomplete"}
        assert await retrieved(ann, final["id"]) == final


async def test_what_fails_before_its_first_word_is_refused_where_it_was_asked_whole(
    asker: Client,
) -> None:
    reply = await asker.post(PATH, asked("refusing"))
    kept = await retrieved(asker, only_job(asker))

    assert refusal(reply) == (502, None, "provider_error")
    assert (kept["status"], kept["error"]["code"], kept["output"]) == (
        "failed",
        "provider_error",
        [],
    )


@pytest.mark.parametrize(("model", "text"), [("refusing", ""), ("failing", "w0 w1 ")])
async def test_a_stream_that_fails_says_so_in_its_last_event(
    asker: Client, model: str, text: str
) -> None:
    events = await streamed(asker, model)
    final = events[-1]["response"]

    assert (events[-1]["type"], final["status"]) == ("response.failed", "failed")
    assert final["error"]["code"] == "provider_error"
    assert (text_of(final), said_in(events)) == (text, text)
    assert await retrieved(asker, final["id"]) == final


async def test_what_fails_later_is_a_response_that_failed(asker: Client) -> None:
    response = await created(asker, "failing")

    assert (response["status"], text_of(response)) == ("failed", "w0 w1 ")
    assert response["output"][0]["status"] == "incomplete"


@pytest.mark.parametrize(
    ("fields", "headers", "status"),
    [
        ({}, {}, "cancelled"),
        ({"stream": True}, {}, "cancelled"),
        ({"stream": True, "cancel_on_disconnect": False}, {}, "in_progress"),
        ({"cancel_on_disconnect": False}, {}, "in_progress"),
        ({"stream": True}, {"X_Legato_Cancel_On_Disconnect": "false"}, "in_progress"),
        ({"stream": True, "background": True}, {}, "in_progress"),
        ({"stream": True, "background": True, "cancel_on_disconnect": True}, {}, "in_progress"),
        ({"stream": True}, {"Idempotency_Key": "k"}, "in_progress"),
    ],
)
async def test_whether_a_client_that_leaves_stops_its_response(
    asker: Client, fields: dict[str, Any], headers: dict[str, str], status: str
) -> None:
    async with asking(with_headers(asker, **headers), **fields) as connection:
        if "stream" in fields:
            await received(connection, '"w0 "')
        else:
            await wait_all_tasks_blocked()
    response = await retrieved(asker, only_job(asker))

    assert response["status"] == status
    await cancelled(asker, response["id"])


async def test_the_same_key_joins_the_same_response(asker: Client) -> None:
    keyed = with_headers(asker, Idempotency_Key="k")
    first = await created(keyed)
    again = await created(keyed)
    events = await streamed(keyed)
    another = await created(with_headers(asker, Idempotency_Key="l"))
    bobs = await created(with_headers(bob_beside(asker), Idempotency_Key="k"))

    assert again == first == events[-1]["response"]
    assert len({first["id"], another["id"], bobs["id"]}) == 3
    assert len(model_of(asker).asked) == 3


async def test_the_same_request_in_the_background_learns_how_far_it_has_come(
    asker: Client,
) -> None:
    keyed = with_headers(asker, Idempotency_Key="k")
    response_id = await running(keyed)
    again = await created(keyed, "still", background=True)
    stopped = await cancelled(asker, response_id)

    assert (again["id"], again["status"], text_of(again)) == (response_id, "in_progress", "w0 ")
    assert await created(keyed, "still", background=True) == stopped


@pytest.mark.parametrize("model", ["fast", "still"])
async def test_the_same_key_joins_nothing_that_was_deleted(asker: Client, model: str) -> None:
    keyed = with_headers(asker, Idempotency_Key="k")
    response_id = await running(keyed, model)
    await asker.ask("DELETE", f"{PATH}/{response_id}")

    assert await running(keyed, model) != response_id


async def test_the_same_key_joins_it_while_it_runs_in_its_conversation(asker: Client) -> None:
    keyed = with_headers(asker, Idempotency_Key="k")
    response_id = await running(keyed, conversation="c")
    again = await created(keyed, "still", background=True, conversation="c")
    other = await asker.post(PATH, asked("still", conversation="c"))

    assert again["id"] == response_id
    assert refusal(other) == (409, "conversation", "conversation_locked")
    await cancelled(asker, response_id)


async def test_what_is_not_stored_is_known_only_while_it_runs(asker: Client) -> None:
    async with asking(asker, stream=True, store=False) as connection:
        await received(connection, '"w0 "')
        response_id = only_job(asker)
        now = await retrieved(asker, response_id)
    ended = await asker.get(f"{PATH}/{response_id}")

    assert (now["status"], now["store"]) == ("in_progress", False)
    assert refusal(ended)[0] == 404
