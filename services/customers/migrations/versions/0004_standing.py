"""Whether a customer may book, what staff note of them, how their visits went, and who changed it.

Revision ID: 0004
Revises: 0003
"""

from alembic import op

from chassis.migrations import tenant_table

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    # version: of what staff decide and of what is told about the customer, never of the counters.
    op.execute("""
        ALTER TABLE customers
            ADD COLUMN status text NOT NULL DEFAULT 'active'
                CHECK (status IN ('active', 'inactive', 'blocked')),
            ADD COLUMN notes text NOT NULL DEFAULT '' CHECK (length(notes) <= 2000),
            ADD COLUMN version integer NOT NULL DEFAULT 1 CHECK (version >= 1),
            ADD COLUMN visits integer NOT NULL DEFAULT 0 CHECK (visits >= 0),
            ADD COLUMN completed integer NOT NULL DEFAULT 0
                CHECK (completed BETWEEN 0 AND visits),
            ADD COLUMN no_shows integer NOT NULL DEFAULT 0 CHECK (no_shows >= 0),
            ADD COLUMN last_visit_at timestamptz,
            ADD COLUMN last_no_show_at timestamptz""")
    # attendance: per outcome, whether it holds and the booking's version that said so.
    # refunds: per payment, its cumulative total in minor units of refunded_currency.
    op.execute("""
        ALTER TABLE bookings_seen
            ADD COLUMN attendance jsonb NOT NULL DEFAULT '{}',
            ADD COLUMN starts_at timestamptz,
            ADD COLUMN visited boolean NOT NULL DEFAULT false,
            ADD COLUMN missed boolean NOT NULL DEFAULT false,
            ADD COLUMN attended_at timestamptz,
            ADD COLUMN attended_by uuid,
            ADD COLUMN attended_type text,
            ADD COLUMN rescheduled_at timestamptz,
            ADD COLUMN rescheduled_by uuid,
            ADD COLUMN refunds jsonb NOT NULL DEFAULT '{}'""")
    op.execute("""
        CREATE TABLE audit (
            entity_id uuid NOT NULL,
            id uuid NOT NULL,
            org_id uuid NOT NULL,
            entity text NOT NULL,
            action text NOT NULL,
            at timestamptz NOT NULL,
            actor text NOT NULL,
            reason text,
            before jsonb,
            after jsonb,
            message_id uuid,
            PRIMARY KEY (entity_id, id)
        )""")
    tenant_table(op, "audit", "customers")
    op.execute("REVOKE UPDATE, DELETE ON audit FROM customers")
