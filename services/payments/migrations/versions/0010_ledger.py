"""The ledger: every movement of money, booked by the statement that records it.

Revision ID: 0010
Revises: 0009
"""

from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    # Whose day it is when money moves: the venue's.
    op.execute("ALTER TABLE venues ADD COLUMN timezone text")
    op.execute("ALTER TABLE payments ADD COLUMN venue_id uuid")
    # One row moves an amount from one account to another, so it balances by being a row. The
    # accounts of each kind are fixed here too: nobody books a fee as a refund.
    op.execute("""
        CREATE TABLE ledger (
            position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            org_id uuid NOT NULL,
            booking_id uuid NOT NULL,
            payment_id uuid NOT NULL REFERENCES payments,
            kind text NOT NULL,
            cause text NOT NULL,
            debit text NOT NULL,
            credit text NOT NULL,
            amount_minor bigint NOT NULL CHECK (amount_minor > 0),
            currency text NOT NULL,
            booked_at timestamptz NOT NULL,
            UNIQUE (payment_id, kind, cause),
            CONSTRAINT ledger_accounts CHECK ((kind, debit, credit) IN (
                ('captured', 'provider_balance', 'charged'),
                ('fee', 'provider_fee', 'provider_balance'),
                ('refunded', 'refunded', 'provider_balance'),
                ('refund_bounced', 'provider_balance', 'refunded')))
        )""")
    op.execute("CREATE INDEX ledger_booked ON ledger (org_id, booked_at, position)")
    op.execute("GRANT SELECT, INSERT ON ledger TO payments")
    op.execute("ALTER TABLE ledger ENABLE ROW LEVEL SECURITY")
    tenant = "org_id = nullif(current_setting('app.org_id', true), '')::uuid"
    op.execute(f"CREATE POLICY tenant ON ledger USING ({tenant}) WITH CHECK ({tenant})")
    op.execute("""
        CREATE VIEW ledger_entries WITH (security_invoker = true) AS
            SELECT position, org_id, booking_id, payment_id, kind, cause, debit AS account,
                   amount_minor, currency, booked_at FROM ledger
            UNION ALL
            SELECT position, org_id, booking_id, payment_id, kind, cause, credit,
                   -amount_minor, currency, booked_at FROM ledger""")
    op.execute("GRANT SELECT ON ledger_entries TO payments")
    _what_moved_before()


def _what_moved_before() -> None:
    op.execute("""
        INSERT INTO ledger (org_id, booking_id, payment_id, kind, cause, debit, credit,
                            amount_minor, currency, booked_at)
        SELECT org_id, booking_id, id, 'captured', '', 'provider_balance', 'charged',
               captured_minor, captured_currency, updated_at
        FROM payments WHERE captured_minor > 0
        UNION ALL
        SELECT org_id, booking_id, payment_id, 'refunded', id::text, 'refunded',
               'provider_balance', amount_minor, currency, coalesce(settled_at, requested_at)
        FROM refunds WHERE status = 'succeeded'""")
