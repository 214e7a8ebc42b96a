"""Money that comes in time, late, twice, wrongly, or for nothing."""

import random
from datetime import timedelta

import pytest

from booking.domain.booking import Failure
from booking.domain.lifecycle import PaymentStatus, Status
from booking.domain.money import Money
from booking.domain.refusals import Unknown
from booking.usecases.fail_payment import FailedAttempt, fail_payment
from booking.usecases.mark_processing import mark_processing
from booking.usecases.record_refund import Refunded, record_refund
from booking.usecases.require_authentication import require_authentication
from chassis.ids import uuid7

DECLINED = Failure("insufficient_funds", "payment.insufficient_funds")


async def fail(world, held, *, sequence=1, terminal=False, payment_id=None):
    attempt = FailedAttempt(
        booking_id=held.booking_id,
        payment_id=payment_id or uuid7(),
        sequence=sequence,
        failure=DECLINED,
        terminal=terminal,
    )
    await world.run(lambda tx: fail_payment(tx, attempt, vault=world.shop.vault))


async def status(world, held):
    booking = await world.booking(held)
    return booking.status, booking.payment_status


async def test_money_confirms(world):
    session, (table,) = await world.table_session()
    held = await world.hold(session, [table])
    payment = await world.pay(held)
    assert await status(world, held) == (Status.CONFIRMED, PaymentStatus.PAID)
    assert await world.types(held) == ["booking.held.v1", "booking.confirmed.v1"]
    assert await world.timer_of(held) is None
    await world.pay(held, payment_id=payment)
    assert await world.types(held) == ["booking.held.v1", "booking.confirmed.v1"]


async def test_money_confirms_a_lapsed_hold_that_nobody_expired(world):
    session = await world.class_session()
    held = await world.hold(session)
    await world.advance(minutes=20)
    await world.pay(held)
    assert (await world.booking(held)).status is Status.CONFIRMED
    await world.expire(held)
    assert (await world.booking(held)).status is Status.CONFIRMED


async def test_late_money_takes_the_place_again(world):
    session, (table,) = await world.table_session()
    held = await world.hold(session, [table])
    await world.advance(minutes=15)
    await world.expire(held)
    assert (await world.booking(held)).status is Status.EXPIRED
    await world.pay(held)
    assert await status(world, held) == (Status.CONFIRMED, PaymentStatus.PAID)
    assert await world.published("booking.confirmed.v1", about=held)


async def test_late_money_expires_a_lapsed_rival(world):
    session = await world.class_session(capacity=1)
    held = await world.hold(session)
    await world.advance(minutes=15)
    rival = await world.hold(session)
    await world.advance(minutes=15)
    await world.pay(held)
    assert (await world.booking(held)).status is Status.CONFIRMED
    assert (await world.booking(rival)).status is Status.EXPIRED
    assert not await world.drift()


@pytest.mark.parametrize("kind", ["class", "table"])
async def test_late_money_for_a_taken_place_goes_back(world, kind):
    if kind == "class":
        session, tables = await world.class_session(capacity=1), []
    else:
        session, tables = await world.table_session()
    held = await world.hold(session, tables)
    await world.advance(minutes=15)
    rival = await world.hold(session, tables)
    await world.pay(held)
    assert await status(world, held) == (Status.UNFULFILLABLE, PaymentStatus.PAID)
    (message,) = await world.published("booking.unfulfillable.v1", about=held)
    assert '"amount_minor":' in message["payload"]
    assert (await world.booking(rival)).status is Status.PENDING_PAYMENT
    assert not await world.drift()


async def test_late_money_after_the_start_goes_back(world):
    session = await world.class_session(starts_in=timedelta(hours=1))
    held = await world.hold(session)
    await world.advance(hours=1)
    await world.expire(held)
    await world.pay(held)
    assert (await world.booking(held)).status is Status.UNFULFILLABLE


async def test_late_money_goes_back_when_the_offering_says_so(world):
    session = await world.class_session(policy={"late_payment": "refund"})
    held = await world.hold(session)
    await world.advance(minutes=15)
    await world.expire(held)
    await world.pay(held)
    assert (await world.booking(held)).status is Status.UNFULFILLABLE


@pytest.mark.parametrize(
    ("amount", "currency", "cause"),
    [
        (17999, "GBP", "wrong_amount"),
        (18001, "GBP", "wrong_amount"),
        (18000, "SEK", "wrong_currency"),
    ],
)
async def test_wrong_money_goes_back_and_the_hold_goes_on(world, amount, currency, cause):
    session = await world.class_session()
    held = await world.hold(session)
    await world.pay(held, amount, currency=currency)
    (message,) = await world.published("booking.refund_due.v1", about=held)
    assert f'"cause":"{cause}"' in message["payload"]
    assert await status(world, held) == (Status.PENDING_PAYMENT, PaymentStatus.UNPAID)


async def test_a_second_payment_goes_back_once(world):
    session = await world.class_session()
    held = await world.hold(session)
    await world.pay(held)
    second = await world.pay(held)
    await world.pay(held, payment_id=second)
    (message,) = await world.published("booking.refund_due.v1", about=held)
    assert '"cause":"already_paid"' in message["payload"]
    assert str(second) in message["payload"]


async def test_money_on_a_cancelled_booking_goes_back(world):
    session = await world.class_session()
    held = await world.hold(session)
    await world.cancel(held)
    await world.pay(held)
    (message,) = await world.published("booking.refund_due.v1", about=held)
    assert '"cause":"cancelled"' in message["payload"]
    assert await world.taken(session) == 0


async def test_money_without_a_booking_is_not_ours_to_decide(world):
    session = await world.class_session()
    held = await world.hold(session)
    stranger = type(held)(
        **{**{f: getattr(held, f) for f in held.__slots__}, "booking_id": uuid7()}
    )
    with pytest.raises(Unknown):
        await world.pay(stranger)


async def test_the_first_failure_is_final_where_the_offering_says_so(world):
    session, (table,) = await world.table_session()
    held = await world.hold(session, [table])
    await fail(world, held)
    assert await status(world, held) == (Status.PAYMENT_FAILED, PaymentStatus.FAILED)
    assert (await world.booking(held)).failure == DECLINED
    (message,) = await world.published("booking.payment_failed.v1", about=held)
    assert '"final":true' in message["payload"]
    assert await world.timer_of(held) is None
    assert await world.hold(session, [table])


async def test_elsewhere_the_guest_may_try_again_until_the_hold_ends(world):
    session = await world.class_session(capacity=1)
    held = await world.hold(session)
    await fail(world, held)
    assert await status(world, held) == (Status.PENDING_PAYMENT, PaymentStatus.FAILED)
    assert await world.timer_of(held) == held.expires_at
    await world.pay(held)
    assert await status(world, held) == (Status.CONFIRMED, PaymentStatus.PAID)
    assert (await world.booking(held)).failure is None


async def test_a_failure_told_after_success_changes_nothing(world):
    session, (table,) = await world.table_session()
    held = await world.hold(session, [table])
    payment = await world.pay(held)
    await fail(world, held, payment_id=payment, terminal=True)
    assert await status(world, held) == (Status.CONFIRMED, PaymentStatus.PAID)


async def test_success_told_after_a_final_failure_takes_the_place_again(world):
    session, (table,) = await world.table_session()
    held = await world.hold(session, [table])
    await fail(world, held)
    await world.pay(held)
    assert await status(world, held) == (Status.CONFIRMED, PaymentStatus.PAID)


async def test_authentication_keeps_the_deadline(world):
    session = await world.class_session(capacity=1)
    held = await world.hold(session)
    payment = uuid7()
    await world.run(lambda tx: require_authentication(tx, held.booking_id, payment, 2))
    assert await status(world, held) == (Status.REQUIRES_AUTHENTICATION, PaymentStatus.UNPAID)
    assert (await world.booking(held)).expires_at == held.expires_at
    await world.advance(minutes=15)
    await world.expire(held)
    assert (await world.booking(held)).status is Status.EXPIRED
    assert await world.taken(session) == 0


async def test_a_payment_in_clearing_keeps_its_place_until_the_clearing_deadline(world):
    session = await world.class_session(capacity=1, policy={"clearing_minutes": 60})
    held = await world.hold(session)
    await world.run(lambda tx: mark_processing(tx, held.booking_id, uuid7(), 2))
    await world.advance(minutes=59)
    await world.expire(held)
    assert await status(world, held) == (Status.PENDING_PAYMENT, PaymentStatus.PROCESSING)
    await world.advance(minutes=1, seconds=1)
    await world.expire(held)
    assert (await world.booking(held)).status is Status.EXPIRED


async def test_older_news_of_a_payment_is_stale(world):
    session = await world.class_session()
    held = await world.hold(session)
    payment = uuid7()
    await world.run(lambda tx: mark_processing(tx, held.booking_id, payment, 5))
    await world.run(lambda tx: require_authentication(tx, held.booking_id, payment, 4))
    await fail(world, held, sequence=3, payment_id=payment)
    assert await status(world, held) == (Status.PENDING_PAYMENT, PaymentStatus.PROCESSING)


async def test_refunds_are_cumulative_and_never_free_a_place(world):
    session = await world.class_session(capacity=1)
    held = await world.hold(session)
    payment = await world.pay(held)
    totals = [5000, 9000, 18000]
    seen = []
    for total in [9000, 5000, 9000, 18000, *totals]:
        refund = Refunded(
            booking_id=held.booking_id,
            payment_id=payment,
            total=Money(total, "GBP"),
            sequence=total,
        )
        await world.run(lambda tx, refund=refund: record_refund(tx, refund))
        booking = await world.booking(held)
        seen.append((booking.refunded.amount_minor, booking.payment_status))
    assert seen[:4] == [
        (9000, PaymentStatus.PARTIALLY_REFUNDED),
        (9000, PaymentStatus.PARTIALLY_REFUNDED),
        (9000, PaymentStatus.PARTIALLY_REFUNDED),
        (18000, PaymentStatus.REFUNDED),
    ]
    assert set(seen[4:]) == {(18000, PaymentStatus.REFUNDED)}
    assert await world.taken(session) == 1


async def test_a_refund_of_a_second_payment_leaves_the_booking_alone(world):
    session = await world.class_session()
    held = await world.hold(session)
    await world.pay(held)
    second = await world.pay(held)
    refund = Refunded(
        booking_id=held.booking_id, payment_id=second, total=Money(18000, "GBP"), sequence=18000
    )
    await world.run(lambda tx: record_refund(tx, refund))
    assert await status(world, held) == (Status.CONFIRMED, PaymentStatus.PAID)


@pytest.mark.parametrize("seed", range(8))
async def test_messages_in_any_order_and_number_have_one_effect(world, seed):
    """F-23: an attempt fails, authentication is asked for, then it succeeds; told 5 times each."""
    session = await world.class_session(capacity=1)
    held = await world.hold(session)
    payment = uuid7()
    told = [
        lambda: fail(world, held, sequence=1, payment_id=payment),
        lambda: world.run(lambda tx: require_authentication(tx, held.booking_id, payment, 2)),
        lambda: world.run(lambda tx: mark_processing(tx, held.booking_id, payment, 3)),
        lambda: world.pay(held, payment_id=payment),
    ] * 5
    random.Random(seed).shuffle(told)
    for tell in told:
        await tell()
    assert await status(world, held) == (Status.CONFIRMED, PaymentStatus.PAID)
    types = await world.types(held)
    assert types.count("booking.confirmed.v1") == 1
    assert types.count("booking.payment_failed.v1") <= 1
    assert await world.taken(session) == 1
