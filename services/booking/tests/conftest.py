"""A small world to book in: real database, real use cases, one line per thing that happens."""

import json
import sys
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from uuid import UUID, uuid4

import asyncpg
import pytest
import pytest_asyncio

from booking.api import again
from booking.domain.guest import name_of
from booking.domain.holding import Wish
from booking.domain.making import BY_GUEST
from booking.domain.money import Money
from booking.domain.presets import Preset
from booking.shop import Shop
from booking.store import bookings, waitlist
from booking.store.contacts import ContactVault
from booking.store.idempotency import Key
from booking.store.listings import Listings
from booking.store.lookups import TenantLookup
from booking.store.receipts import Receipt
from booking.usecases.add_resource import AddResource, add_resource
from booking.usecases.attend import Attend
from booking.usecases.cancel import Cancel, cancel
from booking.usecases.confirm import confirm
from booking.usecases.create_offering import CreateOffering, create_offering
from booking.usecases.create_organisation import CreateOrganisation, create_organisation
from booking.usecases.create_venue import CreateVenue, create_venue
from booking.usecases.expire import expire
from booking.usecases.expire_change import expire_change
from booking.usecases.hold import Hold, hold
from booking.usecases.join_waitlist import JoinWaitlist, join_waitlist
from booking.usecases.offer_places import offer_places
from booking.usecases.open_session import Instants, OpenSession, open_session
from booking.usecases.reschedule import Reschedule, reschedule
from booking.usecases.settle_change import settle_change
from chassis import clock
from chassis.db import Database
from chassis.ids import uuid7
from chassis.manage_token import ManageTokens
from chassis.sealing import Sealer

sys.path.insert(0, str(Path(__file__).parent / "support"))

from booking_client import client, service
from midweek import midweek

__all__ = ["client", "service"]

Named = SimpleNamespace
_GUESTS = count(111_000_001)

CONTACT_KEYS = {"bus": b"b" * 32}


@dataclass
class World:
    """One organisation with a venue, and everything that can be done to its bookings."""

    db: Database
    admin: asyncpg.Connection
    shop: Shop
    org_id: UUID = field(default_factory=uuid7)
    venue_id: UUID | None = None

    async def run(self, work):
        return await self.db.run(self.org_id, work)

    async def ask(self, work, *, plan_once=False):
        """As a route runs it: again while somebody else is deciding about the place."""
        return await again.until_decided(self.db, self.org_id, work, plan_once=plan_once)

    async def now(self):
        return await self.run(lambda tx: tx.now())

    async def advance(self, **duration):
        await clock.advance(self.admin, timedelta(**duration).total_seconds(), environment="test")

    async def just_before(self, instant, attempt):
        """What ``attempt`` comes to as shortly before an instant as this machine manages.

        It is called with the number of the try. What ended after the instant says nothing.
        """
        for number, seconds in enumerate((2, 10, 60, 300)):
            await self.admin.execute(
                "UPDATE messaging.clock SET shift = $1::timestamptz - now()",
                instant - timedelta(seconds=seconds),
            )
            outcome = await attempt(number)
            if await self.now() < instant:
                return outcome
        raise AssertionError("five minutes were not enough")

    async def found(self, *, timezone="Europe/London", currency="GBP", country="GB"):
        slug = f"org-{self.org_id.hex[-12:]}"
        await self.run(
            lambda tx: create_organisation(
                tx,
                CreateOrganisation(
                    slug=slug,
                    name="Example Nights",
                    default_country=country,
                    locale="en",
                    reference_template="BRL-{YYYY}-XXXXX",
                    actor="test",
                ),
            )
        )
        venue = await self.run(
            lambda tx: create_venue(
                tx,
                CreateVenue(
                    slug="hall",
                    name="Example Hall",
                    timezone=timezone,
                    currency=currency,
                    locale=None,
                    contact_email="Hello@Example.com",
                    contact_phone="020 7946 0123",
                    statement_descriptor="EXAMPLE HALL",
                    actor="test",
                ),
            )
        )
        self.venue_id = venue.id
        return self

    async def offering(self, preset=Preset.CLASS, **overrides):
        return await self.run(
            lambda tx: create_offering(
                tx,
                CreateOffering(
                    venue_id=self.venue_id,
                    preset=preset,
                    title="Saturday Night",
                    description=None,
                    overrides=overrides,
                    actor="test",
                ),
            )
        )

    async def open(
        self, offering, *, starts_in=timedelta(days=10), lasts=timedelta(hours=5), capacity=None
    ):
        starts_at = (await self.now() + starts_in).replace(microsecond=0)
        return await self.run(
            lambda tx: open_session(
                tx,
                OpenSession(
                    offering_id=offering.id,
                    when=Instants(starts_at=starts_at, ends_at=starts_at + lasts),
                    title=None,
                    capacity=capacity,
                    resource_ids=None,
                    actor="test",
                ),
            )
        )

    async def class_session(self, capacity=20, price=18000, policy=None, **when):
        offering = await self.offering(
            Preset.CLASS,
            inventory={"capacity": capacity},
            pricing={"amount_minor": price},
            policy=policy or {},
        )
        return await self.open(offering, **when)

    async def table(self, number=7, seats=(2, 6)):
        return await self.run(
            lambda tx: add_resource(
                tx,
                AddResource(
                    venue_id=self.venue_id,
                    number=number,
                    label=None,
                    floor="upstairs",
                    seats_min=seats[0],
                    seats_max=seats[1],
                    features=("booth",),
                    vip=False,
                    description=None,
                    actor="test",
                ),
            )
        )

    async def table_session(self, tables=1, policy=None, max_resources=1, **when):
        made = [await self.table(number) for number in range(7, 7 + tables)]
        offering = await self.offering(
            Preset.EVENT_TABLE,
            policy=policy or {},
            inventory={"max_resources": max_resources, "party_max": 100},
        )
        return await self.open(offering, **when), made

    def wish(self, session, tables=(), party=None, **details):
        return Wish(
            session_id=session.id,
            party_size=party or (4 if tables else None if "quantities" in details else 1),
            resource_ids=tuple(table.id for table in tables),
            name=name_of(whole="Test Guest", given=None, family=None),
            locale=None,
            arrival_time=details.get("arrival_time"),
            special_requests=details.get("special_requests"),
            drinks_package=None,
            source="web",
            quantities=details.get("quantities", {}),
            items=details.get("items", ()),
            allergies=details.get("allergies", ()),
            promo_code=details.get("promo_code"),
            gift_card=details.get("gift_card"),
            making=details.get("making", BY_GUEST),
        )

    async def hold(
        self,
        session,
        tables=(),
        *,
        key=None,
        request=b"same",
        payments=True,
        email=None,
        phone=None,
        **wish,
    ):
        """Hold as a guest never seen before, unless the guest's address or phone is given."""
        nobody_yet = next(_GUESTS)
        command = Hold(
            wish=self.wish(session, tables, **wish),
            email=email or f"guest{nobody_yet}@example.com",
            phone=phone or f"07{nobody_yet:09d}",
            key=Key("guest", "POST /bookings", key or uuid4().hex, request),
            actor="guest",
        )
        return await self.ask(
            lambda tx: hold(
                tx,
                command,
                listings=self.shop.listings,
                vault=self.shop.vault,
                payments_enabled=payments,
            ),
            plan_once=True,
        )

    async def pay(self, held, amount=None, *, payment_id=None, currency=None):
        due = held.due_now
        money = Money(amount if amount is not None else due.amount_minor, currency or due.currency)
        payment_id = payment_id or uuid7()
        receipt = Receipt(payment_id, held.booking_id, money)
        await self.run(
            lambda tx: confirm(tx, receipt, vault=self.shop.vault, listings=self.shop.listings)
        )
        return payment_id

    async def expire(self, held):
        await self.run(lambda tx: expire(tx, held.booking_id))

    async def cancel(self, held, cause="customer", reason=None, epoch=1):
        command = Cancel(
            booking_id=held.booking_id,
            cause=cause,
            actor="guest",
            reason=reason,
            manage_epoch=epoch if cause == "customer" else None,
        )
        return await self.run(lambda tx: cancel(tx, command, vault=self.shop.vault))

    async def reschedule(self, held, session=None, *, by="guest", reason=None, **wanted):
        command = Reschedule(
            booking_id=held.booking_id,
            session_id=session and session.id,
            actor=by,
            reason=reason,
            manage_epoch=1 if by == "guest" else None,
            **wanted,
        )
        return await self.ask(lambda tx: reschedule(tx, command, shop=self.shop))

    async def pay_change(self, held, change, amount=None, *, payment_id=None, currency=None):
        """Money arrives for a change; the payment's id."""
        money = Money(amount or change.due.amount_minor, currency or change.due.currency)
        payment_id = payment_id or uuid7()
        receipt = Receipt(payment_id, held.booking_id, money)
        await self.run(
            lambda tx: settle_change(
                tx, change.id, receipt, vault=self.shop.vault, listings=self.shop.listings
            )
        )
        return payment_id

    async def expire_change(self, held, change):
        await self.run(lambda tx: expire_change(tx, held.booking_id, change.id))

    async def attend(self, step, held, reason=None):
        """A step of the front desk: ``attend.check_in`` and the like."""
        command = Attend(booking_id=held.booking_id, actor="key:desk", reason=reason)
        return await self.run(lambda tx: step(tx, command))

    async def day_of(self, held, **before_or_after):
        """Turn the clock to the booking's start, or some time from it (negative: before)."""
        starts_at = (await self.booking(held)).occasion.starts_at
        await self.admin.execute(
            "UPDATE messaging.clock SET shift = $1::timestamptz - now()",
            starts_at + timedelta(**before_or_after),
        )

    async def audited(self, held, action):
        """The audit rows of one kind about a booking, oldest first, as plain objects."""
        rows = await self.admin.fetch(
            """SELECT actor, reason, before, after, at FROM audit
               WHERE entity_id = $1 AND action = $2 ORDER BY at, id""",
            held.booking_id,
            action,
        )
        return [
            {
                **row,
                **{k: row[k] and json.loads(row[k]) for k in ("before", "after")},
            }
            for row in rows
        ]

    async def wait_for(self, session, party=1, *, email=None, phone=None, quantities=None):
        """Join the line as a guest never seen before, unless an address or phone is given."""
        nobody_yet = next(_GUESTS)
        command = JoinWaitlist(
            session_id=session.id,
            party_size=None if quantities else party,
            quantities=quantities or {},
            name=name_of(whole="Test Guest", given=None, family=None),
            email=email or f"guest{nobody_yet}@example.com",
            phone=phone or f"07{nobody_yet:09d}",
            locale=None,
            actor="guest",
        )
        joined = await self.run(lambda tx: join_waitlist(tx, command, shop=self.shop))
        return joined.entry

    async def offer(self, session):
        """The waitlist's timer rings."""
        await self.run(lambda tx: offer_places(tx, session.id, shop=self.shop))

    async def entry(self, entry):
        return await self.run(lambda tx: waitlist.read(tx, entry.id))

    async def offered(self, entry):
        """The booking that a group was offered, told as the answer to a hold is."""
        booking = await self.booking(Named(booking_id=(await self.entry(entry)).booking_id))
        return Named(booking_id=booking.id, due_now=booking.quote.due_now)

    async def woken(self, session):
        """Whether the line is going to be looked at at once."""
        return await self.admin.fetchval(
            "SELECT due_at <= messaging.now() FROM messaging.outbox WHERE timer_key = $1",
            f"waitlist:{session.id}",
        )

    async def booking(self, held):
        return await self.run(lambda tx: bookings.read(tx, held.booking_id))

    async def taken(self, session):
        return await self.admin.fetchval("SELECT taken FROM sessions WHERE id = $1", session.id)

    async def published(self, type_=None, about=None):
        """Types of messages waiting in this organisation's outbox, in order."""
        rows = await self.admin.fetch(
            "SELECT type, payload, ordering_key FROM messaging.outbox "
            "WHERE org_id = $1 AND due_at IS NULL ORDER BY position",
            self.org_id,
        )
        return [
            row
            for row in rows
            if (type_ is None or row["type"] == type_)
            and (about is None or row["ordering_key"] == str(about.booking_id))
        ]

    async def types(self, about):
        return [row["type"] for row in await self.published(about=about)]

    async def timer_of(self, held):
        return await self.admin.fetchval(
            "SELECT due_at FROM messaging.outbox WHERE timer_key = $1", f"hold:{held.booking_id}"
        )

    async def drift(self):
        """Sessions whose counter is not the sum of their live units, and overlapping tables."""
        return await self.admin.fetch(
            """
            SELECT s.id, s.taken, coalesce(sum(a.units), 0) AS live
            FROM sessions s LEFT JOIN allocations a ON a.session_id = s.id AND a.released_at IS NULL
            WHERE s.org_id = $1 GROUP BY s.id HAVING s.taken <> coalesce(sum(a.units), 0)
            """,
            self.org_id,
        )


def make_shop(db):
    return Shop(
        vault=ContactVault(
            columns=Sealer({"col": b"c" * 32}), bus=Sealer(CONTACT_KEYS), hash_key="h" * 32
        ),
        listings=Listings(),
        tenants=TenantLookup(db),
        manage_tokens=ManageTokens({"m": "m" * 32}),
        payments_enabled=True,
    )


_PAUSES = again._PAUSES


@pytest.fixture(scope="session", autouse=True)
def _decided_at_last():
    """However slow the machine, a guest hears who has the place and not that it is busy."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(again, "_PAUSES", (*_PAUSES, *[1.0] * 120))
        yield


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def urls(fresh_database):
    return await fresh_database("booking")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def db(urls):
    database = Database(urls.url, pool_size=10, application_name="test")
    yield database
    await database.close()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def admin(urls):
    connection = await asyncpg.connect(urls.admin_url)
    await midweek(connection)
    yield connection
    await connection.close()


@pytest.fixture
def shop(db):
    return make_shop(db)


@pytest_asyncio.fixture
async def world(db, admin, shop):
    await midweek(admin)
    return await World(db=db, admin=admin, shop=shop).found()


@pytest_asyncio.fixture
async def hurried(urls, production_limits, monkeypatch):
    """Gives a world the time limits of production."""
    monkeypatch.setattr(again, "_PAUSES", _PAUSES)
    database = Database(urls.url, application_name="hurried")
    yield lambda world: replace(world, db=database)
    await database.close()


@pytest.fixture
def utc():
    return lambda *parts: datetime(*parts, tzinfo=UTC)


@pytest.fixture(scope="session")
def make_world():
    async def make(db, admin):
        return await World(db=db, admin=admin, shop=make_shop(db)).found()

    return make
