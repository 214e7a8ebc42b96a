"""The board that anybody may read: what is left of a session, at this moment.

Availability is asked for far more often than anything else, mostly for the same few sessions. So
requests that wait at the same time share one query, and one round trip answers them all. Nothing
is cached: a request is only ever answered by a query that began after it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, cast

import orjson

from booking.domain.refusals import Unknown
from booking.store.availability import ASK, document

if TYPE_CHECKING:
    from uuid import UUID

    from chassis.db import Database

MOST_AT_ONCE = 200
"""Sessions in one query."""
_QUERIES = 2
"""Queries under way at once: the next is collected while the last is answered."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What the board shows of a session: JSON, and a strong validator of exactly these bytes."""

    body: bytes
    etag: str

    @classmethod
    def of(cls, content: dict[str, Any]) -> Shown:
        body = orjson.dumps(content, option=orjson.OPT_UTC_Z)
        return cls(body, f'"{blake2b(body, digest_size=12).hexdigest()}"')


class Board:
    """Answers for one process."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._waiting: dict[UUID, list[asyncio.Future[Shown | None]]] = {}
        self._asking: set[asyncio.Task[None]] = set()

    async def of(self, session_id: UUID) -> Shown:
        """What is left of a session.

        Raises:
            Unknown: there is no such session.
            chassis.pool.DatabaseAway, asyncpg.PostgresError: it could not be asked.
        """
        answer: asyncio.Future[Shown | None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(session_id, []).append(answer)
        if len(self._asking) < _QUERIES:
            # A task begins when all requests that arrived in this tick have been parsed.
            self._asking.add(asyncio.create_task(self._ask()))
        shown = await answer
        if shown is None:
            raise Unknown
        return shown

    async def _ask(self) -> None:
        try:
            while self._waiting:
                await self._answer(self._take())
        finally:
            # In the same step as the last look: a callback would run later, and who asks between
            # the two would find a task that does not look again.
            self._asking.discard(cast("asyncio.Task[None]", asyncio.current_task()))

    async def _answer(self, asked: dict[UUID, list[asyncio.Future[Shown | None]]]) -> None:
        found: dict[UUID, Shown] = {}
        error: Exception | None = None
        try:
            rows = await self._db.statement(ASK, list(asked))
            found = {row["session_id"]: Shown.of(document(row)) for row in rows}
        except Exception as failed:  # noqa: BLE001 - it is each asker's to handle
            error = failed
        for session_id, answers in asked.items():
            for answer in answers:
                if answer.done():
                    continue  # its caller has left
                if error is None:
                    answer.set_result(found.get(session_id))
                else:
                    answer.set_exception(error)

    def _take(self) -> dict[UUID, list[asyncio.Future[Shown | None]]]:
        if len(self._waiting) <= MOST_AT_ONCE:
            asked, self._waiting = self._waiting, {}
            return asked
        first = list(self._waiting)[:MOST_AT_ONCE]
        return {session_id: self._waiting.pop(session_id) for session_id in first}
