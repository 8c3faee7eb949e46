"""Answers name the job that revises them: no former job's answer replaces the revised answer."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.add_column("messages", sa.Column("reviser", sa.Text))


def downgrade() -> None:
    op.drop_column("messages", "reviser")
