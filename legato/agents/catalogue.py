"""Finds configured and stored agents for a user.

A run asks once, at the start: `resolve` gives the answering agent and all agents along its edges.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct, json, structs

from legato.agents.definition import Agent, reached
from legato.agents.edges import direct_cycle
from legato.agents.errors import AgentForbidden, InvalidAgent, NoSuchAgent
from legato.agents.permissions import principals_of
from legato.agents.state import AgentState, agent_of
from legato.models.contract import Model, ModelError
from legato.storage.contracts.agents import VIEW, Agents, Found

MOST_AGENTS: Final = 32
"""In one run: its log carries them all, and no person follows more."""

MOST_BYTES: Final = 1024 * 1024
"""Of JSON, all agents of one run together: the first entry of its log has them."""

ID_PREFIX: Final = "agent_"
"""The beginning of stored agents' ids; no name in the configuration begins like this."""

_ANY_TOOL: Final[Mapping[str, Any]] = {"tools": []}

_STORED: Final = re.compile(rf"{ID_PREFIX}[A-Za-z0-9_-]{{1,64}}")


class ConfiguredAgent(Struct, frozen=True, kw_only=True):
    """An agent of the configuration: for these users; None stands for everybody."""

    name: str
    state: AgentState
    users: tuple[str, ...] | None = None

    def is_visible(self, user: str) -> bool:
        return self.users is None or user in self.users

    def agent(self) -> Agent:
        return agent_of(self.state, self.name, 1)


class Catalogue:
    """All agents of a Legato."""

    def __init__(
        self,
        configured: Mapping[str, ConfiguredAgent],
        stored: Agents,
        models: Iterable[str],
        most_recursion: int,
    ) -> None:
        """`models`: the names of all models; `most_recursion`: model calls of a run at most."""
        self.configured = configured
        self.stored = stored
        self.models = frozenset(models)
        self.most_recursion = most_recursion

    def visible(self, user: str) -> list[ConfiguredAgent]:
        """List the configured agents visible to a user."""
        return [each for each in self.configured.values() if each.is_visible(user)]

    async def resolve(self, agent_id: str, user: str) -> tuple[Agent, ...]:
        """Take the snapshot for a run: the agent first, then all agents along edges.

        Gone agents, agents invisible to the user and agents without a model are left out; the run
        reports the absence when the agent's turn comes.

        Raises:
            NoSuchAgent, AgentForbidden: for the agent itself.
            InvalidAgent: if the agent's model is gone, direct edges make a cycle, or too many
                agents, or too large ones, are reached.
        """
        agent = await self._agent(agent_id, user)
        if agent.model not in self.models:
            raise InvalidAgent("model", f"the agent's model {agent.model!r:.80} is gone")
        agents = await self._with_reached(agent, user)
        check_run(agents)
        return tuple(self._capped(each) for each in agents)

    async def _agent(self, agent_id: str, user: str) -> Agent:
        if (configured := self.configured.get(agent_id)) is not None:
            if not configured.is_visible(user):
                raise AgentForbidden
            return configured.agent()
        return snapshot(await self.allowed(agent_id, user, VIEW))

    async def allowed(self, agent_id: str, user: str, bits: int) -> Found:
        """Find a stored agent that grants the user all of `bits`.

        Raises:
            NoSuchAgent, AgentForbidden
        """
        if agent_id in self.configured:
            raise AgentForbidden  # nobody may change a configured agent
        if not is_stored(agent_id):
            raise NoSuchAgent
        found = await self.stored.find([agent_id], principals_of(user))
        if not found:
            raise NoSuchAgent
        if not found[0].allows(bits):
            raise AgentForbidden
        return found[0]

    async def seen(self, agent_ids: Sequence[str], user: str) -> dict[str, Agent]:
        """Find the agents visible to the user, by id."""
        stored = [each for each in agent_ids if is_stored(each)]
        found = await self.stored.find(stored, principals_of(user)) if stored else ()
        agents = {each.agent.id: snapshot(each) for each in found if each.allows(VIEW)}
        named = (self.configured[each] for each in agent_ids if each in self.configured)
        return agents | {each.name: each.agent() for each in named if each.is_visible(user)}

    async def _with_reached(self, agent: Agent, user: str) -> list[Agent]:
        """Follow the edges level by level, with a question to the storage for each level."""
        known = {agent.id: agent}
        level = [agent]
        looked_for = {agent.id}
        while level and len(known) <= MOST_AGENTS:
            named = dict.fromkeys(each for one in level for each in reached(one))
            wanted = [each for each in named if each not in looked_for][: MOST_AGENTS + 1]
            looked_for.update(wanted)
            found = await self.seen(wanted, user)
            level = [found[each] for each in wanted if self._can_run(found.get(each))]
            known.update((each.id, each) for each in level)
        return [*known.values()]

    def _can_run(self, agent: Agent | None) -> bool:
        return agent is not None and agent.model in self.models

    def _capped(self, agent: Agent) -> Agent:
        limit = min(agent.recursion_limit, self.most_recursion)
        return structs.replace(agent, recursion_limit=limit)

    async def check_edges(self, agent: Agent, user: str) -> None:
        """Raise InvalidAgent where an edge of an agent to be saved leads nowhere, or for ever."""
        targets = reached(agent)
        found = await self.seen(targets, user)
        for index, edge in enumerate(agent.edges):
            for end, ids in (("from", edge.sources), ("to", edge.targets)):
                for each in ids:
                    if each != agent.id and each not in found:
                        place = f"edges[{index}].{end}"
                        raise InvalidAgent(place, f"found {each!r:.80}, an agent you cannot view")
        check_run(await self._with_reached(agent, user))


def check_model(state: AgentState, model: Model) -> None:
    """Raise InvalidAgent where the model does not take the agent's parameters, or takes no tools.

    A handoff is a tool of the model, too.
    """
    hands_over = any(edge.edge_type == "handoff" for edge in state.edges)
    wanted = {"tools": bool(state.tools), "edges": hands_over}
    fields = {"model_parameters": state.model_parameters}
    fields |= {field: _ANY_TOOL for field, is_there in wanted.items() if is_there}
    for field, parameters in fields.items():
        try:
            model.check(parameters)
        except ModelError as error:
            raise InvalidAgent(field, str(error)) from None


def check_run(agents: Sequence[Agent]) -> None:
    """Raise InvalidAgent where these agents cannot run together."""
    if len(agents) > MOST_AGENTS:
        raise InvalidAgent("edges", f"they reach more than {MOST_AGENTS} agents")
    if cycle := direct_cycle(edge for agent in agents for edge in agent.edges):
        raise InvalidAgent("edges", f"direct edges make a cycle: {' → '.join(cycle)}")
    size = sum(len(json.encode(agent)) for agent in agents)
    if size > MOST_BYTES:
        raise InvalidAgent(
            "edges", f"the agents reached have {size} bytes together; {MOST_BYTES} are allowed"
        )


def snapshot(found: Found) -> Agent:
    return agent_of(found.agent.state, found.agent.id, found.agent.version)


def is_stored(agent_id: str) -> bool:
    """Tell whether the id has the form of stored agents' ids."""
    return _STORED.fullmatch(agent_id) is not None
