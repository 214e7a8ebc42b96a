"""Many guests at once: a place is sold once, and a repeated request is one request."""

import random

from .calls import problem, until
from .people import City, Guest, Session, at_once, new_key
from .system import Tables


async def test_five_hundred_attempts_for_twenty_places(city: City, tables: Tables) -> None:
    """20 places, 500 attempts by 32 clients: exactly 20 holds, 480 refusals, none left."""
    studio = await city.studio(capacity=20)
    session = await studio.session()
    guests = [city.guest() for _ in range(500)]

    answers = await at_once(*(guest.tries(session) for guest in guests), clients=32)

    held = [answer.json() for answer in answers if answer.status in (201, 202)]
    assert len(held) == 20
    assert len({booking["id"] for booking in held}) == 20
    assert len({booking["reference"] for booking in held}) == 20
    for answer in answers:
        if answer.status not in (201, 202):
            problem(answer, 409, "CAPACITY_EXCEEDED")
    assert await studio.remaining(city.anybody, session) == 0
    assert await live_bookings(tables, session) == 20

    async def all_payable() -> bool:
        intents = await studio.stripe.live_intents()
        return {one["metadata"]["booking_id"] for one in intents} == {one["id"] for one in held}

    await until("an intent per booking", all_payable)
    assert len(await studio.stripe.intents()) == 20


async def test_one_key_from_sixteen_clients_is_one_booking(city: City, tables: Tables) -> None:
    """The same Idempotency-Key 16 times at once: one booking, 16 equal answers that all work."""
    studio = await city.studio(capacity=20)
    session = await studio.session()
    guest = city.guest()
    wish, key = guest.wish(session), new_key()

    answers = await at_once(*(guest.ask_for(wish, key=key) for _ in range(16)))

    assert {answer.status for answer in answers} <= {201, 202}, list(map(str, answers))
    told = [answer.json() for answer in answers]
    same = ("id", "reference", "status", "amount_total", "amount_due_now", "expires_at")
    assert len({str([one[name] for name in same]) for one in told}) == 1
    assert {answer.headers["location"] for answer in answers} == {f"/v1/bookings/{told[0]['id']}"}
    for token in {one["manage_token"] for one in told}:
        seen = await guest.holding(token).get(f"/v1/bookings/{told[0]['id']}")
        assert seen["reference"] == told[0]["reference"]
    assert await live_bookings(tables, session) == 1
    assert await studio.remaining(city.anybody, session) == 19
    await until("an intent", lambda: studio.stripe.intents(told[0]["id"]))
    await until("everything done", lambda: tables.quiet(told[0]["id"]))
    assert len(await studio.stripe.intents()) == 1

    again = await guest.ask_for(wish, key=key)
    assert again.json()["id"] == told[0]["id"]
    assert again.json()["payment"]["client_secret"]
    other = guest.wish(session, special_requests="something else")
    problem(await guest.ask_for(other, key=key), 422, "IDEMPOTENCY_KEY_REUSED")
    assert await live_bookings(tables, session) == 1


async def test_a_key_belongs_to_its_request(city: City, tables: Tables) -> None:
    """Without a key, or one that is too short: 400, nothing stored."""
    studio = await city.studio()
    session = await studio.session()
    wish = city.guest().wish(session)
    for headers in ({}, {"Idempotency-Key": "short"}, {"Idempotency-Key": "x" * 256}):
        answer = await city.anybody.ask("POST", "/v1/bookings", json=wish, headers=headers)
        problem(answer, 400, "IDEMPOTENCY_KEY_REQUIRED")
    assert await live_bookings(tables, session) == 0


async def test_guests_and_cancellations_cross_without_a_deadlock(
    city: City, tables: Tables
) -> None:
    """Overlapping table sets booked and cancelled at once: no failure, no table sold twice."""
    numbers = range(1, 7)
    club = await city.nightclub(dict.fromkeys(numbers, (2, 6)), inventory={"max_resources": 3})
    session = await club.session()
    dice = random.Random(20)

    async def comes_and_goes(guest: Guest) -> None:
        chosen = dice.sample(sorted(club.tables.values()), 3)
        answer = await guest.tries(session, tables=chosen, party=6)
        if answer.status == 409:
            problem(answer, 409, "RESOURCE_TAKEN")
            return
        assert answer.status in (201, 202), str(answer)
        held = answer.json()
        holder = guest.holding(held["manage_token"])
        await holder.post(f"/v1/bookings/{held['id']}/cancel", {}, key=new_key())

    await at_once(*(comes_and_goes(city.guest()) for _ in range(60)), clients=16)

    assert await live_bookings(tables, session) == 0
    free = await city.anybody.get(f"/v1/sessions/{session.id}/availability")
    assert {table["status"] for table in free["tables"]} == {"available"}


async def live_bookings(tables: Tables, session: Session) -> int:
    count: int = await tables.value(
        "booking",
        "SELECT count(*) FROM bookings"
        " WHERE session_id = $1::text::uuid AND status IN ('pending_payment', 'confirmed')",
        session.id,
    )
    return count
