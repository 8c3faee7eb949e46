"""Bans in a database: SQLite or PostgreSQL."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final, NamedTuple

from sqlalchemy import Connection, Insert, Row, bindparam, delete, select

from legato.storage.clock import Clock, microseconds, moment
from legato.storage.contracts.bans import Ban
from legato.storage.sql.connection.database import Database
from legato.storage.sql.schema.tables import BANS, VIOLATIONS
from legato.storage.sql.upserts import insert_of

_EXPIRED: Final = [
    delete(table).where(table.c.until <= bindparam("now")) for table in (BANS, VIOLATIONS)
]

_SCORE: Final = select(VIOLATIONS.c.score).where(
    VIOLATIONS.c.subject == bindparam("of_subject"), VIOLATIONS.c.kind == bindparam("of_kind")
)

_IN_FORCE: Final = (
    select(BANS)
    .where(BANS.c.until > bindparam("now"))
    .order_by(BANS.c.until.desc(), BANS.c.subject)
    .limit(bindparam("at_most"))
)

_LIFT: Final = delete(BANS).where(BANS.c.subject == bindparam("of_subject"))
_FORGET: Final = delete(VIOLATIONS).where(VIOLATIONS.c.subject == bindparam("of_subject"))


class SqlBans:
    """Bans of SqlRecords: one transaction a method."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._put = _upserts(database.dialect)

    async def blame(
        self, subjects: Sequence[str], kind: str, score: int, *, lifetime: timedelta
    ) -> Sequence[int]:
        def work(connection: Connection) -> Sequence[int]:
            until = self._sweep(connection) + lifetime // timedelta(microseconds=1)
            found = {}
            # In the same order for all: two processes waiting for each other's rows would be a
            # deadlock.
            for subject in sorted(set(subjects)):
                row = {"subject": subject, "kind": kind, "score": score, "until": until}
                connection.execute(self._put.violation, row)
                key = {"of_subject": subject, "of_kind": kind}
                found[subject] = connection.execute(_SCORE, key).scalar_one()
            return [found[subject] for subject in subjects]

        return await self._database.write(work)

    async def ban(self, bans: Sequence[Ban]) -> None:
        def work(connection: Connection) -> None:
            self._sweep(connection)
            for ban in sorted(bans, key=lambda each: each.subject):
                row = {
                    "subject": ban.subject,
                    "kind": ban.kind,
                    "score": ban.score,
                    "until": microseconds(ban.until),
                }
                connection.execute(self._put.ban, row)

        await self._database.write(work)

    async def in_force(self, *, limit: int) -> Sequence[Ban]:
        def work(connection: Connection) -> Sequence[Ban]:
            values = {"now": microseconds(self._clock()), "at_most": limit}
            return [_ban(row) for row in connection.execute(_IN_FORCE, values)]

        return await self._database.read(work)

    async def lift(self, subject: str) -> bool:
        def work(connection: Connection) -> bool:
            self._sweep(connection)
            connection.execute(_FORGET, {"of_subject": subject})
            return connection.execute(_LIFT, {"of_subject": subject}).rowcount > 0

        return await self._database.write(work)

    def _sweep(self, connection: Connection) -> int:
        """Remove expired bans and scores, and return the time of this, in microseconds."""
        now = microseconds(self._clock())
        for statement in _EXPIRED:
            connection.execute(statement, {"now": now})
        return now


class _Upserts(NamedTuple):
    ban: Insert
    violation: Insert


def _upserts(dialect: str) -> _Upserts:
    insert = insert_of(dialect)
    ban, violation = insert(BANS), insert(VIOLATIONS)
    return _Upserts(
        ban.on_conflict_do_update(
            index_elements=["subject"],
            set_={name: ban.excluded[name] for name in ("kind", "score", "until")},
            where=BANS.c.until < ban.excluded.until,
        ),
        violation.on_conflict_do_update(
            index_elements=["subject", "kind"],
            set_={
                "score": VIOLATIONS.c.score + violation.excluded.score,
                "until": violation.excluded.until,
            },
        ),
    )


def _ban(row: Row[tuple[object, ...]]) -> Ban:
    return Ban(subject=row.subject, kind=row.kind, score=row.score, until=moment(row.until))
