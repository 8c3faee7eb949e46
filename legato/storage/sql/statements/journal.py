"""The journal's statements, built once.

A batch is a single statement: a JSON text with an array for each entries, and all events in one
text.  SQLite's driver releases Python's lock at every row, and beside a busy thread gets the lock
back after 5 ms; so a batch must not be a statement for each row.
"""

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import (
    BindParameter,
    Insert,
    Integer,
    LargeBinary,
    Subquery,
    Text,
    and_,
    bindparam,
    case,
    delete,
    exists,
    false,
    func,
    insert,
    literal,
    select,
    text,
    update,
)

from legato.storage.sql.schema.tables import ENTRIES, JOBS
from legato.storage.sql.upserts import insert_of

if TYPE_CHECKING:
    from legato.storage.sql.upserts import Upsert

NOBODY: Final = ""
"""The owner of a forgotten job's tombstone."""

# Appended since the job's owner has it: so nothing has to be noted at an append.
_HAS_APPENDED: Final = exists().where(
    ENTRIES.c.job_id == JOBS.c.job_id, ENTRIES.c.epoch == JOBS.c.epoch
)

OWNERS: Final = select(JOBS.c.owner).where(JOBS.c.owner != NOBODY).distinct()
TAKEN: Final = (
    select(JOBS)
    .where(JOBS.c.owner == bindparam("taker"), JOBS.c.attempts > 0, ~_HAS_APPENDED)
    .order_by(JOBS.c.job_id)
)
TAKE_OVER: Final = (
    update(JOBS)
    .where(JOBS.c.owner == bindparam("of_owner"))
    .values(
        owner=bindparam("taker"),
        epoch=JOBS.c.epoch + 1,
        attempts=case((_HAS_APPENDED, 1), else_=JOBS.c.attempts + 1),
    )
)
_OF_JOBS: Final[BindParameter[Any]] = bindparam("of_jobs", expanding=True)
_OWN: Final = and_(JOBS.c.job_id.in_(_OF_JOBS), JOBS.c.owner == bindparam("of_owner"))
_THIS: Final = ENTRIES.c.job_id == bindparam("of_job")
MARK_DONE: Final = update(JOBS).where(_OWN).values(settled=True, attempts=0)
READ: Final = (
    select(ENTRIES)
    .where(ENTRIES.c.job_id.in_(_OF_JOBS))
    .order_by(ENTRIES.c.job_id, ENTRIES.c.epoch, ENTRIES.c.first)
)

# To forget a job: these statements in their order.
FORGET: Final = delete(JOBS).where(_OWN, JOBS.c.epoch == 1)  # entries go with the job
BURY: Final = update(JOBS).where(_OWN).values(owner=NOBODY, settled=True, attempts=0)
EMPTY: Final = delete(ENTRIES).where(
    ENTRIES.c.job_id.in_(
        select(JOBS.c.job_id).where(JOBS.c.job_id.in_(_OF_JOBS), JOBS.c.owner == NOBODY)
    )
)
EXPIRE: Final = delete(JOBS).where(JOBS.c.owner == NOBODY, JOBS.c.job_id < bindparam("oldest"))

# For entries that do not simply follow, a job at a time.
JOB: Final = select(JOBS).where(JOBS.c.job_id == bindparam("of_job"))
LAST: Final = select(ENTRIES).where(_THIS).order_by(ENTRIES.c.first.desc()).limit(1)
CUT: Final = delete(ENTRIES).where(_THIS, ENTRIES.c.first >= bindparam("from_first"))
ADD: Final = insert(ENTRIES)
OWN: Final = (
    update(JOBS)
    .where(JOBS.c.job_id == bindparam("of_job"))
    .values(owner=bindparam("me"), epoch=bindparam("to_epoch"))
)

_SQLITE_BATCH: Final = """
    SELECT
        json_extract(value, '$[0]') AS job_id,
        json_extract(value, '$[1]') AS first,
        json_extract(value, '$[2]') AS last,
        json_extract(value, '$[3]') AS epoch,
        json_extract(value, '$[4]') AS version,
        substr(:events, json_extract(value, '$[5]'), json_extract(value, '$[6]')) AS events
    FROM json_each(:batch)
"""
_POSTGRESQL_BATCH: Final = """
    SELECT
        value->>0 AS job_id,
        CAST(value->>1 AS integer) AS first,
        CAST(value->>2 AS integer) AS last,
        CAST(value->>3 AS integer) AS epoch,
        CAST(value->>4 AS integer) AS version,
        substr(:events, CAST(value->>5 AS integer), CAST(value->>6 AS integer)) AS events
    FROM json_array_elements(CAST(:batch AS json))
"""
_JOB: Final = ("job_id", "owner", "attempts", "settled", "epoch")


class Appends(NamedTuple):
    """Both statements take `batch`, the `events` beside, and `me`.

    `jobs` makes a row for each beginning log without a row, or with a tombstone of no later epoch.
    The row count of `entries` is the number of entries that simply follow this owner's kept log.
    """

    jobs: Insert
    entries: Insert


def appends(dialect: str) -> Appends:
    """Statements for the database of that SQLAlchemy name: sqlite or postgresql."""
    upsert = insert_of(dialect)
    batch = _POSTGRESQL_BATCH if dialect == "postgresql" else _SQLITE_BATCH
    return _appends(upsert(JOBS), upsert(ENTRIES), batch)


def _appends(jobs: "Upsert", entries: Insert, batch: str) -> Appends:
    said = _said(batch)
    me = bindparam("me", type_=Text)
    new = select(said.c.job_id, me, literal(0), false(), said.c.epoch).where(said.c.first == 1)
    begun = jobs.from_select(_JOB, new)
    made = begun.on_conflict_do_update(
        index_elements=["job_id"],
        set_={name: begun.excluded[name] for name in _JOB[1:]},
        where=and_(JOBS.c.owner == NOBODY, JOBS.c.epoch <= begun.excluded.epoch),
    )
    # Behind a row without `last` nothing is known to follow.
    kept = (
        select(func.coalesce(ENTRIES.c.last, -1))
        .where(ENTRIES.c.job_id == said.c.job_id)
        .order_by(ENTRIES.c.first.desc())
        .limit(1)
        .scalar_subquery()
    )
    following = (
        select(said)
        .join(JOBS, JOBS.c.job_id == said.c.job_id)
        .where(
            JOBS.c.epoch == said.c.epoch,
            JOBS.c.owner == me,
            said.c.first == func.coalesce(kept, 0) + 1,
            said.c.last >= said.c.first,
        )
    )
    put = entries.from_select(list(said.c), following)
    return Appends(made, put.execution_options(preserve_rowcount=True))


def _said(batch: str) -> Subquery:
    """The rows to append, which `batch` reads from the parameter `events`."""
    return (
        text(batch)
        .bindparams(bindparam("events", type_=LargeBinary))
        .columns(
            job_id=Text,
            first=Integer,
            last=Integer,
            epoch=Integer,
            version=Integer,
            events=LargeBinary,
        )
        .subquery("said")
    )
