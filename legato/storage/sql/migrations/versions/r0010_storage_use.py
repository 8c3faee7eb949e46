"""The database itself counts how much each user stores.

Triggers count in the transaction that stores or removes: also for former versions running beside
this one, for a cascade, for an operator.  Texts are measured where they are written, and never read
again.  `storage/contracts/quotas.py` says what counts.  The messages of each conversation are
always counted; a user's sum is counted once `storage_counting` has a row, see
`legato/storage/sql/schema/counting.py`: servers without quotas do not wait for sums.
"""

from collections.abc import Callable, Iterator

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

ROW = 512


def upgrade() -> None:
    op.add_column(
        "conversations", sa.Column("bytes", sa.BigInteger, nullable=False, server_default="0")
    )
    op.create_table(
        "storage_use",
        sa.Column("user_id", sa.Text, primary_key=True),
        sa.Column("conversations", sa.BigInteger, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
    )
    op.create_table("storage_counting", sa.Column("since", sa.BigInteger, nullable=False))
    if not _is_sqlite():
        # Former versions running meanwhile wait; otherwise their writes would not be counted.
        op.execute("LOCK TABLE conversations, messages IN SHARE ROW EXCLUSIVE MODE")
    _fill()
    for statement in _sqlite() if _is_sqlite() else _postgresql():
        op.execute(statement)


def downgrade() -> None:
    if _is_sqlite():
        for table in ("message", "conversation", "response"):
            for change in ("new", "changed", "removed"):
                op.execute(f"DROP TRIGGER count_{change}_{table}")
    else:
        for table in ("message", "conversation", "response"):
            op.execute(f"DROP TRIGGER count_{table} ON {table}s")
            op.execute(f"DROP FUNCTION legato_count_{table}()")
        op.execute("DROP FUNCTION legato_add_use(text, bigint, bigint)")
    op.drop_table("storage_counting")
    op.drop_table("storage_use")
    op.drop_column("conversations", "bytes")


def _is_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def _octets(column: str) -> str:
    # SQLite has octet_length since 3.43 only, and SQLite's length counts the characters of texts.
    return f"length(CAST({column} AS BLOB))" if _is_sqlite() else f"octet_length({column})"


def _message(row: str) -> str:
    texts = f"{_octets(f'{row}.text')} + coalesce({_octets(f'{row}.content')}, 0)"
    return f"({ROW} + {texts})"


def _conversation(row: str) -> str:
    return f"({ROW} + {_octets(f'{row}.title')} + {row}.bytes)"


def _response(row: str) -> str:
    request = f"{_octets(f'{row}.items')} + {_octets(f'{row}.created')}"
    return f"({ROW} + {request} + coalesce({_octets(f'{row}.ending')}, 0))"


def _fill() -> None:
    op.execute(
        f"UPDATE conversations SET bytes = coalesce((SELECT sum({_message('messages')})"
        " FROM messages WHERE messages.conversation_id = conversations.conversation_id), 0)"
    )


# SQLite: a statement for each change. A message removed by a cascade finds its conversation gone,
# and the conversation was counted with all messages.


def _sqlite() -> Iterator[str]:
    yield from _sqlite_messages()
    yield from _sqlite_rows("conversation", _conversation, "title, bytes", 1)
    yield from _sqlite_rows("response", _response, "items, created, ending", 0)


def _sqlite_messages() -> Iterator[str]:
    new, old = _message("NEW"), _message("OLD")
    for change, event, more in (
        ("new", "INSERT", new),
        ("changed", "UPDATE OF text, content", f"{new} - {old}"),
        ("removed", "DELETE", f"-{old}"),
    ):
        row = "OLD" if event == "DELETE" else "NEW"
        yield (
            f"CREATE TRIGGER count_{change}_message AFTER {event} ON messages BEGIN"
            f" UPDATE conversations SET bytes = bytes + {more}"
            f" WHERE conversation_id = {row}.conversation_id; END"
        )


def _sqlite_rows(
    name: str, size: Callable[[str], str], columns: str, conversations: int
) -> Iterator[str]:
    new, old, table = size("NEW"), size("OLD"), f"{name}s"
    when = "WHEN EXISTS (SELECT 1 FROM storage_counting)"
    yield (
        f"CREATE TRIGGER count_new_{name} AFTER INSERT ON {table} {when} BEGIN"
        f" INSERT INTO storage_use VALUES (NEW.user_id, {conversations}, {new})"
        f" ON CONFLICT (user_id) DO UPDATE SET conversations = conversations + {conversations},"
        " bytes = bytes + excluded.bytes; END"
    )
    yield (
        f"CREATE TRIGGER count_changed_{name} AFTER UPDATE OF {columns} ON {table} {when} BEGIN"
        f" UPDATE storage_use SET bytes = bytes + {new} - {old} WHERE user_id = NEW.user_id; END"
    )
    yield (
        f"CREATE TRIGGER count_removed_{name} AFTER DELETE ON {table} {when} BEGIN"
        f" UPDATE storage_use SET conversations = conversations - {conversations},"
        f" bytes = bytes - {old} WHERE user_id = OLD.user_id;"
        " DELETE FROM storage_use"
        " WHERE user_id = OLD.user_id AND conversations = 0 AND bytes = 0; END"
    )


# PostgreSQL: users' rows are counted at the end of a transaction (DEFERRED), after all other rows
# were locked. A transaction with a user's row waits for no other row, and two transactions never
# wait for each other; a row is held no longer than a commit takes.


def _postgresql() -> Iterator[str]:
    yield (
        "CREATE FUNCTION legato_add_use(of_user text, more_conversations bigint, more bigint)"
        " RETURNS void LANGUAGE plpgsql AS $$ BEGIN"
        " IF more > 0 THEN INSERT INTO storage_use AS used (user_id, conversations, bytes)"
        " VALUES (of_user, more_conversations, more) ON CONFLICT (user_id) DO UPDATE"
        " SET conversations = used.conversations + more_conversations, bytes = used.bytes + more;"
        " ELSE UPDATE storage_use SET conversations = conversations + more_conversations,"
        " bytes = bytes + more WHERE user_id = of_user;"
        " DELETE FROM storage_use"
        " WHERE user_id = of_user AND conversations = 0 AND bytes = 0; END IF;"
        " END $$"
    )
    yield from _postgresql_messages()
    yield from _postgresql_rows("conversation", _conversation, "title, bytes", 1)
    yield from _postgresql_rows("response", _response, "items, created, ending", 0)


def _postgresql_messages() -> Iterator[str]:
    new, old = _message("NEW"), _message("OLD")
    yield (
        "CREATE FUNCTION legato_count_message() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        f" IF TG_OP = 'INSERT' THEN UPDATE conversations SET bytes = bytes + {new}"
        " WHERE conversation_id = NEW.conversation_id;"
        f" ELSIF TG_OP = 'UPDATE' THEN UPDATE conversations SET bytes = bytes + {new} - {old}"
        " WHERE conversation_id = NEW.conversation_id;"
        f" ELSE UPDATE conversations SET bytes = bytes - {old}"
        " WHERE conversation_id = OLD.conversation_id; END IF;"
        " RETURN NULL; END $$"
    )
    yield (
        "CREATE TRIGGER count_message AFTER INSERT OR UPDATE OF text, content OR DELETE"
        " ON messages FOR EACH ROW EXECUTE PROCEDURE legato_count_message()"
    )


def _postgresql_rows(
    name: str, size: Callable[[str], str], columns: str, conversations: int
) -> Iterator[str]:
    new, old = size("NEW"), size("OLD")
    yield (
        f"CREATE FUNCTION legato_count_{name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF NOT EXISTS (SELECT FROM storage_counting) THEN RETURN NULL; END IF;"
        f" IF TG_OP = 'INSERT' THEN PERFORM legato_add_use(NEW.user_id, {conversations}, {new});"
        f" ELSIF TG_OP = 'UPDATE' THEN PERFORM legato_add_use(NEW.user_id, 0, {new} - {old});"
        f" ELSE PERFORM legato_add_use(OLD.user_id, -{conversations}, -{old}); END IF;"
        " RETURN NULL; END $$"
    )
    yield (
        f"CREATE CONSTRAINT TRIGGER count_{name} AFTER INSERT OR UPDATE OF {columns} OR DELETE"
        f" ON {name}s DEFERRABLE INITIALLY DEFERRED"
        f" FOR EACH ROW EXECUTE PROCEDURE legato_count_{name}()"
    )
