"""The journal's statements, built once.

A batch is one statement: what it says in JSON, an array for each entries, and all their events in
one text.  For SQLite's driver lets go of Python's lock at every row that it executes, and beside a
busy thread it has it again after 5 ms.
"""

from typing import Final, NamedTuple, TypeVar

from sqlalchemy import (
    Insert,
    Integer,
    LargeBinary,
    Text,
    bindparam,
    delete,
    false,
    func,
    literal,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from legato.storage.tables import ENTRIES, JOBS

Upsert = TypeVar("Upsert", postgresql.Insert, sqlite.Insert)

OWNERS: Final = select(JOBS.c.owner).distinct()
TAKEN: Final = (
    select(JOBS)
    .where(JOBS.c.owner == bindparam("taker"), JOBS.c.attempts > 0)
    .order_by(JOBS.c.job_id)
)
TAKE_OVER: Final = (
    update(JOBS)
    .where(JOBS.c.owner == bindparam("of_owner"))
    .values(owner=bindparam("taker"), epoch=JOBS.c.epoch + 1, attempts=JOBS.c.attempts + 1)
)
_THESE: Final = JOBS.c.job_id.in_(bindparam("of_jobs", expanding=True))
EPOCHS: Final = select(JOBS.c.job_id, JOBS.c.epoch).where(_THESE)
SETTLE: Final = update(JOBS).where(_THESE).values(settled=True, attempts=0)
FORGET: Final = delete(JOBS).where(_THESE)  # entries go with it
READ: Final = (
    select(ENTRIES).where(ENTRIES.c.job_id == bindparam("of_job")).order_by(ENTRIES.c.first)
)

_SQLITE_BATCH: Final = """
    SELECT
        json_extract(value, '$[0]') AS job_id,
        json_extract(value, '$[1]') AS first,
        json_extract(value, '$[2]') AS epoch,
        json_extract(value, '$[3]') AS version,
        substr(:events, json_extract(value, '$[4]'), json_extract(value, '$[5]')) AS events
    FROM json_each(:batch)
"""
_POSTGRESQL_BATCH: Final = """
    SELECT
        value->>0 AS job_id,
        CAST(value->>1 AS integer) AS first,
        CAST(value->>2 AS integer) AS epoch,
        CAST(value->>3 AS integer) AS version,
        substr(:events, CAST(value->>4 AS integer), CAST(value->>5 AS integer)) AS events
    FROM json_array_elements(CAST(:batch AS json))
"""
_JOB: Final = ("job_id", "owner", "attempts", "settled", "epoch")


class Appends(NamedTuple):
    """Both take `batch`, with `events` beside it; `jobs` takes `me`, too.

    `jobs` makes those that begin and are not there.  The number of rows of `entries` is how many
    say something new, and are of jobs that are there and have no later epoch.
    """

    jobs: Insert
    entries: Insert


def appends(dialect: str) -> Appends:
    """Statements for the database of that SQLAlchemy name: sqlite or postgresql."""
    if dialect == "postgresql":
        return _appends(postgresql.insert(JOBS), postgresql.insert(ENTRIES), _POSTGRESQL_BATCH)
    return _appends(sqlite.insert(JOBS), sqlite.insert(ENTRIES), _SQLITE_BATCH)


def _appends(jobs: Upsert, entries: Upsert, batch: str) -> Appends:
    said = (
        text(batch)
        .bindparams(bindparam("events", type_=LargeBinary))
        .columns(job_id=Text, first=Integer, epoch=Integer, version=Integer, events=LargeBinary)
        .subquery("said")
    )
    new = select(said.c.job_id, bindparam("me", type_=Text), literal(0), false(), said.c.epoch)
    kept = select(said).join(JOBS, JOBS.c.job_id == said.c.job_id)
    entry = entries.from_select(list(said.c), kept.where(JOBS.c.epoch <= said.c.epoch))
    # Who repeats may have more to say; and a later owner may not have read what stands there.
    length = func.length
    there = tuple_(ENTRIES.c.epoch, length(ENTRIES.c.events))
    put = entry.on_conflict_do_update(
        index_elements=["job_id", "first"],
        set_={name: entry.excluded[name] for name in ("epoch", "version", "events")},
        where=tuple_(entry.excluded.epoch, length(entry.excluded.events)) > there,
    )
    return Appends(
        jobs.from_select(_JOB, new.where(said.c.first == 1)).on_conflict_do_nothing(),
        put.execution_options(preserve_rowcount=True),
    )
