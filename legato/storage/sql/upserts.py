"""An INSERT that meets a row: the one statement that SQLite and PostgreSQL spell differently.

SQLAlchemy has no such INSERT of its own, only one for each database.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from sqlalchemy import Table
from sqlalchemy.dialects import sqlite

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql

    Upsert: TypeAlias = postgresql.Insert | sqlite.Insert


def insert_of(dialect: str) -> "Callable[[Table], Upsert]":
    """What makes an INSERT with `on_conflict_…`; `dialect` is sqlite or postgresql.

    PostgreSQL's dialect is imported here, where it is wanted: the import takes a twentieth of a
    start, and most servers keep an SQLite file.
    """
    if dialect == "postgresql":
        from sqlalchemy.dialects import postgresql

        return postgresql.insert
    return sqlite.insert
