"""The statements of stored responses, built once."""

from typing import Final

from sqlalchemy import Insert, and_, bindparam, delete, func, literal, or_, select, update

from legato.storage.sql.schema.tables import ITEM_NAMES, LEAVE_DECISIONS, RESPONSES
from legato.storage.sql.upserts import insert_of

_THEIRS: Final = RESPONSES.c.user_id == bindparam("of_user")
_THIS: Final = RESPONSES.c.response_id == bindparam("of_response")

FIND: Final = select(RESPONSES).where(_THEIRS, _THIS)
DELETE: Final = delete(RESPONSES).where(_THEIRS, _THIS)
_CONVERSATION: Final = select(RESPONSES).where(
    _THEIRS, RESPONSES.c.conversation_id == bindparam("of_conversation")
)
CONVERSATION: Final = _CONVERSATION.order_by(RESPONSES.c.position)
FIRST: Final = _CONVERSATION.order_by(RESPONSES.c.position).limit(1)
NEWEST: Final = _CONVERSATION.order_by(RESPONSES.c.position.desc()).limit(1)
CLOSE: Final = (
    update(RESPONSES)
    .where(_THIS, RESPONSES.c.ending.is_(None))
    .values(ending=bindparam("ending"), ending_version=bindparam("ending_version"))
)

REWRITE: Final = (
    update(RESPONSES)
    .where(_THEIRS, _THIS)
    .values(created=bindparam("new_created"), version=bindparam("new_version"))
)
ITEMS: Final = select(RESPONSES.c["items"]).where(_THEIRS, _THIS).with_for_update()
PUT_ITEMS: Final = update(RESPONSES).where(_THIS).values(items=bindparam("new_items"))
DROP_NAME: Final = delete(ITEM_NAMES).where(
    ITEM_NAMES.c.user_id == bindparam("of_user"),
    ITEM_NAMES.c.digest == bindparam("of_digest"),
    ITEM_NAMES.c.response_id == bindparam("of_response"),
)
DELETE_SOME: Final = delete(RESPONSES).where(
    RESPONSES.c.position.in_(
        select(RESPONSES.c.position)
        .where(_THEIRS, RESPONSES.c.conversation_id == bindparam("of_conversation"))
        .order_by(RESPONSES.c.position)
        .limit(bindparam("at_most"))
    )
)

_BYTES: Final = func.coalesce(
    func.sum(
        func.length(RESPONSES.c["items"])  # characters of a text, which is near enough to bytes
        + func.length(RESPONSES.c.created)
        + func.coalesce(func.length(RESPONSES.c.ending), 0)
    ),
    0,
)
CONVERSATION_BYTES: Final = select(_BYTES).where(
    _THEIRS, RESPONSES.c.conversation_id == bindparam("of_conversation")
)

_LINK: Final = (
    select(RESPONSES.c.position, RESPONSES.c.previous_id, literal(1).label("length"))
    .where(_THEIRS, _THIS)
    .cte("link", recursive=True)
)
_LINKS: Final = _LINK.union_all(
    select(RESPONSES.c.position, RESPONSES.c.previous_id, _LINK.c.length + 1)
    .join(_LINK, RESPONSES.c.response_id == _LINK.c.previous_id)
    .where(_THEIRS, _LINK.c.length < bindparam("longest"))
)
CHAIN: Final = (
    select(RESPONSES)
    .join(_LINKS, RESPONSES.c.position == _LINKS.c.position)
    .order_by(_LINKS.c.length.desc())
)
"""The oldest first: where the oldest has a `previous_id`, the chain is broken or too long."""


CHAIN_BYTES: Final = select(_BYTES).join(_LINKS, RESPONSES.c.position == _LINKS.c.position)


_NAMED: Final = select(ITEM_NAMES.c.response_id).where(
    ITEM_NAMES.c.user_id == bindparam("of_user"),
    ITEM_NAMES.c.digest.in_(bindparam("of_digests", expanding=True)),
)
_HOLDING: Final = and_(
    _THEIRS,
    or_(
        RESPONSES.c.response_id.in_(bindparam("of_responses", expanding=True)),
        RESPONSES.c.response_id.in_(_NAMED),
    ),
)
HOLDING: Final = select(RESPONSES).where(_HOLDING).order_by(RESPONSES.c.position)
HOLDING_BYTES: Final = select(_BYTES).where(_HOLDING)


def put_names(dialect: str) -> Insert:
    """The insert like `put`, for items with a client's ids."""
    insert = insert_of(dialect)
    return insert(ITEM_NAMES).on_conflict_do_nothing()


def put(dialect: str) -> Insert:
    """The insert for the database with this SQLAlchemy name: sqlite or postgresql."""
    insert = insert_of(dialect)
    return insert(RESPONSES).on_conflict_do_nothing(index_elements=["response_id"])


def put_decisions(dialect: str) -> Insert:
    """The insert like `put`, for decisions on requests for leave."""
    return insert_of(dialect)(LEAVE_DECISIONS).on_conflict_do_nothing()


DECIDED_BEFORE: Final = select(LEAVE_DECISIONS).where(
    LEAVE_DECISIONS.c.user_id == bindparam("of_user"),
    LEAVE_DECISIONS.c.request_id.in_(bindparam("of_requests", expanding=True)),
    LEAVE_DECISIONS.c.response_id != bindparam("of_response"),
)
