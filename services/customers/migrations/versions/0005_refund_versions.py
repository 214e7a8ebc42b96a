"""Refunds of a payment are what its newest version says, so that they can fall again.

Revision ID: 0005
Revises: 0004
"""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    # refund_versions: per payment, the version of it that its total in `refunds` is from.
    op.execute("""
        ALTER TABLE bookings_seen
            ADD COLUMN refund_versions jsonb NOT NULL DEFAULT '{}',
            ADD COLUMN refunded_type text NOT NULL DEFAULT 'payment.refunded.v1'""")
