"""Agents in memory: gone with the process."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct, json, structs

from legato.agents.state import AgentState, is_same
from legato.storage.agent_rules import check_grants, check_room, no_such_version, searched
from legato.storage.checks import require_limit
from legato.storage.clock import Clock, microseconds
from legato.storage.contracts.actions import StoredAction
from legato.storage.contracts.agents import (
    OWNER,
    PUBLIC,
    VIEW,
    AgentPage,
    AgentQuery,
    AgentVersion,
    Avatar,
    Found,
    Grant,
    ListedAgent,
    Principal,
    StoredAgent,
)
from legato.storage.contracts.quotas import Quota, avatar_use, version_use
from legato.storage.memory.quotas import MemoryUse, Row
from legato.storage.paging import Position, decode_cursor, encode_cursor


class AgentRecord(Struct):
    """An agent with versions, grants, picture, and actions by their ids."""

    agent: StoredAgent
    versions: list[AgentVersion]
    grants: dict[Principal, int]
    avatar: Avatar | None = None
    actions: dict[str, StoredAction] = {}

    def seen(self) -> StoredAgent:
        is_public = bool(self.grants.get(PUBLIC, 0) & VIEW)
        return structs.replace(self.agent, is_public=is_public)

    def found(self, principals: Sequence[Principal]) -> Found:
        bits = (self.grants[each] for each in principals if each in self.grants)
        return Found(self.seen(), tuple(bits))

    @property
    def position(self) -> Position:
        return Position(microseconds(self.agent.updated_at), self.agent.id)


class MemoryAgents:
    """Every method is a checkpoint and then an atomic step."""

    def __init__(
        self,
        enter: Callable[..., Awaitable[None]],
        clock: Clock,
        use: MemoryUse,
        quota: Quota,
    ) -> None:
        """`enter` is awaited at each beginning, with the arguments, and may refuse."""
        self._enter = enter
        self._clock = clock
        self._use = use
        self._quota = quota
        self._records: dict[str, AgentRecord] = {}

    async def add(self, agent_id: str, author: str, state: AgentState) -> StoredAgent:
        await self._enter(agent_id, author, state)
        now = self._clock()
        self._put_row(author, _version_row(agent_id, 1, state))
        agent = StoredAgent(
            id=agent_id,
            author=author,
            state=state,
            version=1,
            versions=1,
            created_at=now,
            updated_at=now,
            updated_by=author,
        )
        grants = {Principal("user", author): OWNER}
        self._records[agent_id] = AgentRecord(agent, [AgentVersion(1, state, now, author)], grants)
        return agent

    async def find(self, agent_ids: Sequence[str], principals: Sequence[Principal]) -> list[Found]:
        await self._enter(agent_ids, principals)
        records = (self._records.get(each) for each in dict.fromkeys(agent_ids))
        return [record.found(principals) for record in records if record]

    async def page(
        self,
        principals: Sequence[Principal] | None,
        query: AgentQuery,
        *,
        limit: int,
        cursor: str | None = None,
    ) -> AgentPage:
        require_limit(limit)
        after = None if cursor is None else decode_cursor(cursor).order()
        await self._enter(principals, query)
        usable = (each for each in self._records.values() if _fits(each, principals, query))
        ordered = sorted(usable, key=lambda each: each.position.order())
        rest = [each for each in ordered if after is None or each.position.order() > after]
        more = len(rest) > limit
        next_ = encode_cursor(rest[limit - 1].position) if more else None
        return AgentPage([_listed(each.seen()) for each in rest[:limit]], next_)

    async def categories(self, principals: Sequence[Principal]) -> Mapping[str, int]:
        await self._enter(principals)
        records = self._records.values()
        usable = (each for each in records if _fits(each, principals, AgentQuery()))
        return Counter(each.agent.state.category for each in usable)

    async def change(
        self, agent_id: str, changes: Mapping[str, Any], by: str
    ) -> StoredAgent | None:
        await self._enter(agent_id, changes, by)
        if (record := self._records.get(agent_id)) is None:
            return None
        state = structs.replace(record.agent.state, **changes)
        if not is_same(state, record.agent.state):
            self.put_state(record, state, by)
        return record.seen()

    async def revert(self, agent_id: str, version: int, by: str) -> StoredAgent | None:
        await self._enter(agent_id, by)
        if (record := self._records.get(agent_id)) is None:
            return None
        if not 1 <= version <= len(record.versions):
            raise no_such_version(version, len(record.versions))
        state = record.versions[version - 1].state
        self._set(record, state=state, version=version, updated_by=by)
        return record.seen()

    async def history(self, agent_id: str, *, most: int) -> Sequence[AgentVersion]:
        await self._enter(agent_id)
        record = self._records.get(agent_id)
        shown: list[AgentVersion] = []
        for version in reversed(record.versions if record else ()):
            most -= len(json.encode(version.state).decode())
            shown.append(version if most >= 0 else structs.replace(version, state=None))
        return shown[::-1]

    async def delete(self, agent_id: str) -> bool:
        await self._enter(agent_id)
        if (record := self._records.pop(agent_id, None)) is None:
            return False
        for version in record.versions:
            self._use.remove(_version_key(agent_id, version.version))
        if record.avatar is not None:
            self._use.remove(("agent_avatars", agent_id))
        for action_id in record.actions:
            self._use.remove(action_key(action_id))
        return True

    async def grants(self, agent_id: str) -> Sequence[Grant]:
        await self._enter(agent_id)
        record = self._records.get(agent_id)
        return [Grant(*each) for each in sorted(record.grants.items())] if record else []

    async def share(
        self, agent_id: str, put: Sequence[Grant], removed: Sequence[Principal] = ()
    ) -> bool:
        await self._enter(agent_id, put, removed)
        if (record := self._records.get(agent_id)) is None:
            return False
        grants = {each: bits for each, bits in record.grants.items() if each not in removed}
        grants |= {grant.principal: grant.bits for grant in put}
        owners = (each for each, bits in grants.items() if each.kind == "user" and bits == OWNER)
        check_grants(len(grants), len([*owners]))
        record.grants = grants
        return True

    async def set_avatar(self, agent_id: str, avatar: Avatar | None) -> StoredAgent | None:
        await self._enter(agent_id)
        if (record := self._records.get(agent_id)) is None:
            return None
        key = "agent_avatars", agent_id
        if avatar is not None:
            self._put_row(record.agent.author, (key, avatar_use(avatar.data)))
        elif record.avatar is not None:
            self._use.remove(key)
        record.avatar = avatar
        self._set(record, avatar=None if avatar is None else avatar.digest)
        return record.seen()

    async def avatar(self, agent_id: str) -> Avatar | None:
        await self._enter(agent_id)
        record = self._records.get(agent_id)
        return record.avatar if record else None

    def record(self, agent_id: str) -> AgentRecord | None:
        return self._records.get(agent_id)

    def all(self) -> Sequence[AgentRecord]:
        return [*self._records.values()]

    def put_state(self, record: AgentRecord, state: AgentState, by: str, *rows: Row) -> None:
        """Add a version, counted together with other rows.

        Raises, and changes nothing:
            TooMany, OverQuota
        """
        check_room(len(record.versions))
        now, version = self._clock(), len(record.versions) + 1
        self._put_row(record.agent.author, _version_row(record.agent.id, version, state), *rows)
        record.versions.append(AgentVersion(version, state, now, by))
        self._set(record, state=state, version=version, versions=version, updated_by=by)

    def forget_row(self, key: tuple[str, str]) -> None:
        self._use.remove(key)

    def of_author(self, author: str) -> Sequence[str]:
        return [each.agent.id for each in self._records.values() if each.agent.author == author]

    def forget(self, user: str) -> int:
        """Remove a user's grants; return the number of grants removed."""
        principal = Principal("user", user)
        removed = [each.grants.pop(principal, None) for each in self._records.values()]
        return len(removed) - removed.count(None)

    def _set(self, record: AgentRecord, **values: Any) -> None:
        record.agent = structs.replace(record.agent, updated_at=self._clock(), **values)

    def _put_row(self, author: str, *rows: Row) -> None:
        """Raises OverQuota."""
        self._quota.check(self._use.with_put(author, *rows), begins=False)
        self._use.put(author, *rows)


def _fits(record: AgentRecord, principals: Sequence[Principal] | None, query: AgentQuery) -> bool:
    state = record.agent.state
    return (
        (principals is None or record.found(principals).allows(query.bits))
        and query.category in (None, state.category)
        and (query.search or "").casefold() in searched(state)
    )


def action_key(action_id: str) -> tuple[str, str]:
    return "agent_actions", action_id


def _version_key(agent_id: str, version: int) -> tuple[str, str]:
    return "agent_versions", f"{version} {agent_id}"


def _version_row(agent_id: str, version: int, state: AgentState) -> Row:
    return _version_key(agent_id, version), version_use(state)


def _listed(agent: StoredAgent) -> ListedAgent:
    return ListedAgent(
        id=agent.id,
        author=agent.author,
        name=agent.state.name,
        description=agent.state.description,
        category=agent.state.category,
        support_contact=agent.state.support_contact,
        updated_at=agent.updated_at,
        avatar=agent.avatar,
        is_public=agent.is_public,
    )
