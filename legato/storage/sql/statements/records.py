"""Every statement of the records, built once, with named parameters.

The upserts alone differ between SQLite and PostgreSQL, and only in the function for an insert.  No
statement uses RETURNING, which SQLite has since 3.35 only.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    Insert,
    Select,
    Table,
    and_,
    bindparam,
    exists,
    false,
    func,
    or_,
    select,
    update,
)

from legato.content import NEW_CHAT
from legato.search.words import Term, needle
from legato.storage.sql.schema.tables import CONVERSATIONS, MESSAGES, REQUESTS
from legato.storage.sql.upserts import insert_of

_THE_CONVERSATION: Final = CONVERSATIONS.c.conversation_id == bindparam("of_conversation")

CONVERSATION: Final = select(CONVERSATIONS).where(_THE_CONVERSATION)

FIRST_PAGE: Final = (
    select(CONVERSATIONS)
    .where(CONVERSATIONS.c.user_id == bindparam("of_user"))
    .order_by(CONVERSATIONS.c.updated_at.desc(), CONVERSATIONS.c.conversation_id)
    .limit(bindparam("at_most"))
)

NEXT_PAGE: Final = FIRST_PAGE.where(
    # The index can start from the first condition; the second alone would scan.
    CONVERSATIONS.c.updated_at <= bindparam("primary"),
    or_(
        CONVERSATIONS.c.updated_at < bindparam("primary"),
        CONVERSATIONS.c.conversation_id > bindparam("secondary"),
    ),
)


def titled(page: Select[Any], terms: Sequence[Term] | None) -> Select[Any]:
    """The conversations of a page whose title has all `terms`; None: all conversations."""
    if terms is None:
        return page
    words = [CONVERSATIONS.c.title_words.contains(needle(term), autoescape=True) for term in terms]
    return page.where(*words or [false()])


THREAD: Final = (
    select(MESSAGES)
    .where(MESSAGES.c.conversation_id == bindparam("of_conversation"))
    .order_by(MESSAGES.c.position)
)

_BEFORE: Final = MESSAGES.c.position < bindparam("before")
SIZES: Final = (
    select(
        MESSAGES.c.position,
        func.length(MESSAGES.c.text) + func.coalesce(func.length(MESSAGES.c.content), 0),
    )
    .where(MESSAGES.c.conversation_id == bindparam("of_conversation"), _BEFORE)
    .order_by(MESSAGES.c.position.desc())
    .limit(bindparam("at_most"))
)
"""In characters, which is near enough, and counted before anything is read."""

THREAD_PAGE: Final = THREAD.where(_BEFORE, MESSAGES.c.position >= bindparam("first"))

SOME: Final = THREAD.where(MESSAGES.c.message_id.in_(bindparam("of_messages", expanding=True)))

PLACE: Final = select(MESSAGES.c.conversation_id, MESSAGES.c.position).where(
    MESSAGES.c.message_id == bindparam("of_message")
)

ANSWER: Final = (
    select(MESSAGES)
    .where(MESSAGES.c.job_id == bindparam("of_job"))
    .order_by(MESSAGES.c.position)
    .limit(1)
)

REQUEST: Final = select(REQUESTS).where(
    REQUESTS.c.user_id == bindparam("of_user"),
    REQUESTS.c.request_id == bindparam("of_request"),
)

REVISE: Final = (
    update(MESSAGES)
    .where(
        MESSAGES.c.message_id == bindparam("of_message"),
        MESSAGES.c.conversation_id == bindparam("of_conversation"),
    )
    .values(reviser=bindparam("of_job"))
)

TOUCH: Final = update(CONVERSATIONS).where(_THE_CONVERSATION).values(updated_at=bindparam("now"))
TOUCH_UNANSWERED: Final = TOUCH.where(
    ~exists().where(
        MESSAGES.c.message_id == bindparam("of_message"),
        MESSAGES.c.conversation_id == bindparam("of_conversation"),
        or_(MESSAGES.c.job_id == bindparam("of_job"), MESSAGES.c.reviser != bindparam("of_job")),
    )
)
"""No row is touched where the job stored this answer before, a different job revises the answer, or
the conversation is gone."""

RETITLE: Final = TOUCH.values(title=bindparam("new_title"), title_words=bindparam("new_words"))
RETITLE_UNTITLED: Final = RETITLE.where(
    CONVERSATIONS.c.title == NEW_CHAT,
    exists().where(
        MESSAGES.c.message_id == bindparam("of_question"),
        MESSAGES.c.conversation_id == bindparam("of_conversation"),
    ),
)


class Upserts(NamedTuple):
    """Rows of another owner are left alone; read afterwards whose the row is.

    `answer` also leaves alone an answer of the same job.  A new request is a new row; a taken
    request changes nothing.
    """

    conversation: Insert
    message: Insert
    answer: Insert
    request: Insert


def upserts(dialect: str) -> Upserts:
    """Statements for the database of that SQLAlchemy name: sqlite or postgresql."""
    insert = insert_of(dialect)
    conversation, message = insert(CONVERSATIONS), insert(MESSAGES)
    replaced = {name: message.excluded[name] for name in _replaced(MESSAGES)}
    is_in_place = MESSAGES.c.conversation_id == message.excluded.conversation_id
    is_anothers = MESSAGES.c.job_id.is_distinct_from(message.excluded.job_id)
    key = ["message_id"]
    return Upserts(
        conversation.on_conflict_do_update(
            index_elements=["conversation_id"],
            set_={
                name: conversation.excluded[name]
                for name in ("endpoint", "model", "agent_id", "updated_at")
            },
            where=CONVERSATIONS.c.user_id == conversation.excluded.user_id,
        ),
        message.on_conflict_do_update(index_elements=key, set_=replaced, where=is_in_place),
        message.on_conflict_do_update(
            index_elements=key, set_=replaced, where=and_(is_in_place, is_anothers)
        ),
        insert(REQUESTS).on_conflict_do_nothing().execution_options(preserve_rowcount=True),
    )


def _replaced(messages: Table) -> list[str]:
    kept = {"position", "message_id", "conversation_id", "created_at", "reviser"}
    return [column.name for column in messages.c if column.name not in kept]
