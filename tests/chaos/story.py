"""Four guests with four ends: one comes, one cancels, one is declined, one never pays.

Whatever breaks meanwhile, each must end as it should, with the right money and one mail per cause.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import aiohttp

from tests.e2e.calls import Answer, until
from tests.e2e.outside import CARD, DECLINED, Mailbox
from tests.e2e.people import Booking, City, Guest, Place, Session, new_key
from tests.e2e.system import SERVICES, Tables

PATIENCE = 120  # seconds for what must happen by itself


async def insist(ask: Callable[[], Awaitable[Answer]], but: Collection[str] = ()) -> Answer:
    """Ask again, as any client would, while nobody answers, or 5xx, or 409 with a code not in `but`."""
    found: list[Answer] = []

    async def once() -> bool:
        try:
            answer = await ask()
        except (aiohttp.ClientError, TimeoutError):
            return False
        found[:] = [answer]
        if answer.status == 409:
            return answer.json()["code"] in but
        return answer.status < 500

    await until("an answer", once, seconds=PATIENCE)
    return found[0]


async def book(guest: Guest, session: Session, table: str) -> Booking:
    """A held table, the request repeated with its key until it is answered."""
    key = new_key()
    answer = await insist(lambda: guest.tries(session, tables=[table], party=4, key=key))
    assert answer.status in (201, 202), str(answer)
    return Booking(guest, answer.json(), guest.holding(answer.json()["manage_token"]))


async def payable(booking: Booking) -> str:
    """Wait until the payment can be paid; its client secret."""

    async def secret() -> str | None:
        answer = await insist(lambda: booking.holder.ask("GET", f"{booking.path}/payment"))
        return answer.json().get("client_secret") if answer.status == 200 else None

    return await until(f"payment of {booking.reference}", secret, seconds=PATIENCE)


async def pay(booking: Booking, place: Place, card: str = CARD) -> None:
    """Pay once the payment can be paid."""
    answer = await place.stripe.confirm(await payable(booking), card)
    assert answer.status in (200, 402), str(answer)


async def ends(booking: Booking, status: str) -> dict[str, Any]:
    """The booking once it has this status."""

    async def look() -> dict[str, Any] | None:
        answer = await insist(lambda: booking.holder.ask("GET", booking.path))
        seen: dict[str, Any] = answer.json()
        return seen if seen.get("status") == status else None

    return await until(f"{booking.reference} {status}", look, seconds=PATIENCE)


@dataclass(frozen=True)
class Ends:
    """The four bookings of one story."""

    place: Place
    comes: Booking
    cancels: Booking
    declined: Booking
    silent: Booking


@dataclass(frozen=True)
class Scene:
    """A club with four free tables, before anybody comes."""

    place: Place
    session: Session


async def set_scene(city: City, tables: Tables) -> Scene:
    """Open the club, and wait until every service knows of it."""
    place = await city.nightclub(dict.fromkeys(range(1, 5), (2, 6)))
    session = await place.session()
    await tables.at_rest()
    return Scene(place, session)


async def tell(city: City, scene: Scene) -> Ends:
    """Play the story to its end, the silent guest's hold running out on the system's clock."""
    place, session = scene.place, scene.session
    guests = [city.guest() for _ in range(4)]
    bookings = await asyncio.gather(
        *(book(guest, session, place.tables[n]) for n, guest in enumerate(guests, start=1))
    )
    comes, cancels, declined, silent = bookings
    await asyncio.gather(pay(comes, place), pay(cancels, place), pay(declined, place, DECLINED))
    await asyncio.gather(
        ends(comes, "confirmed"), ends(cancels, "confirmed"), ends(declined, "payment_failed")
    )
    key = new_key()
    await insist(
        lambda: cancels.holder.ask(
            "POST", f"{cancels.path}/cancel", json={}, headers={"Idempotency-Key": key}
        )
    )
    await ends(cancels, "cancelled")
    # Had the hold run out before a worker's death let it be made, there would rightly be no payment.
    await payable(silent)
    await city.clock.advance(timedelta(minutes=15, seconds=1))
    await ends(silent, "expired")
    return Ends(place, comes, cancels, declined, silent)


async def check(ends: Ends, mailbox: Mailbox, tables: Tables) -> None:
    """Money, mails and counters are what the story says, once each."""
    place = ends.place

    async def money() -> bool:
        seen = await ends.cancels.read()
        return seen["amount_refunded"]["amount_minor"] == 5000

    await until("the refund", money, seconds=PATIENCE)
    for booking, kinds in (
        (ends.comes, 1),
        (ends.cancels, 2),
        (ends.declined, 1),
        (ends.silent, 0),
    ):

        async def arrived(booking: Booking = booking, kinds: int = kinds) -> bool:
            letters = await mailbox.letters(booking.email)
            return len({letter.message_id for letter in letters}) >= kinds

        await until(f"{kinds} mail(s) to {booking.email}", arrived, seconds=PATIENCE)
    await tables.at_rest()

    found = await place.stripe.intents()
    intents = {one["metadata"]["booking_id"]: one for one in found}
    made = Counter(one["metadata"]["booking_id"] for one in found)
    assert made == dict.fromkeys(
        (ends.comes.id, ends.cancels.id, ends.declined.id, ends.silent.id), 1
    ), f"one payment for each booking, no second one: {made}"
    assert intents[ends.comes.id]["status"] == "succeeded"
    assert intents[ends.cancels.id]["status"] == "succeeded"
    assert intents[ends.declined.id]["status"] == "canceled"
    assert intents[ends.silent.id]["status"] == "canceled"
    refunds = [one for booking in intents for one in await place.stripe.refunds(booking)]
    assert [(one["amount"], one["status"]) for one in refunds] == [(5000, "succeeded")]
    for booking, kinds in (
        (ends.comes, 1),
        (ends.cancels, 2),
        (ends.declined, 1),
        (ends.silent, 0),
    ):
        letters = await mailbox.letters(booking.email)
        assert len({letter.message_id for letter in letters}) == kinds, [
            letter.subject for letter in letters
        ]
    customer = await place.customer(email=ends.comes.email)
    assert customer["total_bookings"] == 1
    for service in SERVICES:
        stuck = await tables.rows(service, "SELECT type, error FROM messaging.parked")
        assert stuck == [], service
        failed = await tables.rows(
            service, "SELECT kind, error FROM messaging.intents WHERE state = 'failed'"
        )
        assert failed == [], service
