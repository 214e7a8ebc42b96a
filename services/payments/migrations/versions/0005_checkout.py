"""What a provider calls the money, where the customer paid at something else: a page, an order.

Revision ID: 0005
Revises: 0004
"""

from alembic import op

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
