"""Makes the `[agents.<name>]` tables into agents."""

from collections.abc import Mapping

from legato.agents.catalogue import ConfiguredAgent
from legato.agents.state import AgentState
from legato.config import AgentSettings


def configured_agents(
    tables: Mapping[str, AgentSettings], default_model: str
) -> Mapping[str, ConfiguredAgent]:
    """Make an agent of each table; `default_model` answers for a table without a model."""
    return {name: _configured(name, table, default_model) for name, table in tables.items()}


def _configured(name: str, table: AgentSettings, default_model: str) -> ConfiguredAgent:
    state = AgentState(
        name=table.name or name,
        description=table.description,
        instructions=table.instructions,
        additional_instructions=table.additional_instructions,
        model=table.model or default_model,
        model_parameters=table.parameters,
        tools=table.tools,
        recursion_limit=table.recursion_limit,
        edges=table.edges,
        end_after_tools=table.end_after_tools,
        hide_sequential_outputs=table.hide_sequential_outputs,
        approval=table.approval,
        category=table.category,
        conversation_starters=table.conversation_starters,
    )
    users = None if isinstance(table.visible, str) else table.visible
    return ConfiguredAgent(name=name, state=state, users=users)
