"""Webhooks that wait for each other, to go out in the opposite order."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from sandbox.faults import REORDERED_WITHIN

T = TypeVar("T")


class Reordered(Generic[T]):
    """What is held goes out when the last one came, or after REORDERED_WITHIN seconds."""

    def __init__(self, send: Callable[[T], Awaitable[None]]) -> None:
        self._send = send
        self._held: list[T] = []
        self._all_here = asyncio.Event()
        self._going: asyncio.Task[None] | None = None

    def hold(self, one: T, *, last: bool) -> None:
        self._held.append(one)
        if last:
            self._all_here.set()
        if self._going is None or self._going.done():
            self._going = asyncio.create_task(self._go())

    async def _go(self) -> None:
        try:
            async with asyncio.timeout(REORDERED_WITHIN):
                await self._all_here.wait()
        except TimeoutError:
            pass
        self._all_here.clear()
        while self._held:
            await self._send(self._held.pop())
