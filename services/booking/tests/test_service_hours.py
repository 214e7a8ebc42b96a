"""The day itself: hours that change while a service is under way or booked late."""

from datetime import timedelta

import pytest
from restaurant import LONDON, Restaurant, hours

from booking.domain.lifecycle import Status
from booking.domain.refusals import KitchenClosed, Refusal
from booking.usecases.calendar import calendar
from booking.usecases.edit_offering import EditOffering, edit_offering
from booking.usecases.find_times import find_times

ROOM = {1: (1, 4), 2: (1, 4)}


async def at_one_o_clock(world):
    """The clock is moved to 13:00 in London of the next day."""
    now = (await world.now()).astimezone(LONDON)
    noon = (now + timedelta(days=1)).replace(hour=13, minute=0, second=0, microsecond=0)
    await world.advance(seconds=(noon - now).total_seconds())


async def edit(world, dining, **schedule):
    command = EditOffering(
        offering_id=dining.offering.id, overrides={"schedule": schedule}, actor="test"
    )
    return await world.run(lambda tx: edit_offering(tx, command))


def open_daily(opens, closes):
    return hours(opens, closes)["weekly"]


async def free(world, dining, day):
    newest = 1_000_000  # no version is as new, so it is read afresh
    listing = await world.run(lambda tx: world.shop.listings.at(tx, dining.offering.id, newest))
    found = await world.run(lambda tx: find_times(tx, listing, day, 2, None))
    return [f"{one.span.starts_at.astimezone(LONDON):%H:%M}" for one in found.starts if one.free]


async def test_a_restaurant_that_begins_at_one_sells_tables_for_that_evening(world):
    await at_one_o_clock(world)
    dining = await Restaurant.open(world, ROOM, schedule=hours("12:00", "22:00"))
    day = await dining.day(0)
    assert (await dining.book("19:00", day=day)).status is Status.CONFIRMED
    with pytest.raises(Refusal):
        await dining.book("12:30", day=day)
    (first, *_) = await world.run(
        lambda tx: calendar(tx, dining.offering.id, since=day, until=None)
    )
    assert first.sessions == 1


async def test_a_day_blocked_after_opening_takes_nobody_else_and_keeps_who_has_booked(world):
    await at_one_o_clock(world)
    dining = await Restaurant.open(world, ROOM, schedule=hours("12:00", "22:00"))
    day = await dining.day(0)
    held = await dining.book("19:00", day=day)
    edited = await edit(world, dining, blocked_dates=[{"date": str(day), "reason": "Power cut"}])
    assert [(one.bookings, one.reason) for one in edited.sessions.conflicts] == [(1, "blocked")]
    with pytest.raises(Refusal, match=r"Power cut|takes no more bookings"):
        await dining.book("20:00", day=day)
    assert (await world.booking(held)).status is Status.CONFIRMED


async def test_who_has_booked_late_comes_late_but_nobody_else_after_the_new_closing(world):
    dining = await Restaurant.open(world, ROOM, schedule=hours("12:00", "22:00"))
    day = await dining.day(3)
    held = await dining.book("20:00", day=day)
    edited = await edit(world, dining, weekly=open_daily("12:00", "18:00"))
    assert [(one.bookings, one.reason) for one in edited.sessions.conflicts] == [
        (1, "other_length")
    ]
    with pytest.raises(KitchenClosed):
        await dining.book("18:30", day=day)
    assert (await free(world, dining, day))[-1] == "17:30"
    assert (await world.booking(held)).status is Status.CONFIRMED
    await world.cancel(held)
    again = await edit(world, dining, weekly=open_daily("12:00", "19:00"))
    assert again.sessions.conflicts == []
    assert (await free(world, dining, day))[-1] == "18:30"
