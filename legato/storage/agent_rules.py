"""Checks of agents, and the text that a list searches, for every storage."""

from legato.agents.state import AgentState
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
