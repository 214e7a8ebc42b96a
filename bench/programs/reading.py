"""Readers: GETs of given addresses over kept connections, the next when the last was answered."""

import asyncio
import time
from collections.abc import Iterator
from typing import Any

from bench.programs.http import Connection
from bench.programs.load import Seen
from bench.programs.talk import Listen, run, say, settle


async def readers(arguments: dict[str, Any], listen: Listen) -> None:  # noqa: ARG001
    """An order names `base`, `paths`, `headers`, `connections` and how many `reads` in all."""
    say("ready")
    while (order := await listen()) is not None:
        seen, paths = Seen(), order["paths"]
        turns = iter(paths[number % len(paths)] for number in range(order["reads"]))
        connections = [await Connection.open(order["base"]) for _ in range(order["connections"])]

        async def reader(
            connection: Connection,
            headers: str = order["headers"],
            turns: Iterator[str] = turns,
            seen: Seen = seen,
        ) -> None:
            for path in turns:
                began = time.perf_counter()
                status, _, again = await connection.insist("GET", path, headers)
                seen.latencies.append(time.perf_counter() - began)
                seen.statuses[status] += 1
                seen.repeated += again

        settle()
        began = time.perf_counter()
        await asyncio.gather(*map(reader, connections))
        seconds = time.perf_counter() - began
        for connection in connections:
            connection.close()
        say({"seconds": seconds, **vars(seen)})


if __name__ == "__main__":
    run(readers)
