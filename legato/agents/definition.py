"""A run's snapshot of an agent: frozen, resolved once, at the start.

The run holds the snapshot to the end.  An edit meanwhile makes a new version, a delete removes the
record, and both change nothing here.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Struct, field

DEFAULT_RECURSION_LIMIT: Final = 25
"""Model calls of one run, as LibreChat has it: enough for research, an end for a loop."""

MOST_RECURSION: Final = 1000
"""The highest limit that a configuration may allow: a day of a model that answers in a minute."""

MCP_DELIMITER: Final = "_mcp_"
"""Between the name of a tool and the name of the MCP server that has it: `now_mcp_clock`."""

WHOLE_SERVER: Final = "sys__all__sys"
"""Stands for all tools of an MCP server: `sys__all__sys_mcp_files`."""

ACTION_DELIMITER: Final = "_action_"
"""Between the operation of an OpenAPI document and its coded domain: `<op>_action_<domain>`."""

HANDOFF_PREFIX: Final = "lc_transfer_to_"
"""Begins the name of a tool for a handoff, before the target's id: LibreChat's name."""

FUNCTIONS: Final = "functions"
AGENTS: Final = "agents"
TAKEN_LABELS: Final = (FUNCTIONS, AGENTS)
"""Labels of tools without an MCP server; no server may have these names."""

_ACTIONS: Final = "actions:"

EdgeType = Literal["handoff", "direct"]

Approval = Literal["never", "ask", "auto"]
"""Whether a tool's calls wait for somebody's leave; `auto`: those that may destroy something."""

AgentId = Annotated[str, Meta(min_length=1, max_length=128)]
ToolName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,64}\Z")]
"""A tool's name as a model reads it; providers refuse all others."""

MOST_TARGETS: Final = 32
"""Agents at one end of an edge: as many as a person can read in a graph."""

AgentIds = Annotated[tuple[AgentId, ...], Meta(min_length=1, max_length=MOST_TARGETS)]


class Edge(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A way from an agent to the next.

    Along `handoff` the source hands the run on by a tool; along `direct` the target starts when
    the source has ended.  `prompt` gives the tool one text argument, named `prompt_key`.
    """

    # On the wire a single id may stand for a list, and clients read back the form they wrote.
    origin: AgentId | AgentIds = field(name="from")
    target: AgentId | AgentIds = field(name="to")
    edge_type: EdgeType = "handoff"
    description: Annotated[str, Meta(max_length=4096)] = ""
    prompt: Annotated[str, Meta(max_length=8192)] = ""
    prompt_key: ToolName = "instructions"
    exclude_results: bool = False

    @property
    def sources(self) -> tuple[str, ...]:
        return as_tuple(self.origin)

    @property
    def targets(self) -> tuple[str, ...]:
        return as_tuple(self.target)


class Agent(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything a run needs of an agent; nothing here is secret.

    `id`: `agent_…` of a stored agent, or the name of a table in the configuration.  `version`
    counts the stored states, from 1.  `model` is an entry of the `[models]` table.  `parameters`
    are JSON, for the model.  `tools`: `now_mcp_clock`, `sys__all__sys_mcp_files`,
    `<operation>_action_<domain>`, or the configured name of a Python function.
    `recursion_limit`: model calls of one run at most.  `approval`: patterns of tools' names, such
    as `delete_*`; the longest that fits decides.
    """

    id: str
    version: int
    name: str
    model: str
    parameters: Mapping[str, Any] = {}
    instructions: str = ""
    additional_instructions: str = ""
    tools: tuple[str, ...] = ()
    recursion_limit: int = DEFAULT_RECURSION_LIMIT
    edges: tuple[Edge, ...] = ()
    end_after_tools: bool = False
    hide_sequential_outputs: bool = False
    approval: Mapping[str, Approval] = {}

    @property
    def prompt(self) -> str:
        """The system prompt: the instructions, then the additional instructions."""
        parts = (self.instructions, self.additional_instructions)
        return "\n\n".join(part for part in parts if part)


def labelled(name: str) -> tuple[str, str]:
    """Find the label of a tool's server, and the tool's name there; models read the whole `name`.

    `now_mcp_clock` → `clock`, `now`; `get_action_a_example` → `actions:a_example`, `get`; a handoff
    → `agents` and the whole name; everything else → `functions` and the whole name.
    """
    if name.startswith(HANDOFF_PREFIX):
        return AGENTS, name
    tool, delimiter, server = name.rpartition(MCP_DELIMITER)
    if delimiter:
        return server, tool
    tool, delimiter, domain = name.rpartition(ACTION_DELIMITER)
    return (_ACTIONS + domain, tool) if delimiter else (FUNCTIONS, name)


def unlabelled(label: str, name: str) -> str:
    """Make the whole name, which models read: the inverse of `labelled`."""
    if label in TAKEN_LABELS:
        return name
    if label.startswith(_ACTIONS):
        return name + ACTION_DELIMITER + label.removeprefix(_ACTIONS)
    return name + MCP_DELIMITER + label


def as_tuple(ids: str | Sequence[str]) -> tuple[str, ...]:
    """An end of an edge as a tuple of ids."""
    return (ids,) if isinstance(ids, str) else tuple(ids)


def reached(agent: Agent) -> tuple[str, ...]:
    """The ids in the edges of `agent`, each once, without the agent's own."""
    named = (name for edge in agent.edges for name in (*edge.sources, *edge.targets))
    return tuple(dict.fromkeys(name for name in named if name != agent.id))
