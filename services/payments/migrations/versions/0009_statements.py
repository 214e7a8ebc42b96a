"""What staff say of money that moves by hand.

Revision ID: 0009
Revises: 0008
"""

from alembic import op

from chassis.migrations import tenant_table

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE statements (
            subject_id uuid PRIMARY KEY,
            org_id uuid NOT NULL,
            booking_id uuid NOT NULL,
            kind text NOT NULL CHECK (kind IN ('paid', 'returned')),
            actor text NOT NULL,
            reference text,
            said_at timestamptz NOT NULL
        )""")
    op.execute("CREATE INDEX statements_booking ON statements (booking_id)")
    tenant_table(op, "statements", "payments")
    # Of those that are still to be sent, whoever sends them.
    op.execute("CREATE INDEX refunds_pending ON refunds (org_id, id) WHERE status = 'pending'")
