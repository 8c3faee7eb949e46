"""The journal in SQL: appended in batches, and read by whoever comes after a crash."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec import MsgspecError, Struct, json
from sqlalchemy import Connection, Delete, Row, Update

from legato.storage.contract import Abandoned, Entries, Kept, Refusal
from legato.storage.database import Database
from legato.storage.events import VERSION, decoded, encoded
from legato.storage.journal_statements import (
    EPOCHS,
    FORGET,
    OWNERS,
    READ,
    SETTLE,
    TAKE_OVER,
    TAKEN,
    appends,
)
from legato.storage.owners import Owners

_ENCODER: Final = json.Encoder()


class _Said(Struct, frozen=True, array_like=True):
    """Entries as the statements take them: their events are elsewhere, in bytes `start`, from 1."""

    job_id: str
    first: int
    epoch: int
    version: int
    start: int
    length: int


class SqlJournal:
    """One transaction a method, in a worker thread, where events are encoded, too."""

    def __init__(self, database: Database, owners: Owners) -> None:
        self._database = database
        self._owners = owners
        self._put = appends(database.dialect)

    async def append(self, batch: Sequence[Entries]) -> Sequence[Refusal]:
        def work(connection: Connection) -> Sequence[Refusal]:
            values = _values(batch)
            if any(entries.first == 1 for entries in batch):
                connection.execute(self._put.jobs, {**values, "me": self._owners.me})
            if connection.execute(self._put.entries, values).rowcount == len(batch):
                return ()
            return _refused(connection, batch)

        return await self._database.write(work)

    async def take_over(self) -> Sequence[Abandoned]:
        def work(connection: Connection) -> Sequence[Abandoned]:
            me = self._owners.me
            for owner in connection.scalars(OWNERS).all():
                if self._owners.is_gone(owner, connection):
                    connection.execute(TAKE_OVER, {"of_owner": owner, "taker": me})
            taken = connection.execute(TAKEN, {"taker": me})
            return [Abandoned(row.job_id, row.epoch, row.attempts, row.settled) for row in taken]

        return await self._database.write(work)

    async def read(self, job_id: str) -> Kept:
        def work(connection: Connection) -> Kept:
            entries: list[Entries] = []
            for row in connection.execute(READ, {"of_job": job_id}):
                try:
                    entries.append(_entries(row))
                except MsgspecError as error:
                    return Kept(entries, f"its entries from {row.first} on: {error}")
            return Kept(entries)

        return await self._database.read(work)

    async def settle(self, job_ids: Sequence[str]) -> None:
        await self._change(SETTLE, job_ids)

    async def forget(self, job_ids: Sequence[str]) -> None:
        await self._change(FORGET, job_ids)

    def abandon(self) -> None:
        self._database.abandon()

    async def _change(self, statement: Update | Delete, job_ids: Sequence[str]) -> None:
        values = {"of_jobs": job_ids}
        await self._database.write(lambda connection: connection.execute(statement, values))


def _values(batch: Sequence[Entries]) -> Mapping[str, str | bytes]:
    """Of the batch's statements."""
    said: list[_Said] = []
    texts = bytearray()
    for each in batch:
        text = encoded(each.events)
        place = (len(texts) + 1, len(text))
        said.append(_Said(each.job_id, each.first, each.epoch, VERSION, *place))
        texts += text
    return {"batch": _ENCODER.encode(said).decode(), "events": bytes(texts)}


def _refused(connection: Connection, batch: Sequence[Entries]) -> Sequence[Refusal]:
    """Those whose job has a later epoch or is not there; the others said nothing new."""
    rows = connection.execute(EPOCHS, {"of_jobs": [entries.job_id for entries in batch]})
    epochs: Mapping[str, int] = {row.job_id: row.epoch for row in rows}
    forgotten = [each.job_id for each in batch if each.job_id not in epochs]
    fenced = [each.job_id for each in batch if epochs.get(each.job_id, 0) > each.epoch]
    return [
        *(Refusal(job_id, "forgotten") for job_id in forgotten),
        *(Refusal(job_id, "fenced") for job_id in fenced),
    ]


def _entries(row: Row[Any]) -> Entries:
    """Raises MsgspecError where this version cannot read it."""
    return Entries(row.job_id, row.epoch, row.first, decoded(row.events, row.version))
