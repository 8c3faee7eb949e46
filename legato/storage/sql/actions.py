"""Actions in a database: SQLite or PostgreSQL."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from msgspec import json, structs
from sqlalchemy import Connection

from legato.storage.agent_rules import check_action, with_action, without_action
from legato.storage.checks import json_of
from legato.storage.clock import Clock, microseconds, moment
from legato.storage.contracts.actions import Action, SealedSecret, StoredAction
from legato.storage.contracts.agents import Principal, StoredAgent
from legato.storage.sql.agents import held_agent, put_state, the_agent
from legato.storage.sql.connection.database import Database
from legato.storage.sql.quotas import SqlQuotas
from legato.storage.sql.statements import actions as statements
from legato.storage.sql.statements.agents import usable_values

_TOOLS: Final = json.Decoder(tuple[str, ...])
_METADATA: Final = json.Decoder(dict[str, Any])


class SqlActions:
    """One transaction a method, in a worker thread, as SqlAgents."""

    def __init__(self, database: Database, clock: Clock, quotas: SqlQuotas) -> None:
        self._database = database
        self._clock = clock
        self._quotas = quotas

    async def put(
        self, action: Action, by: str, *, tools: Sequence[str] | None = None
    ) -> tuple[StoredAgent, StoredAction] | None:
        key = {"of_agent": action.agent_id, "of_action": action.id}

        def work(connection: Connection) -> tuple[StoredAgent, StoredAction] | None:
            held = held_agent(connection, action.agent_id)
            if held is None:
                return None
            others = _tools_of(connection, action.agent_id)
            former = others.pop(action.id, None)
            check_action(action, others)
            now = microseconds(self._clock())
            put_state(
                connection, held, with_action(held.state, action, former or (), tools), now, by
            )
            values = {**_values(action), "updated_at": now, "updated_by": by}
            if former is None:
                names = {"action_id": action.id, "agent_id": action.agent_id}
                values |= {**names, "user_id": held.author, "created_at": now}
                connection.execute(statements.ADD, values)
            else:
                connection.execute(statements.UPDATE.values(**values), key)
            self._quotas.check(connection, held.author)
            row = connection.execute(statements.ACTION, key).one()
            return the_agent(connection, action.agent_id), _stored(row, action)

        return await self._database.write(work)

    async def remove(self, agent_id: str, action_id: str, by: str) -> bool:
        def work(connection: Connection) -> bool:
            held = held_agent(connection, agent_id)
            tools = _tools_of(connection, agent_id).get(action_id)
            if held is None or tools is None:
                return False
            now = microseconds(self._clock())
            put_state(connection, held, without_action(held.state, action_id, tools), now, by)
            connection.execute(statements.REMOVE, {"of_agent": agent_id, "of_action": action_id})
            self._quotas.check(connection, held.author)
            return True

        return await self._database.write(work)

    async def of_agent(self, agent_id: str) -> Sequence[Action]:
        def work(connection: Connection) -> Sequence[Action]:
            rows = connection.execute(statements.OF_AGENT, {"of_agent": agent_id})
            return [_action(row, compiled=row.compiled) for row in rows]

        return await self._database.read(work)

    async def find(self, agent_id: str, action_id: str) -> Action | None:
        key = {"of_agent": agent_id, "of_action": action_id}

        def work(connection: Connection) -> Action | None:
            row = connection.execute(statements.ACTION, key).one_or_none()
            if row is None:
                return None
            return _action(row, compiled=row.compiled, document=row.document)

        return await self._database.read(work)

    async def page(
        self,
        principals: Sequence[Principal],
        bits: int,
        *,
        agent_id: str | None = None,
        most: int,
    ) -> Sequence[StoredAction]:
        statement = statements.page_of(len(principals), of_one_agent=agent_id is not None)
        values = usable_values(principals, bits)
        if agent_id is not None:
            values["of_agent"] = agent_id

        def work(connection: Connection) -> Sequence[StoredAction]:
            rows = connection.execute(statement, values).all()
            wanted = {"of_actions": [*_within(rows, most)]}
            found = connection.execute(statements.DOCUMENTS, wanted)
            texts = {row.action_id: row.document for row in found}
            return [
                structs.replace(
                    _stored(row, _action(row, document=texts.get(row.action_id, ""))),
                    is_whole=row.action_id in texts,
                )
                for row in rows
            ]

        return await self._database.read(work)

    async def sealed_otherwise(
        self, key_id: str, *, after: str, limit: int
    ) -> Sequence[tuple[str, SealedSecret]]:
        values = {"of_key": key_id, "after": after, "at_most": limit}

        def work(connection: Connection) -> Sequence[tuple[str, SealedSecret]]:
            rows = connection.execute(statements.SEALED_OTHERWISE, values)
            return [(row.action_id, SealedSecret(row.key_id, row.secret)) for row in rows]

        return await self._database.read(work)

    async def reseal(self, action_id: str, former: SealedSecret, new: SealedSecret) -> bool:
        key = {"of_action": action_id, "of_key": former.key_id, "of_secret": former.data}
        statement = statements.RESEAL.values(key_id=new.key_id, secret=new.data)

        def work(connection: Connection) -> bool:
            return connection.execute(statement, key).rowcount > 0

        return await self._database.write(work)


def _tools_of(connection: Connection, agent_id: str) -> dict[str, tuple[str, ...]]:
    rows = connection.execute(statements.TOOLS, {"of_agent": agent_id})
    return {row.action_id: _TOOLS.decode(row.tools) for row in rows}


def _within(rows: Sequence[Any], most: int) -> Iterator[str]:
    """The ids of the first actions whose documents have `most` characters together."""
    for row in rows:
        if (most := most - row.size) < 0:
            return
        yield row.action_id


def _values(action: Action) -> Mapping[str, object]:
    secret = action.secret
    return {
        "code": action.code,
        "metadata": json_of(action.metadata).decode(),
        "tools": json_of(action.tools).decode(),
        "key_id": None if secret is None else secret.key_id,
        "secret": None if secret is None else secret.data,
        "size": len(action.document),
        "compiled": action.compiled,
        "document": action.document,
    }


def _action(row: Any, *, compiled: str = "", document: str = "") -> Action:
    return Action(
        id=row.action_id,
        agent_id=row.agent_id,
        code=row.code,
        document=document,
        compiled=compiled,
        metadata=_METADATA.decode(row.metadata),
        tools=_TOOLS.decode(row.tools),
        secret=None if row.secret is None else SealedSecret(row.key_id, row.secret),
    )


def _stored(row: Any, action: Action) -> StoredAction:
    return StoredAction(
        action=action,
        created_at=moment(row.created_at),
        updated_at=moment(row.updated_at),
        updated_by=row.updated_by,
    )
