"""Agents made over HTTP."""

from collections.abc import Mapping
from typing import Any, Final

from legato.config import FunctionSettings
from tests.support.http.client import FAST, Client, Reply

AGENT: Final[Mapping[str, Any]] = {
    "name": "Ada",
    "description": "Knows numbers",
    "instructions": "Be brief.",
    "provider": "openAI",
    "model": "scripted",
    "model_parameters": FAST,
    "tools": ["measure", "nothing"],
}
FUNCTIONS: Final[Mapping[str, FunctionSettings]] = {
    name: FunctionSettings(target=f"tests.support.functions:{name}")
    for name in ("measure", "nothing")
}
"""The tools of AGENT."""

NOT_FOUND: Final = {"error": "Not Found", "message": "agent not found"}
FORBIDDEN: Final = {
    "error": "Forbidden",
    "message": "Insufficient permissions to access this agent",
}


async def made(client: Client, **fields: object) -> dict[str, Any]:
    """An agent that must be accepted."""
    reply = await client.post("/api/agents", {**AGENT, **fields})

    assert reply.status == 201, reply.text
    return dict(reply.body)


async def shared(client: Client, agent_id: str, user: str, role: str) -> None:
    """Give `user` a role with an agent of the client's."""
    grant = {"type": "user", "id": user, "accessRoleId": f"agent_{role}"}
    reply = await client.ask("PUT", f"/api/permissions/agent/{agent_id}", {"updated": [grant]})

    assert reply.status == 200, reply.text


async def patched(client: Client, agent_id: str, **fields: object) -> dict[str, Any]:
    reply = await client.ask("PATCH", f"/api/agents/{agent_id}", fields)

    assert reply.status == 200, reply.text
    return dict(reply.body)


async def sent(client: Client, agent_id: str, data: bytes, field: str = "file") -> Reply:
    """Send a picture as a form of several parts."""
    head = f'--x\r\nContent-Disposition: form-data; name="{field}"; filename="a.gif"\r\n\r\n'
    return await client.ask(
        "POST",
        f"/api/files/images/agents/{agent_id}/avatar",
        data=head.encode() + data + b"\r\n--x--\r\n",
        headers={"Content-Type": "multipart/form-data; boundary=x"},
    )
