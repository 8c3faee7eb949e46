"""The journal's entries say where they end: entries that do not follow are refused."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("entries", sa.Column("last", sa.Integer))


def downgrade() -> None:
    op.drop_column("entries", "last")
