"""The statements of the search: the words of messages are in a table of their own.

SQLite has an FTS5 table, PostgreSQL a `tsvector` with a GIN index.  Neither divides a text: the
words come from `legato.search.words`, so both databases find the same.  An extra word of each
message names the user, so the index leads to messages of one user only.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Final, NamedTuple

from sqlalchemy import TextClause, bindparam, select, text

from legato.search.words import Term
from legato.storage.sql.schema.tables import CONVERSATIONS, MESSAGES

FOUND: Final = (
    select(MESSAGES, CONVERSATIONS.c.title)
    .join(CONVERSATIONS)
    .where(
        MESSAGES.c.position.in_(bindparam("at_places", expanding=True)),
        CONVERSATIONS.c.user_id == bindparam("of_user"),
    )
    .order_by(MESSAGES.c.position.desc())
)

# The newest are chosen first: to measure a long text takes as long as to read it.
_SIZES: Final = (
    "SELECT messages.position, length(text) + coalesce(length(content), 0) FROM"
    " (SELECT {key} AS place FROM message_words WHERE {matches} AND {key} < :before"
    " ORDER BY {key} DESC LIMIT :at_most) AS found"
    " JOIN messages ON messages.position = found.place"
    " JOIN conversations ON conversations.conversation_id = messages.conversation_id"
    " WHERE user_id = :of_user ORDER BY messages.position DESC"
)


class Statements(NamedTuple):
    """`sizes`: positions of messages found and their sizes in characters, the newest first."""

    put: TextClause
    sizes: TextClause


SQLITE: Final = Statements(
    text("INSERT OR REPLACE INTO message_words (rowid, words) VALUES (:position, :words)"),
    text(_SIZES.format(key="rowid", matches="message_words MATCH :query")),
)
POSTGRESQL: Final = Statements(
    text(
        "INSERT INTO message_words (position, words)"
        " VALUES (:position, array_to_tsvector(CAST(:words AS text[])))"
        " ON CONFLICT (position) DO UPDATE SET words = excluded.words"
    ),
    text(_SIZES.format(key="position", matches="words @@ CAST(:query AS tsquery)")),
)


def of_user(user: str) -> str:
    """The word of all messages of a user; no text has the word, because § is in no word."""
    return f"§{sha256(user.encode()).hexdigest()[:16]}"


def sqlite_query(user: str, terms: Sequence[Term]) -> str:
    words = (f'"{word}"' + ("" if is_whole else "*") for word, is_whole in terms)
    return " AND ".join([f'"{of_user(user)}"', *words])


def postgresql_query(user: str, terms: Sequence[Term]) -> str:
    words = (f"'{word}'" + ("" if is_whole else ":*") for word, is_whole in terms)
    return " & ".join([f"'{of_user(user)}'", *words])
