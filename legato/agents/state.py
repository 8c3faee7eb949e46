"""An agent as written by people, and as stored for each version.  Pure."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, json, to_builtins

from legato.agents.definition import DEFAULT_RECURSION_LIMIT, Agent, Approval, Edge

GENERAL = "general"
"""The category of an agent for which nobody chose another."""


class SupportContact(Struct, frozen=True, omit_defaults=True):
    """The address for questions of the agent's users."""

    name: str = ""
    email: str = ""


class AgentState(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Every field of a version; the names are LibreChat's.

    `provider` is a client's own word, kept for the client.  `actions` are `<domain>_action_<id>`.
    `recursion_limit` None stands for the default.
    """

    name: str = ""
    description: str = ""
    instructions: str = ""
    additional_instructions: str = ""
    provider: str = ""
    model: str
    model_parameters: Mapping[str, Any] = {}
    tools: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    recursion_limit: int | None = None
    edges: tuple[Edge, ...] = ()
    end_after_tools: bool = False
    hide_sequential_outputs: bool = False
    approval: Mapping[str, Approval] = {}
    category: str = GENERAL
    conversation_starters: tuple[str, ...] = ()
    support_contact: SupportContact | None = None


def agent_of(state: AgentState, agent_id: str, version: int) -> Agent:
    """Make a run's snapshot."""
    return Agent(
        id=agent_id,
        version=version,
        name=state.name or agent_id,
        model=state.model,
        parameters=state.model_parameters,
        instructions=state.instructions,
        additional_instructions=state.additional_instructions,
        tools=state.tools,
        recursion_limit=state.recursion_limit or DEFAULT_RECURSION_LIMIT,
        edges=state.edges,
        end_after_tools=state.end_after_tools,
        hide_sequential_outputs=state.hide_sequential_outputs,
        approval=state.approval,
    )


def is_same(one: AgentState, other: AgentState) -> bool:
    """Compare two states as LibreChat does: the order in a list is no difference."""
    return bool(_sorted(to_builtins(one)) == _sorted(to_builtins(other)))


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return sorted(map(_sorted, value), key=_text)
    return value


def _text(value: Any) -> bytes:
    return json.encode(value, order="deterministic")
