"""Decides which tool calls need somebody's leave, and whether a run can wait for it.  Pure."""

from collections.abc import Container, Iterable
from fnmatch import fnmatchcase

from legato.agents.definition import Agent, Approval
from legato.agents.leave import allowed_tools
from legato.agents.tools.contract import ToolDefinition
from legato.events import Snapshot


def can_wait(snapshot: Snapshot) -> bool:
    """Whether a run can wait for somebody's answer.

    OpenAI's APIs have no word for an answer to a running generation.  Such a run ends with its
    questions, and a later request goes on with the answers.
    """
    return snapshot.created is None or snapshot.created.api_request is None


def guarded(
    agent: Agent, tools: Iterable[ToolDefinition], allowed: frozenset[str], snapshot: Snapshot
) -> frozenset[str]:
    """The names of the tools whose calls need a leave for which the run cannot wait."""
    if can_wait(snapshot):
        return frozenset()
    allowed |= allowed_tools(snapshot)
    return frozenset(tool.name for tool in tools if needs_leave(agent, tool, allowed))


def needs_leave(agent: Agent, tool: ToolDefinition, allowed: Container[str]) -> bool:
    """Whether a call of the tool waits for an approval.

    The longest pattern of the agent's `approval` that fits the tool's name decides; without one no
    call waits.  `allowed`: the tools that somebody allowed for the whole conversation.
    """
    if tool.name in allowed:
        return False
    match approval_of(agent, tool.name):
        case "ask":
            return True
        case "auto":
            return tool.destructive and not tool.read_only
        case _:
            return False


def approval_of(agent: Agent, name: str) -> Approval:
    """The setting for a tool's name."""
    fitting = [pattern for pattern in agent.approval if fnmatchcase(name, pattern)]
    return agent.approval[max(fitting, key=len)] if fitting else "never"
