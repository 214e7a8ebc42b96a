"""Costs of charges that the platform took are its own; what a lost dispute took is gone.

Revision ID: 0018
Revises: 0017
"""

from alembic import op

revision = "0018"
down_revision = "0017"

# As it was booked before, and as it is where the platform took the charge.
_WHOSE = """(VALUES
    ('provider_fee', 'provider_balance', 'platform_cost', 'platform_balance'),
    ('disputed', 'provider_balance', 'platform_disputed', 'platform_balance'),
    ('provider_balance', 'disputed', 'platform_balance', 'platform_disputed')
) AS whose (debit, credit, its_debit, its_credit)"""


def upgrade() -> None:
    op.execute("ALTER TABLE ledger DROP CONSTRAINT ledger_accounts")
    op.execute("""
        ALTER TABLE ledger ADD CONSTRAINT ledger_accounts CHECK ((kind, debit, credit) IN (
            ('captured', 'provider_balance', 'charged'),
            ('fee', 'provider_fee', 'provider_balance'),
            ('fee', 'platform_cost', 'platform_balance'),
            ('platform_fee', 'platform_fee', 'provider_balance'),
            ('platform_fee_returned', 'provider_balance', 'platform_fee'),
            ('refunded', 'refunded', 'provider_balance'),
            ('refund_bounced', 'provider_balance', 'refunded'),
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
            ('corrected', 'platform_balance', 'platform_disputed')))""")
    _what_was_booked_to_organisations()
    _what_was_lost_before()
    _platform_report()


def _what_was_booked_to_organisations() -> None:
    """Nothing that is booked is changed: it is booked back, and then where it belongs."""
    op.execute(f"""
        INSERT INTO ledger (org_id, booking_id, payment_id, kind, cause, debit, credit,
                            amount_minor, currency, booked_at)
        SELECT l.org_id, l.booking_id, l.payment_id, 'corrected',
               l.kind || ':' || l.cause || ':' || legs.way, legs.debit, legs.credit,
               l.amount_minor, l.currency, now()
        FROM ledger l
        JOIN splits USING (payment_id)
        JOIN {_WHOSE} ON (whose.debit, whose.credit) = (l.debit, l.credit)
        CROSS JOIN LATERAL (VALUES ('back', l.credit, l.debit),
                                   ('platform', its_debit, its_credit)) AS legs (way, debit, credit)
        WHERE l.kind IN ('fee', 'dispute_fee', 'dispute_withdrawn', 'dispute_reinstated')
        ORDER BY l.position, legs.way""")


def _what_was_lost_before() -> None:
    op.execute("""
        INSERT INTO ledger (org_id, booking_id, payment_id, kind, cause, debit, credit,
                            amount_minor, currency, booked_at)
        SELECT l.org_id, l.booking_id, l.payment_id, 'dispute_lost', l.cause,
               CASE WHEN s.payment_id IS NULL THEN 'lost' ELSE 'platform_lost' END,
               CASE WHEN s.payment_id IS NULL THEN 'disputed' ELSE 'platform_disputed' END,
               l.amount_minor, l.currency, d.closed_at
        FROM ledger l
        JOIN (SELECT payment_id, max(closed_at) AS closed_at FROM disputes
              GROUP BY payment_id HAVING bool_and(status = 'lost')) d USING (payment_id)
        LEFT JOIN splits s USING (payment_id)
        WHERE l.kind = 'dispute_withdrawn'""")


def _platform_report() -> None:
    op.execute("""
        CREATE INDEX ledger_of_platform ON ledger (booked_at)
        WHERE debit ^@ 'platform_' OR credit ^@ 'platform_'""")
    op.execute("""
        CREATE FUNCTION platform_moved(since timestamptz, until timestamptz)
        RETURNS TABLE (org_id uuid, currency text, platform_fees bigint, costs bigint,
                       disputed bigint, lost bigint, net bigint)
        LANGUAGE sql STABLE SECURITY DEFINER
        SET search_path = pg_catalog, public
        AS $$
            SELECT l.org_id, l.currency,
                coalesce(sum(amount) FILTER (WHERE account = 'platform_fee'), 0)::bigint,
                coalesce(sum(amount) FILTER (WHERE account = 'platform_cost'), 0)::bigint,
                coalesce(sum(amount) FILTER (WHERE account = 'platform_disputed'), 0)::bigint,
                coalesce(sum(amount) FILTER (WHERE account = 'platform_lost'), 0)::bigint,
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
