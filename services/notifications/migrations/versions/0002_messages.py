"""Messages to guests, and the venues they speak for.

Revision ID: 0002
Revises: 0001
"""

from alembic import op

from chassis.migrations import tenant_table

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE venues (
            venue_id uuid PRIMARY KEY,
            org_id uuid NOT NULL,
            name text NOT NULL,
            organisation text NOT NULL,
            country text NOT NULL,
            email text,
            phone text,
            sequence bigint NOT NULL
        )""")
    op.execute("""
        CREATE TABLE messages (
            id uuid PRIMARY KEY,
            org_id uuid NOT NULL,
            booking_id uuid NOT NULL,
            venue_id uuid NOT NULL,
            kind text NOT NULL,
            cause text NOT NULL,
            channel text NOT NULL CHECK (channel IN ('email')),
            recipient text NOT NULL,
            locale text NOT NULL,
            subject text NOT NULL,
            message_id text NOT NULL UNIQUE,
            facts text NOT NULL,
            version bigint NOT NULL,
            state text NOT NULL CHECK (state IN ('planned', 'sending', 'sent', 'failed')),
            attempts integer NOT NULL DEFAULT 0,
            error text,
            planned_at timestamptz NOT NULL,
            planned_by uuid,
            settled_at timestamptz,
            settled_by uuid,
            CONSTRAINT messages_told_once UNIQUE (booking_id, kind, cause),
            CHECK ((state IN ('sent', 'failed')) = (settled_at IS NOT NULL))
        ) WITH (fillfactor = 80)""")
    for table in ("venues", "messages"):
        tenant_table(op, table, "notifications")
