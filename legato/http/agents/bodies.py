"""Bodies and queries of the agents' routes, in LibreChat's form; unknown fields are ignored."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field, json

from legato.agents.catalogue import check_model
from legato.agents.definition import Agent, Approval, Edge, ToolName
from legato.agents.errors import InvalidAgent
from legato.agents.state import AgentState, SupportContact
from legato.http.input.nesting import MAX_PARAMETERS
from legato.models.contract import Model

LARGEST_STATE: Final = 512 * 1024
"""Bytes of JSON: a book of instructions.  Every run's log has a copy, and so has each version."""

OneLine = Annotated[str, Meta(max_length=256, pattern=r"^[^\x00-\x1f\x7f]*\Z")]
Note = Annotated[str, Meta(max_length=4096, pattern=r"^[^\x00]*\Z")]
Words = Annotated[str, Meta(max_length=256 * 1024)]
ToolNames = Annotated[tuple[ToolName, ...], Meta(max_length=128)]
Edges = Annotated[tuple[Edge, ...], Meta(max_length=32)]
Starters = Annotated[tuple[Annotated[str, Meta(max_length=1024)], ...], Meta(max_length=16)]
ModelParameters = Annotated[dict[str, Any], Meta(max_length=MAX_PARAMETERS)]


class ContactBody(Struct):
    name: OneLine = ""
    email: Annotated[str, Meta(max_length=320, pattern=r"^[^\x00-\x1f\x7f]*\Z")] = ""


ApprovalPatterns = Annotated[
    dict[Annotated[str, Meta(min_length=1, max_length=128)], Approval], Meta(max_length=128)
]


class AgentBody(Struct, kw_only=True):
    """Fields of an agent; null is the field's default.

    - `model` is one of `/api/models`; by default the server's default.
    - `tools` are names: `now_mcp_clock`; `sys__all__sys_mcp_files` for all tools of a server.
    - `approval` says which tools wait for leave: `{"delete_*": "ask"}`; `auto` asks for tools
      that may destroy something.  The longest pattern that fits a tool's name decides.
    - `edges` lead to other agents: `{from, to, edgeType: handoff|direct, …}`.
    """

    name: OneLine | UnsetType | None = UNSET
    description: Note | UnsetType | None = UNSET
    instructions: Words | UnsetType | None = UNSET
    additional_instructions: Words | UnsetType | None = UNSET
    provider: OneLine | UnsetType | None = UNSET
    model: OneLine | UnsetType | None = UNSET
    model_parameters: ModelParameters | UnsetType | None = UNSET
    tools: ToolNames | UnsetType | None = UNSET
    recursion_limit: Annotated[int, Meta(ge=1, le=2**31 - 1)] | UnsetType | None = UNSET
    edges: Edges | UnsetType | None = UNSET
    end_after_tools: bool | UnsetType | None = UNSET
    hide_sequential_outputs: bool | UnsetType | None = UNSET
    approval: ApprovalPatterns | UnsetType | None = UNSET
    category: Annotated[OneLine, Meta(min_length=1)] | UnsetType | None = UNSET
    conversation_starters: Starters | UnsetType | None = UNSET
    support_contact: ContactBody | UnsetType | None = UNSET


class AgentChange(AgentBody, kw_only=True):
    """As AgentBody: absent fields stay unchanged.  `avatar` null removes the picture."""

    avatar: Any = UNSET


class RevertBody(Struct):
    """`version_index` counts `versions` of the expanded agent, from 0."""

    version_index: Annotated[int, Meta(ge=0, le=2**31 - 2)]


class AgentsQuery(Struct, kw_only=True):
    limit: (
        Annotated[
            int, Meta(ge=1, le=100, description="How many at most; all (up to 1000) without.")
        ]
        | None
    ) = None
    cursor: Annotated[str | None, Meta(description="The former page's `after`.")] = None
    category: Annotated[OneLine, Meta(description="Of that category only.")] | None = None
    search: (
        Annotated[
            str,
            Meta(
                max_length=100,
                pattern=r"^[^\x00]*\Z",
                description="Words of a name or a description.",
            ),
        ]
        | None
    ) = None
    promoted: (
        Annotated[
            Literal["0", "1"], Meta(description="`1`: only the configuration's; `0`: only others.")
        ]
        | None
    ) = None
    required_permission: Annotated[
        int,
        Meta(ge=0, le=15, description="Bits that one may use: view 1, edit 2, delete 4, share 8."),
    ] = field(default=1, name="requiredPermission")


def changes_of(body: AgentBody) -> dict[str, Any]:
    """The fields of an AgentState set by a body."""
    changes: dict[str, Any] = {}
    for name in AgentBody.__struct_fields__:
        value = getattr(body, name)
        if value is not UNSET:
            changes[name] = DEFAULTS[name] if value is None else value
    if isinstance(contact := changes.get("support_contact"), ContactBody):
        changes["support_contact"] = SupportContact(contact.name, contact.email)
    if "model" in changes and not changes["model"]:
        del changes["model"]
    return changes


DEFAULTS: Final[Mapping[str, Any]] = {
    name: getattr(AgentState(model=""), name) for name in AgentBody.__struct_fields__
}


def check_state(state: AgentState, models: Mapping[str, Model], most_recursion: int) -> None:
    """Raises InvalidAgent for wrong values of the right type, but not for the ends of edges."""
    check_sizes(state, models, most_recursion)
    check_model(state, models[state.model])


def check_sizes(state: AgentState, models: Iterable[str], most_recursion: int) -> None:
    """The part of `check_state` for which no model has to be open.  Raises InvalidAgent."""
    known = sorted(models)
    if state.model not in known:
        allowed = ", ".join(known)
        raise InvalidAgent("model", f"found {state.model!r:.80}; allowed are {allowed}")
    if (limit := state.recursion_limit) is not None and limit > most_recursion:
        raise InvalidAgent("recursion_limit", f"found {limit}; 1 to {most_recursion} are allowed")
    size = len(json.encode(state))
    if size > LARGEST_STATE:
        raise InvalidAgent("body", f"found {size} bytes; {LARGEST_STATE} are allowed")


def with_new_edges(agent: Agent, former: AgentState | None) -> Agent:
    """The agent with new edges only: former edges were checked at their own saving."""
    old = former.edges if former is not None else ()
    edges = tuple(edge for edge in agent.edges if edge not in old)
    return Agent(id=agent.id, version=agent.version, name="", model=agent.model, edges=edges)
