"""Booking and payments on databases of their own, with providers of their own: a history's world.

Everything is real but the broker and the passing of time: whoever drives the lane carries messages
from one outbox to the other service's inbox, rings timers, makes workers take up intents, and moves
both clocks.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import asyncpg

import booking.app
import booking.settings
import payments.app
import payments.settings
from booking.domain.presets import Preset
from booking.shop import Shop
from booking.usecases.create_offering import CreateOffering, create_offering
from booking.usecases.create_organisation import CreateOrganisation, create_organisation
from booking.usecases.create_venue import CreateVenue, create_venue
from chassis.auth import decode_key, new_key_pair
from chassis.http import create_app
from chassis.ids import uuid7
from chassis.intents import Intent, Intents, Outcome
from chassis.messaging import Meta
from chassis.messaging.dispatch import Delivery, Dispatcher
from chassis.service import Service
from chassis.serving import listen, serve
from chassis.settings import load
from chassis.testing import DatabaseUrls, database_of
from contracts.testing import EXAMPLE_CONTACT_KEYS
from payments.api.parts import Public
from payments.providers.stripe import Connect
from payments.usecases.connect import connect, look_at_connection
from payments.usecases.open_account import open_account
from sandbox import processes
from tests.histories.dying import Fate, Killed
from tests.histories.outside import PayPal, Stripe
from tests.histories.ways import OFFERED, PERCENT, Way

SECRET = "whsec_ofthehistories"
_WEBHOOK = "WHOFTHEHISTORIES"

_WAITING = """
SELECT position, message_id, type, org_id, ordering_key, sequence, payload, traceparent, created_at,
       attempt
FROM messaging.outbox WHERE due_at IS NULL AND position > $1 ORDER BY position
"""
_DUE = """
SELECT position, message_id, type, org_id, ordering_key, sequence, payload, traceparent, created_at,
       attempt
FROM messaging.outbox WHERE due_at <= messaging.now() ORDER BY due_at, position
"""


class Worker(Intents):
    """Takes up what is due when told to; `pausing` leaves it between a call and its recording."""

    def __init__(self, service: Service, *, pausing: bool) -> None:
        assert service.db is not None
        super().__init__(service.db, service.executors)
        self.called = asyncio.Event()
        self.may_record = asyncio.Event()
        if not pausing:
            self.may_record.set()

    async def _settle(self, intent: Intent, claim: UUID, outcome: Outcome) -> None:
        self.called.set()
        await self.may_record.wait()
        await super()._settle(intent, claim, outcome)

    async def begin(self) -> list[asyncio.Task[None]]:
        """Claim what is due; the runs that this began."""
        await self._claim()
        return list(self._tasks)


@dataclass
class Side:
    """One service: its process, which may die, and its database, which does not."""

    name: str
    settings: Any
    admin: asyncpg.Connection
    service: Service
    carried: int = 0  # position of the last message taken from the outbox

    @property
    def dispatcher(self) -> Dispatcher:
        assert self.service.db is not None
        assert self.service.handlers is not None
        return Dispatcher(self.service.db, self.service.handlers)

    async def leaving(self) -> list[asyncpg.Record]:
        """Messages written to the outbox since this was asked last."""
        rows = await self.admin.fetch(_WAITING, self.carried)
        self.carried = max((row["position"] for row in rows), default=self.carried)
        return list(rows)

    async def due(self) -> list[asyncpg.Record]:
        return list(await self.admin.fetch(_DUE))

    async def take(self, row: asyncpg.Record, *, due: bool = False) -> None:
        """Hand a message, a timer or a retry to the handlers, by the rules of the inbox."""
        meta = Meta(
            message_id=row["message_id"],
            type=row["type"],
            org_id=row["org_id"],
            key=row["ordering_key"],
            sequence=row["sequence"],
            time=row["created_at"],
            attempt=row["attempt"],
            traceparent=row["traceparent"],
        )
        await self.dispatcher.dispatch(Delivery(meta, row["payload"], due=due))

    def listens_to(self, kind: str) -> bool:
        assert self.service.handlers is not None
        return self.service.handlers.find(kind) is not None

    async def reborn(self) -> None:
        """The process died; another starts with nothing but what the database holds."""
        await _end(self.service)
        self.service = _BUILD[self.name](self.settings)


@dataclass
class Lane:
    """The two services, their providers, and the organisations that use them.

    One is paid at an account of the platform's Stripe and one of its own at PayPal; the other,
    `connected`, through the platform.
    """

    booking: Side
    payments: Side
    stripe: Stripe
    paypal: PayPal
    org_id: UUID = field(default_factory=uuid7)
    connected_id: UUID = field(default_factory=uuid7)
    destination: str = ""
    offerings: Mapping[tuple[bool, str], UUID] = field(default_factory=dict)
    fate: Fate = field(default_factory=Fate)

    def org_of(self, way: Way) -> UUID:
        return self.connected_id if way.connected else self.org_id

    @property
    def sides(self) -> tuple[Side, Side]:
        return self.booking, self.payments

    def other(self, side: Side) -> Side:
        return self.payments if side is self.booking else self.booking

    @property
    def shop(self) -> Shop:
        return next(part for part in self.booking.service.parts if isinstance(part, Shop))

    @property
    def desk(self) -> Public:
        """What payments' own routes work with."""
        return next(part for part in self.payments.service.parts if isinstance(part, Public))

    async def now(self) -> datetime:
        """What time it is for the services."""
        found: datetime = await self.booking.admin.fetchval("SELECT messaging.now()")
        return found

    async def set_clocks(self, shift: timedelta) -> None:
        for side in self.sides:
            await side.admin.execute("UPDATE messaging.clock SET shift = $1", shift)

    async def sweep(self) -> None:
        """Nothing of one history is left under way for the next."""
        for side in self.sides:
            await side.admin.execute("DELETE FROM messaging.outbox")
            await side.admin.execute("DELETE FROM messaging.intents")
            await side.admin.execute("DELETE FROM messaging.parked")


_BUILD = {"booking": booking.app.build, "payments": payments.app.build}


async def _end(service: Service) -> None:
    for hook in service.on_stop:
        await hook()
    assert service.db is not None
    await service.db.close()


@asynccontextmanager
async def lane(directory: Path) -> AsyncIterator[Lane]:
    """A lane, ready to be driven."""
    key = f"sk_test_{uuid4().hex}"
    door = listen("127.0.0.1", 0)
    hooks = f"http://127.0.0.1:{door.getsockname()[1]}/webhooks"
    with contextlib.ExitStack() as started:
        # Starting a process takes its time, and other lanes may be at work.
        sandboxes = (processes.stripe(directory / "stripe"), processes.paypal(directory / "paypal"))
        at_stripe, at_paypal = await asyncio.gather(
            *(asyncio.to_thread(started.enter_context, one) for one in sandboxes)
        )
        async with (
            database_of("booking") as booking_urls,
            database_of("payments") as payments_urls,
            aiohttp.ClientSession() as http,
        ):
            stripe = Stripe(at_stripe.url, key, http)
            paypal = PayPal(at_paypal.url, http, f"client-{uuid4().hex}")
            await stripe.control("POST", "webhooks/pause")
            await paypal.control("POST", "webhooks/pause")
            await stripe.control(
                "PUT",
                "webhook_endpoints",
                {"key": key, "url": f"{hooks}/stripe/platform", "secret": SECRET},
            )
            common: dict[str, Any] = {"ENVIRONMENT": "test", "AMQP_URL": "amqp://nobody@127.0.0.1/"}
            common |= {"INTERNAL_TOKEN_PUBLIC_KEYS": {"k1": decode_key(new_key_pair()[1])}}
            common |= {"CONTACT_KEYS": EXAMPLE_CONTACT_KEYS, "COLUMN_KEYS": {"k1": b"c" * 32}}
            booking_side = await _side(
                "booking",
                booking.settings.Settings(
                    **common,
                    DATABASE_URL=booking_urls.url,
                    HASH_KEY="h" * 32,
                    MANAGE_TOKEN_KEYS={"m": "m" * 32},
                ),
                booking_urls,
            )
            payments_side = await _side(
                "payments",
                load(
                    payments.settings.Settings,
                    common
                    | {
                        "DATABASE_URL": payments_urls.url,
                        "STRIPE_SECRET_KEY": key,
                        "STRIPE_PUBLISHABLE_KEY": key.replace("sk_", "pk_"),
                        "STRIPE_WEBHOOK_SECRET": SECRET,
                        "STRIPE_API_BASE": at_stripe.url,
                        "PAYPAL_API_BASE": at_paypal.url,
                        "PAYPAL_CERT_HOSTS": at_paypal.url.removeprefix("http://"),
                        "PAYPAL_CERT_CA": str(directory / "paypal" / "ca.pem"),
                        "PLATFORM_FEE_PERCENT": str(PERCENT),
                        "PUBLIC_URL": "https://venue.example",
                    },
                ),
                payments_urls,
            )
            made = Lane(booking_side, payments_side, stripe, paypal)
            door_keeper = payments.app.build(payments_side.settings)
            stop = asyncio.Event()
            serving = asyncio.create_task(
                serve(_mortal(create_app(door_keeper), made.fate), door, stop, drain_seconds=2)
            )
            try:
                await _found(made)
                await _connect(made)
                await _open_paypal(made, hooks)
                await made.sweep()
                yield made
            finally:
                stop.set()
                await serving
                await _end(door_keeper)
                for side in made.sides:
                    await _end(side.service)
                    await side.admin.close()


def _mortal(app: Any, fate: Fate) -> Any:
    """The application as a process that may die while it answers: then nobody answers."""

    async def mortal(scope: Any, receive: Any, send: Any) -> None:
        with fate.shared():
            try:
                await app(scope, receive, send)
            except (Killed, BaseExceptionGroup):
                await send({"type": "http.response.start", "status": 502, "headers": []})
                await send({"type": "http.response.body", "body": b""})

    return mortal


async def _side(name: str, settings: Any, urls: DatabaseUrls) -> Side:
    admin = await asyncpg.connect(urls.admin_url)
    return Side(name, settings, admin, _BUILD[name](settings))


async def _found(lane: Lane) -> None:
    """The organisations, a venue each, and an offering for each policy that matters here."""
    offerings = {}
    for org_id, connected in ((lane.org_id, False), (lane.connected_id, True)):
        venue_id = await _venue(lane, org_id)
        for final, way in product((False, True), OFFERED):
            if way.connected is connected:
                offerings[final, way.name] = await _offer(lane, org_id, venue_id, way, final=final)
    lane.offerings = offerings


async def _venue(lane: Lane, org_id: UUID) -> UUID:
    db = lane.booking.service.db
    assert db is not None
    await db.run(
        org_id,
        lambda tx: create_organisation(
            tx,
            CreateOrganisation(
                slug=f"org-{org_id.hex[-12:]}",
                name="Example Nights",
                default_country="GB",
                locale="en",
                reference_template="BRL-{YYYY}-XXXXX",
                actor="test",
            ),
        ),
    )
    venue = await db.run(
        org_id,
        lambda tx: create_venue(
            tx,
            CreateVenue(
                slug="hall",
                name="Example Hall",
                timezone="Europe/London",
                currency="GBP",
                locale=None,
                contact_email="hello@example.com",
                contact_phone="020 7946 0123",
                statement_descriptor="EXAMPLE HALL",
                actor="test",
            ),
        ),
    )
    return venue.id


async def _offer(lane: Lane, org_id: UUID, venue_id: UUID, way: Way, *, final: bool) -> UUID:
    db = lane.booking.service.db
    assert db is not None
    policy: dict[str, Any] = {
        "release_on_failure": final,
        "refund_tiers": [{"hours": 0, "percent": 100}],
        **way.policy,
    }
    made = await db.run(
        org_id,
        lambda tx: create_offering(
            tx,
            CreateOffering(
                venue_id=venue_id,
                preset=Preset.CLASS,
                title="Saturday Night",
                description=None,
                overrides={
                    "inventory": {"capacity": 1},
                    "pricing": {"amount_minor": way.price, "payment_methods": [way.method]},
                    "policy": policy,
                },
                actor="test",
            ),
        ),
    )
    return made.id


async def _connect(lane: Lane) -> None:
    """The connected organisation's account at the platform's Stripe, as far as it can be paid."""
    service = lane.payments.service
    stripe = next(part for part in service.parts if isinstance(part, Connect))
    db = service.db
    assert db is not None
    org_id = lane.connected_id
    wanted, _ = await db.run(
        org_id, lambda tx: connect(tx, org_id=org_id, country="GB", stripe=stripe)
    )
    await _run(lane)
    [account] = (await lane.stripe.call("GET", "/v1/accounts?limit=1"))["data"]
    await lane.stripe.control("POST", f"accounts/{account['id']}/onboard")
    await db.run(org_id, lambda tx: _look(tx, wanted.id))
    await _run(lane)
    lane.destination = account["id"]


async def _look(tx: Any, connection_id: UUID) -> None:
    look_at_connection(tx, connection_id, because="onboarded")


async def _run(lane: Lane) -> None:
    worker = Worker(lane.payments.service, pausing=False)
    while runs := await worker.begin():
        await asyncio.gather(*runs)


async def _open_paypal(lane: Lane, hooks: str) -> None:
    db, desk = lane.payments.service.db, lane.desk
    assert db is not None
    account = await db.run(
        lane.org_id,
        lambda tx: open_account(
            tx,
            desk.accounts,
            org_id=lane.org_id,
            provider="paypal",
            secret_key="of-the-histories",
            publishable_key=lane.paypal.client_id,
            webhook_secret=_WEBHOOK,
            publishes=False,
        ),
    )
    await lane.paypal.control(
        "PUT",
        "webhooks",
        {
            "client_id": lane.paypal.client_id,
            "url": f"{hooks}/paypal/{account.id}",
            "webhook_id": _WEBHOOK,
        },
    )
