"""Events of our own making, signed or not, sent as a stranger would."""

import json
import time
from typing import Any
from uuid import uuid4

import stripe as package
from payments_world import PLATFORM_SECRET, World


def event(kind: str = "payment_intent.succeeded", **thing: Any) -> bytes:
    return json.dumps(
        {
            "id": f"evt_{uuid4().hex}",
            "object": "event",
            "type": kind,
            "created": int(time.time()),
            "api_version": "2026-10-28.endive",
            "data": {"object": {"id": "pi_unknown", "object": "payment_intent", **thing}},
        }
    ).encode()


def signed(body: bytes, secret: str = PLATFORM_SECRET, at: int | None = None) -> str:
    return str(package.WebhookSignature.generate_signature_header(body.decode(), secret, at))


async def post(
    world: World, body: bytes, signature: str | bytes | None, account: str = "platform"
) -> tuple[int, Any]:
    headers = {} if signature is None else {"Stripe-Signature": signature}
    async with world.http.post(
        f"{world.url}/webhooks/stripe/{account}", data=body, headers=headers
    ) as answer:
        return answer.status, await answer.json()
