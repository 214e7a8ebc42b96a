"""Confirmed publishing for the relay: a future per message, and as few writes as possible.

aio-pika's publish takes a lock, a timer, three coroutines and a write for every message, and asks
each header for its type to encode it. That is right for a message now and then, but for the relay
it was three quarters of its time (decision 0010, measured by bench/relay.py). This writes the same
frames to the same channel, many at once; connection, confirms and returns stay aio-pika's.
"""

from __future__ import annotations

import asyncio
from functools import cache
from struct import Struct
from typing import TYPE_CHECKING, Any

from aiormq.abc import ChannelFrame
from pamqp.commands import Basic

from contracts.envelope import CONTENT_TYPE

if TYPE_CHECKING:
    from aiormq import Channel

    from contracts.envelope import Envelope

CONFIRM_TIMEOUT = 30.0  # seconds before a missing confirm counts as a lost connection

_FRAME = Struct(">BHI")  # kind, channel, size of what follows
_HEADER = Struct(">HHQ")  # class, always 0, size of the body
_METHOD, _CONTENT_HEADER, _CONTENT_BODY = 1, 2, 3
_END = b"\xce"
_BASIC = 60
_PERSISTENT = b"\x02"
_FLAGS = sum(
    Basic.Properties.flags[name]
    for name in ("content_type", "headers", "delivery_mode", "message_id", "message_type")
).to_bytes(2, "big")


class Publisher:
    """Publishes persistent JSON messages to one exchange; nothing is sent until it runs.

    Args:
        channel: what lies under an aio-pika channel with confirms. Nothing else may publish on it.
    """

    def __init__(self, channel: Channel, exchange: str) -> None:
        self._channel = channel
        self._exchange = exchange
        self._largest = channel.connection.connection_tune.frame_max - _FRAME.size - len(_END)
        self._unsent: list[bytes] = []
        self._some = asyncio.Event()

    def publish(self, envelope: Envelope, body: bytes, *, mandatory: bool) -> asyncio.Future[Any]:
        """Publish a message, its type being the routing key.

        The future ends when the broker has confirmed the message; with DeliveryError when the
        broker refused it, with PublishError when it is mandatory and no queue took it. When the
        connection is lost first, it never ends.
        """
        channel = self._channel
        message_id = str(envelope.id)
        confirmed: asyncio.Future[Any] = channel.loop.create_future()
        channel.delivery_tag += 1
        channel.confirmations[channel.delivery_tag] = confirmed
        # A returned message comes back with its id, not with its tag.
        tags = channel.message_id_delivery_tag
        tags[message_id] = channel.delivery_tag
        confirmed.add_done_callback(lambda _: tags.pop(message_id, None))
        self._unsent += self._frames(envelope, message_id, body, mandatory=mandatory)
        self._some.set()
        return confirmed

    async def run(self) -> None:
        """Write what is published, until cancelled.

        Raises:
            TimeoutError: the broker has not confirmed a message in time.
        """
        async with asyncio.TaskGroup() as group:
            group.create_task(self._write())
            group.create_task(self._watch())

    async def _write(self) -> None:
        while True:
            await self._some.wait()
            self._some.clear()
            payload = b"".join(self._unsent)
            self._unsent.clear()
            await self._channel.write_queue.put(ChannelFrame(payload=payload, should_close=False))

    async def _watch(self) -> None:
        """One clock for all: the oldest message may not stay the oldest."""
        while True:
            oldest = next(iter(self._channel.confirmations), None)
            await asyncio.sleep(CONFIRM_TIMEOUT)
            if oldest is not None and oldest in self._channel.confirmations:
                raise TimeoutError(f"not confirmed within {CONFIRM_TIMEOUT:.0f} s")

    def _frames(
        self, envelope: Envelope, message_id: str, body: bytes, *, mandatory: bool
    ) -> list[bytes]:
        number = self._channel.number
        properties = _properties(envelope, message_id)
        return [
            _frame(_METHOD, number, _command(self._exchange, envelope.type, mandatory)),
            _frame(_CONTENT_HEADER, number, _HEADER.pack(_BASIC, 0, len(body)) + properties),
            *(
                _frame(_CONTENT_BODY, number, body[start : start + self._largest])
                for start in range(0, len(body), self._largest)
            ),
        ]


def _frame(kind: int, channel: int, payload: bytes) -> bytes:
    return _FRAME.pack(kind, channel, len(payload)) + payload + _END


@cache
def _command(exchange: str, routing_key: str, mandatory: bool) -> bytes:  # noqa: FBT001
    """The command to publish. There are as many as message types."""
    command = Basic.Publish(exchange=exchange, routing_key=routing_key, mandatory=mandatory)
    return Basic.Publish.index.to_bytes(4, "big") + command.marshal()


def _properties(envelope: Envelope, message_id: str) -> bytes:
    headers = b"".join([_name(name) + _long(text) for name, text in envelope.to_headers().items()])
    return b"".join(
        (
            _FLAGS,
            _short(CONTENT_TYPE),
            len(headers).to_bytes(4, "big"),
            headers,
            _PERSISTENT,
            _short(message_id),
            _short(envelope.type),
        )
    )


@cache
def _name(header: str) -> bytes:
    """A header's name and the mark of a text. There are only a few names."""
    return _short(header) + b"S"


def _short(text: str) -> bytes:
    encoded = text.encode()
    return len(encoded).to_bytes(1, "big") + encoded


def _long(text: str) -> bytes:
    encoded = text.encode()
    return len(encoded).to_bytes(4, "big") + encoded
