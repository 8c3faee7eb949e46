"""Conversations, messages, and the requests that started turns."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    _create_conversations()
    _create_messages()
    _create_requests()


def downgrade() -> None:
    for table in ("requests", "messages", "conversations"):
        op.drop_table(table)


def _create_conversations() -> None:
    op.create_table(
        "conversations",
        sa.Column("conversation_id", sa.Text, primary_key=True),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("endpoint", sa.Text, nullable=False),
        sa.Column("model", sa.Text),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
    )
    op.create_index(
        "ix_conversations_page",
        "conversations",
        ["user_id", sa.text("updated_at DESC"), "conversation_id"],
    )


def _create_messages() -> None:
    op.create_table(
        "messages",
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("message_id", sa.Text, nullable=False, unique=True),
        _conversation_id(),
        sa.Column("parent_message_id", sa.Text, nullable=False),
        sa.Column("sender", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("is_created_by_user", sa.Boolean, nullable=False),
        sa.Column("unfinished", sa.Boolean, nullable=False),
        sa.Column("error", sa.Boolean, nullable=False),
        sa.Column("content", sa.Text),
        sa.Column("model", sa.Text),
        sa.Column("endpoint", sa.Text),
        sa.Column("finish_reason", sa.Text),
        sa.Column("usage", sa.Text),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_messages_thread", "messages", ["conversation_id", "position"])


def _create_requests() -> None:
    op.create_table(
        "requests",
        sa.Column("user_id", sa.Text, primary_key=True),
        sa.Column("request_id", sa.Text, primary_key=True),
        _conversation_id(),
        sa.Column("message_id", sa.Text, nullable=False),
    )
    op.create_index("ix_requests_conversation", "requests", ["conversation_id"])


def _conversation_id() -> sa.Column[str]:
    parent = sa.ForeignKey("conversations.conversation_id", ondelete="CASCADE")
    return sa.Column("conversation_id", sa.Text, parent, nullable=False)
