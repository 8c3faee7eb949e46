"""One tool of a server."""

from collections.abc import Mapping
from typing import Final

import mcp_types as types
import trio

from legato.agents.definition import MCP_DELIMITER
from legato.agents.tools.bounds import shortened
from legato.agents.tools.contract import InputRequired, TaskRecord, ToolDefinition, ToolOutput
from legato.agents.tools.mcp.server import McpServer
from legato.agents.tools.mcp.tasks import BegunTask
from legato.config.tools import McpSettings
from legato.models.contract import Json

MOST_DESCRIPTION: Final = 8 * 1024  # bytes; each run pays for them with every model call


LET_GO: Final = 2.0
"""Seconds for a server to hear that nobody waits for a task any more; a stop waits as long."""


class McpTool:
    """A server's tool, under the name read by models: see Tool."""

    def __init__(self, server: McpServer, listed: types.Tool, settings: McpSettings) -> None:
        hints = listed.annotations or types.ToolAnnotations()
        self.definition = ToolDefinition(
            name=f"{listed.name}{MCP_DELIMITER}{server.name}",
            description=shortened(listed.description or "", MOST_DESCRIPTION),
            schema=listed.input_schema,
            read_only=bool(hints.read_only_hint),
            idempotent=bool(hints.idempotent_hint),
            destructive=hints.destructive_hint is not False,
        )
        self._server = server
        self._name = listed.name
        self._timeout = settings.timeout  # with a call's repetition
        self._task_timeout = settings.task_timeout

    async def call(
        self,
        arguments: Mapping[str, Json],
        call_id: str,
        *,
        answers: Mapping[str, Json] | None = None,
        state: str | None = None,
        task: TaskRecord | None = None,
    ) -> ToolOutput | InputRequired:
        """See Tool."""
        if task is not None and task.task_id is not None:
            return await self._followed(task.task_id, task, answers)
        with trio.move_on_after(self._timeout) as scope:
            found = await self._server.call(
                self._name,
                arguments,
                may_repeat=self.definition.may_repeat,
                answers=answers,
                state=state,
            )
        if scope.cancelled_caught:
            return _late(f"The tool did not answer within {self._timeout:g} seconds")
        if isinstance(found, BegunTask):
            return await self._followed(found.task_id, task)
        return found

    async def _followed(
        self, task_id: str, task: TaskRecord | None, answers: Mapping[str, Json] | None = None
    ) -> ToolOutput | InputRequired:
        """Wait for a task's end, once its name is durable."""
        try:
            if task is not None and task.task_id is None:
                await task.keep(task_id)
            with trio.move_on_after(self._task_timeout):
                return await self._server.followed(task_id, answers)
        except trio.Cancelled:
            if task is None or not task.is_left:
                with trio.move_on_after(LET_GO, shield=True):
                    await self._server.let_go(task_id)
            raise
        with trio.move_on_after(LET_GO):
            await self._server.let_go(task_id)
        return _late(f"The task did not end within {self._task_timeout:g} seconds")


def _late(what: str) -> ToolOutput:
    return ToolOutput(f"{what}; it was told to stop.", is_error=True)
