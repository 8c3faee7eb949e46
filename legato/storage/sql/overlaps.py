"""Appends in SQL that do not simply follow: repetitions, later owners, refusals."""

from contextlib import suppress
from typing import Any

from msgspec import MsgspecError, Raw, json
from sqlalchemy import Connection, Row

from legato.storage.contracts.journal import Entries, Refusal
from legato.storage.sql.events import VERSION, encoded
from legato.storage.sql.statements.journal import ADD, CUT, JOB, LAST, NOBODY, OWN


def add(connection: Connection, entries: Entries, me: str) -> Refusal | None:
    """Keep the new part of these entries for their owner `me`.

    A row ends where the next begins, or above; so the row with the highest beginning has the job's
    last event.
    """
    of_job = {"of_job": entries.job_id}
    job = connection.execute(JOB, of_job).one_or_none()
    if job is None or (job.owner == NOBODY and job.epoch <= entries.epoch):
        return Refusal(entries.job_id, "forgotten")
    if job.epoch > entries.epoch or (job.epoch == entries.epoch and job.owner != me):
        return Refusal(entries.job_id, "fenced")
    kept = connection.execute(LAST, of_job).one_or_none()
    last = _last(kept) if kept is not None else 0
    if entries.first > last + 1:
        return Refusal(entries.job_id, "forgotten")
    if entries.epoch > job.epoch:
        connection.execute(OWN, {**of_job, "me": me, "to_epoch": entries.epoch})
    is_kept = kept is not None and kept.epoch == entries.epoch and entries.last <= last
    if entries.events and not is_kept:
        connection.execute(CUT, {**of_job, "from_first": entries.first})
        connection.execute(ADD, _row(entries))
    return None


def _last(row: Row[Any]) -> int:
    """The position of the row's last event, counted in rows of versions that did not note it."""
    if row.last is not None:
        return int(row.last)
    with suppress(MsgspecError):
        return int(row.first) + len(json.decode(row.events, type=list[Raw])) - 1
    return int(row.first)  # an unreadable row is replaced by whatever its owner says there


def _row(entries: Entries) -> dict[str, object]:
    return {
        "job_id": entries.job_id,
        "epoch": entries.epoch,
        "first": entries.first,
        "last": entries.last,
        "version": VERSION,
        "events": encoded(entries.events),
    }
