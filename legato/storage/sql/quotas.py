"""A user's storage use in a database, and whether there is room for more."""

from typing import Final

from sqlalchemy import Connection, bindparam, select, text

from legato.storage.contracts.quotas import Quota, StorageUse
from legato.storage.sql.schema.tables import CONVERSATIONS, STORAGE_USE

_USE: Final = select(STORAGE_USE).where(STORAGE_USE.c.user_id == bindparam("of_user"))

_HELD: Final = (
    select(CONVERSATIONS.c.conversation_id)
    .where(CONVERSATIONS.c.conversation_id == bindparam("of_conversation"))
    .with_for_update()  # SQLite, with one writer, needs no row lock and has none
)

_COUNT_NOW: Final = text("SET CONSTRAINTS ALL IMMEDIATE")


class SqlQuotas:
    """Checks a start in the transaction that stores the start: without room all is undone."""

    def __init__(self, quota: Quota, dialect: str) -> None:
        """`dialect`: sqlite or postgresql."""
        self._quota = quota
        self._counts_late = dialect == "postgresql"

    def begins(self, connection: Connection, conversation_id: str) -> bool:
        """Whether a start begins this conversation; asked before anything is written.

        An existing conversation stays until the transaction ends.  Without a bound on conversations
        nothing is looked up, and the answer is False.
        """
        if self._quota.conversations is None:
            return False
        return connection.execute(_HELD, {"of_conversation": conversation_id}).first() is None

    def check(self, connection: Connection, user: str, *, begins: bool = False) -> None:
        """Raises OverQuota.  Ask when all is written: from then on the user's count is locked."""
        if self._quota.is_off:
            return
        if self._counts_late:
            connection.execute(_COUNT_NOW)
        self._quota.check(use_of(connection, user), begins=begins)


def use_of(connection: Connection, user: str) -> StorageUse:
    row = connection.execute(_USE, {"of_user": user}).one_or_none()
    return StorageUse() if row is None else StorageUse(row.conversations, row.bytes)
