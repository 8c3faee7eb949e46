"""The contract for agents: every version of each, and the grants to use an agent."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple, Protocol

from msgspec import Struct

from legato.agents.state import AgentState, SupportContact

VIEW: Final = 1
EDIT: Final = 2
DELETE: Final = 4
SHARE: Final = 8
OWNER: Final = VIEW | EDIT | DELETE | SHARE

MOST_VERSIONS: Final = 1000
"""Of one agent: one a day for three years."""

MOST_GRANTS: Final = 1000
"""Of one agent; an agent for more people than that is shared with everybody."""

PrincipalKind = Literal["user", "group", "role", "public"]


class Principal(NamedTuple):
    """The receiver of a grant; the `name` of `public` is empty."""

    kind: PrincipalKind
    name: str = ""


PUBLIC: Final = Principal("public")


class Grant(Struct, frozen=True):
    """`principal` may do with an agent what `bits` say: a sum of VIEW, EDIT, DELETE and SHARE."""

    principal: Principal
    bits: int


class StoredAgent(Struct, frozen=True, kw_only=True):
    """An agent's record.  `version` is the current version, from 1; `versions` counts all.

    After a revert `version` is lower than `versions`.  `avatar` is the SHA-256 of the picture, in
    hex.  `is_public`: whether everybody may view the agent.  Times are aware.
    """

    id: str
    author: str
    state: AgentState
    version: int
    versions: int
    created_at: datetime
    updated_at: datetime
    updated_by: str
    avatar: str | None = None
    is_public: bool = False


class Found(Struct, frozen=True):
    """An agent, and the bits of each grant to the asking principals; no grant is no access."""

    agent: StoredAgent
    bits: tuple[int, ...]

    def allows(self, bits: int) -> bool:
        """Whether a single grant has all bits."""
        return any(each & bits == bits for each in self.bits)


class ListedAgent(Struct, frozen=True, kw_only=True):
    """An agent as a list shows it; see StoredAgent."""

    id: str
    author: str
    name: str
    description: str
    category: str
    support_contact: SupportContact | None
    updated_at: datetime
    avatar: str | None = None
    is_public: bool = False


class AgentQuery(Struct, frozen=True, kw_only=True):
    """A list's choice among the agents that grant principals all of `bits`.

    `search` is looked for in names and descriptions, whatever the case of letters.
    """

    bits: int = VIEW
    category: str | None = None
    search: str | None = None


class AgentPage(Struct, frozen=True):
    agents: Sequence[ListedAgent]
    next_cursor: str | None = None


class AgentVersion(Struct, frozen=True):
    """A version, from 1.  `state` is None where there was no room."""

    version: int
    state: AgentState | None
    updated_at: datetime
    updated_by: str


class Avatar(Struct, frozen=True):
    """A picture and the media type (`image/png`, …)."""

    media_type: str
    data: bytes
    digest: str


class NoSuchVersion(Exception):
    """The agent lacks the version.  The message is for people."""


class TooMany(Exception):
    """The agent has no room for a further version or grant.  The message is for people."""


class NoOwner(Exception):
    """The agent would have no owner."""


class Agents(Protocol):
    """All users' agents.  Errors and cancelling are as with Records.

    For an absent agent the methods return None, False, or nothing.
    """

    async def add(self, agent_id: str, author: str, state: AgentState) -> StoredAgent:
        """Keep a new agent under an unused id, in a first version, with the author as owner.

        Raises:
            OverQuota: if the author has no room; then nothing is kept.
        """
        ...

    async def find(self, agent_ids: Sequence[str], principals: Sequence[Principal]) -> list[Found]:
        """The agents found, in no order, whether or not the principals may view an agent."""
        ...

    async def page(
        self,
        principals: Sequence[Principal] | None,
        query: AgentQuery,
        *,
        limit: int,
        cursor: str | None = None,
    ) -> AgentPage:
        """The agents that the principals may use, last changed first; `limit` is 1 or more.

        None for `principals` means all agents, for operators only.

        Raises:
            InvalidCursor: if `cursor` is no former page's.
        """
        ...

    async def categories(self, principals: Sequence[Principal]) -> Mapping[str, int]:
        """How many agents of each category the principals may view."""
        ...

    async def change(
        self, agent_id: str, changes: Mapping[str, Any], by: str
    ) -> StoredAgent | None:
        """Give fields of the current state other values: a version follows, if anything differs.

        Raises, and changes nothing:
            OverQuota, UnstorableText
            TooMany: if there are MOST_VERSIONS.
        """
        ...

    async def revert(self, agent_id: str, version: int, by: str) -> StoredAgent | None:
        """Make a former version current again; no version is added.

        Raises:
            NoSuchVersion
        """
        ...

    async def history(self, agent_id: str, *, most: int) -> Sequence[AgentVersion]:
        """All versions, the oldest first; the states of the newest, up to `most` characters."""
        ...

    async def delete(self, agent_id: str) -> bool:
        """Remove an agent with its versions, grants and picture; False where there was none.

        Many versions go in steps, as the messages of a conversation do.
        """
        ...

    async def grants(self, agent_id: str) -> Sequence[Grant]:
        """By kind and name."""
        ...

    async def share(
        self, agent_id: str, put: Sequence[Grant], removed: Sequence[Principal] = ()
    ) -> bool:
        """Remove the grants of `removed`, then put grants; a principal has a single grant.

        Raises, and changes nothing:
            NoOwner: if no user would have OWNER.
            TooMany: if there were more than MOST_GRANTS.
        """
        ...

    async def set_avatar(self, agent_id: str, avatar: Avatar | None) -> StoredAgent | None:
        """Replace the picture, or remove the picture.

        Raises:
            OverQuota
        """
        ...

    async def avatar(self, agent_id: str) -> Avatar | None: ...
