"""Answers name their jobs: the first answer of a job stays."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("messages", sa.Column("job_id", sa.Text))
    op.create_index("ix_messages_job", "messages", ["job_id"])


def downgrade() -> None:
    op.drop_index("ix_messages_job", "messages")
    op.drop_column("messages", "job_id")
