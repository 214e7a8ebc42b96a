"""Mail to groups on a waitlist, who have no booking yet.

Revision ID: 0003
Revises: 0002
"""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute("""
        ALTER TABLE messages
            ALTER COLUMN booking_id DROP NOT NULL,
            ADD COLUMN entry_id uuid,
            ADD CHECK (num_nonnulls(booking_id, entry_id) = 1),
            DROP CONSTRAINT messages_told_once""")
    op.execute("""
        CREATE UNIQUE INDEX messages_told_once
            ON messages (coalesce(booking_id, entry_id), kind, cause)""")
