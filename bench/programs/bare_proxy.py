"""The least a gateway can be: ASGI in, aiohttp out. No checks, no limits, no credentials."""

import asyncio
from typing import Any

import aiohttp
import uvicorn

from bench.programs.talk import Listen, run, say


async def proxy(arguments: dict[str, Any], listen: Listen) -> None:
    session = aiohttp.ClientSession(
        arguments["to"],
        connector=aiohttp.TCPConnector(limit=256),
        cookie_jar=aiohttp.DummyCookieJar(),
    )

    async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
        body = b""
        while True:
            event = await receive()
            body += event.get("body", b"")
            if not event.get("more_body"):
                break
        headers = {"Content-Type": "application/json"}
        async with session.request(
            scope["method"], scope["path"], data=body, headers=headers
        ) as reply:
            content = await reply.read()
        await send(
            {
                "type": "http.response.start",
                "status": reply.status,
                "headers": [
                    (b"content-type", b"application/json"),
                    (b"content-length", b"%d" % len(content)),
                ],
            }
        )
        await send({"type": "http.response.body", "body": content})

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
    say("ready")
    await listen()
    server.should_exit = True
    await serving
    await session.close()


if __name__ == "__main__":
    run(proxy)
