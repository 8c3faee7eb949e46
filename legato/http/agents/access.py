"""The agent of a request's path, and the agents for a start."""

from legato.agents.catalogue import is_stored
from legato.agents.definition import Agent
from legato.agents.errors import AgentForbidden, NoSuchAgent
from legato.http.errors import ModelNotFound
from legato.http.request_context import runtime, user
from legato.storage.contracts.agents import StoredAgent

EPHEMERAL = "ephemeral"
"""LibreChat's word for a start without an agent."""


async def agent_for(agent_id: str, bits: int) -> StoredAgent:
    """The stored agent of an id, for a caller with all permissions of `bits`.

    Raises:
        NoSuchAgent, AgentForbidden
    """
    return (await runtime().catalogue.allowed(agent_id, user(), bits)).agent


async def agents_of(agent_id: str | None) -> tuple[Agent, ...]:
    """The agents that answer a chat's start; empty for a start without an agent.

    Raises:
        NoSuchAgent, AgentForbidden, InvalidAgent
    """
    if not agent_id or agent_id == EPHEMERAL:
        return ()
    return await runtime().catalogue.resolve(agent_id, user())


async def agents_named(model: str | None) -> tuple[Agent, ...]:
    """The agents that answer for a `model` of OpenAI's APIs; empty for a plain model.

    Raises:
        ModelNotFound: alike for an unknown agent, and for an agent that the caller may not view.
        InvalidAgent
    """
    house = runtime()
    is_agent = model is not None and (is_stored(model) or model in house.catalogue.configured)
    if model is None or model in house.models or not is_agent:
        return ()
    try:
        return await house.catalogue.resolve(model, user())
    except (NoSuchAgent, AgentForbidden):
        raise ModelNotFound(model, house.models) from None
