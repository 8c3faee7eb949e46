"""Agents whose tools need leave, by OpenAI's APIs: the answer ends, the next request decides."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from msgspec import json

import legato
from legato.agents.asks import UNASKED
from legato.config import FunctionSettings
from tests.support.http.client import Client
from tests.support.http.runtime import open_client
from tests.support.openai.asked import DONE, PATH, asked
from tests.support.openai.runs import agent

CHAT = "/v1/chat/completions"
HI = {"messages": [{"role": "user", "content": "Hi"}]}
ROLLED: list[int] = []


@legato.tool
def roll(sides: int) -> str:
    """Roll a die."""
    ROLLED.append(sides)
    return f"rolled {sides}"


@legato.tool
def look() -> str:
    """Look at the die."""
    return "a die"


def calling(*names: str) -> Mapping[str, Any]:
    calls = [
        {"name": name, "arguments": {} if name == "look" else {"sides": 6 + number}}
        for number, name in enumerate(names)
    ]
    return {"text": "Let me.", "calls": calls}


def dice(*names: str) -> Any:
    return agent(
        calling(*names), {"text": "Done."}, tools=("roll", "look"), approval={"roll": "ask"}
    )


ASKING = [{"name": "ask_user", "arguments": {"question": "Red?"}}]
HOUSE: Mapping[str, Any] = {
    "agents": {
        "dice": dice("roll"),
        "two": dice("roll", "look", "roll"),
        "curious": agent({"calls": ASKING}, {"text": "Red?"}, tools=("ask_user",)),
    },
    "functions": {name: FunctionSettings(target=f"{__name__}:{name}") for name in ("roll", "look")},
}


@pytest.fixture
async def ann() -> AsyncIterator[Client]:
    ROLLED.clear()
    async with open_client(**HOUSE) as ann:
        yield ann


async def answered(client: Client, agent_id: str, **fields: Any) -> dict[str, Any]:
    reply = await client.post(PATH, asked(agent_id, **fields))

    assert reply.status == 200, reply.text
    return dict(reply.body)


def kinds(response: Mapping[str, Any]) -> list[str]:
    return [item["type"] for item in response["output"] if item["type"] != "mcp_list_tools"]


def requests_of(response: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [item for item in response["output"] if item["type"] == "mcp_approval_request"]


async def test_a_response_completes_with_a_request_for_leave(ann: Client) -> None:
    response = await answered(ann, "dice")
    [request] = requests_of(response)

    assert response["status"] == "completed"
    assert kinds(response) == ["message", "mcp_approval_request"]
    assert request == {
        "id": request["id"],
        "type": "mcp_approval_request",
        "server_label": "functions",
        "name": "roll",
        "arguments": '{"sides": 6}',
    }
    assert request["id"].startswith("mcpr_")
    assert ROLLED == []
    assert (await ann.get(f"{PATH}/{response['id']}")).body == response


async def test_calls_without_a_need_for_leave_are_made_at_once(ann: Client) -> None:
    response = await answered(ann, "two")

    assert kinds(response) == [
        "message",
        "mcp_approval_request",
        "mcp_call",
        "mcp_approval_request",
    ]
    assert response["output"][3]["output"] == "a die"
    assert [item["arguments"] for item in requests_of(response)] == ['{"sides": 6}', '{"sides": 8}']


async def test_a_stream_with_requests_goes_on_with_the_same_bytes_from_every_number(
    ann: Client,
) -> None:
    reply = await ann.post(PATH, asked("two", stream=True))
    frames = [f"{frame}\n\n" for frame in reply.text.split("\n\n")[:-1]]
    events = [json.decode(frame.partition("data: ")[2]) for frame in frames[:-1]]
    response = events[-1]["response"]
    path = f"{PATH}/{response['id']}?stream=true"

    assert f"{frames[-1]}".encode() == DONE
    assert (await ann.get(path)).text == reply.text
    for number in range(len(frames) - 1):
        assert (await ann.get(f"{path}&starting_after={number}")).text == "".join(
            frames[number + 1 :]
        )
    done = [each["item"] for each in events if each["type"] == "response.output_item.done"]
    added = [each["item"] for each in events if each["type"] == "response.output_item.added"]
    assert sorted(done, key=response["output"].index) == response["output"]
    assert [each["id"] for each in added] == [each["id"] for each in response["output"]]
    assert (await ann.get(f"{PATH}/{response['id']}")).body == response


async def test_a_completion_ends_with_the_pending_calls_in_a_field_of_ours(ann: Client) -> None:
    whole = (await ann.post(CHAT, {"model": "two", **HI})).body
    streamed = await ann.post(CHAT, {"model": "two", **HI, "stream": True})
    [choice] = whole["choices"]
    frames = [line for line in streamed.text.splitlines() if line.startswith("data: {")]
    last = json.decode(frames[-1].removeprefix("data: "))["choices"][0]

    assert choice["finish_reason"] == last["finish_reason"] == "stop"
    assert "tool_calls" not in choice["message"]
    assert [each["name"] for each in choice["message"]["legato"]["tool_calls"]] == ["look"]
    first, second = choice["message"]["legato"]["pending"]
    assert first == {
        "id": first["id"],
        "type": "approval",
        "server_label": "functions",
        "name": "roll",
        "arguments": '{"sides": 6}',
    }
    assert second["arguments"] == '{"sides": 8}'
    assert [each["name"] for each in last["delta"]["legato"]["pending"]] == ["roll", "roll"]
    assert ROLLED == []


async def test_a_question_of_the_model_comes_in_the_answer(ann: Client) -> None:
    response = await answered(ann, "curious")
    [call] = [item for item in response["output"] if item["type"] == "mcp_call"]

    assert response["status"] == "completed"
    assert call["error"]["content"][0]["text"] == f"{UNASKED}\nRed?"
    assert response["output"][-1]["content"][0]["text"] == "Red?"
