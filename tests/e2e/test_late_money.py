"""Money that comes when nobody waits for it any more: a place, or the money back. Never neither."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from .calls import Http, until
from .outside import Mailbox
from .people import City, Place
from .system import Clock, Tables


async def test_paid_after_expiry_with_the_table_free_confirms(
    city: City, clock: Clock, mailbox: Mailbox, tables: Tables
) -> None:
    """Paid, but the news comes after the hold expired and the table is free: taken again."""
    club = await city.nightclub()
    session = await club.session()
    booking = await city.guest().book(session, tables=[club.tables[7]], party=4)
    await club.stripe.pause_events()
    try:
        await booking.pay(club.stripe)
        await clock.advance(timedelta(minutes=15))
        await booking.becomes("confirmed")
    finally:
        await club.stripe.resume_events()

    assert await club.table_status(city.anybody, session, 7) == "booked"
    await mailbox.wait_for(booking.email, booking.reference, "confirmed")
    await until("everything done", lambda: tables.quiet(booking.id))
    assert await club.stripe.refunds(booking.id) == []
    path = [
        entry["type"] for entry in await club.timeline(booking) if entry["service"] == "booking"
    ]
    assert path.index("booking.expired.v1") < path.index("booking.confirmed.v1"), path


async def test_paid_after_expiry_with_the_table_taken_is_refunded_with_an_apology(
    city: City, clock: Clock, mailbox: Mailbox, tables: Tables, http: Http
) -> None:
    """Paid, but a rival has the table: unfulfillable, all of it refunded once, and an apology."""
    club = await city.nightclub()
    session = await club.session()
    booking = await city.guest().book(session, tables=[club.tables[7]], party=4)
    await club.stripe.pause_events()
    try:
        await booking.pay(club.stripe)
        # Or payments might learn of the money before the rival comes.
        async with too_busy_to_cancel(http, club):
            await clock.advance(timedelta(minutes=15))
            rival = await city.guest().book(session, tables=[club.tables[7]], party=2)
        await booking.becomes("unfulfillable")
    finally:
        await club.stripe.resume_events()

    await booking.pays(5000, refunded=5000)
    letter = await mailbox.wait_for(booking.email, booking.reference, "sorry")
    assert "50.00" in letter.text
    await until("everything done", lambda: tables.quiet(booking.id))
    seen = await booking.read()
    assert (seen["status"], seen["payment_status"]) == ("unfulfillable", "refunded")
    (refund,) = await club.stripe.refunds(booking.id)
    assert (refund["amount"], refund["status"]) == (5000, "succeeded")
    assert len(await mailbox.letters(booking.email)) == 1
    assert (await rival.read())["status"] == "pending_payment"
    await rival.confirmed(club.stripe)


async def test_paid_for_a_cancelled_booking_is_refunded(
    city: City, mailbox: Mailbox, tables: Tables
) -> None:
    """Cancelled while the money was on its way: it stays cancelled and the money goes back."""
    club = await city.nightclub()
    session = await club.session()
    booking = await city.guest().book(session, tables=[club.tables[7]], party=4)
    await club.stripe.pause_events()
    try:
        await booking.pay(club.stripe)
        answer = await booking.cancel()
        assert (answer["status"], answer["refund_eligible"]) == ("cancelled", False)
    finally:
        await club.stripe.resume_events()

    async def refunded() -> bool:
        return bool(await club.stripe.refunds(booking.id))

    await until("a refund", refunded)
    await until("everything done", lambda: tables.quiet(booking.id))
    (refund,) = await club.stripe.refunds(booking.id)
    assert (refund["amount"], refund["status"]) == (5000, "succeeded")
    assert (await booking.read())["status"] == "cancelled"
    assert await club.table_status(city.anybody, session, 7) == "available"
    subjects = [letter.subject for letter in await mailbox.letters(booking.email)]
    assert all("confirmed" not in subject for subject in subjects), subjects


@asynccontextmanager
async def too_busy_to_cancel(http: Http, place: Place) -> AsyncIterator[None]:
    """Stripe cancels nothing while this lasts; it is asked again every second."""
    faults = f"{place.stripe.base}/_sandbox/faults"
    busy = {"status": 429, "retry_after": 1, "count": 100_000}
    asked = {"method": "POST", "path": "/v1/payment_intents/*/cancel", **busy}
    answer = await http.ask("POST", faults, json=asked)
    assert answer.status == 200, str(answer)
    try:
        yield
    finally:
        await http.ask("DELETE", faults)
