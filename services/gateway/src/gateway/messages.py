"""What the gateway hears on the bus: that payments are ready.

Its queue is exclusive, auto-deleted and bounded, one per process. It may lose messages: whoever
waited is answered with a link instead.
"""

from __future__ import annotations

import asyncio
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import structlog
from pydantic import ValidationError

from chassis.messaging.broker import Link
from contracts.payments import PaymentReady
from contracts.topology import EXCHANGE

if TYPE_CHECKING:
    from aio_pika.abc import AbstractChannel, AbstractIncomingMessage

    from gateway.waiting import ReadyPayments

log = structlog.get_logger(__name__)

_QUEUE_ARGUMENTS: Final[dict[str, Any]] = {
    "x-max-length": 10_000,
    "x-overflow": "drop-head",
    "x-message-ttl": 60_000,
}


class Listener:
    """Keeps a queue of its own on the broker, for as long as the process lives."""

    def __init__(self, url: str, ready: ReadyPayments) -> None:
        self._link = Link(url, name="gateway", confirms=False)
        self._ready = ready
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin listening, in the background: the gateway works without the broker."""
        self._task = asyncio.create_task(self._link.run(self._listen), name="gateway-listener")

    async def stop(self) -> None:
        """Stop listening."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def _listen(self, channel: AbstractChannel, lost: asyncio.Event) -> None:
        queue = await channel.declare_queue(
            f"holdfast.gateway.{secrets.token_hex(8)}",
            exclusive=True,
            auto_delete=True,
            arguments=_QUEUE_ARGUMENTS,
        )
        # The exchange is named, not declared: whoever applies the topology says what it is.
        await queue.bind(EXCHANGE, routing_key=PaymentReady.TYPE)
        await queue.consume(self._heard, no_ack=True)
        self._ready.listening = True
        try:
            await lost.wait()
        finally:
            self._ready.listening = False

    async def _heard(self, message: AbstractIncomingMessage) -> None:
        try:
            self._ready.announce(PaymentReady.model_validate_json(message.body).booking_id)
        except ValidationError as exc:
            log.error("bus.unreadable_message", problems=exc.error_count())  # noqa: TRY400 - no text
