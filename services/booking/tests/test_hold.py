import asyncio
import re
from collections import Counter
from datetime import timedelta

import pytest

from booking.domain.lifecycle import PaymentStatus, Status
from booking.domain.refusals import (
    CapacityExceeded,
    IdempotencyInProgress,
    IdempotencyKeyReused,
    InvalidRequest,
    PaymentsOff,
    Refusal,
    ResourceTaken,
    SessionClosed,
    SessionStarted,
    Undecided,
    Unknown,
)
from booking.store import bookings
from booking.usecases.expire import expire


async def outcomes(attempts):
    results = await asyncio.gather(*attempts, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException) and not isinstance(result, Refusal):
            raise result
    return Counter(type(result).__name__ for result in results)


async def test_a_class_is_held_for_fifteen_minutes_and_priced_by_us(world):
    session = await world.class_session(price=18000)
    before = await world.now()
    held = await world.hold(session)
    booking = await world.booking(held)
    assert booking.status is Status.PENDING_PAYMENT
    assert booking.payment_status is PaymentStatus.UNPAID
    assert booking.quote.due_now.amount_minor == 18000
    assert before <= held.expires_at - timedelta(minutes=15) <= await world.now()
    assert re.fullmatch(rf"BRL-{before.year}-[A-Z2-9]{{5}}", held.reference)
    assert await world.taken(session) == 1
    assert await world.types(held) == ["booking.held.v1"]
    assert await world.timer_of(held) == held.expires_at


async def test_a_free_class_is_confirmed_at_once(world):
    session = await world.class_session(price=0)
    held = await world.hold(session, payments=False)
    booking = await world.booking(held)
    assert (booking.status, booking.payment_status) == (
        Status.CONFIRMED,
        PaymentStatus.NOT_REQUIRED,
    )
    assert await world.types(held) == ["booking.confirmed.v1"]
    assert await world.timer_of(held) is None


async def test_contacts_are_unreadable_in_the_row_and_on_the_bus(world, shop):
    session = await world.class_session()
    held = await world.hold(session, email="Secret.Guest@Example.com", phone="07123 456 789")
    rows = await world.admin.fetch("SELECT b::text FROM bookings b WHERE id = $1", held.booking_id)
    payloads = [row["payload"] for row in await world.published(about=held)]
    audit = await world.admin.fetch(
        "SELECT a::text FROM audit a WHERE entity_id = $1", held.booking_id
    )
    for text in [rows[0][0], *payloads, *(row[0] for row in audit)]:
        assert "secret.guest" not in text.lower()
        assert "7123456789" not in text
    booking = await world.booking(held)
    contact = shop.vault.open(booking.sealed_contact, booking.id)
    assert (contact.email, contact.phone) == ("secret.guest@example.com", "+447123456789")


async def test_fifty_guests_for_one_table(world):
    session, (table,) = await world.table_session()
    seen = await outcomes(world.hold(session, [table]) for _ in range(50))
    assert seen == {"Held": 1, "ResourceTaken": 49}


async def test_twenty_places_and_five_hundred_attempts_from_thirty_two_clients(world):
    session = await world.class_session(capacity=20)
    gate = asyncio.Semaphore(32)

    async def attempt():
        async with gate:
            return await world.hold(session)

    seen = await outcomes(attempt() for _ in range(500))
    assert seen == {"Held": 20, "CapacityExceeded": 480}
    assert await world.taken(session) == 20
    assert not await world.drift()


async def test_one_key_from_sixteen_clients_is_one_booking(world):
    session = await world.class_session()
    held = await asyncio.gather(*(world.hold(session, key="k" * 16) for _ in range(16)))
    assert len({one.booking_id for one in held}) == 1
    assert len(set(held)) == 1
    assert await world.taken(session) == 1


async def test_the_same_key_with_another_request_is_refused(world):
    session = await world.class_session()
    await world.hold(session, key="k" * 16, request=b"one")
    with pytest.raises(IdempotencyKeyReused):
        await world.hold(session, key="k" * 16, request=b"two")
    assert await world.taken(session) == 1


async def test_a_replay_is_answered_even_when_the_place_is_gone_or_the_session_began(world):
    session = await world.class_session(capacity=1, starts_in=timedelta(hours=1))
    held = await world.hold(session, key="k" * 16)
    assert await world.hold(session, key="k" * 16) == held
    await world.pay(held)
    await world.advance(hours=2)
    assert await world.hold(session, key="k" * 16) == held


async def test_a_key_is_forgotten_after_a_day(world):
    session = await world.class_session()
    first = await world.hold(session, key="k" * 16, request=b"one")
    await world.advance(hours=24)
    second = await world.hold(session, key="k" * 16, request=b"two")
    assert first.booking_id != second.booking_id


async def test_a_refused_hold_leaves_its_key_free(world):
    session = await world.class_session(capacity=1)
    other = await world.hold(session)
    with pytest.raises(CapacityExceeded):
        await world.hold(session, key="k" * 16)
    await world.cancel(other)
    assert await world.hold(session, key="k" * 16)


async def test_a_rival_that_takes_too_long_is_in_progress(world, hurried):
    world = hurried(world)
    session = await world.class_session()
    async with world.db.transaction(world.org_id) as tx:
        await tx.execute(
            "INSERT INTO idempotency VALUES ($1, 'guest', 'POST /bookings', $2, 'x', '{}', now())",
            world.org_id,
            "k" * 16,
        )
        with pytest.raises(IdempotencyInProgress):
            await world.hold(session, key="k" * 16)


async def test_an_unpaid_hold_stands_in_the_way_to_the_very_instant(world):
    session, tables = await world.table_session(tables=4, policy={"max_unpaid_holds": 10})
    held = [await world.hold(session, [table]) for table in tables]
    lapses = min(one.expires_at for one in held)

    async def attempt(number):
        return await outcomes([world.hold(session, [tables[number]])]), number

    seen, number = await world.just_before(lapses, attempt)
    assert seen == {"ResourceTaken": 1}
    held, table = held[number], tables[number]
    await world.advance(seconds=(held.expires_at - await world.now()).total_seconds())
    rival = await world.hold(session, [table])
    assert (await world.booking(held)).status is Status.EXPIRED
    assert (await world.booking(rival)).status is Status.PENDING_PAYMENT
    assert await world.types(held) == ["booking.held.v1", "booking.expired.v1"]
    assert await world.timer_of(held) is None


async def test_lapsed_holds_of_a_full_class_make_way(world):
    session = await world.class_session(capacity=3)
    lapsed = [await world.hold(session) for _ in range(3)]
    await world.advance(minutes=15)
    seen = await outcomes(world.hold(session) for _ in range(10))
    assert seen == {"Held": 3, "CapacityExceeded": 7}
    assert {(await world.booking(one)).status for one in lapsed} == {Status.EXPIRED}
    assert not await world.drift()


async def a_table(world):
    session, tables = await world.table_session()
    return session, tables


async def the_last_place(world):
    return await world.class_session(capacity=1), ()


PLACES = pytest.mark.parametrize("place", [a_table, the_last_place])


@PLACES
async def test_a_lapsed_hold_that_somebody_is_ending_never_counts(world, place, monkeypatch):
    """The timer has the row and has not freed the place yet: the rival waits for what it says."""
    session, tables = await place(world)
    held = await world.hold(session, tables)
    await world.advance(minutes=15)
    refused, look = asyncio.Event(), bookings.standing

    async def looked(tx, wanted, now):
        refused.set()
        return await look(tx, wanted, now)

    monkeypatch.setattr(bookings, "standing", looked)
    async with world.db.transaction(world.org_id) as timer:
        await bookings.lock(timer, held.booking_id)
        wish = asyncio.create_task(world.hold(session, tables))
        await asyncio.wait_for(refused.wait(), 60)
        assert not wish.done()
        await expire(timer, held.booking_id)
    rival = await wish
    assert (await world.booking(held)).status is Status.EXPIRED
    assert (await world.booking(rival)).status is Status.PENDING_PAYMENT
    assert not await world.drift()


@PLACES
async def test_a_place_that_was_freed_a_moment_ago_is_tried_again(world, place, monkeypatch):
    """Between the refusal and the look for lapsed holds, the timer ends the one in the way."""
    session, tables = await place(world)
    held = await world.hold(session, tables)
    await world.advance(minutes=15)
    look = bookings.lock_lapsed_in_the_way_of

    async def after_the_timer(tx, wanted, now):
        await world.expire(held)
        return await look(tx, wanted, now)

    monkeypatch.setattr(bookings, "lock_lapsed_in_the_way_of", after_the_timer)
    rival = await world.hold(session, tables)
    assert (await world.booking(rival)).status is Status.PENDING_PAYMENT
    assert not await world.drift()


@PLACES
async def test_a_row_that_is_kept_for_seconds_is_busy_and_leaves_nothing(world, hurried, place):
    world = hurried(world)
    session, tables = await place(world)
    held = await world.hold(session, tables)
    await world.advance(minutes=15)
    async with world.db.transaction(world.org_id) as slow:
        await bookings.lock(slow, held.booking_id)
        with pytest.raises(Undecided):
            await world.hold(session, tables, key="k" * 16)
    await world.hold(session, tables, key="k" * 16)
    assert not await world.drift()


async def test_a_table_is_in_one_place_at_a_time_across_sessions(world):
    session, (table,) = await world.table_session()
    offering = await world.offering("event_table")
    overlapping = await world.open(offering, starts_in=timedelta(days=10, hours=2))
    later = await world.open(offering, starts_in=timedelta(days=11))
    await world.hold(session, [table])
    with pytest.raises(ResourceTaken):
        await world.hold(overlapping, [table])
    assert await world.hold(later, [table])


async def test_two_tables_are_taken_together_or_not_at_all(world):
    session, tables = await world.table_session(tables=3, max_resources=2)
    await world.hold(session, tables[:1])
    with pytest.raises(ResourceTaken):
        await world.hold(session, tables[:2], party=6)
    assert await world.hold(session, tables[1:], party=6)


async def test_crossing_pairs_of_tables_never_deadlock(world):
    session, tables = await world.table_session(tables=4, max_resources=3)
    pairs = [(a, b) for a in tables for b in tables if a is not b]
    seen = await outcomes(world.hold(session, pair, party=6) for pair in pairs * 4)
    assert seen["Held"] == 2
    assert set(seen) == {"Held", "ResourceTaken"}


async def test_references_are_drawn_again_until_unique(world, monkeypatch):
    from booking.usecases import hold as module

    session = await world.class_session()
    taken = (await world.hold(session)).reference
    drawn = iter([taken, taken, "BRL-2030-22222"])
    monkeypatch.setattr(module, "new_reference", lambda *_: next(drawn))
    assert (await world.hold(session)).reference == "BRL-2030-22222"
    assert await world.taken(session) == 2
    assert not await world.drift()


async def test_nothing_is_sold_after_the_start_or_when_closed(world):
    from booking.domain.catalogue import SessionStatus
    from booking.usecases.edit_session import EditSession, edit_session

    session = await world.class_session(starts_in=timedelta(hours=1))
    closed = await world.class_session()
    edit = EditSession(
        session_id=closed.id,
        status=SessionStatus.CLOSED,
        actor="test",
    )
    await world.run(lambda tx: edit_session(tx, edit))
    with pytest.raises(SessionClosed):
        await world.hold(closed)
    await world.advance(hours=1)
    with pytest.raises(SessionStarted):
        await world.hold(session)


async def test_with_payments_off_only_free_places_are_sold(world):
    session = await world.class_session()
    with pytest.raises(PaymentsOff):
        await world.hold(session, payments=False)
    assert await world.taken(session) == 0


@pytest.mark.parametrize(
    ("field", "wish"),
    [
        ("customer.phone", {"phone": "12345"}),
        ("customer.email", {"email": "not an address"}),
        ("party_size", {"party": 7}),
        ("party_size", {"party": 1}),
    ],
)
async def test_a_bad_wish_names_its_field_and_leaves_nothing(world, field, wish):
    session, (table,) = await world.table_session()
    with pytest.raises(InvalidRequest) as refused:
        await world.hold(session, [table], **wish)
    assert [fault.field for fault in refused.value.faults] == [field]
    for name in ("bookings", "idempotency", "allocations"):
        assert not await world.admin.fetchval(
            f"SELECT count(*) FROM {name} WHERE org_id = $1", world.org_id
        )


async def test_tenants_do_not_see_each_other(world, db, admin, shop):

    session = await world.class_session()
    other = await type(world)(db=db, admin=admin, shop=shop).found()
    with pytest.raises(Unknown):
        await other.hold(session)
