"""The platform's fees are booked, and what refunds return of them.

Revision ID: 0016
Revises: 0015
"""

from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.execute("ALTER TABLE ledger DROP CONSTRAINT ledger_accounts")
    op.execute("""
        ALTER TABLE ledger ADD CONSTRAINT ledger_accounts CHECK ((kind, debit, credit) IN (
            ('captured', 'provider_balance', 'charged'),
            ('fee', 'provider_fee', 'provider_balance'),
            ('platform_fee', 'platform_fee', 'provider_balance'),
            ('platform_fee_returned', 'provider_balance', 'platform_fee'),
            ('refunded', 'refunded', 'provider_balance'),
            ('refund_bounced', 'provider_balance', 'refunded'),
            ('dispute_withdrawn', 'disputed', 'provider_balance'),
            ('dispute_reinstated', 'provider_balance', 'disputed'),
            ('dispute_fee', 'provider_fee', 'provider_balance')))""")
    _what_was_shared_before()


def _what_was_shared_before() -> None:
    op.execute("""
        INSERT INTO ledger (org_id, booking_id, payment_id, kind, cause, debit, credit,
                            amount_minor, currency, booked_at)
        SELECT l.org_id, l.booking_id, l.payment_id, 'platform_fee', '', 'platform_fee',
               'provider_balance', s.fee_minor, s.currency, l.booked_at
        FROM ledger l JOIN splits s USING (payment_id)
        WHERE l.kind = 'captured' AND s.fee_minor > 0""")
    # Each refund's part is what all up to it return, less what those before it did.
    op.execute("""
        INSERT INTO ledger (org_id, booking_id, payment_id, kind, cause, debit, credit,
                            amount_minor, currency, booked_at)
        SELECT org_id, booking_id, payment_id, 'platform_fee_returned', cause, 'provider_balance',
               'platform_fee', part, currency, booked_at
        FROM (
            SELECT l.*, (2 * s.fee_minor * l.so_far + p.captured_minor) / (2 * p.captured_minor)
                - (2 * s.fee_minor * (l.so_far - l.amount_minor) + p.captured_minor)
                    / (2 * p.captured_minor) AS part
            FROM (SELECT *, (sum(amount_minor) OVER (PARTITION BY payment_id
                                                     ORDER BY position))::bigint AS so_far
                  FROM ledger WHERE kind = 'refunded') l
            JOIN refunds r ON r.id::text = l.cause AND r.cause NOT LIKE 'provider:%'
            JOIN splits s ON s.payment_id = l.payment_id AND s.fee_returned
            JOIN payments p ON p.id = l.payment_id
        ) returned
        WHERE part > 0""")
