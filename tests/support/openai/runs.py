"""A server with agents and real tools: functions, and an MCP server in a process."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from msgspec.structs import replace

from legato.agents.definition import Edge
from legato.config import AgentSettings, FunctionSettings
from tests.support.http.live_server import SETTINGS, LiveServer, live_server
from tests.support.mcp.running import Counts, through_forked_pipes

THEIRS: Final = "find"
"""The name of the client's own tool."""

WEATHER: Final = {
    "name": "weather",
    "arguments": {"place": {"town": "Paris"}},
}
FORECAST: Final = "Paris, FR: 1 days of rain"


FUNCTIONS: Final = {"weather": FunctionSettings(target="tests.support.functions:forecast")}


def agent(*entries: Mapping[str, Any], **fields: Any) -> AgentSettings:
    """An agent with a script, without a pace."""
    return AgentSettings(parameters={"script": list(entries), "rate": 0}, **fields)


AGENTS: Final[Mapping[str, AgentSettings]] = {
    "helper": agent(
        {"text": "Let me look.", "calls": [WEATHER]}, {"text": "It rains."}, tools=("weather",)
    ),
    "caller": agent({"calls": [{"name": THEIRS}, WEATHER]}, {"text": "Found."}, tools=("weather",)),
    "prober": agent(
        {
            "text": "Both at once.",
            "calls": [
                {"name": "echo_mcp_odd", "arguments": {"text": "hello"}},
                {"name": "fail_mcp_odd"},
            ],
        },
        {"text": "One failed."},
        tools=("echo_mcp_odd", "fail_mcp_odd", "weather"),
    ),
    "careful": agent(
        {"text": "Let me.", "calls": [{"name": "echo_mcp_odd", "arguments": {"text": "hello"}}]},
        {"text": "It said hello."},
        tools=("echo_mcp_odd",),
        approval={"*_mcp_odd": "ask"},
    ),
    "first": agent(
        {"text": "Over to you.", "calls": [{"name": "lc_transfer_to_helper"}]},
        edges=(Edge(origin="first", target="helper"),),
    ),
}


@asynccontextmanager
async def agents_served(
    folder: Path, *, direct: bool = True, with_mcp: bool = False
) -> AsyncIterator[LiveServer]:
    """A server with AGENTS.  `with_mcp`: the MCP server `odd` is there."""
    settings = replace(
        SETTINGS,
        agents=AGENTS,
        functions=FUNCTIONS,
        mcp={"odd": through_forked_pipes(Counts(folder))} if with_mcp else {},
    )
    async with live_server(settings, direct=direct) as server:
        yield server
