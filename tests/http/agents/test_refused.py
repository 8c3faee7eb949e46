"""Invalid agents: refused at the save, with the field and the reason."""

from typing import Any

import pytest
from msgspec import json, structs

from legato.agents.catalogue import MOST_AGENTS
from legato.agents.tools.contract import NoTools
from legato.config import Guards
from legato.http.application import Legato
from tests.support.http.agents import AGENT, made, patched, sent, shared
from tests.support.http.client import Client
from tests.support.http.pictures import PNG
from tests.support.http.runtime import open_client

DIRECT = {"edgeType": "direct"}


def edge(source: str, target: str, **more: str) -> dict[str, str]:
    return {"from": source, "to": target, **more}


@pytest.mark.parametrize(
    ("fields", "param", "reason"),
    [
        ({"model": "gone"}, "model", "found 'gone'; allowed are scripted"),
        ({"model_parameters": {"tokens": "x"}}, "model_parameters", "tokens"),
        ({"recursion_limit": 0}, "recursion_limit", ">= 1"),
        ({"recursion_limit": 101}, "recursion_limit", "found 101; 1 to 100 are allowed"),
        ({"tools": ["a b"]}, "tools", "matching regex"),
        ({"tools": ["measure", "gone"]}, "tools[1]", "found 'gone'; there is no such function"),
        ({"tools": ["now_mcp_clock"]}, "tools[0]", "found 'now_mcp_clock'; no tools are"),
        ({"tools": ["get_action_x"]}, "tools[0]", "found 'get_action_x'; no tools are"),
        ({"tools": ["x" * 65]}, "tools", "matching regex"),
        ({"tools": ["ok"] * 129}, "tools", "128"),
        ({"name": "x" * 257}, "name", "256"),
        ({"name": "a\0b"}, "name", "matching regex"),
        ({"description": "a\0b"}, "description", "matching regex"),
        ({"instructions": "x" * 262_145}, "instructions", "262144"),
        ({"conversation_starters": ["x"] * 17}, "conversation_starters", "16"),
        ({"category": ""}, "category", ">= 1"),
        ({"edges": [edge("helper", "nobody")]}, "edges[0].to", "an agent you cannot view"),
        ({"edges": [edge("helper", "secret")]}, "edges[0].to", "an agent you cannot view"),
        ({"edges": [edge("gone", "helper")]}, "edges[0].from", "an agent you cannot view"),
        ({"edges": [{"from": "helper"}]}, "edges[0]", "`to`"),
        ({"edges": [edge("helper", "helper", edgeType="x")]}, "edges[0].edgeType", "Invalid enum"),
        ({"edges": [edge("helper", "helper", **DIRECT)]}, "edges", "helper → helper"),
        (
            {"instructions": "é" * 150_000, "additional_instructions": "é" * 150_000},
            "body",
            "524288 are allowed",
        ),
    ],
)
async def test_what_cannot_be_is_named(
    ann: Client, fields: dict[str, Any], param: str, reason: str
) -> None:
    created = await ann.post("/api/agents", {**AGENT, **fields})
    agent = await made(ann)
    changed = await ann.ask("PATCH", f"/api/agents/{agent['id']}", fields)

    for reply in (created, changed):
        assert reply.status == 400, reply.text
        assert reply.body["error"] == "Invalid request data"
        assert reply.body["param"].startswith(param)
        assert reason in reply.body["message"]
        assert reply.body["details"][0]["message"] == reply.body["message"]
    assert (await ann.get(f"/api/agents/{agent['id']}")).body["version"] == 1


async def test_direct_edges_of_several_agents_that_make_a_cycle_are_refused(ann: Client) -> None:
    first, second, third = [await made(ann, name=name) for name in "abc"]
    a, b, c = first["id"], second["id"], third["id"]
    await patched(ann, a, edges=[edge(a, b, **DIRECT)])
    await patched(ann, b, edges=[edge(b, c, **DIRECT)])
    refused = await ann.ask("PATCH", f"/api/agents/{c}", {"edges": [edge(c, a, **DIRECT)]})
    allowed = await ann.ask("PATCH", f"/api/agents/{c}", {"edges": [edge(c, a)]})

    assert refused.status == 400
    assert refused.body["message"] == f"edges: direct edges make a cycle: {c} → {a} → {b} → {c}"
    assert allowed.status == 200


async def test_more_agents_than_a_run_may_have_are_refused(ann: Client) -> None:
    ids = [(await made(ann, name=str(number)))["id"] for number in range(MOST_AGENTS)]
    half = MOST_AGENTS // 2
    edges = [{"from": "helper", "to": ids[:half]}, {"from": "helper", "to": ids[half:]}]
    reply = await ann.post("/api/agents", {**AGENT, "edges": edges})

    assert (reply.status, reply.body["param"]) == (400, "edges")
    assert "more than 32 agents" in reply.body["message"]


async def test_an_edge_that_leads_nowhere_any_more_blocks_no_other_change(
    ann: Client, bob: Client
) -> None:
    target = await made(ann)
    agent = await made(ann)
    kept = [edge(agent["id"], target["id"])]
    await patched(ann, agent["id"], edges=kept)
    await shared(ann, agent["id"], "bob", "editor")
    renamed = await patched(bob, agent["id"], name="Bea", edges=kept)
    await ann.ask("DELETE", f"/api/agents/{target['id']}")
    again = await patched(ann, agent["id"], name="Cea", edges=kept)
    final = await ann.finish(agent_id=agent["id"])

    assert (renamed["version"], again["version"]) == (3, 4)
    assert final["responseMessage"]["agent_version"] == 4


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b'{"name":1}', b"\xff", b'{"a":' * 5000])
async def test_bodies_that_are_no_agents_are_refused(ann: Client, data: bytes) -> None:
    agent = await made(ann)
    for method, path in (("POST", ""), ("PATCH", f"/{agent['id']}")):
        reply = await ann.ask(method, f"/api/agents{path}", data=data)

        assert reply.status == 400
        assert reply.body["message"]


async def test_unknown_fields_and_those_of_the_server_are_stripped(ann: Client) -> None:
    forged = {
        "id": "agent_" + "x" * 21,
        "author": "bob",
        "version": 7,
        "versions": [],
        "is_promoted": True,
        "isPublic": True,
        "api_key": "hunter2",
        "actions": ["example.com_action_1"],
        "constructor": {"__proto__": 1},
    }
    agent = await made(ann, **forged)
    whole = (await ann.get(f"/api/agents/{agent['id']}/expanded")).text

    assert agent["id"] != forged["id"]
    assert (agent["author"], agent["version"]) == ("ann", 1)
    assert (agent["is_promoted"], agent["isPublic"], agent["actions"]) == (False, False, [])
    assert "hunter2" not in whole
    assert "constructor" not in whole


async def test_unicode_is_kept_as_it_is(ann: Client) -> None:
    name = "e\u0301 🎼 \u202e ﷽"
    agent = await made(ann, name=name, instructions="\0\u2028" + name)

    assert agent["name"] == name
    assert agent["instructions"] == "\0\u2028" + name
    final = await ann.finish(agent_id=agent["id"])
    assert final["responseMessage"]["sender"] == name
    lone = await ann.ask("POST", "/api/agents", data=b'{"model":"scripted","name":"\\ud800"}')
    assert lone.status == 400


@pytest.mark.parametrize(
    "spelling", ["%61gent_{}", "AGENT_{}", "agent_{}%20", "agent_{}%00", "agent_{}/", "./agent_{}"]
)
async def test_no_other_spelling_of_an_id_opens_anothers_agent(
    ann: Client, bob: Client, spelling: str
) -> None:
    agent = await made(ann)
    path = f"/api/agents/{spelling.format(agent['id'].removeprefix('agent_'))}"
    for method in ("GET", "PATCH", "DELETE"):
        reply = await bob.ask(method, path, {"name": "stolen"})

        assert reply.status in (403, 404, 405)
    assert (await ann.get(f"/api/agents/{agent['id']}")).body["name"] == "Ada"


async def test_nobody_unknown_comes_near(nobody: Client, ann: Client) -> None:
    agent = await made(ann)
    for method, path in (
        ("GET", "/api/agents"),
        ("POST", "/api/agents"),
        ("GET", f"/api/agents/{agent['id']}"),
        ("GET", f"/api/agents/{agent['id']}/avatar"),
        ("PUT", f"/api/permissions/agent/{agent['id']}"),
        ("POST", f"/api/files/images/agents/{agent['id']}/avatar"),
    ):
        assert (await nobody.ask(method, path)).status == 401


async def test_an_author_without_room_is_told_so() -> None:
    async with open_client(guards=Guards(max_stored_bytes_per_user=20_000)) as ann:
        agent = await made(ann, tools=[])
        large = await ann.post("/api/agents", {"instructions": "x" * 20_000})
        version = await ann.ask(
            "PATCH", f"/api/agents/{agent['id']}", {"instructions": "x" * 20_000}
        )
        picture = await sent(ann, agent["id"], PNG + bytes(20_000))
        fitting = await sent(ann, agent["id"], PNG)

    for reply in (large, version, picture):
        assert reply.status == 403, reply.text
        assert "max_stored_bytes_per_user" in reply.body["message"]
    assert (fitting.status, fitting.body["version"]) == (201, 1)


async def test_an_api_key_opens_no_route_of_agents(ann: Client, app: Legato) -> None:
    agent = await made(ann)
    key = (await ann.post("/api/api-keys", {"name": "k"})).body["key"]
    program = Client(app, {"Authorization": f"Bearer {key}"})

    assert (await program.get(f"/api/agents/{agent['id']}")).status == 401
    assert (await program.get("/api/agents")).status == 401
    assert (await program.get(f"/v1/models/{agent['id']}")).status == 200


async def test_what_is_hidden_in_the_configuration_is_no_model_for_others(ann: Client) -> None:
    hidden = await ann.get("/v1/models/secret")
    asked = await ann.post("/v1/responses", {"model": "secret", "input": "Hi"})

    assert (hidden.status, asked.status) == (404, 404)
    assert asked.body["error"]["code"] == "model_not_found"


async def test_a_tool_that_leads_nowhere_any_more_blocks_no_other_change(ann: Client) -> None:
    agent = await made(ann)
    assert ann.app.runtime
    ann.app.runtime = structs.replace(ann.app.runtime, toolbox=NoTools())
    renamed = await patched(ann, agent["id"], name="Bea", tools=["nothing", "measure"])
    refused = await ann.ask("PATCH", f"/api/agents/{agent['id']}", {"tools": ["measure", "new"]})
    copied = await ann.post(f"/api/agents/{agent['id']}/duplicate", {})

    assert renamed["version"] == 2
    assert (refused.status, refused.body["param"]) == (400, "tools[1]")
    assert copied.status == 201


async def test_an_agents_own_tools_of_actions_are_taken_out_and_put_back(ann: Client) -> None:
    agent = await made(ann, tools=[])
    document = {"openapi": "3.1.0", "servers": [{"url": "https://x.example"}]}
    spec = json.encode({**document, "paths": {"/a": {"get": {"operationId": "get"}}}}).decode()
    metadata = {"raw_spec": spec, "domain": "x.example"}
    await ann.post(f"/api/agents/actions/{agent['id']}", {"metadata": metadata})
    await patched(ann, agent["id"], tools=[])
    back = await patched(ann, agent["id"], tools=["get_action_x_example"])
    other = await ann.post("/api/agents", {"tools": ["get_action_x_example"]})

    assert back["tools"] == ["get_action_x_example"]
    assert (other.status, other.body["param"]) == (400, "tools[0]")
