"""Decisions on requests for leave: the one response that has each decision."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.create_table(
        "leave_decisions",
        sa.Column("request_id", sa.Text, primary_key=True),
        sa.Column("user_id", sa.Text, primary_key=True),
        sa.Column("response_id", sa.Text, nullable=False),
    )
    op.create_index("ix_leave_decisions_user", "leave_decisions", ["user_id"])


def downgrade() -> None:
    op.drop_table("leave_decisions")
