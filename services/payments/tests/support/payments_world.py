"""What the tests of payments act through: messages in, messages out, Stripe and the clock."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, TypeVar
from uuid import UUID, uuid4

import aiohttp

from chassis.auth import HEADER, Principal, TokenMinter, new_key_pair
from chassis.auth import decode_key as raw_key
from chassis.clock import advance
from chassis.db import Database, Transaction
from chassis.http import create_app
from chassis.ids import uuid7
from chassis.intents import Intents
from chassis.messaging import Meta
from chassis.sealing import Sealer
from chassis.service import Service
from chassis.serving import serve
from chassis.settings import load
from chassis.testing import DatabaseUrls, connected, eventually
from contracts import Contact, Message, Money
from contracts.booking import (
    BookingCancelled,
    BookingExpired,
    BookingHeld,
    BookingPaymentFailed,
    BookingRefundDue,
    BookingUnfulfillable,
    RefundGoal,
)
from contracts.changes import BookingChangeExpired, BookingChangeHeld
from contracts.testing import EXAMPLE_CONTACT_KEYS, example
from payments.app import build
from payments.settings import Settings

M = TypeVar("M", bound=Message)

# Seconds: a call that nobody could write down is claimed for a minute, and then made again.
PATIENCE = 180

PLATFORM_SECRET = "whsec_platformsecret"
CONNECT_SECRET = "whsec_connectsecret"
CARDS = {
    "good": "pm_card_visa",
    "declined": "pm_card_visa_chargeDeclined",
    "poor": "pm_card_visa_chargeDeclinedInsufficientFunds",
    "expired": "pm_card_chargeDeclinedExpiredCard",
    "lost": "pm_card_visa_chargeDeclinedLostCard",
    "stolen": "pm_card_visa_chargeDeclinedStolenCard",
    "blocked": "pm_card_radarBlock",
    "too often": "pm_card_visa_chargeDeclinedVelocityLimitExceeded",
    "wrong cvc": "pm_card_chargeDeclinedIncorrectCvc",
    "broken": "pm_card_chargeDeclinedProcessingError",
    "asks": "pm_card_authenticationRequired",
}


@dataclass
class Stripe:
    """The sandbox, as a customer's browser, as its owner, and as the outside of the world."""

    url: str
    http: aiohttp.ClientSession
    key: str

    async def call(
        self, method: str, path: str, body: Any = None, form: Any = None, key: str | None = None
    ) -> Any:
        headers = {"Authorization": f"Bearer {key or self.key}"}
        async with self.http.request(
            method, self.url + path, json=body, data=form, headers=headers
        ) as answer:
            return await answer.json()

    async def reset(self) -> None:
        await self.call("DELETE", "/_sandbox/faults")
        await self.call("POST", "/_sandbox/webhooks/resume")

    async def intent(self, ref: str) -> Any:
        return await self.call("GET", f"/v1/payment_intents/{ref}")

    async def intents_of(self, booking_id: UUID) -> list[Any]:
        page = await self.call("GET", "/v1/payment_intents?limit=100")
        return [one for one in page["data"] if one["metadata"]["booking_id"] == str(booking_id)]

    async def refunds_of(self, ref: str) -> list[Any]:
        page = await self.call("GET", f"/v1/refunds?payment_intent={ref}&limit=100")
        return list(page["data"])

    async def pay(self, payment: dict[str, Any], card: str = "good") -> Any:
        """What Stripe.js does, with the client secret and the publishable key only."""
        secret = payment["client_secret"]
        ref = secret.partition("_secret_")[0]
        return await self.call(
            "POST",
            f"/v1/payment_intents/{ref}/confirm",
            form={
                "client_secret": secret,
                "payment_method": CARDS[card],
                "return_url": "https://venue.example/",
            },
            key=payment["publishable_key"],
        )

    async def checkout(self, session: str) -> Any:
        return await self.call("GET", f"/v1/checkout/sessions/{session}?expand[]=payment_intent")

    async def sessions_of(self, booking_id: UUID) -> list[Any]:
        page = await self.call("GET", "/v1/checkout/sessions?limit=100")
        return [one for one in page["data"] if one["metadata"]["booking_id"] == str(booking_id)]

    async def at_checkout(self, session: str, verb: str, **said: Any) -> Any:
        """What the customer, their bank or the time does to a Checkout Session."""
        return await self.call("POST", f"/_sandbox/checkout/sessions/{session}/{verb}", said)

    async def authenticate(self, ref: str, *, approve: bool) -> None:
        await self.call(
            "POST", f"/_sandbox/payment_intents/{ref}/authenticate", {"approve": approve}
        )

    async def fault(self, **trouble: Any) -> None:
        await self.call("POST", "/_sandbox/faults", trouble)

    async def forget_keys(self) -> None:
        await self.call("POST", "/_sandbox/idempotency/forget")

    async def pause(self) -> None:
        await self.call("POST", "/_sandbox/webhooks/pause")

    async def resume(self) -> None:
        await self.call("POST", "/_sandbox/webhooks/resume")

    async def deliver(self, ref: str, count: int) -> None:
        """Every event about a payment, `count` times each, in random order."""
        await self.call(
            "POST",
            "/_sandbox/events/deliver",
            {"payment_intent": ref, "count": count, "shuffle": True},
        )

    async def requests(self, method: str, path: str) -> list[Any]:
        seen = await self.call("GET", "/_sandbox/requests")
        return [one for one in seen if one["method"] == method and one["path"] == path]

    async def state(self) -> dict[str, Any]:
        return dict(await self.call("GET", "/_sandbox/state"))


class Provider(Protocol):
    """A sandbox that tells what it has delivered."""

    async def state(self) -> dict[str, Any]: ...


@dataclass
class World:
    """One payments service and one organisation that uses it."""

    service: Service
    db: Database
    urls: DatabaseUrls
    url: str
    http: aiohttp.ClientSession
    stripe: Stripe
    minter: TokenMinter
    org_id: UUID = field(default_factory=uuid4)

    def of_another_organisation(self) -> "World":
        return replace(self, org_id=uuid4())

    # Messages

    async def hand(self, message: Message, *, sequence: int = 1) -> None:
        """Hand a message to its handler as the worker would: one transaction."""
        meta = self._meta(message, sequence)
        await self.db.run(self.org_id, lambda tx: self._handle(tx, message, meta), cause=meta)

    async def handed(self, tx: Transaction, message: Message) -> None:
        """The same within a transaction, which may then be undone."""
        await self._handle(tx, message, self._meta(message, 1))

    async def _handle(self, tx: Transaction, message: Message, meta: Meta) -> None:
        assert self.service.handlers is not None
        found = self.service.handlers.find(message.TYPE)
        assert found is not None, message.TYPE
        await found[1](tx, message, meta)

    def _meta(self, message: Message, sequence: int) -> Meta:
        return Meta(
            message_id=uuid7(),
            type=message.TYPE,
            org_id=self.org_id,
            key=str(getattr(message, "booking_id", "")),
            sequence=sequence,
            time=datetime.now(UTC),
            attempt=1,
            traceparent=None,
        )

    def booking(self, **held: Any) -> "Booking":
        return Booking(self, held=held)

    async def told(self, booking_id: UUID) -> list[dict[str, Any]]:
        """What was published about a booking, in order: type, sequence and body."""
        async with self.db.transaction(None) as tx:
            rows = await tx.fetch(
                "SELECT type, sequence, payload FROM messaging.outbox "
                "WHERE ordering_key = $1 AND due_at IS NULL ORDER BY position",
                str(booking_id),
            )
        return [
            {"type": row["type"], "sequence": row["sequence"], **json.loads(row["payload"])}
            for row in rows
        ]

    # Database

    async def rows(self, sql: str, *args: object) -> list[dict[str, Any]]:
        async with self.db.transaction(self.org_id) as tx:
            return [dict(row) for row in await tx.fetch(sql, *args)]

    async def amounts_of(self, booking: "Booking") -> list[int]:
        """What went back or is on its way, refund by refund, oldest first."""
        rows = await self.rows(
            "SELECT amount_minor FROM refunds WHERE booking_id = $1 AND status <> 'failed' "
            "ORDER BY id",
            booking.id,
        )
        return [row["amount_minor"] for row in rows]

    async def advance(self, **time: float) -> None:
        """Move the service's clock. Nothing moves it back, so use it last in a test."""
        connection = await self.db.connect()
        try:
            seconds = timedelta(**time).total_seconds()
            await advance(connection, seconds, environment="test")
        finally:
            await connection.close()

    # Worker

    async def quiet(self) -> None:
        """Wait until no outside call is to be made now, and Stripe has nothing to deliver."""
        await at_rest(self, self.stripe)

    async def uncalled(self) -> int:
        """How many outside calls are under way or due."""
        async with self.db.transaction(None) as tx:
            return int(
                await tx.fetchval(
                    "SELECT count(*) FROM messaging.intents WHERE state = 'pending' "
                    "AND (claim IS NOT NULL OR next_at <= now())"
                )
            )

    async def hurry(self) -> None:
        """Make waiting calls due, once those under way are over."""
        await hurry(self, self.quiet)

    # HTTP

    async def request(
        self,
        method: str,
        path: str,
        principal: Principal,
        body: Any = None,
        *,
        key: str | None = None,
    ) -> tuple[int, Any]:
        headers = {HEADER: self.minter.mint(principal, "payments")}
        if key is not None:
            headers["Idempotency-Key"] = key
        async with self.http.request(method, self.url + path, json=body, headers=headers) as answer:
            return answer.status, await answer.json()

    async def gives_back(self, payment_id: str, amount: int) -> None:
        """Staff give so much of a payment back."""
        token = self.minter.mint(self.staff("payments:refund"), "payments")
        async with self.http.post(
            f"{self.url}/payments/{payment_id}/refunds",
            json={"amount": {"amount_minor": amount}, "reason": "A test"},
            headers={HEADER: token, "Idempotency-Key": uuid4().hex},
        ) as answer:
            assert answer.status == 201, await answer.text()

    def staff(self, *permissions: str) -> Principal:
        return Principal("key", "key-1", self.org_id, frozenset(permissions))

    async def payment(self, booking_id: UUID, change_id: UUID | None = None) -> dict[str, Any]:
        """What the holder of the booking's manage token sees."""
        holder = Principal("manage", "guest", self.org_id, booking_id=booking_id)
        query = f"?change_id={change_id}" if change_id else ""
        status, body = await self.request("GET", f"/bookings/{booking_id}/payment{query}", holder)
        assert status == 200, body
        return dict(body)


@dataclass
class Booking:
    """One booking, as the booking service tells of it."""

    world: World
    held: dict[str, Any] = field(default_factory=dict)
    id: UUID = field(default_factory=uuid4)

    def hold(self) -> BookingHeld:
        contact = Contact(
            given="Test",
            family="Guest",
            display="Test Guest",
            email="guest@example.com",
            phone="+447700900123",
        )
        usual = {
            "expires_at": datetime.now(UTC) + timedelta(minutes=15),
            "contact": Sealer(EXAMPLE_CONTACT_KEYS).seal(contact.model_dump()),
        }
        return self._like(example(BookingHeld), **{**usual, **self.held})

    def expired(self) -> BookingExpired:
        return self._like(example(BookingExpired))

    def cancelled(self, refund: int = 0, *, goal: RefundGoal | None = None) -> BookingCancelled:
        return self._like(example(BookingCancelled), refund=gbp(refund), refund_goal=goal)

    def payment_failed(self, *, final: bool) -> BookingPaymentFailed:
        return self._like(example(BookingPaymentFailed), final=final)

    def unfulfillable(self, payment_id: str, refund: int = 5000) -> BookingUnfulfillable:
        return self._like(
            example(BookingUnfulfillable), payment_id=UUID(payment_id), refund=gbp(refund)
        )

    def refund_due(
        self,
        payment_id: str | None,
        cause: str,
        refund: Money,
        change_id: UUID | None = None,
        *,
        goal: RefundGoal | None = None,
    ) -> BookingRefundDue:
        return self._like(
            example(BookingRefundDue),
            payment_id=UUID(payment_id) if payment_id else None,
            refund=refund,
            cause=cause,
            change_id=change_id,
            refund_goal=goal,
        )

    def change(self, amount: int = 1500, **held: Any) -> "Change":
        return Change(self, amount, held)

    def _like(self, golden: M, **changes: Any) -> M:
        ids = {"booking_id": self.id, "org_id": self.world.org_id}
        return golden.model_copy(update={**ids, **changes})

    async def ready(self) -> dict[str, Any]:
        """Held, and prepared at Stripe: the payment as the customer sees it."""
        await self.world.hand(self.hold())
        await self.world.quiet()
        payment = await self.world.payment(self.id)
        assert payment["status"] == "ready", payment
        return payment

    async def paid(self) -> dict[str, Any]:
        payment = await self.ready()
        await self.world.stripe.pay(payment)
        await self.becomes("succeeded")
        await self.world.quiet()
        return payment

    async def becomes(self, status: str) -> dict[str, Any]:
        async def seen() -> dict[str, Any] | None:
            found = await self.world.payment(self.id)
            return found if found["status"] == status else None

        found: dict[str, Any] = await eventually(
            seen, timeout=PATIENCE, what=f"payment is {status}"
        )
        return found

    async def told(self) -> list[dict[str, Any]]:
        return await self.world.told(self.id)

    async def told_types(self) -> list[str]:
        return [one["type"].removesuffix(".v1") for one in await self.told()]

    async def ref(self, change_id: UUID | None = None) -> str:
        rows = await self.world.rows(
            "SELECT provider_ref FROM payments "
            "WHERE booking_id = $1 AND change_id IS NOT DISTINCT FROM $2",
            self.id,
            change_id,
        )
        return str(rows[0]["provider_ref"])


@dataclass
class Change:
    """A dearer new time for a booking, as the booking service tells of it."""

    booking: Booking
    amount: int
    changes: dict[str, Any]
    id: UUID = field(default_factory=uuid4)

    def held(self) -> BookingChangeHeld:
        usual = {
            "change_id": self.id,
            "amount_due": gbp(self.amount),
            "expires_at": datetime.now(UTC) + timedelta(minutes=15),
            "contact": self.booking.hold().contact,
        }
        return self.booking._like(example(BookingChangeHeld), **{**usual, **self.changes})

    def expired(self) -> BookingChangeExpired:
        return self.booking._like(example(BookingChangeExpired), change_id=self.id)

    async def ready(self) -> dict[str, Any]:
        await self.booking.world.hand(self.held())
        await self.booking.world.quiet()
        payment = await self.seen()
        assert payment["status"] == "ready", payment
        return payment

    async def seen(self) -> dict[str, Any]:
        return await self.booking.world.payment(self.booking.id, self.id)

    async def becomes(self, status: str) -> dict[str, Any]:
        async def reached() -> dict[str, Any] | None:
            found = await self.seen()
            return found if found["status"] == status else None

        found: dict[str, Any] = await eventually(
            reached, timeout=PATIENCE, what=f"change is {status}"
        )
        return found

    async def paid(self) -> dict[str, Any]:
        payment = await self.ready()
        await self.booking.world.stripe.pay(payment)
        await self.becomes("succeeded")
        await self.booking.world.quiet()
        return payment

    async def ref(self) -> str:
        return await self.booking.ref(self.id)

    async def told(self) -> list[dict[str, Any]]:
        """What was published about this change's payment."""
        return [one for one in await self.booking.told() if one["change_id"] == str(self.id)]

    async def told_types(self) -> list[str]:
        return [one["type"].removesuffix(".v1") for one in await self.told()]


def gbp(amount: int) -> Money:
    return Money(amount_minor=amount, currency="GBP")


def goal(total: int, payments: Collection[str], *, for_changes: bool = False) -> RefundGoal:
    """So much is to be back of these payments in the end."""
    ids = tuple(UUID(payment) for payment in payments)
    return RefundGoal(total=gbp(total), payment_ids=ids, for_changes=for_changes)


async def at_rest(world: World, provider: Provider) -> None:
    """Wait until no outside call is to be made now, and a provider has nothing to deliver."""

    async def deliveries() -> dict[str, int]:
        state = await provider.state()
        found = dict(state["deliveries"])
        if state["webhooks"] == "paused":
            found.pop("pending", None)
        return found

    async def done() -> bool:
        # A delivery makes a call and a call makes deliveries: none of either, and none meanwhile.
        before = await deliveries()
        left = before.get("pending") or await world.uncalled()
        return not left and await deliveries() == before

    await eventually(done, timeout=PATIENCE, what="no outside call is left to make")


async def hurry(world: World, quiet: Callable[[], Awaitable[None]]) -> None:
    """Make waiting calls due between two rests of whatever kind."""
    await quiet()
    async with world.db.transaction(None) as tx:
        await tx.execute("UPDATE messaging.intents SET next_at = now() WHERE claim IS NULL")
    await quiet()


@asynccontextmanager
async def running(
    urls: DatabaseUrls, sandbox: str, *, worker: bool = True, **others: Any
) -> AsyncIterator[World]:
    """The service with its HTTP side on a free port and, if wanted, its worker's outside calls."""
    seed, public = new_key_pair()
    door = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{door.getsockname()[1]}"
    # An account of its own, or Stripe would go on telling services of earlier tests.
    account = uuid4().hex
    platform = {
        "STRIPE_SECRET_KEY": f"sk_test_{account}",
        "STRIPE_PUBLISHABLE_KEY": f"pk_test_{account}",
        "WEBHOOK_BASE_URL": url,
    }
    settings = load(Settings, settings_for(urls.url, sandbox, public, **{**platform, **others}))
    service = build(settings)
    stop = asyncio.Event()
    async with connected(urls, pool_size=8) as db, aiohttp.ClientSession() as http:
        assert service.db is not None
        stripe = Stripe(sandbox, http, settings.STRIPE_SECRET_KEY)
        endpoints = [
            await stripe.call(
                "PUT",
                "/_sandbox/webhook_endpoints",
                {
                    "key": stripe.key,
                    "url": f"{url}/webhooks/stripe/platform",
                    "secret": secret,
                    "connect": secret == CONNECT_SECRET,
                },
            )
            for secret in (PLATFORM_SECRET, CONNECT_SECRET)
        ]
        intents = Intents(db, service.executors, lane_concurrency=8)
        db.on_commit(lambda _: intents.wake())
        service.db.on_commit(lambda _: intents.wake())
        tasks = [asyncio.create_task(serve(create_app(service), door, stop, drain_seconds=2))]
        if worker:
            tasks.append(asyncio.create_task(intents.run()))
        try:
            yield World(
                service=service,
                db=db,
                urls=urls,
                url=url,
                http=http,
                stripe=stripe,
                minter=TokenMinter({"k1": raw_key(seed)}),
            )
        finally:
            stop.set()
            for task in tasks[1:]:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for endpoint in endpoints:
                await stripe.call("DELETE", f"/v1/webhook_endpoints/{endpoint['id']}")
            for hook in service.on_stop:
                await hook()
            await service.db.close()


def settings_for(database: str, sandbox: str, public: str, **others: Any) -> dict[str, Any]:
    return {
        "ENVIRONMENT": "test",
        "DATABASE_URL": database,
        "AMQP_URL": "amqp://nobody@127.0.0.1/",
        "INTERNAL_TOKEN_PUBLIC_KEYS": json.dumps({"k1": public}),
        "CONTACT_KEYS": EXAMPLE_CONTACT_KEYS,
        "COLUMN_KEYS": {"k1": b"c" * 32},
        "STRIPE_SECRET_KEY": "sk_test_platform",
        "STRIPE_WEBHOOK_SECRET": PLATFORM_SECRET,
        "STRIPE_CONNECT_WEBHOOK_SECRET": CONNECT_SECRET,
        "STRIPE_PUBLISHABLE_KEY": "pk_test_platform",
        "STRIPE_API_BASE": sandbox,
        "PUBLIC_URL": "https://venue.example",
        **others,
    }
