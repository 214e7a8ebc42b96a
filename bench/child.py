"""A program of the bench in a process of its own, started, told to go, and asked for its result."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

LONGEST_LINE = 256 * 1024 * 1024
ROOT = Path(__file__).parents[1]


class Child:
    """`python -m bench.programs.<name>`; talks to us in lines of JSON, its arguments first."""

    def __init__(self, program: str, **arguments: Any) -> None:
        self._program = program
        self._arguments = arguments
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            f"bench.programs.{self._program}",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=LONGEST_LINE,
            cwd=ROOT,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        await self.tell(self._arguments)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._process is None or self._process.returncode is not None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(10):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    @property
    def pid(self) -> int:
        return self._running.pid

    async def hear(self, seconds: float = 120) -> Any:
        """The next thing it says.

        Raises:
            RuntimeError: it ended without a word.
            TimeoutError: it said nothing for `seconds`.
        """
        assert self._running.stdout is not None
        async with asyncio.timeout(seconds):
            line = await self._running.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._program} ended with {await self._running.wait()}")
        return json.loads(line)

    async def tell(self, what: Any = None) -> None:
        """Say something to it."""
        assert self._running.stdin is not None
        self._running.stdin.write(json.dumps(what).encode() + b"\n")
        await self._running.stdin.drain()

    async def ask(self, what: Any = None, seconds: float = 300) -> Any:
        """Say something and hear the answer."""
        await self.tell(what)
        return await self.hear(seconds)

    @property
    def _running(self) -> asyncio.subprocess.Process:
        if self._process is None:
            raise RuntimeError(f"{self._program} was not started")
        return self._process
