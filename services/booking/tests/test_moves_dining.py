"""Moving and waiting where guests choose their time and the house chooses the table."""

from datetime import time, timedelta
from types import SimpleNamespace
from uuid import uuid4

import pytest
from restaurant import Restaurant, drift, hours

from booking.domain.guest import name_of
from booking.domain.holding import LocalStart
from booking.domain.lifecycle import Status
from booking.domain.local_time import Span
from booking.domain.refusals import (
    CapacityExceeded,
    InvalidRequest,
    LastSeating,
    NoTableFree,
    ResourceTaken,
)
from booking.usecases.join_waitlist import JoinWaitlist, join_waitlist

PER_HEAD = {
    "kind": "per_head",
    "tiers": [{"key": "adult", "label": "Adult", "amount_minor": 2000}],
}


async def paid(restaurant, *args, **kwargs):
    held = await restaurant.book(*args, **kwargs)
    await restaurant.world.pay(held)
    return held


async def test_a_time_alone_finds_its_session_and_the_house_the_table(world):
    dining = await Restaurant.open(world, {1: (1, 2), 2: (2, 4)})
    held = await dining.book("19:00", 2)
    start = LocalStart(await dining.day(8), time(20, 30))
    await world.reschedule(held, start=start, party_size=4)
    booking = await world.booking(held)
    assert booking.occasion.starts_at == await dining.at("20:30", 8)
    assert booking.session_id == (await dining.session("20:30", 8))["id"]
    assert await dining.numbers(held) == [2]
    assert not any(await drift(world))


async def test_the_only_table_an_hour_later_is_not_blocked_by_the_booking_itself(world):
    dining = await Restaurant.open(world, {1: (1, 2)})
    held = await dining.book("19:00", 2)
    await world.reschedule(held, start=await dining.at("20:00"))
    assert (await world.booking(held)).occasion.starts_at == await dining.at("20:00")
    with pytest.raises(NoTableFree):
        await dining.book("18:15", 2)
    assert await dining.book("18:00", 2)
    assert not any(await drift(world))


async def test_a_full_house_leaves_the_booking_where_it_was(world):
    dining = await Restaurant.open(world, {1: (1, 2)})
    held = await dining.book("18:00", 2)
    await dining.book("20:00", 2)
    before = await world.booking(held)
    with pytest.raises((CapacityExceeded, ResourceTaken)):
        await world.reschedule(held, start=await dining.at("20:00"))
    with pytest.raises(LastSeating):
        await world.reschedule(held, start=await dining.at("22:45"))
    assert await world.booking(held) == before
    assert not any(await drift(world))


async def test_pacing_holds_for_those_who_move(world):
    dining = await Restaurant.open(
        world, dict.fromkeys((1, 2, 3), (1, 4)), inventory={"pacing_covers": 4}
    )
    held = await dining.book("18:00", 4)
    await dining.book("19:00", 2)
    with pytest.raises(CapacityExceeded):
        await world.reschedule(held, start=await dining.at("19:00"))
    await world.reschedule(held, start=await dining.at("19:15"))
    assert not any(await drift(world))


async def test_a_dearer_party_has_both_tables_until_it_is_paid(world):
    dining = await Restaurant.open(world, {1: (1, 2), 2: (2, 4)}, pricing=PER_HEAD)
    held = await paid(dining, "19:00", 2)
    change = (await world.reschedule(held, party_size=4)).change
    assert change.due.amount_minor == 4000
    assert await dining.numbers(held) == [1]
    with pytest.raises(NoTableFree):
        await dining.book("19:00", 4)
    assert not any(await drift(world))
    # Whatever becomes of the rules, what is held is the guest's.
    await world.admin.execute(
        """UPDATE offerings SET inventory = inventory || '{"party_max": 2}',
               version = version + 1 WHERE id = $1""",
        dining.offering.id,
    )
    await world.pay_change(held, change)
    assert await dining.numbers(held) == [2]
    assert await dining.book("19:00", 2)
    assert not any(await drift(world))


async def test_an_unpaid_change_gives_its_table_and_its_covers_back(world):
    dining = await Restaurant.open(
        world, {1: (1, 2), 2: (2, 4)}, pricing=PER_HEAD, inventory={"pacing_covers": 6}
    )
    held = await paid(dining, "19:00", 2)
    change = (await world.reschedule(held, party_size=4)).change
    await world.advance(minutes=15)
    await world.expire_change(held, change)
    assert await dining.numbers(held) == [1]
    assert await dining.book("19:00", 4)
    assert not any(await drift(world))


async def wait(world, session_id, party, window=None):
    command = JoinWaitlist(
        session_id=session_id,
        party_size=party,
        quantities={},
        name=name_of(whole="Test Guest", given=None, family=None),
        email=f"guest-{uuid4().hex}@example.com",
        phone=None,
        locale=None,
        window=window,
        actor="guest",
    )
    joined = await world.run(lambda tx: join_waitlist(tx, command, shop=world.shop))
    return joined.entry


async def test_a_group_waits_for_a_table_between_two_times(world):
    dining = await Restaurant.open(world, {1: (1, 2)})
    first, last = [await dining.book(clock, 2) for clock in ("18:00", "20:00")]
    session = SimpleNamespace(id=(await dining.session())["id"])
    late = await wait(
        world, session.id, 2, Span(await dining.at("20:00"), await dining.at("21:00"))
    )
    early = await wait(
        world, session.id, 2, Span(await dining.at("18:00"), await dining.at("18:00"))
    )
    await world.offer(session)
    assert {(await world.entry(one)).state for one in (late, early)} == {"waiting"}
    await world.cancel(first)
    assert await world.woken(session)
    await world.offer(session)
    assert (await world.entry(late)).state == "waiting"
    offered = await world.entry(early)
    booking = await world.booking(SimpleNamespace(booking_id=offered.booking_id))
    assert (booking.status, booking.occasion.starts_at) == (
        Status.PENDING_PAYMENT,
        await dining.at("18:00"),
    )
    await world.cancel(last)
    await world.offer(session)
    offered = await world.entry(late)
    booking = await world.booking(SimpleNamespace(booking_id=offered.booking_id))
    assert booking.occasion.starts_at == await dining.at("20:00")
    assert not any(await drift(world))


async def test_without_times_any_start_of_the_service_will_do(world):
    dining = await Restaurant.open(world, {1: (1, 2)}, schedule=hours("18:00", "20:00"))
    await dining.book("18:00", 2)
    session = SimpleNamespace(id=(await dining.session("18:00"))["id"])
    entry = await wait(world, session.id, 2)
    await world.offer(session)
    assert (await world.entry(entry)).state == "waiting"
    await world.advance(minutes=15)
    await world.offer(session)
    assert (await world.entry(entry)).state == "waiting"


async def test_nobody_waits_for_what_never_comes(world):
    dining = await Restaurant.open(world, {1: (1, 2)})
    session_id = (await dining.session())["id"]
    midnight = await dining.at("23:45")
    with pytest.raises(InvalidRequest, match="starts_at"):
        await wait(world, session_id, 2, Span(midnight, midnight))
    with pytest.raises(InvalidRequest, match="party_size"):
        await wait(world, session_id, 21)
    fixed = await world.class_session()
    with pytest.raises(InvalidRequest, match="starts_at"):
        await wait(world, fixed.id, 1, Span(fixed.starts_at, fixed.ends_at))
    opens = await dining.at("18:00")
    entry = await wait(world, session_id, 2, Span(opens, opens + timedelta(minutes=20)))
    assert entry.until == opens + timedelta(minutes=15)
