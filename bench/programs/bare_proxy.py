"""The least a gateway can be: ASGI in, aiohttp out. No checks, no limits, no credentials."""

from typing import Any

import aiohttp

from bench.programs.serving import serve_until_told
from bench.programs.talk import Listen, run


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

    await serve_until_told(app, arguments["port"], listen)
    await session.close()


if __name__ == "__main__":
    run(proxy)
