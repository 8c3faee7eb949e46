"""The statements that remove a user's rows, or old rows, built once."""

from typing import Any, Final

from sqlalchemy import BindParameter, bindparam, delete, exists, select, tuple_, update

from legato.storage.sql.schema.tables import (
    AGENT_GRANTS,
    AGENT_VERSIONS,
    AGENTS,
    API_KEYS,
    CONVERSATIONS,
    ENTRIES,
    JOBS,
    LEAVE_DECISIONS,
    RESPONSES,
    VIOLATIONS,
)
from legato.storage.sql.statements.journal import NOBODY

_AT_MOST: Final[BindParameter[Any]] = bindparam("at_most")
_USER: Final[BindParameter[Any]] = bindparam("of_user")

CONVERSATIONS_OF: Final = (
    select(CONVERSATIONS.c.conversation_id).where(CONVERSATIONS.c.user_id == _USER).limit(_AT_MOST)
)
EXPIRED_CONVERSATIONS: Final = (
    select(CONVERSATIONS.c.conversation_id)
    .where(CONVERSATIONS.c.updated_at < bindparam("before"))
    .limit(_AT_MOST)
)
_RESPONSES_OF: Final = (
    select(RESPONSES.c.position).where(RESPONSES.c.user_id == _USER).limit(_AT_MOST)
)
DELETE_RESPONSES_OF: Final = delete(RESPONSES).where(RESPONSES.c.position.in_(_RESPONSES_OF))

_LATER: Final = RESPONSES.alias("later")
EXPIRED_RESPONSES: Final = (
    select(RESPONSES.c.position)
    .where(
        RESPONSES.c.response_id < bindparam("before_id"),
        ~exists().where(
            _LATER.c.user_id == RESPONSES.c.user_id,
            _LATER.c.conversation_id == RESPONSES.c.conversation_id,
            _LATER.c.response_id >= bindparam("before_id"),
        ),
    )
    .order_by(RESPONSES.c.position)
    .limit(_AT_MOST)
)
DELETE_EXPIRED_RESPONSES: Final = delete(RESPONSES).where(
    RESPONSES.c.position.in_(EXPIRED_RESPONSES)
)

DELETE_DECISIONS_OF: Final = delete(LEAVE_DECISIONS).where(LEAVE_DECISIONS.c.user_id == _USER)
DELETE_OLD_DECISIONS: Final = delete(LEAVE_DECISIONS).where(
    LEAVE_DECISIONS.c.request_id < bindparam("before_request")
)
DELETE_API_KEYS_OF: Final = delete(API_KEYS).where(API_KEYS.c.user_id == _USER)
DELETE_SCORES_OF: Final = delete(VIOLATIONS).where(VIOLATIONS.c.subject == bindparam("of_subject"))

_VERSIONS_OF: Final = (
    select(AGENT_VERSIONS.c.agent_id, AGENT_VERSIONS.c.version)
    .where(AGENT_VERSIONS.c.user_id == _USER)
    .limit(_AT_MOST)
)
DELETE_VERSIONS_OF: Final = delete(AGENT_VERSIONS).where(
    tuple_(AGENT_VERSIONS.c.agent_id, AGENT_VERSIONS.c.version).in_(_VERSIONS_OF)
)
DELETE_AGENTS_OF: Final = delete(AGENTS).where(
    AGENTS.c.user_id == _USER,
    ~exists().where(AGENT_VERSIONS.c.agent_id == AGENTS.c.agent_id),
)
"""Those of whose versions none is left."""

DELETE_GRANTS_OF: Final = delete(AGENT_GRANTS).where(
    AGENT_GRANTS.c.kind == "user",
    AGENT_GRANTS.c.principal == _USER,
    AGENT_GRANTS.c.agent_id.in_(select(AGENTS.c.agent_id).where(AGENTS.c.user_id != _USER)),
)

BEGINNINGS: Final = (
    select(ENTRIES.c.job_id, ENTRIES.c.version, ENTRIES.c.events, JOBS.c.owner, JOBS.c.settled)
    .join(JOBS, JOBS.c.job_id == ENTRIES.c.job_id)
    .where(ENTRIES.c.first == 1)
)
USER_OF: Final = select(CONVERSATIONS.c.user_id).where(
    CONVERSATIONS.c.conversation_id == bindparam("of_conversation")
)
_JOBS: Final[BindParameter[Any]] = bindparam("of_jobs", expanding=True)
FORGET_JOBS: Final = (
    delete(ENTRIES).where(ENTRIES.c.job_id.in_(_JOBS)),
    delete(JOBS).where(JOBS.c.job_id.in_(_JOBS), JOBS.c.epoch == 1),
    # A former owner that comes back must not tell the log again: a tombstone stays for a day.
    update(JOBS).where(JOBS.c.job_id.in_(_JOBS)).values(owner=NOBODY, settled=True, attempts=0),
)
"""In this order."""
