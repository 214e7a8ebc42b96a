"""Staff gave the money back: what becomes of the booking and its place."""

import pytest

from booking.domain.lifecycle import Status
from booking.domain.money import Money
from booking.usecases.attend import check_in, complete
from booking.usecases.cancel import release_refunded
from booking.usecases.record_refund import Refunded, record_refund
from chassis.ids import uuid7
from contracts.registry import contract

PRICE = 18000


async def given_back(world, held, payment, amount, *, sequence=5, release=True):
    """Staff give so much back: it is on its way, and the booking is told."""
    news = Refunded(
        booking_id=held.booking_id,
        payment_id=payment,
        total=Money(0, "GBP"),
        unasked=Money(amount, "GBP"),
        sequence=sequence,
    )
    await world.run(lambda tx: record_refund(tx, news))
    if release:
        await world.run(
            lambda tx: release_refunded(
                tx,
                held.booking_id,
                actor="key:boss",
                reason="The host is ill",
                vault=world.shop.vault,
            )
        )


async def cancelled(world, held):
    rows = await world.published("booking.cancelled.v1", about=held)
    return [contract("booking.cancelled.v1").model.from_json(row["payload"]) for row in rows]


async def test_all_of_it_cancels_the_booking_and_frees_its_place_once(world):
    session = await world.class_session(capacity=1, price=PRICE)
    held = await world.hold(session)
    payment = await world.pay(held)
    for _ in range(3):
        await given_back(world, held, payment, PRICE)
    booking = await world.booking(held)
    assert (booking.status, booking.refunded.amount_minor) == (Status.CANCELLED, 0)
    assert await world.taken(session) == 0
    (told,) = await cancelled(world, held)
    assert (told.cause, told.reason, told.release) == ("staff", "The host is ill", True)
    assert (told.refund.amount_minor, told.refund_percent) == (PRICE, 100)
    # A goal that is reached already: nothing more goes back.
    assert told.refund_goal.total.amount_minor == PRICE == booking.unasked_minor
    (row,) = await world.audited(held, "booking.cancelled")
    assert (row["actor"], row["reason"]) == ("key:boss", "The host is ill")


async def test_a_part_frees_no_place(world):
    session = await world.class_session(price=PRICE)
    held = await world.hold(session)
    payment = await world.pay(held)
    await given_back(world, held, payment, PRICE - 1)
    assert (await world.booking(held)).status is Status.CONFIRMED
    assert await world.taken(session) == 1
    await given_back(world, held, payment, PRICE, sequence=6)
    assert (await world.booking(held)).status is Status.CANCELLED


async def test_one_of_two_payments_frees_no_place(world):
    offering = await world.offering(
        "class",
        inventory={"capacity": 10, "units": "person", "party_max": 5},
        pricing={
            "kind": "per_head",
            "tiers": [{"key": "adult", "label": "Adult", "amount_minor": 1000}],
        },
    )
    session = await world.open(offering)
    held = await world.hold(session, party=2)
    own = await world.pay(held)
    change = (await world.reschedule(held, session, by="key:k", reason="x", party_size=3)).change
    further = await world.pay_change(held, change)
    await given_back(world, held, further, 1000)
    assert (await world.booking(held)).status is Status.CONFIRMED
    await given_back(world, held, own, 2000)
    assert (await world.booking(held)).status is Status.CANCELLED
    assert await world.taken(session) == 0


async def test_a_visit_that_was_is_not_undone(world):
    session = await world.class_session(price=PRICE)
    held = await world.hold(session)
    payment = await world.pay(held)
    await world.day_of(held)
    await world.attend(check_in, held)
    await world.attend(complete, held)
    await given_back(world, held, payment, PRICE)
    assert (await world.booking(held)).status is Status.COMPLETED
    assert not await cancelled(world, held)


async def test_a_booking_that_paid_nothing_is_left_alone(world):
    held = await world.hold(await world.class_session(price=PRICE))
    await world.run(
        lambda tx: release_refunded(
            tx, held.booking_id, actor="key:boss", reason="x", vault=world.shop.vault
        )
    )
    assert (await world.booking(held)).status is Status.PENDING_PAYMENT


@pytest.mark.parametrize("bounced", [PRICE, 5000])
async def test_what_bounces_is_counted_no_more(world, bounced):
    held = await world.hold(await world.class_session(price=PRICE))
    payment = await world.pay(held)
    for sequence, total in ((5, PRICE), (6, PRICE - bounced), (5, PRICE)):
        news = Refunded(
            booking_id=held.booking_id,
            payment_id=payment,
            total=Money(total, "GBP"),
            unasked=Money(total, "GBP"),
            sequence=sequence,
        )
        await world.run(lambda tx, news=news: record_refund(tx, news))
    booking = await world.booking(held)
    assert booking.refunded.amount_minor == PRICE - bounced == booking.unasked_minor
    assert booking.payment_status == ("paid" if bounced == PRICE else "partially_refunded")
    (row,) = await world.audited(held, "booking.refund_bounced")
    assert row["after"]["amount_refunded"] == PRICE - bounced


async def test_a_refund_of_money_for_nothing_cancels_nothing(world):
    """A second payment of the same booking goes back whole; the first stays."""
    held = await world.hold(await world.class_session(price=PRICE))
    await world.pay(held)
    second = await world.pay(held, payment_id=uuid7())
    await given_back(world, held, second, PRICE)
    assert (await world.booking(held)).status is Status.CONFIRMED
