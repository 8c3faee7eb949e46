"""The contract between a tool and the rest of the program: a definition and a call."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal, Protocol

from msgspec import Struct

from legato.models.contract import Json

NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""Providers refuse every other name of a tool."""


class ToolDefinition(Struct, frozen=True, kw_only=True):
    """A tool as a model reads it.  `schema`: its arguments, an object in JSON Schema 2020-12.

    `read_only`: a call changes nothing.  `idempotent`: a second call with the same arguments
    changes nothing more.  `destructive`: a call may destroy something for good.
    """

    name: str
    description: str = ""
    schema: Mapping[str, Json] = {}
    read_only: bool = False
    idempotent: bool = False
    destructive: bool = True

    @property
    def may_repeat(self) -> bool:
        """Whether a call whose outcome is unknown may be made again."""
        return self.read_only or self.idempotent


class ToolOutput(Struct, frozen=True):
    """A call's result as the model reads it.  `is_error`: the tool reports a failure."""

    text: str
    is_error: bool = False


class InputRequired(Struct, frozen=True):
    """A call which cannot go on before somebody answers `requests`.

    The call is made again with the answers and with `state`, which is the tool's own.  `kind`: a
    tool asks for input, or the model itself asks a question by a tool.
    """

    requests: Mapping[str, Json]
    state: str | None = None
    kind: Literal["elicitation", "question"] = "elicitation"


class TaskRecord(Protocol):
    """The log's record of a call that goes on as a task of its server.

    The name outlives this process: the next owner of the run waits for the same task.
    """

    @property
    def task_id(self) -> str | None:
        """The task's name; None where the call has not become a task."""
        ...

    @property
    def is_left(self) -> bool:
        """Whether this process leaves the run, and the task, to a next process."""
        ...

    async def keep(self, task_id: str) -> None:
        """Return once the name is durable."""
        ...


class Tool(Protocol):
    """A tool.  Safe to call from many tasks at once."""

    @property
    def definition(self) -> ToolDefinition: ...

    async def call(
        self,
        arguments: Mapping[str, Json],
        call_id: str,
        *,
        answers: Mapping[str, Json] | None = None,
        state: str | None = None,
        task: TaskRecord | None = None,
    ) -> ToolOutput | InputRequired:
        """Make the call, within the tool's own deadline.

        Where `task` has a name already, the call is not made again: the task's end is waited for.

        Nothing in the tool raises: a hang, a crash, an endless result and a broken connection are
        each a ToolOutput with `is_error`.  Leaving by cancellation tells the tool to stop, and
        waits for the stop for a bounded time.
        """
        ...


class Offer(Struct, frozen=True):
    """The tools for an agent now.  `missing`: for each other name the reason of the absence."""

    tools: Sequence[Tool] = ()
    missing: Mapping[str, str] = {}


def joined(offers: Iterable[Offer]) -> Offer:
    """All tools of some offers; of several tools with one name the first."""
    tools: dict[str, Tool] = {}
    missing: dict[str, str] = {}
    for offer in offers:
        for tool in offer.tools:
            tools.setdefault(tool.definition.name, tool)
        missing |= offer.missing
    return Offer([*tools.values()], missing)


class Toolbox(Protocol):
    """Every configured tool of this process."""

    @property
    def names(self) -> Sequence[str]:
        """Names that offer everything there is; one name may stand for many tools."""
        ...

    def unknown(self, names: Sequence[str]) -> Mapping[str, str]:
        """Those of the names that lead nowhere in this configuration, with the reason.

        A tool of a configured MCP server may be there tomorrow, and is not unknown.
        """
        ...

    async def offer(self, names: Sequence[str], user: str, agent_id: str = "") -> Offer:
        """Find the tools of an agent by the names in its `tools`, for the user.

        Without an `agent_id`, no tools are found that belong to one agent.
        """
        ...


class NoTools:
    """The toolbox of a process without tools."""

    names: Sequence[str] = ()

    def unknown(self, names: Sequence[str]) -> Mapping[str, str]:
        return dict.fromkeys(names, "no tools are configured")

    async def offer(self, names: Sequence[str], user: str, agent_id: str = "") -> Offer:
        return Offer(missing=self.unknown(names))
