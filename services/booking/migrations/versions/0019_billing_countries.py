"""Whose cards a venue's forms are for."""

from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.execute("ALTER TABLE venues ADD COLUMN billing_countries jsonb NOT NULL DEFAULT '[]'")
