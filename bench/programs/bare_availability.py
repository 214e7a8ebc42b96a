"""The least that could answer what is left of a session: ASGI in, one query on a pool, JSON out.

No checks of the caller, no logs, metrics or traces, no tags; each request asks by itself.
"""

import asyncio
from typing import Any

import asyncpg
import orjson
import uvicorn

from bench.programs.talk import Listen, run, say, settle

_ASK = "SELECT * FROM availability(ARRAY[$1::uuid])"


async def serve(arguments: dict[str, Any], listen: Listen) -> None:
    async def keep(connection: asyncpg.Connection) -> None:
        """asyncpg's own pool would reset each connection, in one more round trip."""

    pool = await asyncpg.create_pool(
        arguments["database"], min_size=5, max_size=5, reset=keep, server_settings={"jit": "off"}
    )

    async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:  # noqa: ARG001
        async with pool.acquire() as connection:
            row = await connection.fetchrow(_ASK, scope["path"].split("/")[2])
        tables = orjson.Fragment(row["tables"] or "[]")
        shown = {**row, "session_id": str(row["session_id"]), "tables": tables}
        body = orjson.dumps(shown)
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(body)),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    server = uvicorn.Server(
        uvicorn.Config(
            app,
            port=arguments["port"],
            http="httptools",
            ws="none",
            lifespan="off",
            log_level="error",
            access_log=False,
        )
    )
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    settle()
    say("ready")
    await listen()
    server.should_exit = True
    await serving
    await pool.close()


if __name__ == "__main__":
    run(serve)
