"""How every bare side serves: as uvicorn does for ours, without anything around it."""

import asyncio
from typing import Any

import uvicorn

from bench.programs.talk import Listen, say, settle

_KEEP_ALIVE_SECONDS = 75  # as long as ours: a client may write while a shorter one is being closed


async def serve_until_told(app: Any, port: int, listen: Listen, ready: object = "ready") -> None:
    """Serve, say that it is `ready`, and stop at the next word from the bench."""
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            port=port,
            http="httptools",
            ws="none",
            lifespan="off",
            log_level="error",
            access_log=False,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        )
    )
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    settle()
    say(ready)
    await listen()
    server.should_exit = True
    await serving
