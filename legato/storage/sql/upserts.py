"""An INSERT for rows that may exist: the one statement that differs between the databases.

SQLAlchemy has an upsert for SQLite and an upsert for PostgreSQL, but none for both.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from sqlalchemy import Table
from sqlalchemy.dialects import sqlite

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql

    Upsert: TypeAlias = postgresql.Insert | sqlite.Insert


def insert_of(dialect: str) -> "Callable[[Table], Upsert]":
    """The function that makes an INSERT with `on_conflict_…`; `dialect` is sqlite or postgresql.

    PostgreSQL's dialect is imported only for PostgreSQL: the import takes a twentieth of a start,
    and most servers keep an SQLite file.
    """
    if dialect == "postgresql":
        from sqlalchemy.dialects import postgresql

        return postgresql.insert
    return sqlite.insert
