"""Makes the tool calls of one model call: side by side, each with one result."""

from collections.abc import Mapping, Sequence
from typing import Final

import trio
from msgspec import UNSET
from msgspec.structs import replace

from legato.agents.contract import Stage
from legato.agents.kept_task import KeptTask
from legato.agents.tools.arguments import InvalidArguments, arguments_of
from legato.agents.tools.contract import InputRequired, Tool
from legato.content import ToolCall

AT_ONCE: Final = 8
"""Tool calls of one run side by side: more would have one run crowd out the others."""

UNKNOWN: Final = (
    "Interrupted: the server ended during this call.  Its outcome is unknown; it may or may not "
    "have happened."
)
NOT_MADE: Final = "The call was not made: the server ended before the model had said all of it."
NO_INPUT: Final = "The tool asks for input that nobody can give here."


def answered(call: ToolCall, output: str) -> ToolCall:
    """The call with its result."""
    return replace(call, output=output, progress=1, task=UNSET)


class Execution:
    """The tool calls of one run.  `tools`: the agent's tools, by name."""

    def __init__(
        self,
        stage: Stage,
        tools: Mapping[str, Tool],
        handoffs: Mapping[str, str],
        room: trio.CapacityLimiter,
    ) -> None:
        """`handoffs`: the result of each handoff, by the tool's name.  `room`: for the calls of
        the run that are made at once, by any of the agents."""
        self._stage = stage
        self._tools = tools
        self._handoffs = handoffs
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
        async with self._room:
            output = await self._output(index, call, is_recovered)
        await self._stage.complete(index, answered(call, output))

    async def _output(self, index: int, call: ToolCall, is_recovered: bool) -> str:
        if call.name in self._handoffs:
            return self._handoffs[call.name]
        tool = self._tools.get(call.name)
        if is_recovered and not call.task and not (tool and tool.definition.may_repeat):
            return UNKNOWN
        if tool is None:
            return (
                f"There is no tool {call.name!r}.  There are: {', '.join(self._tools) or 'none'}."
            )
        return await self._called(tool, index, call)

    async def _called(self, tool: Tool, index: int, call: ToolCall) -> str:
        try:
            arguments = await arguments_of(call.args, tool.definition.schema)
        except InvalidArguments as error:
            return str(error)
        task = KeptTask(self._stage, index, call)
        output = await tool.call(arguments, call.id, task=task)
        if isinstance(output, InputRequired):
            return NO_INPUT
        return output.text
