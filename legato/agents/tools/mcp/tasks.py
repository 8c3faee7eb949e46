"""The messages of the extension `io.modelcontextprotocol/tasks`: a call that goes on as a task.

The server is asked for the task until the task has ended.
"""

from collections.abc import Container, Mapping
from typing import Annotated, Final, Literal

import mcp_types as types
from mcp.client.extension import ClientExtension, advertise
from mcp_types import CallToolResult, InputRequests
from pydantic import Field, TypeAdapter

from legato.agents.tools.contract import InputRequired, ToolOutput
from legato.agents.tools.mcp.results import output_of, requests_of
from legato.models.contract import Json

TASKS: Final[ClientExtension] = advertise("io.modelcontextprotocol/tasks")

PAUSE: Final = 1.0
"""Seconds between two questions, where the server does not say."""

SHORTEST_PAUSE: Final = 0.05
LONGEST_PAUSE: Final = 60.0
"""Seconds: whatever a server says, a task's end is heard of within a minute."""

TaskId = Annotated[str, Field(min_length=1, max_length=1024)]
"""A name of the server's choice; the journal keeps the name, and bounds the length."""


class BegunTask(types.Result):
    """The answer to a call which goes on as a task."""

    result_type: Literal["task"]
    task_id: TaskId


class ServerTask(types.Result):
    """A task as it is now, with the result, the error or the questions of its status."""

    status: Literal["working", "input_required", "completed", "failed", "cancelled"]
    status_message: str | None = None
    poll_interval_ms: float | None = None
    result: CallToolResult | None = None
    error: types.ErrorData | None = None
    input_requests: InputRequests | None = None

    @property
    def pause(self) -> float:
        """Seconds until the task may be asked for again."""
        wanted = PAUSE if self.poll_interval_ms is None else self.poll_interval_ms / 1000
        return min(max(wanted, SHORTEST_PAUSE), LONGEST_PAUSE)

    def outcome(self, answered: Container[str] = ()) -> ToolOutput | InputRequired | None:
        """Return the call's result; None while the task goes on.

        `answered`: keys of questions whose answers may not have been read yet.
        """
        match self.status:
            case "working":
                return None
            case "input_required":
                requests = requests_of(self.input_requests or {})
                is_new = any(key not in answered for key in requests)
                return InputRequired(requests) if is_new else None
            case "completed" if self.result is not None:
                return output_of(self.result)
        why = self.error.message if self.error else self.status_message
        said = f": {why}" if why else ""
        return ToolOutput(f"The task is {self.status}{said}.", is_error=True)


TASK: Final[TypeAdapter[ServerTask]] = TypeAdapter(ServerTask)
ANYTHING: Final[TypeAdapter[types.EmptyResult]] = TypeAdapter(types.EmptyResult)


class TaskParams(types.RequestParams):
    task_id: str


class UpdateParams(TaskParams):
    input_responses: types.InputResponses


class GetTask(types.Request[TaskParams, Literal["tasks/get"]]):
    name_param = "taskId"
    method: Literal["tasks/get"] = "tasks/get"
    params: TaskParams


class UpdateTask(types.Request[UpdateParams, Literal["tasks/update"]]):
    name_param = "taskId"
    method: Literal["tasks/update"] = "tasks/update"
    params: UpdateParams


class CancelTask(types.Request[TaskParams, Literal["tasks/cancel"]]):
    name_param = "taskId"
    method: Literal["tasks/cancel"] = "tasks/cancel"
    params: TaskParams


def get_task(task_id: str) -> GetTask:
    return GetTask(params=TaskParams(task_id=task_id))


def cancel_task(task_id: str) -> CancelTask:
    return CancelTask(params=TaskParams(task_id=task_id))


def update_task(task_id: str, answers: Mapping[str, Json]) -> UpdateTask:
    """Raises pydantic's ValidationError where the answers fit no question."""
    params = {"taskId": task_id, "inputResponses": answers}
    return UpdateTask.model_validate({"params": params})
