"""The worker as a process of its own, which may be told where to die."""

import asyncio
import base64
import json
import os
import sys
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
        INTENT_LEASE_SECONDS=2,
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


def _text(value: Any) -> str:
    if not isinstance(value, dict):
        return str(value)
    return json.dumps(
        {
            kid: key if isinstance(key, str) else base64.b64encode(key).decode()
            for kid, key in value.items()
        }
    )
