"""Checks of agents and actions, what an action changes in an agent, and the text searched by lists.

For every storage.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from msgspec import structs

from legato.agents.state import AgentState
from legato.storage.contracts.actions import MOST_ACTIONS, Action, ToolTaken
from legato.storage.contracts.agents import (
    MOST_GRANTS,
    MOST_VERSIONS,
    NoOwner,
    NoSuchVersion,
    TooMany,
)


def check_grants(grants: int, owners: int) -> None:
    """Raises NoOwner without `owners`, TooMany for too many `grants`."""
    if not owners:
        raise NoOwner("An agent needs a user who owns it; the last owner cannot be removed.")
    if grants > MOST_GRANTS:
        raise TooMany(f"found {grants} grants; {MOST_GRANTS} are allowed for one agent")


def check_room(versions: int) -> None:
    """Raises TooMany where no version may follow."""
    if versions >= MOST_VERSIONS:
        raise TooMany(
            f"The agent has {versions} versions, and no more are kept; duplicate the agent, and go "
            "on with the duplicate."
        )


def no_such_version(version: int, versions: int) -> NoSuchVersion:
    return NoSuchVersion(f"there is no version {version}; the agent has {versions}, from 1")


def searched(state: AgentState) -> str:
    """The text in which a list looks for words: name and description, without case."""
    return f"{state.name}\n{state.description}".casefold()


MOST_TOOLS: Final = 128
"""Names in the `tools` of an agent: providers take no more."""


def check_action(action: Action, others: Mapping[str, Collection[str]]) -> None:
    """Check an action beside `others` of the agent: their tools, by id.

    Raises:
        ToolTaken, TooMany
    """
    if len(others) >= MOST_ACTIONS:
        raise TooMany(f"The agent has {len(others)} actions; {MOST_ACTIONS} are allowed.")
    for tools in others.values():
        if taken := [name for name in action.tools if name in tools]:
            raise ToolTaken(f"another action of the agent has the tool {taken[0]}")


def with_action(
    state: AgentState, action: Action, former: Collection[str], tools: Sequence[str] | None
) -> AgentState:
    """The state with an action in place of the same action with the `former` tools.

    Raises:
        TooMany: for more than MOST_TOOLS.
    """
    rest = without_action(state, action.id, {*former, *action.tools})
    chosen = (*rest.tools, *(action.tools if tools is None else tools))
    if len(chosen) > MOST_TOOLS:
        raise TooMany(f"The agent would have {len(chosen)} tools; {MOST_TOOLS} are allowed.")
    return structs.replace(rest, tools=chosen, actions=(*rest.actions, action.entry))


def without_action(state: AgentState, action_id: str, tools: Collection[str]) -> AgentState:
    return structs.replace(
        state,
        tools=tuple(each for each in state.tools if each not in tools),
        actions=tuple(each for each in state.actions if not each.endswith(f"_action_{action_id}")),
    )
