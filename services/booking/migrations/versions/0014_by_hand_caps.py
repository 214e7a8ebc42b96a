"""How many places wait for a payment by hand, counted by one request at a time."""

from alembic import op

revision = "0014"
down_revision = "0013"

# Volatile, so that each of its statements sees what was committed by then: those who held the locks
# before have been counted. In one order, and after session and tables, so that nobody waits in a
# circle. A guest's holds are found by the guest alone: if their time could be looked for, the
# planner might read the unpaid holds of everybody (0017).
REFUSAL = """
CREATE FUNCTION by_hand_refusal(
    org uuid, session uuid, email bytea, phone bytea, methods text[],
    guest_most integer, session_most integer, at timestamptz)
RETURNS text LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, public AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(wanted.key) FROM (
        SELECT DISTINCT hashtextextended('by hand ' || whose, 0) AS key
        FROM unnest(ARRAY[org || encode(email, 'hex'), org || encode(phone, 'hex'), session::text])
            AS whose
        WHERE whose IS NOT NULL ORDER BY key) wanted;
    IF (SELECT count(*) FILTER (WHERE w.expires_at > at) FROM bookings w
            WHERE w.org_id = org AND w.email_hash = email
                AND w.status IN ('pending_payment', 'requires_authentication')
                AND w.payment_methods[1] = ANY(methods)) >= guest_most
        OR (SELECT count(*) FILTER (WHERE w.expires_at > at) FROM bookings w
            WHERE w.org_id = org AND w.phone_hash = phone
                AND w.status IN ('pending_payment', 'requires_authentication')
                AND w.payment_methods[1] = ANY(methods)) >= guest_most
    THEN
        RETURN 'overdrawn';
    END IF;
    IF (SELECT count(*) FROM bookings w
            WHERE w.session_id = session AND w.expires_at > at
                AND w.status IN ('pending_payment', 'requires_authentication')
                AND w.payment_methods[1] = ANY(methods)) >= session_most
    THEN
        RETURN 'crowded';
    END IF;
    RETURN NULL;
END $$
"""


def upgrade() -> None:
    op.execute(REFUSAL)
