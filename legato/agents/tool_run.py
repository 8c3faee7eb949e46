"""Makes one tool call, from somebody's leave to the result.

A call that needs leave, or somebody's input, waits for the answer to an ask.  Ask and answer are in
the log: another process that takes the run over goes on at the same point.
"""

from collections.abc import Mapping
from typing import Final, Literal

import trio
from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from legato.agents.approvals import can_wait, needs_leave
from legato.agents.asks import (
    approval,
    asks_at,
    denied,
    edited,
    elicitation,
    input_of,
    unasked,
    without_call,
)
from legato.agents.contract import Stage
from legato.agents.definition import Agent
from legato.agents.kept_task import KeptTask
from legato.agents.leave import allowed_tools
from legato.agents.tools.arguments import InvalidArguments, arguments_of
from legato.agents.tools.contract import Tool, ToolOutput
from legato.content import ToolCall
from legato.events import Asked
from legato.models.contract import Json

MOST_ROUNDS: Final = 10
"""How often one call may ask for input, as MCP's own client has it."""

UNKNOWN: Final = (
    "Interrupted: the server ended during this call.  Its outcome is unknown; it may or may not "
    "have happened."
)
NOT_MADE: Final = "The call was not made: the server ended before the model had said all of it."
STEERED_CALL: Final = "The call was not made: new words of the user came before."
TOO_MANY_ROUNDS: Final = f"The tool asked for input more than {MOST_ROUNDS} times."


def answered(call: ToolCall, output: ToolOutput) -> ToolCall:
    """The call with its result."""
    is_error: Literal[True] | UnsetType = True if output.is_error else UNSET
    return replace(call, output=output.text, progress=1.0, is_error=is_error, task=UNSET)


def failed(reason: str) -> ToolOutput:
    """The result of a call that failed, or was not made."""
    return ToolOutput(reason, is_error=True)


class ToolRun:
    """The call of `tool` at `index` of the answer."""

    def __init__(
        self,
        stage: Stage,
        agent: Agent,
        tool: Tool,
        index: int,
        room: trio.CapacityLimiter,
        allowed: frozenset[str],
    ) -> None:
        """`room`: for the calls of the run that are made at once; a waiting ask takes none.
        `allowed`: the tools that need no leave, whatever the agent says."""
        self._stage = stage
        self._agent = agent
        self._tool = tool
        self._index = index
        self._room = room
        self._allowed = allowed

    async def made(self, call: ToolCall, *, is_recovered: bool) -> ToolCall:
        """Return the call with its result.  `is_recovered`: another process may have begun it."""
        try:
            await arguments_of(call.args, self._tool.definition.schema)
        except InvalidArguments as error:
            return answered(call, failed(str(error)))
        # A call with a decision is of an API's run, which no other process goes on with.
        is_sure = call.task or call.leave is not UNSET
        maybe_begun = is_recovered and not is_sure and self._may_have_begun()
        call, output = await self._with_leave(call)
        if output is None and maybe_begun and not self._tool.definition.may_repeat:
            output = failed(UNKNOWN)
        return answered(call, output if output is not None else await self._output(call))

    @property
    def _asks(self) -> list[Asked]:
        return asks_at(self._index, self._stage.snapshot())

    def _may_have_begun(self) -> bool:
        """Whether the former process had all that it needed to make the call.

        An answer that came to this process alone says nothing of the former one.
        """
        if asks := self._asks:
            return self._stage.was_answered_before(asks[-1].ask_id)
        return not self._needs_leave()

    def _needs_leave(self) -> bool:
        allowed = self._allowed | allowed_tools(self._stage.snapshot())
        return needs_leave(self._agent, self._tool.definition, allowed)

    async def _with_leave(self, call: ToolCall) -> tuple[ToolCall, ToolOutput | None]:
        """The call as somebody allowed it, and the result of a call that is not made."""
        if call.leave is not UNSET:
            return call, denied(call.leave)
        ask = next((each for each in self._asks if each.kind == "approval"), None)
        if ask is None:
            if not self._needs_leave():
                return call, None
            ask = approval(self._index, call, self._tool.definition, self._stage.snapshot())
        answer = await self._stage.answer_to(ask)
        call = edited(call, answer)
        if answer.allows_tool:
            call = replace(call, always_allowed=True)
        return call, without_call(answer)

    async def _output(self, call: ToolCall) -> ToolOutput:
        try:
            arguments = await arguments_of(call.args, self._tool.definition.schema)
        except InvalidArguments as error:
            return failed(str(error))
        return await self._called(call, arguments)

    async def _called(self, call: ToolCall, arguments: Mapping[str, Json]) -> ToolOutput:
        """Make the call, and make it again with each answer that the tool asks for."""
        rounds = [each for each in self._asks if each.kind != "approval"]
        task = KeptTask(self._stage, self._index, call)
        while len(rounds) <= MOST_ROUNDS:
            answers = await self._answers(rounds[-1]) if rounds else None
            state = rounds[-1].state if rounds else None
            async with self._room:
                output = await self._tool.call(
                    arguments, call.id, answers=answers, state=state, task=task
                )
            if isinstance(output, ToolOutput):
                return output
            if not can_wait(self._stage.snapshot()):
                return failed(unasked(output))
            rounds.append(elicitation(self._index, call, output, self._stage.snapshot()))
        return failed(TOO_MANY_ROUNDS)

    async def _answers(self, ask: Asked) -> Mapping[str, Json]:
        return input_of(ask, await self._stage.answer_to(ask))
