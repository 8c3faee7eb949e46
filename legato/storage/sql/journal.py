"""The journal in SQL: appended in batches, and read after a crash."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from msgspec import MsgspecError, Struct, json
from sqlalchemy import Connection, Row
from ulid import ULID

from legato.storage.contracts.journal import Entries, Kept, OrphanedJob, Refusal
from legato.storage.joining import Joining
from legato.storage.sql.connection.database import Database
from legato.storage.sql.events import VERSION, decoded, encoded
from legato.storage.sql.overlaps import add
from legato.storage.sql.owners.locks import OwnerLocks
from legato.storage.sql.statements.journal import (
    BURY,
    EMPTY,
    EXPIRE,
    FORGET,
    MARK_DONE,
    OWNERS,
    READ,
    TAKE_OVER,
    TAKEN,
    appends,
)

TOMBSTONES_LIVE: Final = timedelta(days=1)
"""No owner is away longer and comes back.  By the age of the job, which a job's id says."""

_ENCODER: Final = json.Encoder()


class _Said(Struct, frozen=True, array_like=True):
    """Entries as the statements take them; the events are in other bytes, from `start`, from 1."""

    job_id: str
    first: int
    last: int
    epoch: int
    version: int
    start: int
    length: int


class SqlJournal:
    """One transaction a method, in a worker thread, where events are encoded, too.

    Nobody's request waits for the journal.  Therefore nothing is refused while the database is
    known to be in trouble: every call is tried, and the caller tries again later.
    """

    def __init__(self, database: Database, owners: OwnerLocks) -> None:
        self._database = database
        self._owners = owners
        self._put = appends(database.dialect)

    async def append(self, batch: Sequence[Entries]) -> Sequence[Refusal]:
        def work(connection: Connection) -> Sequence[Refusal]:
            me = self._owners.me
            values = {**_values(batch), "me": me}
            if any(entries.first == 1 for entries in batch):
                connection.execute(self._put.jobs, values)
            if connection.execute(self._put.entries, values).rowcount == len(batch):
                return ()
            outcomes = [add(connection, entries, me) for entries in batch]
            return [refusal for refusal in outcomes if refusal is not None]

        return await self._database.write(work, anyway=True)

    async def take_over(self) -> Sequence[OrphanedJob]:
        def work(connection: Connection) -> Sequence[OrphanedJob]:
            me = self._owners.me
            for owner in connection.scalars(OWNERS).all():
                if self._owners.is_gone(owner, connection):
                    connection.execute(TAKE_OVER, {"of_owner": owner, "taker": me})
            taken = connection.execute(TAKEN, {"taker": me})
            return [OrphanedJob(row.job_id, row.epoch, row.attempts, row.settled) for row in taken]

        return await self._database.write(work, anyway=True)

    async def read(self, job_id: str) -> Kept:
        [kept] = await self.read_all([job_id])
        return kept

    async def read_all(self, job_ids: Sequence[str]) -> Sequence[Kept]:
        def work(connection: Connection) -> Sequence[Kept]:
            logs = {job_id: Joining() for job_id in job_ids}
            for row in connection.execute(READ, {"of_jobs": [*logs]}):
                try:
                    logs[row.job_id].add(_entries(row))
                except MsgspecError as error:
                    logs[row.job_id].miss(f"its entries from {row.first} on: {error}")
            return [logs[job_id].kept() for job_id in job_ids]

        return await self._database.read(work, anyway=True)

    async def mark_done(self, job_ids: Sequence[str]) -> None:
        values = {"of_jobs": job_ids, "of_owner": self._owners.me}
        await self._database.write(
            lambda connection: connection.execute(MARK_DONE, values), anyway=True
        )

    async def forget(self, job_ids: Sequence[str]) -> None:
        def work(connection: Connection) -> None:
            values = {"of_jobs": job_ids, "of_owner": self._owners.me}
            for statement in (FORGET, BURY):
                connection.execute(statement, values)
            connection.execute(EMPTY, {"of_jobs": job_ids})
            oldest = ULID.from_datetime(datetime.now(UTC) - TOMBSTONES_LIVE)
            connection.execute(EXPIRE, {"oldest": str(oldest)})

        await self._database.write(work, anyway=True)

    def abandon(self) -> None:
        self._database.abandon()


def _values(batch: Sequence[Entries]) -> Mapping[str, str | bytes]:
    """The parameters of the batch's statements."""
    said: list[_Said] = []
    texts = bytearray()
    for each in batch:
        text = encoded(each.events)
        place = (len(texts) + 1, len(text))
        said.append(_Said(each.job_id, each.first, each.last, each.epoch, VERSION, *place))
        texts += text
    return {"batch": _ENCODER.encode(said).decode(), "events": bytes(texts)}


def _entries(row: Row[Any]) -> Entries:
    """Raises MsgspecError where this version cannot read the row."""
    return Entries(row.job_id, row.epoch, row.first, decoded(row.events, row.version))
