"""SQL from synchronous code: each call connects, runs and leaves."""

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import asyncpg

T = TypeVar("T")


def answers(url: str) -> bool:
    """Whether a server at `url` accepts our credentials and a statement."""
    try:
        fetch(url, "SELECT 1", timeout=2)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return False
    return True


def fetch(url: str, statement: str, *args: object, timeout: float = 30) -> list[tuple[object, ...]]:
    """Rows of one statement."""

    async def work() -> list[tuple[object, ...]]:
        connection = await asyncpg.connect(url, timeout=timeout)
        try:
            rows = await connection.fetch(statement, *args, timeout=timeout)
        finally:
            await connection.close()
        return [tuple(row) for row in rows]

    return _run(work())


def execute(url: str, *statements: str) -> None:
    """Run scripts one after the other, each in a round trip of its own (so CREATE DATABASE may)."""

    async def work() -> None:
        connection = await asyncpg.connect(url, timeout=30)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    _run(work())


def _run(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end on a loop in a thread of its own: the caller may be inside one already."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()
