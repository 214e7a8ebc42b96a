"""Changes: moving a booking to another time."""

from alembic import op

from chassis.migrations import tenant_table

revision = "0008"
down_revision = "0007"

# Every move of a booking, and those that wait for the difference to be paid. While one is pending,
# the ledger holds the new place beside the old one, under ledger_version.
CHANGES = """
CREATE TABLE changes (
    id uuid PRIMARY KEY,
    org_id uuid NOT NULL,
    venue_id uuid NOT NULL,
    booking_id uuid NOT NULL REFERENCES bookings,
    state text NOT NULL CHECK (state IN ('pending', 'done', 'expired', 'dropped')),
    by_guest boolean NOT NULL,
    ledger_version integer NOT NULL,
    amount_due bigint NOT NULL CHECK (amount_due >= 0),
    currency text NOT NULL,
    expires_at timestamptz,
    created_at timestamptz NOT NULL,
    settled_at timestamptz,
    payment_id uuid,
    place jsonb NOT NULL,
    CONSTRAINT changes_pending CHECK (
        (state = 'pending') = (settled_at IS NULL)
        AND (state <> 'pending' OR (expires_at IS NOT NULL AND amount_due > 0)))
);
CREATE UNIQUE INDEX changes_one_pending ON changes (booking_id) WHERE state = 'pending';
CREATE INDEX changes_lapsing ON changes (venue_id, expires_at) WHERE state = 'pending';

ALTER TABLE bookings
    ADD COLUMN change_id uuid,
    ADD COLUMN guest_moves integer NOT NULL DEFAULT 0,
    ADD COLUMN amount_returned bigint NOT NULL DEFAULT 0,
    ADD CONSTRAINT bookings_returned CHECK (amount_returned BETWEEN 0 AND amount_paid),
    -- Only a confirmed booking waits for a change to be paid.
    ADD CONSTRAINT bookings_change CHECK (
        change_id IS NULL OR status IN ('confirmed', 'checked_in', 'completed', 'no_show'));

-- What changes to cheaper places gave back of a payment, ordered but perhaps not made yet.
ALTER TABLE receipts ADD COLUMN returned_minor bigint NOT NULL DEFAULT 0
    CONSTRAINT receipts_returned CHECK (returned_minor BETWEEN 0 AND amount_minor)
"""


def upgrade() -> None:
    for statement in filter(str.strip, CHANGES.split(";\n")):
        op.execute(statement)
    tenant_table(op, "changes", "booking")
    op.execute("REVOKE DELETE ON changes FROM booking")
