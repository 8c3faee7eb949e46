"""Handoffs: the tools by which an agent gives the run to the next.  Pure."""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence

from legato.agents.definition import HANDOFF_PREFIX, Agent, Edge
from legato.agents.tools.contract import ToolDefinition
from legato.content import ToolCall
from legato.models.contract import Json


def edges_of(agents: Iterable[Agent]) -> Sequence[Edge]:
    """All edges of a run, each once.  An agent may have edges which begin at other agents."""
    edges: list[Edge] = []
    for agent in agents:
        edges += [edge for edge in agent.edges if edge not in edges]
    return edges


def handoffs(agent_id: str, edges: Iterable[Edge]) -> Iterator[tuple[str, Edge]]:
    """Each possible target of a handoff by the agent, with the edge to the target."""
    for edge in edges:
        if edge.edge_type == "handoff" and agent_id in edge.sources:
            for target in edge.targets:
                if target != agent_id:
                    yield target, edge


def definitions(agent_id: str, agents: Mapping[str, Agent]) -> Sequence[ToolDefinition]:
    """The handoff tools of an agent, each target once."""
    found = handoffs(agent_id, edges_of(agents.values()))
    return list({target: _definition(target, edge, agents) for target, edge in found}.values())


def _definition(target: str, edge: Edge, agents: Mapping[str, Agent]) -> ToolDefinition:
    name = agents[target].name if target in agents else target
    schema: dict[str, Json] = {"type": "object", "properties": {}}
    if edge.prompt:
        text: Json = {"type": "string", "description": edge.prompt}
        schema |= {"properties": {edge.prompt_key: text}, "required": [edge.prompt_key]}
    return ToolDefinition(
        name=HANDOFF_PREFIX + target,
        description=edge.description or f"Hand the conversation over to {name}.",
        schema=schema,
        read_only=True,
        destructive=False,
    )


def first_handoff(
    calls: Iterable[ToolCall], agent_id: str, edges: Sequence[Edge], agents: Container[str]
) -> tuple[ToolCall, Edge] | None:
    """The tool call by which the agent hands over, and the edge: the first of several counts.

    A call to a gone agent, or along no edge, hands nothing over.
    """
    for call in calls:
        edge = edge_to(target_of(call), agent_id, edges)
        if edge is not None and target_of(call) in agents:
            return call, edge
    return None


def target_of(call: ToolCall) -> str:
    """The id of the agent to whom the call hands the run; "" where the call is no handoff."""
    return call.name.removeprefix(HANDOFF_PREFIX) if call.name.startswith(HANDOFF_PREFIX) else ""


def edge_to(target: str, agent_id: str, edges: Iterable[Edge]) -> Edge | None:
    """The edge along which the agent may hand over to `target`."""
    return next((edge for found, edge in handoffs(agent_id, edges) if found == target), None)
