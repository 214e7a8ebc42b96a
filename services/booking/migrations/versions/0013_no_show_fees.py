"""Fees of guests who did not come, charged to the card saved when they booked."""

from alembic import op

from chassis.migrations import tenant_table

revision = "0013"
down_revision = "0012"

# One per booking. payment_sequence: of the news of its payment that was heard last.
FEES = """
CREATE TABLE no_show_fees (
    booking_id uuid PRIMARY KEY REFERENCES bookings,
    org_id uuid NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    currency text NOT NULL,
    state text NOT NULL
        CHECK (state IN ('due', 'declined', 'action_required', 'charged', 'given_up')),
    failure_code text,
    payment_sequence bigint NOT NULL DEFAULT -1,
    pay_until timestamptz NOT NULL,
    due_at timestamptz NOT NULL
)
"""


def upgrade() -> None:
    op.execute(FEES)
    tenant_table(op, "no_show_fees", "booking")
    op.execute("REVOKE DELETE ON no_show_fees FROM booking")
