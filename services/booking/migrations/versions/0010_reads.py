"""Reads: what the public sees of a session, what staff list, search and count."""

from alembic import op

revision = "0010"
down_revision = "0009"

# One bounded read for any number of sessions, by primary keys and the index of unpaid holds: what
# was sold is a counter, so it costs the same on the first day and with a million bookings. The
# owner asks, because && is not leakproof and because nobody is a tenant yet; it tells counts and
# states only. plpgsql keeps its plan, an SQL function would be planned again on every call.
AVAILABILITY = """
CREATE FUNCTION availability(wanted uuid[])
RETURNS TABLE (session_id uuid, status text, starts_at timestamptz, ends_at timestamptz,
    capacity integer, remaining integer, tables text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT s.id, s.status, s.starts_at, s.ends_at, s.capacity,
        s.capacity - s.taken + coalesce((
            SELECT sum(b.units) FROM bookings b
            WHERE b.session_id = s.id AND b.status IN ('pending_payment', 'requires_authentication')
                AND b.expires_at <= messaging.now()), 0)::integer,
        (SELECT json_agg(json_build_object('resource_id', r.id, 'number', r.number,
                'label', r.label, 'floor', r.floor, 'seats_min', r.seats_min,
                'seats_max', r.seats_max, 'features', r.features, 'vip', r.vip,
                'status', coalesce(had.state, 'available')) ORDER BY r.number)
         FROM session_resources sr JOIN resources r ON r.id = sr.resource_id
         LEFT JOIN LATERAL (
            SELECT CASE WHEN bool_or(b.status NOT IN
                ('pending_payment', 'requires_authentication')) THEN 'booked' ELSE 'pending' END
            FROM allocations a JOIN bookings b ON b.id = a.booking_id
            WHERE a.resource_id = r.id AND a.released_at IS NULL
                AND a.during && tstzrange(s.starts_at, s.ends_at)
                AND (b.status NOT IN ('pending_payment', 'requires_authentication')
                    OR b.expires_at > messaging.now())
            HAVING count(*) > 0
         ) AS had (state) ON true
         WHERE sr.session_id = s.id)::text
    FROM sessions s WHERE s.id = ANY(wanted);
END $$;
"""

SIGNATURES = ("availability(uuid[])",)


def upgrade() -> None:
    op.execute(AVAILABILITY)
    for function in SIGNATURES:
        op.execute(f"REVOKE EXECUTE ON FUNCTION {function} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {function} TO booking")
