"""The worker as a process of its own, which may be told where to die."""

import asyncio
import base64
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from payments_world import World, settings_for

from chassis.testing import Vhost


async def worker(
    world: World,
    vhost: Vhost,
    failpoint: str | None,
    *,
    says: Path | None = None,
    **others: Any,
) -> asyncio.subprocess.Process:
    """Start one, and let what it says be added to a file; `others` are settings."""
    settings = settings_for(
        world.urls.url,
        world.stripe.url,
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        AMQP_URL=vhost.amqp_url,
        STRIPE_SECRET_KEY=world.stripe.key,
        INTERNAL_PORT=0,
        **others,
        **({"HOLDFAST_FAILPOINT": failpoint} if failpoint else {}),
    )
    with (says or Path(os.devnull)).open("ab") as output:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "payments",
            "worker",
            env={**os.environ, **{name: _text(value) for name, value in settings.items()}},
            stdout=output,
            stderr=output,
        )


async def killed(world: World, vhost: Vhost, failpoint: str, **others: Any) -> None:
    """See one die there; what it had claimed is due at once, as it would be after a minute."""
    doomed = await worker(world, vhost, failpoint, **others)
    assert await asyncio.wait_for(doomed.wait(), 120) == -signal.SIGKILL
    async with world.db.transaction(None) as tx:
        await tx.execute(
            "UPDATE messaging.intents SET claim = NULL, next_at = now() WHERE claim IS NOT NULL"
        )


@asynccontextmanager
async def working(world: World, vhost: Vhost, **others: Any) -> AsyncIterator[None]:
    """One that nobody kills, drained on leaving."""
    healthy = await worker(world, vhost, None, **others)
    try:
        yield
    finally:
        healthy.terminate()
        await asyncio.wait_for(healthy.wait(), 120)


def _text(value: Any) -> str:
    if not isinstance(value, dict):
        return str(value)
    return json.dumps(
        {
            kid: key if isinstance(key, str) else base64.b64encode(key).decode()
            for kid, key in value.items()
        }
    )
