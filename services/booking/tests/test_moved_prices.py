"""A booking that moves takes its dishes and codes along, at the new place's price."""

from datetime import timedelta

import pytest
from booking_codes import balance, card, promo, used
from booking_menus import lunch, order

from booking.domain.lifecycle import Status
from booking.domain.money import Money
from booking.domain.refusals import ChangePending, InvalidRequest
from booking.store import offerings
from booking.usecases.change_order import ChangeOrder, change_order
from booking.usecases.edit_menu import EditMenuItem, edit_menu_item
from booking.usecases.edit_offering import EditOffering, edit_offering
from booking.usecases.read_booking import read_booking


async def two_classes(world, price=18000):
    offering = await world.offering("class", pricing={"amount_minor": price})
    first, second = [await world.open(offering, starts_in=timedelta(days=10 + n)) for n in range(2)]
    return first, second


async def reprice(world, session, price):
    command = EditOffering(
        offering_id=session.offering_id,
        overrides={"pricing": {"amount_minor": price}},
        actor="test",
    )
    await world.run(lambda tx: edit_offering(tx, command))


async def test_a_code_that_ended_since_still_counts_for_the_booking_that_has_it(world):
    first, second = await two_classes(world)
    code = await promo(world, max_uses=1, valid_until=await world.now() + timedelta(hours=1))
    held = await world.hold(first, promo_code="SUMMER-10")
    await world.pay(held)
    await world.advance(hours=1)
    await world.reschedule(held, second)
    moved = await world.booking(held)
    assert moved.quote.total == Money(16200, "GBP")
    assert await used(world, code) == 1


async def test_what_a_cheaper_place_leaves_of_a_cards_share_goes_back_onto_it(world):
    first, second = await two_classes(world, 18000)
    gift, secret = await card(world, 20000)
    held = await world.hold(first, gift_card=secret)
    assert held.status is Status.CONFIRMED
    await reprice(world, first, 15000)
    await world.reschedule(held, second)
    moved = await world.booking(held)
    assert (moved.quote.total, moved.quote.gift) == (Money(15000, "GBP"), Money(15000, "GBP"))
    assert await balance(world, gift) == 5000
    await world.cancel(held, cause="staff", reason="Storm warning")
    # The class preset refunds nothing, and what was given back before is not given back again.
    assert await balance(world, gift) == 5000


async def test_a_share_covers_no_more_than_it_did_at_a_dearer_place(world):
    first, second = await two_classes(world, 18000)
    gift, secret = await card(world, 20000)
    held = await world.hold(first, gift_card=secret)
    await reprice(world, first, 19000)
    done = await world.reschedule(held, second)
    assert done.change.due == Money(1000, "GBP")
    assert await balance(world, gift) == 2000


async def test_dishes_move_along_at_todays_price(world):
    session, dishes = await lunch(world, pricing={"kind": "free"}, preorder="required")
    later = await world.open(await _offering_of(world, session), starts_in=timedelta(days=12))
    held = await world.hold(session, items=order(dishes, roast_beef=2))
    dearer = EditMenuItem(item_id=dishes["Roast beef"].id, price_minor=2500, actor="test")
    await world.run(lambda tx: edit_menu_item(tx, dearer))
    await world.reschedule(held, later)
    view = await world.run(lambda tx: read_booking(tx, held.booking_id))
    assert view.booking.quote.total == Money(5000, "GBP")
    assert [(dish.label, dish.quantity, dish.unit_minor) for dish in view.dishes] == [
        ("Roast beef", 2, 2500)
    ]


async def test_a_day_without_the_dish_is_refused_and_the_booking_stays(world):
    session, dishes = await lunch(world, pricing={"kind": "free"})
    later = await world.open(await _offering_of(world, session), starts_in=timedelta(days=12))
    held = await world.hold(session, items=order(dishes, roast_beef=2))
    until = EditMenuItem(
        item_id=dishes["Roast beef"].id, available_until=session.starts_at.date(), actor="test"
    )
    await world.run(lambda tx: edit_menu_item(tx, until))
    with pytest.raises(InvalidRequest) as refused:
        await world.reschedule(held, later)
    assert refused.value.faults[0].field == "items.0.menu_item_id"
    assert (await world.booking(held)).session_id == session.id


async def test_an_order_waits_while_a_move_waits_for_its_payment(world):
    session, dishes = await lunch(world, pricing={"kind": "per_booking", "amount_minor": 1000})
    later = await world.open(await _offering_of(world, session), starts_in=timedelta(days=12))
    held = await world.hold(session)
    await world.pay(held)
    await reprice(world, session, 2000)
    done = await world.reschedule(held, later)
    assert done.change.due == Money(1000, "GBP")
    wish = ChangeOrder(
        booking_id=held.booking_id,
        items=order(dishes, roast_beef=1),
        allergies=None,
        actor="guest",
        manage_epoch=1,
    )
    with pytest.raises(ChangePending):
        await world.run(lambda tx: change_order(tx, wish, listings=world.shop.listings))


async def _offering_of(world, session):
    return await world.run(lambda tx: offerings.read(tx, session.offering_id))
