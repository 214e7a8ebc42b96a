"""Comparing with a provider, as staff do."""

from typing import Any

from payments_world import PATIENCE, World

from chassis.testing import eventually

MANAGER = "payments:manage"


async def reconcile(
    world: World, window: dict[str, str] | None = None, *, error: str | None = None
) -> dict[str, Any]:
    """Compare as staff do, and wait for the end of it and of what follows from it.

    ``error``: what it is to say that it could not compare.
    """
    staff = world.staff(MANAGER)
    status, started = await world.request("POST", "/reconciliations", staff, window or {})
    assert status == 202, started
    [run] = started["reconciliations"]

    async def over() -> dict[str, Any] | None:
        _, found = await world.request("GET", f"/reconciliations/{run['id']}", staff)
        return dict(found) if found["finished_at"] else None

    found: dict[str, Any] = await eventually(over, timeout=PATIENCE, what="the comparison is over")
    assert found["error"] == error
    await world.quiet()
    return found


def kinds(report: dict[str, Any]) -> list[str]:
    return sorted(one["kind"] for one in report["details"])


async def lose_webhooks(world: World) -> None:
    """Whatever happens at Stripe from now on, nobody is told of it."""
    page = await world.stripe.call("GET", "/v1/webhook_endpoints")
    for endpoint in page["data"]:
        await world.stripe.call(
            "POST", f"/v1/webhook_endpoints/{endpoint['id']}", form={"disabled": "true"}
        )


async def hear_webhooks(world: World) -> None:
    """From now on it is told again."""
    page = await world.stripe.call("GET", "/v1/webhook_endpoints")
    for endpoint in page["data"]:
        await world.stripe.call(
            "POST", f"/v1/webhook_endpoints/{endpoint['id']}", form={"disabled": "false"}
        )
