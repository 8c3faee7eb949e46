"""Agents in a database: SQLite or PostgreSQL."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

from msgspec import json, structs
from sqlalchemy import Connection, Row, insert

from legato.agents.state import AgentState, SupportContact, is_same
from legato.storage.agent_rules import check_grants, check_room, no_such_version, searched
from legato.storage.checks import json_of, require_limit
from legato.storage.clock import Clock, microseconds, moment
from legato.storage.contracts.agents import (
    OWNER,
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
from legato.storage.paging import Position, decode_cursor, encode_cursor
from legato.storage.sql.connection.database import Database
from legato.storage.sql.quotas import SqlQuotas
from legato.storage.sql.schema.tables import AGENT_AVATARS
from legato.storage.sql.statements import agents as statements

T = TypeVar("T")

VERSIONS_A_STEP: Final = 64
"""Deleted at once: a version has up to half a megabyte."""

_STATE: Final = json.Decoder(AgentState)
_CONTACT: Final = json.Decoder(SupportContact)


class SqlAgents:
    """One transaction a method, in a worker thread, as SqlRecords."""

    def __init__(self, database: Database, clock: Clock, quotas: SqlQuotas) -> None:
        self._database = database
        self._clock = clock
        self._quotas = quotas
        self._put_grant = statements.put_grant(database.dialect)

    async def add(self, agent_id: str, author: str, state: AgentState) -> StoredAgent:
        def work(connection: Connection) -> StoredAgent:
            now = microseconds(self._clock())
            row = {"agent_id": agent_id, "user_id": author, "version": 1, "versions": 1}
            times = {"created_at": now, "updated_at": now, "updated_by": author}
            connection.execute(statements.ADD, {**row, **times, **_shown(state)})
            _add_version(connection, agent_id, author, 1, state, now, author)
            owner = {"kind": "user", "principal": author, "bits": OWNER}
            connection.execute(self._put_grant, {"agent_id": agent_id, **owner})
            self._quotas.check(connection, author)
            return the_agent(connection, agent_id)

        return await self._database.write(work)

    async def find(self, agent_ids: Sequence[str], principals: Sequence[Principal]) -> list[Found]:
        def work(connection: Connection) -> list[Found]:
            values = {"of_agents": [*agent_ids], "of_principals": [*map(tuple, principals)]}
            found: dict[str, Found] = {}
            for row in connection.execute(statements.FOUND, values):
                former = found.get(row.agent_id) or Found(_agent(row), ())
                bits = () if row.bits is None else (row.bits,)
                found[row.agent_id] = Found(former.agent, (*former.bits, *bits))
            return [*found.values()]

        return await self._database.read(work)

    async def page(
        self,
        principals: Sequence[Principal] | None,
        query: AgentQuery,
        *,
        limit: int,
        cursor: str | None = None,
    ) -> AgentPage:
        require_limit(limit)
        values: dict[str, Any] = {"at_most": limit + 1}
        statement = statements.EVERY
        if principals is not None:
            values |= statements.usable_values(principals, query.bits)
            statement = statement.where(statements.usable(len(principals)))
        if cursor is not None:
            after = decode_cursor(cursor)
            values |= {"primary": after.primary, "secondary": after.secondary}
            statement = statement.where(statements.AFTER)
        if query.category is not None:
            values["of_category"] = query.category
            statement = statement.where(statements.IN_CATEGORY)
        if query.search:
            values["text"] = _escaped(query.search.casefold())
            statement = statement.where(statements.SEARCHED)

        def work(connection: Connection) -> AgentPage:
            rows = connection.execute(statements.shown(statement), values).all()
            shown = [_listed(row) for row in rows[:limit]]
            more = len(rows) > limit
            return AgentPage(shown, _cursor(rows[limit - 1]) if more else None)

        return await self._database.read(work)

    async def categories(self, principals: Sequence[Principal]) -> Mapping[str, int]:
        def work(connection: Connection) -> Mapping[str, int]:
            counted = statements.CATEGORIES.where(statements.usable(len(principals)))
            found = connection.execute(counted, statements.usable_values(principals, VIEW))
            return {row[0]: row[1] for row in found}

        return await self._database.read(work)

    async def change(
        self, agent_id: str, changes: Mapping[str, Any], by: str
    ) -> StoredAgent | None:
        def work(connection: Connection, held: StoredAgent) -> None:
            state = structs.replace(held.state, **changes)
            if is_same(state, held.state):
                return
            put_state(connection, held, state, microseconds(self._clock()), by)
            self._quotas.check(connection, held.author)

        return await self._held(agent_id, work)

    async def revert(self, agent_id: str, version: int, by: str) -> StoredAgent | None:
        def work(connection: Connection, held: StoredAgent) -> None:
            if not 1 <= version <= held.versions:
                raise no_such_version(version, held.versions)
            values = {"of_agent": agent_id, "of_version": version}
            found = connection.execute(statements.STATE, values).scalar_one()
            now = microseconds(self._clock())
            changed = {"version": version, "updated_at": now, "updated_by": by}
            _update(connection, agent_id, {**changed, **_shown(_STATE.decode(found))})

        return await self._held(agent_id, work)

    async def history(self, agent_id: str, *, most: int) -> Sequence[AgentVersion]:
        def work(connection: Connection) -> Sequence[AgentVersion]:
            rows = connection.execute(statements.VERSIONS, {"of_agent": agent_id}).all()
            left, first = most, len(rows) + 1
            for row in reversed(rows):
                if (left := left - row.size) < 0:
                    break
                first = row.version
            values = {"of_agent": agent_id, "first": first}
            states = {
                row.version: row.state for row in connection.execute(statements.STATES, values)
            }
            return [_version(row, states.get(row.version)) for row in rows]

        return await self._database.read(work)

    async def delete(self, agent_id: str) -> bool:
        while (deleted := await self._database.write(lambda found: _step(found, agent_id))) is None:
            pass
        return deleted

    async def grants(self, agent_id: str) -> Sequence[Grant]:
        def work(connection: Connection) -> list[Grant]:
            rows = connection.execute(statements.GRANTS, {"of_agent": agent_id})
            return [Grant(Principal(row.kind, row.principal), row.bits) for row in rows]

        return await self._database.read(work)

    async def share(
        self, agent_id: str, put: Sequence[Grant], removed: Sequence[Principal] = ()
    ) -> bool:
        def work(connection: Connection, held: StoredAgent) -> None:
            # A principal's last grant counts.  Rows go at once, or other threads wait.
            if removed:
                named = [{"of_kind": kind, "of_principal": name} for kind, name in removed]
                rows = [{"of_agent": agent_id, **each} for each in named]
                connection.execute(statements.REMOVE_GRANT, rows)
            if put:
                bits = {grant.principal: grant.bits for grant in put}
                added = [{"kind": k, "principal": n, "bits": b} for (k, n), b in bits.items()]
                connection.execute(self._put_grant, [{"agent_id": agent_id, **a} for a in added])
            counted = {"of_agent": agent_id, "owner_bits": OWNER}
            grants, owners = connection.execute(statements.COUNT_GRANTS, counted).one()
            check_grants(grants, owners)

        return await self._held(agent_id, work) is not None

    async def set_avatar(self, agent_id: str, avatar: Avatar | None) -> StoredAgent | None:
        def work(connection: Connection, held: StoredAgent) -> None:
            connection.execute(statements.REMOVE_AVATAR, {"of_agent": agent_id})
            if avatar is not None:
                row = {"agent_id": agent_id, "user_id": held.author, **structs.asdict(avatar)}
                connection.execute(insert(AGENT_AVATARS), row)
            digest = None if avatar is None else avatar.digest
            now = microseconds(self._clock())
            _update(connection, agent_id, {"avatar": digest, "updated_at": now})
            self._quotas.check(connection, held.author)

        return await self._held(agent_id, work)

    async def avatar(self, agent_id: str) -> Avatar | None:
        def work(connection: Connection) -> Avatar | None:
            row = connection.execute(statements.AVATAR, {"of_agent": agent_id}).one_or_none()
            return None if row is None else Avatar(row.media_type, row.data, row.digest)

        return await self._database.read(work)

    async def _held(
        self, agent_id: str, work: Callable[[Connection, StoredAgent], None]
    ) -> StoredAgent | None:
        """Work on an agent under a lock of the row; return the agent afterwards."""

        def held(connection: Connection) -> StoredAgent | None:
            agent = held_agent(connection, agent_id)
            if agent is None:
                return None
            work(connection, agent)
            return the_agent(connection, agent_id)

        return await self._database.write(held)


def _shown(state: AgentState) -> Mapping[str, str | None]:
    contact = state.support_contact
    return {
        "name": state.name,
        "description": state.description,
        "category": state.category,
        "support_contact": None if contact is None else json_of(contact).decode(),
        "searched": searched(state),
    }


def _cursor(last: Any) -> str:
    return encode_cursor(Position(last.updated_at, last.agent_id))


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _add_version(
    connection: Connection,
    agent_id: str,
    author: str,
    version: int,
    state: AgentState,
    now: int,
    by: str,
) -> None:
    row = {"agent_id": agent_id, "user_id": author, "version": version, "updated_at": now}
    text = json_of(state).decode()
    row |= {"updated_by": by, "size": len(text), "state": text}
    connection.execute(statements.ADD_VERSION, row)


def _update(connection: Connection, agent_id: str, values: Mapping[str, object]) -> None:
    connection.execute(statements.UPDATE.values(**values), {"of_agent": agent_id})


def _step(connection: Connection, agent_id: str) -> bool | None:
    """Delete some versions, or the agent with the last versions; None while more are left."""
    values = {"of_agent": agent_id, "at_most": VERSIONS_A_STEP}
    if connection.execute(statements.DELETE_OLDEST, values).rowcount == VERSIONS_A_STEP:
        return None
    return connection.execute(statements.DELETE, values).rowcount > 0


def held_agent(connection: Connection, agent_id: str) -> StoredAgent | None:
    """The agent, under a lock of the row until the transaction ends."""
    row = connection.execute(statements.HELD, {"of_agent": agent_id}).one_or_none()
    return None if row is None else _agent(row)


def put_state(
    connection: Connection, held: StoredAgent, state: AgentState, now: int, by: str
) -> None:
    """Add a version to an agent.  Raises TooMany."""
    check_room(held.versions)
    version = held.versions + 1
    _add_version(connection, held.id, held.author, version, state, now, by)
    values = {"version": version, "versions": version, "updated_at": now, "updated_by": by}
    _update(connection, held.id, {**values, **_shown(state)})


def the_agent(connection: Connection, agent_id: str) -> StoredAgent:
    return _agent(connection.execute(statements.AGENT, {"of_agent": agent_id}).one())


def _agent(row: Row[Any]) -> StoredAgent:
    return StoredAgent(
        id=row.agent_id,
        author=row.user_id,
        state=_STATE.decode(row.state),
        version=row.version,
        versions=row.versions,
        created_at=moment(row.created_at),
        updated_at=moment(row.updated_at),
        updated_by=row.updated_by,
        avatar=row.avatar,
        is_public=bool(row.is_public),
    )


def _listed(row: Any) -> ListedAgent:
    # By position: a name of a row is looked up for as long as all the rest here takes.
    agent_id, author, name, description, category, contact, updated_at, avatar, is_public = row
    return ListedAgent(
        id=agent_id,
        author=author,
        name=name,
        description=description,
        category=category,
        support_contact=None if contact is None else _CONTACT.decode(contact),
        updated_at=moment(updated_at),
        avatar=avatar,
        is_public=bool(is_public),
    )


def _version(row: Any, state: str | None) -> AgentVersion:
    decoded = None if state is None else _STATE.decode(state)
    return AgentVersion(row.version, decoded, moment(row.updated_at), row.updated_by)
