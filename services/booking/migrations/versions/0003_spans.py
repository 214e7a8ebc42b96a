"""A booking's own span, what its price is made of, what became of it, and whom we refuse."""

from alembic import op

from chassis.migrations import tenant_table

revision = "0003"
down_revision = "0002"

# A booking's time is its own: within a service of a restaurant each party has another.
SPANS = """
ALTER TABLE bookings
    ADD COLUMN starts_at timestamptz,
    ADD COLUMN ends_at timestamptz,
    ADD COLUMN quantities jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN lines jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN amount_gift bigint NOT NULL DEFAULT 0,
    ADD COLUMN allergies text[] NOT NULL DEFAULT '{}',
    ADD COLUMN one_per_customer boolean NOT NULL DEFAULT false,
    ADD COLUMN status_at timestamptz;

UPDATE bookings b SET starts_at = s.starts_at, ends_at = s.ends_at, status_at = b.created_at
FROM sessions s WHERE s.id = b.session_id;

ALTER TABLE bookings
    ALTER COLUMN starts_at SET NOT NULL,
    ALTER COLUMN ends_at SET NOT NULL,
    ALTER COLUMN status_at SET NOT NULL,
    ADD CONSTRAINT bookings_span CHECK (ends_at > starts_at),
    ADD CONSTRAINT bookings_gift CHECK (amount_gift BETWEEN 0 AND amount_total);
"""

# A party at tables also counts as covers, so it may have units and resources at once.
# Something to be paid at the venue is due then, not now: confirmed with nothing paid yet.
# What staff did by mistake can be undone.
RULES = """
ALTER TABLE bookings
    DROP CONSTRAINT bookings_claim,
    DROP CONSTRAINT bookings_deadline,
    DROP CONSTRAINT bookings_confirmed,
    DROP CONSTRAINT bookings_transition,
    ADD CONSTRAINT bookings_claim CHECK (
        units >= 0 AND (units > 0 OR cardinality(resource_ids) > 0)),
    ADD CONSTRAINT bookings_deadline CHECK (
        status NOT IN ('pending_payment', 'requires_authentication')
        OR (expires_at IS NOT NULL
            AND payment_status IN ('not_required', 'unpaid', 'processing', 'failed'))),
    ADD CONSTRAINT bookings_confirmed CHECK (
        status NOT IN ('confirmed', 'checked_in', 'completed', 'no_show')
        OR (confirmed_at IS NOT NULL AND (amount_due_now = 0 OR amount_paid > 0)
            AND (payment_status IN ('not_required', 'paid', 'partially_refunded', 'refunded')
                OR (payment_status = 'unpaid' AND amount_due_now = 0)))),
    -- The lifecycle: booking.domain.lifecycle.TRANSITIONS, which a test holds equal to this.
    ADD CONSTRAINT bookings_transition CHECK (
        CASE WHEN previous_status IS NULL THEN status IN ('pending_payment', 'confirmed')
        ELSE (previous_status, status) IN (
            ('pending_payment', 'requires_authentication'),
            ('pending_payment', 'pending_payment'),
            ('requires_authentication', 'pending_payment'),
            ('pending_payment', 'confirmed'),
            ('requires_authentication', 'confirmed'),
            ('pending_payment', 'payment_failed'),
            ('requires_authentication', 'payment_failed'),
            ('pending_payment', 'expired'),
            ('requires_authentication', 'expired'),
            ('expired', 'confirmed'),
            ('payment_failed', 'confirmed'),
            ('expired', 'unfulfillable'),
            ('payment_failed', 'unfulfillable'),
            ('unfulfillable', 'confirmed'),
            ('pending_payment', 'cancelled'),
            ('confirmed', 'cancelled'),
            ('checked_in', 'cancelled'),
            ('confirmed', 'checked_in'),
            ('checked_in', 'completed'),
            ('confirmed', 'no_show'),
            ('checked_in', 'confirmed'),
            ('completed', 'checked_in'),
            ('no_show', 'confirmed')
        ) END);
"""

# Guests, known by keyed hashes alone: one place each where the offering says so, few unpaid holds
# at a time (F-12), and none for those whom the organisation refuses (CUS-17).
GUESTS = """
CREATE UNIQUE INDEX bookings_one_per_email ON bookings (session_id, email_hash)
    WHERE one_per_customer AND status IN ('pending_payment', 'requires_authentication',
        'confirmed', 'checked_in', 'completed', 'no_show');
CREATE UNIQUE INDEX bookings_one_per_phone ON bookings (session_id, phone_hash)
    WHERE one_per_customer AND status IN ('pending_payment', 'requires_authentication',
        'confirmed', 'checked_in', 'completed', 'no_show');
CREATE INDEX bookings_waiting_email ON bookings (session_id, email_hash)
    WHERE status IN ('pending_payment', 'requires_authentication');
CREATE INDEX bookings_waiting_phone ON bookings (session_id, phone_hash)
    WHERE status IN ('pending_payment', 'requires_authentication');

CREATE TABLE blocked_contacts (
    org_id uuid NOT NULL,
    hash bytea NOT NULL,
    customer_id uuid NOT NULL,
    PRIMARY KEY (org_id, hash, customer_id)
);
CREATE INDEX blocked_contacts_customer ON blocked_contacts (customer_id);
"""


def upgrade() -> None:
    for script in (SPANS, RULES, GUESTS):
        for statement in filter(str.strip, script.split(";\n")):
            op.execute(statement)
    tenant_table(op, "blocked_contacts", "booking")
