"""Makes an agent's prompt and parameters for the model of a turn.  Pure."""

from collections.abc import Mapping, Sequence

from legato.actors.conversation.turn import Turn
from legato.agents.definition import Agent
from legato.content import Answering
from legato.models.contract import ChatMessage, Json


def agent_of(turn: Turn) -> Agent | None:
    """Return the answering agent; None for a bare model."""
    return turn.agents[0] if turn.agents else None


def answering(turn: Turn) -> Answering | None:
    """Name the agent, for the job's first event."""
    agent = agent_of(turn)
    return None if agent is None else Answering(agent.id, agent.version)


def sender(turn: Turn) -> str:
    """Return the name under which readers see the answer."""
    agent = agent_of(turn)
    return turn.model if agent is None else agent.name


def instructions(turn: Turn) -> str:
    """Join the agent's instructions and the caller's."""
    agent = agent_of(turn)
    parts = (agent.prompt if agent else "", turn.instructions or "")
    return "\n\n".join(part for part in parts if part)


def parameters(turn: Turn) -> Mapping[str, Json]:
    """Join the caller's parameters and the agent's; the agent's count more."""
    agent = agent_of(turn)
    return turn.parameters if agent is None else {**turn.parameters, **agent.parameters}


def instructed(messages: Sequence[ChatMessage], turn: Turn) -> tuple[ChatMessage, ...]:
    """Put the agent's instructions before the caller's own messages.

    A caller's first system message is joined: many models read a single system message.
    """
    agent = agent_of(turn)
    if agent is None or not agent.prompt:
        return tuple(messages)
    match messages:
        case [ChatMessage(role="system") as first, *rest]:
            return (ChatMessage("system", f"{agent.prompt}\n\n{first.text}"), *rest)
    return (ChatMessage("system", agent.prompt), *messages)
