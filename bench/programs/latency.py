"""The four ends of (d): who commits and who is done, by the chassis and bare.

Each says `ready`. A committing end answers each line with when its commit returned; a consuming end
answers a line that names messages with when each was done, once all are. Instants are the machine's
monotonic clock.
"""

import asyncio
import time
from typing import Any
from uuid import UUID

import aio_pika
import asyncpg
from aio_pika.abc import AbstractIncomingMessage

from bench.programs.talk import Listen, run, say, settle
from chassis.db import Database, Transaction
from chassis.messaging import Handlers, Meta
from chassis.messaging.dispatch import Delivery, Dispatcher
from chassis.messaging.wakeup import Notifier
from chassis.service import Service
from chassis.settings import ServiceSettings
from chassis.worker import Worker
from contracts import topology
from contracts.booking import BookingHeld
from contracts.testing import example

BARE = "bench.bare.v1"
_EFFECT = "INSERT INTO effects (key) VALUES ($1)"


async def chassis_commit(arguments: dict[str, Any], listen: Listen) -> None:
    """As an API process: state and message in one transaction, then the wake-up."""
    db = Database(arguments["database"], application_name="bench-api")
    golden = example(BookingHeld)
    notifying = asyncio.create_task(Notifier(db).run())
    settle()
    say("ready")
    while (key := await listen()) is not None:
        message = golden.model_copy(update={"booking_id": UUID(key)})
        async with db.transaction(golden.org_id) as tx:
            await tx.execute(_EFFECT, key)
            tx.publish(message, key=key, sequence=1)
        say(time.monotonic())
    notifying.cancel()
    await db.close()


async def chassis_worker(arguments: dict[str, Any], listen: Listen) -> None:
    """As a worker process: all of its components, with one small handler."""
    done: dict[str, float] = {}
    handlers = Handlers(arguments["service"])
    if arguments["service"] == "payments":

        @handlers.on(BookingHeld)
        async def held(tx: Transaction, message: BookingHeld, meta: Meta) -> None:  # noqa: ARG001
            await tx.execute(_EFFECT, meta.key)

    settings = ServiceSettings(
        ENVIRONMENT="test",
        DATABASE_URL=arguments["database"],
        AMQP_URL=arguments["amqp"],
        INTERNAL_TOKEN_PUBLIC_KEYS={"k1": bytes(32)},
    )
    db = Database(arguments["database"], application_name="bench-worker")
    worker = Worker(Service(name=arguments["service"], settings=settings, db=db, handlers=handlers))
    worker.consumer._dispatcher = _Noting(worker.consumer._dispatcher, done)  # noqa: SLF001
    stop = asyncio.Event()
    working = asyncio.create_task(worker.run(stop))
    while not (worker.broker_up and len(worker.leases.owned) == 64):
        await asyncio.sleep(0.01)
    settle()
    say("ready")
    await _tell(done, await listen())
    stop.set()
    await working
    await db.close()


class _Noting(Dispatcher):
    """Notes when a message's transaction has committed."""

    def __init__(self, inner: Dispatcher, done: dict[str, float]) -> None:
        self._inner = inner
        self._done = done

    async def dispatch(self, delivery: Delivery) -> None:
        await self._inner.dispatch(delivery)
        self._done[delivery.meta.key] = time.monotonic()


async def _tell(done: dict[str, float], wanted: list[str] | None) -> None:
    while not done.keys() >= set(wanted or ()):
        await asyncio.sleep(0.01)
    say(done)


async def bare_commit(arguments: dict[str, Any], listen: Listen) -> None:
    """A commit, then a confirmed publish; what a crash between them loses is lost."""
    database = await asyncpg.connect(arguments["database"])
    connection = await aio_pika.connect(arguments["amqp"])
    channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
    exchange = await channel.get_exchange(topology.EXCHANGE, ensure=False)
    body = example(BookingHeld).to_json()
    settle()
    say("ready")
    while (key := await listen()) is not None:
        async with database.transaction():
            await database.execute(_EFFECT, key)
        committed = time.monotonic()
        await exchange.publish(
            aio_pika.Message(body, message_id=key, delivery_mode=2), routing_key=BARE
        )
        say(committed)
    await connection.close()
    await database.close()


async def bare_consume(arguments: dict[str, Any], listen: Listen) -> None:
    """A transaction per message, then the acknowledgement; a copy would be done twice."""
    done: dict[str, float] = {}
    database = await asyncpg.connect(arguments["database"])
    connection = await aio_pika.connect(arguments["amqp"])
    channel = await connection.channel()
    await channel.set_qos(prefetch_count=100)
    exchange = await channel.get_exchange(topology.EXCHANGE, ensure=False)
    queue = await channel.declare_queue(
        "bench.bare", durable=True, arguments={"x-queue-type": "quorum"}
    )
    await queue.bind(exchange, BARE)

    async def take(message: AbstractIncomingMessage) -> None:
        key = message.message_id or ""
        async with database.transaction():
            await database.execute(_EFFECT, key)
        done[key] = time.monotonic()
        await message.ack()

    await queue.consume(take)
    settle()
    say("ready")
    await _tell(done, await listen())
    await connection.close()
    await database.close()


ENDS = {
    "chassis_commit": chassis_commit,
    "chassis_worker": chassis_worker,
    "bare_commit": bare_commit,
    "bare_consume": bare_consume,
}

if __name__ == "__main__":

    async def chosen(arguments: dict[str, Any], listen: Listen) -> None:
        await ENDS[arguments["end"]](arguments, listen)

    run(chosen)
