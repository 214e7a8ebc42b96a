"""From broker to handler: in order per key, acknowledged only after the commit."""

from __future__ import annotations

import asyncio
from collections import deque
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import structlog

from chassis import metrics
from chassis.ids import uuid7
from chassis.messaging.broker import BROKER_ERRORS, Link
from chassis.messaging.dispatch import Delivery, Dispatcher, Outage
from chassis.messaging.meta import Meta
from contracts import topology
from contracts.envelope import Envelope, MalformedEnvelope

if TYPE_CHECKING:
    from aio_pika.abc import AbstractChannel, AbstractIncomingMessage, AbstractQueue

log = structlog.get_logger(__name__)

CONCURRENCY = 4  # handlers at once, below the pool's five connections
OUTAGE_PAUSE = 1.0  # seconds between tries while the database is away


class Consumer:
    """Takes this service's queue, and its dead letters.

    While the database is away, messages stay unacknowledged here, within the prefetch, and are
    tried again when it is back: an outage burns no attempts.

    Args:
        prefetch: messages the broker hands over before acknowledgements (100 to 300 is sensible).
    """

    def __init__(
        self, dispatcher: Dispatcher, *, url: str, service: str, prefetch: int = 100
    ) -> None:
        self._dispatcher = dispatcher
        self._service = service
        self._prefetch = prefetch
        self._link = Link(url, name=f"{service} consumer", confirms=False)
        self._gate = asyncio.Semaphore(CONCURRENCY)
        self._chains: dict[str, deque[AbstractIncomingMessage]] = {}
        self._lost = asyncio.Event()
        self._draining = False
        self.drained = asyncio.Event()

    @property
    def connected(self) -> bool:
        return self._link.up

    async def run(self) -> None:
        """Consume until cancelled; what is being handled then finishes or is redelivered."""
        await self._link.run(self._session)

    def drain(self) -> None:
        """Stop taking messages; what is being handled runs to its end."""
        self._draining = True
        if not self._link.up:
            self.drained.set()
        self._lost.set()

    async def _session(self, channel: AbstractChannel, lost: asyncio.Event) -> None:
        self._lost = lost
        self._chains = {}
        await channel.set_qos(prefetch_count=self._prefetch)
        queue = await _declare(channel, self._service)
        dead = await channel.get_queue(topology.dead_queue(self._service), ensure=True)
        async with asyncio.TaskGroup() as group:

            async def take(message: AbstractIncomingMessage) -> None:
                key = message.headers.get("cloudEvents_partitionkey") or message.message_id or ""
                chain = self._chains.get(str(key))
                if chain is None:
                    self._chains[str(key)] = chain = deque((message,))
                    group.create_task(self._work(str(key), chain))
                else:
                    chain.append(message)

            async def take_dead(message: AbstractIncomingMessage) -> None:
                group.create_task(self._take_dead(message))

            tag = await queue.consume(take)
            dead_tag = await dead.consume(take_dead)
            await lost.wait()
            if self._draining:
                await queue.cancel(tag)
                await dead.cancel(dead_tag)
                for chain in self._chains.values():
                    while len(chain) > 1:
                        chain.pop()
        if self._draining:
            self.drained.set()
            await asyncio.Event().wait()

    async def _work(self, key: str, chain: deque[AbstractIncomingMessage]) -> None:
        while chain:
            message = chain[0]
            async with self._gate:
                await self._settle(message)
            chain.popleft()
        if self._chains.get(key) is chain:
            del self._chains[key]

    async def _settle(self, message: AbstractIncomingMessage) -> None:
        """Handle one message until it has a committed end, then acknowledge it."""
        while not self._lost.is_set() or self._draining:
            try:
                delivery = _delivery(message)
            except (MalformedEnvelope, UnicodeDecodeError) as error:
                await self._park_unreadable(message, str(error))
                return
            try:
                await self._dispatcher.dispatch(delivery)
            except Outage as outage:
                log.warning("consumer.database_away", error=str(outage))
                if self._draining:
                    return  # unacknowledged: the broker hands it to another worker
                await asyncio.sleep(OUTAGE_PAUSE)
                continue
            await _ack(message)
            return

    async def _park_unreadable(self, message: AbstractIncomingMessage, error: str) -> None:
        """A message without a readable envelope is nobody's; keep it for people to look at."""
        meta = Meta(
            message_id=uuid7(),
            type=message.routing_key or "unknown",
            org_id=None,
            key=message.message_id or "unknown",
            sequence=0,
            time=message.timestamp or _epoch(),
            attempt=0,
            traceparent=None,
        )
        body = message.body.decode(errors="replace").replace("\x00", "\ufffd")
        await self._park_until_kept(Delivery(meta, body, due=False), error, message)

    async def _take_dead(self, message: AbstractIncomingMessage) -> None:
        metrics.ALARMS.labels("dead_letter").inc()
        deaths = message.headers.get("x-death")
        reason = "unknown"
        if isinstance(deaths, list) and deaths and isinstance(deaths[0], dict):
            reason = str(deaths[0].get("reason"))
        error = f"dead-lettered by the broker: {reason}"
        try:
            delivery = _delivery(message)
        except (MalformedEnvelope, UnicodeDecodeError) as problem:
            await self._park_unreadable(message, f"{error}; {problem}")
            return
        await self._park_until_kept(delivery, error, message)

    async def _park_until_kept(
        self, delivery: Delivery, error: str, message: AbstractIncomingMessage
    ) -> None:
        while not self._lost.is_set():
            try:
                await self._dispatcher.park(delivery, error)
            except Outage:
                await asyncio.sleep(OUTAGE_PAUSE)
                continue
            await _ack(message)
            return


async def _declare(channel: AbstractChannel, service: str) -> AbstractQueue:
    """Make sure that queues and bindings exist, on a bare broker too; limits are policies."""
    exchange = await channel.declare_exchange(topology.EXCHANGE, "topic", durable=True)
    dead_exchange = await channel.declare_exchange(topology.DEAD_EXCHANGE, "direct", durable=True)
    described = next(queue for queue in topology.queues() if queue.service == service)
    queue = await channel.declare_queue(described.name, durable=True, arguments=described.arguments)
    for routing_key in described.types:
        await queue.bind(exchange, routing_key)
    dead = await channel.declare_queue(
        described.dead_name, durable=True, arguments={"x-queue-type": "quorum"}
    )
    await dead.bind(dead_exchange, described.name)
    return queue


def _delivery(message: AbstractIncomingMessage) -> Delivery:
    envelope = Envelope.from_headers(message.headers)
    meta = Meta(
        message_id=envelope.id,
        type=envelope.type,
        org_id=envelope.org_id,
        key=envelope.key,
        sequence=envelope.sequence,
        time=envelope.time,
        attempt=0,
        traceparent=envelope.traceparent,
    )
    return Delivery(meta, message.body.decode(), due=False)


async def _ack(message: AbstractIncomingMessage) -> None:
    try:
        await message.ack()
    except BROKER_ERRORS as error:
        # Done and committed; the broker will hand it over again and the inbox will know it.
        log.info("consumer.ack_lost", error=type(error).__name__)


def _epoch() -> datetime:
    return datetime.fromtimestamp(0, UTC)
