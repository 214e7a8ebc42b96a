"""What stands in the way of a party is looked for among sessions at tables, not all of the venue's."""

from alembic import op

revision = "0015"
down_revision = "0014"

# A venue with a class every hour has a hundred sessions around any dinner, none of them at a table.
AT_TABLES = """
ALTER TABLE offerings ADD COLUMN at_tables boolean NOT NULL
    GENERATED ALWAYS AS (inventory ->> 'kind' IN ('resources', 'seating')) STORED
"""
INDEX = "CREATE INDEX offerings_at_tables ON offerings (venue_id) WHERE at_tables"

# See 0005; only how `reaching` is found differs.
FLOOR = """
CREATE OR REPLACE FUNCTION floor_at(wanted_venue uuid, span tstzrange,
    OUT tables uuid[], OUT holders uuid[], OUT spans tstzrange[],
    OUT lapsed uuid[], OUT lapsed_sessions uuid[], OUT lapsed_slots timestamptz[],
    OUT lapsed_covers integer[])
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    at timestamptz := messaging.now();
    reaching uuid[];
BEGIN
    reaching := ARRAY(SELECT s.id FROM offerings o JOIN sessions s ON s.offering_id = o.id
        WHERE o.venue_id = wanted_venue AND o.at_tables AND s.starts_at < upper(span)
            AND s.starts_at > lower(span) - interval '72 hours'
            AND s.org_id = nullif(current_setting('app.org_id', true), '')::uuid);
    SELECT array_agg(a.resource_id), array_agg(a.booking_id), array_agg(a.during)
    INTO tables, holders, spans
    FROM allocations a
    WHERE a.session_id = ANY(reaching) AND a.released_at IS NULL AND a.resource_id IS NOT NULL
        AND upper(a.during) > lower(span) AND lower(a.during) < upper(span);
    SELECT array_agg(h.id), array_agg(h.session_id), array_agg(h.slot), array_agg(h.units)
    INTO lapsed, lapsed_sessions, lapsed_slots, lapsed_covers
    FROM (SELECT b.id, b.session_id, a.slot, b.units
        FROM unnest(reaching) AS r (id)
        CROSS JOIN LATERAL (
            SELECT w.id, w.session_id, w.units, w.expires_at, w.resource_ids FROM bookings w
            WHERE w.session_id = r.id AND w.expires_at <= at
                AND w.status IN ('pending_payment', 'requires_authentication')
            ORDER BY w.expires_at) b
        LEFT JOIN allocations a
            ON a.booking_id = b.id AND a.released_at IS NULL AND a.slot IS NOT NULL
        WHERE cardinality(b.resource_ids) > 0
        ORDER BY b.expires_at, b.id) h;
END
$$
"""


def upgrade() -> None:
    op.execute(AT_TABLES)
    op.execute(INDEX)
    op.execute(FLOOR)
