"""The statements of stored responses, built once."""

from typing import Final

from sqlalchemy import Insert, bindparam, delete, func, literal, select, update
from sqlalchemy.dialects import postgresql, sqlite

from legato.storage.sql.schema.tables import RESPONSES

_THEIRS: Final = RESPONSES.c.user_id == bindparam("of_user")
_THIS: Final = RESPONSES.c.response_id == bindparam("of_response")

FIND: Final = select(RESPONSES).where(_THEIRS, _THIS)
DELETE: Final = delete(RESPONSES).where(_THEIRS, _THIS)
_CONVERSATION: Final = select(RESPONSES).where(
    _THEIRS, RESPONSES.c.conversation_id == bindparam("of_conversation")
)
CONVERSATION: Final = _CONVERSATION.order_by(RESPONSES.c.position)
NEWEST: Final = _CONVERSATION.order_by(RESPONSES.c.position.desc()).limit(1)
CLOSE: Final = (
    update(RESPONSES)
    .where(_THIS, RESPONSES.c.ending.is_(None))
    .values(ending=bindparam("ending"), ending_version=bindparam("ending_version"))
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


def put(dialect: str) -> Insert:
    """The insert for the database with this SQLAlchemy name: sqlite or postgresql."""
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    return insert(RESPONSES).on_conflict_do_nothing(index_elements=["response_id"])
