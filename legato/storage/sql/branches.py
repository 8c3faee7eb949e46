"""A message and the messages above, read from a database: sizes first, then texts."""

from typing import Final

from sqlalchemy import ColumnElement, Connection, Select, bindparam, case, func, literal, select

from legato.storage.branches import cut_branch
from legato.storage.contracts.records import LONGEST_BRANCH, Branch
from legato.storage.sql.rows import message_of
from legato.storage.sql.schema.tables import MESSAGES
from legato.storage.sql.statements.records import SOME

_IN_CONVERSATION: Final = MESSAGES.c.conversation_id == bindparam("of_conversation")
_SIZE: Final = func.length(MESSAGES.c.text) + func.coalesce(func.length(MESSAGES.c.content), 0)

NEWEST: Final = (
    select(MESSAGES.c.message_id)
    .where(_IN_CONVERSATION)
    .order_by(MESSAGES.c.position.desc())
    .limit(1)
)


def _upwards(*roots: ColumnElement[bool]) -> Select[str, str, int]:
    """Ids from each root upwards, with the characters of all messages from the root up to there.

    Messages beyond `most` are only counted: the length of a text is known by reading the text.
    """
    path = (
        select(
            MESSAGES.c.message_id.label("root"),
            *(MESSAGES.c.conversation_id, MESSAGES.c.message_id, MESSAGES.c.parent_message_id),
            *(literal(1).label("number"), _SIZE.label("up_to")),
        )
        .where(*roots)
        .cte("path", recursive=True)
    )
    size = case((path.c.up_to > bindparam("most"), 0), else_=_SIZE)
    parents = select(
        path.c.root,
        *(MESSAGES.c.conversation_id, MESSAGES.c.message_id, MESSAGES.c.parent_message_id),
        *(path.c.number + 1, path.c.up_to + size),
    ).where(
        MESSAGES.c.conversation_id == path.c.conversation_id,
        MESSAGES.c.message_id == path.c.parent_message_id,
        path.c.number < LONGEST_BRANCH,
    )
    path = path.union_all(parents)
    return select(path.c.root, path.c.message_id, path.c.up_to).order_by(path.c.root, path.c.number)


UPWARDS: Final = _upwards(_IN_CONVERSATION, MESSAGES.c.message_id == bindparam("of_message"))
ALL_UPWARDS: Final = _upwards(MESSAGES.c.message_id.in_(bindparam("of_messages", expanding=True)))
"""The same from many messages, of whichever conversations: no two messages share an id."""


def read_branch(
    connection: Connection, conversation_id: str, message_id: str | None, most: int
) -> Branch:
    """As Records.branch says."""
    place = {"of_conversation": conversation_id}
    if message_id is None:
        message_id = connection.scalar(NEWEST, place)
    sized = connection.execute(UPWARDS, {**place, "of_message": message_id, "most": most})
    kept, above = cut_branch([(each, up_to) for _, each, up_to in sized], most)
    rows = connection.execute(SOME, {**place, "of_messages": kept})
    messages = {message.message_id: message for message in map(message_of, rows)}
    found = [messages[each] for each in reversed(kept) if each in messages]  # or deleted since
    return Branch(found, above)
