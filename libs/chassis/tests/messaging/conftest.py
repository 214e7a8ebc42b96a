import asyncio
import os
import sys
from base64 import b64encode
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from chassis.db import Database
from chassis.settings import ServiceSettings
from chassis.testing import connected, eventually
from chassis.worker import Worker
from contracts.booking import BookingConfirmed
from contracts.testing import example

PROBE = Path(__file__).parents[1] / "probe" / "src"


def settings(urls, vhost, **more) -> ServiceSettings:
    return ServiceSettings(
        ENVIRONMENT="test",
        DATABASE_URL=urls.url,
        AMQP_URL=vhost.amqp_url,
        INTERNAL_TOKEN_PUBLIC_KEYS={"k1": bytes(32)},
        LEASE_SECONDS=2,
        MAX_ATTEMPTS=3,
        **more,
    )


def environment(urls, vhost, **more) -> dict[str, str]:
    return {
        **os.environ,
        "ENVIRONMENT": "test",
        "DATABASE_URL": urls.url,
        "AMQP_URL": vhost.amqp_url,
        "INTERNAL_TOKEN_PUBLIC_KEYS": '{"k1": "' + b64encode(bytes(32)).decode() + '"}',
        "LEASE_SECONDS": "2",
        "PYTHONPATH": str(PROBE),
        **more,
    }


@pytest.fixture(scope="module")
async def urls(fresh_database):
    return await fresh_database("probe")


@pytest.fixture
async def db(urls):
    async with connected(urls) as db:
        await db.statement(
            "DELETE FROM messaging.outbox",
        )
        await db.statement("DELETE FROM messaging.parked")
        await db.statement("DELETE FROM messaging.intents")
        yield db


@asynccontextmanager
async def working(service):
    """A worker in this process, drained on leaving."""
    stop = asyncio.Event()
    worker = Worker(service)
    task = asyncio.create_task(worker.run(stop))
    try:
        yield worker
    finally:
        stop.set()
        await task
        await service.db.close()


@asynccontextmanager
async def process(urls, vhost, **more):
    """A worker in a process of its own; killed on leaving if it still runs."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "probe.worker", env=environment(urls, vhost, **more)
    )
    try:
        yield child
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()


def confirmed(title: str, booking_id=None) -> BookingConfirmed:
    return example(BookingConfirmed).model_copy(
        update={"title": title, "booking_id": booking_id or uuid4()}
    )


async def publish(db: Database, org, messages) -> None:
    """Commit messages, each in a transaction of its own: (title, key, sequence)."""
    for title, key, sequence in messages:
        async with db.transaction(org) as tx:
            tx.publish(confirmed(title), key=key, sequence=sequence)


async def effects(db: Database, org):
    async with db.transaction(org) as tx:
        rows = await tx.fetch("SELECT key, sequence, note FROM effects ORDER BY id")
    return [tuple(row) for row in rows]


async def settled(db: Database, org, count: int):
    """Wait until so many effects are there and nothing is left to send or do.

    Longer than the 60 seconds for which an intent is claimed by one who could not write it down.
    """

    async def done():
        left = await db.statement(
            "SELECT (SELECT count(*) FROM messaging.outbox) + "
            "(SELECT count(*) FROM messaging.intents) AS n"
        )
        found = await effects(db, org)
        return found if left[0]["n"] == 0 and len(found) >= count else None

    return await eventually(done, timeout=180, what=f"{count} effects")
