"""Responses of agents with tools: as they come, are read again, and are gone on from."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import pytest
from msgspec import json
from msgspec.structs import replace

from legato.models.contract import ChatMessage
from tests.support.http.client import Client
from tests.support.http.runtime import AttentiveModel, open_client
from tests.support.openai.asked import DONE, PATH, asked, refusal
from tests.support.openai.runs import AGENTS, FORECAST, FUNCTIONS, THEIRS, agent

TOOL = {"type": "function", "name": THEIRS, "parameters": {"type": "object"}}
ARGUMENTS = '{"place": {"town": "Paris"}}'
WATCHED = {
    **AGENTS,
    "reader": agent({"text": "Read."}, model="attentive"),
    "failing": agent(
        {"calls": [{"name": "weather", "arguments": {}}]}, {"text": "Sorry."}, tools=("weather",)
    ),
    "poor": agent({"text": "I have none."}, tools=("weather", "gone_mcp_clock")),
    "mute": replace(
        agent({"tokens": 1}, tools=("weather",)), parameters={"rate": 0, "fail_after": 0}
    ),
}


@pytest.fixture
async def ann() -> AsyncIterator[Client]:
    async with open_client(AttentiveModel(), agents=WATCHED, functions=FUNCTIONS) as ann:
        yield ann


async def answered(client: Client, agent_id: str, **fields: Any) -> dict[str, Any]:
    reply = await client.post(PATH, asked(agent_id, **fields))

    assert reply.status == 200, reply.text
    return dict(reply.body)


def kinds(items: Sequence[Mapping[str, Any]]) -> list[str]:
    return [item["type"] for item in items]


async def read_by_model(client: Client, **fields: Any) -> list[ChatMessage]:
    """What the model of the agent `reader` reads of a request."""
    await answered(client, "reader", **fields)
    assert client.app.runtime is not None
    model = client.app.runtime.models["attentive"]
    assert isinstance(model, AttentiveModel)
    return list(model.asked[-1].messages)


def told(messages: Sequence[ChatMessage]) -> list[tuple[str, str | None]]:
    """Each message's role, with the text or the name of the called tool."""
    return [
        (each.role, each.text or each.more["tool_calls"][0]["function"]["name"])
        for each in messages
    ]


async def test_a_response_has_the_tools_the_calls_and_a_message_for_each_model_call(
    ann: Client,
) -> None:
    response = await answered(ann, "helper")
    output = response["output"]

    assert kinds(output) == ["mcp_list_tools", "message", "mcp_call", "message"]
    [tool] = output[0]["tools"]
    assert (output[0]["server_label"], tool["name"]) == ("functions", "weather")
    assert tool["description"] == "Say how the weather will be."
    assert tool["input_schema"]["required"] == ["place"]
    call = output[2]
    assert (call["server_label"], call["name"], call["arguments"], call["output"]) == (
        "functions",
        "weather",
        ARGUMENTS,
        FORECAST,
    )
    assert (call["status"], call["error"]) == ("completed", None)
    assert (await ann.get(f"{PATH}/{response['id']}")).body == response


async def test_a_response_in_the_background_is_the_same_when_it_is_read(ann: Client) -> None:
    response = await answered(ann, "helper", background=True)
    reply = await ann.get(f"{PATH}/{response['id']}?stream=true")
    last = json.decode(reply.text.removesuffix(DONE.decode()).rstrip().rpartition("data: ")[2])

    assert last["response"] == (await ann.get(f"{PATH}/{response['id']}")).body
    assert kinds(last["response"]["output"])[2] == "mcp_call"


async def test_a_stream_goes_on_with_the_same_bytes_from_every_number(ann: Client) -> None:
    reply = await ann.post(PATH, asked("first", stream=True))
    frames = [f"{frame}\n\n" for frame in reply.text.split("\n\n")[:-1]]
    first = json.decode(frames[0].partition("data: ")[2])
    path = f"{PATH}/{first['response']['id']}?stream=true"

    assert "mcp_call" in reply.text
    assert (await ann.get(path)).text == reply.text
    for number in range(len(frames) - 1):
        rest = await ann.get(f"{path}&starting_after={number}")
        assert rest.text == "".join(frames[number + 1 :])


async def test_a_failed_call_is_a_failed_item_and_the_run_goes_on(ann: Client) -> None:
    output = (await answered(ann, "failing"))["output"]

    assert kinds(output) == ["mcp_list_tools", "mcp_call", "message"]
    assert (output[1]["status"], output[1]["output"]) == ("failed", None)
    assert output[1]["error"]["type"] == "mcp_tool_execution_error"
    assert "place" in output[1]["error"]["content"][0]["text"]


async def test_a_tool_that_is_not_there_is_named_in_the_list_of_its_server(ann: Client) -> None:
    lists = (await answered(ann, "poor"))["output"][:2]

    assert [each["server_label"] for each in lists] == ["functions", "clock"]
    assert lists[0]["error"] is None
    assert lists[1]["tools"] == []
    assert lists[1]["error"].startswith("gone: ")


async def test_the_callers_own_calls_are_function_calls(ann: Client) -> None:
    response = await answered(ann, "caller", tools=[TOOL])
    output = response["output"]

    assert kinds(output) == ["mcp_list_tools", "function_call", "mcp_call"]
    assert (output[1]["name"], output[1]["status"]) == (THEIRS, "completed")
    result = {"type": "function_call_output", "call_id": output[1]["call_id"], "output": "it"}
    after = await answered(
        ann, "caller", input=[result], tools=[TOOL], previous_response_id=response["id"]
    )
    assert kinds(after["output"]) == ["mcp_list_tools", "message"]


async def test_a_chain_gives_the_calls_and_their_results_to_the_model(ann: Client) -> None:
    before = await answered(ann, "helper")
    messages = await read_by_model(ann, input="And?", previous_response_id=before["id"])

    assert told(messages) == [
        ("user", "Hi"),
        ("assistant", "Let me look."),
        ("tool", FORECAST),
        ("assistant", "It rains."),
        ("user", "And?"),
    ]
    [call] = messages[1].more["tool_calls"]
    assert call["function"] == {"name": "weather", "arguments": ARGUMENTS}
    assert messages[2].more == {"tool_call_id": call["id"]}


async def test_a_failure_is_read_as_it_was(ann: Client) -> None:
    before = await answered(ann, "failing")
    messages = await read_by_model(ann, input="And?", previous_response_id=before["id"])

    assert messages[2].text.startswith("invalid arguments: ")


async def test_items_are_named_by_reference_and_sent_again_whole(ann: Client) -> None:
    output = (await answered(ann, "helper"))["output"]
    named = [{"type": "item_reference", "id": item["id"]} for item in output]
    by_name = await read_by_model(ann, input=[*named, {"role": "user", "content": "And?"}])
    whole = await read_by_model(ann, input=[*output, {"role": "user", "content": "And?"}])

    assert told(by_name) == told(whole)
    assert told(whole)[:2] == [("assistant", "Let me look."), ("tool", FORECAST)]


async def test_items_that_a_client_sends_again_beside_the_chain_are_read_once(ann: Client) -> None:
    before = await answered(ann, "helper")
    again = [*before["output"], {"role": "user", "content": "And?"}]
    messages = await read_by_model(ann, input=again, previous_response_id=before["id"])

    assert [each.role for each in messages] == ["user", "assistant", "tool", "assistant", "user"]


async def test_a_call_of_an_mcp_server_has_the_name_that_the_model_knows(ann: Client) -> None:
    called = {
        "type": "mcp_call",
        "server_label": "clock",
        "name": "now",
        "arguments": "",
        "error": "The clock stopped.",
    }
    cut = {**called, "server_label": "actions:a_example", "error": None, "status": "incomplete"}
    messages = await read_by_model(ann, input=[called, cut, {"role": "user", "content": "?"}])

    names = [each.more["tool_calls"][0]["function"] for each in messages[0:4:2]]
    assert names == [
        {"name": "now_mcp_clock", "arguments": "{}"},
        {"name": "now_action_a_example", "arguments": "{}"},
    ]
    assert [each.text for each in messages[1:4:2]] == [
        "The clock stopped.",
        "No result: the answer ended during this call, which may have happened.",
    ]


@pytest.mark.parametrize(
    ("item", "field"),
    [
        ({"type": "mcp_call", "name": "now", "arguments": "{}"}, "input[0]"),
        ({"type": "mcp_list_tools", "server_label": "clock", "tools": 1}, "input[0].tools"),
    ],
)
async def test_a_malformed_item_is_refused_by_name(
    ann: Client, item: dict[str, Any], field: str
) -> None:
    assert refusal(await ann.post(PATH, asked("reader", input=[item])))[:2] == (400, field)


async def test_a_model_that_refuses_before_its_first_word_is_an_http_error_beside_tools(
    ann: Client,
) -> None:
    assert (await ann.post(PATH, asked("mute"))).status == 502
