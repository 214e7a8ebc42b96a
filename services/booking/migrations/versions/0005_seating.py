"""Seating: covers per slot of a session, and what stands in the way of a party."""

from alembic import op

from chassis.migrations import tenant_table

revision = "0005"
down_revision = "0004"

# A session at tables counts its covers too, with or without a limit of its own.
# pacing: covers that the ledger gives to arrivals in each slot; slot: see booking.domain.seating.
# allocations: the row with a party's covers names the slot in which they count, so that
#   sessions.taken = sum(units) of a session, pacing.covers = sum(units) of a session and slot,
# both over rows that are not released.
COUNTERS = """
ALTER TABLE sessions
    DROP CONSTRAINT sessions_capacity,
    ADD CONSTRAINT sessions_capacity CHECK (taken BETWEEN 0 AND coalesce(capacity, taken));
CREATE INDEX sessions_venue ON sessions (venue_id, starts_at);

ALTER TABLE allocations
    ADD COLUMN slot timestamptz,
    ADD CONSTRAINT allocations_slot CHECK (slot IS NULL OR units > 0);
DROP INDEX allocations_session;
CREATE INDEX allocations_session ON allocations (session_id, upper(during))
    WHERE released_at IS NULL AND resource_id IS NOT NULL;

CREATE TABLE pacing (
    session_id uuid NOT NULL REFERENCES sessions,
    slot timestamptz NOT NULL,
    org_id uuid NOT NULL,
    covers integer NOT NULL CHECK (covers >= 0),
    PRIMARY KEY (session_id, slot)
) WITH (fillfactor = 50)
"""

# Who has the tables of a venue at some time of a span, whatever the offering: read through the few
# sessions that can reach into it (they last up to 48 hours, and a stay up to 24 more), because the
# ledger's own index would have to be asked for each table. lapsed: holds whose time is over, of
# those sessions, oldest first, found by their own index even before there are statistics. plpgsql
# keeps its plans, and planning costs more than running them; all of it sees one snapshot.
FLOOR = """
CREATE FUNCTION floor_at(wanted_venue uuid, span tstzrange,
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
    reaching := ARRAY(SELECT s.id FROM sessions s
        WHERE s.venue_id = wanted_venue AND s.starts_at < upper(span)
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
$$;
REVOKE EXECUTE ON FUNCTION floor_at(uuid, tstzrange) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION floor_at(uuid, tstzrange) TO booking
"""


def upgrade() -> None:
    for statement in filter(str.strip, COUNTERS.split(";\n")):
        op.execute(statement)
    op.execute(FLOOR.split("$$;\n", maxsplit=1)[0] + "$$")
    for statement in FLOOR.split("$$;\n")[1].split(";\n"):
        op.execute(statement)
    tenant_table(op, "pacing", "booking")
