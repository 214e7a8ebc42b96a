"""Who gave money back by hand, why, and with which request.

Revision ID: 0015
Revises: 0014
"""

from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    # Null for refunds that nobody here asked for: a booking did, or somebody at the provider.
    op.execute("""
        ALTER TABLE refunds
            ADD COLUMN requested_by text,
            ADD COLUMN reason text,
            ADD COLUMN request_key text,
            ADD COLUMN request_digest bytea,
            ADD COLUMN release_place boolean NOT NULL DEFAULT false,
            ADD CONSTRAINT refunds_request_key UNIQUE (payment_id, request_key),
            ADD CONSTRAINT refunds_request CHECK (
                num_nulls(requested_by, reason, request_key, request_digest) IN (0, 4))""")
