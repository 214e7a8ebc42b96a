"""Outside calls: recorded with the state that needs them, made by a worker, recorded again.

A use case records an intent with ``Transaction.intend``. After the commit a worker claims it, runs
its executor outside any transaction, and writes the outcome in a transaction that holds only while
the claim does. A crash between any two lines runs the intent again, so an executor must use an
idempotency key of its own (or send mail under the same Message-ID).
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID, uuid4

import orjson
import structlog

from chassis import failpoints, metrics, telemetry
from chassis.db import is_outage

if TYPE_CHECKING:
    from asyncpg import Record

    from chassis.db import Database, Transaction

log = structlog.get_logger(__name__)

POLL = 1.0  # seconds; wake-ups come with the commits
RUNNING_MOST = 64  # intents in progress per process
_BACKOFF_FIRST = 1.0  # seconds
_BACKOFF_MOST = 300.0  # seconds
MAX_ATTEMPTS = 300  # at the longest backoff about a day

Record_ = Callable[["Transaction"], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Intent:
    """An outside call to make now. ``attempt`` counts claims, from 1."""

    id: UUID
    kind: str
    subject: str
    lane: str
    org_id: UUID | None
    payload: dict[str, Any]
    attempt: int


@dataclass(frozen=True, slots=True)
class Done:
    """The call happened; ``record`` writes what came of it and the intent is gone."""

    record: Record_ | None = None


@dataclass(frozen=True, slots=True)
class Retry:
    """Try again after so many seconds (None: exponential backoff with jitter, up to 5 minutes)."""

    after: float | None
    error: str


@dataclass(frozen=True, slots=True)
class GiveUp:
    """No retry can help: ``record`` writes that, the row stays as failed and an alarm is raised."""

    error: str
    record: Record_ | None = None


Outcome = Done | Retry | GiveUp
Executor = Callable[[Intent], Awaitable[Outcome]]

# Claiming pushes next_at out by the lease; a crashed worker's claims come back by themselves.
# Lanes at their bound are left out, so one slow account never starves the others.
_CLAIM = """
UPDATE messaging.intents i
SET claim = $1, attempt = i.attempt + 1,
    next_at = pg_catalog.now() + $2 * interval '1 second'
FROM (
    SELECT id FROM messaging.intents
    WHERE state = 'pending' AND next_at <= pg_catalog.now()
      AND kind = ANY($3) AND lane <> ALL($4)
    ORDER BY next_at LIMIT $5 FOR UPDATE SKIP LOCKED
) due
WHERE i.id = due.id
RETURNING i.id, i.kind, i.subject, i.lane, i.org_id, i.payload, i.attempt, i.traceparent, i.claim
"""
_FINISH = "DELETE FROM messaging.intents WHERE id = $1 AND claim = $2 RETURNING messaging.now()"
_FAIL = """
UPDATE messaging.intents SET state = 'failed', claim = NULL, error = $3
WHERE id = $1 AND claim = $2 RETURNING messaging.now()
"""
_AGAIN = """
UPDATE messaging.intents
SET claim = NULL, error = $3, next_at = pg_catalog.now() + $4 * interval '1 second'
WHERE id = $1 AND claim = $2
"""
_REVIVE = """
UPDATE messaging.intents SET state = 'pending', attempt = 0, next_at = pg_catalog.now()
WHERE state = 'failed' AND (id = $1 OR $1 IS NULL) RETURNING id
"""
_FAILED = """
SELECT id, kind, subject, lane, org_id, attempt, error, created_at
FROM messaging.intents WHERE state = 'failed' ORDER BY created_at LIMIT $1
"""


class Intents:
    """Claims and runs intents.

    Args:
        executors: the function for each kind of intent.
        lane_concurrency: calls at once per lane, such as one provider account.
        lease: seconds a claim lasts; an executor is cut off well before.
    """

    def __init__(
        self,
        db: Database,
        executors: Mapping[str, Executor],
        *,
        lane_concurrency: int = 8,
        lease: float = 60.0,
    ) -> None:
        self._db = db
        self._executors = executors
        self._per_lane = lane_concurrency
        self._lease = lease
        self._lanes: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        for kind in executors:
            for outcome in ("done", "retry", "failed"):
                metrics.INTENTS.labels(kind, outcome)  # from 0, so that alerts see the first

    def wake(self) -> None:
        """An intent was recorded, or a place became free."""
        self._wake.set()

    async def run(self) -> None:
        """Run intents until cancelled; those in progress then finish, within their deadline."""
        try:
            while True:
                self._wake.clear()
                if not await self._claim():
                    try:
                        async with asyncio.timeout(POLL):
                            await self._wake.wait()
                    except TimeoutError:
                        pass
        finally:
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=self._lease / 2)

    async def _claim(self) -> bool:
        """Take what is due; whether there may be more. Full lanes wake us when they have room."""
        room = RUNNING_MOST - len(self._tasks)
        if room <= 0:
            return False
        full = [lane for lane, running in self._lanes.items() if running >= self._per_lane]
        # All that is claimed may be of one lane, so the busiest lane that has room sets the limit.
        busiest = max((n for n in self._lanes.values() if n < self._per_lane), default=0)
        limit = min(room, self._per_lane - busiest)
        try:
            rows = await self._db.statement(
                _CLAIM, uuid4(), self._lease, list(self._executors), full, limit
            )
        except Exception as error:
            if not is_outage(error):
                raise
            log.warning("intents.database_away", error=type(error).__name__)
            await asyncio.sleep(POLL)
            return False
        for row in rows:
            self._lanes[row["lane"]] += 1
            self._tasks.add(asyncio.get_running_loop().create_task(self._run_one(row)))
        return len(rows) == limit

    async def _run_one(self, row: Record) -> None:
        intent = Intent(
            id=row["id"],
            kind=row["kind"],
            subject=row["subject"],
            lane=row["lane"],
            org_id=row["org_id"],
            payload=orjson.loads(row["payload"]),
            attempt=row["attempt"],
        )
        try:
            with (
                telemetry.remote(row["traceparent"], f"intent {intent.kind}"),
                structlog.contextvars.bound_contextvars(
                    intent_id=str(intent.id), intent_kind=intent.kind
                ),
            ):
                await self._settle(intent, row["claim"], await self._execute(intent))
        except Exception as error:
            # The claim runs out and the intent is run again; nothing was recorded.
            log.warning("intent.not_recorded", error=type(error).__name__, exc_info=True)
        finally:
            if self._lanes[intent.lane] >= self._per_lane or len(self._tasks) >= RUNNING_MOST:
                self._wake.set()
            # Now and not in a callback, which would run after who is woken has looked.
            self._tasks.discard(cast("asyncio.Task[None]", asyncio.current_task()))
            self._lanes[intent.lane] -= 1
            if not self._lanes[intent.lane]:
                del self._lanes[intent.lane]

    async def _execute(self, intent: Intent) -> Outcome:
        failpoints.reach("intent.before_call")
        try:
            async with asyncio.timeout(self._lease * 0.75):
                outcome = await self._executors[intent.kind](intent)
        except Exception as error:
            log.warning("intent.failed", attempt=intent.attempt, exc_info=True)
            outcome = Retry(None, f"{type(error).__name__}: {error}")
        failpoints.reach("intent.after_call")
        if isinstance(outcome, Retry) and intent.attempt >= MAX_ATTEMPTS:
            return GiveUp(f"after {intent.attempt} attempts: {outcome.error}")
        return outcome

    async def _settle(self, intent: Intent, claim: UUID, outcome: Outcome) -> None:
        match outcome:
            case Done(record):
                await self._finish(intent, claim, record, _FINISH, ())
                metrics.INTENTS.labels(intent.kind, "done").inc()
            case GiveUp(error, record):
                await self._finish(intent, claim, record, _FAIL, (error[:2000],))
                metrics.INTENTS.labels(intent.kind, "failed").inc()
                metrics.ALARMS.labels("intent_failed").inc()
                log.error("intent.given_up", error=error[:500])
            case Retry(after, error):
                wait = after if after is not None else _backoff(intent.attempt)
                await self._db.statement(_AGAIN, intent.id, claim, error[:2000], float(wait))
                metrics.INTENTS.labels(intent.kind, "retry").inc()
                log.warning("intent.retry", attempt=intent.attempt, seconds=round(wait, 1))

    async def _finish(
        self,
        intent: Intent,
        claim: UUID,
        record: Record_ | None,
        statement: str,
        args: tuple[str, ...],
    ) -> None:
        async def work(tx: Transaction) -> None:
            now = await tx.fetchval(statement, intent.id, claim, *args)
            if now is None:
                log.info("intent.superseded")  # the claim ran out and another worker has it
                return
            if record is not None:
                tx.observe_now(now)
                await record(tx)

        await self._db.run(intent.org_id, work)


def _backoff(attempt: int) -> float:
    wait = min(_BACKOFF_MOST, _BACKOFF_FIRST * 2.0 ** min(attempt - 1, 20))
    return wait * random.uniform(0.5, 1.5)  # noqa: S311 - jitter


async def failed(tx: Transaction, limit: int = 100) -> list[dict[str, Any]]:
    """Intents that were given up, oldest first; at most ``limit``."""
    return [dict(row) for row in await tx.fetch(_FAILED, min(limit, 1000))]


async def revive(tx: Transaction, intent_id: UUID | None = None) -> int:
    """Give a failed intent (or all of them) its attempts back. Returns how many."""
    return len(await tx.fetch(_REVIVE, intent_id))
