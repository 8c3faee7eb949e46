"""Revocations in a database: SQLite or PostgreSQL."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from sqlalchemy import Connection, Insert, Row, bindparam, delete, func, or_, select

from legato.storage.clock import Clock, microseconds, moment
from legato.storage.contracts.revocations import MAX_SESSIONS, Revocation
from legato.storage.sql.connection.database import Database
from legato.storage.sql.schema.tables import REVOCATIONS
from legato.storage.sql.upserts import insert_of

_EVERYTHING: Final = ""
"""In the place of a session's id, which the table's key cannot leave out."""

_IN_FORCE: Final = select(REVOCATIONS).where(
    or_(REVOCATIONS.c.until.is_(None), REVOCATIONS.c.until > bindparam("now"))
)
_EXPIRED: Final = delete(REVOCATIONS).where(REVOCATIONS.c.until <= bindparam("now"))
_OTHERS: Final = (
    select(func.count())
    .select_from(REVOCATIONS)
    .where(
        REVOCATIONS.c.user_id == bindparam("of_user"),
        REVOCATIONS.c.session_id.not_in([_EVERYTHING, bindparam("of_session")]),
    )
)
_SESSIONS: Final = delete(REVOCATIONS).where(
    REVOCATIONS.c.user_id == bindparam("of_user"), REVOCATIONS.c.session_id != _EVERYTHING
)


class SqlRevocations:
    """Revocations of SqlRecords: one transaction a method."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._put = _upsert(database.dialect)

    async def revoke_user(self, user: str) -> Revocation:
        return await self._database.write(lambda connection: self._revoke_user(connection, user))

    async def revoke_session(self, user: str, session: str, *, lifetime: timedelta) -> Revocation:
        def work(connection: Connection) -> Revocation:
            now = self._clock()
            connection.execute(_EXPIRED, {"now": microseconds(now)})
            others = {"of_user": user, "of_session": session}
            if connection.execute(_OTHERS, others).scalar_one() >= MAX_SESSIONS:
                return self._revoke_user(connection, user)
            revocation = Revocation(user=user, session=session, before=now, until=now + lifetime)
            connection.execute(self._put, _values(revocation))
            return revocation

        return await self._database.write(work)

    async def in_force(self) -> Sequence[Revocation]:
        def work(connection: Connection) -> Sequence[Revocation]:
            rows = connection.execute(_IN_FORCE, {"now": microseconds(self._clock())})
            return [_revocation(row) for row in rows]

        return await self._database.read(work)

    def _revoke_user(self, connection: Connection, user: str) -> Revocation:
        connection.execute(_SESSIONS, {"of_user": user})
        revocation = Revocation(user=user, before=self._clock())
        connection.execute(self._put, _values(revocation))
        return revocation


def _upsert(dialect: str) -> Insert:
    insert = insert_of(dialect)
    revocation = insert(REVOCATIONS)
    return revocation.on_conflict_do_update(
        index_elements=["user_id", "session_id"],
        set_={name: revocation.excluded[name] for name in ("before", "until")},
        where=REVOCATIONS.c.before < revocation.excluded.before,  # clocks are set back
    )


def _values(revocation: Revocation) -> dict[str, str | int | None]:
    return {
        "user_id": revocation.user,
        "session_id": revocation.session or _EVERYTHING,
        "before": microseconds(revocation.before),
        "until": None if revocation.until is None else microseconds(revocation.until),
    }


def _revocation(row: Row[tuple[object, ...]]) -> Revocation:
    return Revocation(
        user=row.user_id,
        session=row.session_id or None,
        before=moment(row.before),
        until=None if row.until is None else moment(row.until),
    )
