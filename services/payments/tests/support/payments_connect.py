"""Organisations that are paid through the platform's own account."""

from dataclasses import dataclass
from typing import Any

from payments_world import PATIENCE, World

from chassis.auth import Principal
from chassis.testing import eventually

OPERATOR = Principal("operator", "op")
BACK = {"return_url": "https://venue.example/payments"}


@dataclass
class Business:
    """The organisation of a world, on its way to being connected."""

    world: World

    async def ask(
        self, method: str, path: str, body: Any = None, *, by: Principal | None = None
    ) -> tuple[int, Any]:
        return await self.world.request(
            method, path, by or self.world.staff("payments:manage"), body
        )

    async def connect(self, country: str = "US") -> dict[str, Any]:
        status, body = await self.ask("POST", "/payment-accounts/connect", {"country": country})
        assert status in {200, 202}, body
        return dict(body)

    async def seen(self) -> dict[str, Any]:
        [row] = await self.world.rows("SELECT id FROM connections")
        status, body = await self.ask("GET", f"/payment-accounts/{row['id']}/connection")
        assert status == 200, body
        return dict(body)

    async def becomes(self, standing: str) -> dict[str, Any]:
        async def reached() -> dict[str, Any] | None:
            found = await self.seen()
            return found if found["standing"] == standing else None

        found: dict[str, Any] = await eventually(reached, timeout=PATIENCE, what=f"is {standing}")
        return found

    async def ref(self) -> str:
        [row] = await self.world.rows("SELECT provider_ref FROM connections")
        return str(row["provider_ref"])

    async def happens(self, what: str) -> None:
        """At Stripe: `onboard`, `restrict` or `leave`."""
        ref = await self.ref()
        await self.world.stripe.call("POST", f"/_sandbox/accounts/{ref}/{what}")

    async def ready(self) -> str:
        """Connected and onboarded; what Stripe calls it."""
        await self.connect()
        await self.becomes("onboarding")
        await self.world.quiet()
        await self.happens("onboard")
        await self.becomes("ready")
        return await self.ref()

    async def fee(self, percent: str) -> None:
        path = f"/organisations/{self.world.org_id}/platform-fee"
        status, body = await self.ask("PATCH", path, {"percent": percent}, by=OPERATOR)
        assert status == 200, body

    async def at_stripe(self) -> list[Any]:
        """All accounts that Stripe made for it."""
        page = await self.world.stripe.call("GET", "/v1/accounts?limit=100")
        return [one for one in page["data"] if one["metadata"]["org_id"] == str(self.world.org_id)]

    async def charge(self, intent: str) -> Any:
        """A PaymentIntent's charge with what became of its money."""
        found = await self.world.stripe.call("GET", f"/v1/payment_intents/{intent}")
        return await self.world.stripe.call(
            "GET",
            f"/v1/charges/{found['latest_charge']}?expand[]=transfer&expand[]=application_fee",
        )
