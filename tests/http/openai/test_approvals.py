"""Agents whose tools need leave, by OpenAI's APIs: the answer ends, the next request decides."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import trio
from msgspec import json
from msgspec.structs import replace

import legato
from legato.agents.asks import DENIED, UNASKED
from legato.config import FunctionSettings
from legato.http.app import create_app
from tests.support.http.client import Client, Reply, bearer
from tests.support.http.runtime import open_client, open_house, settings_with
from tests.support.openai.asked import DONE, PATH, asked, bob_beside
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
    done = [{"text": "Done."}] * 3  # calls of one model call are read as several
    return agent(calling(*names), *done, tools=("roll", "look"), approval={"roll": "ask"})


ASKING = [{"name": "ask_user", "arguments": {"question": "Red?"}}]
HOUSE: Mapping[str, Any] = {
    "agents": {
        "dice": dice("roll"),
        "two": dice("roll", "look", "roll"),
        "reader": agent({"text": "Read."}),
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


def approval(request: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
    return {
        "type": "mcp_approval_response",
        "approval_request_id": request["id"],
        "approve": True,
        **fields,
    }


async def test_an_approved_call_is_made_and_the_model_goes_on(ann: Client) -> None:
    first = await answered(ann, "dice")
    [request] = requests_of(first)
    second = await answered(
        ann, "dice", previous_response_id=first["id"], input=[approval(request)]
    )
    call = second["output"][0]

    assert ROLLED == [6]
    assert (call["type"], call["status"], call["output"]) == ("mcp_call", "completed", "rolled 6")
    assert call["approval_request_id"] == request["id"]
    assert call["arguments"] == request["arguments"]
    assert second["output"][-1]["content"][0]["text"] == "Done."
    assert (await ann.get(f"{PATH}/{second['id']}")).body == second


async def test_a_stream_that_begins_with_the_call_is_the_same_from_every_number(
    ann: Client,
) -> None:
    first = await answered(ann, "two")
    said = {"previous_response_id": first["id"], "input": [approval(requests_of(first)[0])]}
    reply = await ann.post(PATH, asked("two", stream=True, **said))
    frames = [f"{frame}\n\n" for frame in reply.text.split("\n\n")[:-1]]
    events = [json.decode(frame.partition("data: ")[2]) for frame in frames[:-1]]
    response = events[-1]["response"]
    path = f"{PATH}/{response['id']}?stream=true"

    for number in range(len(frames) - 1):
        assert (await ann.get(f"{path}&starting_after={number}")).text == "".join(
            frames[number + 1 :]
        )
    done = [each["item"] for each in events if each["type"] == "response.output_item.done"]
    assert sorted(done, key=response["output"].index) == response["output"]
    assert (await ann.get(f"{PATH}/{response['id']}")).body == response


async def test_a_denied_call_is_not_made_and_the_model_reads_why(ann: Client) -> None:
    first = await answered(ann, "dice")
    said = [approval(requests_of(first)[0], approve=False, reason="Too many sides.")]
    second = await answered(ann, "dice", previous_response_id=first["id"], input=said)
    call = second["output"][0]

    assert ROLLED == []
    assert (call["type"], call["status"]) == ("mcp_call", "failed")
    assert call["error"]["content"][0]["text"] == f"{DENIED}  Too many sides."
    assert second["output"][-1]["content"][0]["text"] == "Done."


async def test_the_model_is_asked_when_every_request_is_decided(ann: Client) -> None:
    first = await answered(ann, "two")
    one, two = requests_of(first)
    second = await answered(ann, "two", previous_response_id=first["id"], input=[approval(two)])
    made = list(ROLLED)
    third = await answered(ann, "two", previous_response_id=second["id"], input=[approval(one)])

    assert made == [8]
    assert kinds(second) == ["mcp_approval_request", "mcp_call"]
    assert requests_of(second) == [one]
    assert ROLLED == [8, 6]
    assert kinds(third)[-2:] == ["mcp_call", "message"]
    assert third["status"] == "completed"


async def test_new_words_pass_over_the_requests_before(ann: Client) -> None:
    first = await answered(ann, "two")
    one, _ = requests_of(first)
    second = await answered(
        ann,
        "two",
        previous_response_id=first["id"],
        input=[approval(one), {"role": "user", "content": "Leave the other one."}],
    )

    assert ROLLED == [6]
    assert kinds(second)[0] == "mcp_call"
    assert "mcp_approval_request" not in kinds(second)


async def test_the_same_decision_is_taken_once(ann: Client) -> None:
    first = await answered(ann, "dice")
    said = {"previous_response_id": first["id"], "input": [approval(requests_of(first)[0])]}
    second = await answered(ann, "dice", **said)
    again = await ann.post(PATH, asked("dice", **said))

    assert ROLLED == [6]
    assert (again.status, again.body["error"]["code"]) == (409, "decided_before")
    assert second["id"] in again.body["error"]["message"]
    assert again.headers["x-should-retry"] == "false"


@pytest.mark.parametrize("store", [True, False])
async def test_of_two_decisions_at_once_one_is_taken(ann: Client, store: bool) -> None:
    first = await answered(ann, "dice", store=store)
    sent_back = [{"role": "user", "content": "Hi"}, *first["output"]]
    said = {"store": store, "input": [*sent_back, approval(requests_of(first)[0])]}
    replies: list[Reply] = []

    async def decide() -> None:
        replies.append(await ann.post(PATH, asked("dice", **said)))

    async with trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(decide)

    assert sorted(reply.status for reply in replies) == [200, 409, 409, 409, 409]
    assert ROLLED == [6]


async def test_a_history_that_is_sent_again_decides_nothing_anew(ann: Client) -> None:
    history: list[Any] = [{"role": "user", "content": "Hi"}]
    for _ in range(2):
        response = await answered(ann, "dice", store=False, input=history)
        history += response["output"]
        history += [approval(each) for each in requests_of(response)]
    history.append({"role": "user", "content": "Thanks."})
    last = await answered(ann, "reader", store=False, input=history)

    assert ROLLED == [6]
    assert last["status"] == "completed"


async def test_a_conversation_goes_on_with_a_decision(ann: Client) -> None:
    conversation = (await ann.post("/v1/conversations", {})).body["id"]
    first = await answered(ann, "dice", conversation=conversation)
    second = await answered(
        ann, "dice", conversation=conversation, input=[approval(requests_of(first)[0])]
    )
    items = (await ann.get(f"/v1/conversations/{conversation}/items?order=asc")).body["data"]
    types = [item["type"] for item in items if item["type"] != "mcp_list_tools"]

    assert ROLLED == [6]
    assert second["output"][-1]["content"][0]["text"] == "Done."
    assert types == [
        *("message", "message", "mcp_approval_request"),
        *("mcp_approval_response", "mcp_call", "message"),
    ]


UNKNOWN = "mcpr_01M846XJQTHKRR16F0RWQP0001_1"


@pytest.mark.parametrize(
    ("said", "param"),
    [
        ([{"id": UNKNOWN}], "input[0].approval_request_id"),
        ([{"id": "x"}], "input[0].approval_request_id"),
        ([{"approve": "yes"}], "input[0].approve"),
        ([{}, {"approve": False}], "input[1].approval_request_id"),
    ],
)
async def test_a_wrong_decision_is_refused(
    ann: Client, said: list[dict[str, Any]], param: str
) -> None:
    first = await answered(ann, "dice")
    [request] = requests_of(first)
    fields = [{"approval_request_id": each.pop("id", request["id"]), **each} for each in said]
    decisions = [approval(request, **each) for each in fields]
    reply = await ann.post(PATH, asked("dice", previous_response_id=first["id"], input=decisions))

    assert (reply.status, reply.body["error"]["param"]) == (400, param), reply.text
    assert ROLLED == []


async def test_a_decision_of_somebody_else_or_for_another_agent_is_refused(ann: Client) -> None:
    first = await answered(ann, "dice")
    said = [*first["output"], approval(requests_of(first)[0])]
    by_bob = await bob_beside(ann).post(PATH, asked("dice", input=said))
    elsewhere = await ann.post(PATH, asked("reader", input=said))

    assert (by_bob.status, by_bob.body["error"]["param"]) == (
        400,
        f"input[{len(said) - 1}].approval_request_id",
    )
    assert (elsewhere.status, elsewhere.body["error"]["param"]) == (400, "model")
    assert ROLLED == []


async def test_the_arguments_are_those_that_the_model_gave(ann: Client) -> None:
    first = await answered(ann, "dice", store=False)
    [request] = requests_of(first)
    forged = [{**request, "arguments": '{"sides": 100}'}, approval(request)]
    await answered(ann, "dice", input=[{"role": "user", "content": "Hi"}, *forged])

    assert ROLLED == [6]


async def pending(ann: Client, agent_id: str = "dice") -> tuple[dict[str, Any], list[Any]]:
    """A completion that waits: the message, and the pending calls."""
    reply = await ann.post(CHAT, {"model": agent_id, **HI})
    message = reply.body["choices"][0]["message"]
    return message, message["legato"]["pending"]


async def decide(ann: Client, message: Any, *decisions: Any, agent_id: str = "dice") -> Reply:
    messages = [*HI["messages"], message]
    said = {"legato": {"decisions": list(decisions)}}
    return await ann.post(CHAT, {"model": agent_id, "messages": messages, **said})


async def test_a_completion_goes_on_with_the_decisions(ann: Client) -> None:
    message, [call] = await pending(ann)
    reply = await decide(ann, message, {"id": call["id"], "approve": True})
    again = await decide(ann, message, {"id": call["id"], "approve": True})
    answer = reply.body["choices"][0]["message"]

    assert answer["content"] == "Done."
    assert [each["output"] for each in answer["legato"]["tool_calls"]] == ["rolled 6"]
    assert "pending" not in answer["legato"]
    assert ROLLED == [6]
    assert (again.status, again.body["error"]["code"]) == (409, "decided_before")


async def test_a_streamed_completion_goes_on_with_the_call_first(ann: Client) -> None:
    message, [call] = await pending(ann)
    body = {
        "model": "dice",
        "messages": [*HI["messages"], message],
        "legato": {"decisions": [{"id": call["id"], "approve": False, "reason": "No."}]},
    }
    text = (await ann.post(CHAT, {**body, "stream": True})).text
    frames = [line for line in text.splitlines() if line.startswith("data: {")]
    deltas = [json.decode(each.removeprefix("data: "))["choices"][0]["delta"] for each in frames]
    [made] = [each["legato"]["tool_calls"][0] for each in deltas if "legato" in each]

    assert (made["output"], made["is_error"]) == (f"{DENIED}  No.", True)
    assert "".join(each.get("content", "") for each in deltas) == "Done."
    assert ROLLED == []


async def test_all_pending_calls_of_a_completion_are_decided_on_together(ann: Client) -> None:
    message, [one, two] = await pending(ann, "two")
    some = await decide(ann, message, {"id": two["id"], "approve": True}, agent_id="two")
    every = [{"id": each["id"], "approve": each == two} for each in (one, two)]
    reply = await decide(ann, message, *every, agent_id="two")
    answer = reply.body["choices"][0]["message"]

    assert (some.status, some.body["error"]["param"]) == (400, "legato.decisions")
    assert one["id"] in some.body["error"]["message"]
    assert [each.get("is_error", False) for each in answer["legato"]["tool_calls"]] == [True, False]
    assert answer["content"] == "Done."
    assert ROLLED == [8]


async def test_a_decision_on_an_unknown_call_is_refused(ann: Client) -> None:
    message, _ = await pending(ann)
    reply = await decide(ann, message, {"id": UNKNOWN, "approve": True})

    assert (reply.status, reply.body["error"]["param"]) == (400, "legato.decisions[0].id")


async def test_a_decision_counts_after_a_restart(tmp_path: Path) -> None:
    ROLLED.clear()
    settings = replace(settings_with(**HOUSE), database_url=f"sqlite:///{tmp_path}/legato.db")
    async with open_house(settings) as house:
        ann = Client(create_app(settings, house), bearer("ann"))
        first = await answered(ann, "dice")
        said = {"previous_response_id": first["id"], "input": [approval(requests_of(first)[0])]}
    async with open_house(settings) as house:
        ann = Client(create_app(settings, house), bearer("ann"))
        await answered(ann, "dice", **said)
    async with open_house(settings) as house:
        ann = Client(create_app(settings, house), bearer("ann"))
        again = await ann.post(PATH, asked("dice", **said))

    assert (again.status, again.body["error"]["code"]) == (409, "decided_before")
    assert ROLLED == [6]
