"""Agents over HTTP: made, read, changed, duplicated, reverted, deleted, asked."""

import pytest
from msgspec import json

from tests.support.http.agents import AGENT, FORBIDDEN, NOT_FOUND, made, patched, shared
from tests.support.http.client import Client


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
    *lists, message = response.body["output"]
    assert message["content"][0]["text"] == "w0 w1 w2 "
    assert [each["server_label"] for each in lists] == ["functions"]


async def test_agents_are_listed_beside_models_for_who_may_view_them(
    ann: Client, bob: Client
) -> None:
    agent = await made(ann)
    mine = (await ann.get("/v1/models")).body["data"]
    theirs = (await bob.get("/v1/models")).body["data"]

    assert [each["id"] for each in mine] == ["scripted", "helper", agent["id"]]
    assert (mine[2]["name"], mine[2]["owned_by"], mine[2]["provider"]) == ("Ada", "ann", "agents")
    assert [each["id"] for each in theirs] == ["scripted", "helper", "secret"]
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


async def test_a_change_is_a_version_and_an_equal_one_is_none(ann: Client) -> None:
    agent = await made(ann)
    same = await patched(ann, agent["id"], tools=AGENT["tools"][::-1], unknown=1)
    changed = await patched(ann, agent["id"], name="Bea", instructions=None)

    assert (same["version"], same["updatedAt"]) == (1, agent["updatedAt"])
    assert (changed["version"], changed["name"], changed["instructions"]) == (2, "Bea", "")
    assert changed["tools"] == AGENT["tools"]
    assert "unknown" not in changed
    whole = (await ann.get(f"/api/agents/{agent['id']}/expanded")).body
    assert [each["name"] for each in whole["versions"]] == ["Ada", "Bea"]
    assert {each["updatedBy"] for each in whole["versions"]} == {"ann"}


async def test_a_revert_brings_a_version_back_and_an_answer_says_which(ann: Client) -> None:
    agent = await made(ann)
    await patched(ann, agent["id"], name="Bea")
    path = f"/api/agents/{agent['id']}/revert"
    reverted = (await ann.post(path, {"version_index": 0})).body
    unknown = await ann.post(path, {"version_index": 2})
    final = await ann.finish(agent_id=agent["id"])

    assert (reverted["name"], reverted["version"], reverted["currentVersion"]) == ("Ada", 2, 1)
    assert unknown.status == 400
    assert unknown.body["message"] == (
        "version_index: there is no version 3; the agent has 2, from 1; the index counts from 0"
    )
    answer = final["responseMessage"]
    assert (answer["sender"], answer["agent_version"]) == ("Ada", 1)


async def test_a_duplicate_is_the_callers_and_names_itself_where_the_first_named_itself(
    ann: Client, bob: Client
) -> None:
    other = await made(ann, name="Other")
    agent = await made(ann, tools=["measure"])
    document = {"openapi": "3.1.0", "servers": [{"url": "https://x.example"}]}
    spec = json.encode({**document, "paths": {"/a": {"get": {"operationId": "get"}}}}).decode()
    metadata = {"raw_spec": spec, "domain": "x.example"}
    await ann.post(f"/api/agents/actions/{agent['id']}", {"metadata": metadata})
    edges = [{"from": agent["id"], "to": [other["id"]], "description": "when in doubt"}]
    await patched(ann, agent["id"], edges=edges)
    await shared(ann, agent["id"], "bob", "editor")
    reply = await bob.post(f"/api/agents/{agent['id']}/duplicate", {})
    copy = reply.body["agent"]

    assert reply.status == 201
    assert (copy["author"], copy["version"], reply.body["actions"]) == ("bob", 1, [])
    assert copy["name"].startswith("Ada (2")
    whole = (await ann.get(f"/api/agents/{agent['id']}/expanded")).body
    assert (whole["tools"], len(whole["actions"])) == (["measure", "get_action_x_example"], 1)
    assert (copy["tools"], copy["actions"]) == (["measure"], [])
    assert copy["edges"] == [{**edges[0], "from": copy["id"]}]
    assert (await ann.get(f"/api/agents/{copy['id']}")).body == FORBIDDEN


async def test_a_deleted_agent_is_gone_and_its_run_goes_on(ann: Client) -> None:
    agent = await made(ann, model_parameters={"tokens": 5, "rate": 50})
    started = await ann.start(agent_id=agent["id"])
    await patched(ann, agent["id"], name="Bea")
    deleted = await ann.ask("DELETE", f"/api/agents/{agent['id']}")
    frames = await ann.read(started["generationId"])

    assert deleted.body == {"message": "Agent deleted"}
    answer = frames[-1].data["responseMessage"]
    assert (answer["sender"], answer["agent_version"]) == ("Ada", 1)
    text = "w0 w1 w2 w3 w4 "
    assert answer["content"] == [{"type": "text", "text": text, "agentId": agent["id"]}]
    for reply in (
        await ann.get(f"/api/agents/{agent['id']}"),
        await ann.try_start(agent_id=agent["id"]),
        await ann.ask("DELETE", f"/api/agents/{agent['id']}"),
    ):
        assert (reply.status, reply.body) == (404, NOT_FOUND)


async def test_a_repeated_start_joins_its_first_after_the_agent_was_deleted(ann: Client) -> None:
    agent = await made(ann)
    asked = {"agent_id": agent["id"], "clientRequestId": "r1"}
    first = await ann.start(**asked)
    await ann.ask("DELETE", f"/api/agents/{agent['id']}")
    again = await ann.start(**asked)
    other = await ann.try_start(**{**asked, "clientRequestId": "r2"})

    assert again["generationId"] == first["generationId"]
    assert again["status"] == "resumed"
    assert (other.status, other.body) == (404, NOT_FOUND)


async def test_the_first_event_says_which_version_answers(ann: Client) -> None:
    agent = await made(ann)
    started = await ann.start(agent_id=agent["id"])
    created = (await ann.read(started["generationId"]))[0].data

    assert (created["sender"], created["agent_id"], created["agent_version"]) == (
        "Ada",
        agent["id"],
        1,
    )


@pytest.mark.parametrize("agent_id", [None, "ephemeral", ""])
async def test_a_start_without_an_agent_asks_the_bare_model(
    ann: Client, agent_id: str | None
) -> None:
    final = await ann.finish(agent_id=agent_id)

    assert final["responseMessage"]["sender"] == "scripted"
    assert "agent_id" not in final["responseMessage"]


async def test_an_agent_of_the_configuration_is_there_for_those_it_names(
    ann: Client, bob: Client
) -> None:
    final = await ann.finish(agent_id="helper", model_parameters=None)
    hidden = await ann.try_start(agent_id="secret")
    seen = await bob.finish(agent_id="secret")

    assert (final["responseMessage"]["sender"], final["responseMessage"]["model"]) == (
        "helper",
        "helper",
    )
    part = {"type": "text", "text": "w0 w1 ", "agentId": "helper"}
    assert final["responseMessage"]["content"] == [part]
    assert (hidden.status, hidden.body) == (403, FORBIDDEN)
    assert seen["responseMessage"]["sender"] == "secret"
    assert (await ann.get("/api/agents/helper")).body["is_promoted"] is True
    models = (await ann.get("/v1/models")).body["data"]
    assert [each["id"] for each in models] == ["scripted", "helper"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/expanded"),
        ("PATCH", ""),
        ("DELETE", ""),
        ("POST", "/revert"),
        ("POST", "/duplicate"),
        ("GET", "/avatar"),
    ],
)
async def test_nobody_changes_an_agent_of_the_configuration(
    ann: Client, method: str, path: str
) -> None:
    reply = await ann.ask(method, f"/api/agents/helper{path}", {"version_index": 0})

    assert (reply.status, reply.body) == (403, FORBIDDEN)
