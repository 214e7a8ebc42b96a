"""Everything the sandbox remembers, in one SQLite file.

Calls are synchronous on purpose: each takes microseconds, and one thread means one writer. Commits
reach the operating system, not the disk: a killed process loses nothing, a power cut may.
"""

import fcntl
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from types import EllipsisType
from typing import Any

import orjson

from sandbox.clock import Clock
from sandbox.stripe.appointments import Appointments
from sandbox.stripe.event_log import EventLog
from sandbox.stripe.refusal import Json, no_such
from sandbox.stripe.windows import Window, page


@dataclass(slots=True)
class Stored:
    """One object: what the API shows, and what only the sandbox knows about it."""

    seq: int
    tenant: str
    body: Json
    hidden: Json


@dataclass(frozen=True, slots=True)
class Answered:
    """What an idempotency key remembers; `request` is a digest of the parameters."""

    request: bytes
    path: str
    status: int
    body: str
    request_id: str


@dataclass(frozen=True, slots=True)
class Target:
    """Where and with which secret an endpoint is reached."""

    url: str
    secret: str


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
        self._db = sqlite3.connect(
            directory / "stripe.sqlite3", isolation_level=None, cached_statements=256
        )
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = OFF")
        self._db.executescript(resources.files("sandbox.stripe").joinpath("schema.sql").read_text())
        self._endpoints: dict[str, list[Json]] = {}
        self._targets: dict[str, Target | None] = {}
        self.events = EventLog(self._db)
        self.appointments = Appointments(self._db)
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
            self.endpoints_changed()
            raise
        self._db.execute("COMMIT")

    # Objects

    def add(
        self, tenant: str, body: Json, *, parent: str | None = None, hidden: Json | None = None
    ) -> Stored:
        stored = Stored(0, tenant, body, hidden or {})
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
                _text(stored.hidden),
            ),
        )
        stored.seq = cursor.lastrowid or 0
        if body["object"] == "payment_intent":
            self._index_metadata(stored)
        return stored

    def save(
        self,
        stored: Stored,
        *,
        metadata_changed: bool = False,
        parent: str | EllipsisType | None = ...,
    ) -> None:
        """Write what changed; `parent` says to whom it belongs from now on, None: to nobody."""
        self._db.execute(
            "UPDATE objects SET body = ?, hidden = ? WHERE seq = ?",
            (_text(stored.body), _text(stored.hidden), stored.seq),
        )
        if not isinstance(parent, EllipsisType):
            self._db.execute("UPDATE objects SET parent = ? WHERE seq = ?", (parent, stored.seq))
        if metadata_changed and stored.body["object"] == "payment_intent":
            self._db.execute(
                "DELETE FROM metadata WHERE tenant = ? AND id = ?",
                (stored.tenant, stored.body["id"]),
            )
            self._index_metadata(stored)

    def remove(self, stored: Stored) -> None:
        self._db.execute("DELETE FROM objects WHERE seq = ?", (stored.seq,))

    def find(self, tenant: str, kind: str, identifier: str) -> Stored | None:
        row = self._db.execute(
            "SELECT seq, tenant, body, hidden FROM objects"
            " WHERE id = ? AND tenant = ? AND kind = ?",
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
        rows = self._db.execute(
            "SELECT seq, tenant, body, hidden FROM objects WHERE parent = ? AND kind = ?"
            " ORDER BY seq",
            (parent, kind),
        )
        return [_stored(row) for row in rows]

    def page(
        self, tenant: str, kind: str, window: Window, *, parent: str | None = None
    ) -> tuple[list[Json], bool]:
        """Newest first, and whether there are more; of one parent when it is given."""
        where = ["tenant = ?", "kind = ?"]
        values: list[Any] = [tenant, kind]
        if parent is not None:
            where.append("parent = ?")
            values.append(parent)
        rows, more = page(self._db, "objects", "body", where=where, values=values, window=window)
        return [orjson.loads(row[0]) for row in rows], more

    def newest(self, kind: str, limit: int) -> list[Stored]:
        """Of every account, for the index page."""
        rows = self._db.execute(
            "SELECT seq, tenant, body, hidden FROM objects WHERE kind = ?"
            " ORDER BY seq DESC LIMIT ?",
            (kind, limit),
        )
        return [_stored(row) for row in rows]

    def accounts(self, limit: int) -> list[str]:
        """Those whose objects are newest, for the index page."""
        rows = self._db.execute(
            "SELECT tenant FROM objects GROUP BY tenant ORDER BY max(seq) DESC LIMIT ?", (limit,)
        )
        return [row[0] for row in rows]

    def search(
        self, tenant: str, condition: str, values: Sequence[Any], *, limit: int, skip: int
    ) -> tuple[list[Json], bool]:
        """Payment intents matching a condition the search module built, newest first."""
        rows = self._db.execute(
            "SELECT body FROM objects o WHERE tenant = ? AND kind = 'payment_intent'"  # noqa: S608
            f" AND ({condition}) ORDER BY seq DESC LIMIT ? OFFSET ?",
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

    # Webhook endpoints are asked for at every event, so they are kept in memory too.

    def endpoints(self, tenant: str) -> list[Json]:
        """The account's webhook endpoints, oldest first."""
        known = self._endpoints.get(tenant)
        if known is None:
            rows = self._db.execute(
                "SELECT body FROM objects WHERE tenant = ? AND kind = 'webhook_endpoint'"
                " ORDER BY seq",
                (tenant,),
            )
            known = self._endpoints[tenant] = [orjson.loads(row[0]) for row in rows]
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
            "INSERT OR REPLACE INTO idempotency"
            " (tenant, key, request, path, status, body, request_id, created)"
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
        return self._db.execute(
            "DELETE FROM idempotency WHERE created < ? AND key = coalesce(?, key)", (before, key)
        ).rowcount

    # Flags

    def flag(self, name: str) -> str | None:
        row = self._db.execute("SELECT value FROM flags WHERE name = ?", (name,)).fetchone()
        return row[0] if row else None

    def set_flag(self, name: str, value: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO flags (name, value) VALUES (?, ?)", (name, value))

    def _index_metadata(self, stored: Stored) -> None:
        metadata = stored.body["metadata"]
        if metadata:
            self._db.executemany(
                "INSERT INTO metadata (tenant, key, value, id) VALUES (?, ?, ?, ?)",
                [(stored.tenant, key, value, stored.body["id"]) for key, value in metadata.items()],
            )


def _text(body: Json) -> str:
    return orjson.dumps(body).decode()


def _stored(row: tuple[Any, ...]) -> Stored:
    return Stored(row[0], row[1], orjson.loads(row[2]), orjson.loads(row[3]))
