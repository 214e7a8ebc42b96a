"""Tables that the house gives out: when, which, and to whom no more."""

import asyncio
from datetime import UTC, date, datetime, time, timedelta

import pytest
from restaurant import Restaurant, drift, hours, twice

from booking.domain.holding import LocalStart
from booking.domain.lifecycle import Status
from booking.domain.presets import Preset
from booking.domain.refusals import (
    CapacityExceeded,
    Closed,
    CoversReached,
    InvalidRequest,
    KitchenClosed,
    NoTableFree,
    PacingReached,
    SessionStarted,
)

DEPOSIT = {"kind": "deposit", "amount_minor": 500}
ONE_TABLE = {1: (1, 4)}
ROOM = {1: (1, 2, "bar"), 2: (1, 2, "bar"), 3: (2, 4), 4: (3, 6), 9: (2, 8, None, 100, True)}


def sunday(today):
    return today + timedelta(days=7 + (6 - today.weekday()) % 7)


async def test_s1_4_sunday_lunch_at_12_is_accepted_1159_and_1730_are_refused_by_the_kitchen(world):
    lunch = await Restaurant.open(
        world,
        {1: (1, 4), 2: (1, 4)},
        preset=Preset.SUNDAY_LUNCH,
        schedule={"last_seating_minutes": 0},
        pricing={"kind": "free"},
    )
    day = sunday(await lunch.day(0))
    held = await lunch.book("12:00", day=day)
    assert held.status is Status.CONFIRMED
    for clock in ("11:59", "17:30"):
        with pytest.raises(KitchenClosed, match="the kitchen is closed then"):
            await lunch.book(clock, day=day)


async def test_s1_5_closed_on_the_25th_and_on_the_26th_open_from_13_to_15(world):
    year = (await world.now()).year + 1
    christmas, boxing_day = date(year, 12, 25), date(year, 12, 26)
    december = datetime(year, 12, 1, 12, tzinfo=UTC)
    await world.advance(seconds=(december - await world.now()).total_seconds())
    dining = await Restaurant.open(
        world,
        ONE_TABLE,
        schedule=hours(
            "12:00",
            "22:00",
            advance_booking_days=366,
            special=[
                {"date": str(christmas), "services": [], "reason": "Christmas"},
                {"date": str(boxing_day), "services": [{"opens": "13:00", "closes": "15:00"}]},
            ],
        ),
    )
    with pytest.raises(Closed, match="Christmas"):
        await dining.book("13:30", day=christmas)
    with pytest.raises(KitchenClosed):
        await dining.book("12:30", day=boxing_day)
    assert (await dining.book("13:30", day=boxing_day)).status is Status.CONFIRMED


async def test_a_booking_lasts_as_long_as_its_party_stays(world):
    dining = await Restaurant.open(
        world,
        ROOM,
        schedule=hours(
            turn_minutes=[
                {"party_up_to": 2, "minutes": 90},
                {"party_up_to": None, "minutes": 135},
            ]
        ),
    )
    for party, minutes in ((2, 90), (3, 135)):
        booking = await world.booking(await dining.book("19:00", party))
        assert booking.occasion.starts_at == await dining.at("19:00")
        assert booking.occasion.ends_at - booking.occasion.starts_at == timedelta(minutes=minutes)


async def test_each_party_gets_the_table_that_wastes_least_and_then_a_join(world):
    dining = await Restaurant.open(world, ROOM)
    given = [await dining.numbers(await dining.book(party=party)) for party in (2, 4, 2, 5)]
    assert given == [[1], [3], [2], [4]]
    with pytest.raises(NoTableFree):
        await dining.book(party=2)
    assert await dining.numbers(await dining.book("21:00", 2)) == [1]


async def test_two_tables_of_a_group_are_put_together(world):
    dining = await Restaurant.open(world, {1: (1, 2, "bar"), 2: (1, 2, "bar"), 3: (1, 2)})
    assert await dining.numbers(await dining.book(party=4)) == [1, 2]
    assert await dining.numbers(await dining.book(party=2)) == [3]


async def test_tables_for_vips_are_given_out_only_where_the_setting_says_so(world):
    dining = await Restaurant.open(world, {9: (2, 8, None, 100, True)})
    with pytest.raises(NoTableFree):
        await dining.book(party=2)
    generous = await dining.another(inventory={"vip_tables": True})
    assert await generous.numbers(await generous.book(party=2)) == [9]


async def test_a_party_that_comes_when_another_leaves_has_its_table(world):
    dining = await Restaurant.open(world, ONE_TABLE)
    await dining.book("18:00")
    with pytest.raises(NoTableFree):
        await dining.book("19:45")
    assert await dining.numbers(await dining.book("20:00")) == [1]


async def test_guests_do_not_choose_tables_and_parties_have_limits(world):
    dining = await Restaurant.open(world, ONE_TABLE, inventory={"party_max": 4})
    start = LocalStart(await dining.day(), time(19))
    with pytest.raises(InvalidRequest, match="resource_ids"):
        await dining.ask(start, resource_ids=(dining.tables[1],))
    with pytest.raises(InvalidRequest, match="party_size"):
        await dining.ask(start, 5)


async def test_arrivals_are_paced_and_a_little_later_is_possible(world):
    dining = await Restaurant.open(
        world,
        dict.fromkeys(range(1, 9), (1, 4)),
        schedule=hours(start_interval_minutes=5),
        inventory={"pacing_covers": 6, "pacing_minutes": 15},
    )
    await dining.book("19:00", 4)
    await dining.book("19:10", 2)
    with pytest.raises(PacingReached):
        await dining.book("19:05", 1)
    assert await dining.book("19:15", 4)
    assert not await drift(world)


async def test_a_cancelled_party_gives_back_its_tables_and_its_covers(world):
    dining = await Restaurant.open(world, ROOM, inventory={"pacing_covers": 4})
    held = await dining.book(party=4)
    with pytest.raises(PacingReached):
        await dining.book(party=1)
    await world.cancel(held)
    assert (await dining.session())["taken"] == 0
    assert not await drift(world)
    assert await dining.numbers(await dining.book(party=4)) == [3]


async def test_covers_of_a_whole_service_can_be_limited(world):
    dining = await Restaurant.open(world, ROOM, inventory={"covers_per_session": 5})
    await dining.book("18:00", 4)
    with pytest.raises(CoversReached):
        await dining.book("21:00", 2)
    await dining.book("21:00", 1)
    assert (await dining.session())["taken"] == 5


async def test_lunch_and_dinner_share_their_tables(world):
    dinner = await Restaurant.open(world, ONE_TABLE)
    lunch = await dinner.another(schedule=hours("12:00", "17:00"))
    await lunch.book("16:30")
    with pytest.raises(NoTableFree):
        await dinner.book("18:00")
    assert await dinner.book("18:30")
    assert not await twice(world)


async def test_a_lapsed_hold_is_in_nobodys_way(world):
    dining = await Restaurant.open(
        world, ONE_TABLE, pricing=DEPOSIT, inventory={"pacing_covers": 4, "covers_per_session": 4}
    )
    first = await dining.book(party=4)
    with pytest.raises(CapacityExceeded):
        await dining.book(party=4)
    await world.advance(minutes=15)
    second = await dining.book(party=4)
    assert (await world.booking(first)).status is Status.EXPIRED
    assert (await world.booking(second)).status is Status.PENDING_PAYMENT
    assert not await drift(world)


async def test_only_as_many_lapsed_holds_are_expired_as_are_in_the_way(world):
    dining = await Restaurant.open(
        world,
        dict.fromkeys(range(1, 5), (1, 4)),
        pricing=DEPOSIT,
        inventory={"pacing_covers": 6},
    )
    lapsed = [await dining.book(party=2) for _ in range(3)]
    await world.advance(minutes=15)
    await dining.book(party=2)
    statuses = [(await world.booking(one)).status for one in lapsed]
    assert statuses.count(Status.EXPIRED) == 1
    assert not await drift(world)


async def test_late_money_takes_another_table_when_its_own_is_gone(world):
    dining = await Restaurant.open(world, {1: (1, 2), 2: (1, 4)}, pricing=DEPOSIT)
    late = await dining.book(party=2)
    assert await dining.numbers(late) == [1]
    await world.advance(minutes=15)
    await world.expire(late)
    assert await dining.numbers(await dining.book(party=2)) == [1]
    await world.pay(late)
    assert (await world.booking(late)).status is Status.CONFIRMED
    assert await dining.numbers(late) == [2]
    assert not await drift(world)
    assert not await twice(world)


async def test_late_money_for_a_full_house_goes_back(world):
    dining = await Restaurant.open(world, ONE_TABLE, pricing=DEPOSIT)
    late = await dining.book()
    await world.advance(minutes=15)
    await dining.book()
    await world.pay(late)
    assert (await world.booking(late)).status is Status.UNFULFILLABLE
    assert not await drift(world)


async def test_the_same_request_has_the_same_table(world):
    dining = await Restaurant.open(world, ONE_TABLE)
    start = LocalStart(await dining.day(), time(19))
    first = await dining.ask(start, key="k" * 20)
    assert await dining.ask(start, key="k" * 20) == first


async def test_a_table_that_is_new_is_given_out_at_once(world):
    dining = await Restaurant.open(world, ONE_TABLE)
    await dining.book()
    with pytest.raises(NoTableFree):
        await dining.book()
    await dining.add_table(2, 1, 4)
    assert await dining.numbers(await dining.book()) == [2]


async def test_an_instant_and_the_venues_clock_mean_the_same(world):
    dining = await Restaurant.open(world, {1: (1, 4), 2: (1, 4)})
    by_instant = await dining.ask(await dining.at("19:15"))
    by_clock = await dining.book("19:15")
    assert (await world.booking(by_instant)).occasion == (await world.booking(by_clock)).occasion


async def test_a_service_under_way_takes_parties_that_come_later(world):
    dining = await Restaurant.open(world, ONE_TABLE)
    shift = await dining.at("18:31", 1) - await world.now()
    await world.advance(seconds=shift.total_seconds())
    with pytest.raises(SessionStarted):
        await dining.book("18:30", ahead=0)
    assert await dining.book("20:00", ahead=0)


async def test_two_parties_that_want_the_last_table_at_once_get_it_once(world):
    dining = await Restaurant.open(world, ONE_TABLE)
    results = await asyncio.gather(*(dining.book() for _ in range(8)), return_exceptions=True)
    refused = [one for one in results if isinstance(one, NoTableFree)]
    assert len(refused) == 7
    assert not await twice(world)
    assert not await drift(world)
