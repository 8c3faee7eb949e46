"""The tools of all servers, by the names that agents use."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Final

import mcp_types as types
import trio

from legato.agents.definition import MCP_DELIMITER, WHOLE_SERVER
from legato.agents.tools.contract import NAME, Offer, Tool, joined
from legato.agents.tools.mcp.connection import open_connection
from legato.agents.tools.mcp.errors import Broken, NotSent, RefusedByServer
from legato.agents.tools.mcp.process import open_guardian
from legato.agents.tools.mcp.server import McpServer
from legato.agents.tools.mcp.tool import McpTool
from legato.agents.tools.schemas import InvalidSchema, check_schema
from legato.config.tools import McpSettings

MOST_TOOLS: Final = 256
"""Tools of one server: models choose badly among more, and pay for each with every call."""


class McpToolbox:
    """The tools of the configured servers: see Toolbox."""

    def __init__(self, servers: Mapping[str, tuple[McpServer, McpSettings]]) -> None:
        self._servers = servers

    @property
    def names(self) -> Sequence[str]:
        """See Toolbox."""
        return [_joined(WHOLE_SERVER, server) for server in self._servers]

    async def offer(self, names: Sequence[str], user: str, agent_id: str = "") -> Offer:
        """Find tools by names such as `now_mcp_clock`; see Toolbox."""
        wanted: dict[str, list[str]] = {}  # the tools of each server
        for name in names:
            tool, _, server = name.rpartition(MCP_DELIMITER)
            wanted.setdefault(server, []).append(tool)
        offers: dict[str, Offer] = {}

        async def ask(server: str, tools: Sequence[str]) -> None:
            offers[server] = await self._offer(server, tools)

        async with trio.open_nursery() as nursery:
            for server, tools in wanted.items():
                nursery.start_soon(ask, server, tools)
        return joined(offers[server] for server in wanted)

    def unknown(self, names: Sequence[str]) -> Mapping[str, str]:
        """See Toolbox."""
        servers = {name: name.rpartition(MCP_DELIMITER)[2] for name in names}
        known = ", ".join(self._servers) or "none"
        return {
            name: f"there is no MCP server {server!r}; there are: {known}"
            for name, server in servers.items()
            if server not in self._servers
        }

    async def _offer(self, name: str, wanted: Sequence[str]) -> Offer:
        if name not in self._servers:
            return Offer((), self.unknown([_joined(tool, name) for tool in wanted]))
        server, settings = self._servers[name]
        try:
            listed = await (await server.connection(is_patient=False)).tools()
        except (NotSent, Broken, RefusedByServer) as error:
            reason = f"the MCP server {name!r} is not there: {error.args[0]}"
            return Offer((), {_joined(tool, name): reason for tool in wanted})
        return _offer(server, settings, listed, wanted)


def _offer(
    server: McpServer, settings: McpSettings, listed: Sequence[types.Tool], wanted: Sequence[str]
) -> Offer:
    tools: list[Tool] = []
    missing: dict[str, str] = {}
    by_name = {tool.name: tool for tool in listed[:MOST_TOOLS]}
    names = by_name if WHOLE_SERVER in wanted else dict.fromkeys(wanted)
    for name in names:
        reason = _reason(server, name, by_name)
        if reason is None:
            tools.append(McpTool(server, by_name[name], settings))
        else:
            missing[_joined(name, server.name)] = reason
    return Offer(tools, missing)


def _reason(server: McpServer, name: str, listed: Mapping[str, types.Tool]) -> str | None:
    """Why a tool cannot be offered."""
    if name not in listed:
        return f"the MCP server {server.name!r} lists no tool {name!r}"
    if not NAME.fullmatch(_joined(name, server.name)):
        return "no model takes the name; allowed: 1 to 64 letters, digits, hyphens and underscores"
    try:
        check_schema(listed[name].input_schema)
    except InvalidSchema as error:
        return f"its schema: {error}"
    return None


def _joined(tool: str, server: str) -> str:
    return f"{tool}{MCP_DELIMITER}{server}"


@asynccontextmanager
async def open_mcp(servers: Mapping[str, McpSettings]) -> AsyncIterator[McpToolbox]:
    """Keep a connection to each server until the block ends.  Nothing waits for them here."""
    async with AsyncExitStack() as stack:
        guardian = None
        if any(settings.url is None for settings in servers.values()):
            guardian = await stack.enter_async_context(open_guardian())
        nursery = await stack.enter_async_context(trio.open_nursery())
        kept = {}
        for name, settings in servers.items():
            server = McpServer(name, partial(open_connection, name, settings, guardian))
            nursery.start_soon(server.keep)
            kept[name] = (server, settings)
        try:
            yield McpToolbox(kept)
        finally:
            nursery.cancel_scope.cancel()
