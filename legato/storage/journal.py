"""The journal in SQLite: appended in batches, and read by whoever comes after a crash."""

from collections.abc import Sequence
from typing import Any, Final

from msgspec import MsgspecError, json
from sqlalchemy import (
    Connection,
    Delete,
    Row,
    Update,
    bindparam,
    delete,
    select,
    update,
)
from sqlalchemy.dialects.sqlite import insert

from legato.events import AnyEvent
from legato.storage.contract import Abandoned, Entries, Kept
from legato.storage.database import Database
from legato.storage.owners import FileOwners
from legato.storage.tables import ENTRIES, JOBS

VERSION: Final = 1
"""Of the form in which events are kept: a JSON array of them, as msgspec writes it."""

_ENCODER: Final = json.Encoder()
_DECODER: Final = json.Decoder(tuple[AnyEvent, ...])

# Whoever tries again may have been heard the first time.
_PUT_JOB: Final = insert(JOBS).on_conflict_do_nothing()
_PUT_ENTRIES: Final = insert(ENTRIES).on_conflict_do_nothing()

_OWNERS: Final = select(JOBS.c.owner).distinct()
_OF_OWNER: Final = select(JOBS).where(JOBS.c.owner == bindparam("of_owner"))
_TAKE_OVER: Final = (
    update(JOBS)
    .where(JOBS.c.owner == bindparam("of_owner"))
    .values(owner=bindparam("taker"), attempts=JOBS.c.attempts + 1)
)
_READ: Final = (
    select(ENTRIES).where(ENTRIES.c.job_id == bindparam("of_job")).order_by(ENTRIES.c.first)
)
_SETTLE: Final = (
    update(JOBS).where(JOBS.c.job_id == bindparam("of_job")).values(settled=True, attempts=0)
)
_FORGET: Final = delete(JOBS).where(JOBS.c.job_id == bindparam("of_job"))  # entries go with it


class SqliteJournal:
    """One transaction a method, in a worker thread, where events are encoded, too."""

    def __init__(self, database: Database, owners: FileOwners) -> None:
        self._database = database
        self._owners = owners

    async def append(self, batch: Sequence[Entries]) -> None:
        def work(connection: Connection) -> None:
            if new := [self._job(entries) for entries in batch if entries.first == 1]:
                connection.execute(_PUT_JOB, new)
            if rows := [_row(entries) for entries in batch]:
                connection.execute(_PUT_ENTRIES, rows)

        await self._database.write(work)

    async def take_over(self) -> Sequence[Abandoned]:
        def work(connection: Connection) -> Sequence[Abandoned]:
            taken: list[Abandoned] = []
            for owner in connection.scalars(_OWNERS).all():
                if self._owners.is_gone(owner):
                    taken += self._take_from(connection, owner)
            return sorted(taken, key=lambda job: job.job_id)

        return await self._database.write(work)

    def _take_from(self, connection: Connection, owner: str) -> Sequence[Abandoned]:
        rows = connection.execute(_OF_OWNER, {"of_owner": owner}).all()
        connection.execute(_TAKE_OVER, {"of_owner": owner, "taker": self._owners.me})
        return [Abandoned(row.job_id, row.attempts + 1, row.settled) for row in rows]

    async def read(self, job_id: str) -> Kept:
        def work(connection: Connection) -> Kept:
            entries: list[Entries] = []
            for row in connection.execute(_READ, {"of_job": job_id}):
                try:
                    entries.append(_entries(row))
                except (MsgspecError, ValueError) as error:
                    return Kept(entries, f"its entries from {row.first} on: {error}")
            return Kept(entries)

        return await self._database.read(work)

    async def settle(self, job_ids: Sequence[str]) -> None:
        await self._each(_SETTLE, job_ids)

    async def forget(self, job_ids: Sequence[str]) -> None:
        await self._each(_FORGET, job_ids)

    async def _each(self, statement: Update | Delete, job_ids: Sequence[str]) -> None:
        values = [{"of_job": job_id} for job_id in job_ids]
        await self._database.write(lambda connection: connection.execute(statement, values))

    def _job(self, entries: Entries) -> dict[str, object]:
        return {"job_id": entries.job_id, "owner": self._owners.me, "attempts": 0, "settled": False}


def _row(entries: Entries) -> dict[str, object]:
    return {
        "job_id": entries.job_id,
        "first": entries.first,
        "epoch": entries.epoch,
        "version": VERSION,
        "events": _ENCODER.encode(entries.events),
    }


def _entries(row: Row[Any]) -> Entries:
    """Raises MsgspecError or ValueError where this version cannot read it."""
    if row.version != VERSION:
        raise ValueError(f"they are of form {row.version}; this version of Legato knows {VERSION}")
    return Entries(row.job_id, row.epoch, row.first, _DECODER.decode(row.events))
