"""Tells of a turn that agent answers.  Pure."""

from collections.abc import Mapping

from legato.actors.conversation.turn import Turn
from legato.agents.definition import Agent
from legato.content import Answering
from legato.models.contract import Json


def _agent_of(turn: Turn) -> Agent | None:
    """Return the answering agent; None for a bare model."""
    return turn.agents[0] if turn.agents else None


def answering(turn: Turn) -> Answering | None:
    """Name the agent, for the job's first event."""
    agent = _agent_of(turn)
    return None if agent is None else Answering(agent.id, agent.version)


def sender(turn: Turn) -> str:
    """Return the name under which readers see the answer."""
    agent = _agent_of(turn)
    return turn.model if agent is None else agent.name


def prompt_of_agent(turn: Turn) -> str:
    """The agent's own instructions, which its run puts above all messages; "" for a bare model."""
    agent = _agent_of(turn)
    return agent.prompt if agent else ""


def parameters(turn: Turn) -> Mapping[str, Json]:
    """The parameters of the first model call: the caller's and the agent's; the agent's count
    more."""
    agent = _agent_of(turn)
    return turn.parameters if agent is None else {**turn.parameters, **agent.parameters}
