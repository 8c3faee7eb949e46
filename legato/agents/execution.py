"""Makes the tool calls of one model call: side by side, each with one result."""

from collections.abc import Mapping, Sequence
from typing import Final, Literal

import trio
from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from legato.agents.contract import Stage
from legato.agents.tools.arguments import InvalidArguments, arguments_of
from legato.agents.tools.contract import InputRequired, Tool, ToolOutput
from legato.content import ToolCall

AT_ONCE: Final = 8
"""Tool calls of one run side by side: more would have one run crowd out the others."""

UNKNOWN: Final = (
    "Interrupted: the server ended during this call.  Its outcome is unknown; it may or may not "
    "have happened."
)
NOT_MADE: Final = "The call was not made: the server ended before the model had said all of it."
NO_INPUT: Final = "The tool asks for input that nobody can give here."


def answered(call: ToolCall, output: ToolOutput) -> ToolCall:
    """The call with its result."""
    is_error: Literal[True] | UnsetType = True if output.is_error else UNSET
    return replace(call, output=output.text, progress=1, is_error=is_error)


def failed(reason: str) -> ToolOutput:
    return ToolOutput(reason, is_error=True)


class Execution:
    """The tool calls of one run.  `tools`: the agent's tools, by name."""

    def __init__(
        self, stage: Stage, tools: Mapping[str, Tool], handoffs: Mapping[str, str]
    ) -> None:
        """`handoffs`: the result of each handoff, by the tool's name."""
        self._stage = stage
        self._tools = tools
        self._handoffs = handoffs
        self._room = trio.CapacityLimiter(AT_ONCE)

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
            output = await self._output(call, is_recovered)
        await self._stage.complete(index, answered(call, output))

    async def _output(self, call: ToolCall, is_recovered: bool) -> ToolOutput:
        if call.name in self._handoffs:
            return ToolOutput(self._handoffs[call.name])
        tool = self._tools.get(call.name)
        if tool is None:
            there = ", ".join(self._tools) or "none"
            return failed(f"There is no tool {call.name!r}.  There are: {there}.")
        if is_recovered and not tool.definition.may_repeat:
            return failed(UNKNOWN)
        return await self._called(tool, call)

    async def _called(self, tool: Tool, call: ToolCall) -> ToolOutput:
        try:
            arguments = await arguments_of(call.args, tool.definition.schema)
        except InvalidArguments as error:
            return failed(str(error))
        output = await tool.call(arguments, call.id)
        return failed(NO_INPUT) if isinstance(output, InputRequired) else output
