"""PayPal as a payer's browser, its owner and the outside of the world see it."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import aiohttp
from payments_world import Booking, World, at_rest, hurry

from payments.timers import LastLookDue, last_look_key_of


@dataclass
class PayPal:
    """The sandbox, and one organisation's account there."""

    url: str
    http: aiohttp.ClientSession
    client_id: str
    secret: str = ""
    webhook_id: str = ""
    listener: dict[str, Any] = field(default_factory=dict)

    async def call(self, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        async with self.http.request(method, self.url + path, json=body) as answer:
            said = await answer.json()
            assert answer.status == status, (path, answer.status, said)
            return said

    async def control(self, path: str, body: Any = None) -> Any:
        return await self.call("POST", f"/_sandbox/{path}", body)

    async def reset(self) -> None:
        await self.call("DELETE", "/_sandbox/faults")
        await self.control("webhooks/resume")

    async def api(self, method: str, path: str, body: Any = None) -> Any:
        """PayPal's own API, by the same account and another program than ours."""
        login = aiohttp.encode_basic_auth(self.client_id, self.secret)
        async with self.http.post(
            f"{self.url}/v1/oauth2/token",
            data={"grant_type": "client_credentials"},
            headers={"Authorization": login},
        ) as answer:
            token = (await answer.json())["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        async with self.http.request(method, self.url + path, json=body, headers=headers) as answer:
            assert answer.ok, await answer.text()
            return await answer.json()

    async def lose_webhooks(self) -> None:
        """Whatever happens at PayPal from now on, nobody is told of it."""
        await self.call("PUT", "/_sandbox/webhooks", {**self.listener, "event_types": ["NONE"]})

    async def hear_webhooks(self) -> None:
        await self.call("PUT", "/_sandbox/webhooks", self.listener)

    async def order(self, ref: str) -> Any:
        return await self.call("GET", f"/_sandbox/orders/{ref}")

    async def captures(self, ref: str) -> list[Any]:
        [unit] = (await self.order(ref))["purchase_units"]
        return list(unit.get("payments", {}).get("captures", []))

    async def refunds(self, ref: str) -> list[Any]:
        [unit] = (await self.order(ref))["purchase_units"]
        return list(unit.get("payments", {}).get("refunds", []))

    async def approve(self, payment: dict[str, Any], choice: str = "pay") -> None:
        """What the payer presses on the page that the redirect leads to."""
        async with self.http.post(
            payment["redirect_url"], data={"choice": choice}, allow_redirects=False
        ) as page:
            assert page.status in {200, 303}, await page.text()

    async def fault(self, **trouble: Any) -> None:
        await self.control("faults", trouble)

    async def deliver(self, ref: str, **how: Any) -> list[str]:
        """Every event about an order again; what each was answered with."""
        sent = await self.control("events/deliver", {"order": ref, **how})
        return [one["answer"] for one in sent["attempts"]]

    async def requests(self, method: str, end: str) -> list[Any]:
        seen = await self.call("GET", "/_sandbox/requests")
        return [one for one in seen if one["method"] == method and one["path"].endswith(end)]

    async def state(self) -> dict[str, Any]:
        return dict(await self.call("GET", "/_sandbox/state"))


@dataclass
class PayPalWorld:
    """The service, one organisation with a PayPal account, and the sandbox."""

    world: World
    paypal: PayPal
    account_id: str

    async def quiet(self) -> None:
        """Wait until no outside call is to be made now, and PayPal has nothing to deliver."""
        await at_rest(self.world, self.paypal)

    async def hurry(self) -> None:
        """Make waiting calls due, once those under way are over."""
        await hurry(self.world, self.quiet)

    def booking(self, **held: Any) -> Booking:
        return self.world.booking(
            **{"payment_methods": ("paypal",), "payment_method": "paypal", **held}
        )

    async def ready(self, **held: Any) -> tuple[Booking, dict[str, Any]]:
        """Held, and an order made for it."""
        booking = self.booking(**held)
        await self.world.hand(booking.hold())
        await self.quiet()
        payment = await self.world.payment(booking.id)
        assert payment["status"] == "ready", payment
        return booking, payment

    async def paid(self, **held: Any) -> tuple[Booking, dict[str, Any], str]:
        """Approved, captured, and known to be."""
        booking, payment = await self.ready(**held)
        await self.paypal.approve(payment)
        await booking.becomes("succeeded")
        await self.quiet()
        return booking, payment, await booking.ref()

    async def last_look(self, payment_id: str) -> tuple[datetime, LastLookDue]:
        """When a payment is to be looked at once more, and the timer that says so."""
        async with self.world.db.transaction(None) as tx:
            row = await tx.fetchrow(
                "SELECT due_at, payload FROM messaging.outbox WHERE timer_key = $1",
                last_look_key_of(UUID(payment_id)),
            )
        assert row is not None
        return row["due_at"], LastLookDue.model_validate_json(row["payload"])

    async def came_back(self, booking_id: UUID) -> int:
        from chassis.auth import Principal

        holder = Principal("manage", "guest", self.world.org_id, booking_id=booking_id)
        status, _ = await self.world.request(
            "POST", f"/bookings/{booking_id}/payment/return", holder
        )
        return status

    async def logged(self) -> list[dict[str, Any]]:
        async with self.world.db.transaction(None) as tx:
            rows = await tx.fetch(
                "SELECT * FROM messaging.provider_events WHERE account_id = $1", self.account_id
            )
        return [dict(row) for row in rows]

    async def deliveries(self) -> list[dict[str, Any]]:
        """Every delivery that was taken, of whatever event."""
        async with self.world.db.transaction(None) as tx:
            rows = await tx.fetch(
                "SELECT * FROM messaging.provider_deliveries WHERE account_id = $1",
                self.account_id,
            )
        return [dict(row) for row in rows]


async def connect(world: World, url: str) -> PayPalWorld:
    """An organisation of its own with a PayPal account of its own, as its staff connect it."""
    own = world.of_another_organisation()
    client_id, secret = f"client-{uuid4().hex}", f"secret-{uuid4().hex}"
    manager = own.staff("payments:manage")
    status, account = await own.request(
        "POST",
        "/payment-accounts",
        manager,
        {"provider": "paypal", "publishable_key": client_id, "secret_key": secret},
    )
    assert status == 201, account
    webhook_id = "WH" + uuid4().hex[:15].upper()
    listener = {
        "client_id": client_id,
        "url": own.url + account["webhook_path"],
        "webhook_id": webhook_id,
        "event_types": [*account["webhook_events"], "CHECKOUT.ORDER.COMPLETED"],
    }
    paypal = PayPal(url, own.http, client_id, secret, webhook_id, listener)
    await paypal.hear_webhooks()
    path = f"/payment-accounts/{account['id']}/webhook-secret"
    status, problem = await own.request("POST", path, manager, {"secret": paypal.webhook_id})
    assert status == 200, problem
    return PayPalWorld(replace(own), paypal, account["id"])


def at_paypal(url: str, state: Path) -> dict[str, Any]:
    """The settings of a service whose PayPal is a sandbox."""
    return {
        "PAYPAL_API_BASE": url,
        "PAYPAL_CERT_HOSTS": url.removeprefix("http://"),
        "PAYPAL_CERT_CA": state / "ca.pem",
    }
