"""The tools that an agent could have, as LibreChat's page lists them."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct
from quart import Blueprint, Response
from quart_schema import tag_blueprint

from legato.agents.tools.contract import Tool
from legato.http.errors import NotFound
from legato.http.openapi import describe
from legato.http.request_context import body_of, reply, runtime, user

tools = Blueprint("tools", __name__, url_prefix="/api/agents/tools")
tag_blueprint(tools, ["agents"])

SYSTEM_DEFINED: Final = "system_defined"
"""LibreChat's word where a tool's credentials are the operator's, and no user's."""


class ToolReply(Struct, rename="camel"):
    """A tool.  `plugin_key` is what an agent's `tools` name."""

    name: str
    plugin_key: str
    description: str
    authenticated: bool = True


class ToolAccess(Struct):
    authenticated: bool
    message: str


class ToolCallBody(Struct, rename="camel"):
    """A call by hand: for which place of which message, with the arguments beside."""

    message_id: str | None = None
    conversation_id: str | None = None
    part_index: int | None = None
    block_index: int | None = None


class ToolCallReply(Struct):
    """A call that was made by hand."""


@tools.get("")
@describe(list[ToolReply])
async def page() -> Response:
    """Every tool that is there now: of MCP servers, Python functions, and actions."""
    found = [tool.definition for tool in await _all()]
    return reply([ToolReply(each.name, each.name, each.description) for each in found])


@tools.get("/calls")
@describe(list[ToolCallReply])
async def calls() -> Response:
    """No calls: no tool is called by hand, and an answer's own calls are in the message."""
    return reply([])


@tools.get("/<tool>/auth")
@describe(ToolAccess, refusals=(404,))
async def access(tool: str) -> Response:
    """Say whose credentials the tool has: always the operator's."""
    await _check(tool)
    return reply(ToolAccess(authenticated=True, message=SYSTEM_DEFINED))


@tools.post("/<tool>/call")
@describe(ToolCallReply, body=ToolCallBody, refusals=(400, 404, 413, 415))
async def call(tool: str) -> Response:
    """Refuse: agents call tools.  LibreChat calls its own code runner here; Legato has none."""
    await body_of(ToolCallBody)
    raise NotFound(f"{tool:.80}: no tool is called by hand; an agent that has the tool calls it")


async def _check(name: str) -> None:
    if name not in [tool.definition.name for tool in await _all()]:
        raise NotFound(f"there is no tool {name!r:.80} now")


async def _all() -> Sequence[Tool]:
    toolbox = runtime().toolbox
    return (await toolbox.offer(toolbox.names, user())).tools
