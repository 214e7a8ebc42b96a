"""Everything the sandbox remembers, in one SQLite file; one process per directory."""

import fcntl
import hashlib
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import orjson

from sandbox.clock import Clock
from sandbox.paypal.refusal import Json, not_found

KEYS_KEPT = 45 * 24 * 3600.0
"""Seconds that a PayPal-Request-Id is remembered."""


@dataclass(slots=True)
class Stored:
    """One object: what the API shows, and what only the sandbox knows about it."""

    tenant: str
    kind: str
    parent: str | None
    body: Json
    hidden: Json

    @property
    def id(self) -> str:
        """Disputes have a word of their own for it."""
        return str(self.body["dispute_id" if self.kind == "dispute" else "id"])


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where an account's events go, and which."""

    id: str
    tenant: str
    url: str
    types: tuple[str, ...]

    def listens(self, kind: str) -> bool:
        return "*" in self.types or kind in self.types


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event on its way to one webhook. `due` is Unix seconds."""

    seq: int
    event: str
    webhook: str
    attempts: int
    due: float


@dataclass(frozen=True, slots=True)
class Answered:
    """What a PayPal-Request-Id remembers; `request` is a digest of path and body."""

    request: bytes
    status: int
    body: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events: `since` and `until` as events write it, both included; `before` a place."""

    since: str | None = None
    until: str | None = None
    event_type: str | None = None
    transaction_id: str | None = None
    before: int | None = None


class StateInUse(Exception):
    """Another sandbox runs on the same state directory."""


class Store:
    """Opened on a directory, which it makes and locks. Raises StateInUse."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._lock = (directory / "lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._lock.close()
            raise StateInUse(f"another sandbox runs on {directory}") from error
        self._db = sqlite3.connect(directory / "paypal.sqlite3", isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = OFF")
        self._db.executescript(resources.files("sandbox.paypal").joinpath("schema.sql").read_text())
        self.clock = Clock(self)

    def close(self) -> None:
        self._db.close()
        self._lock.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; not nested."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    # Accounts: made by being used; the first secret is the right one

    def admits(self, client_id: str, secret: str) -> bool:
        digest = hashlib.sha256(secret.encode()).digest()
        self._db.execute("INSERT OR IGNORE INTO accounts VALUES (?, ?)", (client_id, digest))
        row = self._db.execute(
            "SELECT secret FROM accounts WHERE client_id = ?", (client_id,)
        ).fetchone()
        return bool(row[0] == digest)

    # Objects

    def add(self, stored: Stored) -> None:
        self._db.execute(
            "INSERT INTO objects (tenant, kind, id, parent, body, hidden) VALUES (?,?,?,?,?,?)",
            (
                stored.tenant,
                stored.kind,
                stored.id,
                stored.parent,
                _text(stored.body),
                _text(stored.hidden),
            ),
        )

    def save(self, stored: Stored) -> None:
        self._db.execute(
            "UPDATE objects SET body = ?, hidden = ? WHERE id = ?",
            (_text(stored.body), _text(stored.hidden), stored.id),
        )

    def remove(self, stored: Stored) -> None:
        self._db.execute("DELETE FROM objects WHERE id = ?", (stored.id,))

    def get(self, kind: str, identifier: str, tenant: str | None = None) -> Stored:
        """Of one account, or of any. Raises Refusal(404)."""
        row = self._db.execute(
            "SELECT tenant, kind, parent, body, hidden FROM objects WHERE id = ? AND kind = ?",
            (identifier, kind),
        ).fetchone()
        if row is None or tenant not in {None, row[0]}:
            raise not_found()
        return _stored(row)

    def of_parent(self, parent: str) -> list[Stored]:
        rows = self._db.execute(
            "SELECT tenant, kind, parent, body, hidden FROM objects WHERE parent = ? ORDER BY seq",
            (parent,),
        )
        return [_stored(row) for row in rows]

    def newest(self, kind: str, limit: int) -> list[Stored]:
        rows = self._db.execute(
            "SELECT tenant, kind, parent, body, hidden FROM objects WHERE kind = ?"
            " ORDER BY seq DESC LIMIT ?",
            (kind, limit),
        )
        return [_stored(row) for row in rows]

    def of_tenant(self, tenant: str, kind: str) -> list[Stored]:
        rows = self._db.execute(
            "SELECT tenant, kind, parent, body, hidden FROM objects WHERE tenant = ? AND kind = ?"
            " ORDER BY seq DESC LIMIT 1000",
            (tenant, kind),
        )
        return [_stored(row) for row in rows]

    # Events, webhooks and deliveries

    def put_webhook(self, webhook: Webhook) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO webhooks VALUES (?, ?, ?, ?)",
            (webhook.id, webhook.tenant, webhook.url, _text(list(webhook.types))),
        )

    def remove_webhook(self, tenant: str, identifier: str) -> None:
        self._db.execute("DELETE FROM webhooks WHERE tenant = ? AND id = ?", (tenant, identifier))

    def webhooks(self, tenant: str) -> list[Webhook]:
        rows = self._db.execute(
            "SELECT id, tenant, url, types FROM webhooks WHERE tenant = ? ORDER BY id", (tenant,)
        )
        return [Webhook(row[0], row[1], row[2], tuple(orjson.loads(row[3]))) for row in rows]

    def webhook(self, identifier: str) -> Webhook | None:
        row = self._db.execute(
            "SELECT id, tenant, url, types FROM webhooks WHERE id = ?", (identifier,)
        ).fetchone()
        return Webhook(row[0], row[1], row[2], tuple(orjson.loads(row[3]))) if row else None

    def add_event(self, tenant: str, body: Json, subject: str) -> list[Delivery]:
        """Keep an event and note where it has to go."""
        self._db.execute(
            "INSERT INTO events (tenant, id, type, subject, body) VALUES (?, ?, ?, ?, ?)",
            (tenant, body["id"], body["event_type"], subject, _text(body)),
        )
        now = time.time()
        found = []
        for webhook in self.webhooks(tenant):
            if webhook.listens(body["event_type"]):
                cursor = self._db.execute(
                    "INSERT INTO deliveries (event, webhook, due) VALUES (?, ?, ?)",
                    (body["id"], webhook.id, now),
                )
                found.append(Delivery(cursor.lastrowid or 0, body["id"], webhook.id, 0, now))
        return found

    def event(self, identifier: str) -> tuple[str, str] | None:
        """The account and the text as it is sent, the same bytes every time."""
        row = self._db.execute(
            "SELECT tenant, body FROM events WHERE id = ?", (identifier,)
        ).fetchone()
        return (row[0], row[1]) if row else None

    def newest_events(self, limit: int) -> list[Json]:
        """Of all accounts."""
        rows = self._db.execute("SELECT body FROM events ORDER BY seq DESC LIMIT ?", (limit,))
        return [orjson.loads(row[0]) for row in rows]

    def events(self, tenant: str, wanted: Wanted, limit: int) -> list[tuple[int, Json]]:
        """An account's events with their place in the list, newest first."""
        rows = self._db.execute(
            "SELECT seq, body FROM events WHERE tenant = ?1 AND (?2 IS NULL OR seq < ?2)"
            " AND (?3 IS NULL OR type = ?3)"
            " AND (?4 IS NULL OR body ->> '$.resource.id' = ?4)"
            " AND (?5 IS NULL OR body ->> '$.create_time' >= ?5)"
            " AND (?6 IS NULL OR body ->> '$.create_time' <= ?6)"
            " ORDER BY seq DESC LIMIT ?7",
            (
                tenant,
                wanted.before,
                wanted.event_type,
                wanted.transaction_id,
                wanted.since,
                wanted.until,
                limit,
            ),
        )
        return [(row[0], orjson.loads(row[1])) for row in rows]

    def events_about(self, subject: str) -> list[str]:
        rows = self._db.execute("SELECT id FROM events WHERE subject = ? ORDER BY seq", (subject,))
        return [row[0] for row in rows]

    def pending(self) -> list[Delivery]:
        rows = self._db.execute(
            "SELECT seq, event, webhook, attempts, due FROM deliveries WHERE state = 'pending'"
            " ORDER BY due, seq"
        )
        return [Delivery(*row) for row in rows]

    def attempted(self, delivery: Delivery, state: str, answer: str, due: float) -> None:
        self._db.execute(
            "UPDATE deliveries SET state = ?, attempts = attempts + 1, due = ?, answer = ?"
            " WHERE seq = ?",
            (state, due, answer, delivery.seq),
        )

    def deliveries(self, event: str) -> list[Json]:
        rows = self._db.execute(
            "SELECT webhook, state, attempts, answer FROM deliveries WHERE event = ? ORDER BY seq",
            (event,),
        )
        return [
            dict(zip(("webhook", "state", "attempts", "answer"), row, strict=True)) for row in rows
        ]

    def census(self) -> dict[str, int]:
        """How many deliveries are in each state."""
        rows = self._db.execute("SELECT state, count(*) FROM deliveries GROUP BY state")
        return dict(rows.fetchall())

    # Request ids and flags

    def answered(self, tenant: str, key: str) -> Answered | None:
        row = self._db.execute(
            "SELECT request, status, body FROM requests"
            " WHERE tenant = ? AND key = ? AND created > ?",
            (tenant, key, self.clock.now() - KEYS_KEPT),
        ).fetchone()
        return Answered(*row) if row else None

    def remember(self, tenant: str, key: str, answered: Answered) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO requests VALUES (?, ?, ?, ?, ?, ?)",
            (tenant, key, answered.request, answered.status, answered.body, self.clock.now()),
        )

    def forget_keys(self) -> int:
        return self._db.execute("DELETE FROM requests").rowcount

    def flag(self, name: str) -> str | None:
        row = self._db.execute("SELECT value FROM flags WHERE name = ?", (name,)).fetchone()
        return row[0] if row else None

    def set_flag(self, name: str, value: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO flags VALUES (?, ?)", (name, value))


def _text(body: Json | list[str]) -> str:
    return orjson.dumps(body).decode()


def _stored(row: tuple[str, str, str | None, str, str]) -> Stored:
    return Stored(row[0], row[1], row[2], orjson.loads(row[3]), orjson.loads(row[4]))
