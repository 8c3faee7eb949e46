"""Actions over HTTP: kept for an agent, called at a real service, their keys never told."""

import json
from collections.abc import AsyncIterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any, Final

import pytest
from msgspec import structs
from structlog.testing import capture_logs

from legato.config import ActionSettings
from legato.http.app import create_app
from tests.support.http.agents import FORBIDDEN, NOT_FOUND, made, patched, shared
from tests.support.http.client import Client, Reply, bearer
from tests.support.http.runtime import open_client, open_house, settings_with
from tests.support.openapi import PETS, Service, open_service

ENCRYPTION_KEY: Final = "0123456789abcdef0123456789abcdef"
DOCUMENT: Final = {**PETS, "servers": [{"url": "https://pets.example/v1"}]}
BEARER: Final = {"type": "service_http", "authorization_type": "bearer"}
SECRET: Final = "hunter2-hunter2"
ALL: Final = ["getPet", "delete_pets_id", "addPet", "replaceAll", "fill"]


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    async with open_service() as service:
        yield service


@pytest.fixture
async def ann(service: Service) -> AsyncIterator[Client]:
    settings = settings_with(
        encryption_key=ENCRYPTION_KEY, private_action_hosts=(f"localhost:{service.port}",)
    )
    async with open_house(settings) as house:
        yield Client(create_app(settings, house), bearer("ann"))


@pytest.fixture
def bob(ann: Client) -> Client:
    return Client(ann.app, bearer("bob"))


def metadata(document: Any = DOCUMENT, **fields: Any) -> dict[str, Any]:
    spec = document if isinstance(document, str) else json.dumps(document)
    return {"raw_spec": spec, "domain": "pets.example", **fields}


async def tried(client: Client, agent_id: str, **body: Any) -> Reply:
    return await client.post(f"/api/agents/actions/{agent_id}", {"metadata": metadata(), **body})


async def saved(
    client: Client, agent_id: str, **body: Any
) -> tuple[dict[str, Any], dict[str, Any]]:
    reply = await tried(client, agent_id, **body)

    assert reply.status == 200, reply.text
    agent, action = reply.body
    return agent, action


def at(service: Service, **fields: Any) -> dict[str, Any]:
    return metadata(service.document(), domain=f"http://localhost:{service.port}", **fields)


async def test_an_action_is_made_listed_and_deleted_with_its_tools(ann: Client) -> None:
    first = await made(ann, tools=[])
    agent, action = await saved(ann, first["id"])
    listed = (await ann.get("/api/agents/actions")).body

    assert agent["version"] == 2
    assert agent["actions"] == [f"pets_example_action_{action['action_id']}"]
    assert sorted(agent["tools"]) == sorted(f"{name}_action_pets_example" for name in ALL)
    assert (action["agent_id"], action["type"]) == (first["id"], "action_prototype")
    assert action["metadata"] == {**metadata(), "auth": {"type": "none"}}
    assert listed == [action]
    path = f"/api/agents/actions/{first['id']}/{action['action_id']}"
    deleted = await ann.ask("DELETE", path)
    after = (await ann.get(f"/api/agents/{first['id']}/expanded")).body
    assert deleted.body == {"message": "Action deleted successfully"}
    assert (after["actions"], after["tools"], after["version"]) == ([], [], 3)
    assert (await ann.get("/api/agents/actions")).body == []
    again = await ann.ask("DELETE", path)
    assert (again.status, again.body["message"]) == (404, "The agent has no such action.")


async def test_an_edit_keeps_what_it_leaves_out_and_is_a_version(ann: Client) -> None:
    first = await made(ann, tools=[])
    policy = "https://pets.example/privacy"
    fields = {"auth": BEARER, "api_key": SECRET, "privacy_policy_url": policy}
    _, action = await saved(ann, first["id"], metadata=metadata(**fields))
    same = {"action_id": action["action_id"], "metadata": {"api_key": "", "raw_spec": None}}
    agent, changed = await saved(
        ann, first["id"], **same, functions=[{"type": "function", "function": {"name": "getPet"}}]
    )
    again, _ = await saved(ann, first["id"], **same)

    assert changed["metadata"] == action["metadata"]
    assert changed["metadata"]["auth"] == BEARER
    assert agent["tools"] == ["getPet_action_pets_example"]
    assert (agent["version"], again["version"], len(again["tools"])) == (3, 4, 5)
    assert len((await ann.get(f"/api/agents/{first['id']}/expanded")).body["versions"]) == 4


async def test_who_may_edit_the_agent_may_edit_its_actions_and_nobody_else(
    ann: Client, bob: Client
) -> None:
    agent = await made(ann, tools=[])
    _, action = await saved(ann, agent["id"])
    path = f"/api/agents/actions/{agent['id']}"

    for role in (None, "viewer"):
        if role:
            await shared(ann, agent["id"], "bob", role)
        assert (await tried(bob, agent["id"])).body == FORBIDDEN
        assert (await bob.ask("DELETE", f"{path}/{action['action_id']}")).body == FORBIDDEN
        assert (await bob.get("/api/agents/actions")).body == []
    await shared(ann, agent["id"], "bob", "editor")
    assert [each["action_id"] for each in (await bob.get("/api/agents/actions")).body] == [
        action["action_id"]
    ]
    assert (await bob.ask("DELETE", f"{path}/{action['action_id']}")).status == 200
    gone = "agent_" + "x" * 21
    assert (await tried(ann, gone)).body == NOT_FOUND


async def test_an_action_of_another_agent_is_as_absent(ann: Client, bob: Client) -> None:
    agent, other = await made(ann, tools=[]), await made(bob, tools=[])
    _, action = await saved(ann, agent["id"])
    stolen = await tried(bob, other["id"], action_id=action["action_id"])
    unknown = await tried(bob, other["id"], action_id="x.y")
    deleted = await bob.ask("DELETE", f"/api/agents/actions/{other['id']}/{action['action_id']}")

    assert {stolen.status, unknown.status, deleted.status} == {404}
    assert stolen.body == unknown.body
    odd = await ann.ask("DELETE", f"/api/agents/actions/{agent['id']}/a%00b")
    assert odd.status == 404
    assert (await ann.get(f"/api/agents/actions?agent_id={other['id']}")).body == []
    assert (await ann.get("/api/agents/actions?agent_id=a%00b")).body == []
    assert len((await ann.get(f"/api/agents/actions?agent_id={agent['id']}")).body) == 1


async def test_a_duplicate_has_no_actions(ann: Client) -> None:
    agent = await made(ann, tools=[])
    await saved(ann, agent["id"])
    reply = await ann.post(f"/api/agents/{agent['id']}/duplicate", {})

    assert (reply.body["agent"]["actions"], reply.body["agent"]["tools"]) == ([], [])
    assert (await ann.get(f"/api/agents/actions?agent_id={reply.body['agent']['id']}")).body == []


@pytest.mark.parametrize(
    ("auth", "header", "value"),
    [
        ({"type": "none"}, "authorization", None),
        (BEARER, "authorization", f"Bearer {SECRET}"),
        ({**BEARER, "authorization_type": "basic"}, "authorization", "Basic aHVudGVyMi1odW50ZXIy"),
        (
            {**BEARER, "authorization_type": "custom", "custom_auth_header": "X-Pets"},
            "x-pets",
            SECRET,
        ),
    ],
)
async def test_a_run_calls_the_service_with_the_key_and_tells_it_nobody(
    ann: Client, service: Service, auth: Mapping[str, str], header: str, value: str | None
) -> None:
    service.body = f"Your key is {value or SECRET}.".encode()
    agent = await made(ann, tools=[])
    saved_agent, action = await saved(
        ann, agent["id"], metadata=at(service, auth=auth, api_key=SECRET)
    )
    (tool,) = [name for name in saved_agent["tools"] if name.startswith("getPet_")]
    script = [{"calls": [{"name": tool, "arguments": {"id": 7}}]}, {"text": "Done."}]
    await patched(ann, agent["id"], model_parameters={"script": script, "rate": 0})
    started = await ann.start(agent_id=agent["id"], model_parameters=None)
    frames = await ann.read(started["generationId"])
    messages = await ann.messages(started["conversationId"])

    (request,) = service.requests
    assert request[:2] == ("GET", "/v1/pets/7")
    assert request[2].get(header) == value
    (part, _) = frames[-1].data["responseMessage"]["content"]
    hidden = auth["type"] != "none"
    assert ("[secret]" in part["tool_call"]["output"]) is hidden
    seen = [
        *([json.dumps(each.data) for each in frames] if hidden else []),
        *([json.dumps(messages)] if hidden else []),
        (await ann.get("/api/agents/actions")).text,
        (await ann.get(f"/api/agents/{agent['id']}/expanded")).text,
        json.dumps([saved_agent, action]),
    ]
    assert not [each for each in seen if SECRET in each or "aHVudGVyMi" in each]


async def test_a_deleted_action_is_called_no_more(ann: Client, service: Service) -> None:
    agent = await made(ann, tools=[])
    saved_agent, action = await saved(ann, agent["id"], metadata=at(service))
    (tool,) = [name for name in saved_agent["tools"] if name.startswith("getPet_")]
    await ann.ask("DELETE", f"/api/agents/actions/{agent['id']}/{action['action_id']}")
    await ann.post(f"/api/agents/{agent['id']}/revert", {"version_index": 1})
    script = [{"calls": [{"name": tool, "arguments": {"id": 7}}]}, {"text": "Done."}]
    await patched(ann, agent["id"], model_parameters={"script": script, "rate": 0})
    final = await ann.finish(agent_id=agent["id"], model_parameters=None)

    assert service.requests == []
    assert "no tool" in final["responseMessage"]["content"][0]["tool_call"]["output"].lower()


async def test_an_agent_uses_no_action_of_another_agent(
    ann: Client, bob: Client, service: Service
) -> None:
    agent = await made(ann, tools=[])
    saved_agent, _ = await saved(ann, agent["id"], metadata=at(service, auth=BEARER, api_key="k"))
    (tool,) = [name for name in saved_agent["tools"] if name.startswith("getPet_")]
    script = [{"calls": [{"name": tool, "arguments": {"id": 7}}]}, {"text": "Done."}]
    parameters = {"script": script, "rate": 0}
    thief = await bob.post("/api/agents", {"model": "scripted", "model_parameters": parameters})
    await bob.finish(agent_id=thief.body["id"], model_parameters=None)

    assert service.requests == []


def changed(*path: str, to: Any) -> dict[str, Any]:
    document: dict[str, Any] = deepcopy(DOCUMENT)
    node = document
    for step in path[:-1]:
        node = node[step]
    node[path[-1]] = to
    return document


POST = ("paths", "/pets", "post")
COOKIE = [{"name": "a", "in": "cookie"}]
TWICE = [{"name": "a", "in": "query"}, {"name": "a", "in": "header"}]


@pytest.mark.parametrize(
    ("fields", "param", "reason"),
    [
        (metadata(raw_spec=""), "metadata.raw_spec", "missing; allowed: an OpenAPI document"),
        (metadata(raw_spec="{"), "metadata.raw_spec", "document: no JSON and no YAML"),
        (metadata(raw_spec="x" * 1_100_000), "metadata.raw_spec", "at most 1048576"),
        (metadata(raw_spec="a: \0"), "metadata.raw_spec", "document: no JSON and no YAML"),
        (metadata(domain=""), "metadata.domain", "missing; allowed: the host"),
        (metadata(domain="a b"), "metadata.domain", "found 'a b'; allowed: a host such as"),
        (metadata(domain="http://pets.example"), "metadata.domain", "server is https://"),
        (metadata(domain="pets.example:99999"), "metadata.raw_spec", "allowed: pets.example:99999"),
        (
            metadata(domain="other.example"),
            "metadata.raw_spec",
            "found pets.example; allowed: other",
        ),
        (
            metadata(changed("servers", to=[{"url": "http://pets.example"}])),
            "metadata.raw_spec",
            "servers[0].url: found 'http://pets.example'; allowed: https://…",
        ),
        (
            metadata(changed("servers", to=[{"url": "https://10.0.0.1"}]), domain="10.0.0.1"),
            "metadata.raw_spec",
            "servers[0].url: found the host '10.0.0.1'; allowed: a name",
        ),
        (
            metadata(changed(*POST, "parameters", to=TWICE)),
            "metadata.raw_spec",
            "paths./pets.post: a: two parameters have that name",
        ),
        (
            metadata(changed(*POST, "parameters", to=COOKIE)),
            "metadata.raw_spec",
            "paths./pets.post: a: in: found 'cookie'; allowed: path, query, header",
        ),
        (
            metadata(changed(*POST, "requestBody", to={"$ref": "https://evil.example/x"})),
            "metadata.raw_spec",
            "paths./pets.post: $ref: found 'https://evil.example/x'",
        ),
        (
            metadata(changed("paths", to={f"/{number}": {"get": {}} for number in range(101)})),
            "metadata.raw_spec",
            "paths: allowed: at most 100 operations",
        ),
        (
            metadata(auth={"type": "oauth"}),
            "metadata.auth.type",
            "OAuth of actions is not supported",
        ),
        (metadata(auth={"type": "x"}), "metadata.auth.type", "Invalid enum value 'x'"),
        (metadata(oauth_client_id="x"), "metadata.oauth_client_id", "OAuth of actions is not"),
        (metadata(oauth_client_secret="x"), "metadata.oauth_client_secret", "OAuth of actions"),
        (metadata(auth=BEARER), "metadata.api_key", "missing; the auth of the action needs a key"),
        (
            metadata(auth=BEARER, api_key="hunter2\n"),
            "metadata.api_key",
            "allowed: a key in printable ASCII",
        ),
        (
            metadata(
                auth={
                    "type": "service_http",
                    "authorization_type": "custom",
                    "custom_auth_header": "Host",
                },
                api_key=SECRET,
            ),
            "metadata.auth.custom_auth_header",
            "allowed: a header such as X-Api-Key",
        ),
    ],
)
async def test_what_cannot_be_an_action_is_named_at_the_save(
    ann: Client, fields: dict[str, Any], param: str, reason: str
) -> None:
    agent = await made(ann, tools=[])
    reply = await tried(ann, agent["id"], metadata=fields)

    assert reply.status == 400, reply.text
    assert reply.body["error"] == "Invalid request data"
    assert reply.body["param"] == param
    assert reason in reply.body["message"]
    assert "hunter2" not in reply.text
    assert (await ann.get("/api/agents/actions")).body == []
    assert (await ann.get(f"/api/agents/{agent['id']}")).body["version"] == 1


async def test_an_operation_that_is_not_there_is_named(ann: Client) -> None:
    agent = await made(ann, tools=[])
    functions = [{"function": {"name": "getPet"}}, {"function": {"name": "gone"}}]
    reply = await tried(ann, agent["id"], functions=functions)

    assert (reply.status, reply.body["param"]) == (400, "functions[1].function.name")
    assert "found 'gone', which is no operation of the document" in reply.body["message"]


async def test_two_actions_of_an_agent_have_no_tool_in_common(ann: Client) -> None:
    agent = await made(ann, tools=[])
    await saved(ann, agent["id"])
    reply = await tried(ann, agent["id"])

    assert reply.status == 400
    assert reply.body["message"].startswith("another action of the agent has the tool getPet_")


async def test_a_key_stays_with_its_server(ann: Client, service: Service) -> None:
    """Somebody who may edit the agent, and does not know the key, must not have it sent to them."""
    agent = await made(ann, tools=[])
    _, action = await saved(ann, agent["id"], metadata=metadata(auth=BEARER, api_key=SECRET))
    moved = at(service)
    reply = await tried(ann, agent["id"], action_id=action["action_id"], metadata=moved)

    assert (reply.status, reply.body["param"]) == (400, "metadata.api_key")
    assert "the server of the document has changed; send the key again" in reply.body["message"]
    await saved(
        ann, agent["id"], action_id=action["action_id"], metadata={**moved, "api_key": "another"}
    )


async def test_without_a_key_of_the_configuration_no_secret_is_stored() -> None:
    async with open_client() as ann:
        agent = await made(ann, tools=[])
        reply = await tried(ann, agent["id"], metadata=metadata(auth=BEARER, api_key=SECRET))
        await saved(ann, agent["id"])

    assert (reply.status, reply.body["param"]) == (400, "metadata.api_key")
    assert "without the setting encryption_key (LEGATO_ENCRYPTION_KEY)" in reply.body["message"]
    assert SECRET not in reply.text


async def test_an_operator_names_the_hosts_of_actions() -> None:
    async with open_client(action_hosts=("pets.example",)) as ann:
        agent = await made(ann, tools=[])
        document = {**DOCUMENT, "servers": [{"url": "https://other.example"}]}
        refused = await tried(ann, agent["id"], metadata=metadata(document, domain="other.example"))
        await saved(ann, agent["id"])

    assert (refused.status, refused.body["param"]) == (400, "metadata.domain")
    assert "the server's operator allows no actions of users at other.example" in refused.text


async def test_an_agents_own_action_comes_before_a_configured_one(
    service: Service, tmp_path: Path
) -> None:
    (tmp_path / "pets.json").write_text(service.document())
    domain = f"localhost:{service.port}"
    table = ActionSettings(
        document=str(tmp_path / "pets.json"), domain=domain, allow_private=True, timeout=1
    )
    async with open_client(
        actions={"pets": table}, private_action_hosts=(domain,), encryption_key=ENCRYPTION_KEY
    ) as ann:
        agent = await made(ann, tools=[])
        own, _ = await saved(ann, agent["id"], metadata=at(service, auth=BEARER, api_key=SECRET))
        (tool,) = [name for name in own["tools"] if name.startswith("getPet_")]
        script = [{"calls": [{"name": tool, "arguments": {"id": 7}}]}, {"text": "Done."}]
        other = await made(ann, tools=[tool], model_parameters={"script": script, "rate": 0})
        await patched(ann, agent["id"], model_parameters={"script": script, "rate": 0})
        for each in (agent, other):
            await ann.finish(agent_id=each["id"], model_parameters=None)

    keys = [request[2].get("authorization") for request in service.requests]
    assert keys == [f"Bearer {SECRET}", None]


async def test_a_key_is_in_no_file_of_the_database_and_in_no_line_of_the_log(
    tmp_path: Path, service: Service
) -> None:
    settings = structs.replace(
        settings_with(
            encryption_key=ENCRYPTION_KEY, private_action_hosts=(f"localhost:{service.port}",)
        ),
        database_url=f"sqlite:///{tmp_path}/legato.db",
    )
    service.body = f"Your key is {SECRET}.".encode()
    with capture_logs() as lines:
        async with open_house(settings) as house:
            ann = Client(create_app(settings, house), bearer("ann"))
            agent = await made(ann, tools=[])
            body = at(service, auth=BEARER, api_key=SECRET)
            own, _ = await saved(ann, agent["id"], metadata=body)
            (tool,) = [name for name in own["tools"] if name.startswith("getPet_")]
            script = [{"calls": [{"name": tool, "arguments": {"id": 7}}]}, {"text": "Done."}]
            await patched(ann, agent["id"], model_parameters={"script": script, "rate": 0})
            await ann.finish(agent_id=agent["id"], model_parameters=None)

    assert service.requests[0][2]["authorization"] == f"Bearer {SECRET}"
    files = contents(tmp_path)
    assert any(b"getPet_" in data for data in files)
    assert not [data for data in files if SECRET.encode() in data]
    assert SECRET not in repr(lines)


def contents(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in folder.iterdir() if path.is_file()]
