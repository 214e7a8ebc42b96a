"""Money that takes days: the place waits for it, and only where there is time to (F-11, PAY-09)."""

from datetime import timedelta

from .calls import fields, problem, until
from .outside import CLEARS_LATER, REFUSES_LATER, Mailbox
from .people import Booking, City, Place, Session
from .system import Clock

DEPOSIT = {"amount_minor": 5000, "payment_methods": ["card", "bacs_debit"]}
FOUR_DAYS = {"clearing_minutes": 4 * 24 * 60}
THE_BANK_TAKES = timedelta(minutes=3)


async def by_debit(city: City, club: Place, session: Session, account: str) -> Booking:
    """A table whose guest has agreed to a debit; the bank has yet to answer."""
    booking = await city.guest().book(
        session, tables=[club.tables[7]], party=4, payment_method="bacs_debit"
    )
    intent = await club.stripe.debit((await booking.payment())["client_secret"], account)
    assert intent["status"] == "processing"

    async def clearing() -> bool:
        return bool((await booking.read())["payment_status"] == "processing")

    await until("the payment to be clearing", clearing)
    return booking


async def test_f11_a_place_is_kept_while_its_debit_clears(
    city: City, clock: Clock, mailbox: Mailbox
) -> None:
    """Long after the hold of 15 minutes the table is still the guest's; then it is confirmed."""
    club = await city.nightclub(pricing=DEPOSIT, policy=FOUR_DAYS)
    session = await club.session()
    booking = await by_debit(city, club, session, CLEARS_LATER)
    assert (await booking.holder.get(f"{booking.path}/payment"))["status"] == "processing"
    await clock.advance(timedelta(hours=2))
    seen = await booking.read()
    assert (seen["status"], seen["payment_status"]) == ("pending_payment", "processing")
    assert seen["seconds_left"] > 3 * 24 * 3600
    rival = await city.guest().tries(session, tables=[club.tables[7]], party=4)
    problem(rival, 409, "RESOURCE_TAKEN")

    await club.stripe.time_passes(THE_BANK_TAKES)
    seen = await booking.becomes("confirmed")
    assert (seen["payment_status"], seen["amount_paid"]["amount_minor"]) == ("paid", 5000)
    await mailbox.wait_for(booking.email, booking.reference)


async def test_f11_a_debit_that_is_refused_frees_the_place(
    city: City, clock: Clock, mailbox: Mailbox
) -> None:
    """The bank says no, hours later: released, told in words of its own, nothing was taken."""
    club = await city.nightclub(pricing=DEPOSIT, policy=FOUR_DAYS)
    session = await club.session()
    booking = await by_debit(city, club, session, REFUSES_LATER)
    await clock.advance(timedelta(hours=2))
    await club.stripe.time_passes(THE_BANK_TAKES)
    seen = await booking.becomes("payment_failed")
    assert "direct debit" in seen["failure"]["message"]
    assert (await club.stripe.intent_of(booking.id))["amount_received"] == 0
    await mailbox.wait_for(booking.email, booking.reference, "direct debit")
    again = await city.guest().tries(session, tables=[club.tables[7]], party=4)
    assert again.status in (201, 202)


async def test_f11_money_that_clears_after_the_deadline_finds_its_place_or_goes_back(
    city: City, clock: Clock
) -> None:
    """The clearing deadline ends the hold though nobody can call a debit back."""
    policy = {"clearing_minutes": 60, "late_payment": "refund"}
    club = await city.nightclub(pricing=DEPOSIT, policy=policy)
    session = await club.session()
    booking = await by_debit(city, club, session, CLEARS_LATER)
    await clock.advance(timedelta(minutes=61))
    await booking.becomes("expired")
    await club.stripe.time_passes(THE_BANK_TAKES)
    await booking.becomes("unfulfillable")
    await booking.pays(5000, refunded=5000)
    (refund,) = await club.stripe.refunds(booking.id)
    assert refund["amount"] == 5000


async def test_pay09_a_debit_is_not_offered_where_it_cannot_clear_in_time(city: City) -> None:
    """Three days ahead, and clearing takes four: by card only; no table is taken by asking."""
    club = await city.nightclub(pricing=DEPOSIT, policy=FOUR_DAYS)
    soon, later = await club.session(timedelta(days=3)), await club.session(timedelta(days=5))
    offered = {}
    for session in (soon, later):
        body = {"session_id": session.id, "resource_ids": [club.tables[7]], "party_size": 4}
        quoted = await city.anybody.post("/v1/quotes", body)
        offered[session.id] = quoted["payment_methods"]
    assert offered == {soon.id: ["card"], later.id: ["card", "bacs_debit"]}
    refused = await city.guest().tries(
        soon, tables=[club.tables[7]], party=4, payment_method="bacs_debit"
    )
    assert fields(refused) == {"payment_method"}
    assert await club.table_status(city.anybody, soon, 7) == "available"
    assert await club.stripe.intents() == []
