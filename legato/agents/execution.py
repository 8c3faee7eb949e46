"""Makes the tool calls of one model call: side by side, each with one result."""

from collections.abc import Mapping, Sequence
from typing import Final

import trio

from legato.agents.client_run import made_by_client
from legato.agents.contract import Stage
from legato.agents.definition import Agent
from legato.agents.tool_run import UNKNOWN, ToolRun, answered, failed
from legato.agents.tools.contract import Tool, ToolOutput
from legato.content import ToolCall
from legato.models.contract import Json

AT_ONCE: Final = 8
"""Tool calls of one run side by side: more would have one run crowd out the others."""


class Execution:
    """The tool calls of one run.

    `handoffs`: the result of each handoff, by the tool's name.  `theirs`: the schemas of the tools
    that the client runs, by name.
    """

    def __init__(
        self,
        stage: Stage,
        agent: Agent,
        tools: Mapping[str, Tool],
        handoffs: Mapping[str, str],
        room: trio.CapacityLimiter,
        allowed: frozenset[str],
        theirs: Mapping[str, Mapping[str, Json]],
    ) -> None:
        """`tools`: the agent's, by name.  `room`: for the calls of the run that are made at once,
        by whichever of its agents.  `allowed`: the tools that need no leave, whatever the agent
        says."""
        self._stage = stage
        self._agent = agent
        self._tools = tools
        self._handoffs = handoffs
        self._allowed = allowed
        self._theirs = theirs
        self._room = room

    async def run(self, calls: Sequence[tuple[int, ToolCall]], *, is_recovered: bool) -> None:
        """Return once each call has its result in the log, and the results are durable.

        `is_recovered`: another process may have begun the calls; then only calls with
        `may_repeat` are made.
        """
        async with trio.open_nursery() as nursery:
            for index, call in calls:
                nursery.start_soon(self._complete, index, call, is_recovered)
        await self._stage.settle()

    async def _complete(self, index: int, call: ToolCall, is_recovered: bool) -> None:
        await self._stage.complete(index, await self._made(index, call, is_recovered))

    async def _made(self, index: int, call: ToolCall, is_recovered: bool) -> ToolCall:
        if call.name in self._handoffs:
            return answered(call, ToolOutput(self._handoffs[call.name]))
        if call.by_caller:
            schema = self._theirs.get(call.name, {})
            return await made_by_client(self._stage, index, call, schema)
        tool = self._tools.get(call.name)
        if tool is None and is_recovered:
            return answered(call, failed(UNKNOWN))
        if tool is None:
            there = ", ".join(self._tools) or "none"
            return answered(call, failed(f"There is no tool {call.name!r}.  There are: {there}."))
        run = ToolRun(self._stage, self._agent, tool, index, self._room, self._allowed)
        return await run.made(call, is_recovered=is_recovered)
