"""Every delivery of a provider's notification, whatever came of it.

Revision ID: 0008
Revises: 0007
"""

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.execute("SET LOCAL ROLE payments")
    op.execute("""
        CREATE TABLE messaging.provider_deliveries (
            account_id text NOT NULL,
            event_id text NOT NULL,
            delivery_ref text,
            received_at timestamptz NOT NULL
        )""")
    op.execute("""
        CREATE INDEX provider_deliveries_event
            ON messaging.provider_deliveries (account_id, event_id)""")
    op.execute("""
        CREATE INDEX provider_deliveries_age
            ON messaging.provider_deliveries USING brin (received_at)""")
    op.execute("RESET ROLE")
