"""What the gateway hears on the bus: that payments are ready.

Its queue is exclusive, auto-deleted and bounded, one per process. It may lose messages: whoever
waited is answered with a link instead.
"""

from __future__ import annotations

import asyncio
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import aio_pika
import structlog
from aiormq.exceptions import AMQPError
from pydantic import ValidationError

from contracts.payments import PaymentReady
from contracts.topology import EXCHANGE

if TYPE_CHECKING:
    from gateway.waiting import ReadyPayments

log = structlog.get_logger(__name__)

_QUEUE_ARGUMENTS: Final = {
    "x-max-length": 10_000,
    "x-overflow": "drop-head",
    "x-message-ttl": 60_000,
}
_CONNECT_WITHIN = 5.0
_LONGEST_PAUSE = 5.0


class BusLink:
    """Keeps a queue of its own on the broker and passes on what arrives, reconnecting for ever."""

    def __init__(self, url: str, ready: ReadyPayments) -> None:
        self._url = url
        self._ready = ready
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin listening, in the background: the gateway works without the broker."""
        self._task = asyncio.create_task(self._run(), name="bus-link")

    async def stop(self) -> None:
        """Stop listening."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def _run(self) -> None:
        pause = 0.1
        while True:
            try:
                await self._listen()
            except (AMQPError, OSError, TimeoutError) as exc:
                log.warning("bus.down", error=type(exc).__name__, retry_in=pause)
            except Exception:
                log.exception("bus.failed", retry_in=pause)
            finally:
                if self._ready.listening:
                    pause = 0.1
                self._ready.listening = False
            await asyncio.sleep(pause)
            pause = min(_LONGEST_PAUSE, pause * 2)

    async def _listen(self) -> None:
        connection = await aio_pika.connect(
            self._url, timeout=_CONNECT_WITHIN, client_properties={"connection_name": "gateway"}
        )
        async with connection:
            channel = await connection.channel()
            # Bound to the exchange, not declaring it: who makes the topology also says its form.
            queue = await channel.declare_queue(
                f"holdfast.gateway.{secrets.token_hex(8)}",
                exclusive=True,
                auto_delete=True,
                arguments=_QUEUE_ARGUMENTS,
            )
            await queue.bind(EXCHANGE, routing_key=PaymentReady.TYPE)
            async with queue.iterator(no_ack=True) as messages:
                self._ready.listening = True
                log.info("bus.up")
                async for message in messages:
                    self._heard(message.body)

    def _heard(self, body: bytes) -> None:
        try:
            self._ready.announce(PaymentReady.model_validate_json(body).booking_id)
        except ValidationError as exc:
            log.error("bus.unreadable_message", problems=exc.error_count())  # noqa: TRY400 - the text holds values
