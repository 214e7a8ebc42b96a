"""The same with real processes, killed again and again while dozens of histories run at once.

make histories KILLED=500 ARGS="-k killed"    more of them
make histories KILLED_SEED=7 ARGS="-k killed" other choices

Which process dies when is drawn from the seed; what it was doing then is up to the machine.
"""

import asyncio
import os
import random
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import aiohttp
import asyncpg
import pytest
import pytest_asyncio

from tests.chaos.story import insist
from tests.e2e.calls import until
from tests.e2e.outside import instant
from tests.e2e.people import Booking, City, Guest, Place, Session, new_key
from tests.e2e.system import Clock, System, Tables
from tests.histories.history import History
from tests.histories.outside import Stripe
from tests.histories.verdict import End, judge
from tests.histories.ways import PRICE, way

HISTORIES = int(os.environ.get("KILLED", "80"))
AT_ONCE = 24
SEED = int(os.environ.get("KILLED_SEED", "1"))
PATIENCE = 120.0
_VICTIMS = {
    "booking-api": ("db.after_commit",),
    "booking-worker": (
        "db.after_commit",
        "relay.after_publish",
        "relay.after_confirm",
        "relay.before_delete",
        "consumer.before_ack",
        "timer.after_commit",
    ),
    "payments-api": ("webhook.after_store", "db.after_commit"),
    "payments-worker": (
        "db.after_commit",
        "relay.after_publish",
        "relay.after_confirm",
        "consumer.before_ack",
        "intent.before_call",
        "intent.after_call",
    ),
}
_CARDS = {
    "4242424242424242": 6,
    "4000000000000002": 2,
    "4000000000009995": 1,
    "4000000000007726": 1,  # its refunds are pending for a minute
}
_POLICY = {"release_on_failure": False, "refund_tiers": [{"hours": 0, "percent": 100}]}


@dataclass
class Admin:
    """A service's database, as the verdict reads it."""

    admin: asyncpg.Connection


@dataclass
class All(Stripe):
    """One account for all histories: everything is listed once, when nothing moves any more."""

    listed: dict[str, list[Any]] = field(default_factory=dict)

    async def latest(self, kind: str, of: Any) -> list[Any]:
        if kind not in self.listed:
            self.listed[kind] = await self._all(kind)
        return [one for one in self.listed[kind] if one["metadata"].get("booking_id") in of]

    async def _all(self, kind: str) -> list[Any]:
        found: list[Any] = []
        after = ""
        while True:
            page = await self.call("GET", f"/v1/{kind}?limit=100{after}")
            found += page["data"]
            if not page["has_more"]:
                return found
            after = f"&starting_after={found[-1]['id']}"


@dataclass
class Stage:
    """What a lane is to other histories."""

    booking: Admin
    payments: Admin
    stripe: All
    place: Place
    city: City
    paid: int = 0


@pytest_asyncio.fixture
async def stage(city: City) -> AsyncIterator[Stage]:
    place = await city.studio(price=PRICE, capacity=1, policy=_POLICY)
    admins = [
        Admin(await asyncpg.connect(city.endpoints.superuser[service]))
        for service in ("booking", "payments")
    ]
    async with aiohttp.ClientSession() as http:
        stripe = All(city.endpoints.stripe, place.stripe.secret_key, http)
        yield Stage(*admins, stripe, place, city)
    for each in admins:
        await each.admin.close()


@pytest.mark.skipif("SEED" in os.environ, reason="one history was asked for")
@pytest.mark.timeout(900)
async def test_processes_that_are_killed_lose_and_double_nothing(
    system: System, stage: Stage, clock: Clock, tables: Tables
) -> None:
    """Up to three guests each, one place: kill -9 at failpoints and at any moment meanwhile."""
    started, done = time.monotonic(), asyncio.Event()
    killers = asyncio.gather(
        *(
            asyncio.to_thread(kill, system, service, random.Random(f"{SEED} {service}"), done)
            for service in ("booking", "payments")
        )
    )
    histories = [
        History(stage, SEED * 10_000 + number, (way("card"),))  # type: ignore[arg-type]
        for number in range(HISTORIES)
    ]
    time_passes = asyncio.create_task(hurry(clock, stage, done))
    left = list(reversed(histories))

    async def some() -> None:
        while left:
            await tell(left.pop(), stage)

    try:
        await asyncio.gather(*(some() for _ in range(AT_ONCE)))
    finally:
        done.set()
        deaths = sum(await killers, Counter[str]())
        await time_passes
    await at_rest(stage, clock, tables, histories)
    ends = Counter[End]()
    for history in histories:
        ends.update(await verdict(history))
    took = time.monotonic() - started
    shown = {end.value: ends[end] for end in End}
    print(f"\n{HISTORIES} histories, {sum(deaths.values())} kills in {took:.0f} s: {shown}")
    print(f"  {dict(deaths)}")
    assert sum(deaths.values()) >= 5, "hardly anything was killed"
    assert ends[End.PAID], "nobody paid"


async def verdict(history: History) -> list[End]:
    """Raises AssertionError, with all that happened, when one ended wrongly."""
    try:
        return await judge(history)
    except AssertionError as why:
        told = "\n  ".join(history.said)
        raise AssertionError(f"history {history.seed}: {why!r}\n  {told}") from why


def kill(system: System, service: str, rng: random.Random, done: asyncio.Event) -> Counter[str]:
    """Kill a service's processes, one after the other, until nobody does anything any more."""
    deaths = Counter[str]()
    while not done.is_set():
        victim = rng.choice([f"{service}-api", f"{service}-worker"])
        place = rng.choice(_VICTIMS[victim])
        if rng.random() < 0.4:
            system.kill(victim)
            deaths[f"{victim}, any moment"] += 1
        else:
            system.stop(victim)
            armed = {"HOLDFAST_FAILPOINT": f"{place}:{rng.randint(1, 8)}"}
            system.start(victim, armed, wait=False)  # it may well die before it is ready
            try:
                system.wait_exit(victim, 6)
                deaths[f"{victim}, {place}"] += 1
            except TimeoutError:  # nobody came by
                system.kill(victim)
                deaths[f"{victim}, any moment"] += 1
        system.start(victim)
    return deaths


async def hurry(clock: Clock, stage: Stage, done: asyncio.Event) -> None:
    """Holds run out in the midst of it: a quarter of an hour passes now and then.

    Not before some have paid: on a slow machine every hold would end before its guest could.
    """
    while not done.is_set():
        enough = stage.paid + 5
        with suppress(TimeoutError):
            await asyncio.wait_for(done.wait(), 20)
        while stage.paid < enough and not done.is_set():
            await asyncio.sleep(0.1)
        await clock.advance(timedelta(minutes=16))


async def tell(history: History, stage: Stage) -> None:
    """One history: who comes first has the place, if they pay."""
    session = await opened(history, stage)
    for _ in range(history.rng.randint(1, 3)):
        booking = await hold(history, stage.city.guest(), session)
        if booking is None:
            continue
        if history.rng.random() < 0.85:
            await pay(history, booking, stage)
        if history.rng.random() < 0.35:
            await cancel(history, booking)


async def hold(history: History, guest: Guest, session: Session) -> Booking | None:
    """A place for this guest; None: another has it."""
    key = new_key()
    answer = await insist(lambda: guest.tries(session, key=key), but={"CAPACITY_EXCEEDED"})
    if answer.status not in (201, 202):
        history.note(f"a guest is refused: {answer.status}")
        return None
    booking = Booking(guest, answer.json(), guest.holding(answer.json()["manage_token"]))
    history.bookings.append(UUID(booking.id))
    history.note(f"{booking.reference} holds")
    return booking


async def cancel(history: History, booking: Booking) -> None:
    """The guest changes their mind, if they still may."""
    headers = {"Idempotency-Key": new_key()}
    path = f"{booking.path}/cancel"
    answer = await insist(
        lambda: booking.holder.ask("POST", path, json={}, headers=headers), but={"CANNOT_CANCEL"}
    )
    history.note(f"{booking.reference} is cancelled: {answer.status}")


async def opened(history: History, stage: Stage) -> Session:
    """The session of a history; where nobody answered, one that is never heard of again."""
    place = stage.place
    starts_at = (await place.clock.now()).replace(microsecond=0) + timedelta(days=20)
    times = {
        "starts_at": starts_at.isoformat(),
        "ends_at": (starts_at + timedelta(hours=2)).isoformat(),
    }
    body = {"offering_id": place.offering_id, **times, "title": f"History {history.seed}"}
    answer = await insist(lambda: place.staff.ask("POST", "/v1/sessions", json=body))
    assert answer.status == 201, str(answer)
    found = answer.json()
    history.sessions[UUID(found["id"])] = "card"
    return Session(found["id"], instant(found["starts_at"]), instant(found["ends_at"]))


async def pay(history: History, booking: Booking, stage: Stage) -> None:
    """A guest pays what they are given, if it comes in time; notifications come again."""
    rng = history.rng

    async def look() -> dict[str, Any] | None:
        answer = await insist(lambda: booking.holder.ask("GET", f"{booking.path}/payment"))
        payment: dict[str, Any] = answer.json()
        if answer.status == 200 and payment.get("client_secret"):
            return payment
        # A hold that was over before it was heard of has none, and one that is over none to pay.
        seen = await insist(lambda: booking.holder.ask("GET", booking.path))
        waits = seen.json()["status"] in {"pending_payment", "requires_authentication"}
        return None if waits else {"status": "over"}

    payment = await until(f"payment of {booking.reference}", look, seconds=PATIENCE)
    secret = payment.get("client_secret")
    if not secret:
        return
    card = rng.choices(list(_CARDS), list(_CARDS.values()))[0]
    answer = await stage.place.stripe.confirm(secret, card)
    stage.paid += answer.status == 200
    history.note(f"{booking.reference} pays with {card}: {answer.status}")
    if rng.random() < 0.3:
        await stage.place.stripe.deliver_again(secret.partition("_secret_")[0], 2)


async def at_rest(stage: Stage, clock: Clock, tables: Tables, histories: list[History]) -> None:
    """Until every hold has ended, one way or the other, and nothing is under way."""
    ids = [booking for history in histories for booking in history.bookings]
    await stage.place.stripe.time_passes(timedelta(minutes=5))

    async def idle() -> bool:
        refunding = await stage.payments.admin.fetchval(
            "SELECT count(*) FROM refunds WHERE booking_id = ANY($1) AND status = 'pending'", ids
        )
        return not refunding and await tables.quiet()

    async def waiting() -> int:
        found: int = await stage.booking.admin.fetchval(
            "SELECT count(*) FROM bookings WHERE id = ANY($1) "
            "AND status IN ('pending_payment', 'requires_authentication')",
            ids,
        )
        return found

    for _ in range(5):
        await until("the system at rest", idle, seconds=PATIENCE)
        if not await waiting():
            return
        await clock.advance(timedelta(minutes=16))
    raise AssertionError("holds never end")
