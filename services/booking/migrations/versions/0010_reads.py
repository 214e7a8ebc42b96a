"""Reads: what the public sees of a session, what staff list, search and count."""

from alembic import op

revision = "0010"
down_revision = "0009"

# One bounded read for any number of sessions, by primary keys and the index of unpaid holds: what
# was sold is a counter, so it costs the same on the first day and with a million bookings. The
# owner asks, because && is not leakproof and because nobody is a tenant yet; it tells counts and
# states only. plpgsql keeps its plan, an SQL function would be planned again on every call; and the
# plan is the same for any sessions: left to itself PostgreSQL plans each time, which costs four
# times as much as the answer.
AVAILABILITY = """
CREATE FUNCTION availability(wanted uuid[])
RETURNS TABLE (session_id uuid, status text, starts_at timestamptz, ends_at timestamptz,
    capacity integer, remaining integer, tables text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off
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
         FROM session_resources sr
         JOIN resources r ON r.id = sr.resource_id AND r.status = 'active'
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
    FROM sessions s WHERE s.id = ANY(wanted) AND s.status <> 'archived';
END $$;
"""

# Names are found by any part of them, whatever their case and accents. Plain ASCII, which most
# names are, needs no taking apart. A blank in front makes "begins a word" a pattern like any other.
SEARCH = r"""
CREATE FUNCTION folded(value text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
SET search_path = pg_catalog
AS $$
    SELECT CASE WHEN octet_length(value) = length(value) THEN lower(value)
    ELSE lower(replace(replace(replace(translate(
        regexp_replace(normalize(value, NFKD), '[\u0300-\u036f]', '', 'g'),
        'øØłŁđĐıðÐ', 'oOlLdDidD'), 'ß', 'ss'), 'æ', 'ae'), 'œ', 'oe')) END
$$;

CREATE FUNCTION search_name(value text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
SET search_path = pg_catalog, public
AS $$ SELECT ' ' || folded(value) $$;

-- Trigrams need three characters; fewer are looked for where words begin.
CREATE FUNCTION search_pattern(term text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
SET search_path = pg_catalog, public
AS $$
    SELECT CASE WHEN length(term) < 3 THEN '% ' ELSE '%' END
        || replace(replace(replace(folded(term), '\', '\\'), '%', '\%'), '_', '\_') || '%'
$$;

-- LIKE is not leakproof, so under row-level security its index would go unused: the owner asks.
-- Each way to be found is one bitmap of one index; answers more than "most" mean "too many".
CREATE FUNCTION search_bookings(term text, email bytea, phone bytea, prefix text, most integer)
RETURNS SETOF uuid LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public
SET enable_seqscan = off SET enable_indexscan = off SET enable_indexonlyscan = off
AS $$
DECLARE
    tenant uuid := nullif(current_setting('app.org_id', true), '')::uuid;
    pattern text := search_pattern(term);
BEGIN
    RETURN QUERY SELECT b.id FROM bookings b WHERE b.org_id = tenant AND b.email_hash = email
        LIMIT most;
    RETURN QUERY SELECT b.id FROM bookings b WHERE b.org_id = tenant AND b.phone_hash = phone
        LIMIT most;
    RETURN QUERY SELECT b.id FROM bookings b WHERE b.org_id = tenant
        AND b.reference >= prefix AND b.reference < prefix || '~' LIMIT most;
    IF term IS NOT NULL THEN
        RETURN QUERY SELECT b.id FROM bookings b WHERE b.org_id = tenant
            AND search_name(b.display_name) LIKE pattern LIMIT most;
    END IF;
END $$;
"""

INDEXES = """
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE EXTENSION IF NOT EXISTS btree_gin;
-- Byte by byte, so that the unique index also finds what begins with something.
ALTER TABLE bookings ALTER COLUMN reference TYPE text COLLATE "C";
-- In the order of time; a state or an offering that is rare is looked for in the index alone.
CREATE INDEX bookings_listed ON bookings (org_id, starts_at, id, status, offering_id);
CREATE INDEX bookings_made ON bookings (org_id, created_at);
CREATE INDEX bookings_email ON bookings (org_id, email_hash);
CREATE INDEX bookings_phone ON bookings (org_id, phone_hash) WHERE phone_hash IS NOT NULL;
CREATE INDEX bookings_named ON bookings
    USING gin (org_id, search_name(display_name) gin_trgm_ops)
    -- Sorted in often, in small lots: whoever sorts in makes a guest wait.
    WITH (gin_pending_list_limit = 128);
CREATE INDEX bookings_unfulfillable ON bookings (org_id, id) WHERE status = 'unfulfillable';
CREATE INDEX receipts_received ON receipts (org_id, received_at);
CREATE INDEX receipts_unreturned ON receipts (org_id, received_at)
    WHERE outcome <> 'counted' AND refunded_minor < amount_minor;
-- Newest first, for all; what people and the catalogue did is rare among what guests did.
CREATE INDEX audit_time ON audit (org_id, id);
CREATE INDEX audit_staff ON audit (org_id, actor, id) WHERE position(':' in actor) > 0;
CREATE INDEX audit_catalogue ON audit (org_id, entity, id) WHERE entity <> 'booking';
"""

SIGNATURES = (
    "availability(uuid[])",
    "search_bookings(text, bytea, bytea, text, integer)",
)


def upgrade() -> None:
    for function in (AVAILABILITY, *filter(str.strip, SEARCH.split("$$;\n"))):
        op.execute(function if function is AVAILABILITY else f"{function}$$")
    for statement in filter(str.strip, INDEXES.split(";\n")):
        op.execute(statement)
    for function in SIGNATURES:
        op.execute(f"REVOKE EXECUTE ON FUNCTION {function} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {function} TO booking")
