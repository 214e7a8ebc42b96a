"""Paid, but the place was gone: staff see it, know where the money is, and can mend it."""

import asyncio
from functools import partial
from uuid import uuid4

import pytest
from booking_client import staff

from booking.domain.money import Money
from booking.domain.recovery import RefundState, refund_state
from booking.domain.refusals import (
    AlreadyBooked,
    CannotRecover,
    CapacityExceeded,
    RefundUnderWay,
    ResourceTaken,
    SessionStarted,
    Unknown,
)
from booking.usecases.record_refund import Refunded, record_failed_refund, record_refund
from booking.usecases.recover import Recover, failed_bookings, rebook, retry_refund
from chassis import metrics
from chassis.ids import uuid7

PRICE = 18000


async def failed(world, *, after=None, limit=50):
    return await world.run(lambda tx: failed_bookings(tx, after=after, limit=limit))


async def refused(world, held, payment, code="refund_failed"):
    """The provider says that the refund did not go through."""
    await world.run(
        lambda tx: record_failed_refund(tx, held.booking_id, payment, Money(PRICE, "GBP"), code)
    )


async def refunded(world, held, payment, amount=PRICE):
    refund = Refunded(
        booking_id=held.booking_id, payment_id=payment, total=Money(amount, "GBP"), sequence=amount
    )
    await world.run(partial(record_refund, refund=refund))


def by_staff(held):
    return Recover(booking_id=held.booking_id, actor="key:k1", reason="the guest called")


async def retry(world, held):
    await world.run(lambda tx: retry_refund(tx, by_staff(held)))


async def place_again(world, held):
    shop = world.shop
    return await world.run(
        lambda tx: rebook(tx, by_staff(held), vault=shop.vault, listings=shop.listings)
    )


@pytest.fixture
def too_late(world):
    """A booking whose place went to another guest before its money came."""

    async def make(session=None, tables=()):
        session = session or await world.class_session(capacity=1)
        late = await world.hold(session, tables)
        await world.advance(minutes=15)
        rival = await world.hold(session, tables)
        return late, rival, await world.pay(late)

    return make


async def test_a_failed_booking_is_listed_with_amount_cause_and_refund(world, too_late):
    held, _, payment = await too_late()
    [found] = await failed(world)
    assert (found.id, found.reference) == (held.booking_id, held.reference)
    assert (found.paid, found.cause) == (Money(PRICE, "GBP"), "place_taken")
    assert (found.refund_state, found.refunded_at) == (RefundState.PENDING, None)

    await refused(world, held, payment, "expired_or_canceled_card")
    [found] = await failed(world)
    assert (found.refund_state, found.refusal) == (RefundState.FAILED, "expired_or_canceled_card")
    await retry(world, held)
    [found] = await failed(world)
    assert found.refund_state is RefundState.PENDING
    await refunded(world, held, payment)
    [found] = await failed(world)
    assert found.refund_state is RefundState.REFUNDED
    assert found.refunded_at is not None


async def test_each_failed_booking_and_failed_refund_is_counted_for_the_alert(world, too_late):
    """FBK-06."""

    def counted(kind):
        return metrics.REGISTRY.get_sample_value("holdfast_alarms_total", {"kind": kind}) or 0

    before = counted("unfulfillable"), counted("refund_failed")
    held, _, payment = await too_late()
    assert (counted("unfulfillable"), counted("refund_failed")) == (before[0] + 1, before[1])
    await refused(world, held, payment)
    assert counted("refund_failed") == before[1] + 1


async def test_a_refund_that_failed_of_another_payment_is_not_this_one_s(world, too_late):
    held, _, _ = await too_late()
    await refused(world, held, uuid7())
    [found] = await failed(world)
    assert found.refund_state is RefundState.PENDING


@pytest.mark.parametrize(
    ("refunded_minor", "was_refused", "state"),
    [(0, False, "pending"), (0, True, "failed"), (40, False, "partially_refunded"),
     (40, True, "failed"), (100, False, "refunded"), (100, True, "refunded")],
)  # fmt: skip
def test_where_a_refund_stands(refunded_minor, was_refused, state):
    assert (
        refund_state(Money(100, "GBP"), Money(refunded_minor, "GBP"), refused=was_refused) == state
    )


async def test_a_failed_refund_is_asked_for_again_once_per_failure(world, too_late):
    held, _, payment = await too_late()
    with pytest.raises(CannotRecover):
        await retry(world, held)
    await refused(world, held, payment)
    await retry(world, held)
    with pytest.raises(CannotRecover):
        await retry(world, held)
    [asked] = await world.published("booking.refund_due.v1", about=held)
    assert '"retry":true' in asked["payload"].replace(" ", "")
    assert '"cause":"unfulfillable"' in asked["payload"].replace(" ", "")
    await refused(world, held, payment)
    await retry(world, held)
    noted = await world.admin.fetch(
        "SELECT actor, reason FROM audit WHERE entity_id = $1 AND action = 'booking.refund_retried'",
        held.booking_id,
    )
    assert [tuple(row) for row in noted] == [("key:k1", "the guest called")] * 2


async def test_a_retry_that_began_before_the_failure_still_follows_it(world, too_late):
    """Who waits for the booking began earlier than what it waited for, and comes after it."""
    held, _, payment = await too_late()
    began, failed_meanwhile = asyncio.Event(), asyncio.Event()

    async def slow(tx):
        await tx.now()
        began.set()
        await failed_meanwhile.wait()
        await retry_refund(tx, by_staff(held))

    asking = asyncio.create_task(world.run(slow))
    await began.wait()
    await refused(world, held, payment)
    failed_meanwhile.set()
    await asking
    [found] = await failed(world)
    assert found.refund_state is RefundState.PENDING


async def test_a_guest_gets_the_place_back_when_it_is_free_and_the_money_is_still_here(
    world, too_late
):
    session = await world.class_session(capacity=1)
    held, rival, payment = await too_late(session)
    with pytest.raises(RefundUnderWay):
        await place_again(world, held)
    await refused(world, held, payment)
    with pytest.raises(CapacityExceeded):
        await place_again(world, held)
    await world.cancel(rival)
    assert (await place_again(world, held)).status == "confirmed"
    assert await world.taken(session) == 1
    assert await world.drift() == []
    assert (await world.types(held))[-1] == "booking.confirmed.v1"
    assert await failed(world) == []
    for again in (place_again, retry):
        with pytest.raises(CannotRecover):
            await again(world, held)


async def test_a_table_is_given_back_even_if_a_lapsed_hold_is_in_the_way(world, too_late):
    session, tables = await world.table_session()
    held, _, payment = await too_late(session, tables)
    await refused(world, held, payment)
    with pytest.raises(ResourceTaken):
        await place_again(world, held)
    await world.advance(minutes=15)
    assert (await place_again(world, held)).status == "confirmed"


async def test_no_place_is_given_back_once_money_went_back(world, too_late):
    held, rival, payment = await too_late()
    await world.cancel(rival)
    await refunded(world, held, payment, 100)
    await refused(world, held, payment)
    with pytest.raises(CannotRecover):
        await place_again(world, held)


async def test_no_place_is_given_back_after_the_start(world, too_late):
    held, rival, payment = await too_late()
    await refused(world, held, payment)
    await world.cancel(rival)
    await world.advance(days=11)
    with pytest.raises(SessionStarted):
        await place_again(world, held)


async def test_only_failed_bookings_can_be_recovered(world, make_world, db, admin, too_late):
    held = await world.hold(await world.class_session())
    for recover in (retry, place_again):
        with pytest.raises(CannotRecover):
            await recover(world, held)
    other = await make_world(db, admin)
    late, _, _ = await too_late()
    for recover in (retry, place_again):
        with pytest.raises(Unknown):
            await recover(other, late)
    assert await failed(other) == []


async def test_failed_bookings_over_http(client, world, too_late):
    first, _, payment = await too_late()
    second, _, _ = await too_late()
    desk = staff(world.org_id, "bookings:view")
    status, page = await client("GET", "/bookings/failed?limit=1", desk)
    assert status == 200
    assert [row["id"] for row in page["items"]] == [str(second.booking_id)]
    assert page["items"][0]["email"] is None
    _, rest = await client("GET", f"/bookings/failed?cursor={page['next_cursor']}", desk)
    assert [row["id"] for row in rest["items"]] == [str(first.booking_id)]
    assert rest["items"][0]["refund"]["state"] == "pending"

    path = f"/bookings/{first.booking_id}/recover"
    manager = staff(world.org_id, "bookings:manage")
    ask = {"action": "retry_refund"}
    assert (await client("POST", path, desk, uuid4().hex, json=ask))[0] == 403
    assert (await client("POST", path, key=uuid4().hex, json=ask))[0] == 401
    status, refusal = await client("POST", path, manager, json=ask)
    assert (status, refusal["code"]) == (400, "IDEMPOTENCY_KEY_REQUIRED")
    status, refusal = await client("POST", path, manager, uuid4().hex, json={"action": "forget"})
    assert (status, refusal["errors"][0]["field"]) == (422, "action")
    status, refusal = await client("POST", path, manager, uuid4().hex, json=ask)
    assert (status, refusal["code"]) == (409, "CANNOT_RECOVER")
    await refused(world, first, payment)
    key = uuid4().hex
    answers = [await client("POST", path, manager, key, json=ask) for _ in range(2)]
    assert answers[0] == answers[1]
    assert answers[0][1]["refund"] == "pending"
    assert len(await world.published("booking.refund_due.v1", about=first)) == 1
    status, refusal = await client("GET", "/bookings/failed?cursor=e30", desk)
    assert (status, refusal["errors"][0]["field"]) == (422, "cursor")


async def test_a_guest_who_may_have_one_place_and_booked_again_is_given_no_second(world, too_late):
    """INV-05."""
    session = await world.class_session(capacity=1, policy={"one_per_customer": True})
    held, rival, payment = await too_late(session)
    await refused(world, held, payment)
    await world.cancel(rival)
    contact = world.shop.vault.open((await world.booking(held)).sealed_contact, held.booking_id)
    again = await world.hold(session, email=contact.email)
    await world.admin.execute("UPDATE sessions SET capacity = 2 WHERE id = $1", session.id)
    with pytest.raises(AlreadyBooked):
        await place_again(world, held)
    assert (await world.booking(held)).status == "unfulfillable"
    await world.expire(again)
    assert await world.taken(session) == 1
