"""A run without a job: a stage that keeps its log in a list, tools that count their calls."""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager

import trio

from legato.actors.production.event_builder import Positions, Steps, whole_step
from legato.actors.stream.fold import Fold
from legato.agents.definition import Agent, Edge
from legato.agents.run import AgentRun
from legato.agents.tools.contract import (
    InputRequired,
    Offer,
    TaskRecord,
    Tool,
    ToolDefinition,
    ToolOutput,
)
from legato.content import Message, Part, ToolCall, ToolCallPart, WholePart
from legato.events import (
    Answered,
    Asked,
    ContentEvent,
    Created,
    ModelCallEnded,
    Origin,
    Snapshot,
    StepCompleted,
)
from legato.models.contract import (
    ChatMessage,
    FinishReport,
    Json,
    Model,
    ModelEvent,
    ModelRequest,
)
from legato.models.scripted import ScriptedModel
from legato.requests import ApiRequest

QUESTION = ModelRequest((ChatMessage("user", "What time is it?"),))


class Killed(Exception):
    """The process of the run is gone."""


class ListStage:
    """A log in a list.  `durable`: up to where it would outlive the process."""

    def __init__(
        self,
        events: Sequence[ContentEvent] = (),
        *,
        kept: tuple[Part, ...] = (),
        dies_at: int | None = None,
        api_request: ApiRequest | None = None,
    ) -> None:
        """`kept`: the parts that the answer starts from.  `dies_at`: the run is killed when the log
        has so many events."""
        self.events: list[ContentEvent] = []
        self.asked: list[ModelRequest] = []
        self.durable = 0
        self.is_left = False
        self._fold = Fold()
        question = Message(message_id="q", conversation_id="c")
        self._fold.apply(Created(question, "r", "helper", kept, api_request=api_request))
        self._dies_at: int | None = None
        self._append(events)
        self._answered_before = frozenset(self.snapshot().answers)
        self._positions = Positions(len(self._fold.content()))
        self._dies_at = dies_at

    def _append(self, events: Sequence[ContentEvent]) -> None:
        for event in events:
            if self._dies_at is not None and len(self.events) >= self._dies_at:
                raise Killed
            self._fold.apply(event)
            self.events.append(event)

    def snapshot(self) -> Snapshot:
        return self._fold.snapshot(len(self.events))

    async def ask(
        self,
        model: Model,
        request: ModelRequest,
        origin: Origin,
        *,
        goes_on: bool = False,
        theirs: Collection[str] = (),
        guarded: Collection[str] = (),
    ) -> FinishReport:
        self.asked.append(request)
        content = self.snapshot().content
        steps = Steps(
            content if goes_on else (), origin, self._positions, theirs=theirs, guarded=guarded
        )
        async with model.stream(request) as batches:
            async for batch in batches:
                self._append(steps.events(batch))
        assert steps.finish is not None
        self._append([ModelCallEnded(origin, model.name, steps.finish.reason, steps.usage)])
        return steps.finish

    async def place(self, origin: Origin, parts: Sequence[WholePart]) -> None:
        self._append([whole_step(self._positions, origin, each) for each in parts])

    async def complete(self, index: int, call: ToolCall) -> None:
        self._append([StepCompleted(index, call)])

    async def apply_steers(self, origin: Origin) -> bool:
        return False

    async def answer_to(self, ask: Asked) -> Answered:
        """Answer yes, at once."""
        if ask.ask_id not in self.snapshot().answers:
            self._append([ask, Answered(ask_id=ask.ask_id, decision="answer", value="yes")])
        return self.snapshot().answers[ask.ask_id]

    def was_answered_before(self, ask_id: str) -> bool:
        return ask_id in self._answered_before

    async def settle(self) -> None:
        await trio.lowlevel.checkpoint()
        self.durable = len(self.events)

    @property
    def results(self) -> list[tuple[str, str]]:
        """The tool calls of the answer, in its order: the name and the result of each."""
        parts = [part for part in self.snapshot().content if isinstance(part, ToolCallPart)]
        return [(part.tool_call.name, part.tool_call.output or "") for part in parts]


Work = Callable[[Mapping[str, Json]], Awaitable[str]]


async def now(arguments: Mapping[str, Json]) -> str:
    return "12:00"


class CountedTool:
    """A tool that counts how often it was called."""

    def __init__(self, name: str, work: Work = now, *, idempotent: bool = False) -> None:
        self.definition = ToolDefinition(name=name, idempotent=idempotent)
        self.calls: list[str] = []
        self._work = work

    async def call(
        self,
        arguments: Mapping[str, Json],
        call_id: str,
        *,
        answers: Mapping[str, Json] | None = None,
        state: str | None = None,
        task: TaskRecord | None = None,
    ) -> ToolOutput | InputRequired:
        self.calls.append(call_id)
        return ToolOutput(await self._work(arguments))


class ListToolbox:
    """The tools of a list, by their names."""

    def __init__(self, *tools: Tool) -> None:
        self._tools = {tool.definition.name: tool for tool in tools}
        self.names = [*self._tools]

    def unknown(self, names: Sequence[str]) -> Mapping[str, str]:
        return {name: "not configured" for name in names if name not in self._tools}

    async def offer(self, names: Sequence[str], user: str, agent_id: str = "") -> Offer:
        there = [self._tools[name] for name in names if name in self._tools]
        missing = {name: "not configured" for name in names if name not in self._tools}
        return Offer(there, missing)


class ListModel(ScriptedModel):
    """Says the entries of a list, one a model call, however odd."""

    def __init__(self, *answers: Sequence[ModelEvent]) -> None:
        super().__init__()
        self._answers = [*answers]

    @asynccontextmanager
    async def stream(
        self, request: ModelRequest
    ) -> AsyncIterator[AsyncIterator[Sequence[ModelEvent]]]:
        yield self._batches()

    async def _batches(self) -> AsyncIterator[Sequence[ModelEvent]]:
        await trio.lowlevel.checkpoint()
        yield self._answers.pop(0)


def agent(
    name: str = "helper",
    *script: Mapping[str, Json],
    tools: Sequence[str] = (),
    edges: Sequence[Edge] = (),
    **fields: object,
) -> Agent:
    """An agent with a script, without a pace."""
    parameters = {"script": list(script), "rate": 0}
    return Agent(
        id=f"agent_{name}",
        version=1,
        name=name,
        model="scripted",
        parameters=parameters,
        tools=tuple(tools),
        edges=tuple(edges),
        **fields,  # type: ignore[arg-type]
    )


def call(name: str, **arguments: Json) -> dict[str, Json]:
    return {"name": name, "arguments": arguments}


def calls(*made: Mapping[str, Json], text: str | None = None) -> dict[str, Json]:
    """A script's entry that makes these tool calls."""
    entry: dict[str, Json] = {"calls": [dict(each) for each in made]}
    return entry if text is None else {**entry, "text": text}


def edge(source: str, *targets: str, **fields: object) -> Edge:
    origin, target = f"agent_{source}", tuple(f"agent_{name}" for name in targets)
    return Edge(origin=origin, target=target, **fields)  # type: ignore[arg-type]


def run_of(
    *agents: Agent, tools: Sequence[Tool] = (), model: ScriptedModel | None = None
) -> AgentRun:
    models = {"scripted": model or ScriptedModel()}
    return AgentRun(agents, models, ListToolbox(*tools), "alice")
