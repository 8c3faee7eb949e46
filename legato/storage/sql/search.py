"""The words of messages in a database, written by the transaction that writes the message."""

from collections.abc import Sequence

from sqlalchemy import Connection

from legato.content import Message, text_of
from legato.search.words import Term, words_of
from legato.storage.contracts.records import FoundMessage, FoundPage
from legato.storage.paging import FOUND, cut, place_before
from legato.storage.sql.rows import message_of
from legato.storage.sql.statements import search as statements


class SqlSearch:
    """Whatever removes a message removes the words, too: a trigger in SQLite, a cascade in
    PostgreSQL."""

    def __init__(self, dialect: str) -> None:
        """`dialect`: sqlite or postgresql."""
        self._is_sqlite = dialect == "sqlite"
        self._statements = statements.SQLITE if self._is_sqlite else statements.POSTGRESQL

    def put(self, connection: Connection, user: str, position: int, message: Message) -> None:
        """Keep the words of a message that was just written, in place of former words."""
        words = [statements.of_user(user), *words_of(text_of(message))]
        kept = " ".join(words) if self._is_sqlite else words
        connection.execute(self._statements.put, {"position": position, "words": kept})

    def find(
        self,
        connection: Connection,
        user: str,
        terms: Sequence[Term],
        limit: int,
        most: int,
        before: int,
    ) -> FoundPage:
        """See Records.found_messages; `before`: the position before which the page ends."""
        if not terms:
            return FoundPage(())
        values = {
            "of_user": user,
            "query": self._query(user, terms),
            "before": before,
            "at_most": limit + 1,
        }
        rows = connection.execute(self._statements.sizes, values)
        sized = [(position, size) for position, size in rows]
        fitting = cut(sized, limit, most)
        places = [position for position, _ in sized[:fitting]]
        found = connection.execute(statements.FOUND, {"of_user": user, "at_places": places})
        page = [FoundMessage(message_of(row), row.title) for row in found]
        return FoundPage(page, place_before(FOUND, sized, fitting))

    def _query(self, user: str, terms: Sequence[Term]) -> str:
        make = statements.sqlite_query if self._is_sqlite else statements.postgresql_query
        return make(user, terms)
