"""Everything the sandbox remembers, in one SQLite file.

Calls are synchronous on purpose: each takes microseconds, and one thread means one writer. Commits
reach the operating system, not the disk: a killed process loses nothing, a power cut may.
"""

import fcntl
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import orjson

from sandbox.stripe.refusal import Json, no_such


@dataclass(slots=True)
class Stored:
    """One object: what the API shows, and what only the sandbox knows about it."""

    seq: int
    tenant: str
    body: Json
    hidden: Json


@dataclass(frozen=True, slots=True)
class Answered:
    """What an idempotency key remembers."""

    request: bytes
    path: str
    status: int
    body: str
    request_id: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event on its way to one endpoint."""

    seq: int
    event: str
    endpoint: str
    attempts: int
    due: float


@dataclass(frozen=True, slots=True)
class Window:
    """One page of a list. `created` maps gt, gte, lt, lte to Unix seconds."""

    limit: int = 10
    starting_after: str | None = None
    ending_before: str | None = None
    created: Mapping[str, int] | int | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """Where and with which secret an endpoint is reached."""

    url: str
    secret: str


class StateInUse(Exception):
    """Another sandbox runs on the same state directory."""


_COMPARISONS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


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
        self._db = sqlite3.connect(
            directory / "stripe.sqlite3", isolation_level=None, cached_statements=256
        )
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = OFF")
        self._endpoints: dict[str, list[Json]] = {}
        self._targets: dict[str, Target | None] = {}
        self._db.executescript(resources.files("sandbox.stripe").joinpath("schema.sql").read_text())

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

    # Objects

    def add(
        self, tenant: str, body: Json, *, parent: str | None = None, hidden: Json | None = None
    ) -> Stored:
        cursor = self._db.execute(
            "INSERT INTO objects (tenant, kind, id, created, parent, body, hidden)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                tenant,
                body["object"],
                body["id"],
                body["created"],
                parent,
                _text(body),
                _text(hidden or {}),
            ),
        )
        if body["object"] == "payment_intent":
            self._index_metadata(tenant, body)
        return Stored(cursor.lastrowid or 0, tenant, body, hidden or {})

    def save(self, stored: Stored, *, metadata_changed: bool = False) -> None:
        self._db.execute(
            "UPDATE objects SET body = ?, hidden = ? WHERE seq = ?",
            (_text(stored.body), _text(stored.hidden), stored.seq),
        )
        if metadata_changed and stored.body["object"] == "payment_intent":
            self._db.execute(
                "DELETE FROM metadata WHERE tenant = ? AND id = ?",
                (stored.tenant, stored.body["id"]),
            )
            self._index_metadata(stored.tenant, stored.body)

    def remove(self, stored: Stored) -> None:
        self._db.execute("DELETE FROM objects WHERE seq = ?", (stored.seq,))

    def find(self, tenant: str, kind: str, identifier: str) -> Stored | None:
        row = self._db.execute(
            "SELECT seq, tenant, body, hidden FROM objects WHERE id = ? AND tenant = ? AND kind = ?",
            (identifier, tenant, kind),
        ).fetchone()
        return _stored(row) if row else None

    def get(self, tenant: str, kind: str, identifier: str, *, param: str = "id") -> Stored:
        """Raises Refusal(404) naming the parameter."""
        stored = self.find(tenant, kind, identifier)
        if stored is None:
            raise no_such(kind, identifier, param=param)
        return stored

    def owner(self, kind: str, identifier: str) -> str | None:
        """The account an object belongs to, for the sandbox's own pages."""
        row = self._db.execute(
            "SELECT tenant FROM objects WHERE id = ? AND kind = ?", (identifier, kind)
        ).fetchone()
        return row[0] if row else None

    def children(self, parent: str, kind: str) -> list[Stored]:
        """Oldest first."""
        return [
            _stored(row)
            for row in self._db.execute(
                "SELECT seq, tenant, body, hidden FROM objects WHERE parent = ? AND kind = ?"
                " ORDER BY seq",
                (parent, kind),
            )
        ]

    def page(
        self, tenant: str, kind: str, window: Window, *, parent: str | None = None
    ) -> tuple[list[Json], bool]:
        """Newest first, and whether there are more; of one parent when it is given."""
        where = ["tenant = ?", "kind = ?"]
        values: list[Any] = [tenant, kind]
        if parent is not None:
            where.append("parent = ?")
            values.append(parent)
        rows, more = self._window("objects", "body", where, values, window, kind)
        return [orjson.loads(row[0]) for row in rows], more

    def newest(self, kind: str, limit: int) -> list[Stored]:
        """Of every account, for the index page."""
        return [
            _stored(row)
            for row in self._db.execute(
                "SELECT seq, tenant, body, hidden FROM objects WHERE kind = ?"
                " ORDER BY seq DESC LIMIT ?",
                (kind, limit),
            )
        ]

    def search(
        self, tenant: str, condition: str, values: Sequence[Any], *, limit: int, skip: int
    ) -> tuple[list[Json], bool]:
        """Payment intents matching a condition built by the search module, newest first."""
        rows = self._db.execute(
            "SELECT body FROM objects o WHERE tenant = ? AND kind = 'payment_intent'"
            f" AND ({condition}) ORDER BY seq DESC LIMIT ? OFFSET ?",  # noqa: S608 - built from constants
            (tenant, *values, limit + 1, skip),
        ).fetchall()
        return [orjson.loads(row[0]) for row in rows[:limit]], len(rows) > limit

    def census(self) -> dict[str, dict[str, int]]:
        """How many objects of each kind are in each status, over all accounts."""
        counts: dict[str, dict[str, int]] = {}
        for kind, status, count in self._db.execute(
            "SELECT kind, coalesce(json_extract(body, '$.status'), 'any'), count(*)"
            " FROM objects GROUP BY 1, 2"
        ):
            counts.setdefault(kind, {})[status] = count
        return counts

    # Events and their deliveries

    def add_event(self, tenant: str, body: Json, subject: str) -> None:
        self._db.execute(
            "INSERT INTO events (tenant, id, type, subject, created, undelivered, body)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                tenant,
                body["id"],
                body["type"],
                subject,
                body["created"],
                body["pending_webhooks"],
                _text(body),
            ),
        )

    def event(self, identifier: str, tenant: str | None = None) -> tuple[str, Json] | None:
        """The account and the event as it stands now."""
        row = self._db.execute(
            "SELECT tenant, body, undelivered FROM events WHERE id = ?", (identifier,)
        ).fetchone()
        if row is None or (tenant is not None and row[0] != tenant):
            return None
        return row[0], _event(row[1], row[2])

    def event_text(self, identifier: str) -> str | None:
        """The event as it was first sent; every delivery carries the same bytes."""
        row = self._db.execute("SELECT body FROM events WHERE id = ?", (identifier,)).fetchone()
        return row[0] if row else None

    def events(
        self, tenant: str, window: Window, *, types: Sequence[str], delivered: bool | None
    ) -> tuple[list[Json], bool]:
        """Newest first; `types` may end in `.*`."""
        where, values = ["tenant = ?"], [tenant]
        if types:
            where.append("(" + " OR ".join("type GLOB ?" for _ in types) + ")")
            values.extend(types)
        if delivered is not None:
            where.append("undelivered = 0" if delivered else "undelivered > 0")
        rows, more = self._window("events", "body, undelivered", where, values, window, "event")
        return [_event(row[0], row[1]) for row in rows], more

    def newest_events(self, limit: int) -> list[Json]:
        return [
            _event(row[0], row[1])
            for row in self._db.execute(
                "SELECT body, undelivered FROM events ORDER BY seq DESC LIMIT ?", (limit,)
            )
        ]

    def events_about(self, subject: str) -> list[str]:
        """Ids of the events about an object, oldest first."""
        rows = self._db.execute("SELECT id FROM events WHERE subject = ? ORDER BY seq", (subject,))
        return [row[0] for row in rows]

    def count_events(self) -> int:
        return int(self._db.execute("SELECT count(*) FROM events").fetchone()[0])

    def endpoints(self, tenant: str) -> list[Json]:
        """The account's webhook endpoints. Asked for at every event, so kept in memory."""
        known = self._endpoints.get(tenant)
        if known is None:
            known = [
                orjson.loads(row[0])
                for row in self._db.execute(
                    "SELECT body FROM objects WHERE tenant = ? AND kind = 'webhook_endpoint'"
                    " ORDER BY seq",
                    (tenant,),
                )
            ]
            self._endpoints[tenant] = known
        return known

    def target(self, endpoint: str) -> Target | None:
        """None when the endpoint is gone or disabled."""
        if endpoint not in self._targets:
            row = self._db.execute(
                "SELECT json_extract(body, '$.url'), json_extract(hidden, '$.secret') FROM objects"
                " WHERE id = ? AND kind = 'webhook_endpoint'"
                " AND json_extract(body, '$.status') = 'enabled'",
                (endpoint,),
            ).fetchone()
            self._targets[endpoint] = Target(*row) if row else None
        return self._targets[endpoint]

    def endpoints_changed(self) -> None:
        self._endpoints.clear()
        self._targets.clear()

    def add_delivery(self, event: str, endpoint: str, due: float) -> Delivery:
        cursor = self._db.execute(
            "INSERT INTO deliveries (event, endpoint, state, due) VALUES (?, ?, 'pending', ?)",
            (event, endpoint, due),
        )
        return Delivery(cursor.lastrowid or 0, event, endpoint, 0, due)

    def pending_deliveries(self) -> list[Delivery]:
        return [
            Delivery(*row)
            for row in self._db.execute(
                "SELECT seq, event, endpoint, attempts, due FROM deliveries"
                " WHERE state = 'pending' ORDER BY due, seq"
            )
        ]

    def settle_delivery(self, delivery: Delivery, state: str, answer: str, due: float) -> None:
        """Record an attempt; once reached or gone, the event has one receiver less to reach."""
        with self.transaction():
            self._db.execute(
                "UPDATE deliveries SET state = ?, attempts = attempts + 1, due = ?, answer = ?"
                " WHERE seq = ?",
                (state, due, answer, delivery.seq),
            )
            if state in {"succeeded", "dropped"}:
                self._db.execute(
                    "UPDATE events SET undelivered = undelivered - 1 WHERE id = ?",
                    (delivery.event,),
                )

    def deliveries_of(self, event: str) -> list[Json]:
        rows = self._db.execute(
            "SELECT endpoint, state, attempts, due, answer FROM deliveries WHERE event = ?"
            " ORDER BY seq",
            (event,),
        )
        names = ("endpoint", "state", "attempts", "due", "answer")
        return [dict(zip(names, row, strict=True)) for row in rows]

    def delivery_census(self) -> dict[str, int]:
        rows = self._db.execute("SELECT state, count(*) FROM deliveries GROUP BY state")
        return dict(rows.fetchall())

    # Idempotency keys

    def answered(self, tenant: str, key: str, *, since: int) -> Answered | None:
        """What the key remembers, unless it was first used before `since` (Unix seconds)."""
        row = self._db.execute(
            "SELECT request, path, status, body, request_id FROM idempotency"
            " WHERE tenant = ? AND key = ? AND created >= ?",
            (tenant, key, since),
        ).fetchone()
        return Answered(*row) if row else None

    def remember(self, tenant: str, key: str, answered: Answered, now: int) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO idempotency (tenant, key, request, path, status, body, request_id, created)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                tenant,
                key,
                answered.request,
                answered.path,
                answered.status,
                answered.body,
                answered.request_id,
                now,
            ),
        )

    def forget_keys(self, *, before: int, key: str | None = None) -> int:
        """Drop idempotency keys older than an instant (Unix seconds); returns how many."""
        if key is None:
            cursor = self._db.execute("DELETE FROM idempotency WHERE created < ?", (before,))
        else:
            cursor = self._db.execute(
                "DELETE FROM idempotency WHERE created < ? AND key = ?", (before, key)
            )
        return cursor.rowcount

    # Flags

    def flag(self, name: str) -> str | None:
        row = self._db.execute("SELECT value FROM flags WHERE name = ?", (name,)).fetchone()
        return row[0] if row else None

    def set_flag(self, name: str, value: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO flags (name, value) VALUES (?, ?)", (name, value))

    def _index_metadata(self, tenant: str, body: Json) -> None:
        metadata = body["metadata"]
        if metadata:
            self._db.executemany(
                "INSERT INTO metadata (tenant, key, value, id) VALUES (?, ?, ?, ?)",
                [(tenant, key, value, body["id"]) for key, value in metadata.items()],
            )

    def _window(
        self,
        table: str,
        columns: str,
        where: list[str],
        values: list[Any],
        window: Window,
        kind: str,
    ) -> tuple[list[tuple[Any, ...]], bool]:
        if isinstance(window.created, int):
            where.append("created = ?")
            values.append(window.created)
        elif window.created:
            for name, instant in window.created.items():
                where.append(f"created {_COMPARISONS[name]} ?")
                values.append(instant)
        backwards = window.ending_before is not None
        for param, comparison in (("starting_after", "<"), ("ending_before", ">")):
            cursor = getattr(window, param)
            if cursor is not None:
                seq = self._db.execute(
                    f"SELECT seq FROM {table} WHERE id = ? AND tenant = ?",  # noqa: S608 - own names
                    (cursor, values[0]),
                ).fetchone()
                if seq is None:
                    raise no_such(kind, cursor, param=param)
                where.append(f"seq {comparison} ?")
                values.append(seq[0])
        order = "ASC" if backwards else "DESC"
        rows = self._db.execute(
            f"SELECT {columns} FROM {table} WHERE {' AND '.join(where)}"  # noqa: S608 - own names
            f" ORDER BY seq {order} LIMIT ?",
            (*values, window.limit + 1),
        ).fetchall()
        page = rows[: window.limit]
        if backwards:
            page.reverse()
        return page, len(rows) > window.limit


def _text(body: Json) -> str:
    return orjson.dumps(body).decode()


def _stored(row: tuple[Any, ...]) -> Stored:
    return Stored(row[0], row[1], orjson.loads(row[2]), orjson.loads(row[3]))


def _event(text: str, undelivered: int) -> Json:
    body: Json = orjson.loads(text)
    body["pending_webhooks"] = undelivered
    return body
