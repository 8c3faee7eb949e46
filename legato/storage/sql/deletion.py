"""Conversations are deleted in steps, between which others write: some have gigabytes."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, bindparam, delete, func, select

from legato.storage.sql.schema.tables import CONVERSATIONS, MESSAGES

MESSAGES_A_STEP: Final = 16
"""Questions have up to 256 KiB and answers 4 MiB, and a disk forgets 70 MB a second."""

_OLDEST: Final = (
    select(MESSAGES.c.position)
    .where(MESSAGES.c.conversation_id == bindparam("of_conversation"))
    .order_by(MESSAGES.c.position)
    .limit(bindparam("at_most"))
)
_COUNT: Final = select(func.count()).select_from(_OLDEST.subquery())
_DELETE_OLDEST: Final = delete(MESSAGES).where(MESSAGES.c.position.in_(_OLDEST))
_DELETE_WHOLE: Final = delete(CONVERSATIONS).where(
    CONVERSATIONS.c.conversation_id.in_(bindparam("of_conversations", expanding=True))
)  # the rest goes by ON DELETE


def delete_some(connection: Connection, conversation_ids: Sequence[str]) -> tuple[int, int]:
    """Delete the first conversations, up to MESSAGES_A_STEP messages, or a part of the first.

    Returns how many conversations and how many messages were deleted; nothing is left once both are
    0.  Of a longer first conversation the oldest messages are deleted.
    """
    whole: list[str] = []
    messages = 0
    for conversation_id in conversation_ids:
        values = {"of_conversation": conversation_id, "at_most": MESSAGES_A_STEP + 1}
        more = connection.execute(_COUNT, values).scalar_one()
        if messages + more > MESSAGES_A_STEP:
            break
        messages += more
        whole.append(conversation_id)
    if conversation_ids and not whole:
        values = {"of_conversation": conversation_ids[0], "at_most": MESSAGES_A_STEP}
        return 0, connection.execute(_DELETE_OLDEST, values).rowcount
    return connection.execute(_DELETE_WHOLE, {"of_conversations": whole}).rowcount, messages
