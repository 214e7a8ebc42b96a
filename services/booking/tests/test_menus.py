"""Menus, what is ordered from them, and what the kitchen is told."""

from datetime import date, timedelta

import pytest
from booking_menus import dish, lunch, order, section, six_dishes
from restaurant import Restaurant, hours

from booking.domain.catalogue import ListingStatus
from booking.domain.lifecycle import Status
from booking.domain.money import Money
from booking.domain.ordering import Choice
from booking.domain.presets import Preset
from booking.domain.refusals import (
    CannotChange,
    InvalidRequest,
    PaymentDiffers,
    StaleVersion,
    Unknown,
)
from booking.usecases.change_order import ChangeOrder, change_order
from booking.usecases.edit_menu import (
    EditMenuItem,
    EditMenuSection,
    edit_menu_item,
    edit_menu_section,
)
from booking.usecases.kitchen import kitchen
from booking.usecases.read_booking import read_booking
from booking.usecases.read_menu import menu_of
from chassis.ids import uuid7


async def menu(world, session, day=None):
    _, _, items = await world.run(lambda tx: menu_of(tx, session.offering_id, day))
    return [item.name for item in items]


async def edit(world, item, **changes):
    command = EditMenuItem(item_id=item.id, actor="test", **changes)
    return await world.run(lambda tx: edit_menu_item(tx, command))


async def change(world, held, items=None, allergies=None, epoch=1, version=None):
    command = ChangeOrder(
        booking_id=held.booking_id,
        items=items,
        allergies=allergies,
        actor="guest",
        version=version,
        manage_epoch=epoch,
    )
    return await world.run(lambda tx: change_order(tx, command, listings=world.shop.listings))


async def ordered(world, held):
    view = await world.run(lambda tx: read_booking(tx, held.booking_id))
    return {dish.label: (dish.quantity, dish.unit_minor) for dish in view.dishes}


async def nothing_stored(world, session):
    rows = await world.admin.fetchval(
        "SELECT (SELECT count(*) FROM bookings WHERE session_id = $1) + (SELECT count(*) "
        "FROM booking_items WHERE org_id = $2) + (SELECT count(*) FROM idempotency "
        "WHERE org_id = $2)",
        session.id,
        world.org_id,
    )
    return rows == 0 and await world.taken(session) == 0


async def test_s1_06_of_six_dishes_five_are_listed_in_order_and_the_sixth_is_refused(world):
    session, dishes = await lunch(world)
    assert await menu(world, session) == [
        "Roast chicken",
        "Roast beef",
        "Nut roast",
        "Yorkshire pudding",
        "Apple crumble",
    ]
    with pytest.raises(InvalidRequest) as refused:
        await world.hold(session, items=order(dishes, roast_beef=1, lamb=1, nut_roast=1))
    (fault,) = refused.value.faults
    assert fault.field == "items.1.menu_item_id"
    assert "Lamb is not available" in fault.message
    assert await nothing_stored(world, session)


async def test_s1_08_a_lunch_with_three_dishes_and_a_nut_allergy_reaches_the_kitchen(world):
    session, dishes = await lunch(world)
    held = await world.hold(
        session,
        party=3,
        items=(
            Choice(dishes["Roast beef"].id, 1, "Well done", "The birthday child"),
            *order(dishes, roast_chicken=1, yorkshire_pudding=3),
        ),
        allergies=("Nuts",),
    )
    assert held.due_now == Money(2100 + 1900 + 900, "GBP")
    assert not (await world.run(lambda tx: kitchen(tx, session.id, after=None, limit=50))).tickets
    await world.pay(held)
    prep = await world.run(lambda tx: kitchen(tx, session.id, after=None, limit=50))
    assert [(one.label, one.quantity) for one in prep.totals] == [
        ("Roast beef", 1),
        ("Roast chicken", 1),
        ("Yorkshire pudding", 3),
    ]
    (ticket,) = prep.tickets
    assert (ticket.allergies, ticket.party_size) == (("Nuts",), 3)
    assert (ticket.dishes[0].note, ticket.dishes[0].whom) == ("Well done", "The birthday child")
    # F-39: what guests write is for the kitchen, not for the bus.
    for message in await world.published(about=held):
        for told in ("Nuts", "Well done", "birthday"):
            assert told not in message["payload"]


async def test_parties_of_a_sunday_lunch_are_told_to_the_kitchen_by_the_time_they_come(world):
    within, dishes = await six_dishes(world)
    menu = {"section_ids": [str(within.id)], "preorder": "required", "cutoff_hours": 24}
    house = await Restaurant.open(
        world,
        {1: (1, 4), 2: (1, 4), 3: (1, 4)},
        preset=Preset.SUNDAY_LUNCH,
        schedule=hours("12:00", "17:00"),
        pricing={
            "kind": "items",
            "menu": menu,
            "due": {"kind": "per_head", "amount_minor": 500},
        },
    )
    booked = {}
    for clock, party in (("14:30", 2), ("12:15", 3), ("13:00", 1)):
        booked[clock] = await house.book(
            clock, party, items=order(dishes, nut_roast=party), allergies=(f"For {party}",)
        )
        assert booked[clock].due_now == Money(500 * party, "GBP")
        await world.pay(booked[clock])
    session = (await world.booking(booked["12:15"])).session_id
    prep = await world.run(lambda tx: kitchen(tx, session, after=None, limit=50))
    assert [ticket.booking_id for ticket in prep.tickets] == [
        booked[clock].booking_id for clock in ("12:15", "13:00", "14:30")
    ]
    assert [(one.label, one.quantity) for one in prep.totals] == [("Nut roast", 6)]
    # The cut-off counts from the party's own time, not from the opening of the doors.
    left = (await house.at("14:30") - await world.now()).total_seconds() - 24 * 3600
    await world.advance(seconds=left - 60)
    await change(world, booked["14:30"], items=order(dishes, nut_roast=1, roast_beef=1))
    with pytest.raises(InvalidRequest):
        await change(world, booked["12:15"], items=order(dishes, nut_roast=1, roast_beef=2))


async def test_prc09_the_price_of_a_dish_is_ours_and_frozen_with_the_order(world):
    session, dishes = await lunch(world)
    held = await world.hold(session, items=order(dishes, roast_beef=2))
    await edit(world, dishes["Roast beef"], price_minor=2500, name="Beef")
    assert await ordered(world, held) == {"Roast beef": (2, 2100)}
    assert (await world.booking(held)).quote.total == Money(4200, "GBP")
    later = await world.hold(session, items=order(dishes, roast_beef=2))
    assert later.total == Money(5000, "GBP")


async def test_dishes_of_other_menus_are_each_refused(world):
    session, dishes = await lunch(world)
    elsewhere = await dish(world, await section(world, "Dinner"), "Steak")
    items = (
        Choice(elsewhere.id, 1),
        *order(dishes, roast_beef=1),
        Choice(uuid7(), 1),
    )
    with pytest.raises(InvalidRequest) as refused:
        await world.hold(session, items=items)
    assert [fault.field for fault in refused.value.faults] == [
        "items.0.menu_item_id",
        "items.2.menu_item_id",
    ]
    assert await nothing_stored(world, session)


async def test_a_dish_of_certain_days_is_offered_on_those(world):
    session, dishes = await lunch(world, starts_in=timedelta(days=10))
    day = session.starts_at.date()
    await edit(world, dishes["Nut roast"], available_until=day - timedelta(days=1))
    await edit(world, dishes["Roast beef"], available_from=day, available_until=day)
    assert "Roast beef" in await menu(world, session, day)
    assert "Nut roast" not in await menu(world, session, day)
    assert "Nut roast" in await menu(world, session, day - timedelta(days=1))
    assert "Roast beef" not in await menu(world, session, day + timedelta(days=1))
    assert await world.hold(session, items=order(dishes, roast_beef=1))
    with pytest.raises(InvalidRequest):
        await world.hold(session, items=order(dishes, nut_roast=1))


async def test_the_day_is_the_venues_own(make_world, db, admin):
    """Half past midnight in Auckland is still the day before in UTC."""
    world = await make_world(db, admin)
    await world.admin.execute(
        "UPDATE venues SET timezone = 'Pacific/Auckland' WHERE id = $1", world.venue_id
    )
    session, dishes = await lunch(world, starts_in=timedelta(days=10))
    await world.admin.execute(
        "UPDATE sessions SET starts_at = '2031-05-10 12:30+00', ends_at = '2031-05-10 14:30+00' "
        "WHERE id = $1",
        session.id,
    )
    await edit(world, dishes["Roast beef"], available_from=date(2031, 5, 11))
    assert await world.hold(session, items=order(dishes, roast_beef=1))


async def test_archived_dishes_and_sections_are_gone_at_once(world):
    session, dishes = await lunch(world)
    await edit(world, dishes["Roast beef"], status=ListingStatus.ARCHIVED)
    assert "Roast beef" not in await menu(world, session)
    with pytest.raises(InvalidRequest):
        await world.hold(session, items=order(dishes, roast_beef=1))
    command = EditMenuSection(
        section_id=dishes["Lamb"].section_id, status=ListingStatus.ARCHIVED, actor="test"
    )
    await world.run(lambda tx: edit_menu_section(tx, command))
    assert await menu(world, session) == []
    with pytest.raises(InvalidRequest):
        await world.hold(session, items=order(dishes, nut_roast=1))


async def test_an_offering_without_a_menu_lists_nothing_and_takes_no_orders(world):
    session = await world.class_session()
    item = await dish(world, await section(world))
    assert await menu(world, session) == []
    with pytest.raises(InvalidRequest) as refused:
        await world.hold(session, items=(Choice(item.id, 1),))
    assert refused.value.faults[0].field == "items"


async def test_an_offerings_sections_are_of_its_own_venue(world, db, admin, make_world):
    other = await make_world(db, admin)
    foreign = await section(other)
    with pytest.raises(InvalidRequest) as refused:
        await world.offering(pricing={"kind": "items", "menu": {"section_ids": [str(foreign.id)]}})
    assert refused.value.faults[0].field == "pricing.menu.section_ids.0"


async def test_where_orders_are_required_there_is_no_booking_without(world):
    session, dishes = await lunch(world, preorder="required")
    with pytest.raises(InvalidRequest) as refused:
        await world.hold(session)
    assert refused.value.faults[0].field == "items"
    assert await world.hold(session, items=order(dishes, nut_roast=1))


async def test_dishes_per_person_are_counted(world):
    session, dishes = await lunch(world, per_person={"fewest": 1, "most": 2})
    for few in (3, 9):
        with pytest.raises(InvalidRequest) as refused:
            await world.hold(session, party=4, items=order(dishes, nut_roast=few))
        assert "4 to 8 dishes" in refused.value.faults[0].message
    assert await world.hold(session, party=4, items=order(dishes, nut_roast=3, roast_beef=1))


async def test_orders_close_to_the_very_instant(world):
    session, dishes = await lunch(world, starts_in=timedelta(hours=48), cutoff_hours=24)
    close = session.starts_at - timedelta(hours=24)

    async def attempt(_):
        try:
            return await world.hold(session, items=order(dishes, nut_roast=1))
        except InvalidRequest as refused:
            return refused

    held = await world.just_before(close, attempt)
    await world.pay(held)
    await world.advance(seconds=max(0, (close - await world.now()).total_seconds()))
    with pytest.raises(InvalidRequest) as refused:
        await world.hold(session, items=order(dishes, nut_roast=1))
    assert "24 hours before" in refused.value.faults[0].message
    with pytest.raises(InvalidRequest):
        await change(world, held, items=order(dishes, roast_beef=1))
    # What a guest cannot eat is never too late to tell.
    booking, _ = await change(world, held, allergies=("Nuts",))
    assert (booking.allergies, await ordered(world, held)) == (("Nuts",), {"Nut roast": (1, 1700)})


async def test_a_deposit_per_head_is_due_now_and_the_dishes_at_the_venue(world):
    session, dishes = await lunch(
        world, pricing={"kind": "items", "due": {"kind": "per_head", "amount_minor": 1000}}
    )
    held = await world.hold(session, party=2, items=order(dishes, roast_beef=2))
    assert (held.total, held.due_now) == (Money(4200, "GBP"), Money(2000, "GBP"))


@pytest.mark.parametrize(
    ("pricing", "total", "due"),
    [
        ({"kind": "free"}, 4200, 0),
        ({"kind": "deposit", "amount_minor": 5000}, 9200, 5000),
        ({"kind": "per_booking", "amount_minor": 1000}, 5200, 5200),
    ],
)
async def test_dishes_go_with_any_pricing(world, pricing, total, due):
    session, dishes = await lunch(world, pricing=pricing)
    held = await world.hold(session, party=2, items=order(dishes, roast_beef=2))
    assert (held.total.amount_minor, held.due_now.amount_minor) == (total, due)


async def test_an_order_changes_while_the_difference_is_paid_at_the_venue(world):
    session, dishes = await lunch(world, pricing={"kind": "deposit", "amount_minor": 5000})
    held = await world.hold(session, party=2, items=order(dishes, roast_beef=2))
    await world.pay(held)
    booking, _ = await change(
        world, held, items=order(dishes, roast_beef=1, nut_roast=1), allergies=("Milk",)
    )
    assert booking.quote.total == Money(5000 + 2100 + 1700, "GBP")
    again = await world.booking(held)
    assert (again.quote, again.allergies) == (booking.quote, ("Milk",))
    assert await ordered(world, held) == {"Roast beef": (1, 2100), "Nut roast": (1, 1700)}
    (noted,) = await world.admin.fetch(
        "SELECT before::text, after::text FROM audit WHERE entity_id = $1 "
        "AND action = 'booking.order_changed'",
        held.booking_id,
    )
    assert "Milk" not in noted["after"]
    # The whole order may also be withdrawn.
    booking, _ = await change(world, held, items=())
    assert booking.quote.total == Money(5000, "GBP")
    assert await ordered(world, held) == {}


async def test_an_order_paid_in_full_changes_only_for_the_same_price(world):
    session, dishes = await lunch(world)
    held = await world.hold(session, items=order(dishes, roast_beef=1))
    with pytest.raises(CannotChange):  # not paid yet
        await change(world, held, items=order(dishes, roast_chicken=1))
    await world.pay(held)
    for other in (order(dishes, roast_beef=2), order(dishes, roast_chicken=1)):
        with pytest.raises(PaymentDiffers):
            await change(world, held, items=other)
    assert await ordered(world, held) == {"Roast beef": (1, 2100)}
    await edit(world, dishes["Nut roast"], price_minor=2100)
    await change(world, held, items=order(dishes, nut_roast=1))
    assert await ordered(world, held) == {"Nut roast": (1, 2100)}


async def test_an_order_is_changed_by_its_guest_from_what_was_read_last(world):
    session, dishes = await lunch(world, pricing={"kind": "free"})
    held = await world.hold(session)
    with pytest.raises(Unknown):
        await change(world, held, items=order(dishes, roast_beef=1), epoch=2)
    await change(world, held, items=order(dishes, roast_beef=1), version=1)
    with pytest.raises(StaleVersion):
        await change(world, held, items=(), version=1)
    await world.advance(days=10)
    with pytest.raises(CannotChange):
        await change(world, held, items=())
    assert await ordered(world, held) == {"Roast beef": (1, 2100)}


async def test_the_kitchen_cooks_for_those_who_come_page_by_page(world):
    session, dishes = await lunch(world, pricing={"kind": "free"})
    held = [await world.hold(session, items=order(dishes, nut_roast=n)) for n in (1, 2, 3)]
    allergic = await world.hold(session, allergies=("Nuts",))
    await world.hold(session)  # neither dishes nor allergies: nothing to tell
    gone = await world.hold(session, items=order(dishes, nut_roast=9))
    await world.cancel(gone)
    first = await world.run(lambda tx: kitchen(tx, session.id, after=None, limit=3))
    last = first.tickets[-1]
    rest = await world.run(
        lambda tx: kitchen(tx, session.id, after=(last.starts_at, last.booking_id), limit=3)
    )
    seen = [ticket.booking_id for ticket in (*first.tickets, *rest.tickets)]
    assert seen == [one.booking_id for one in (*held, allergic)]
    assert [(one.label, one.quantity) for one in first.totals] == [("Nut roast", 6)]
    assert (await world.booking(gone)).status is Status.CANCELLED
