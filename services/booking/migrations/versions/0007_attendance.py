"""Attendance: who came, who signed, whom we refuse, and refunds that wait for a decision."""

from alembic import op

from chassis.migrations import tenant_table

revision = "0007"
down_revision = "0006"

# age_attested: the age in years that the guest said everybody has reached (OPN-05).
# notes: of staff, for staff.
BOOKINGS = """
ALTER TABLE bookings
    ADD COLUMN age_attested smallint,
    ADD COLUMN waiver_name text,
    ADD COLUMN waiver_at timestamptz,
    ADD COLUMN notes text,
    ADD CONSTRAINT bookings_waiver CHECK ((waiver_name IS NULL) = (waiver_at IS NULL));
"""

# What customers said last of a customer: messages may come again, and out of order.
STANDINGS = """
CREATE TABLE customer_standings (
    customer_id uuid PRIMARY KEY,
    org_id uuid NOT NULL,
    blocked boolean NOT NULL,
    sequence bigint NOT NULL
);
"""

# One per cancelled booking: what would go back waits here until somebody decides, once.
APPROVALS = """
CREATE TABLE refund_approvals (
    booking_id uuid PRIMARY KEY REFERENCES bookings,
    org_id uuid NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    currency text NOT NULL,
    status text NOT NULL CHECK (status IN ('pending', 'approved', 'rejected')),
    requested_at timestamptz NOT NULL,
    requested_by text NOT NULL,
    decided_at timestamptz,
    decided_by text,
    reason text,
    CONSTRAINT refund_approvals_decided CHECK ((status = 'pending') = (decided_at IS NULL))
);
CREATE INDEX refund_approvals_pending ON refund_approvals (org_id, requested_at, booking_id)
    WHERE status = 'pending';
"""


def upgrade() -> None:
    for script in (BOOKINGS, STANDINGS, APPROVALS):
        for statement in filter(str.strip, script.split(";\n")):
            op.execute(statement)
    for table in ("customer_standings", "refund_approvals"):
        tenant_table(op, table, "booking")
    op.execute("REVOKE DELETE ON refund_approvals FROM booking")
