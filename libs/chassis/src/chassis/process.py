"""One process of a service: starts the parts that its role needs, and drains them on a signal."""

import asyncio
import gc
import os
import signal
from collections.abc import Awaitable, Callable

import structlog

from chassis import telemetry
from chassis.db import Database, is_outage
from chassis.health import Readiness, internal_app
from chassis.messaging.wakeup import Notifier
from chassis.metrics import REGISTRY
from chassis.service import Service
from chassis.serving import listen, serve

Part = Callable[[], Awaitable[None]]

log = structlog.get_logger(__name__)

# A relay this far behind (seconds) is no longer doing its work.
LONGEST_LAG = 60.0


class NotReady(Exception):
    """Why a worker is not ready."""


class MovedClock(Exception):  # told to a person as it is
    """A test has moved this database's clock; production must not run on it."""


async def run(role: str, service: Service) -> int:
    """Run a role (`api`, `worker` or `all`) until SIGTERM or SIGINT; returns the exit code.

    Order of leaving: not ready, no new requests or messages, what is in flight is finished, hooks,
    database, and the internal port last, so that a drain can be watched.

    Raises:
        CannotListen: a port is taken.
        MovedClock: in production, when the database's clock has an offset.
    """
    settings = service.settings
    stop, gone = asyncio.Event(), asyncio.Event()
    _stop_on_signals(stop)
    if settings.ENVIRONMENT == "production" and service.db is not None:
        await refuse_moved_clock(service.db)
    public, internal = Readiness.of(service), Readiness.of(service)
    parts: dict[str, Part] = {}
    if role in {"api", "all"}:
        parts["api"] = _api(service, public, stop)
    if role == "worker" or (role == "all" and service.handlers is not None):
        parts["worker"] = _worker(service, internal, stop)
    beside: list[asyncio.Task[None]] = []
    if settings.INTERNAL_PORT:
        window = listen(settings.INTERNAL_HOST, settings.INTERNAL_PORT)
        beside.append(
            asyncio.create_task(serve(internal_app(internal), window, gone, drain_seconds=1))
        )
    notifier = asyncio.create_task(Notifier(service.db).run()) if service.db else None
    try:
        for hook in service.on_start:
            await hook()
        # What was built so far lives as long as the process; the collector need not look again.
        gc.collect()
        gc.freeze()
        log.info("process.started", parts=sorted(parts), pid=os.getpid())
        return await _until_stopped(parts, stop, (public, internal))
    finally:
        for hook in service.on_stop:
            await hook()
        if notifier is not None:
            notifier.cancel()
            await asyncio.wait([notifier])
        if service.db is not None:
            await service.db.close()
        gone.set()
        await asyncio.gather(*beside)
        telemetry.shutdown()
        log.info("process.stopped")


def _api(service: Service, readiness: Readiness, stop: asyncio.Event) -> Part:
    from chassis.http import create_app  # noqa: PLC0415  # a worker needs no FastAPI

    settings = service.settings
    app = create_app(service, readiness)
    door = listen(settings.HTTP_HOST, settings.HTTP_PORT)
    return lambda: serve(
        app, door, stop, drain_seconds=settings.DRAIN_SECONDS, protocol=service.protocol
    )


def _worker(service: Service, readiness: Readiness, stop: asyncio.Event) -> Part:
    from chassis.worker import Worker  # noqa: PLC0415  # an API needs no broker client

    worker = Worker(service)

    async def broker() -> None:
        if not worker.broker_up:
            raise NotReady("not connected")

    readiness.add("broker", broker)
    readiness.add("relay_lag", _relay_lag)
    return lambda: worker.run(stop)


async def _until_stopped(
    parts: dict[str, Part],
    stop: asyncio.Event,
    readiness: tuple[Readiness, ...],
) -> int:
    """Run all parts until `stop`; a part that ends before takes the others with it (code 1)."""
    tasks = [
        asyncio.create_task(_run_part(name, part, stop, readiness)) for name, part in parts.items()
    ]
    await stop.wait()
    for one in readiness:
        one.drain()
    return 0 if all(await asyncio.gather(*tasks)) else 1


async def _run_part(
    name: str,
    part: Part,
    stop: asyncio.Event,
    readiness: tuple[Readiness, ...],
) -> bool:
    try:
        await part()
    except Exception:
        log.exception("process.part_failed", part=name)
        fine = False
    else:
        fine = stop.is_set()
        if not fine:
            log.error("process.part_ended", part=name)
    for one in readiness:
        one.drain()
    stop.set()
    return fine


def _stop_on_signals(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()

    def told(name: str) -> None:
        if stop.is_set():
            log.warning("process.killed_while_draining", signal=name)
            os._exit(1)
        log.info("process.draining", signal=name)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told, number.name)


async def _relay_lag() -> None:
    if (REGISTRY.get_sample_value("holdfast_outbox_lag_seconds") or 0.0) > LONGEST_LAG:
        raise NotReady("behind")


async def refuse_moved_clock(db: Database) -> None:
    """Refuse a database whose clock a test has moved.

    Raises:
        MovedClock: the offset is not zero. A database that is away is not asked: it has no clock
            to be wrong about yet, and starting must not depend on it.
    """
    try:
        async with db.transaction(None) as tx:
            moved = await tx.fetchval("SELECT messaging.now() <> now() OR messaging.now() IS NULL")
    except Exception as error:
        if is_outage(error):
            log.warning("process.clock_not_checked", reason=type(error).__name__)
            return
        raise
    if moved:
        raise MovedClock("the database's clock has a test offset, which production refuses")
