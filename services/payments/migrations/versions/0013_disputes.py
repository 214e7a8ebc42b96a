"""Disputes: customers who ask their bank for the money back.

Revision ID: 0013
Revises: 0012
"""

from alembic import op

from chassis.migrations import tenant_table

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE disputes (
            id uuid PRIMARY KEY,
            org_id uuid NOT NULL,
            booking_id uuid NOT NULL,
            payment_id uuid NOT NULL REFERENCES payments,
            provider_ref text NOT NULL,
            status text NOT NULL CHECK (status IN ('inquiry', 'needs_response', 'under_review',
                                                   'won', 'lost', 'inquiry_closed')),
            reason text NOT NULL,
            amount_minor bigint NOT NULL CHECK (amount_minor > 0),
            currency text NOT NULL,
            respond_by timestamptz,
            opened_at timestamptz NOT NULL,
            closed_at timestamptz,
            UNIQUE (payment_id, provider_ref),
            CHECK ((closed_at IS NULL) = (status NOT IN ('won', 'lost', 'inquiry_closed')))
        )""")
    op.execute("CREATE INDEX disputes_booking ON disputes (booking_id)")
    tenant_table(op, "disputes", "payments")
    op.execute("ALTER TABLE ledger DROP CONSTRAINT ledger_accounts")
    op.execute("""
        ALTER TABLE ledger ADD CONSTRAINT ledger_accounts CHECK ((kind, debit, credit) IN (
            ('captured', 'provider_balance', 'charged'),
            ('fee', 'provider_fee', 'provider_balance'),
            ('refunded', 'refunded', 'provider_balance'),
            ('refund_bounced', 'provider_balance', 'refunded'),
            ('dispute_withdrawn', 'disputed', 'provider_balance'),
            ('dispute_reinstated', 'provider_balance', 'disputed'),
            ('dispute_fee', 'provider_fee', 'provider_balance')))""")
