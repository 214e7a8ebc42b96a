"""Events as they happened and where each still has to go."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from sandbox.stripe.refusal import Json
from sandbox.stripe.windows import Window, page


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event on its way to one endpoint. `due` is Unix seconds."""

    seq: int
    event: str
    endpoint: str
    attempts: int
    due: float


class EventLog:
    """The events and deliveries tables of a store's database."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def add(self, tenant: str, body: Json, subject: str) -> None:
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
                orjson.dumps(body).decode(),
            ),
        )

    def find(self, identifier: str) -> tuple[str, Json] | None:
        """The account and the event as it stands now."""
        row = self._db.execute(
            "SELECT tenant, body, undelivered FROM events WHERE id = ?", (identifier,)
        ).fetchone()
        return (row[0], _event(row[1], row[2])) if row else None

    def text(self, identifier: str) -> str | None:
        """The event as it was first sent; every delivery carries the same bytes."""
        row = self._db.execute("SELECT body FROM events WHERE id = ?", (identifier,)).fetchone()
        return row[0] if row else None

    def page(
        self, tenant: str, window: Window, *, types: Sequence[str], delivered: bool | None
    ) -> tuple[list[Json], bool]:
        """Newest first, and whether there are more; `types` may be patterns such as `charge.*`."""
        where = ["tenant = ?"]
        values: list[Any] = [tenant]
        if types:
            where.append("(" + " OR ".join("type GLOB ?" for _ in types) + ")")
            values.extend(types)
        if delivered is not None:
            where.append("undelivered = 0" if delivered else "undelivered > 0")
        rows, more = page(
            self._db, "events", "body, undelivered", where=where, values=values, window=window
        )
        return [_event(*row) for row in rows], more

    def newest(self, limit: int) -> list[Json]:
        """Of every account, for the index page."""
        rows = self._db.execute(
            "SELECT body, undelivered FROM events ORDER BY seq DESC LIMIT ?", (limit,)
        )
        return [_event(*row) for row in rows]

    def about(self, subject: str) -> list[str]:
        """Ids of the events about a PaymentIntent, its charges and refunds; oldest first."""
        rows = self._db.execute("SELECT id FROM events WHERE subject = ? ORDER BY seq", (subject,))
        return [row[0] for row in rows]

    def count(self) -> int:
        return int(self._db.execute("SELECT count(*) FROM events").fetchone()[0])

    def send(self, event: str, endpoint: str, due: float) -> Delivery:
        """Note that an event has to go to an endpoint."""
        cursor = self._db.execute(
            "INSERT INTO deliveries (event, endpoint, state, due) VALUES (?, ?, 'pending', ?)",
            (event, endpoint, due),
        )
        return Delivery(cursor.lastrowid or 0, event, endpoint, 0, due)

    def pending(self) -> list[Delivery]:
        rows = self._db.execute(
            "SELECT seq, event, endpoint, attempts, due FROM deliveries"
            " WHERE state = 'pending' ORDER BY due, seq"
        )
        return [Delivery(*row) for row in rows]

    def attempted(self, delivery: Delivery, state: str, answer: str, due: float) -> None:
        """Record an attempt, inside a transaction.

        Once an endpoint is reached or gone, the event has one receiver less to reach.
        """
        self._db.execute(
            "UPDATE deliveries SET state = ?, attempts = attempts + 1, due = ?, answer = ?"
            " WHERE seq = ?",
            (state, due, answer, delivery.seq),
        )
        if state in {"succeeded", "dropped"}:
            self._db.execute(
                "UPDATE events SET undelivered = undelivered - 1 WHERE id = ?", (delivery.event,)
            )

    def deliveries(self, event: str) -> list[Json]:
        rows = self._db.execute(
            "SELECT endpoint, state, attempts, due, answer FROM deliveries WHERE event = ?"
            " ORDER BY seq",
            (event,),
        )
        names = ("endpoint", "state", "attempts", "due", "answer")
        return [dict(zip(names, row, strict=True)) for row in rows]

    def census(self) -> dict[str, int]:
        """How many deliveries are in each state."""
        rows = self._db.execute("SELECT state, count(*) FROM deliveries GROUP BY state")
        return dict(rows.fetchall())


def _event(text: str, undelivered: int) -> Json:
    body: Json = orjson.loads(text)
    body["pending_webhooks"] = undelivered
    return body
