"""The least that could answer what is left of a session: ASGI in, one query on a pool, JSON out.

No checks of the caller, no logs, metrics or traces, no tags; each request asks by itself.
"""

from typing import Any

import asyncpg
import orjson

from bench.programs.serving import serve_until_told
from bench.programs.talk import Listen, run

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

    await serve_until_told(app, arguments["port"], listen)
    await pool.close()


if __name__ == "__main__":
    run(serve)
