"""Permissions for agents: the actions that each user may take."""

from collections.abc import Sequence
from typing import Any

import pytest

from tests.support.http.agents import FORBIDDEN, NOT_FOUND, made, sent, shared
from tests.support.http.client import Client, Reply
from tests.support.http.pictures import PNG

NEEDS = {"viewer": 1, "editor": 2, "owner": 4}
ROUTES: Sequence[tuple[str, str, dict[str, Any] | None, int]] = [
    ("GET", "/api/agents/{id}", None, 1),
    ("GET", "/api/agents/{id}/expanded", None, 2),
    ("PATCH", "/api/agents/{id}", {"name": "x"}, 2),
    ("POST", "/api/agents/{id}/revert", {"version_index": 0}, 2),
    ("POST", "/api/agents/{id}/duplicate", {}, 2),
    ("POST", "/api/agents/chat", {"text": "Hi", "agent_id": "{id}"}, 1),
    ("GET", "/api/permissions/agent/{id}", None, 4),
    ("PUT", "/api/permissions/agent/{id}", {"updated": []}, 4),
    ("DELETE", "/api/agents/{id}", None, 4),
]


async def asked(
    client: Client, method: str, path: str, body: dict[str, Any] | None, agent_id: str
) -> Reply:
    given = {k: agent_id if v == "{id}" else v for k, v in body.items()} if body else body
    return await client.ask(method, path.format(id=agent_id), given)


@pytest.mark.parametrize("role", [None, "viewer", "editor", "owner"])
async def test_a_role_allows_what_it_says_and_no_more(
    ann: Client, bob: Client, role: str | None
) -> None:
    agent = await made(ann)
    if role:
        await shared(ann, agent["id"], "bob", role)
    for method, path, body, needs in ROUTES:
        reply = await asked(bob, method, path, body, agent["id"])
        if role and needs <= NEEDS[role]:
            assert reply.status in (200, 201), (method, path, reply.text)
        else:
            assert (reply.status, reply.body) == (403, FORBIDDEN), (method, path)
    picture = await sent(bob, agent["id"], PNG)
    assert picture.status == {None: 403, "viewer": 403, "editor": 201, "owner": 404}[role]


async def test_an_agent_that_is_not_there_is_not_found(bob: Client) -> None:
    for agent_id in ("agent_" + "x" * 21, "agent_", "nobody"):
        for method, path, body, _ in ROUTES:
            reply = await asked(bob, method, path, body, agent_id)
            assert (reply.status, reply.body) == (404, NOT_FOUND), (method, path)
        assert (await sent(bob, agent_id, PNG)).body == NOT_FOUND


async def test_permissions_are_shown_to_who_may_share(ann: Client, bob: Client) -> None:
    agent = await made(ann)
    path = f"/api/permissions/agent/{agent['id']}"
    body = {
        "updated": [
            {"type": "user", "id": "bob", "accessRoleId": "agent_editor"},
            {"type": "role", "id": "USER", "accessRoleId": "agent_viewer"},
        ],
        "public": True,
        "publicAccessRoleId": "agent_viewer",
    }
    put = await ann.ask("PUT", path, body)
    got = (await ann.get(path)).body

    assert put.status == 200
    assert put.body["message"] == "Permissions updated successfully"
    assert put.body["results"]["publicAccessRoleId"] == "agent_viewer"
    assert (got["resourceType"], got["resourceId"]) == ("agent", agent["id"])
    assert [(each["type"], each["id"], each["accessRoleId"]) for each in got["principals"]] == [
        ("role", "USER", "agent_viewer"),
        ("user", "ann", "agent_owner"),
        ("user", "bob", "agent_editor"),
    ]
    assert (got["public"], got["publicAccessRoleId"]) == (True, "agent_viewer")
    assert (await bob.get(f"{path}/effective")).body == {"permissionBits": 3}
    assert (await ann.get(f"{path}/effective")).body == {"permissionBits": 15}


async def test_public_access_is_taken_away_where_it_is_not_said_again(
    ann: Client, eve: Client
) -> None:
    agent = await made(ann)
    path = f"/api/permissions/agent/{agent['id']}"
    await ann.ask("PUT", path, {"public": True})
    public = await eve.get(f"/api/agents/{agent['id']}")
    await ann.ask("PUT", path, {"updated": []})
    private = await eve.get(f"/api/agents/{agent['id']}")

    assert (public.status, public.body["isPublic"]) == (200, True)
    assert "author" not in public.body
    assert private.status == 403
    assert (await eve.get(f"{path}/effective")).body == {"permissionBits": 0}


async def test_the_last_owner_cannot_be_removed(ann: Client, bob: Client) -> None:
    agent = await made(ann)
    path = f"/api/permissions/agent/{agent['id']}"
    for body in (
        {"removed": [{"type": "user", "id": "ann"}]},
        {"updated": [{"type": "user", "id": "ann", "accessRoleId": "agent_editor"}]},
        {
            "updated": [{"type": "role", "id": "USER", "accessRoleId": "agent_owner"}],
            "removed": [{"type": "user", "id": "ann"}],
        },
    ):
        reply = await ann.ask("PUT", path, body)

        assert reply.status == 400
        assert reply.body["error"] == "Failed to update permissions"
        assert "last owner" in reply.body["details"]
    await shared(ann, agent["id"], "bob", "owner")
    left = await bob.ask("PUT", path, {"removed": [{"type": "user", "id": "ann"}]})
    assert left.status == 200
    assert (await ann.get(path)).body == FORBIDDEN


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (
            {"updated": [{"type": "group", "id": "g", "accessRoleId": "agent_viewer"}]},
            "updated[0].id",
        ),
        (
            {"updated": [{"type": "role", "id": "ADMIN", "accessRoleId": "agent_viewer"}]},
            "updated[0].id",
        ),
        ({"updated": [{"type": "user", "accessRoleId": "agent_viewer"}]}, "updated[0].id"),
        (
            {"updated": [{"type": "public", "accessRoleId": "agent_viewer"}]},
            "updated[0].type",
        ),
        (
            {"updated": [{"type": "user", "id": "bob", "accessRoleId": "root"}]},
            "updated[0].accessRoleId",
        ),
        ({"updated": [{"type": "user", "id": "bob"}]}, "updated[0].accessRoleId"),
        ({"public": True, "publicAccessRoleId": "x"}, "publicAccessRoleId"),
        ({"removed": [{"type": "user"}]}, "removed[0].id"),
        ({"updated": [{"type": "user", "id": "b\n", "accessRoleId": "x"}]}, "updated[0].id"),
        (
            {"updated": [{"type": "user", "id": "x" * 129, "accessRoleId": "agent_viewer"}]},
            "updated[0].id",
        ),
        ({"updated": [{}]}, "updated[0]"),
    ],
)
async def test_permissions_that_cannot_be_given_are_refused_by_name(
    ann: Client, body: dict[str, Any], param: str
) -> None:
    agent = await made(ann)
    path = f"/api/permissions/agent/{agent['id']}"
    reply = await ann.ask("PUT", path, body)

    assert reply.status == 400
    assert reply.body["param"].startswith(param)
    assert len((await ann.get(path)).body["principals"]) == 1


async def test_other_things_than_agents_are_not_shared_here(ann: Client) -> None:
    for path in ("promptGroup/roles", "promptGroup/x", "promptGroup/x/effective"):
        reply = await ann.get(f"/api/permissions/{path}")

        assert reply.status == 400
        assert reply.body == {
            "error": "Bad Request",
            "message": "Unsupported resource type: promptGroup",
            "param": "resourceType",
        }


async def test_roles_are_those_of_librechat(ann: Client) -> None:
    roles = (await ann.get("/api/permissions/agent/roles")).body

    assert [(each["accessRoleId"], each["permBits"]) for each in roles] == [
        ("agent_viewer", 1),
        ("agent_editor", 3),
        ("agent_owner", 15),
    ]


async def test_an_id_may_be_typed_because_there_is_no_list_of_users(ann: Client) -> None:
    path = "/api/permissions/search-principals"
    found = (await ann.get(f"{path}?q=bob&limit=5&types=user")).body
    role = (await ann.get(f"{path}?q=use")).body

    assert [(each["type"], each["id"]) for each in found["results"]] == [("user", "bob")]
    assert (found["query"], found["limit"], found["types"]) == ("bob", 5, ["user"])
    assert [(each["type"], each["id"]) for each in role["results"]] == [
        ("user", "use"),
        ("role", "USER"),
    ]
    for wrong in ("?q=b", "", "?q=bob&limit=51", "?q=bob&limit=0"):
        assert (await ann.get(path + wrong)).status == 400


async def test_what_the_configuration_gives_is_effective_and_cannot_be_shared(
    ann: Client, bob: Client
) -> None:
    path = "/api/permissions/agent/secret"

    assert (await bob.get(f"{path}/effective")).body == {"permissionBits": 1}
    assert (await ann.get(f"{path}/effective")).body == {"permissionBits": 0}
    assert (await bob.get(path)).body == FORBIDDEN
    assert (await bob.ask("PUT", path, {})).body == FORBIDDEN
