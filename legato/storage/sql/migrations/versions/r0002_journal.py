"""The journal: the logs of jobs that can be followed."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "jobs",
        sa.Column("job_id", sa.Text, primary_key=True),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("settled", sa.Boolean, nullable=False),
    )
    job_id = sa.ForeignKey("jobs.job_id", ondelete="CASCADE")
    op.create_table(
        "entries",
        sa.Column("job_id", sa.Text, job_id, primary_key=True),
        sa.Column("first", sa.Integer, primary_key=True),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("events", sa.LargeBinary, nullable=False),
    )


def downgrade() -> None:
    for table in ("entries", "jobs"):
        op.drop_table(table)
