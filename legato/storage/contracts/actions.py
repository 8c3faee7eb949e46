"""The contract for actions: OpenAPI documents that users keep for their agents."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Protocol

from msgspec import Struct

from legato.storage.contracts.agents import Principal, StoredAgent

MOST_ACTIONS: Final = 10
"""Of one agent: a run reads all of them, and models choose badly among hundreds of operations."""

MOST_LISTED: Final = 1000
"""Actions in one list."""


class SealedSecret(Struct, frozen=True):
    """An encrypted secret.  `key_id` tells which key the secret is sealed with."""

    key_id: str
    data: bytes


class Action(Struct, frozen=True, kw_only=True):
    """An action of an agent, as it is saved.

    `code` is the domain as a part of tools' names.  `document` is the text as the client sent the
    text, and `compiled` the JSON that a run reads in place of the document.  `metadata` is JSON,
    without secrets.  `tools` are the names of the operations.
    """

    id: str
    agent_id: str
    code: str
    document: str
    compiled: str
    metadata: Mapping[str, Any]
    tools: tuple[str, ...]
    secret: SealedSecret | None = None

    @property
    def entry(self) -> str:
        """The action's name in the `actions` of the agent."""
        return f"{self.code}_action_{self.id}"


class StoredAction(Struct, frozen=True, kw_only=True):
    """A saved action.  `is_whole`: a list had room for the document.  Times are aware."""

    action: Action
    created_at: datetime
    updated_at: datetime
    updated_by: str
    is_whole: bool = True


class ToolTaken(Exception):
    """Another action of the agent has a tool of that name.  The message is for people."""


class Actions(Protocol):
    """The actions of all agents; an action goes with its agent.

    Errors and cancelling are as with Records.
    """

    async def put(
        self, action: Action, by: str, *, tools: Sequence[str] | None = None
    ) -> tuple[StoredAgent, StoredAction] | None:
        """Keep an action in place of the agent's action with the same id, if any.

        The agent gets a version, always: `actions` with the action's entry, and the agent's tools
        with `tools` (all of the action's, where None) in place of the former tools of the action.
        None where the agent is absent.

        Raises, and changes nothing:
            ToolTaken: if another action of the agent has one of the tools.
            TooMany: if the agent has MOST_ACTIONS, or MOST_VERSIONS.
            OverQuota, UnstorableText
        """
        ...

    async def remove(self, agent_id: str, action_id: str, by: str) -> bool:
        """Remove an action, and in a new version of the agent the entry and the tools.

        False where there is no such action.

        Raises, and changes nothing:
            TooMany: if there are MOST_VERSIONS.
            OverQuota
        """
        ...

    async def of_agent(self, agent_id: str) -> Sequence[Action]:
        """All actions of an agent, without documents, in the order of their ids."""
        ...

    async def find(self, agent_id: str, action_id: str) -> Action | None:
        """One action of an agent, whole."""
        ...

    async def page(
        self,
        principals: Sequence[Principal],
        bits: int,
        *,
        agent_id: str | None = None,
        most: int,
    ) -> Sequence[StoredAction]:
        """The actions of agents that grant principals all of `bits`, last changed first.

        MOST_LISTED at most, without `compiled`; the documents of the first, up to `most`
        characters.  With `agent_id` the actions of that agent only.
        """
        ...

    async def sealed_otherwise(
        self, key_id: str, *, after: str, limit: int
    ) -> Sequence[tuple[str, SealedSecret]]:
        """Secrets sealed with other keys, with the actions' ids, which are above `after`."""
        ...

    async def reseal(self, action_id: str, former: SealedSecret, new: SealedSecret) -> bool:
        """Replace a secret; False, and nothing changes, where `former` is no longer there."""
        ...
