"""The tools of all replicas, with every call that was ever made: the witnesses of agents' runs.

`write` may not be called again where its outcome is unknown, `read` may; `wipe` is like `write`,
and needs leave.  `locate` is a tool of the client, who is asked for the result.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count
from typing import Final

import trio

from legato.agents.definition import Agent
from legato.agents.tools.contract import Offer, TaskRecord, ToolDefinition, ToolOutput
from legato.models.contract import Json, ModelEvent, ModelRequest, ToolCallChunk

WRITE: Final = ToolDefinition(name="write")
READ: Final = ToolDefinition(name="read", idempotent=True)
WIPE: Final = ToolDefinition(name="wipe")
LOCATE: Final = ToolDefinition(name="locate")

CLIENT_TOOLS: Final[Json] = [
    {"type": "function", "function": {"name": LOCATE.name, "parameters": {"type": "object"}}}
]
"""The client's tools, as each start of an agent brings them."""

CALL: Final = "witnessed_"
"""The beginning of the ids of the calls that are told apart."""

AGENT: Final = Agent(
    id="agent_a",
    version=1,
    name="a",
    model="played",
    tools=(WRITE.name, READ.name, WIPE.name),
    approval={WIPE.name: "ask"},
)


class MadeCall:
    """A call that a replica made; open until the tool returns, or the replica is gone."""

    def __init__(
        self, replica: str, tool: ToolDefinition, call_id: str, arguments: Mapping[str, Json]
    ) -> None:
        self.replica = replica
        self.tool = tool
        self.call_id = call_id
        self.arguments = arguments
        self.output: ToolOutput | None = None
        self.returned = trio.Event()

    def answer(self, text: str, *, is_error: bool = False) -> None:
        """Have the tool return."""
        self.output = ToolOutput(text, is_error)
        self.returned.set()


class SimulatedTools:
    """Knows every call, open or not, and every result that a model was told."""

    def __init__(self) -> None:
        self.open: list[MadeCall] = []
        self.made: list[MadeCall] = []  # every call, in the order of the calls
        self.jobs: dict[str, str] = {}  # the jobs of the calls that models asked for, by ids
        self.told: dict[str, str] = {}  # the results told to models, by the calls' ids
        self.calling: Callable[[MadeCall], None] = lambda call: None
        self._numbers = count(100)  # above the numbers that other chunks use

    def chunks(self, job_id: str, tools: Sequence[ToolDefinition]) -> Sequence[ModelEvent]:
        """The batch by which the job's model calls these tools; no two calls have the same id."""
        numbered = list(zip(tools, self._numbers, strict=False))
        self.jobs |= {f"{CALL}{number}": job_id for _, number in numbered}
        return [ToolCallChunk(n, f"{CALL}{n}", tool.name, "{}") for tool, n in numbered]

    def results_in(self, request: ModelRequest, job_id: str) -> Iterator[tuple[str, str]]:
        """The results of the job's own calls in a request to a model, each with its call's id."""
        for message in request.messages:
            call_id = str(message.more.get("tool_call_id"))
            if self.jobs.get(call_id) == job_id:
                yield call_id, message.text

    def answer_all(self) -> None:
        for each in self.open:
            each.answer(f"the result of {each.call_id}")


class Toolroom:
    """The tools of one replica."""

    names: Sequence[str] = (WRITE.name, READ.name, WIPE.name)

    def __init__(self, tools: SimulatedTools, replica: str) -> None:
        self._offer = Offer([WitnessedTool(tools, replica, each) for each in (WRITE, READ, WIPE)])

    async def offer(self, names: Sequence[str], user: str, agent_id: str = "") -> Offer:
        """See Toolbox."""
        await trio.lowlevel.checkpoint()
        return self._offer

    def unknown(self, names: Sequence[str]) -> Mapping[str, str]:
        """See Toolbox."""
        return {}


class WitnessedTool:
    """A tool of one replica: returns when the simulation has the call answered."""

    def __init__(self, tools: SimulatedTools, replica: str, definition: ToolDefinition) -> None:
        self.definition = definition
        self._tools = tools
        self._replica = replica

    async def call(
        self,
        arguments: Mapping[str, Json],
        call_id: str,
        *,
        answers: Mapping[str, Json] | None = None,
        state: str | None = None,
        task: TaskRecord | None = None,
    ) -> ToolOutput:
        """See Tool."""
        made = MadeCall(self._replica, self.definition, call_id, arguments)
        self._tools.calling(made)
        self._tools.made.append(made)
        self._tools.open.append(made)
        try:
            await made.returned.wait()
        finally:
            self._tools.open.remove(made)
        assert made.output is not None
        return made.output
