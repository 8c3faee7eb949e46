"""The table of stored responses."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "responses",
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("response_id", sa.Text, nullable=False, unique=True),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("conversation_id", sa.Text, nullable=False),
        sa.Column("previous_id", sa.Text),
        sa.Column("items", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created", sa.LargeBinary, nullable=False),
        sa.Column("ending_version", sa.Integer),
        sa.Column("ending", sa.LargeBinary),
    )
    op.create_index(
        "ix_responses_conversation", "responses", ["user_id", "conversation_id", "position"]
    )


def downgrade() -> None:
    op.drop_table("responses")
