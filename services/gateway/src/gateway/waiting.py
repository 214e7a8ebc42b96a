"""Waiting until a booking's payment can be paid."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from uuid import UUID

_MOST_REMEMBERED = 10_000
_REMEMBERED_FOR = 60.0


class ReadyPayments:
    """Which bookings' payments were announced as ready a moment ago, and who waits for one.

    A booking's id is only known once booking has answered, and the announcement may be faster than
    that answer, so the latest announcements are remembered. Nothing here is durable or exact: a
    lost announcement costs one request its immediate answer, and it is told where to look instead.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._recent: OrderedDict[UUID, float] = OrderedDict()
        self._waiting: dict[UUID, set[asyncio.Event]] = {}
        self._listening = False

    @property
    def listening(self) -> bool:
        """Whether announcements can arrive at present."""
        return self._listening

    @listening.setter
    def listening(self, value: bool) -> None:
        self._listening = value
        if not value:
            for events in self._waiting.values():
                for event in events:
                    event.set()

    def announce(self, booking_id: UUID) -> None:
        """The payment of this booking is ready."""
        now = self._clock()
        self._recent[booking_id] = now
        self._recent.move_to_end(booking_id)
        while len(self._recent) > _MOST_REMEMBERED or (
            next(iter(self._recent.values())) < now - _REMEMBERED_FOR
        ):
            self._recent.popitem(last=False)
        for event in self._waiting.get(booking_id, ()):
            event.set()

    @contextmanager
    def expecting(self, booking_id: UUID) -> Iterator[Expectation]:
        """Within the block no announcement for this booking is missed."""
        event = asyncio.Event()
        if booking_id in self._recent or not self._listening:
            event.set()
        events = self._waiting.setdefault(booking_id, set())
        events.add(event)
        try:
            yield Expectation(event)
        finally:
            events.discard(event)
            if not events:
                self._waiting.pop(booking_id, None)


class Expectation:
    """One request that waits for one payment."""

    def __init__(self, event: asyncio.Event) -> None:
        self._event = event

    @property
    def over(self) -> bool:
        """Whether waiting has no more use: announced, or no announcement can come."""
        return self._event.is_set()

    async def wait(self, seconds: float) -> None:
        """Return when waiting has no more use, after `seconds` at the latest."""
        if seconds <= 0 or self._event.is_set():
            return
        try:
            async with asyncio.timeout(seconds):
                await self._event.wait()
        except TimeoutError:
            return
