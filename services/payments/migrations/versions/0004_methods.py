"""What a guest chose to pay with.

Revision ID: 0004
Revises: 0003
"""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.execute("ALTER TABLE payments ADD COLUMN method text NOT NULL DEFAULT 'card'")
    op.execute("ALTER TABLE payments ALTER COLUMN method DROP DEFAULT")
