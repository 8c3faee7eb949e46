"""Finds the agents to act now: the run so far, walked along the edges of its agents.  Pure.

An agent acts in a visit.  A visit begins at the start of the run, by a handoff or along direct
edges, and ends when the model answers without tool calls, or hands over.  Visits are derived from
the log alone: a process which takes a run over finds the same visits.

A run goes in steps.  The visits of a step are open side by side, and the next step begins when all
visits have ended.  Therefore the order of the visits' ends makes no difference, and a model call
belongs to the same visit for every reader of the log.
"""

from collections.abc import Iterable, Mapping, Sequence

from msgspec import DecodeError, json

from legato.agents.calls import ModelCall
from legato.agents.definition import Agent, Edge
from legato.agents.edges import is_direct, led_from
from legato.agents.handoffs import edges_of, first_handoff, target_of
from legato.agents.messages import messages_of, words_before
from legato.content import ToolCall
from legato.events import KEPT
from legato.models.contract import ChatMessage

Key = tuple[str, int | None]
"""Tells the visits of one moment apart: the agent and its group."""


class Visit:
    """One agent's part of a run.  `before`: the messages below the question at the beginning.

    `handed_to`: the visit to which the agent handed the run; None where the visit ended otherwise.
    """

    def __init__(
        self, agent_id: str, before: Sequence[ChatMessage] = (), group_id: int | None = None
    ) -> None:
        self.agent_id = agent_id
        self.group_id = group_id
        self.before = before
        self.calls: list[ModelCall] = []
        self.handed_to: Visit | None = None

    @property
    def key(self) -> Key:
        return self.agent_id, self.group_id

    def messages(self, handoff: ToolCall | None = None) -> list[ChatMessage]:
        """The agent's messages below the question, without a model call that its process lost.

        `handoff`: the tool call which hands the run to another agent, left out for the other agent.
        """
        messages = [*self.before]
        for call in self.calls:
            messages += words_before(call)
            if call.is_whole:
                messages += messages_of(call, handoff)
        return messages

    @property
    def calls_made(self) -> int:
        """See ModelRequest."""
        is_steered = any(call.steers for call in self.calls)
        return len([call for call in self.calls if call.is_whole]) if is_steered else 0

    @property
    def text(self) -> str:
        """The agent's answer: the text of the last call."""
        return self.calls[-1].text if self.calls else ""


class Visits:
    """The visits of a run: `open` are the visits of the agents to act now."""

    def __init__(self, agents: Mapping[str, Agent], calls: Iterable[ModelCall]) -> None:
        """`agents`: by their ids; the first begins."""
        self._agents = agents
        self._edges = edges_of(agents.values())
        self._led = {agent_id: led_from(agent_id, self._edges) for agent_id in agents}
        self._answers: dict[str, str] = {}  # of the ended agents, by their ids
        self._due: dict[str, None] = {}  # targets of ended agents, which have not begun yet
        self._groups = 0
        self._step: list[Visit] = []
        self.open: dict[Key, Visit] = {}
        self._first = next(iter(agents))
        self._begin(Visit(self._first))
        for call in calls:
            self._take(call)

    def _begin(self, visit: Visit) -> None:
        """Open a visit; an agent with the run from several agents reads all in a single visit."""
        if (twin := self.open.get(visit.key)) is not None:
            twin.before = [*twin.before, *visit.before]
            return
        self._step.append(visit)
        self.open[visit.key] = visit

    def _take(self, call: ModelCall) -> None:
        origin = call.origin
        agent_id = self._first if origin.call_no == KEPT else origin.agent_id or self._first
        visit = self.open[agent_id, origin.group_id]
        visit.calls.append(call)
        if call.is_whole and origin.call_no != KEPT:
            self._follow(visit, call)

    def _follow(self, visit: Visit, call: ModelCall) -> None:
        """Go on from a whole call: to the same agent, to another, or along the direct edges."""
        if call.is_steered:
            return  # to the same agent, which reads the new words
        agent = self._agents[visit.agent_id]
        calls = [each for _, each in call.tool_calls]
        handoff = first_handoff(calls, visit.agent_id, self._edges, self._agents)
        if handoff is not None:
            visit.handed_to = _heir(visit, *handoff)
            self._end(visit)
        elif not call.tool_calls or agent.end_after_tools:
            self._end(visit)

    def _end(self, visit: Visit) -> None:
        del self.open[visit.key]
        if not self.open:
            self._next_step()

    def _next_step(self) -> None:
        """Begin what follows from the visits of this step, in the order of their beginnings."""
        ended, self._step = self._step, []
        for visit in ended:
            if visit.handed_to is not None:
                self._begin(visit.handed_to)
            else:
                self._answers[visit.agent_id] = visit.text
                self._due |= dict.fromkeys(self._targets(visit.agent_id))
        self._start_targets()

    def _start_targets(self) -> None:
        ready = [target for target in self._due if self._is_ready(target)]
        if len(ready) > 1:
            self._groups += 1
        group_id = self._groups if len(ready) > 1 else None
        for target in ready:
            del self._due[target]
            self._begin(Visit(target, [ChatMessage("user", self._handed(target))], group_id))

    def _targets(self, agent_id: str) -> Sequence[str]:
        edges = [edge for edge in self._edges if is_direct(edge) and agent_id in edge.sources]
        targets = dict.fromkeys(target for edge in edges for target in edge.targets)
        return [target for target in targets if target in self._agents]

    def _edges_to(self, target: str) -> Sequence[Edge]:
        return [edge for edge in self._edges if is_direct(edge) and target in edge.targets]

    def _is_ready(self, target: str) -> bool:
        """Whether no agent is acting, or about to, after which the target's turn would come."""
        coming = {visit.agent_id for visit in self.open.values()} | self._due.keys() - {target}
        return target not in coming and not any(target in self._led[each] for each in coming)

    def _handed(self, target: str) -> str:
        """The first message for an agent which begins after the end of others."""
        told: list[str] = []
        for edge in self._edges_to(target):
            sources = [each for each in edge.sources if each in self._answers]
            if not edge.exclude_results:
                told += [f"{self._agents[each].name}:\n{self._answers[each]}" for each in sources]
            if edge.prompt and sources:
                told.append(edge.prompt)
        return "\n\n".join(told) or "Continue."


def _heir(visit: Visit, handoff: ToolCall, edge: Edge) -> Visit:
    """The visit begun by a handoff along `edge`."""
    argument = _argument(handoff, edge)
    told = [ChatMessage("user", argument)] if argument else []
    return Visit(target_of(handoff), [*visit.messages(handoff), *told], visit.group_id)


def _argument(call: ToolCall, edge: Edge) -> str:
    """The text from the source for its target; "" where the model gave none."""
    try:
        found = json.decode(call.args or "{}", type=dict[str, object])
    except DecodeError:
        return ""
    argument = found.get(edge.prompt_key)
    return argument if edge.prompt and isinstance(argument, str) else ""
