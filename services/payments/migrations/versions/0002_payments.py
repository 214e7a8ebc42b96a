"""Payments, attempts, refunds, provider accounts and provider events.

Revision ID: 0002
Revises: 0001
"""

from alembic import op

from chassis.migrations import tenant_table

revision = "0002"
down_revision = "0001"

TABLES = ("payment_accounts", "venues", "payments", "attempts", "refunds", "closed_bookings")


def upgrade() -> None:
    # The id is part of a public address and tells nothing; keys and secrets are sealed.
    op.execute("""
        CREATE TABLE payment_accounts (
            id text PRIMARY KEY,
            org_id uuid NOT NULL,
            provider text NOT NULL,
            publishable_key text,
            secret_key text NOT NULL,
            webhook_secret text,
            webhook_secret_next text,
            active boolean NOT NULL DEFAULT true,
            created_at timestamptz NOT NULL
        )""")
    op.execute("""
        CREATE UNIQUE INDEX payment_accounts_active
            ON payment_accounts (org_id, provider) WHERE active""")
    op.execute("""
        CREATE TABLE venues (
            venue_id uuid PRIMARY KEY,
            org_id uuid NOT NULL,
            name text NOT NULL,
            slug text NOT NULL,
            statement_descriptor text,
            sequence bigint NOT NULL
        )""")
    # One payment per booking and purpose, whatever is delivered how often.
    op.execute("""
        CREATE TABLE payments (
            id uuid PRIMARY KEY,
            org_id uuid NOT NULL,
            booking_id uuid NOT NULL,
            purpose text NOT NULL,
            account_id text NOT NULL,
            provider text NOT NULL,
            provider_ref text,
            client_secret text,
            status text NOT NULL,
            amount_minor bigint NOT NULL CHECK (amount_minor > 0),
            currency text NOT NULL,
            captured_minor bigint CHECK (captured_minor >= 0),
            captured_currency text,
            refunded_minor bigint NOT NULL DEFAULT 0 CHECK (refunded_minor >= 0),
            failure_code text,
            failure_decline_code text,
            failure_occurrence text,
            closing text,
            closing_at timestamptz,
            expires_at timestamptz NOT NULL,
            locale text NOT NULL,
            version bigint NOT NULL,
            created_at timestamptz NOT NULL,
            updated_at timestamptz NOT NULL,
            UNIQUE (booking_id, purpose),
            UNIQUE (account_id, provider_ref),
            CHECK ((captured_minor IS NULL) = (captured_currency IS NULL)),
            CHECK (status <> 'succeeded' OR captured_minor IS NOT NULL),
            CHECK (refunded_minor <= coalesce(captured_minor, 0))
        ) WITH (fillfactor = 80)""")
    op.execute("""
        CREATE TABLE refunds (
            id uuid PRIMARY KEY,
            org_id uuid NOT NULL,
            booking_id uuid NOT NULL,
            payment_id uuid NOT NULL REFERENCES payments,
            cause text NOT NULL,
            amount_minor bigint NOT NULL CHECK (amount_minor > 0),
            currency text NOT NULL,
            status text NOT NULL CHECK (status IN ('pending', 'succeeded', 'failed')),
            provider_ref text,
            failure_code text,
            requested_at timestamptz NOT NULL,
            settled_at timestamptz,
            UNIQUE (payment_id, cause),
            UNIQUE (payment_id, provider_ref)
        )""")
    op.execute("CREATE INDEX refunds_booking ON refunds (booking_id)")
    # `contact` stays sealed and is dropped when the attempt is over; `body` holds ids only.
    op.execute("""
        CREATE TABLE attempts (
            id uuid PRIMARY KEY,
            org_id uuid NOT NULL,
            payment_id uuid NOT NULL REFERENCES payments,
            refund_id uuid REFERENCES refunds,
            kind text NOT NULL CHECK (kind IN ('create', 'cancel', 'refund')),
            body text NOT NULL,
            contact text,
            state text NOT NULL DEFAULT 'open'
                CHECK (state IN ('open', 'done', 'refused', 'abandoned')),
            look_first boolean NOT NULL DEFAULT false,
            error text,
            created_at timestamptz NOT NULL,
            finished_at timestamptz,
            CHECK ((kind = 'refund') = (refund_id IS NOT NULL)),
            CHECK (state = 'open' OR contact IS NULL)
        ) WITH (fillfactor = 80)""")
    op.execute("""
        CREATE UNIQUE INDEX attempts_open
            ON attempts (payment_id, kind, coalesce(refund_id, payment_id)) WHERE state = 'open'""")
    op.execute("CREATE INDEX attempts_payment ON attempts (payment_id)")
    # Bookings that ended before their hold was heard of: no payment may follow.
    op.execute("""
        CREATE TABLE closed_bookings (
            booking_id uuid PRIMARY KEY,
            org_id uuid NOT NULL,
            cause text NOT NULL,
            closed_at timestamptz NOT NULL
        )""")
    for table in TABLES:
        tenant_table(op, table, "payments")
    _look_ups_before_the_tenant_is_known()
    _provider_events()


def _look_ups_before_the_tenant_is_known() -> None:
    op.execute("""
        CREATE FUNCTION webhook_account(account text)
        RETURNS SETOF payment_accounts LANGUAGE sql STABLE SECURITY DEFINER
        SET search_path = pg_catalog, public
        AS $$ SELECT * FROM public.payment_accounts WHERE id = account $$""")
    op.execute("""
        CREATE FUNCTION org_of_payment(account text, ref text)
        RETURNS uuid LANGUAGE sql STABLE SECURITY DEFINER
        SET search_path = pg_catalog, public
        AS $$ SELECT org_id FROM public.payments
              WHERE account_id = account AND provider_ref = ref $$""")
    for function in ("webhook_account(text)", "org_of_payment(text, text)"):
        op.execute(f"REVOKE EXECUTE ON FUNCTION {function} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {function} TO payments")


def _provider_events() -> None:
    """Stored before anybody knows whose they are, so without row-level security."""
    op.execute("SET LOCAL ROLE payments")
    op.execute("""
        CREATE TABLE messaging.provider_events (
            account_id text NOT NULL,
            event_id text NOT NULL,
            type text NOT NULL,
            org_id uuid,
            booking_id uuid,
            payment_ref text,
            digest text NOT NULL,
            outcome text NOT NULL
                CHECK (outcome IN ('stored', 'applied', 'nothing_new', 'ignored', 'foreign')),
            received_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
            settled_at timestamptz,
            PRIMARY KEY (account_id, event_id)
        ) WITH (fillfactor = 80)""")
    op.execute("""
        CREATE INDEX provider_events_booking
            ON messaging.provider_events (booking_id) WHERE booking_id IS NOT NULL""")
    op.execute("""
        CREATE INDEX provider_events_age ON messaging.provider_events USING brin (received_at)""")
    op.execute("RESET ROLE")
