"""Scenarios of the source system that sold tables at events (S0)."""

import re
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from .calls import fields, problem, until
from .outside import AUTHENTICATION, DECLINED, EXPIRED_CARD, INSUFFICIENT_FUNDS, Mailbox, instant
from .people import Booking, City, Session, at_once
from .system import Clock, Tables

LEEDS = ZoneInfo("Europe/London")


async def test_s0_01_a_guest_books_a_table_and_gets_a_way_to_pay(city: City, clock: Clock) -> None:
    """A dated session in 10 days, 22:00-03:00 local, table 7 (2-6 seats), 4 people: 201."""
    club = await city.nightclub({7: (2, 6)})
    now = (await clock.now()).astimezone(LEEDS)
    session = await club.session_at(
        date=(now + timedelta(days=10)).date().isoformat(), start_time="22:00", end_time="03:00"
    )
    guest = city.guest(phone="07123456789")

    answer = await guest.tries(session, tables=[club.tables[7]], party=4, arrival_time="22:30")
    booking = Booking(guest, answer.json(), guest.holding(answer.json()["manage_token"]))

    assert answer.status in (201, 202)
    assert answer.headers["location"] == booking.path
    assert re.fullmatch(rf"BRL-{now.year}-[A-Z0-9]{{5}}", booking.reference)
    assert booking.held["status"] == "pending_payment"
    assert booking.held["amount_due_now"] == {"amount_minor": 5000, "currency": "GBP"}
    assert 0 < booking.held["seconds_left"] <= 15 * 60
    payment = await booking.payment()
    assert payment["publishable_key"] == club.stripe.publishable_key

    (intent,) = await club.stripe.intents()
    assert (intent["amount"], intent["currency"]) == (5000, "gbp")
    assert payment["client_secret"] == intent["client_secret"]
    assert intent["metadata"]["booking_id"] == booking.id
    assert intent["metadata"]["session_id"] == session.id
    assert all(isinstance(value, str) for value in intent["metadata"].values())
    seen = await booking.read()
    local = [instant.astimezone(LEEDS) for instant in (session.starts_at, session.ends_at)]
    assert [f"{each:%H:%M}" for each in local] == ["22:00", "03:00"]
    assert (local[1].date() - local[0].date()).days == 1
    assert seen["arrives_at"].startswith(
        (session.starts_at + timedelta(minutes=30)).strftime("%Y-%m-%dT%H:%M")
    )
    assert [one["number"] for one in seen["resources"]] == [7]


async def test_s0_02_fifty_guests_for_one_table(city: City, tables: Tables) -> None:
    """50 guests book table 7 at once: exactly 1 x 201, 49 x 409, one live intent."""
    club = await city.nightclub()
    session = await club.session()
    guests = [city.guest() for _ in range(50)]

    answers = await at_once(
        *(guest.tries(session, tables=[club.tables[7]], party=2) for guest in guests)
    )

    taken = [answer for answer in answers if answer.status in (201, 202)]
    assert len(taken) == 1, [answer.status for answer in answers]
    for answer in answers:
        if answer is not taken[0]:
            problem(answer, 409, "RESOURCE_TAKEN")
    booking_id = taken[0].json()["id"]
    await until("an intent", lambda: club.stripe.intents(booking_id))
    await until("everything done", lambda: tables.quiet(booking_id))
    assert len(await club.stripe.live_intents()) == 1
    assert await bookings_of(tables, session) == 1


async def test_s0_03_a_paid_table_is_confirmed_and_announced_once(
    city: City, mailbox: Mailbox, tables: Tables
) -> None:
    """The signed `payment_intent.succeeded` confirms: deposit paid, table booked, 1 e-mail sent."""
    club = await city.nightclub()
    session = await club.session()
    booking = await city.guest().book(session, tables=[club.tables[7]], party=4)
    assert await club.table_status(city.anybody, session, 7) == "pending"

    await booking.pay(club.stripe)

    seen = await booking.becomes("confirmed")
    assert seen["payment_status"] == "paid"
    assert seen["amount_paid"] == {"amount_minor": 5000, "currency": "GBP"}
    assert await club.table_status(city.anybody, session, 7) == "booked"
    await mailbox.wait_for(booking.email, booking.reference, "confirmed")
    await until("everything done", lambda: tables.quiet(booking.id))
    assert len(await mailbox.letters(booking.email)) == 1
    told = (await club.staff.get(f"{booking.path}/messages"))["items"]
    assert [(one["kind"], one["state"]) for one in told] == [("confirmation", "sent")]


async def test_s0_05_authentication_keeps_the_table_until_it_succeeds(city: City) -> None:
    """Card …3155: `requires_authentication`, table pending; authenticated: confirmed."""
    club = await city.nightclub()
    session = await club.session()
    booking = await city.guest().book(session, tables=[club.tables[7]], party=4)

    intent = await booking.pay(club.stripe, AUTHENTICATION)
    assert intent["status"] == "requires_action"

    await booking.becomes("requires_authentication")
    assert await club.table_status(city.anybody, session, 7) == "pending"
    await club.stripe.authenticate(intent["id"])
    await booking.becomes("confirmed")
    assert await club.table_status(city.anybody, session, 7) == "booked"


async def test_s0_06_a_declined_card_frees_the_table(
    city: City, mailbox: Mailbox, tables: Tables
) -> None:
    """Card …0002: `payment_failed`, 1 failure e-mail, table available, another guest books it."""
    club = await city.nightclub()
    session = await club.session()
    booking = await city.guest().book(session, tables=[club.tables[7]], party=4)

    refused = await booking.pay(club.stripe, DECLINED)
    assert refused["error"]["code"] == "card_declined"

    seen = await booking.becomes("payment_failed")
    assert seen["payment_status"] == "failed"
    assert await club.table_status(city.anybody, session, 7) == "available"
    await mailbox.wait_for(booking.email, booking.reference, "Payment failed")
    await until("everything done", lambda: tables.quiet(booking.id))
    assert len(await mailbox.letters(booking.email)) == 1
    assert (await club.stripe.intent_of(booking.id))["status"] == "canceled"
    await (await city.guest().book(session, tables=[club.tables[7]], party=4)).read()


async def test_s0_07_each_refusal_has_its_own_message(city: City, mailbox: Mailbox) -> None:
    """Declines `insufficient_funds` and `expired_card` read as two different customer messages."""
    club = await city.nightclub({7: (2, 6), 8: (2, 6)})
    session = await club.session()
    said = {}
    for number, card in ((7, INSUFFICIENT_FUNDS), (8, EXPIRED_CARD)):
        booking = await city.guest().book(session, tables=[club.tables[number]], party=2)
        await booking.pay(club.stripe, card)
        seen = await booking.becomes("payment_failed")
        payment = await booking.holder.get(f"{booking.path}/payment")
        letter = await mailbox.wait_for(booking.email, booking.reference)
        said[card] = (seen["failure"]["message"], payment["failure"]["message"], letter.text)
    assert all("funds" in text for text in said[INSUFFICIENT_FUNDS]), said
    assert all("expired" in text for text in said[EXPIRED_CARD]), said


async def test_s0_08_a_hold_ends_after_exactly_fifteen_minutes(
    city: City, clock: Clock, tables: Tables
) -> None:
    """14 min 59 s: a rival gets 409. 15 min: expired, intent cancelled, the rival gets 201."""
    club = await city.nightclub()
    for seconds in (1, 5, 30, 180):  # a request may take longer than what is left
        session = await club.session()
        booking = await city.guest().book(session, tables=[club.tables[7]], party=4)
        await booking.payment()
        assert (await club.stripe.intent_of(booking.id))["status"] == "requires_payment_method"
        seen = await booking.read()
        expires_at = instant(seen["expires_at"])
        created_at = instant(seen["created_at"])
        assert expires_at - created_at == timedelta(minutes=15)

        await clock.advance_to(expires_at - timedelta(seconds=seconds))
        early = await city.guest().tries(session, tables=[club.tables[7]], party=2)
        if early.status == 409 or await clock.now() < expires_at:
            break
    problem(early, 409, "RESOURCE_TAKEN")

    await clock.advance(max(expires_at - await clock.now(), timedelta()))
    rival = await city.guest().book(session, tables=[club.tables[7]], party=2)

    seen = await booking.becomes("expired")
    assert seen["seconds_left"] == 0
    assert not seen["can_cancel"]

    async def cancelled() -> bool:
        return (await club.stripe.intent_of(booking.id))["status"] == "canceled"

    await until("the intent to be cancelled", cancelled)
    assert (await rival.read())["status"] == "pending_payment"


async def test_s0_08_an_expired_hold_frees_the_table_by_itself(city: City, clock: Clock) -> None:
    """15 min without a payment: expired and the table available, with nobody asking for it."""
    club = await city.nightclub()
    session = await club.session()
    booking = await city.guest().book(session, tables=[club.tables[7]], party=4)

    await clock.advance(timedelta(minutes=15))

    await booking.becomes("expired")
    assert await club.table_status(city.anybody, session, 7) == "available"


async def test_s0_10_the_refund_ends_at_exactly_48_hours(
    city: City, clock: Clock, mailbox: Mailbox
) -> None:
    """49 h ahead: refunded 5000 with e-mail. At exactly 48 h and at 47 h: cancelled, no refund."""
    club = await city.nightclub({7: (2, 6), 8: (2, 6), 9: (2, 6)})
    session = await club.session(timedelta(hours=50))
    early, exact, late = [
        await (await city.guest().book(session, tables=[club.tables[number]], party=2)).confirmed(
            club.stripe
        )
        for number in (7, 8, 9)
    ]

    await clock.advance_to(session.starts_at - timedelta(hours=49))
    answer = await early.cancel()
    assert answer["refund_eligible"] is True
    assert answer["refund"] == {"amount_minor": 5000, "currency": "GBP"}
    await early.pays(5000, refunded=5000)
    (refund,) = await club.stripe.refunds(early.id)
    assert (refund["amount"], refund["status"]) == (5000, "succeeded")
    await mailbox.wait_for(early.email, early.reference, "cancelled", "50")

    await clock.advance_to(session.starts_at - timedelta(hours=48, minutes=10))
    assert (await exact.read())["cancel"]["refund_percent"] == 100
    await clock.advance_to(session.starts_at - timedelta(hours=48))
    assert (await exact.read())["cancel"]["refund_percent"] == 0
    answer = await exact.cancel()
    assert answer["refund_eligible"] is False
    assert answer["refund"]["amount_minor"] == 0

    await clock.advance_to(session.starts_at - timedelta(hours=47))
    assert (await late.cancel())["refund_eligible"] is False
    for booking in (exact, late):
        await mailbox.wait_for(booking.email, booking.reference, "cancelled", "no refund")
        assert await club.stripe.refunds(booking.id) == []
        assert (await booking.read())["amount_refunded"]["amount_minor"] == 0


async def test_s0_11_what_can_be_asked_of_a_pending_booking(city: City) -> None:
    """A pending booking can be cancelled (decisions), an unknown one is 404, other actions 422."""
    club = await city.nightclub()
    session = await club.session()
    booking = await city.guest().book(session, tables=[club.tables[7]], party=4)
    nowhere = "/v1/bookings/00000000-0000-4000-8000-000000000000/cancel"

    assert fields(
        await booking.holder.ask("POST", f"{booking.path}/cancel", json={"action": "foo"})
    ) == {"action"}
    problem(await booking.holder.ask("POST", nowhere, json={}), 404, "NOT_FOUND")
    problem(await club.staff.ask("POST", nowhere, json={"reason": "none"}), 404, "NOT_FOUND")
    problem(await booking.holder.ask("POST", f"{booking.path}/foo", json={}), 404)
    assert (await booking.read())["status"] == "pending_payment"

    answer = await booking.cancel()
    assert (answer["status"], answer["refund_eligible"]) == ("cancelled", False)
    assert await club.table_status(city.anybody, session, 7) == "available"

    async def cancelled() -> bool:
        intents = await club.stripe.intents(booking.id)
        return all(one["status"] == "canceled" for one in intents)

    await until("the intent to be cancelled", cancelled)
    again = await booking.holder.ask("POST", f"{booking.path}/cancel", json={})
    problem(again, 409, "CANNOT_CANCEL")


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("customer.phone", {"phone": "12345"}),
        ("party_size", {"party": 13}),
        ("party_size", {"party": 0}),
        ("customer.name", {"name": "A"}),
        ("customer.email", {"email": "not-an-address"}),
    ],
    ids=["phone", "party 13", "party 0", "name", "email"],
)
async def test_s0_12_a_wrong_field_is_named_and_nothing_is_stored(
    city: City, tables: Tables, field: str, change: dict[str, object]
) -> None:
    """Phone 12345, party 13, party 0, name A, bad e-mail, each alone: 422 naming it, nothing kept."""
    club = await city.nightclub({7: (2, 20)})
    session = await club.session()
    wish = city.guest().wish(session, tables=[club.tables[7]], party=4)
    change = dict(change)
    if "party" in change:
        wish["party_size"] = change.pop("party")
    wish["customer"] |= change

    answer = await city.guest().ask_for(wish)

    assert fields(answer) == {field}
    assert await bookings_of(tables, session) == 0
    assert await club.stripe.intents() == []
    assert await club.table_status(city.anybody, session, 7) == "available"


async def test_s0_13_a_party_must_fit_the_table(city: City, tables: Tables) -> None:
    """Table 7 (2-6 seats), party of 8: 422, nothing stored."""
    club = await city.nightclub({7: (2, 6)})
    session = await club.session()

    answer = await city.guest().tries(session, tables=[club.tables[7]], party=8)

    assert fields(answer) == {"party_size"}
    assert await bookings_of(tables, session) == 0
    assert await club.stripe.intents() == []


async def bookings_of(tables: Tables, session: Session) -> int:
    count: int = await tables.value(
        "booking", "SELECT count(*) FROM bookings WHERE session_id = $1::text::uuid", session.id
    )
    return count
