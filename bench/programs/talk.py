"""The child's side of `bench.child`: arguments, lines in, lines out, a loop like a service's."""

import asyncio
import gc
import json
import logging
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
import uvloop

from bench.child import LONGEST_LINE
from chassis import telemetry

Listen = Callable[[], Awaitable[Any]]


def say(what: Any) -> None:
    """One line to the parent."""
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def run(program: Callable[[dict[str, Any], Listen], Awaitable[None]]) -> None:
    """Run a program on uvloop, as services run, until it returns or is told to end."""
    # Like a service at its usual level, but without lines among the answers.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    telemetry.configure("bench")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_connected(program))


def settle() -> None:
    """What a service does when it has started: what is there now stays."""
    gc.collect()
    gc.freeze()


async def _connected(program: Callable[[dict[str, Any], Listen], Awaitable[None]]) -> None:
    reader = asyncio.StreamReader(limit=LONGEST_LINE)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)

    async def listen() -> Any:
        line = await reader.readline()
        if not line:
            sys.exit(0)
        return json.loads(line)

    await program(await listen(), listen)
