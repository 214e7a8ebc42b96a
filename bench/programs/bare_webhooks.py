"""The least that could take a notification: ASGI in, the signature checked, one row kept.

No account to find, no time to check, no cutting down, nothing that follows: it keeps the body.
"""

import hashlib
import hmac
import json
from typing import Any

import asyncpg

from bench.programs.serving import serve_until_told
from bench.programs.talk import Listen, run

_KEEP = "INSERT INTO kept (id, body) VALUES ($1, $2) ON CONFLICT DO NOTHING"
_BODY = b'{"received":true}'
_HEADERS = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(_BODY))]


async def serve(arguments: dict[str, Any], listen: Listen) -> None:
    """`database`: where the service keeps its own, for a table that is gone afterwards."""
    secret = arguments["secret"].encode()

    async def keep(connection: asyncpg.Connection) -> None:
        """asyncpg's own pool would reset each connection, in one more round trip."""

    pool = await asyncpg.create_pool(
        arguments["database"],
        min_size=5,
        max_size=5,
        reset=keep,
        server_settings={"jit": "off", "search_path": "messaging"},
    )
    await pool.execute("DROP TABLE IF EXISTS kept")
    await pool.execute("CREATE TABLE kept (id text PRIMARY KEY, body text NOT NULL)")

    async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
        body = b""
        while True:
            part = await receive()
            body += part.get("body", b"")
            if not part.get("more_body"):
                break
        at, _, mac = dict(scope["headers"])[b"stripe-signature"].partition(b",")
        signed = at.removeprefix(b"t=") + b"." + body
        made = hmac.new(secret, signed, hashlib.sha256).hexdigest().encode()
        proven = hmac.compare_digest(made, mac.removeprefix(b"v1="))
        if proven:
            await pool.execute(_KEEP, json.loads(body)["id"], body.decode())
        status = 200 if proven else 401
        await send({"type": "http.response.start", "status": status, "headers": _HEADERS})
        await send({"type": "http.response.body", "body": _BODY})

    await serve_until_told(app, arguments["port"], listen)
    await pool.execute("DROP TABLE kept")
    await pool.close()


if __name__ == "__main__":
    run(serve)
