"""Organisations' accounts at the platform's provider, and how charges are shared with them.

Revision ID: 0014
Revises: 0013
"""

from alembic import op

from chassis.migrations import tenant_table

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    # `body` is the frozen request; `requirements`: what the provider still asks, by its own names.
    op.execute("""
        CREATE TABLE connections (
            id uuid PRIMARY KEY,
            org_id uuid NOT NULL UNIQUE,
            active boolean NOT NULL DEFAULT true,
            country text NOT NULL,
            body text NOT NULL,
            tries integer NOT NULL CHECK (tries > 0),
            called_at timestamptz NOT NULL,
            look_first boolean NOT NULL DEFAULT false,
            provider_ref text UNIQUE,
            charges_enabled boolean NOT NULL DEFAULT false,
            payouts_enabled boolean NOT NULL DEFAULT false,
            transfers_enabled boolean NOT NULL DEFAULT false,
            requirements text NOT NULL DEFAULT '[]',
            disabled_reason text,
            activated_at timestamptz,
            left_at timestamptz,
            refusal text,
            version bigint NOT NULL,
            created_at timestamptz NOT NULL,
            updated_at timestamptz NOT NULL,
            CHECK (refusal IS NULL OR provider_ref IS NULL)
        )""")
    # In hundredths of a percent; no row: the installation's own.
    op.execute("""
        CREATE TABLE platform_fees (
            org_id uuid PRIMARY KEY,
            basis_points integer NOT NULL CHECK (basis_points BETWEEN 0 AND 10000),
            set_by text NOT NULL,
            set_at timestamptz NOT NULL
        )""")
    op.execute("""
        CREATE TABLE splits (
            payment_id uuid PRIMARY KEY REFERENCES payments,
            org_id uuid NOT NULL,
            destination text NOT NULL,
            fee_minor bigint NOT NULL CHECK (fee_minor >= 0),
            currency text NOT NULL,
            fee_basis_points integer NOT NULL CHECK (fee_basis_points BETWEEN 0 AND 10000),
            fee_returned boolean NOT NULL
        )""")
    for table in ("connections", "platform_fees", "splits"):
        tenant_table(op, table, "payments")
    op.execute("""
        CREATE FUNCTION org_of_connection(ref text)
        RETURNS uuid LANGUAGE sql STABLE SECURITY DEFINER
        SET search_path = pg_catalog, public
        AS $$ SELECT org_id FROM public.connections WHERE provider_ref = ref $$""")
    op.execute("REVOKE EXECUTE ON FUNCTION org_of_connection(text) FROM PUBLIC")
    op.execute("GRANT EXECUTE ON FUNCTION org_of_connection(text) TO payments")
