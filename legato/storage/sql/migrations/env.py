"""The environment of every Alembic command.  Logging is the program's, and not configured here.

The connection is the caller's, `config.attributes["connection"]`, with a transaction begun.
"""

from alembic import context

from legato.storage.sql.schema.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    render_as_batch=True,  # SQLite alters a table by a copy
)
with context.begin_transaction():
    context.run_migrations()
