"""Customers, what identifies them, and what is counted for them.

Revision ID: 0002
Revises: 0001
"""

from alembic import op

from chassis.migrations import tenant_table

revision = "0002"
down_revision = "0001"

TABLES = ("venues", "customers", "identifiers", "spend", "bookings_seen", "merge_queue")


def upgrade() -> None:
    op.execute("""
        CREATE TABLE venues (
            venue_id uuid PRIMARY KEY,
            org_id uuid NOT NULL,
            default_country text NOT NULL,
            sequence bigint NOT NULL
        )""")
    op.execute("CREATE INDEX venues_org ON venues (org_id)")
    op.execute("""
        CREATE TABLE customers (
            id uuid PRIMARY KEY,
            org_id uuid NOT NULL,
            given text NOT NULL,
            family text NOT NULL,
            display text NOT NULL,
            total_bookings integer NOT NULL DEFAULT 0 CHECK (total_bookings >= 0),
            cancellations integer NOT NULL DEFAULT 0
                CHECK (cancellations BETWEEN 0 AND total_bookings),
            first_booking_at timestamptz,
            last_booking_at timestamptz,
            last_activity_at timestamptz,
            created_at timestamptz NOT NULL
        ) WITH (fillfactor = 85)""")
    # Deferred: an identifier is claimed before its customer is written, because only the claim
    # tells whether this transaction or a rival creates the customer.
    op.execute("""
        CREATE TABLE identifiers (
            org_id uuid NOT NULL,
            kind text NOT NULL CHECK (kind IN ('phone', 'email', 'account')),
            hash bytea NOT NULL,
            sealed text NOT NULL,
            customer_id uuid NOT NULL
                REFERENCES customers (id) DEFERRABLE INITIALLY DEFERRED,
            created_at timestamptz NOT NULL,
            CONSTRAINT identifiers_unique PRIMARY KEY (org_id, kind, hash)
        )""")
    op.execute("CREATE INDEX identifiers_customer ON identifiers (customer_id)")
    op.execute("""
        CREATE TABLE spend (
            customer_id uuid NOT NULL REFERENCES customers (id),
            org_id uuid NOT NULL,
            currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
            amount_minor bigint NOT NULL,
            PRIMARY KEY (customer_id, currency)
        ) WITH (fillfactor = 85)""")
    op.execute("""
        CREATE TABLE bookings_seen (
            booking_id uuid PRIMARY KEY,
            org_id uuid NOT NULL,
            customer_id uuid REFERENCES customers (id),
            confirmed_at timestamptz,
            confirmed_by uuid,
            resolved_by uuid,
            paid_minor bigint,
            paid_currency text,
            cancelled_at timestamptz,
            cancelled_by uuid,
            refunded_minor bigint,
            refunded_currency text,
            refunded_at timestamptz,
            refunded_by uuid,
            CHECK ((confirmed_at IS NULL) = (customer_id IS NULL))
        ) WITH (fillfactor = 70)""")
    op.execute("CREATE INDEX bookings_seen_customer ON bookings_seen (customer_id)")
    op.execute("""
        CREATE TABLE merge_queue (
            org_id uuid NOT NULL,
            customer_id uuid NOT NULL REFERENCES customers (id),
            rival_id uuid NOT NULL REFERENCES customers (id),
            booking_id uuid NOT NULL,
            reason text NOT NULL,
            created_at timestamptz NOT NULL,
            PRIMARY KEY (customer_id, rival_id)
        )""")
    for table in TABLES:
        tenant_table(op, table, "customers")
