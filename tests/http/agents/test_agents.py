"""Agents over HTTP: made, read, changed, duplicated, reverted, deleted."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.support.http.client import FAST, Client

AGENT: Mapping[str, Any] = {
    "name": "Ada",
    "description": "Knows numbers",
    "instructions": "Be brief.",
    "provider": "openAI",
    "model": "scripted",
    "model_parameters": FAST,
    "tools": ["now_mcp_clock", "sys__all__sys_mcp_files"],
}
NOT_FOUND = {"error": "Not Found", "message": "agent not found"}
FORBIDDEN = {
    "error": "Forbidden",
    "message": "Insufficient permissions to access this agent",
}


async def made(client: Client, **fields: object) -> dict[str, Any]:
    reply = await client.post("/api/agents", {**AGENT, **fields})

    assert reply.status == 201, reply.text
    return dict(reply.body)


async def test_an_agent_is_made_and_read(ann: Client) -> None:
    agent = await made(ann)

    assert agent["id"].startswith("agent_")
    assert len(agent["id"]) == len("agent_") + 21
    assert {name: agent[name] for name in AGENT} == AGENT
    assert (agent["author"], agent["version"], agent["category"]) == ("ann", 1, "general")
    seen = (await ann.get(f"/api/agents/{agent['id']}")).body
    assert (seen["name"], seen["model"], seen["version"]) == ("Ada", "scripted", 1)
    assert "instructions" not in seen
    whole = (await ann.get(f"/api/agents/{agent['id']}/expanded")).body
    assert whole["instructions"] == "Be brief."
    assert [each["name"] for each in whole["versions"]] == ["Ada"]


async def test_an_agent_answers_with_its_model_and_its_name(ann: Client) -> None:
    agent = await made(ann)
    final = await ann.finish(agent_id=agent["id"], model_parameters=None)
    answer = final["responseMessage"]

    assert (answer["sender"], answer["model"]) == ("Ada", agent["id"])
    assert (answer["agent_id"], answer["agent_version"]) == (agent["id"], 1)
    assert final["conversation"]["agent_id"] == agent["id"]
    assert final["conversation"]["model"] == "scripted"
    messages = await ann.messages(final["conversation"]["conversationId"])
    assert [each.get("agent_version") for each in messages] == [None, 1]


@pytest.mark.parametrize("prefix", ["/v1", "/api/agents/v1"])
async def test_an_agent_is_asked_as_a_model(ann: Client, prefix: str) -> None:
    agent = await made(ann)
    message = {"role": "user", "content": "Hi"}
    asked = {"model": agent["id"], "messages": [message]}
    completion = await ann.post(f"{prefix}/chat/completions", asked)
    response = await ann.post(f"{prefix}/responses", {"model": agent["id"], "input": "Hi"})

    assert completion.body["model"] == response.body["model"] == agent["id"]
    assert completion.body["choices"][0]["message"]["content"] == "w0 w1 w2 "
    assert response.body["output"][0]["content"][0]["text"] == "w0 w1 w2 "


async def test_agents_are_listed_beside_models_for_who_may_view_them(
    ann: Client, bob: Client
) -> None:
    agent = await made(ann)
    mine = (await ann.get("/v1/models")).body["data"]
    theirs = (await bob.get("/v1/models")).body["data"]

    assert [each["id"] for each in mine] == ["scripted", agent["id"]]
    assert (mine[1]["name"], mine[1]["owned_by"], mine[1]["provider"]) == ("Ada", "ann", "agents")
    assert [each["id"] for each in theirs] == ["scripted"]
    one = await ann.get(f"/v1/models/{agent['id']}")
    assert one.body["id"] == agent["id"]
    assert one.body["created"] > 0


async def test_an_agent_that_is_not_the_callers_is_as_absent_to_openais_apis(
    bob: Client, ann: Client
) -> None:
    agent = await made(ann)
    replies = []
    for model in (agent["id"], "agent_" + "x" * 21):
        body = {"model": model, "messages": [{"role": "user", "content": "Hi"}]}
        replies += [
            await bob.post("/v1/chat/completions", body),
            await bob.post("/v1/responses", {"model": model, "input": "Hi"}),
            await bob.get(f"/v1/models/{model}"),
        ]

    assert {each.status for each in replies} == {404}
    assert {each.body["error"]["code"] for each in replies} == {"model_not_found"}
    messages = {
        each.body["error"]["message"].replace(agent["id"], "agent_" + "x" * 21) for each in replies
    }
    assert len(messages) == 1
