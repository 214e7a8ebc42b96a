"""Further payments: one for each change that made a booking dearer.

Revision ID: 0003
Revises: 0002
"""

from alembic import op

from chassis.migrations import tenant_table

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    # What a payment is for says its change: null is the booking's own.
    op.execute("ALTER TABLE payments DROP COLUMN purpose, ADD COLUMN change_id uuid")
    op.execute("""
        CREATE UNIQUE INDEX payments_subject
            ON payments (booking_id, coalesce(change_id, booking_id))""")
    # Changes that ended before they were heard of: no payment may follow.
    op.execute("""
        CREATE TABLE closed_changes (
            change_id uuid PRIMARY KEY,
            booking_id uuid NOT NULL,
            org_id uuid NOT NULL,
            closed_at timestamptz NOT NULL
        )""")
    tenant_table(op, "closed_changes", "payments")
