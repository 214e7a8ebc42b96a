"""What a provider kept for a dispute may come back.

Revision ID: 0022
Revises: 0021
"""

from alembic import op

revision = "0022"
down_revision = "0021"


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
            ('refunded', 'refunded', 'platform_due'),
            ('refund_bounced', 'provider_balance', 'refunded'),
            ('refund_bounced', 'platform_due', 'refunded'),
            ('dispute_withdrawn', 'disputed', 'provider_balance'),
            ('dispute_withdrawn', 'platform_disputed', 'platform_balance'),
            ('dispute_reinstated', 'provider_balance', 'disputed'),
            ('dispute_reinstated', 'platform_balance', 'platform_disputed'),
            ('dispute_fee', 'provider_fee', 'provider_balance'),
            ('dispute_fee', 'platform_cost', 'platform_balance'),
            ('dispute_fee_returned', 'provider_balance', 'provider_fee'),
            ('dispute_fee_returned', 'platform_balance', 'platform_cost'),
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
