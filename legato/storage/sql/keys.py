"""API keys in a database: SQLite or PostgreSQL."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, cast

from sqlalchemy import (
    Connection,
    Executable,
    Row,
    bindparam,
    delete,
    insert,
    or_,
    select,
    update,
)

from legato.storage.clock import microseconds, moment
from legato.storage.contracts.keys import ApiKey, Scope
from legato.storage.sql.connection.database import Database
from legato.storage.sql.schema.tables import API_KEYS

_OF_DIGEST: Final = select(API_KEYS).where(API_KEYS.c.digest == bindparam("of_digest"))
_OF_ID: Final = select(API_KEYS).where(API_KEYS.c.key_id == bindparam("of_key"))
_OF_USER: Final = (
    select(API_KEYS)
    .where(API_KEYS.c.user_id == bindparam("of_user"))
    .order_by(API_KEYS.c.created_at, API_KEYS.c.key_id)
)
_EVERY: Final = select(API_KEYS)
_ADD: Final = insert(API_KEYS)
_NOTE_USE: Final = (
    update(API_KEYS)
    .where(
        API_KEYS.c.key_id == bindparam("of_key"),
        or_(API_KEYS.c.last_used_at.is_(None), API_KEYS.c.last_used_at < bindparam("used_at")),
    )
    .values(last_used_at=bindparam("used_at"))
)
_DELETE: Final = delete(API_KEYS).where(API_KEYS.c.key_id == bindparam("of_key"))
_DELETE_EXPIRED: Final = delete(API_KEYS).where(API_KEYS.c.expires_at <= bindparam("now"))


class SqlApiKeys:
    """One transaction a method, in a worker thread."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, key: ApiKey) -> None:
        await self._write(_ADD, values_of(key))

    async def find(self, digest: str) -> ApiKey | None:
        return await self._one(_OF_DIGEST, {"of_digest": digest})

    async def get(self, key_id: str) -> ApiKey | None:
        return await self._one(_OF_ID, {"of_key": key_id})

    async def of_user(self, user: str) -> Sequence[ApiKey]:
        def work(connection: Connection) -> list[ApiKey]:
            return [key_of(row) for row in connection.execute(_OF_USER, {"of_user": user})]

        return await self._database.read(work)

    async def every(self) -> Sequence[ApiKey]:
        def work(connection: Connection) -> list[ApiKey]:
            found = [key_of(row) for row in connection.execute(_EVERY)]
            # Sorted here, not by the database, which may have an order of its own for texts.
            return sorted(found, key=lambda key: (key.user, key.created_at, key.id))

        return await self._database.read(work)

    async def note_uses(self, uses: Mapping[str, datetime]) -> None:
        if not uses:
            return
        # In the order of ids: two processes never wait for each other's rows.
        values = [{"of_key": key, "used_at": microseconds(uses[key])} for key in sorted(uses)]
        await self._database.write(lambda connection: connection.execute(_NOTE_USE, values))

    async def delete(self, key_id: str) -> bool:
        return await self._write(_DELETE, {"of_key": key_id}) > 0

    async def delete_expired(self, now: datetime) -> None:
        await self._write(_DELETE_EXPIRED, {"now": microseconds(now)})

    async def _one(self, statement: Executable, values: Mapping[str, object]) -> ApiKey | None:
        def work(connection: Connection) -> ApiKey | None:
            row = connection.execute(statement, values).one_or_none()
            return None if row is None else key_of(row)

        return await self._database.read(work)

    async def _write(self, statement: Executable, values: Mapping[str, object]) -> int:
        """Execute the statement, and return how many rows were changed."""
        return await self._database.write(
            lambda connection: connection.execute(statement, values).rowcount
        )


def values_of(key: ApiKey) -> Mapping[str, str | int | None]:
    return {
        "key_id": key.id,
        "user_id": key.user,
        "name": key.name,
        "digest": key.digest,
        "prefix": key.prefix,
        "scopes": " ".join(key.scopes),
        "created_at": microseconds(key.created_at),
        "last_used_at": None if key.last_used_at is None else microseconds(key.last_used_at),
        "expires_at": None if key.expires_at is None else microseconds(key.expires_at),
    }


def key_of(row: Row[Any]) -> ApiKey:
    return ApiKey(
        id=row.key_id,
        user=row.user_id,
        name=row.name,
        digest=row.digest,
        prefix=row.prefix,
        scopes=cast("tuple[Scope, ...]", tuple(row.scopes.split())),
        created_at=moment(row.created_at),
        last_used_at=None if row.last_used_at is None else moment(row.last_used_at),
        expires_at=None if row.expires_at is None else moment(row.expires_at),
    )
