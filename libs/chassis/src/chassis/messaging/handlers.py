"""The table of a service's message handlers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from chassis.db import Transaction
    from chassis.messaging.meta import Meta
    from contracts import Message

M = TypeVar("M", bound="Message")
Handler = Callable[["Transaction", Any, "Meta"], Awaitable[None]]


class Handlers:
    """Which function takes which message, for one consumer.

    A handler runs inside the transaction that records the message as done. It raises
    ``RetryAfter`` or ``Park`` to steer; any other exception is retried with backoff and parked
    after the last attempt. It must tolerate being called out of order.
    """

    def __init__(self, consumer: str) -> None:
        self.consumer = consumer
        self._table: dict[str, tuple[type[Message], Handler]] = {}

    def on(
        self, model: type[M]
    ) -> Callable[
        [Callable[[Transaction, M, Meta], Awaitable[None]]],
        Callable[[Transaction, M, Meta], Awaitable[None]],
    ]:
        """Register the decorated function for one message type."""

        def register(
            function: Callable[[Transaction, M, Meta], Awaitable[None]],
        ) -> Callable[[Transaction, M, Meta], Awaitable[None]]:
            if model.TYPE in self._table:
                raise ValueError(f"{self.consumer} already handles {model.TYPE}")
            self._table[model.TYPE] = (model, function)
            return function

        return register

    def find(self, message_type: str) -> tuple[type[Message], Handler] | None:
        return self._table.get(message_type)

    @property
    def types(self) -> frozenset[str]:
        return frozenset(self._table)
