"""Attempts that take what a customer agreed to.

Revision ID: 0007
Revises: 0005
"""

from alembic import op

revision = "0007"
down_revision = "0005"


def upgrade() -> None:
    op.execute("""
        ALTER TABLE attempts DROP CONSTRAINT attempts_kind_check,
            ADD CONSTRAINT attempts_kind_check
                CHECK (kind IN ('create', 'cancel', 'refund', 'capture'))""")
