"""Cards that guests leave to be charged later, and the fees that are charged to them.

Revision ID: 0012
Revises: 0011
"""

from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    # A payment of nothing is made to save a card; the names are dropped when it is forgotten.
    op.execute("""
        ALTER TABLE payments
            ADD COLUMN saves_card boolean NOT NULL DEFAULT false,
            ADD COLUMN customer_ref text,
            ADD COLUMN method_ref text,
            ADD COLUMN no_show_fee boolean NOT NULL DEFAULT false,
            DROP CONSTRAINT payments_amount_minor_check,
            ADD CONSTRAINT payments_amount_minor_check
                CHECK (amount_minor > 0 OR (saves_card AND amount_minor = 0))""")
    # One fee per booking, beside the payment that saved the card.
    op.execute("DROP INDEX payments_subject")
    op.execute("""
        CREATE UNIQUE INDEX payments_subject
            ON payments (booking_id, coalesce(change_id, booking_id), no_show_fee)""")
    op.execute("""
        ALTER TABLE attempts DROP CONSTRAINT attempts_kind_check,
            ADD CONSTRAINT attempts_kind_check
                CHECK (kind IN ('create', 'cancel', 'refund', 'capture', 'charge'))""")
