"""Actions: OpenAPI documents that users keep for their agents.

Documents and what is made of them count towards what is stored of the agent's author, by triggers
as those of revision 0012.
"""

from collections.abc import Iterator
from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

ROW: Final = 512


def upgrade() -> None:
    op.create_table(
        "agent_actions",
        sa.Column("action_id", sa.Text, primary_key=True),
        sa.Column(
            "agent_id",
            sa.Text,
            sa.ForeignKey("agents.agent_id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("metadata", sa.Text, nullable=False),
        sa.Column("tools", sa.Text, nullable=False),
        sa.Column("key_id", sa.Text),
        sa.Column("secret", sa.LargeBinary),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sa.Column("updated_by", sa.Text, nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("compiled", sa.Text, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_index("ix_agent_actions_agent", "agent_actions", ["agent_id", "action_id"])
    op.create_index("ix_agent_actions_user", "agent_actions", ["user_id"])
    for statement in _sqlite() if _is_sqlite() else _postgresql():
        op.execute(statement)


def downgrade() -> None:
    if _is_sqlite():
        for change in ("new", "changed", "removed"):
            op.execute(f"DROP TRIGGER count_{change}_agent_action")
    else:
        op.execute("DROP TRIGGER count_agent_action ON agent_actions")
        op.execute("DROP FUNCTION legato_count_agent_action()")
    op.drop_table("agent_actions")


def _is_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def _sqlite() -> Iterator[str]:
    new, old = _size("NEW"), _size("OLD")
    when = "WHEN EXISTS (SELECT 1 FROM storage_counting)"
    yield (
        f"CREATE TRIGGER count_new_agent_action AFTER INSERT ON agent_actions {when} BEGIN"
        f" INSERT INTO storage_use VALUES (NEW.user_id, 0, {new})"
        " ON CONFLICT (user_id) DO UPDATE SET bytes = bytes + excluded.bytes; END"
    )
    yield (
        "CREATE TRIGGER count_changed_agent_action AFTER UPDATE OF document, compiled"
        f" ON agent_actions {when} BEGIN"
        f" UPDATE storage_use SET bytes = bytes + {new} - {old} WHERE user_id = NEW.user_id; END"
    )
    yield (
        f"CREATE TRIGGER count_removed_agent_action AFTER DELETE ON agent_actions {when} BEGIN"
        f" UPDATE storage_use SET bytes = bytes - {old} WHERE user_id = OLD.user_id;"
        " DELETE FROM storage_use"
        " WHERE user_id = OLD.user_id AND conversations = 0 AND bytes = 0; END"
    )


def _postgresql() -> Iterator[str]:
    new, old = _size("NEW"), _size("OLD")
    yield (
        "CREATE FUNCTION legato_count_agent_action() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF NOT EXISTS (SELECT FROM storage_counting) THEN RETURN NULL; END IF;"
        f" IF TG_OP = 'INSERT' THEN PERFORM legato_add_use(NEW.user_id, 0, {new});"
        f" ELSIF TG_OP = 'UPDATE' THEN PERFORM legato_add_use(NEW.user_id, 0, {new} - {old});"
        f" ELSE PERFORM legato_add_use(OLD.user_id, 0, -{old}); END IF;"
        " RETURN NULL; END $$"
    )
    yield (
        "CREATE CONSTRAINT TRIGGER count_agent_action"
        " AFTER INSERT OR UPDATE OF document, compiled OR DELETE"
        " ON agent_actions DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW EXECUTE PROCEDURE legato_count_agent_action()"
    )


def _size(row: str) -> str:
    return f"({ROW} + {_octets(f'{row}.document')} + {_octets(f'{row}.compiled')})"


def _octets(column: str) -> str:
    # SQLite's length of a text counts characters.
    return f"length(CAST({column} AS BLOB))" if _is_sqlite() else f"octet_length({column})"
