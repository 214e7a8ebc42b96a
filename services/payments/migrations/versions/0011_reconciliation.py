"""Comparing our records with the providers': runs, and what each found.

Revision ID: 0011
Revises: 0010
"""

from alembic import op

from chassis.migrations import tenant_table

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    # When a run last saw it at the provider; what a run did not see it asks for by name.
    op.execute("ALTER TABLE payments ADD COLUMN checked_at timestamptz")
    op.execute("ALTER TABLE refunds ADD COLUMN checked_at timestamptz")
    op.execute("""
        CREATE TABLE reconciliation_findings (
            run_id uuid NOT NULL,
            kind text NOT NULL,
            ref text NOT NULL,
            org_id uuid NOT NULL,
            payment_id uuid,
            booking_id uuid,
            currency text,
            ours_minor bigint,
            theirs_minor bigint,
            found_at timestamptz NOT NULL,
            PRIMARY KEY (run_id, org_id, kind, ref),
            CHECK ((currency IS NULL) = (ours_minor IS NULL)),
            CHECK ((currency IS NULL) = (theirs_minor IS NULL))
        )""")
    tenant_table(op, "reconciliation_findings", "payments")
    _runs()
    _across_organisations()


def _runs() -> None:
    """A run is of an account, which several organisations may share, so no tenant's."""
    op.execute("SET LOCAL ROLE payments")
    op.execute("""
        CREATE TABLE messaging.reconciliation_runs (
            id uuid PRIMARY KEY,
            account_id text NOT NULL,
            org_id uuid,
            since timestamptz NOT NULL,
            until timestamptz NOT NULL,
            started_at timestamptz NOT NULL,
            finished_at timestamptz,
            error text,
            CHECK (since < until)
        )""")
    # The hour's run of an account is started once, by whichever worker is first; and a person
    # starts no second one beside their first.
    op.execute("""
        CREATE UNIQUE INDEX reconciliation_runs_hourly
            ON messaging.reconciliation_runs (account_id, until) WHERE org_id IS NULL""")
    op.execute("""
        CREATE UNIQUE INDEX reconciliation_runs_asked
            ON messaging.reconciliation_runs (account_id, org_id)
            WHERE org_id IS NOT NULL AND finished_at IS NULL""")
    op.execute("RESET ROLE")


def _across_organisations() -> None:
    op.execute("""
        CREATE FUNCTION accounts_to_reconcile(providers text[])
        RETURNS TABLE (account_id text) LANGUAGE sql STABLE SECURITY DEFINER
        SET search_path = pg_catalog, public
        AS $$ SELECT id FROM public.payment_accounts WHERE provider = ANY(providers) $$""")
    op.execute("""
        CREATE FUNCTION payments_unchecked(
            account text, org uuid, since timestamptz, until timestamptz, run_start timestamptz,
            beyond uuid, most int)
        RETURNS TABLE (payment_id uuid, org_id uuid) LANGUAGE sql STABLE SECURITY DEFINER
        SET search_path = pg_catalog, public
        AS $$
            SELECT p.id, p.org_id FROM public.payments p
            WHERE p.account_id = account AND p.provider_ref IS NOT NULL AND p.id > beyond
              AND (org IS NULL OR p.org_id = org)
              AND p.created_at >= since AND p.created_at < until
              AND (p.checked_at IS NULL OR p.checked_at < run_start)
            UNION
            SELECT p.id, p.org_id FROM public.refunds r
            JOIN public.payments p ON p.id = r.payment_id
            WHERE p.account_id = account AND p.id > beyond AND (org IS NULL OR p.org_id = org)
              AND r.requested_at >= since AND r.requested_at < until
              AND r.provider_ref IS NOT NULL
              AND (r.checked_at IS NULL OR r.checked_at < run_start)
            ORDER BY 1 LIMIT most $$""")
    op.execute("CREATE INDEX payments_made ON payments (account_id, created_at)")
    op.execute("CREATE INDEX refunds_asked ON refunds (requested_at)")
    for function in (
        "accounts_to_reconcile(text[])",
        "payments_unchecked(text, uuid, timestamptz, timestamptz, timestamptz, uuid, int)",
    ):
        op.execute(f"REVOKE EXECUTE ON FUNCTION {function} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {function} TO payments")
