CREATE TABLE IF NOT EXISTS accounts (
    client_id TEXT PRIMARY KEY,
    secret    BLOB NOT NULL
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS objects (
    seq    INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant TEXT NOT NULL,
    kind   TEXT NOT NULL,
    id     TEXT NOT NULL UNIQUE,
    parent TEXT,
    body   TEXT NOT NULL,
    hidden TEXT NOT NULL DEFAULT '{}'
);
CREATE INDEX IF NOT EXISTS objects_by_parent ON objects (parent, seq) WHERE parent IS NOT NULL;
CREATE INDEX IF NOT EXISTS objects_by_kind ON objects (tenant, kind, seq);

CREATE TABLE IF NOT EXISTS webhooks (
    id     TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    url    TEXT NOT NULL,
    types  TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS events (
    seq     INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant  TEXT NOT NULL,
    id      TEXT NOT NULL UNIQUE,
    type    TEXT NOT NULL,
    subject TEXT NOT NULL,
    body    TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS events_by_subject ON events (subject, seq);

CREATE TABLE IF NOT EXISTS deliveries (
    seq      INTEGER PRIMARY KEY AUTOINCREMENT,
    event    TEXT NOT NULL,
    webhook  TEXT NOT NULL,
    state    TEXT NOT NULL DEFAULT 'pending',
    attempts INTEGER NOT NULL DEFAULT 0,
    due      REAL NOT NULL,
    answer   TEXT
);
CREATE INDEX IF NOT EXISTS deliveries_pending ON deliveries (due) WHERE state = 'pending';
CREATE INDEX IF NOT EXISTS deliveries_by_event ON deliveries (event);

CREATE TABLE IF NOT EXISTS requests (
    tenant  TEXT NOT NULL,
    key     TEXT NOT NULL,
    request BLOB NOT NULL,
    status  INTEGER NOT NULL,
    body    TEXT NOT NULL,
    created REAL NOT NULL,
    PRIMARY KEY (tenant, key)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS flags (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;
