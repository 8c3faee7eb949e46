"""The `[agents.<name>]` tables: agents without a page and without a database."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final

from msgspec import Meta, Struct

from legato.agents.definition import AgentId, Approval, Edge
from legato.agents.edges import direct_cycle
from legato.agents.state import GENERAL
from legato.config.values import (
    ConfigError,
    Flag,
    Table,
    Text,
    check_fields,
    check_names,
    check_value,
)

EVERYBODY: Final = "everybody"

TAKEN: Final = ("actions", "categories", "chat", "tools", "v1")
"""Paths below `/api/agents` that are no agent's."""


def _require_everybody(found: str | tuple[str, ...]) -> None:
    if isinstance(found, str) and found != EVERYBODY:
        raise ValueError(found)


AgentName = Annotated[
    str,  # a handoff's tool is `lc_transfer_to_` and the name, of 64 characters at most
    Meta(
        pattern=r"^(?!agent_)[A-Za-z0-9_-]{1,49}\Z",
        description="1 to 49 letters, digits, hyphens and underscores, not beginning with agent_",
    ),
]
Words = Annotated[str, Meta(max_length=256 * 1024, description="text of at most 262144 characters")]
ToolNames = Annotated[
    tuple[Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,64}\Z")], ...],
    Meta(
        max_length=128,
        description="a list of at most 128 tools, each of 1 to 64 letters, digits, hyphens and "
        "underscores, such as now_mcp_clock",
    ),
]
Edges = Annotated[
    tuple[Edge, ...],
    Meta(
        max_length=32,
        description='a list of at most 32 tables such as {to = "writer", edgeType = "handoff"}, '
        "with from, to, edgeType (handoff, direct), description, prompt, promptKey and "
        "excludeResults",
    ),
]
Starters = Annotated[
    tuple[Annotated[str, Meta(max_length=1024)], ...],
    Meta(max_length=16, description="a list of at most 16 texts"),
]
Visible = Annotated[
    str | tuple[AgentId, ...],
    Meta(
        description='"everybody", or a list of users',
        extra={"check": _require_everybody},
    ),
]
ApprovalPatterns = Annotated[
    dict[Annotated[str, Meta(min_length=1, max_length=128)], Approval],
    Meta(
        max_length=128,
        description='a table of at most 128 patterns of tools\' names, such as "delete_*" = "ask"; '
        "allowed are never, ask and auto",
    ),
]
Recursion = Annotated[int, Meta(ge=1, le=1000, description="a whole number, 1 to 1000")]


class AgentSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An `[agents.<name>]` table.  `model` is a `[models.<name>]` table, by default the default's.

    `name` is what people read, by default the table's.  An edge without `from` begins at
    this agent, and `to` names tables.
    """

    model: Text | None = None
    name: Words = ""
    description: Words = ""
    instructions: Words = ""
    additional_instructions: Words = ""
    parameters: Table = {}
    tools: ToolNames = ()
    recursion_limit: Recursion | None = None
    edges: Edges = ()
    end_after_tools: Flag = False
    hide_sequential_outputs: Flag = False
    approval: ApprovalPatterns = {}
    category: Text = GENERAL
    conversation_starters: Starters = ()
    visible: Visible = EVERYBODY


def agent_values(name: str, found: object, place: str) -> dict[str, object]:
    """Check a table.

    Raises:
        ConfigError: naming `place` and the key, what was found and what is allowed.
    """
    check_value(name, AgentName, f"{place}: the table's name")
    if name in TAKEN:
        raise ConfigError(f"{place}: the name is taken; taken are {', '.join(TAKEN)}")
    table = dict(check_value(found, Table, place))
    check_names(table, AgentSettings.__struct_fields__, f"{place}.")
    if isinstance(edges := table.get("edges"), list):
        table["edges"] = [_from_itself(each, name, f"{place}.edges.") for each in edges]
    return check_fields(table, AgentSettings, f"{place}.")


def _from_itself(edge: object, name: str, place: str) -> object:
    if not isinstance(edge, dict):
        return edge
    check_names(edge, Edge.__struct_encode_fields__, place)
    return {"from": name, **edge}


def check_agents(
    agents: Mapping[str, Mapping[str, Any]],
    models: Iterable[str],
    most_recursion: int,
    place: str,
) -> None:
    """Check the tables against each other, and against the models.

    Raises:
        ConfigError: for an absent model or agent, for a model's name, for direct
            edges in a circle, or a limit above `most_recursion`.
    """
    known = sorted(models)
    for name, table in agents.items():
        if name in known:
            raise ConfigError(f"{place}.{name}: a model has that name; allowed: another name")
        if (model := table.get("model")) is not None and model not in known:
            allowed = ", ".join(known)
            raise ConfigError(f"{place}.{name}.model: found {model!r}; allowed: {allowed}")
        if (table.get("recursion_limit") or 1) > most_recursion:
            found = f"found {table['recursion_limit']}"
            most = f"1 to limits.max_recursion, which is {most_recursion}"
            raise ConfigError(f"{place}.{name}.recursion_limit: {found}; allowed: {most}")
        _check_ends(table.get("edges", ()), agents, f"{place}.{name}.edges")
    if cycle := direct_cycle(edge for table in agents.values() for edge in table.get("edges", ())):
        path = " → ".join(cycle)
        raise ConfigError(f"{place}.{cycle[0]}.edges: direct edges make a cycle: {path}")


def _check_ends(edges: Iterable[Edge], agents: Iterable[str], place: str) -> None:
    for edge in edges:
        for each in (*edge.sources, *edge.targets):
            if each not in agents:
                allowed = ", ".join(sorted(agents))
                raise ConfigError(f"{place}: found {each!r}; allowed: {allowed}")
