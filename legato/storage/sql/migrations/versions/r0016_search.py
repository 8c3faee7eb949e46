"""The words of messages and titles, by which a search finds them.

The words of all present messages are kept in the same transaction.  SQLite has an FTS5 table with
a row for each message.  PostgreSQL has a second table with a `tsvector` for each message, and
leaves the rows of messages alone.  Words are made by `legato.search.words`, in Python: no database
divides a text.  A message stored by a former version that still runs has no words.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, Final

import sqlalchemy as sa
from alembic import op
from msgspec import MsgspecError, json

from legato.search.words import joined, words_of
from legato.storage.sql.statements.search import POSTGRESQL, SQLITE, of_user

revision = "0016"
down_revision = "0014"

A_STEP: Final = 16
"""Messages read at once: an answer has up to 4 MiB."""


def upgrade() -> None:
    op.add_column(
        "conversations", sa.Column("title_words", sa.Text, nullable=False, server_default="")
    )
    for statement in _sqlite() if _is_sqlite() else _postgresql():
        op.execute(statement)
    connection = op.get_bind()
    for row in _titles(connection):
        connection.execute(
            sa.text("UPDATE conversations SET title_words = :words WHERE conversation_id = :id"),
            {"id": row.conversation_id, "words": joined(words_of(row.title))},
        )
    put = (SQLITE if _is_sqlite() else POSTGRESQL).put
    for rows in _messages(connection):
        connection.execute(put, [{"position": row.position, "words": _words(row)} for row in rows])
    if not _is_sqlite():
        # Without `fastupdate`, no write has to sort in the words of the thousand writes before.
        op.execute(
            "CREATE INDEX ix_message_words ON message_words USING gin (words)"
            " WITH (fastupdate = off)"
        )


def downgrade() -> None:
    if _is_sqlite():
        op.execute("DROP TRIGGER words_removed_message")
    op.execute("DROP TABLE message_words")
    op.drop_column("conversations", "title_words")


def _is_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def _sqlite() -> Iterator[str]:
    # `ascii` takes every other character for a letter, so no word of ours is divided again.
    yield (
        "CREATE VIRTUAL TABLE message_words USING fts5(words, tokenize = 'ascii', detail = none)"
    )
    yield (
        "CREATE TRIGGER words_removed_message AFTER DELETE ON messages BEGIN"
        " DELETE FROM message_words WHERE rowid = OLD.position; END"
    )


def _postgresql() -> Iterator[str]:
    # Former versions that run meanwhile wait: their messages of before are read here.
    yield "LOCK TABLE conversations, messages IN SHARE ROW EXCLUSIVE MODE"
    yield (
        "CREATE TABLE message_words ("
        "position bigint PRIMARY KEY REFERENCES messages (position) ON DELETE CASCADE,"
        " words tsvector NOT NULL)"
    )


def _titles(connection: sa.Connection) -> list[sa.Row[Any]]:
    statement = sa.text("SELECT conversation_id, title FROM conversations")
    return [*connection.execute(statement)]


def _messages(connection: sa.Connection) -> Iterator[Sequence[sa.Row[Any]]]:
    statement = sa.text(
        "SELECT position, user_id, text, content FROM messages"
        " JOIN conversations ON conversations.conversation_id = messages.conversation_id"
        " WHERE position > :after ORDER BY position LIMIT :at_most"
    )
    after = 0
    while rows := connection.execute(statement, {"after": after, "at_most": A_STEP}).all():
        yield rows
        after = rows[-1].position


def _words(row: sa.Row[Any]) -> str | list[str]:
    words = [of_user(row.user_id), *words_of(_text_of(row))]
    return " ".join(words) if _is_sqlite() else words


def _text_of(row: sa.Row[Any]) -> str:
    """The text of a message for a person, as `legato.content.text_of` has it."""
    texts = []
    with suppress(MsgspecError):  # content that no version can read has no words
        parts = json.decode(row.content or "[]", type=list[dict[str, Any]])
        texts = [part["text"] for part in parts if part.get("type") == "text"]
    return "".join(texts) or str(row.text)
