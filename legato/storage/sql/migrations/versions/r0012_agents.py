"""Agents with all their versions, grants and pictures.

Versions and pictures count towards what is stored of the agent's author, by triggers as those of
revision 0010 (`legato/storage/contracts/quotas.py` says how much).  An answer names
its agent and the version, and a conversation names its agent.
"""

from collections.abc import Iterator
from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

ROW: Final = 512
COUNTED: Final = {"agent_version": "state", "agent_avatar": "data"}


def upgrade() -> None:
    op.create_table(
        "agents",
        sa.Column("agent_id", sa.Text, primary_key=True),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("category", sa.Text, nullable=False),
        sa.Column("support_contact", sa.Text),
        sa.Column("searched", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("versions", sa.Integer, nullable=False),
        sa.Column("avatar", sa.Text),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sa.Column("updated_by", sa.Text, nullable=False),
    )
    op.create_index("ix_agents_user", "agents", ["user_id"])
    op.create_index("ix_agents_page", "agents", [sa.text("updated_at DESC"), "agent_id"])
    op.create_table(
        "agent_versions",
        sa.Column("agent_id", sa.Text, _agent(), primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sa.Column("updated_by", sa.Text, nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
    )
    op.create_index("ix_agent_versions_user", "agent_versions", ["user_id"])
    op.create_table(
        "agent_grants",
        sa.Column("agent_id", sa.Text, _agent(), primary_key=True),
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("principal", sa.Text, primary_key=True),
        sa.Column("bits", sa.Integer, nullable=False),
    )
    op.create_index("ix_agent_grants_principal", "agent_grants", ["kind", "principal", "agent_id"])
    op.create_table(
        "agent_avatars",
        sa.Column("agent_id", sa.Text, _agent(), primary_key=True),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("media_type", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )
    op.add_column("messages", sa.Column("agent_id", sa.Text))
    op.add_column("messages", sa.Column("agent_version", sa.Integer))
    op.add_column("conversations", sa.Column("agent_id", sa.Text))
    for name, column in COUNTED.items():
        for statement in _sqlite(name, column) if _is_sqlite() else _postgresql(name, column):
            op.execute(statement)


def downgrade() -> None:
    for name in COUNTED:
        if _is_sqlite():
            for change in ("new", "changed", "removed"):
                op.execute(f"DROP TRIGGER count_{change}_{name}")
        else:
            op.execute(f"DROP TRIGGER count_{name} ON {name}s")
            op.execute(f"DROP FUNCTION legato_count_{name}()")
    for table in ("agent_avatars", "agent_grants", "agent_versions"):
        op.drop_table(table)
    op.drop_table("agents")
    op.drop_column("conversations", "agent_id")
    op.drop_column("messages", "agent_version")
    op.drop_column("messages", "agent_id")


def _agent() -> sa.ForeignKey:
    return sa.ForeignKey("agents.agent_id", ondelete="CASCADE")


def _is_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def _sqlite(name: str, column: str) -> Iterator[str]:
    new, old = _size("NEW", column), _size("OLD", column)
    when = "WHEN EXISTS (SELECT 1 FROM storage_counting)"
    table = f"{name}s"
    yield (
        f"CREATE TRIGGER count_new_{name} AFTER INSERT ON {table} {when} BEGIN"
        f" INSERT INTO storage_use VALUES (NEW.user_id, 0, {new})"
        " ON CONFLICT (user_id) DO UPDATE SET bytes = bytes + excluded.bytes; END"
    )
    yield (
        f"CREATE TRIGGER count_changed_{name} AFTER UPDATE OF {column} ON {table} {when} BEGIN"
        f" UPDATE storage_use SET bytes = bytes + {new} - {old} WHERE user_id = NEW.user_id; END"
    )
    yield (
        f"CREATE TRIGGER count_removed_{name} AFTER DELETE ON {table} {when} BEGIN"
        f" UPDATE storage_use SET bytes = bytes - {old} WHERE user_id = OLD.user_id;"
        " DELETE FROM storage_use"
        " WHERE user_id = OLD.user_id AND conversations = 0 AND bytes = 0; END"
    )


def _postgresql(name: str, column: str) -> Iterator[str]:
    new, old = _size("NEW", column), _size("OLD", column)
    yield (
        f"CREATE FUNCTION legato_count_{name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF NOT EXISTS (SELECT FROM storage_counting) THEN RETURN NULL; END IF;"
        f" IF TG_OP = 'INSERT' THEN PERFORM legato_add_use(NEW.user_id, 0, {new});"
        f" ELSIF TG_OP = 'UPDATE' THEN PERFORM legato_add_use(NEW.user_id, 0, {new} - {old});"
        f" ELSE PERFORM legato_add_use(OLD.user_id, 0, -{old}); END IF;"
        " RETURN NULL; END $$"
    )
    yield (
        f"CREATE CONSTRAINT TRIGGER count_{name} AFTER INSERT OR UPDATE OF {column} OR DELETE"
        f" ON {name}s DEFERRABLE INITIALLY DEFERRED"
        f" FOR EACH ROW EXECUTE PROCEDURE legato_count_{name}()"
    )


def _size(row: str, column: str) -> str:
    # SQLite's length of a text counts characters.
    whole = f"{row}.{column}"
    octets = f"length(CAST({whole} AS BLOB))" if _is_sqlite() else f"octet_length({whole})"
    return f"({ROW} + {octets})"
