"""What one guest may hold: few places unpaid, one where each has one, none when refused."""

import pytest

from booking.domain.refusals import AlreadyBooked, GuestRefused, TooManyUnpaid
from chassis.ids import uuid7

SAME = {"email": "same@example.com", "phone": "07123456789"}


async def test_f12_a_guest_holds_only_so_many_places_of_a_session_unpaid(world):
    session = await world.class_session(policy={"max_unpaid_holds": 2})
    first = await world.hold(session, **SAME)
    await world.hold(session, email="other@example.com", phone=SAME["phone"])
    with pytest.raises(TooManyUnpaid):
        await world.hold(session, email="third@example.com", phone=SAME["phone"])
    assert await world.taken(session) == 2
    await world.pay(first)
    await world.hold(session, **SAME)


async def test_f12_lapsed_holds_and_other_sessions_do_not_count(world):
    session = await world.class_session(policy={"max_unpaid_holds": 1})
    await world.hold(session, **SAME)
    await world.hold(await world.class_session(policy={"max_unpaid_holds": 1}), **SAME)
    await world.advance(minutes=15)
    await world.hold(session, **SAME)


@pytest.mark.parametrize(
    "again", [SAME, SAME | {"email": "other@example.com"}, SAME | {"phone": "07999999999"}]
)
async def test_inv05_one_place_for_each_guest_by_phone_or_e_mail(world, again):
    session = await world.class_session(price=0, policy={"one_per_customer": True})
    held = await world.hold(session, **SAME)
    with pytest.raises(AlreadyBooked):
        await world.hold(session, **again)
    assert await world.taken(session) == 1
    await world.cancel(held)
    await world.hold(session, **again)
    await world.hold(session)
    assert await world.taken(session) == 2


async def test_inv05_the_guests_own_lapsed_hold_is_not_in_the_way(world):
    session = await world.class_session(policy={"one_per_customer": True})
    first = await world.hold(session, **SAME)
    await world.advance(minutes=15)
    await world.hold(session, **SAME)
    assert (await world.booking(first)).status == "expired"
    assert await world.taken(session) == 1


async def test_inv05_late_money_for_a_place_the_guest_has_by_another_booking_goes_back(world):
    session = await world.class_session(policy={"one_per_customer": True})
    late = await world.hold(session, **SAME)
    await world.advance(minutes=15)
    again = await world.hold(session, **SAME)
    await world.pay(again)
    await world.pay(late)
    assert (await world.booking(late)).status == "unfulfillable"
    assert (await world.booking(again)).status == "confirmed"
    assert await world.taken(session) == 1
    assert await world.drift() == []


async def test_inv05_without_the_setting_a_guest_may_come_twice(world):
    session = await world.class_session(price=0)
    await world.hold(session, **SAME)
    await world.hold(session, **SAME)


@pytest.mark.parametrize("known_by", ["email", "phone"])
async def test_cus17_a_refused_guest_holds_nothing(world, known_by):
    session = await world.class_session()
    held = await world.hold(session, **SAME)
    column = f"{known_by}_hash"
    await world.admin.execute(
        f"""INSERT INTO blocked_contacts
            SELECT org_id, {column}, $2 FROM bookings WHERE id = $1""",
        held.booking_id,
        uuid7(),
    )
    stranger = {"email": "new@example.com", "phone": "07999999999"}
    with pytest.raises(GuestRefused):
        await world.hold(session, **(stranger | {known_by: SAME[known_by]}))
    assert await world.taken(session) == 1
    await world.hold(session, **stranger)
