"""The routes' replies about agents; the names are LibreChat's."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from msgspec import UNSET, Struct, UnsetType, field, structs

from legato.agents.catalogue import ConfiguredAgent
from legato.agents.definition import Approval, Edge
from legato.agents.state import AgentState, SupportContact
from legato.storage.contracts.agents import AgentVersion, ListedAgent, StoredAgent

NAMES: Final = {
    "mongo_id": "_id",
    "project_ids": "projectIds",
    "created_at": "createdAt",
    "updated_at": "updatedAt",
    "updated_by": "updatedBy",
    "is_public": "isPublic",
    "is_collaborative": "isCollaborative",
    "current_version": "currentVersion",
}
"""Fields with names in camel case; LibreChat mixes camel case and underscores."""

AVATARS: Final = "/api/agents/{id}/avatar?v={digest}"


class AvatarReply(Struct):
    """`filepath` is a URL of this server, for viewers of the agent."""

    filepath: str
    source: str = "local"


class AgentListed(Struct, kw_only=True, rename=NAMES):
    id: str
    mongo_id: str
    name: str
    description: str
    category: str
    avatar: AvatarReply | None
    support_contact: SupportContact | None
    author: str | UnsetType = UNSET
    project_ids: Sequence[str] = ()
    updated_at: datetime | UnsetType = UNSET
    is_promoted: bool = False
    is_public: bool = False


class AgentsReply(Struct, kw_only=True):
    """`after` is the next page's cursor, null on the last page."""

    data: Sequence[AgentListed]
    first_id: str | None
    last_id: str | None
    has_more: bool
    after: str | None
    object: str = "list"


class AgentSummary(Struct, kw_only=True, rename=NAMES):
    """An agent for viewers: without instructions.  `author` is absent unless you are the author.

    `version` counts the versions; `currentVersion` is lower after a revert.
    """

    id: str
    mongo_id: str
    name: str
    description: str
    avatar: AvatarReply | None
    provider: str
    model: str
    category: str
    conversation_starters: Sequence[str]
    support_contact: SupportContact | None
    version: int
    current_version: int
    is_public: bool
    is_promoted: bool = False
    is_collaborative: bool = False
    project_ids: Sequence[str] = ()
    author: str | UnsetType = UNSET
    created_at: datetime | UnsetType = UNSET
    updated_at: datetime | UnsetType = UNSET


class VersionReply(Struct, kw_only=True, rename=NAMES):
    """A version; only the times where there was no room for more."""

    updated_at: datetime
    updated_by: str
    name: str | UnsetType = UNSET
    description: str | UnsetType = UNSET
    instructions: str | UnsetType = UNSET
    additional_instructions: str | UnsetType = UNSET
    provider: str | UnsetType = UNSET
    model: str | UnsetType = UNSET
    model_parameters: Mapping[str, Any] | UnsetType = UNSET
    tools: Sequence[str] | UnsetType = UNSET
    actions: Sequence[str] | UnsetType = UNSET
    recursion_limit: int | UnsetType | None = UNSET
    edges: Sequence[Edge] | UnsetType = UNSET
    end_after_tools: bool | UnsetType = UNSET
    hide_sequential_outputs: bool | UnsetType = UNSET
    approval: Mapping[str, Approval] | UnsetType = UNSET
    category: str | UnsetType = UNSET
    conversation_starters: Sequence[str] | UnsetType = UNSET
    support_contact: SupportContact | UnsetType | None = UNSET


class AgentReply(AgentSummary, kw_only=True, rename=NAMES):
    """An agent for editors."""

    instructions: str
    additional_instructions: str
    model_parameters: Mapping[str, Any]
    tools: Sequence[str]
    actions: Sequence[str]
    recursion_limit: int | None
    edges: Sequence[Edge]
    end_after_tools: bool
    hide_sequential_outputs: bool
    approval: Mapping[str, Approval]
    versions: Sequence[VersionReply] | UnsetType = UNSET


class DuplicateReply(Struct):
    agent: AgentReply
    actions: Sequence[Mapping[str, Any]] = ()


class MessageReply(Struct):
    message: str


class CategoryReply(Struct):
    value: str
    label: str
    count: int
    description: str = field(default="")


class Portrayer:
    """Makes replies of agents for one user; `base` is the path before all routes."""

    def __init__(self, user: str, base: str) -> None:
        self._user = user
        self._base = base

    def summary(self, agent: StoredAgent) -> AgentSummary:
        return AgentSummary(**self._summary(agent))

    def whole(
        self, agent: StoredAgent, versions: Sequence[AgentVersion] | None = None
    ) -> AgentReply:
        told = UNSET if versions is None else [_version(each) for each in versions]
        return AgentReply(**{**structs.asdict(agent.state), **self._summary(agent)}, versions=told)

    def listed(self, agent: ListedAgent) -> AgentListed:
        return AgentListed(
            id=agent.id,
            mongo_id=agent.id,
            name=agent.name,
            description=agent.description,
            category=agent.category,
            avatar=self._avatar(agent.id, agent.avatar),
            support_contact=agent.support_contact,
            author=self._author(agent.author),
            updated_at=agent.updated_at,
            is_public=agent.is_public,
        )

    def _summary(self, agent: StoredAgent) -> dict[str, Any]:
        return {
            **_shown(agent.id, agent.state),
            "avatar": self._avatar(agent.id, agent.avatar),
            "version": agent.versions,
            "current_version": agent.version,
            "is_public": agent.is_public,
            "author": self._author(agent.author),
            "created_at": agent.created_at,
            "updated_at": agent.updated_at,
        }

    def _author(self, author: str) -> str | UnsetType:
        return author if author == self._user else UNSET

    def _avatar(self, agent_id: str, digest: str | None) -> AvatarReply | None:
        if digest is None:
            return None
        return AvatarReply(self._base + AVATARS.format(id=agent_id, digest=digest[:16]))


def _shown(agent_id: str, state: AgentState) -> dict[str, Any]:
    return {
        "id": agent_id,
        "mongo_id": agent_id,
        "name": state.name,
        "description": state.description,
        "provider": state.provider,
        "model": state.model,
        "category": state.category,
        "conversation_starters": state.conversation_starters,
        "support_contact": state.support_contact,
    }


def configured_summary(agent: ConfiguredAgent) -> AgentSummary:
    shown = _shown(agent.name, agent.state)
    return AgentSummary(
        **shown,
        avatar=None,
        version=1,
        current_version=1,
        is_public=agent.users is None,
        is_promoted=True,
    )


def configured_listed(agent: ConfiguredAgent) -> AgentListed:
    return AgentListed(
        id=agent.name,
        mongo_id=agent.name,
        name=agent.state.name,
        description=agent.state.description,
        category=agent.state.category,
        avatar=None,
        support_contact=None,
        is_promoted=True,
        is_public=agent.users is None,
    )


def _version(version: AgentVersion) -> VersionReply:
    fields = {} if version.state is None else structs.asdict(version.state)
    return VersionReply(updated_at=version.updated_at, updated_by=version.updated_by, **fields)
