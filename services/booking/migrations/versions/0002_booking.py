"""Organisations to bookings: the catalogue, the allocation ledger, audit and idempotency."""

from alembic import op

from chassis.migrations import tenant_table

revision = "0002"
down_revision = "0001"

CATALOGUE = """
CREATE TABLE organisations (
    org_id uuid PRIMARY KEY,
    slug text NOT NULL CONSTRAINT organisations_slug UNIQUE,
    name text NOT NULL,
    status text NOT NULL CHECK (status IN ('active', 'suspended', 'closed')),
    default_country text NOT NULL CHECK (default_country ~ '^[A-Z]{2}$'),
    locale text NOT NULL,
    reference_template text NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL
);

CREATE TABLE venues (
    id uuid PRIMARY KEY,
    org_id uuid NOT NULL REFERENCES organisations,
    slug text NOT NULL,
    name text NOT NULL,
    timezone text NOT NULL,
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    locale text NOT NULL,
    contact_email text,
    contact_phone text,
    statement_descriptor text,
    status text NOT NULL CHECK (status IN ('active', 'archived')),
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT venues_slug UNIQUE (org_id, slug)
);

-- version: of everything a hold needs to know besides the session, so that processes may cache it.
CREATE TABLE offerings (
    id uuid PRIMARY KEY,
    org_id uuid NOT NULL REFERENCES organisations,
    venue_id uuid NOT NULL REFERENCES venues,
    preset text NOT NULL,
    title text NOT NULL,
    description text,
    schedule jsonb NOT NULL,
    inventory jsonb NOT NULL,
    pricing jsonb NOT NULL,
    policy jsonb NOT NULL,
    status text NOT NULL CHECK (status IN ('active', 'archived')),
    version integer NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE INDEX offerings_org ON offerings (org_id, id);
CREATE INDEX offerings_venue ON offerings (venue_id);

CREATE TABLE resources (
    id uuid PRIMARY KEY,
    org_id uuid NOT NULL REFERENCES organisations,
    venue_id uuid NOT NULL REFERENCES venues,
    number integer NOT NULL CHECK (number > 0),
    label text NOT NULL,
    floor text,
    seats_min integer NOT NULL CHECK (seats_min >= 1),
    seats_max integer NOT NULL,
    features text[] NOT NULL,
    vip boolean NOT NULL,
    description text,
    status text NOT NULL CHECK (status IN ('active', 'archived')),
    created_at timestamptz NOT NULL,
    CONSTRAINT resources_number UNIQUE (venue_id, number),
    CONSTRAINT resources_seats CHECK (seats_max >= seats_min)
);

-- taken: units that the ledger gives to bookings of this session. The check is the last word.
CREATE TABLE sessions (
    id uuid PRIMARY KEY,
    org_id uuid NOT NULL REFERENCES organisations,
    offering_id uuid NOT NULL REFERENCES offerings,
    venue_id uuid NOT NULL REFERENCES venues,
    title text NOT NULL,
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    capacity integer CHECK (capacity > 0),
    taken integer NOT NULL DEFAULT 0,
    status text NOT NULL CHECK (status IN ('open', 'closed')),
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT sessions_span CHECK (ends_at > starts_at),
    CONSTRAINT sessions_capacity CHECK (taken BETWEEN 0 AND coalesce(capacity, 0))
) WITH (fillfactor = 50);
CREATE INDEX sessions_offering ON sessions (offering_id, starts_at, id);

CREATE TABLE session_resources (
    session_id uuid NOT NULL REFERENCES sessions,
    resource_id uuid NOT NULL REFERENCES resources,
    org_id uuid NOT NULL,
    PRIMARY KEY (session_id, resource_id)
);
"""

BOOKINGS = """
CREATE TABLE bookings (
    id uuid PRIMARY KEY,
    org_id uuid NOT NULL,
    venue_id uuid NOT NULL,
    offering_id uuid NOT NULL,
    session_id uuid NOT NULL REFERENCES sessions,
    reference text NOT NULL,
    status text NOT NULL,
    previous_status text,
    payment_status text NOT NULL CHECK (payment_status IN ('not_required', 'unpaid', 'processing',
        'paid', 'partially_refunded', 'refunded', 'failed')),
    version integer NOT NULL,
    party_size integer NOT NULL CHECK (party_size > 0),
    units integer NOT NULL,
    resource_ids uuid[] NOT NULL,
    currency text NOT NULL,
    amount_total bigint NOT NULL,
    amount_due_now bigint NOT NULL,
    amount_paid bigint NOT NULL DEFAULT 0,
    amount_refunded bigint NOT NULL DEFAULT 0,
    policy jsonb NOT NULL,
    payment_methods text[] NOT NULL,
    given_name text NOT NULL,
    family_name text NOT NULL,
    display_name text NOT NULL,
    sealed_contact text NOT NULL,
    email_hash bytea NOT NULL,
    phone_hash bytea,
    locale text NOT NULL,
    source text NOT NULL,
    arrives_at timestamptz,
    special_requests text,
    drinks_package text,
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    confirmed_at timestamptz,
    cancelled_at timestamptz,
    customer_id uuid,
    payment_id uuid,
    payment_sequence bigint NOT NULL DEFAULT -1,
    failure_code text,
    failure_message_key text,
    manage_epoch integer NOT NULL DEFAULT 1,
    CONSTRAINT bookings_reference UNIQUE (org_id, reference),
    -- The lifecycle: booking.domain.lifecycle.TRANSITIONS, which a test holds equal to this.
    CONSTRAINT bookings_transition CHECK (
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
            ('pending_payment', 'cancelled'),
            ('confirmed', 'cancelled'),
            ('checked_in', 'cancelled'),
            ('confirmed', 'checked_in'),
            ('checked_in', 'completed'),
            ('confirmed', 'no_show')
        ) END),
    CONSTRAINT bookings_claim CHECK (
        units >= 0 AND (units > 0) <> (cardinality(resource_ids) > 0)),
    CONSTRAINT bookings_amounts CHECK (
        amount_due_now BETWEEN 0 AND amount_total AND amount_paid >= 0
        AND amount_refunded BETWEEN 0 AND amount_paid),
    CONSTRAINT bookings_deadline CHECK (
        status NOT IN ('pending_payment', 'requires_authentication')
        OR (expires_at IS NOT NULL AND payment_status IN ('unpaid', 'processing', 'failed'))),
    CONSTRAINT bookings_confirmed CHECK (
        status NOT IN ('confirmed', 'checked_in', 'completed', 'no_show')
        OR (confirmed_at IS NOT NULL AND (amount_due_now = 0 OR amount_paid > 0)
            AND payment_status IN ('not_required', 'paid', 'partially_refunded', 'refunded'))),
    CONSTRAINT bookings_cancelled CHECK (status <> 'cancelled' OR cancelled_at IS NOT NULL)
) WITH (fillfactor = 85);
-- Lapsed holds in the way of a new one, and the places they will give back.
CREATE INDEX bookings_waiting ON bookings (session_id, expires_at)
    WHERE status IN ('pending_payment', 'requires_authentication');

-- The ledger: one row for each thing a booking has. Released rows stay as history.
-- booking_version: the change of the booking that took it.
CREATE TABLE allocations (
    booking_id uuid NOT NULL REFERENCES bookings DEFERRABLE INITIALLY DEFERRED,
    booking_version integer NOT NULL,
    position smallint NOT NULL,
    org_id uuid NOT NULL,
    session_id uuid NOT NULL,
    resource_id uuid REFERENCES resources,
    units integer NOT NULL,
    during tstzrange NOT NULL,
    released_at timestamptz,
    PRIMARY KEY (booking_id, booking_version, position),
    CONSTRAINT allocations_kind CHECK (
        (resource_id IS NULL AND units > 0) OR (resource_id IS NOT NULL AND units = 0)),
    -- The last word on who has a table (F-01).
    CONSTRAINT allocations_exclusive EXCLUDE USING gist (resource_id WITH =, during WITH &&)
        WHERE (released_at IS NULL AND resource_id IS NOT NULL)
) WITH (fillfactor = 85);
CREATE INDEX allocations_session ON allocations (session_id)
    WHERE released_at IS NULL AND resource_id IS NOT NULL;

-- One row per payment that brought money: what became of it. Unique, so each counts once.
CREATE TABLE receipts (
    payment_id uuid PRIMARY KEY,
    org_id uuid NOT NULL,
    booking_id uuid NOT NULL REFERENCES bookings,
    amount_minor bigint NOT NULL,
    currency text NOT NULL,
    outcome text NOT NULL,
    refunded_minor bigint NOT NULL DEFAULT 0,
    received_at timestamptz NOT NULL
);
CREATE INDEX receipts_booking ON receipts (booking_id);

-- Who changed what, when and why; before and after hold no personal values (AUD-01).
CREATE TABLE audit (
    entity_id uuid NOT NULL,
    id uuid NOT NULL,
    org_id uuid NOT NULL,
    entity text NOT NULL,
    action text NOT NULL,
    at timestamptz NOT NULL,
    actor text NOT NULL,
    reason text,
    before jsonb,
    after jsonb,
    message_id uuid,
    PRIMARY KEY (entity_id, id)
);

CREATE TABLE idempotency (
    org_id uuid NOT NULL,
    principal text NOT NULL,
    route text NOT NULL,
    key text NOT NULL,
    request_hash bytea NOT NULL,
    answer jsonb NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (org_id, principal, route, key)
);
CREATE INDEX idempotency_expiry ON idempotency (expires_at);
"""

# Which tenant a public address belongs to: needed before there is one to look within.
FUNCTIONS = """
CREATE FUNCTION org_of_slug(wanted text) RETURNS uuid LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public
AS $$ SELECT org_id FROM organisations WHERE slug = wanted $$;

CREATE FUNCTION org_of_offering(wanted uuid) RETURNS uuid LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public
AS $$ SELECT org_id FROM offerings WHERE id = wanted $$;

CREATE FUNCTION org_of_session(wanted uuid) RETURNS uuid LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public
AS $$ SELECT org_id FROM sessions WHERE id = wanted $$;

-- && is not leakproof: under row-level security its index would go unused, so the owner asks.
CREATE FUNCTION live_allocations(wanted uuid[], span tstzrange)
RETURNS TABLE (resource_id uuid, booking_id uuid) LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public
AS $$
    SELECT a.resource_id, a.booking_id
    FROM unnest(wanted) AS w(id) JOIN allocations a
        ON a.resource_id = w.id AND a.during && span AND a.released_at IS NULL
    WHERE a.org_id = nullif(current_setting('app.org_id', true), '')::uuid
$$;

-- Forgetting idempotency keys is nobody's tenant's work: one statement for all of them.
CREATE FUNCTION forget_idempotency_keys(before timestamptz) RETURNS bigint
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
    WITH gone AS (DELETE FROM idempotency WHERE expires_at < before RETURNING 1)
    SELECT count(*) FROM gone
$$;
"""

SIGNATURES = (
    "org_of_slug(text)",
    "org_of_offering(uuid)",
    "org_of_session(uuid)",
    "live_allocations(uuid[], tstzrange)",
    "forget_idempotency_keys(timestamptz)",
)

TABLES = (
    "organisations",
    "venues",
    "offerings",
    "resources",
    "sessions",
    "session_resources",
    "bookings",
    "allocations",
    "receipts",
    "audit",
    "idempotency",
)


def upgrade() -> None:
    op.execute("CREATE EXTENSION IF NOT EXISTS btree_gist")
    for script in (CATALOGUE, BOOKINGS, FUNCTIONS):
        for statement in filter(str.strip, script.split(";\n")):
            op.execute(statement)
    for table in TABLES:
        tenant_table(op, table, "booking")
    # What happened and what was taken stays on record, whatever the service's code does.
    op.execute("REVOKE DELETE ON bookings, receipts, audit FROM booking")
    op.execute("REVOKE UPDATE ON audit FROM booking")
    for function in SIGNATURES:
        op.execute(f"REVOKE EXECUTE ON FUNCTION {function} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {function} TO booking")
