"""The agent of a request's path, and the answering agents of a start."""

from legato.agents.catalogue import is_stored
from legato.agents.definition import Agent
from legato.agents.errors import AgentForbidden, NoSuchAgent
from legato.http.errors import ModelNotFound
from legato.http.request_context import runtime, user
from legato.storage.contracts.agents import StoredAgent

EPHEMERAL = "ephemeral"
"""LibreChat's word for a start without an agent."""


async def agent_for(agent_id: str, bits: int) -> StoredAgent:
    """The stored agent, if all of `bits` are granted to the caller.

    Raises:
        NoSuchAgent, AgentForbidden
    """
    return (await runtime().catalogue.allowed(agent_id, user(), bits)).agent


async def agents_of(agent_id: str | None) -> tuple[Agent, ...]:
    """The answering agents of a chat's start; none for a bare model.

    Raises:
        NoSuchAgent, AgentForbidden, InvalidAgent
    """
    if not agent_id or agent_id == EPHEMERAL:
        return ()
    return await runtime().catalogue.resolve(agent_id, user())


async def agents_named(model: str | None) -> tuple[Agent, ...]:
    """The answering agents of a `model` in OpenAI's APIs; none for a bare model.

    Raises:
        ModelNotFound: alike for absent agents and for agents the caller may not view.
        InvalidAgent
    """
    current = runtime()
    is_agent = model is not None and (is_stored(model) or model in current.catalogue.configured)
    if model is None or model in current.models or not is_agent:
        return ()
    try:
        return await current.catalogue.resolve(model, user())
    except (NoSuchAgent, AgentForbidden):
        raise ModelNotFound(model, current.models) from None
