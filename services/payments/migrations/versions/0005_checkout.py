"""What a provider calls the money, where the customer paid at something else: a page, an order.

And the offerings that such a page sells, with the prices that stand for them at each account.

Revision ID: 0005
Revises: 0004
"""

from alembic import op

from chassis.migrations import tenant_table

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.execute("ALTER TABLE payments ADD COLUMN money_ref text")
    op.execute("""
        CREATE UNIQUE INDEX payments_money ON payments (account_id, money_ref)
            WHERE money_ref IS NOT NULL""")
    op.execute("""
        CREATE OR REPLACE FUNCTION org_of_payment(account text, ref text)
        RETURNS uuid LANGUAGE sql STABLE SECURITY DEFINER
        SET search_path = pg_catalog, public
        AS $$ SELECT org_id FROM public.payments
              WHERE account_id = account AND (provider_ref = ref OR money_ref = ref) LIMIT 1 $$""")
    # `prices`: the offering's tiers as it told them; `synced_sequence`: what a provider has of it.
    op.execute("""
        CREATE TABLE products (
            offering_id uuid PRIMARY KEY,
            org_id uuid NOT NULL,
            venue_id uuid NOT NULL,
            title text NOT NULL,
            description text,
            currency text NOT NULL,
            tiers text NOT NULL,
            active boolean NOT NULL,
            sequence bigint NOT NULL,
            synced_sequence bigint
        )""")
    op.execute("""
        CREATE TABLE prices (
            account_id text NOT NULL,
            offering_id uuid NOT NULL REFERENCES products,
            key text NOT NULL,
            org_id uuid NOT NULL,
            price_ref text NOT NULL,
            amount_minor bigint NOT NULL CHECK (amount_minor >= 0),
            currency text NOT NULL,
            PRIMARY KEY (account_id, offering_id, key),
            UNIQUE (account_id, price_ref)
        )""")
    for table in ("products", "prices"):
        tenant_table(op, table, "payments")
