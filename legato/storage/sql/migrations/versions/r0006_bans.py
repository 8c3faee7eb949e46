"""Bans, and the scores of violations."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "bans",
        sa.Column("subject", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("score", sa.Integer, nullable=False),
        sa.Column("until", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "violations",
        sa.Column("subject", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("score", sa.Integer, nullable=False),
        sa.Column("until", sa.BigInteger, nullable=False),
    )
    for table in ("bans", "violations"):
        op.create_index(f"ix_{table}_until", table, ["until"])


def downgrade() -> None:
    for table in ("violations", "bans"):
        op.drop_table(table)
