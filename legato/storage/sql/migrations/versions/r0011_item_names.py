"""Responses of item ids that clients made; an id that Legato made leads to its response."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_table(
        "item_names",
        sa.Column("user_id", sa.Text, primary_key=True),
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column(
            "response_id",
            sa.Text,
            sa.ForeignKey("responses.response_id", ondelete="CASCADE"),
            primary_key=True,
        ),
    )
    op.create_index("ix_item_names_response", "item_names", ["response_id"])


def downgrade() -> None:
    op.drop_table("item_names")
