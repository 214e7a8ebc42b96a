-- The messaging schema of one service: everything that is not one tenant's business data.
-- Owned by the service role, without row-level security; loaded by create_messaging_schema().
-- As it was first installed: what has changed since stands in schema-<number>.sql.

-- "Now" for business rules: the database clock plus an offset that only tests move.
CREATE TABLE messaging.clock (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    shift interval NOT NULL DEFAULT interval '0'
);
INSERT INTO messaging.clock DEFAULT VALUES;

CREATE FUNCTION messaging.now() RETURNS timestamptz LANGUAGE sql STABLE
AS $$ SELECT pg_catalog.now() + c.shift FROM messaging.clock c $$;

-- Messages not yet confirmed by the broker, and this service's own timers and retries (due_at set).
-- `position` is drawn while the aggregate's row is locked, so per key it is the commit order.
CREATE TABLE messaging.outbox (
    position bigint GENERATED ALWAYS AS IDENTITY,
    message_id uuid NOT NULL,
    type text NOT NULL,
    ordering_key text NOT NULL,
    bucket smallint NOT NULL CHECK (bucket BETWEEN 0 AND 63),
    sequence bigint NOT NULL,
    org_id uuid,
    payload text NOT NULL,
    traceparent text,
    created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    due_at timestamptz,
    timer_key text CHECK (timer_key IS NULL OR due_at IS NOT NULL),
    attempt integer NOT NULL DEFAULT 0,
    error text,
    redrive boolean NOT NULL DEFAULT false
) WITH (
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000,
    autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 20000,
    autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 5000,
    autovacuum_vacuum_cost_delay = 0
);
CREATE UNIQUE INDEX outbox_ready ON messaging.outbox (position) WHERE due_at IS NULL;
CREATE UNIQUE INDEX outbox_due_position ON messaging.outbox (position) WHERE due_at IS NOT NULL;
CREATE INDEX outbox_due ON messaging.outbox (due_at) WHERE due_at IS NOT NULL;
CREATE UNIQUE INDEX outbox_timer ON messaging.outbox (timer_key) WHERE timer_key IS NOT NULL;
CREATE UNIQUE INDEX outbox_retry ON messaging.outbox (message_id) WHERE due_at IS NOT NULL;

-- Confirmed messages: the history that timelines and replay read. Partitioned by day, dropped whole.
CREATE TABLE messaging.archive (
    position bigint NOT NULL,
    message_id uuid NOT NULL,
    type text NOT NULL,
    ordering_key text NOT NULL,
    sequence bigint NOT NULL,
    org_id uuid,
    payload text NOT NULL,
    traceparent text,
    created_at timestamptz NOT NULL,
    published_at timestamptz NOT NULL DEFAULT pg_catalog.now()
) PARTITION BY RANGE (published_at);
CREATE TABLE messaging.archive_default PARTITION OF messaging.archive DEFAULT;
CREATE INDEX archive_key ON messaging.archive (ordering_key);

-- What has been done. Partitioned by the day inside the UUID version 7, dropped whole.
CREATE TABLE messaging.inbox (
    message_id uuid NOT NULL,
    consumer text NOT NULL,
    done_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    PRIMARY KEY (message_id, consumer)
) PARTITION BY RANGE (message_id);
CREATE TABLE messaging.inbox_default PARTITION OF messaging.inbox DEFAULT;

-- Messages that no retry helped; people redrive or discard them.
CREATE TABLE messaging.parked (
    message_id uuid NOT NULL,
    consumer text NOT NULL,
    type text NOT NULL,
    ordering_key text NOT NULL,
    sequence bigint NOT NULL,
    org_id uuid,
    payload text NOT NULL,
    traceparent text,
    attempt integer NOT NULL,
    error text NOT NULL,
    created_at timestamptz NOT NULL,
    parked_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    redriven_at timestamptz,
    PRIMARY KEY (message_id, consumer)
);

-- Which process relays which bucket, and until when. The epoch fences deletes of a former owner.
CREATE TABLE messaging.leases (
    bucket smallint PRIMARY KEY CHECK (bucket BETWEEN 0 AND 63),
    owner uuid,
    epoch bigint NOT NULL DEFAULT 0,
    lease_until timestamptz NOT NULL DEFAULT '-infinity'
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
INSERT INTO messaging.leases (bucket) SELECT generate_series(0, 63);

CREATE TABLE messaging.workers (
    owner uuid PRIMARY KEY,
    seen_until timestamptz NOT NULL
) WITH (fillfactor = 50);

-- Outside calls to make (provider, mail). The row is the intent; a crash anywhere runs it again.
CREATE TABLE messaging.intents (
    id uuid PRIMARY KEY,
    kind text NOT NULL,
    subject text NOT NULL,
    lane text NOT NULL,
    org_id uuid,
    payload text NOT NULL,
    traceparent text,
    state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'failed')),
    attempt integer NOT NULL DEFAULT 0,
    next_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    claim uuid,
    error text,
    created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    UNIQUE (kind, subject)
) WITH (
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000,
    autovacuum_vacuum_cost_delay = 0
);
CREATE INDEX intents_next ON messaging.intents (next_at) WHERE state = 'pending';
