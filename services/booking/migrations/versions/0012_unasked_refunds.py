"""What went back of a payment without its booking having asked for it, apart from the rest."""

from alembic import op

revision = "0012"
down_revision = "0011"

# refunds_sequence: the payment's version of which both totals are. What changes gave back is kept
# once, on the booking.
SCRIPT = """
ALTER TABLE receipts
    ADD COLUMN unasked_minor bigint NOT NULL DEFAULT 0,
    ADD COLUMN refunds_sequence bigint NOT NULL DEFAULT 0;
UPDATE receipts SET unasked_minor = refunded_minor - returned_minor
WHERE refunded_minor > returned_minor;
ALTER TABLE receipts DROP COLUMN returned_minor;
ALTER TABLE bookings ADD COLUMN amount_unasked bigint NOT NULL DEFAULT 0;
UPDATE bookings SET amount_unasked = amount_refunded - amount_returned
WHERE amount_refunded > amount_returned;
ALTER TABLE refund_approvals ADD COLUMN in_all_minor bigint;
UPDATE refund_approvals a SET in_all_minor = a.amount_minor + b.amount_unasked
FROM bookings b WHERE b.id = a.booking_id;
ALTER TABLE refund_approvals ALTER COLUMN in_all_minor SET NOT NULL
"""


def upgrade() -> None:
    for statement in filter(str.strip, SCRIPT.split(";\n")):
        op.execute(statement)
