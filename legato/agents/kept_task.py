"""The record of a tool call that goes on as a task, in the log of its run."""

from msgspec.structs import replace

from legato.agents.contract import Stage
from legato.content import ToolCall


class KeptTask:
    """See TaskRecord.  `index`: the call's position in the answer."""

    def __init__(self, stage: Stage, index: int, call: ToolCall) -> None:
        self._stage = stage
        self._index = index
        self._call = call

    @property
    def task_id(self) -> str | None:
        return self._call.task or None

    @property
    def is_left(self) -> bool:
        return self._stage.is_left

    async def keep(self, task_id: str) -> None:
        self._call = replace(self._call, task=task_id)
        await self._stage.complete(self._index, self._call)
        await self._stage.settle()
