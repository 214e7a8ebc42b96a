"""From outbox to broker: every committed message, in order per key, confirmed, then archived.

No database transaction is open while the broker is asked. A crash at any point leaves the rows in
place, so they are sent again; consumers recognise what they have done by the message id.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import structlog
from aio_pika.exceptions import PublishError

from chassis import failpoints, metrics
from chassis.db import is_outage
from chassis.messaging.broker import BROKER_ERRORS, Link
from chassis.messaging.publisher import Publisher
from contracts import registry, topology
from contracts.envelope import Envelope

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime
    from uuid import UUID

    from aio_pika.abc import AbstractChannel
    from aiormq import Channel

    from chassis.db import Database
    from chassis.messaging.leases import Leases

log = structlog.get_logger(__name__)

POLL = 1.0  # seconds; a backstop, wake-ups come with the commits
HOLD_BACK = 1.0  # seconds before a key whose message came back is tried again
LINGER = 0.05  # seconds in which confirmed rows gather, so that one statement archives many

# Positions already in this process are left out; the rest comes in commit order.
_FETCH = """
SELECT position, message_id, type, ordering_key, bucket, sequence, org_id, payload, traceparent,
       created_at
FROM messaging.outbox
WHERE due_at IS NULL AND bucket = ANY($1) AND position <> ALL($2) AND ordering_key <> ALL($3)
ORDER BY position
LIMIT $4
"""

# Confirmed rows leave the outbox for the archive in one statement. The epoch fences: a process
# that lost a bucket meanwhile no longer touches its rows. The commit does not wait for the disk:
# after a crash of the server the rows are sent again, as after a crash of this process.
_ARCHIVE = """
WITH relaxed AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true)),
confirmed AS (
    DELETE FROM messaging.outbox o
    USING unnest($1::bigint[], $2::smallint[], $3::bigint[]) AS c(position, bucket, epoch),
          messaging.leases l, relaxed
    WHERE o.position = c.position AND o.due_at IS NULL
      AND l.bucket = c.bucket AND l.owner = $4 AND l.epoch = c.epoch
    RETURNING o.*
)
INSERT INTO messaging.archive
    (position, message_id, type, ordering_key, sequence, org_id, payload, traceparent, created_at)
SELECT position, message_id, type, ordering_key, sequence, org_id, payload, traceparent, created_at
FROM confirmed
"""


class Row(NamedTuple):
    """An outbox row being relayed, in the order of ``_FETCH``."""

    position: int
    message_id: UUID
    type: str
    key: str
    bucket: int
    sequence: int
    org_id: UUID | None
    payload: str
    traceparent: str | None
    created_at: datetime


class Relay:
    """Publishes the outbox of the buckets this process holds.

    Args:
        source: the service's name, the CloudEvents source of its messages.
        window: messages in flight at most (200 to 1000 is sensible).
    """

    def __init__(
        self, db: Database, leases: Leases, *, url: str, source: str, window: int = 500
    ) -> None:
        self._db = db
        self._leases = leases
        self._source = source
        self._window = window
        self._link = Link(url, name=f"{source} relay")
        self._wake = asyncio.Event()
        self._chains: dict[str, deque[Row]] = {}
        self._held: dict[int, Row] = {}
        self._confirmed: list[Row] = []
        self._flush = asyncio.Event()
        self._plenty = asyncio.Event()
        self._back_at: dict[str, float] = {}
        leases.watch(self._busy_buckets, self.wake)

    def wake(self) -> None:
        """There may be something to send."""
        self._wake.set()

    @property
    def connected(self) -> bool:
        return self._link.up

    def _busy_buckets(self) -> Collection[int]:
        return {row.bucket for row in self._held.values()}

    async def run(self) -> None:
        """Relay until cancelled."""
        await self._link.run(self._session)

    async def _session(self, channel: AbstractChannel, lost: asyncio.Event) -> None:
        publisher = Publisher(
            cast("Channel", await channel.get_underlay_channel()), topology.EXCHANGE
        )
        self._forget()
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(part)
                    for part in (publisher.run(), self._pump(publisher), self._archive())
                ]
                await lost.wait()
                for task in tasks:
                    task.cancel()
        except* BROKER_ERRORS as failures:
            log.warning("relay.session_ended", error=type(failures.exceptions[0]).__name__)
        finally:
            self._forget()

    def _forget(self) -> None:
        """Whatever was in flight is still in the outbox, and will be read again."""
        self._chains.clear()
        self._held.clear()
        self._confirmed.clear()

    async def _pump(self, publisher: Publisher) -> None:
        while True:
            self._wake.clear()
            room = self._window - len(self._held)
            rows = await self._read(room) if room > self._window // 4 else []
            for row in rows:
                self._held[row.position] = row
                chain = self._chains.get(row.key)
                if chain is None:
                    self._chains[row.key] = chain = deque((row,))
                    self._send(publisher, chain)
                else:
                    chain.append(row)
            if not rows or len(rows) < room:
                await self._pause()

    async def _pause(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(POLL):
                await self._wake.wait()

    async def _read(self, limit: int) -> list[Row]:
        owned = self._leases.owned
        if not owned:
            return []
        now = time.monotonic()
        self._back_at = {key: at for key, at in self._back_at.items() if at > now}
        try:
            records = await self._db.statement(
                _FETCH, list(owned), list(self._held), list(self._back_at), limit
            )
        except Exception as error:
            if not is_outage(error):
                raise
            log.warning("relay.database_away", error=type(error).__name__)
            await asyncio.sleep(POLL)
            return []
        return [Row(*record) for record in records]

    def _send(self, publisher: Publisher, chain: deque[Row]) -> None:
        """Send the first of one key's messages; the next one follows when it is confirmed."""
        row = chain[0]
        envelope = Envelope(
            id=row.message_id,
            type=row.type,
            source=self._source,
            time=row.created_at,
            key=row.key,
            sequence=row.sequence,
            org_id=row.org_id,
            traceparent=row.traceparent,
        )
        sent = publisher.publish(envelope, row.payload.encode(), mandatory=_mandatory(row.type))
        sent.add_done_callback(lambda answer: self._answered(publisher, chain, answer))
        if failpoints.armed("relay.after_publish"):
            # By then it is written, and probably not yet confirmed.
            asyncio.get_running_loop().call_later(0.001, failpoints.reach, "relay.after_publish")

    def _answered(
        self, publisher: Publisher, chain: deque[Row], answer: asyncio.Future[Any]
    ) -> None:
        row = chain[0]
        if self._chains.get(row.key) is not chain:
            return  # of a connection that is lost
        refusal = answer.exception()
        if refusal is not None:
            self._hold_back(row, refusal)
            for waiting in chain:
                del self._held[waiting.position]
            del self._chains[row.key]
            return
        failpoints.reach("relay.after_confirm")
        chain.popleft()
        self._confirmed.append(row)
        self._flush.set()
        if len(self._confirmed) >= self._window // 4:
            self._plenty.set()
        if chain:
            self._send(publisher, chain)
        else:
            del self._chains[row.key]

    def _hold_back(self, row: Row, refusal: BaseException) -> None:
        """Leave a refused message in the outbox, its key waiting; a returned one is an alarm."""
        self._back_at[row.key] = time.monotonic() + HOLD_BACK
        if isinstance(refusal, PublishError):
            metrics.UNROUTABLE.inc()
            metrics.ALARMS.labels("unroutable").inc()
            log.error(
                "relay.unroutable",
                type=row.type,
                message_id=str(row.message_id),
                hint="no queue is bound for this type: run `holdfast topology apply`",
            )
        else:
            log.warning("relay.refused", type=row.type, message_id=str(row.message_id))

    async def _archive(self) -> None:
        try:
            while True:
                await self._flush.wait()
                self._flush.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(LINGER):
                        await self._plenty.wait()
                await self._archive_confirmed()
        finally:
            # What the broker has need not be sent again only because we leave it.
            await self._archive_confirmed()

    async def _archive_confirmed(self) -> None:
        self._plenty.clear()
        rows, self._confirmed = self._confirmed, []
        if not rows:
            return
        failpoints.reach("relay.before_delete")
        try:
            await self._db.statement(
                _ARCHIVE,
                [row.position for row in rows],
                [row.bucket for row in rows],
                [self._leases.epoch_of(row.bucket) or -1 for row in rows],
                self._leases.owner,
            )
        except BaseException as error:
            # Confirmed but still in the outbox: held back here until they are out of it.
            self._confirmed = rows + self._confirmed
            if not isinstance(error, Exception) or not is_outage(error):
                raise
            log.warning("relay.archive_failed", error=type(error).__name__)
            await asyncio.sleep(POLL)
            self._flush.set()
            return
        metrics.PUBLISHED.inc(len(rows))
        full = len(self._held) >= self._window // 2
        for row in rows:
            self._held.pop(row.position, None)
        if full:
            self._wake.set()


def _mandatory(message_type: str) -> bool:
    """A type with a registered consumer that no queue takes is an alarm, not a loss."""
    try:
        return registry.contract(message_type).mandatory
    except registry.UnknownContract:
        return False
