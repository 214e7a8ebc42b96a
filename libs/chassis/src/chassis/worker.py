"""The worker role: relay, consumer, timers and intents of one service in one process."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from chassis.intents import Intents
from chassis.messaging.consumer import Consumer
from chassis.messaging.dispatch import Dispatcher
from chassis.messaging.housekeeping import Housekeeping
from chassis.messaging.leases import Leases
from chassis.messaging.relay import Relay
from chassis.messaging.timers import Timers
from chassis.messaging.wakeup import Listener
from chassis.settings import ServiceSettings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from chassis.service import Service

log = structlog.get_logger(__name__)

RESTART_AFTER = 1.0  # seconds before a component that failed is started again


class Worker:
    """Everything a service does besides answering HTTP. Any number of copies may run."""

    def __init__(self, service: Service) -> None:
        settings = service.settings
        if (
            service.db is None
            or service.handlers is None
            or not isinstance(settings, ServiceSettings)
        ):
            raise ValueError(f"{service.name} has no database or no handlers, so it has no worker")
        db = service.db
        self.service = service
        self.leases = Leases(db, duration=settings.LEASE_SECONDS)
        dispatcher = Dispatcher(db, service.handlers, max_attempts=settings.MAX_ATTEMPTS)
        self.relay = Relay(
            db,
            self.leases,
            url=settings.AMQP_URL,
            source=service.name,
            window=settings.RELAY_WINDOW,
        )
        self.timers = Timers(db, self.leases, dispatcher)
        self.consumer = Consumer(
            dispatcher,
            url=settings.AMQP_URL,
            service=service.name,
            prefetch=settings.PREFETCH,
        )
        self.intents = Intents(
            db,
            service.executors,
            lane_concurrency=settings.INTENT_LANE_CONCURRENCY,
            lease=settings.INTENT_LEASE_SECONDS,
        )
        listener = Listener(db)
        listener.subscribe("m", self.relay.wake)
        listener.subscribe("t", self.timers.wake)
        listener.subscribe("i", self.intents.wake)
        self._components: dict[str, Callable[[], Awaitable[None]]] = {
            "leases": self.leases.run,
            "listener": listener.run,
            "relay": self.relay.run,
            "timers": self.timers.run,
            "consumer": self.consumer.run,
            "intents": self.intents.run,
            "housekeeping": Housekeeping(db).run,
        }
        for number, job in enumerate(service.jobs):
            self._components[f"job-{number}"] = job
        self._drain_seconds = settings.DRAIN_SECONDS

    @property
    def broker_up(self) -> bool:
        """Whether both links to the broker stand."""
        return self.relay.connected and self.consumer.connected

    async def run(self, stop: asyncio.Event) -> None:
        """Work until ``stop`` is set, then finish what is being handled, within DRAIN_SECONDS."""
        tasks = {
            name: asyncio.create_task(self._supervise(name, component), name=name)
            for name, component in self._components.items()
        }
        await stop.wait()
        log.info("worker.draining")
        self.consumer.drain()
        for name in ("timers", "intents"):
            tasks[name].cancel()
        try:
            async with asyncio.timeout(self._drain_seconds):
                await self.consumer.drained.wait()
                await asyncio.wait([tasks["timers"], tasks["intents"]])
        except TimeoutError:
            log.warning("worker.drain_cut_off")
        # Leases go last: nothing is in flight any more, so another worker may take over at once.
        for name in reversed(tasks):
            tasks[name].cancel()
            await asyncio.wait([tasks[name]], timeout=3)

    @staticmethod
    async def _supervise(name: str, component: Callable[[], Awaitable[None]]) -> None:
        """Start a component again when it fails: what it was doing is still in the database."""
        while True:
            try:
                await component()
            except Exception:
                log.exception("worker.component_failed", component=name)
            await asyncio.sleep(RESTART_AFTER)
