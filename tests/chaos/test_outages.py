"""A server goes away and comes back; the guests hardly notice."""

import asyncio
import os
import time
from datetime import timedelta
from statistics import median

from tests.e2e.calls import until
from tests.e2e.outside import Mailbox
from tests.e2e.people import City, at_once
from tests.e2e.system import System, Tables

from .story import check, ends, set_scene, tell

OUTAGE = float(os.environ.get("HOLDFAST_OUTAGE_SECONDS", "60"))


async def test_fifty_bookings_while_the_broker_is_away(
    system: System, city: City, mailbox: Mailbox, tables: Tables
) -> None:
    studio = await city.studio(capacity=50, policy={"hold_minutes": 60})
    session = await studio.session()
    short = await city.nightclub(policy={"hold_minutes": 5})
    night = await short.session()
    await tables.at_rest()

    await asyncio.to_thread(system.stop, "rabbitmq")
    gone = time.monotonic()

    async def timed(number: int) -> tuple[object, float]:
        started = time.monotonic()
        booking = await city.guest().book(session)
        return booking, time.monotonic() - started

    # One after another, so that what is measured is one guest's wait and not the queue of fifty.
    held = [await timed(number) for number in range(50)]
    # One may have been slow for another reason; an answer that waits takes two seconds each time.
    assert median(seconds for _, seconds in held) < 2, "answers waited for the broker"
    assert await studio.remaining(city.anybody, session) == 0

    unpaid = await city.guest().book(night, tables=[short.tables[7]], party=4)
    await city.clock.advance(timedelta(minutes=5, seconds=1))
    await ends(unpaid, "expired")
    assert await short.table_status(city.anybody, night, 7) == "available"

    async def long_enough() -> bool:
        return time.monotonic() - gone >= OUTAGE

    await until("the end of the outage", long_enough, seconds=OUTAGE + 30)
    await asyncio.to_thread(system.start, "rabbitmq")

    bookings = [booking for booking, _ in held]
    await at_once(*(booking.pay(studio.stripe) for booking in bookings), clients=8)
    for booking in bookings:
        await ends(booking, "confirmed")
    for booking in bookings:
        await mailbox.wait_for(booking.email, booking.reference, seconds=120)
    await tables.at_rest()
    for booking in bookings:
        assert len({letter.message_id for letter in await mailbox.letters(booking.email)}) == 1
    paid = [one for one in await studio.stripe.intents() if one["status"] == "succeeded"]
    assert len(paid) == 50


async def test_the_broker_crashes_in_the_middle(
    system: System, city: City, mailbox: Mailbox, tables: Tables
) -> None:
    story = asyncio.create_task(tell(city, await set_scene(city, tables)))

    def crash() -> None:
        system.kill("rabbitmq")
        system.start("rabbitmq")

    await asyncio.to_thread(crash)
    await check(await story, mailbox, tables)


async def test_the_databases_restart_in_the_middle(
    system: System, city: City, mailbox: Mailbox, tables: Tables
) -> None:
    story = asyncio.create_task(tell(city, await set_scene(city, tables)))
    await until("something under way", lambda: _anything(tables))

    def crash() -> None:
        system.kill("postgres")
        system.start("postgres")

    await asyncio.to_thread(crash)
    await check(await story, mailbox, tables)


async def _anything(tables: Tables) -> bool:
    return bool(
        await tables.value("booking", "SELECT count(*) FROM bookings WHERE status LIKE 'pend%'")
    )


async def test_stripe_is_away_for_a_while(
    system: System, city: City, mailbox: Mailbox, tables: Tables
) -> None:
    place = await city.nightclub()
    session = await place.session()
    await asyncio.to_thread(system.stop, "sandbox-stripe")
    booking = await city.guest().book(session, tables=[place.tables[7]], party=4)
    assert booking.held["payment"] is None
    await asyncio.to_thread(system.start, "sandbox-stripe")
    await booking.confirmed(place.stripe)
    await mailbox.wait_for(booking.email, booking.reference)
    assert len(await place.stripe.intents()) == 1


async def test_mail_is_refused_for_a_while(
    system: System, city: City, mailbox: Mailbox, tables: Tables
) -> None:
    place = await city.nightclub()
    session = await place.session()
    await asyncio.to_thread(system.stop, "sandbox-mailbox")
    booking = await city.guest().book(session, tables=[place.tables[7]], party=4)
    await booking.confirmed(place.stripe)
    await asyncio.to_thread(system.start, "sandbox-mailbox")
    letter = await mailbox.wait_for(booking.email, booking.reference, seconds=120)
    await tables.at_rest()
    assert [one.message_id for one in await mailbox.letters(booking.email)] == [letter.message_id]
