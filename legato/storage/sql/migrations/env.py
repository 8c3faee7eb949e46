"""What Alembic runs for every command.  It configures no logging: that is the program's.

The connection is the caller's, `config.attributes["connection"]`, with a transaction begun.
"""

from alembic import context

from legato.storage.sql.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    render_as_batch=True,  # SQLite alters tables by copying them
)
with context.begin_transaction():
    context.run_migrations()
