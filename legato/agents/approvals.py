"""Decides which tool calls need somebody's leave.  Pure."""

from collections.abc import Container
from fnmatch import fnmatchcase

from legato.agents.definition import Agent, Approval
from legato.agents.tools.contract import ToolDefinition


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
