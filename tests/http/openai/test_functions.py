"""Functions, the older form of tools: for a model as tools, for the client as functions."""

from typing import Any

import pytest

from legato.models.contract import ChatMessage
from tests.support.http.client import Client
from tests.support.openai.asked import ann_asking, model_of
from tests.support.openai.chunks import ASKED, PATH, streamed

FIND: dict[str, Any] = {"name": "find", "description": "Find.", "parameters": {"type": "object"}}
USER = {"role": "user", "content": "Hi"}
CALLING = {
    "role": "assistant",
    "content": None,
    "function_call": {"name": "find", "arguments": "{}"},
}
RESULT = {"role": "function", "name": "find", "content": "42"}
TOOL = {"type": "function", "function": FIND}
NAMED = {"type": "function", "function": {"name": "find"}}


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ({"functions": [FIND]}, {"tools": [TOOL]}),
        (
            {"functions": [FIND], "function_call": "none"},
            {"tools": [TOOL], "tool_choice": "none"},
        ),
        (
            {"functions": [FIND], "function_call": {"name": "find"}},
            {"tools": [TOOL], "tool_choice": NAMED},
        ),
        ({"functions": [], "function_call": "auto"}, {}),
        ({"functions": None, "tools": [TOOL]}, {"tools": [TOOL]}),
    ],
)
async def test_a_model_is_given_functions_as_tools(
    asked: dict[str, Any], given: dict[str, Any]
) -> None:
    async with ann_asking() as ann:
        reply = await ann.post(PATH, {"model": "fast", "messages": [USER], **asked})
        [request] = model_of(ann).asked

    assert (reply.status, request.parameters) == (200, given)


async def test_a_model_reads_the_calls_and_results_of_functions_as_those_of_tools() -> None:
    other = {**CALLING, "function_call": {"name": "look", "arguments": "{}"}}
    said = [USER, CALLING, RESULT, other, {**RESULT, "name": "look", "content": None}, CALLING]
    async with ann_asking() as ann:
        await ann.post(PATH, {"model": "fast", "messages": [*said, RESULT]})
        [request] = model_of(ann).asked

    assert request.messages == (
        ChatMessage("user", "Hi"),
        *called(1, CALLING, "42"),
        *called(3, other, ""),
        *called(5, CALLING, "42"),
    )


def called(place: int, message: dict[str, Any], result: str) -> tuple[ChatMessage, ChatMessage]:
    name = f"function_call_{place}"
    call = {"id": name, "type": "function", "function": message["function_call"]}
    return (
        ChatMessage("assistant", None, {"tool_calls": [call]}),
        ChatMessage("tool", result, {"tool_call_id": name}),
    )


async def test_the_answer_has_the_first_call_as_a_function_call(ann: Client) -> None:
    asked = ASKED | {"functions": [FIND], "tool_calls": 2}
    reply = await ann.post(PATH, asked)

    choice = reply.body["choices"][0]
    assert choice["finish_reason"] == "function_call"
    assert choice["message"]["function_call"] == {
        "name": "scripted_tool",
        "arguments": '{"call": 0, "text": "argument of call 0"}',
    }
    assert "tool_calls" not in choice["message"]


async def test_a_stream_has_the_first_call_in_pieces(ann: Client) -> None:
    chunks = await streamed(ann, functions=[FIND], tool_calls=2)

    choices = [chunk.data["choices"][0] for chunk in chunks[:-1]]
    calls = [each["delta"]["function_call"] for each in choices if "function_call" in each["delta"]]
    assert calls[0] == {"name": "scripted_tool", "arguments": ""}
    assert "".join(each["arguments"] for each in calls) == (
        '{"call": 0, "text": "argument of call 0"}'
    )
    assert choices[-1]["finish_reason"] == "function_call"
    assert not any("tool_calls" in each["delta"] for each in choices)


@pytest.mark.parametrize("asked", [{"functions": [FIND]}, {"tools": [TOOL]}], ids=str)
async def test_a_cancel_tells_the_calls_in_the_form_of_the_request(
    ann: Client, asked: dict[str, Any]
) -> None:
    reply = await ann.post(PATH, ASKED | {"tool_calls": 1, **asked})
    cancelled = await ann.post(f"{PATH}/{reply.body['id']}/cancel", None)

    assert cancelled.body["completion"]["choices"] == reply.body["choices"]


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        ({"functions": [FIND], "tools": [TOOL]}, "functions"),
        ({"functions": [FIND] * 513}, "functions"),
        ({"functions": "find"}, "functions"),
        ({"functions": [FIND], "function_call": 7}, "function_call"),
        ({"functions": [FIND], "function_call": "required"}, "function_call"),
        ({"messages": [USER, RESULT]}, "messages[1].name"),
        ({"messages": [USER, CALLING, RESULT, RESULT]}, "messages[3].name"),
        ({"messages": [USER, CALLING, {**RESULT, "name": 7}]}, "messages[2].name"),
        ({"messages": [USER, CALLING, {**RESULT, "content": 7}]}, "messages[2].content"),
    ],
)
async def test_a_wrong_function_is_named(ann: Client, asked: dict[str, Any], param: str) -> None:
    reply = await ann.post(PATH, ASKED | asked)

    assert (reply.status, reply.body["error"]["param"]) == (400, param)
