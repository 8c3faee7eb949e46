"""Removal of stored rows in a database: SQLite or PostgreSQL."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from msgspec import MsgspecError
from sqlalchemy import Connection, func, select

from legato.events import AnyEvent, Created, Queued
from legato.requests import ApiRequest
from legato.storage.clock import microseconds
from legato.storage.contracts.erasure import Erased, oldest_id, oldest_request
from legato.storage.sql.connection.database import Database
from legato.storage.sql.deletion import delete_some
from legato.storage.sql.events import decoded
from legato.storage.sql.owners.locks import OwnerLocks
from legato.storage.sql.statements import erasure as statements

_POSTGRESQL_LOCK: Final = 0x1E6A71  # an arbitrary number, for "Legato's retention"


class _Job(NamedTuple):
    job_id: str
    owner: str
    marked_done: bool


class SqlErasure:
    """Looks for rows without holding up writes, then removes these rows in one transaction."""

    def __init__(self, database: Database, owners: OwnerLocks) -> None:
        self._database = database
        self._owners = owners

    async def running(self, user: str) -> int:
        def work(connection: Connection) -> int:
            return sum(self._is_running(job, connection) for job in _jobs_of(user, connection))

        return await self._database.read(work)

    async def erase(self, user: str, *, most: int) -> Erased:
        # Logs go first: a log names its conversation, and only the conversation names the user.
        if jobs := await self._database.read(lambda found: self._ended(user, found)):
            for start in range(0, len(jobs), most):
                await self._forget(jobs[start : start + most])
            return Erased(generations=len(jobs))

        def work(connection: Connection) -> Erased:
            values = {"of_user": user, "at_most": most}
            subject = {"of_subject": f"user:{user}"}
            connection.execute(statements.DELETE_DECISIONS_OF, values)
            return Erased(
                *_delete_conversations(connection, statements.CONVERSATIONS_OF, values),
                responses=connection.execute(statements.DELETE_RESPONSES_OF, values).rowcount,
                api_keys=connection.execute(statements.DELETE_API_KEYS_OF, values).rowcount,
                scores=connection.execute(statements.DELETE_SCORES_OF, subject).rowcount,
                # First: an agent goes when none of its versions is left.
                agent_versions=connection.execute(statements.DELETE_VERSIONS_OF, values).rowcount,
                agents=connection.execute(statements.DELETE_AGENTS_OF, values).rowcount,
                grants=connection.execute(statements.DELETE_GRANTS_OF, values).rowcount,
            )

        return await self._database.write(work)

    async def expire(self, before: datetime, *, most: int) -> Erased:
        values = {
            "before": microseconds(before),
            "before_id": oldest_id(before),
            "before_request": oldest_request(before),
            "at_most": most,
        }
        if not await self._database.read(lambda found: _has_expired(found, values)):
            return Erased()

        def work(connection: Connection) -> Erased:
            if not _is_only_one(connection):
                return Erased()
            connection.execute(statements.DELETE_OLD_DECISIONS, values)
            return Erased(
                *_delete_conversations(connection, statements.EXPIRED_CONVERSATIONS, values),
                responses=connection.execute(statements.DELETE_EXPIRED_RESPONSES, values).rowcount,
            )

        return await self._database.write(work)

    def _ended(self, user: str, connection: Connection) -> Sequence[str]:
        jobs = _jobs_of(user, connection)
        return [job.job_id for job in jobs if not self._is_running(job, connection)]

    def _is_running(self, job: _Job, connection: Connection) -> bool:
        return not job.marked_done and not self._owners.is_gone(job.owner, connection)

    async def _forget(self, job_ids: Sequence[str]) -> None:
        def work(connection: Connection) -> None:
            for statement in statements.FORGET_JOBS:
                connection.execute(statement, {"of_jobs": job_ids})

        await self._database.write(work)


def _delete_conversations(
    connection: Connection, which: Any, values: dict[str, Any]
) -> tuple[int, int]:
    """Delete some of the conversations found; how many, and how many messages."""
    return delete_some(connection, connection.scalars(which, values).all())


def _has_expired(connection: Connection, values: dict[str, Any]) -> bool:
    for statement in (statements.EXPIRED_CONVERSATIONS, statements.EXPIRED_RESPONSES):
        if connection.execute(statement, {**values, "at_most": 1}).first():
            return True
    return False


def _is_only_one(connection: Connection) -> bool:
    """Whether no other process is removing; on SQLite there is one writer anyway."""
    if connection.dialect.name != "postgresql":
        return True
    return bool(connection.scalar(select(func.pg_try_advisory_xact_lock(_POSTGRESQL_LOCK))))


def _jobs_of(user: str, connection: Connection) -> Iterator[_Job]:
    """The user's jobs in the journal; a log that this version cannot read is nobody's."""
    for row in connection.execute(statements.BEGINNINGS):
        try:
            events = decoded(row.events, row.version)
        except MsgspecError:
            continue
        if events and _user_of(events[0], connection) == user:
            yield _Job(row.job_id, row.owner, row.settled)


def _user_of(first: AnyEvent, connection: Connection) -> str | None:
    match first:
        case Queued(turn=turn):
            return turn.user
        case Created(api_request=ApiRequest() as request):
            return request.user
        case Created(request=request):
            values = {"of_conversation": request.conversation_id}
            return connection.execute(statements.USER_OF, values).scalar_one_or_none()
    return None
