"""Makes the parts before an agent's words: the agent's name, and the tools.  Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from msgspec import UNSET, json

from legato.agents.definition import WHOLE_SERVER, labelled
from legato.agents.tools.contract import ToolDefinition
from legato.agents.visits import Visit
from legato.content import AgentUpdate, AgentUpdatePart, ToolListPart, WholePart
from legato.events import Snapshot

MOST_BYTES: Final = 64 * 1024
"""Of JSON, for the descriptions and schemas of one server: each response repeats the list."""

_ANY: Final[Mapping[str, Any]] = {"type": "object"}


def introduction(
    visit: Visit,
    snapshot: Snapshot,
    tools: Sequence[ToolDefinition],
    missing: Mapping[str, str],
) -> Sequence[WholePart]:
    """The parts before the next model call of a visit, without parts already in the log.

    `tools` and `missing`: of the agent, as offered now.
    """
    created = snapshot.created
    assert created is not None, "a run begins after the question is stored"
    parts: list[WholePart] = []
    has_begun = bool(snapshot.steps or snapshot.calls)
    if has_begun and not visit.calls:
        parts.append(AgentUpdatePart(AgentUpdate(-1, created.response_id, visit.agent_id)))
    if created.api_request is not None and created.api_request.api == "responses":
        listed = {
            (part.agent_id, part.server)
            for part in snapshot.content
            if isinstance(part, ToolListPart)
        }
        lists = tool_lists(visit.agent_id, tools, missing)
        parts += [each for each in lists if (each.agent_id, each.server) not in listed]
    return parts


def tool_lists(
    agent_id: str, tools: Sequence[ToolDefinition], missing: Mapping[str, str]
) -> Iterator[ToolListPart]:
    """One list for each server, in the order of the first tools."""
    servers: dict[str, list[ToolDefinition]] = {}
    errors: dict[str, list[str]] = {}
    for tool in tools:
        servers.setdefault(labelled(tool.name)[0], []).append(tool)
    for name, reason in missing.items():
        server, short = labelled(name)
        servers.setdefault(server, [])
        named = reason if short == WHOLE_SERVER else f"{short}: {reason}"
        errors.setdefault(server, []).append(named)
    for server, offered in servers.items():
        error = "; ".join(errors[server]) if server in errors else UNSET
        listed = json.encode(_listed(offered)).decode()
        yield ToolListPart(server, listed, error, agent_id=agent_id)


def _listed(tools: Iterable[ToolDefinition]) -> list[Mapping[str, Any]]:
    """The tools of a server; beyond MOST_BYTES the names alone."""
    listed: list[Mapping[str, Any]] = []
    size = 0
    for tool in tools:
        name = labelled(tool.name)[1]
        schema = dict(tool.schema) or dict(_ANY)
        whole = {"name": name, "description": tool.description, "input_schema": schema}
        size += len(json.encode(whole))
        listed.append(
            whole
            if size <= MOST_BYTES
            else {"name": name, "description": "", "input_schema": dict(_ANY)}
        )
    return listed
