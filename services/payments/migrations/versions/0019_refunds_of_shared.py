"""Refunds of charges that the platform took: who pays them, and where they go when they bounce.

Revision ID: 0019
Revises: 0018
"""

from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.execute("ALTER TABLE refunds ADD COLUMN by_platform boolean NOT NULL DEFAULT false")
    op.execute("ALTER TABLE ledger DROP CONSTRAINT ledger_accounts")
    op.execute("""
        ALTER TABLE ledger ADD CONSTRAINT ledger_accounts CHECK ((kind, debit, credit) IN (
            ('captured', 'provider_balance', 'charged'),
            ('fee', 'provider_fee', 'provider_balance'),
            ('fee', 'platform_cost', 'platform_balance'),
            ('platform_fee', 'platform_fee', 'provider_balance'),
            ('platform_fee_returned', 'provider_balance', 'platform_fee'),
            ('refunded', 'refunded', 'provider_balance'),
            ('refunded', 'refunded', 'platform_due'),
            ('refund_bounced', 'provider_balance', 'refunded'),
            ('refund_bounced', 'platform_due', 'refunded'),
            ('dispute_withdrawn', 'disputed', 'provider_balance'),
            ('dispute_withdrawn', 'platform_disputed', 'platform_balance'),
            ('dispute_reinstated', 'provider_balance', 'disputed'),
            ('dispute_reinstated', 'platform_balance', 'platform_disputed'),
            ('dispute_fee', 'provider_fee', 'provider_balance'),
            ('dispute_fee', 'platform_cost', 'platform_balance'),
            ('dispute_lost', 'lost', 'disputed'),
            ('dispute_lost', 'platform_lost', 'platform_disputed'),
            ('dispute_recovered', 'disputed', 'lost'),
            ('dispute_recovered', 'platform_disputed', 'platform_lost'),
            ('corrected', 'provider_balance', 'provider_fee'),
            ('corrected', 'platform_cost', 'platform_balance'),
            ('corrected', 'provider_balance', 'disputed'),
            ('corrected', 'platform_disputed', 'platform_balance'),
            ('corrected', 'disputed', 'provider_balance'),
            ('corrected', 'platform_balance', 'platform_disputed'),
            ('corrected', 'platform_due', 'provider_balance')))""")
    _what_bounced_before()
    _platform_report()


def _what_bounced_before() -> None:
    op.execute("""
        INSERT INTO ledger (org_id, booking_id, payment_id, kind, cause, debit, credit,
                            amount_minor, currency, booked_at)
        SELECT org_id, booking_id, payment_id, 'corrected', kind || ':' || cause, 'platform_due',
               'provider_balance', amount_minor, currency, now()
        FROM ledger JOIN splits USING (payment_id, org_id, currency)
        WHERE kind = 'refund_bounced'""")


def _platform_report() -> None:
    op.execute("DROP FUNCTION platform_moved(timestamptz, timestamptz)")
    op.execute("""
        CREATE FUNCTION platform_moved(since timestamptz, until timestamptz)
        RETURNS TABLE (org_id uuid, currency text, platform_fees bigint, costs bigint,
                       disputed bigint, lost bigint, due bigint, net bigint)
        LANGUAGE sql STABLE SECURITY DEFINER
        SET search_path = pg_catalog, public
        AS $$
            SELECT l.org_id, l.currency,
                coalesce(sum(amount) FILTER (WHERE account = 'platform_fee'), 0)::bigint,
                coalesce(sum(amount) FILTER (WHERE account = 'platform_cost'), 0)::bigint,
                coalesce(sum(amount) FILTER (WHERE account = 'platform_disputed'), 0)::bigint,
                coalesce(sum(amount) FILTER (WHERE account = 'platform_lost'), 0)::bigint,
                coalesce(sum(amount) FILTER (WHERE account = 'platform_due'), 0)::bigint,
                coalesce(sum(amount) FILTER (
                    WHERE account IN ('platform_fee', 'platform_balance')), 0)::bigint
            FROM public.ledger l
            CROSS JOIN LATERAL (VALUES (l.debit, l.amount_minor), (l.credit, -l.amount_minor))
                AS legs (account, amount)
            WHERE l.booked_at >= since AND l.booked_at < until
              AND (l.debit ^@ 'platform_' OR l.credit ^@ 'platform_')
            GROUP BY l.org_id, l.currency
            ORDER BY l.org_id, l.currency $$""")
    signature = "platform_moved(timestamptz, timestamptz)"
    op.execute(f"REVOKE EXECUTE ON FUNCTION {signature} FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION {signature} TO payments")
