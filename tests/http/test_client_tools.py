"""Tools that the client of a start runs: the run waits for the result."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from legato.config import AgentSettings
from legato.http.app import create_app
from legato.http.application import Legato
from tests.support.http.client import Client, Reply
from tests.support.http.runtime import open_house, settings_with

CHAT = "/api/agents/chat"

SCRIPT = [{"calls": [{"name": "locate", "arguments": {"exact": True}}]}, {"text": "Done."}]
ODD = [{"calls": [{"name": "locate", "arguments": {"exact": "very"}}]}, {"text": "Done."}]

LOCATE = {
    "name": "locate",
    "description": "Where the user is.",
    "parameters": {"type": "object", "properties": {"exact": {"type": "boolean"}}},
}

AGENTS = {
    "guide": AgentSettings(parameters={"script": SCRIPT, "rate": 0}),
    "odd": AgentSettings(parameters={"script": ODD, "rate": 0}),
}


@pytest.fixture
async def app() -> AsyncIterator[Legato]:
    settings = settings_with(agents=AGENTS)
    async with open_house(settings) as house:
        yield create_app(settings, house)


async def asking(ann: Client) -> tuple[dict[str, str], dict[str, Any]]:
    """A run that waits for the client, and what it asks."""
    started = await ann.start("Where am I?", agent_id="guide", clientTools=[LOCATE])
    async with ann.follow(started["generationId"]) as stream:
        await stream.until("on_pending_action")
    status = await ann.get(f"{CHAT}/status/{started['conversationId']}")
    return started, status.body["resumeState"]["pendingAction"]


async def answer(ann: Client, started: dict[str, str], **fields: object) -> Reply:
    return await ann.post(f"{CHAT}/resume", {"conversationId": started["conversationId"], **fields})


async def output_of(ann: Client, started: dict[str, str]) -> Any:
    final = (await ann.read(started["generationId"]))[-1].data
    return final["responseMessage"]["content"][0]["tool_call"]["output"]


async def test_a_run_waits_for_the_clients_result_and_goes_on(ann: Client) -> None:
    started, action = await asking(ann)
    result = {"tool_call_id": "call_0_0", "decision": "respond", "responseText": "At home."}
    reply = await answer(ann, started, decisions=[result])
    again = await answer(ann, started, actionId=action["actionId"], decisions=[result])
    final = (await ann.read(started["generationId"]))[-1].data["responseMessage"]

    assert action["payload"] == {
        "type": "client_tool",
        "tool_call_id": "call_0_0",
        "name": "locate",
        "arguments": '{"exact": true}',
    }
    assert (reply.status, again.status) == (200, 200)
    assert final["content"][0]["tool_call"]["output"] == "At home."
    assert final["content"][1]["text"] == "Done."


@pytest.mark.parametrize(
    ("fields", "output"),
    [
        ({"answer": {"lat": 1}}, '{"lat":1}'),
        ({"answer": ""}, "(The tool returned nothing.)"),
        ({"answer": "x" * 70_000}, f"{'x' * 65_536}\n[cut: 4464 bytes more]"),
        (
            {"decisions": [{"decision": "reject", "reason": "No GPS."}]},
            "The user did not allow this call, which was not made.  No GPS.",
        ),
    ],
)
async def test_the_model_reads_what_the_client_says(
    ann: Client, fields: dict[str, Any], output: str
) -> None:
    started, _ = await asking(ann)
    reply = await answer(ann, started, **fields)

    assert reply.status == 200
    assert await output_of(ann, started) == output


async def test_nobody_can_allow_a_call_that_only_the_client_makes(ann: Client) -> None:
    started, _ = await asking(ann)
    reply = await answer(ann, started, decisions=[{"decision": "approve"}])

    assert (reply.status, reply.body["code"]) == (400, "DECISION_NOT_ALLOWED")


async def test_a_client_is_not_asked_to_make_a_call_that_does_not_fit(ann: Client) -> None:
    started = await ann.start("Where am I?", agent_id="odd", clientTools=[LOCATE])

    assert await output_of(ann, started) == (
        'invalid arguments: exact: "very" is not of type "boolean"'
    )


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"agent_id": None}, "clientTools"),
        ({"model_parameters": {"tools": []}}, "clientTools"),
        ({"clientTools": [LOCATE, LOCATE]}, "clientTools[1].name"),
        ({"clientTools": [{"name": "no name"}]}, "clientTools[0].name"),
        ({"clientTools": [{"name": f"t{number}"} for number in range(65)]}, "clientTools"),
        (
            {"clientTools": [{**LOCATE, "parameters": {"type": "string"}}]},
            "clientTools[0].parameters",
        ),
    ],
)
async def test_a_wrong_client_tool_is_refused(
    ann: Client, fields: dict[str, Any], named: str
) -> None:
    body = {"text": "Hi", "agent_id": "guide", "clientTools": [LOCATE], **fields}
    reply = await ann.post(CHAT, body)

    assert (reply.status, reply.body["param"]) == (400, named)
