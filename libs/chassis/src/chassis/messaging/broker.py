"""Connections to RabbitMQ: one per component, reopened for as long as the process lives."""

from __future__ import annotations

import asyncio
import random
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import aio_pika
import structlog
from aio_pika.exceptions import AMQPError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from aio_pika.abc import AbstractChannel, AbstractConnection

log = structlog.get_logger(__name__)

BROKER_ERRORS = (AMQPError, OSError, TimeoutError, asyncio.IncompleteReadError, RuntimeError)


class Link:
    """Keeps one component connected: opens, runs its session, and opens again when it is lost.

    Args:
        url: AMQP address with user, password and vhost.
        name: what the connection is called in the broker's management page.
        confirms: whether published messages are confirmed by the broker.
    """

    def __init__(self, url: str, *, name: str, confirms: bool = True) -> None:
        self._url = url
        self._name = name
        self._confirms = confirms
        self.up = False

    async def run(
        self, session: Callable[[AbstractChannel, asyncio.Event], Awaitable[None]]
    ) -> None:
        """Run ``session(channel, lost)`` on every new connection, until cancelled.

        The session should return soon after ``lost`` is set. Between attempts the wait grows to
        five seconds, with jitter so that a restarted broker is not stormed.
        """
        failures = 0
        while True:
            try:
                async with self._open() as (channel, lost):
                    self.up, failures = True, 0
                    log.info("broker.connected", link=self._name)
                    await session(channel, lost)
            except BROKER_ERRORS as error:
                failures += 1
                log.warning("broker.lost", link=self._name, error=type(error).__name__)
            finally:
                self.up = False
            # aiormq answers a cancellation that meets a failed connection with that failure.
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise asyncio.CancelledError
            wait = min(5.0, 0.2 * 2 ** min(failures, 6))
            await asyncio.sleep(wait * random.uniform(0.5, 1.0))  # noqa: S311 - jitter

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[tuple[AbstractChannel, asyncio.Event]]:
        connection: AbstractConnection = await aio_pika.connect(
            self._url, timeout=5, client_properties={"connection_name": self._name}
        )
        lost = asyncio.Event()
        try:
            connection.close_callbacks.add(lambda *_: lost.set())
            channel = await connection.channel(
                publisher_confirms=self._confirms, on_return_raises=self._confirms
            )
            channel.close_callbacks.add(lambda *_: lost.set())
            underlay = await channel.get_underlay_channel()
            # The broker cancels a consumer when its queue moves or goes; nothing else tells us.
            underlay.on_consumer_cancel_callbacks.add(lambda _: lost.set())
            yield channel, lost
        finally:
            try:
                async with asyncio.timeout(2):
                    await connection.close()
            except BROKER_ERRORS:
                pass
