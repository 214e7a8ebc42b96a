"""The requests by which staff said what they saw of money that moves by hand.

Revision ID: 0017
Revises: 0016
"""

from alembic import op

from chassis.migrations import tenant_table

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE statement_requests (
            org_id uuid NOT NULL,
            key text NOT NULL,
            digest bytea NOT NULL,
            subject_id uuid NOT NULL,
            answered_at timestamptz NOT NULL,
            PRIMARY KEY (org_id, key)
        )""")
    tenant_table(op, "statement_requests", "payments")
