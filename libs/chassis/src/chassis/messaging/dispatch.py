"""One message, one transaction: inbox row, handler, and what the handler publishes.

Broker deliveries, timers and retries all pass through here, by the same rules.
"""

from __future__ import annotations

import asyncio
import random
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

import structlog
from pydantic import ValidationError

from chassis import failpoints, metrics, telemetry
from chassis.db import is_outage
from chassis.ids import instant_of
from chassis.messaging import parked
from chassis.messaging.meta import Meta, Park, RetryAfter
from chassis.messaging.outbox import bucket_of

if TYPE_CHECKING:
    from chassis.db import Database, Transaction
    from chassis.messaging.handlers import Handler, Handlers
    from contracts import Message

log = structlog.get_logger(__name__)

RETENTION = timedelta(days=30)  # as long as the inbox remembers
DEADLINE = 30.0  # seconds a handler may take, far below the broker's 30-minute consumer timeout
_BACKOFF_FIRST = 0.5  # seconds
_BACKOFF_MOST = 300.0  # seconds

_FIRST_TIME = """
INSERT INTO messaging.inbox (message_id, consumer) VALUES ($1, $2)
ON CONFLICT DO NOTHING RETURNING messaging.now()
"""
_CONSUME_DUE = "DELETE FROM messaging.outbox WHERE message_id = $1 AND due_at IS NOT NULL"
# A retry is a due-dated row of this service. A redelivered copy finds the row and adds nothing;
# the row itself moves on to its next attempt.
_RETRY = """
INSERT INTO messaging.outbox
    (message_id, type, ordering_key, bucket, sequence, org_id, payload, traceparent, created_at,
     due_at, attempt, error)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, messaging.now() + $10 * interval '1 second', $11, $12)
ON CONFLICT (message_id) WHERE due_at IS NOT NULL DO UPDATE SET
    due_at = EXCLUDED.due_at, attempt = EXCLUDED.attempt, error = EXCLUDED.error
WHERE outbox.attempt < EXCLUDED.attempt
"""
_PARK = """
INSERT INTO messaging.parked
    (message_id, consumer, type, ordering_key, sequence, org_id, payload, traceparent, created_at,
     attempt, error)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
ON CONFLICT (message_id, consumer) DO UPDATE SET
    attempt = EXCLUDED.attempt, error = EXCLUDED.error, parked_at = pg_catalog.now(),
    redriven_at = NULL
"""


class Outage(Exception):
    """The database is away: the message is neither done nor failed, and no attempt is burnt."""


class Delivery(NamedTuple):
    """A message at the service's door."""

    meta: Meta
    payload: str
    due: bool  # read from our own outbox: a timer, a retry or a redrive
    redrive: bool = False


class Dispatcher:
    """Runs handlers, records what is done, and decides what happens to what failed.

    Args:
        max_attempts: attempts before a message is parked.
    """

    def __init__(self, db: Database, handlers: Handlers, *, max_attempts: int = 8) -> None:
        self._db = db
        self._handlers = handlers
        self._max_attempts = max_attempts

    async def dispatch(self, delivery: Delivery) -> None:
        """Bring a message to an end that is committed: done, retried later, or parked.

        Raises:
            Outage: the database is away; call again when it is back.
        """
        started = time.perf_counter()
        meta = delivery.meta
        with (
            telemetry.remote(meta.traceparent, f"handle {meta.type}"),
            structlog.contextvars.bound_contextvars(
                message_id=str(meta.message_id), message_type=meta.type
            ),
        ):
            try:
                outcome = await self._attempt(delivery)
            except Exception as error:
                if is_outage(error):
                    metrics.HANDLED.labels("paused").inc()
                    raise Outage(type(error).__name__) from error
                raise
            metrics.HANDLED.labels(outcome).inc()
            metrics.HANDLER_SECONDS.observe(time.perf_counter() - started)
            failpoints.reach("timer.after_commit" if delivery.due else "consumer.before_ack")

    async def _attempt(self, delivery: Delivery) -> str:  # noqa: PLR0911 - one per way to end
        meta = delivery.meta
        found = self._handlers.find(meta.type)
        if found is None:
            return await self._park(delivery, f"no handler for {meta.type}")
        model, handler = found
        try:
            message = model.from_json(delivery.payload)
        except ValidationError as error:
            return await self._park(delivery, f"does not match its contract: {error}")
        if not delivery.redrive and instant_of(meta.message_id) < datetime.now(UTC) - RETENTION:
            return await self._park(
                delivery, "older than the inbox remembers; redrive to handle it"
            )
        try:
            async with asyncio.timeout(DEADLINE):
                return await self._db.run(
                    meta.org_id, lambda tx: self._handle(tx, delivery, message, handler), cause=meta
                )
        except Park as answer:
            return await self._park(delivery, str(answer))
        except RetryAfter as answer:
            return await self._retry(delivery, answer.seconds, str(answer))
        except Exception as error:
            if is_outage(error) and not isinstance(error, TimeoutError):
                raise
            log.warning("handler.failed", attempt=meta.attempt + 1, exc_info=True)
            wait = min(_BACKOFF_MOST, _BACKOFF_FIRST * 2**meta.attempt)
            wait *= random.uniform(0.5, 1.5)  # noqa: S311 - jitter
            return await self._retry(delivery, wait, f"{type(error).__name__}: {error}")

    async def _handle(
        self, tx: Transaction, delivery: Delivery, message: Message, handler: Handler
    ) -> str:
        meta, consumer = delivery.meta, self._handlers.consumer
        now = await tx.fetchval(_FIRST_TIME, meta.message_id, consumer)
        first = now is not None
        if first:
            tx.observe_now(now)
            await handler(tx, message, meta)
        if delivery.due:
            await tx.execute(_CONSUME_DUE, meta.message_id)
        if delivery.redrive:
            await parked.settle(tx, meta.message_id, consumer)
        return "done" if first else "duplicate"

    async def _retry(self, delivery: Delivery, seconds: float, error: str) -> str:
        meta = delivery.meta
        attempt = meta.attempt + 1
        if attempt >= self._max_attempts:
            return await self._park(delivery, f"after {attempt} attempts: {error}")
        await self._db.run(
            meta.org_id,
            lambda tx: tx.execute(
                _RETRY,
                meta.message_id,
                meta.type,
                meta.key,
                bucket_of(meta.key),
                meta.sequence,
                meta.org_id,
                delivery.payload,
                meta.traceparent,
                meta.time,
                float(seconds),
                attempt,
                error[:2000],
            ),
        )
        return "retry"

    async def _park(self, delivery: Delivery, error: str) -> str:
        meta = delivery.meta

        async def park(tx: Transaction) -> None:
            await tx.execute(
                _PARK,
                meta.message_id,
                self._handlers.consumer,
                meta.type,
                meta.key,
                meta.sequence,
                meta.org_id,
                delivery.payload,
                meta.traceparent,
                meta.time,
                meta.attempt + 1,
                error[:2000],
            )
            if delivery.due:
                await tx.execute(_CONSUME_DUE, meta.message_id)

        await self._db.run(meta.org_id, park)
        metrics.ALARMS.labels("parked").inc()
        log.error("message.parked", error=error[:500])
        return "parked"

    async def park(self, delivery: Delivery, error: str) -> None:
        """Park a message without trying it, such as a dead letter.

        Raises:
            Outage: the database is away.
        """
        try:
            await self._park(delivery, error)
        except Exception as failure:
            if is_outage(failure):
                raise Outage(type(failure).__name__) from failure
            raise
