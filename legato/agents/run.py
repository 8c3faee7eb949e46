"""Runs an agent: model call, tool calls, next model call, until the answer is there.

A run decides the next step from its job's log alone.  A process which takes a run over does the
same as the former process would have done: a result in the log is used and never made again.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import structlog
import trio
from msgspec.structs import replace

from legato.agents.approvals import can_wait, guarded
from legato.agents.bare import BareRun
from legato.agents.calls import ModelCall, calls_of, next_number
from legato.agents.contract import Run, Stage
from legato.agents.definition import HANDOFF_PREFIX, Agent
from legato.agents.edges import leading_on
from legato.agents.execution import AT_ONCE, Execution
from legato.agents.handoffs import (
    definitions,
    edges_of,
    first_handoff,
    handoffs,
    target_of,
)
from legato.agents.introductions import introduction
from legato.agents.prompt import names_in, prompted, schemas_in
from legato.agents.tool_run import NOT_MADE, STEERED_CALL, answered, failed
from legato.agents.tools.contract import Offer, Tool, Toolbox
from legato.agents.visits import Key, Visit, Visits
from legato.content import ToolCall
from legato.events import KEPT, STEERED, Origin, Snapshot
from legato.models.contract import FinishReport, Model, ModelError, ModelRequest
from legato.requests import TurnRequest

RECURSION_LIMIT: Final = "recursion_limit"
"""Why a run ends that has made as many model calls as it may."""

CALLS: Final = "tool_calls"
"""Why a model call ends, or a whole run: somebody is to make tool calls."""

ASKS: Final = "approval"
"""Why a run ends that cannot wait for somebody's leave: a later run goes on."""

CUT: Final = frozenset({"length", "content_filter"})
"""Why a model call ends in the middle of a text, or of a tool call's arguments."""

CUT_CALL: Final = "The call was not made: the model's answer was cut off before the arguments."

log = structlog.get_logger()


class AgentRun:
    """One run of `agents`, in one process: the first begins, edges lead to the others."""

    def __init__(
        self, agents: Sequence[Agent], models: Mapping[str, Model], toolbox: Toolbox, user: str
    ) -> None:
        self._agents = {agent.id: agent for agent in agents}
        self._limit = agents[0].recursion_limit
        self._models = models
        self._toolbox = toolbox
        self._user = user
        self._hidden = leading_on(self._agents) if agents[0].hide_sequential_outputs else ()
        self._offers: dict[str, Offer] = {}  # by the ids of the agents
        self._room = trio.CapacityLimiter(AT_ONCE)  # for the tool calls
        self._asking = 0  # model calls that go on now
        self._made: set[int] = set()  # the numbers of the model calls made by this process
        self._last: FinishReport | None = None  # of the model calls made by this process
        self._end: FinishReport | None = None  # set where the run ends though agents could go on

    async def answer(self, stage: Stage, request: ModelRequest) -> FinishReport:
        """See Run."""
        await _close_cut_calls(stage)
        while self._end is None and (acting := list(self._visits(stage.snapshot()))):
            if len(acting) == 1:
                await self._drive(stage, request, acting[0])
            else:
                await self._drive_all(stage, request, acting)
        if self._end is not None:
            return self._end
        # A run that another process brought to its end has its last reason in the log alone.
        last = self._last or FinishReport(stage.snapshot().calls[-1].reason)
        # Readers would look for calls to make: of an ended run there are none.
        return replace(last, reason="stop") if last.reason == CALLS else last

    async def _drive_all(self, stage: Stage, request: ModelRequest, acting: Sequence[Key]) -> None:
        """Have the agents of a group act side by side; the first failure ends them all."""
        failures: list[ModelError] = []

        async def drive(key: Key) -> None:
            try:
                await self._drive(stage, request, key)
            except ModelError as error:
                failures.append(error)
                nursery.cancel_scope.cancel()

        async with trio.open_nursery() as nursery:
            for key in acting:
                nursery.start_soon(drive, key)
        if failures:
            raise failures[0]

    def _visits(self, snapshot: Snapshot) -> Mapping[Key, Visit]:
        return Visits(self._agents, calls_of(snapshot)).open

    async def _drive(self, stage: Stage, request: ModelRequest, key: Key) -> None:
        """Have an agent act until the visit ends."""
        while self._end is None and (visit := self._visits(stage.snapshot()).get(key)):
            call = visit.calls[-1] if visit.calls else None
            if call is not None and call.ended is not None and call.unanswered:
                await self._execute(stage, request, visit, call)
            elif len(stage.snapshot().calls) + self._asking >= self._limit:
                self._end = FinishReport(RECURSION_LIMIT)
            else:
                self._asking += 1
                await self._ask(stage, request, visit, call)
                self._asking -= 1

    async def _ask(
        self, stage: Stage, request: ModelRequest, visit: Visit, cut: ModelCall | None
    ) -> None:
        if stage.snapshot().ends_for_steers:
            self._end = FinishReport(STEERED)
            return
        agent = self._agents[visit.agent_id]
        model = self._model(agent)
        tools = await self._offered(agent)
        snapshot = stage.snapshot()
        goes_on = cut is not None and model.continues and _goes_on(cut, snapshot)
        resumed = cut.text if cut is not None and goes_on else ""
        origin = self._origin(snapshot, visit, cut if goes_on else None)
        offered = [
            *(tool.definition for tool in tools.values()),
            *definitions(agent.id, self._agents),
        ]
        self._made.add(origin.call_no)
        missing = self._offers[agent.id].missing
        if not goes_on and (parts := introduction(visit, snapshot, offered, missing)):
            await stage.place(origin, parts)
        if await stage.apply_steers(origin):
            visit = self._visits(stage.snapshot())[visit.key]
        asked = prompted(agent, request, visit.messages(), offered, resumed, visit.calls_made)
        theirs = names_in(request) - {tool.name for tool in offered}
        mine = [tool.definition for tool in tools.values()]
        asking = guarded(agent, mine, request.allowed_tools, snapshot)
        self._last = await stage.ask(
            model, asked, origin, goes_on=goes_on, theirs=theirs, guarded=asking
        )

    def _origin(self, snapshot: Snapshot, visit: Visit, cut: ModelCall | None) -> Origin:
        if cut is not None and cut.origin.call_no != KEPT:
            return cut.origin
        number = max((next_number(snapshot), *(made + 1 for made in self._made)))
        is_hidden = visit.agent_id in self._hidden
        return Origin(number, visit.agent_id, visit.group_id, is_hidden)

    async def _execute(
        self, stage: Stage, request: ModelRequest, visit: Visit, call: ModelCall
    ) -> None:
        if call.is_steered:
            await _close(stage, call, STEERED_CALL)
            return
        agent = self._agents[visit.agent_id]
        tools = await self._offered(agent)
        results = dict(self._handoff_results(agent, call))
        if (cut := _cut_call(call)) is not None:
            await stage.complete(cut[0], answered(cut[1], failed(CUT_CALL)))
            return
        waits = can_wait(stage.snapshot())
        ours = [each for each in call.unanswered if waits or _is_due(each[1])]
        if ours:
            await stage.settle()  # a call not in the journal would be made again
            execution = Execution(
                *(stage, agent, tools, results),
                *(self._room, request.allowed_tools, schemas_in(request)),
            )
            await execution.run(ours, is_recovered=call.origin.call_no not in self._made)
        if len(ours) < len(call.unanswered):
            by_caller = any(each.by_caller for _, each in call.unanswered)
            self._end = FinishReport(CALLS if by_caller else ASKS)

    def _handoff_results(self, agent: Agent, call: ModelCall) -> Iterator[tuple[str, str]]:
        edges = edges_of(self._agents.values())
        calls = [each for _, each in call.tool_calls]
        first = first_handoff(calls, agent.id, edges, self._agents)
        heir = target_of(first[0]) if first else ""
        for target, _ in handoffs(agent.id, edges):
            if target not in self._agents:
                yield HANDOFF_PREFIX + target, "This agent is gone."
            elif target == heir:
                yield (
                    HANDOFF_PREFIX + target,
                    f"Successfully transferred to {self._agents[target].name}.",
                )
            else:
                yield (
                    HANDOFF_PREFIX + target,
                    "Not transferred: another call of this answer came first.",
                )

    def _model(self, agent: Agent) -> Model:
        model = self._models.get(agent.model)
        if model is None:
            raise ModelError(
                "model_not_found",
                f"The agent {agent.name!r} wants the model {agent.model!r}, which is not there.",
            )
        return model

    async def _offered(self, agent: Agent) -> Mapping[str, Tool]:
        if agent.id not in self._offers:
            offer = await self._toolbox.offer(agent.tools, self._user, agent.id)
            for name, reason in offer.missing.items():
                log.warning("tool is not there", agent=agent.id, tool=name, reason=reason)
            self._offers[agent.id] = offer
        return {tool.definition.name: tool for tool in self._offers[agent.id].tools}


class AgentRuns:
    """The runs of a process: an agent's where the turn has an agent, else a bare model's."""

    def __init__(self, models: Mapping[str, Model], toolbox: Toolbox) -> None:
        self._models = models
        self._toolbox = toolbox

    def run_of(self, turn: TurnRequest, model: Model) -> Run:
        """See Runs."""
        if not turn.agents:
            return BareRun(model)
        return AgentRun(turn.agents, self._models, self._toolbox, turn.user)


async def _close_cut_calls(stage: Stage) -> None:
    """Give a result to the tool calls of cut model calls, left by another process.

    The next request to the model is without these calls.
    """
    for call in calls_of(stage.snapshot()):
        if call.ended is None:
            await _close(stage, call, NOT_MADE)


async def _close(stage: Stage, call: ModelCall, output: str) -> None:
    """Give this result to all tool calls without one."""
    for index, unmade in call.unanswered:
        await stage.complete(index, answered(unmade, failed(output)))


def _cut_call(call: ModelCall) -> tuple[int, ToolCall] | None:
    """The tool call in which the answer was cut off; None for an answer of whole calls.

    A cut JSON text is no JSON, and the model reads of the fault; only an empty text could pass for
    a call without arguments.
    """
    is_cut = call.ended is not None and call.ended.reason in CUT
    last = call.tool_calls[-1]
    return last if is_cut and not last[1].args and last in call.unanswered else None


def _is_due(call: ToolCall) -> bool:
    """Whether a run that cannot wait makes the call: no caller does, and no leave is missing."""
    return not (call.by_caller or call.is_undecided)


def _goes_on(cut: ModelCall, snapshot: Snapshot) -> bool:
    """Whether the model can go on from the end of `cut`, with which the answer ends."""
    is_last = cut.can_go_on and cut.parts[-1].index == len(snapshot.content) - 1
    return is_last and not snapshot.waiting_steers
