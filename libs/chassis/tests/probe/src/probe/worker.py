"""``python -m probe.worker``: a worker that counts the booking.confirmed messages it is given.

It listens on the queue of the customers service, because the broker's topology is that of the real
system. Its outside call is appending a line to the file named by PROBE_CALLS.
"""

import asyncio
import os
import signal
from pathlib import Path

from chassis import telemetry
from chassis.db import Database, Transaction
from chassis.intents import Done, Intent, Outcome
from chassis.messaging import Handlers, Meta, Park, RetryAfter
from chassis.service import Service
from chassis.settings import ServiceSettings, load
from chassis.worker import Worker
from contracts import Message
from contracts.booking import BookingConfirmed

handlers = Handlers("customers")


class Tick(Message):
    """A timer of this service's own."""

    TYPE = "probe.tick"
    note: str


async def effect(tx: Transaction, meta: Meta, note: str) -> None:
    await tx.execute(
        "INSERT INTO effects (org_id, key, sequence, note) VALUES ($1, $2, $3, $4)",
        tx.org_id,
        meta.key,
        meta.sequence,
        note,
    )


@handlers.on(BookingConfirmed)
async def confirmed(tx: Transaction, message: BookingConfirmed, meta: Meta) -> None:
    await effect(tx, meta, message.title)
    if message.title == "call":
        tx.intend("call", subject=str(meta.message_id), lane="one", payload={"n": meta.sequence})
    if message.title == "retry once" and meta.attempt == 0:
        raise RetryAfter(0.05, "first attempt refused")
    if message.title == "park":
        raise Park("asked to")
    if message.title == "always fails":
        raise RuntimeError("always")


@handlers.on(Tick)
async def tick(tx: Transaction, message: Tick, meta: Meta) -> None:
    await effect(tx, meta, message.note)
    if message.note == "fail once" and meta.attempt == 0:
        raise RuntimeError("first attempt fails")


async def call(intent: Intent) -> Outcome:
    with Path(os.environ["PROBE_CALLS"]).open("a") as file:
        file.write(f"{intent.subject}\n")

    async def record(tx: Transaction) -> None:
        await tx.execute(
            "INSERT INTO effects (org_id, key, sequence, note) VALUES ($1, $2, $3, 'called')",
            tx.org_id,
            intent.subject,
            intent.payload["n"],
        )

    return Done(record)


def build(settings: ServiceSettings) -> Service:
    db = Database(settings.DATABASE_URL, application_name="probe")
    return Service(
        name="customers", settings=settings, db=db, handlers=handlers, executors={"call": call}
    )


async def main() -> None:
    telemetry.configure("probe")
    service = build(load(ServiceSettings))
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await Worker(service).run(stop)
    await service.db.close()


if __name__ == "__main__":
    asyncio.run(main())
