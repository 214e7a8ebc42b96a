"""Groups in line: first come, first served, skipping whom it does not fit, each offer a hold."""

import asyncio
from datetime import timedelta
from types import SimpleNamespace

import orjson
import pytest

from booking.domain.lifecycle import PaymentStatus, Status
from booking.domain.refusals import (
    AlreadyWaiting,
    CannotAccept,
    CapacityExceeded,
    GuestRefused,
    InvalidRequest,
    NoLongerWaiting,
    OfferEnded,
    SessionClosed,
    SessionStarted,
    Unknown,
    WaitlistFull,
)
from booking.usecases.accept import Accept, accept
from booking.usecases.edit_session import EditSession, edit_session
from booking.usecases.leave_waitlist import LeaveWaitlist, leave_waitlist
from booking.usecases.open_session import Instants
from chassis.ids import uuid7


async def walk(world, capacity=4, price=0, policy=None, **when):
    """A session sold by the person."""
    offering = await world.offering(
        "class",
        inventory={"capacity": capacity, "units": "person", "party_max": 10},
        pricing={"amount_minor": price},
        policy=policy or {},
    )
    return await world.open(offering, **when)


async def offered(world, entry):
    """The booking a group was offered, as ``world`` names bookings."""
    found = await world.entry(entry)
    return SimpleNamespace(booking_id=found.booking_id)


async def states(world, *entries):
    return [str((await world.entry(entry)).state) for entry in entries]


async def leave(world, entry, *, by="guest", reason=None):
    command = LeaveWaitlist(
        entry_id=entry.id, actor=by, reason=reason, epoch=1 if by == "guest" else None
    )
    await world.run(lambda tx: leave_waitlist(tx, command, shop=world.shop))


async def take(world, held, epoch=1):
    command = Accept(booking_id=held.booking_id, actor="guest", manage_epoch=epoch)
    return await world.run(lambda tx: accept(tx, command, vault=world.shop.vault))


async def waiting(world, session):
    return await world.admin.fetchval("SELECT waiting FROM sessions WHERE id = $1", session.id)


async def test_a_freed_place_is_offered_to_the_first_in_line(world):
    session = await walk(world, price=5000)
    full = await world.hold(session, party=4)
    first, second = await world.wait_for(session, 2), await world.wait_for(session, 2)
    third = await world.wait_for(session, 1)
    await world.offer(session)
    assert await states(world, first, second, third) == ["waiting"] * 3
    await world.cancel(full)
    assert await world.woken(session)
    await world.offer(session)
    assert await states(world, first, second, third) == ["offered", "offered", "waiting"]
    assert await waiting(world, session) == 1
    booking = await world.booking(await offered(world, first))
    assert (booking.status, booking.source, booking.party_size) == (
        Status.PENDING_PAYMENT,
        "waitlist",
        2,
    )
    assert 29 * 60 < booking.seconds_left(await world.now()) <= 30 * 60
    (message,) = await world.published("booking.offered.v1", about=await offered(world, first))
    assert orjson.loads(message["payload"])["amount_due_now"]["amount_minor"] == 5000
    assert await world.published("booking.held.v1", about=await offered(world, first))
    with pytest.raises(CapacityExceeded):
        await world.hold(session)
    assert not await world.drift()


async def test_joining_is_told_and_on_record_without_personal_values(world):
    session = await walk(world)
    entry = await world.wait_for(session, 2, email="me@example.com")
    (message,) = await world.published("booking.waitlisted.v1")
    told = orjson.loads(message["payload"])
    assert (told["entry_id"], told["party_size"]) == (str(entry.id), 2)
    rows = await world.admin.fetch("SELECT * FROM audit WHERE entity_id = $1", entry.id)
    assert [row["action"] for row in rows] == ["waitlist.joined"]
    assert "me@example.com" not in str([dict(row) for row in rows])


async def test_a_group_that_does_not_fit_keeps_its_place_and_the_next_is_served(world):
    session = await walk(world)
    two, other = await world.hold(session, party=2), await world.hold(session, party=2)
    big, small = await world.wait_for(session, 4), await world.wait_for(session, 2)
    await world.cancel(two)
    await world.offer(session)
    assert await states(world, big, small) == ["waiting", "offered"]
    await world.cancel(other)
    later = await world.wait_for(session, 3)
    await world.offer(session)
    assert await states(world, big, later) == ["waiting", "waiting"]
    await world.cancel(await offered(world, small))
    await world.offer(session)
    assert await states(world, big, small, later) == ["offered", "left", "waiting"]


async def test_a_group_that_fits_at_once_is_offered_at_once(world):
    session = await walk(world)
    entry = await world.wait_for(session, 2)
    assert await world.woken(session)
    await world.offer(session)
    assert await states(world, entry) == ["offered"]


async def test_an_offer_that_is_paid_is_accepted(world):
    session = await walk(world, price=5000)
    entry = await world.wait_for(session)
    await world.offer(session)
    booking = await world.booking(await offered(world, entry))
    held = SimpleNamespace(booking_id=booking.id, due_now=booking.quote.due_now)
    with pytest.raises(CannotAccept, match="paying"):
        await take(world, held)
    await world.pay(held)
    assert await states(world, entry) == ["accepted"]
    with pytest.raises(NoLongerWaiting):
        await leave(world, entry)


async def test_an_offer_that_lapses_goes_to_the_next_in_line(world):
    session = await walk(world, capacity=1)
    first, second = await world.wait_for(session), await world.wait_for(session)
    await world.offer(session)
    held = await offered(world, first)
    await world.advance(minutes=30)
    await world.expire(held)
    assert await world.woken(session)
    await world.offer(session)
    assert await states(world, first, second) == ["lapsed", "offered"]
    # Whoever let an offer lapse may join again, at the end.
    again = await world.wait_for(session)
    await world.offer(session)
    assert await states(world, again) == ["waiting"]
    with pytest.raises(OfferEnded):
        await take(world, held)


async def test_a_free_offer_is_accepted_by_saying_so_until_it_ends(world):
    session = await walk(world)
    entry, late = await world.wait_for(session), await world.wait_for(session)
    await world.offer(session)
    held, lapsing = await offered(world, entry), await offered(world, late)
    assert (await world.booking(held)).payment_status is PaymentStatus.NOT_REQUIRED
    with pytest.raises(Unknown):
        await take(world, held, epoch=2)
    await take(world, held)
    booking = await world.booking(held)
    assert (booking.status, booking.confirmed_at) != (None, None)
    assert booking.status is Status.CONFIRMED
    assert await world.published("booking.confirmed.v1", about=held)
    assert await states(world, entry) == ["accepted"]
    assert await take(world, held) == booking
    await world.advance(minutes=30)
    with pytest.raises(OfferEnded):
        await take(world, lapsing)


async def test_nothing_else_can_be_accepted(world):
    session = await walk(world, price=5000)
    held = await world.hold(session)
    with pytest.raises(CannotAccept):
        await take(world, held)
    await world.cancel(held)
    with pytest.raises(CannotAccept):
        await take(world, held)


async def test_an_offer_is_never_held_past_the_start(world):
    session = await walk(world, starts_in=timedelta(minutes=10))
    entry = await world.wait_for(session)
    await world.offer(session)
    booking = await world.booking(await offered(world, entry))
    assert booking.expires_at == session.starts_at


async def test_waiting_ends_when_the_session_starts(world):
    session = await walk(world, capacity=1, starts_in=timedelta(hours=1))
    await world.hold(session)
    entry = await world.wait_for(session)
    await world.offer(session)
    again = await world.admin.fetchval(
        "SELECT due_at FROM messaging.outbox WHERE timer_key = $1", f"waitlist-again:{session.id}"
    )
    assert again <= session.starts_at
    await world.advance(hours=1)
    await world.offer(session)
    assert await states(world, entry) == ["ended"]
    assert await waiting(world, session) == 0
    with pytest.raises(SessionStarted):
        await world.wait_for(session)


async def test_leaving_frees_the_line_or_the_offer(world):
    session = await walk(world, capacity=1)
    first, second = await world.wait_for(session), await world.wait_for(session)
    await world.offer(session)
    await leave(world, second)
    await leave(world, second)
    await leave(world, first)
    assert await states(world, first, second) == ["left", "left"]
    assert await world.taken(session) == await waiting(world, session) == 0


async def test_staff_take_a_group_out_with_a_reason(world):
    session = await walk(world)
    entry = await world.wait_for(session)
    with pytest.raises(InvalidRequest, match="reason"):
        await leave(world, entry, by="key:k1")
    await leave(world, entry, by="key:k1", reason="asked by phone")
    assert await states(world, entry) == ["removed"]
    row = await world.admin.fetchrow(
        "SELECT * FROM audit WHERE entity_id = $1 AND action = 'waitlist.removed'", entry.id
    )
    assert (row["actor"], row["reason"]) == ("key:k1", "asked by phone")


async def test_a_guest_is_in_line_once_by_address_or_phone(world):
    session = await walk(world)
    await world.wait_for(session, email="me@example.com", phone="07700900001")
    with pytest.raises(AlreadyWaiting):
        await world.wait_for(session, email="ME@example.com")
    with pytest.raises(AlreadyWaiting):
        await world.wait_for(session, phone="+447700900001")
    assert await waiting(world, session) == 1


async def test_the_line_is_bounded(world):
    session = await walk(world)
    await world.admin.execute("UPDATE sessions SET waiting = 200 WHERE id = $1", session.id)
    with pytest.raises(WaitlistFull):
        await world.wait_for(session)


async def test_only_for_groups_that_could_ever_be_given_a_place(world):
    session = await walk(world, capacity=4)
    for party in (5, 11):
        with pytest.raises(InvalidRequest, match="party_size"):
            await world.wait_for(session, party)
    tables, _ = await world.table_session()
    with pytest.raises(InvalidRequest, match="no table"):
        await world.wait_for(tables, 7)
    await world.admin.execute("UPDATE sessions SET status = 'closed' WHERE id = $1", session.id)
    with pytest.raises(SessionClosed):
        await world.wait_for(session)
    with pytest.raises(Unknown):
        await world.wait_for(SimpleNamespace(id=uuid7()))


async def test_a_refused_guest_does_not_get_in_line_nor_an_offer(world):
    session = await walk(world, capacity=1)
    full = await world.hold(session)
    entry, second = await world.wait_for(session), await world.wait_for(session)
    hashes = await world.admin.fetchrow(
        "SELECT email_hash, phone_hash FROM waitlist_entries WHERE id = $1", entry.id
    )
    await world.admin.execute(
        "INSERT INTO blocked_contacts (org_id, hash, customer_id) VALUES ($1, $2, $3)",
        world.org_id,
        hashes["email_hash"],
        uuid7(),
    )
    await world.cancel(full)
    await world.offer(session)
    assert await states(world, entry, second) == ["removed", "offered"]
    await world.admin.execute(
        "UPDATE waitlist_entries SET email_hash = '\\x00' WHERE id = $1", second.id
    )
    contact = world.shop.vault.open((await world.entry(entry)).sealed_contact, entry.id)
    with pytest.raises(GuestRefused):
        await world.wait_for(session, email=contact.email)
    assert await waiting(world, session) == 0


async def test_the_smallest_table_that_fits_is_offered(world):
    small, large = await world.table(1, (1, 2)), await world.table(2, (1, 6))
    session = await world.open(await world.offering("event_table"))
    taken = [await world.hold(session, [table], party=2) for table in (small, large)]
    pair, family = await world.wait_for(session, 2), await world.wait_for(session, 5)
    for held in taken:
        await world.cancel(held)
    await world.offer(session)
    booking = await world.booking(await offered(world, pair))
    assert booking.claim.resource_ids == (small.id,)
    booking = await world.booking(await offered(world, family))
    assert booking.claim.resource_ids == (large.id,)


async def test_a_table_freed_in_another_session_of_that_time_wakes_the_line(world):
    session, (table,) = await world.table_session()
    at_the_same_time = await world.open(SimpleNamespace(id=session.offering_id))
    held = await world.hold(session, [table])
    entry = await world.wait_for(at_the_same_time, 4)
    await world.offer(at_the_same_time)
    await world.admin.execute("DELETE FROM messaging.outbox WHERE timer_key LIKE 'waitlist%'")
    await world.cancel(held)
    assert await world.woken(at_the_same_time)
    await world.offer(at_the_same_time)
    assert await states(world, entry) == ["offered"]


async def test_more_places_wake_the_line(world):
    session = await walk(world, capacity=1)
    await world.hold(session)
    entry = await world.wait_for(session)
    await world.offer(session)
    await world.admin.execute("DELETE FROM messaging.outbox WHERE timer_key LIKE 'waitlist%'")
    edit = EditSession(session_id=session.id, actor="test", capacity=2)
    await world.run(lambda tx: edit_session(tx, edit))
    assert await world.woken(session)
    await world.offer(session)
    assert await states(world, entry) == ["offered"]


async def test_a_booking_that_moves_away_wakes_the_line(world):
    session = await walk(world, capacity=1)
    other = await world.open(SimpleNamespace(id=session.offering_id), starts_in=timedelta(days=11))
    held = await world.hold(session)
    entry = await world.wait_for(session)
    await world.offer(session)
    await world.admin.execute("DELETE FROM messaging.outbox WHERE timer_key LIKE 'waitlist%'")
    await world.reschedule(held, other)
    assert await world.woken(session)
    await world.offer(session)
    assert await states(world, entry) == ["offered"]


async def test_one_cancellation_that_frees_two_places_wakes_the_line_once(world):
    session = await walk(world, price=5000)
    held = await world.hold(session, party=2)
    await world.pay(held)
    dearer = await world.open(
        await world.offering(
            "class",
            inventory={"capacity": 4, "units": "person", "party_max": 10},
            pricing={"amount_minor": 9000},
        )
    )
    await world.reschedule(held, dearer, by="key:k1", reason="asked by phone")
    entries = [await world.wait_for(one, 4) for one in (session, dearer, dearer)]
    await world.cancel(held)
    for one in (session, dearer):
        assert await world.woken(one)
        await world.offer(one)
    assert await states(world, *entries) == ["offered", "offered", "waiting"]


async def test_nobody_is_woken_where_nobody_waits(world):
    session = await walk(world, capacity=1)
    await world.cancel(await world.hold(session))
    assert await world.woken(session) is None


async def test_one_place_is_offered_once_however_often_the_line_is_woken(world):
    session = await walk(world, capacity=2)
    full = [await world.hold(session) for _ in range(2)]
    entries = [await world.wait_for(session) for _ in range(6)]
    await asyncio.gather(
        *(world.cancel(held) for held in full),
        *(world.offer(session) for _ in range(6)),
    )
    await asyncio.gather(*(world.offer(session) for _ in range(4)))
    assert await states(world, *entries) == ["offered"] * 2 + ["waiting"] * 4
    assert await world.taken(session) == 2
    assert not await world.drift()


async def test_leaving_at_the_moment_of_the_offer_loses_no_place(world):
    for _ in range(5):
        session = await walk(world, capacity=1)
        first, second = await world.wait_for(session), await world.wait_for(session)
        await asyncio.gather(leave(world, first), world.offer(session))
        await world.offer(session)
        assert await states(world, first, second) == ["left", "offered"]
        assert await waiting(world, session) == 0
        assert not await world.drift()


async def test_many_at_once_join_in_one_line(world):
    session = await walk(world, capacity=1)
    entries = await asyncio.gather(*(world.wait_for(session) for _ in range(12)))
    assert await waiting(world, session) == 12
    await world.offer(session)
    found = await states(world, *entries)
    assert sorted(found) == ["offered"] + ["waiting"] * 11


async def test_waiting_moves_with_its_session(world):
    session = await walk(world)
    entry = await world.wait_for(session, 4)
    later = session.starts_at + timedelta(days=1)
    edit = EditSession(
        session_id=session.id,
        actor="test",
        when=Instants(starts_at=later, ends_at=later + timedelta(hours=1)),
    )
    await world.run(lambda tx: edit_session(tx, edit))
    assert (await world.entry(entry)).until == later
    await world.offer(session)
    booking = await world.booking(await world.offered(entry))
    assert booking.occasion.starts_at == later


async def test_in_a_crowd_of_cancellations_newcomers_and_looks_every_place_has_one_guest(world):
    session = await walk(world, capacity=8)
    full = [await world.hold(session) for _ in range(8)]
    entries = [await world.wait_for(session) for _ in range(12)]
    outcomes = await asyncio.gather(
        *(world.cancel(held) for held in full),
        *(world.hold(session) for _ in range(6)),
        *(world.offer(session) for _ in range(6)),
        return_exceptions=True,
    )
    newcomers = [one for one in outcomes if hasattr(one, "manage_epoch")]
    assert {type(one) for one in outcomes if isinstance(one, Exception)} <= {CapacityExceeded}
    await world.offer(session)
    found = await states(world, *entries)
    assert found == ["offered"] * (8 - len(newcomers)) + ["waiting"] * (4 + len(newcomers))
    assert await world.taken(session) == 8
    assert await waiting(world, session) == found.count("waiting")
    assert not await world.drift()


async def test_leaving_an_offer_at_the_moment_it_ends_settles_it_once(world):
    for _ in range(5):
        session = await walk(world, capacity=1)
        entry = await world.wait_for(session)
        await world.offer(session)
        held = await world.offered(entry)
        await world.advance(minutes=30)
        await asyncio.gather(leave(world, entry), world.expire(held), return_exceptions=True)
        assert (await states(world, entry))[0] in {"left", "lapsed"}
        assert await world.taken(session) == 0
        assert not await world.drift()
