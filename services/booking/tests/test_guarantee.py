"""OPN-06: a card guarantees the place; who does not come is charged when that stands, once."""

from datetime import timedelta

import pytest
from booking_client import GUEST, staff

from booking import messages
from booking.domain.guarantee import KEPT_AFTER_END, FeeState
from booking.domain.lifecycle import PaymentStatus, Status
from booking.domain.making import making
from booking.domain.money import Money
from booking.domain.refusals import CannotAccept, IllegalState, InvalidRequest, PaymentsOff
from booking.store import no_show_fees
from booking.store.receipts import Receipt
from booking.timers import GuaranteeDue, guarantee_key_of
from booking.usecases import attend
from booking.usecases.charge_fee_again import ChargeAgain, charge_fee_again
from booking.usecases.record_fee import Uncharged, record_fee, record_uncharged
from chassis.ids import uuid7
from contracts.registry import contract
from contracts.testing import example, same_shape

FEE = {"no_show": {"fee_minor": 2500}}
PER_HEAD = {"no_show": {"fee_minor": 1000, "per": "head", "pay_hours": 24}}


async def guaranteed(world, policy=None, price=0, **wish):
    """A booking whose guest has saved a card."""
    session = await world.class_session(price=price, policy=policy or FEE)
    held = await world.hold(session, **wish)
    await world.pay(held)
    return held


async def for_parties(world):
    offering = await world.offering(
        "class", inventory={"party_max": 6}, pricing={"amount_minor": 0}, policy=PER_HEAD
    )
    return await world.open(offering)


async def ring(world, held, times=1):
    _, handler = messages.build(world.shop).find(GuaranteeDue.TYPE)
    for _ in range(times):
        await world.run(lambda tx: handler(tx, GuaranteeDue(booking_id=held.booking_id), None))


async def timer(world, held):
    return await world.admin.fetchval(
        "SELECT due_at FROM messaging.outbox WHERE timer_key = $1",
        guarantee_key_of(held.booking_id),
    )


async def missing(world, policy=None, **booked):
    """A no-show that staff can no longer take back, and its fee due."""
    held = await guaranteed(world, policy, **booked)
    await world.day_of(held)
    await world.attend(attend.mark_no_show, held)
    await world.day_of(held, minutes=16)
    await ring(world, held, times=2)
    return held


def fee_of(world, held):
    return world.run(lambda tx: no_show_fees.read(tx, held.booking_id))


def charged(world, held, amount=2500, sequence=2, payment_id=None):
    receipt = Receipt(payment_id or uuid7(), held.booking_id, Money(amount, "GBP"))
    return world.run(lambda tx: record_fee(tx, receipt, sequence))


def uncharged(world, held, sequence=2, *, final=False, authentication=False):
    no = Uncharged(
        booking_id=held.booking_id,
        code="authentication_required" if authentication else "card_declined",
        sequence=sequence,
        final=final,
        authentication=authentication,
    )
    return world.run(lambda tx: record_uncharged(tx, no, vault=world.shop.vault))


def again(world, held):
    command = ChargeAgain(booking_id=held.booking_id, actor="key:desk", reason="They called")
    return world.run(lambda tx: charge_fee_again(tx, command, vault=world.shop.vault))


async def told(world, held, type_):
    return [
        contract(type_).model.from_json(row["payload"])
        for row in await world.published(type_, about=held)
    ]


async def test_the_place_waits_for_the_card_although_nothing_is_due(world):
    session = await world.class_session(price=0, policy=FEE)
    held = await world.hold(session)
    assert (held.status, held.due_now.amount_minor) == (Status.PENDING_PAYMENT, 0)
    assert held.payment_status is PaymentStatus.NOT_REQUIRED
    assert held.expires_at - await world.now() <= timedelta(minutes=15)
    (message,) = await told(world, held, "booking.held.v1")
    assert message.guaranteed
    assert message.payment_methods == ("card",)

    await world.pay(held)

    booking = await world.booking(held)
    assert (booking.status, booking.payment_status) == (
        Status.CONFIRMED,
        PaymentStatus.NOT_REQUIRED,
    )
    assert (await told(world, held, "booking.confirmed.v1"))[0].amount_paid.amount_minor == 0
    assert await timer(world, held) == booking.occasion.ends_at + KEPT_AFTER_END


async def test_a_place_without_its_card_expires_and_goes_to_others(world):
    session = await world.class_session(price=0, capacity=1, policy=FEE)
    held = await world.hold(session)
    await world.advance(minutes=15)
    await world.expire(held)
    assert (await world.booking(held)).status is Status.EXPIRED
    await world.pay(held)  # the card comes late, and the place is still free
    assert (await world.booking(held)).status is Status.CONFIRMED


async def test_a_card_saved_too_late_for_a_place_that_is_gone_is_let_go(world):
    session = await world.class_session(price=0, capacity=1, policy=FEE)
    held = await world.hold(session)
    await world.advance(minutes=15)
    other = await world.hold(session)
    await world.pay(held)
    assert (await world.booking(held)).status is Status.EXPIRED
    assert (await world.booking(other)).status is Status.PENDING_PAYMENT
    (message,) = await told(world, held, "booking.guarantee_released.v1")
    assert same_shape(message, example("booking.guarantee_released.v1"))
    assert await told(world, held, "booking.unfulfillable.v1") == []


async def test_where_something_is_due_the_payment_saves_the_card(world):
    held = await guaranteed(world, price=18000)
    booking = await world.booking(held)
    assert (booking.payment_status, booking.paid.amount_minor) == (PaymentStatus.PAID, 18000)
    assert (await told(world, held, "booking.held.v1"))[0].guaranteed


async def test_payments_switched_off_refuse_a_guarantee(world):
    session = await world.class_session(price=0, policy=FEE)
    with pytest.raises(PaymentsOff):
        await world.hold(session, payments=False)


async def test_who_pays_at_the_venue_is_asked_for_no_card(world):
    session = await world.class_session(price=0, policy=FEE)
    by_phone = making(
        by_staff=True, may_override=True, at_venue=True, override=None, source="phone"
    )
    held = await world.hold(session, making=by_phone)
    assert held.status is Status.CONFIRMED
    assert (await world.booking(held)).policy.no_show is None


async def test_an_offer_to_those_who_wait_is_taken_by_saving_a_card(world):
    from booking.domain.waiting import as_offer, check_acceptable

    session = await world.class_session(price=0, policy=FEE)
    held = await world.hold(session)
    booking = await world.booking(held)
    with pytest.raises(CannotAccept):
        check_acceptable(as_offer(booking, booking.created_at), booking.created_at)


async def test_a_no_show_is_charged_when_staff_can_no_longer_take_it_back(world):
    held = await guaranteed(world)
    await world.day_of(held)
    no_show = await world.attend(attend.mark_no_show, held)
    assert await timer(world, held) == no_show.status_at + timedelta(minutes=15)
    await ring(world, held)
    assert await told(world, held, "booking.no_show_fee_due.v1") == []

    await world.day_of(held, minutes=16)
    await ring(world, held, times=3)

    (due,) = await told(world, held, "booking.no_show_fee_due.v1")
    assert same_shape(due, example("booking.no_show_fee_due.v1"))
    assert (due.fee.amount_minor, due.fee.currency, due.retry) == (2500, "GBP", False)
    assert (await fee_of(world, held)).state is FeeState.DUE
    assert len(await world.audited(held, "booking.no_show_fee_due")) == 1


async def test_a_slip_taken_back_charges_nothing(world):
    held = await guaranteed(world)
    await world.day_of(held)
    await world.attend(attend.mark_no_show, held)
    restored = await world.attend(attend.undo, held)
    assert await timer(world, held) == restored.occasion.ends_at + KEPT_AFTER_END
    await world.day_of(held, minutes=20)
    await ring(world, held)
    assert await fee_of(world, held) is None
    assert await told(world, held, "booking.no_show_fee_due.v1") == []


async def test_the_fee_is_the_one_that_was_promised(world):
    """Per head, and as it was when the booking was made."""
    session = await for_parties(world)
    held = await world.hold(session, party=3)
    await world.pay(held)
    await world.admin.execute("UPDATE offerings SET policy = policy - 'no_show'")
    await world.day_of(held)
    await world.attend(attend.mark_no_show, held)
    await world.day_of(held, minutes=16)
    await ring(world, held)
    (due,) = await told(world, held, "booking.no_show_fee_due.v1")
    assert due.fee.amount_minor == 3000
    assert due.pay_until - await world.now() <= timedelta(hours=24)


async def test_who_came_or_cancelled_is_charged_nothing_and_the_card_is_let_go(world):
    came, cancelled = await guaranteed(world), await guaranteed(world)
    await world.cancel(cancelled)
    assert await timer(world, cancelled) is None
    await world.day_of(came)
    await world.attend(attend.check_in, came)
    done = await world.attend(attend.complete, came)
    assert await timer(world, came) == done.status_at + timedelta(minutes=15)
    await world.day_of(came, minutes=16)
    await ring(world, came)
    await ring(world, cancelled)
    assert len(await told(world, came, "booking.guarantee_released.v1")) == 1
    for held in (came, cancelled):
        assert await told(world, held, "booking.no_show_fee_due.v1") == []


async def test_a_card_is_let_go_two_weeks_after_a_visit_that_nobody_recorded(world):
    held = await guaranteed(world)
    await world.day_of(held, days=13)
    await ring(world, held)
    assert await told(world, held, "booking.guarantee_released.v1") == []
    await world.day_of(held, days=15)
    await ring(world, held)
    assert len(await told(world, held, "booking.guarantee_released.v1")) == 1


async def test_a_charged_fee_counts_as_paid_once(world):
    held, payment_id = await missing(world), uuid7()
    for _ in range(3):
        await charged(world, held, payment_id=payment_id)
    booking = await world.booking(held)
    assert (booking.paid.amount_minor, booking.payment_status) == (2500, PaymentStatus.PAID)
    assert (await fee_of(world, held)).state is FeeState.CHARGED
    (row,) = await world.audited(held, "booking.no_show_fee_charged")
    assert row["after"]["amount_paid"] == 2500
    await uncharged(world, held, sequence=9)  # told late: it is charged all the same
    assert (await fee_of(world, held)).state is FeeState.CHARGED


async def test_a_bank_that_asks_gets_the_guest_a_letter_and_older_news_changes_nothing(world):
    held = await missing(world)
    await uncharged(world, held, sequence=3, authentication=True)
    await uncharged(world, held, sequence=2)
    await uncharged(world, held, sequence=3, authentication=True)
    fee = await fee_of(world, held)
    assert (fee.state, fee.failure_code) == (FeeState.ACTION_REQUIRED, "authentication_required")
    (letter,) = await told(world, held, "booking.no_show_fee_action_required.v1")
    assert same_shape(letter, example("booking.no_show_fee_action_required.v1"))
    await uncharged(world, held, sequence=4, final=True)
    assert (await fee_of(world, held)).state is FeeState.GIVEN_UP
    (row,) = await world.audited(held, "booking.no_show_fee_given_up")
    assert row["reason"] == "card_declined"


async def test_staff_retry_what_was_declined_and_nothing_else(world):
    held = await missing(world)
    with pytest.raises(IllegalState):
        await again(world, held)
    await uncharged(world, held)
    fee = await again(world, held)
    assert fee.state is FeeState.DUE
    retried = (await told(world, held, "booking.no_show_fee_due.v1"))[-1]
    assert retried.retry
    with pytest.raises(IllegalState):
        await again(world, held)
    await uncharged(world, held, sequence=3)
    await world.day_of(held, days=4)
    with pytest.raises(IllegalState):
        await again(world, held)


async def test_another_offerings_fee_is_not_taken_on_by_moving_there(world):
    free = await world.class_session(price=0)
    held = await world.hold(free)
    elsewhere = await world.class_session(price=0, policy=FEE)
    await world.reschedule(held, elsewhere, by="staff", reason="Full")
    assert (await world.booking(held)).policy.no_show is None


async def test_the_price_tells_of_the_fee_and_so_does_the_booking(client, world):
    session = await for_parties(world)
    status, quote = await client(
        "POST", "/quotes", GUEST, json={"session_id": str(session.id), "party_size": 2}
    )
    assert (status, quote["no_show_fee"]) == (200, {"amount_minor": 2000, "currency": "GBP"})
    held = await world.hold(session, party=2)
    await world.pay(held)
    desk = staff(world.org_id, "bookings:view", "bookings:manage")
    path = f"/bookings/{held.booking_id}"

    async def shown():
        return (await client("GET", path, desk))[1]["no_show_fee"]

    assert (await shown())["status"] == "promised"
    status, refused = await client("POST", f"{path}/no-show-fee", desk, json={})
    assert (status, refused["code"]) == (409, "ILLEGAL_STATE")
    await world.day_of(held)
    await world.attend(attend.mark_no_show, held)
    await world.day_of(held, minutes=16)
    await ring(world, held)
    await uncharged(world, held)
    assert (await shown())["failure_code"] == "card_declined"
    key = uuid7().hex
    for _ in range(2):
        status, fee = await client("POST", f"{path}/no-show-fee", desk, key=key, json={})
        assert (status, fee["status"]) == (200, "due")
    assert len(await told(world, held, "booking.no_show_fee_due.v1")) == 2
    nobody = staff(world.org_id, "bookings:edit")
    assert (await client("POST", f"{path}/no-show-fee", nobody, json={}))[0] == 403


async def test_settings_that_hold_no_text_are_refused_not_broken_by(client, world):
    editor = staff(world.org_id, "catalogue:edit")
    wanted = {
        "venue_id": str(world.venue_id),
        "preset": "class",
        "title": "A class",
        "policy": {"no_show": {"fee_minor": 2500, "per": "a\ud800b"}},
    }
    status, refused = await client("POST", "/offerings", editor, key=uuid7().hex, json=wanted)
    assert (status, refused["errors"][0]["field"]) == (422, "policy")


@pytest.mark.parametrize(
    ("no_show", "pricing", "field"),
    [
        ({"fee_minor": -1}, {}, "policy.no_show.fee_minor"),
        ({"fee_minor": 0}, {}, "policy.no_show.fee_minor"),
        ({"fee_minor": 49}, {}, "policy.no_show.fee_minor"),
        ({"fee_minor": 10**12}, {}, "policy.no_show.fee_minor"),
        ({"fee_minor": "25"}, {}, "policy.no_show.fee_minor"),
        ({"fee_minor": 2500, "currency": "EUR"}, {}, "policy.no_show.currency"),
        ({"fee_minor": 2500, "per": "table"}, {}, "policy.no_show.per"),
        ({"fee_minor": 2500, "pay_hours": 0}, {}, "policy.no_show.pay_hours"),
        ({}, {}, "policy.no_show.fee_minor"),
        ({"fee_minor": 2500}, {"payment_methods": ["paypal"]}, "policy.no_show"),
    ],
)
async def test_a_fee_that_could_not_be_collected_is_refused(world, no_show, pricing, field):
    with pytest.raises(InvalidRequest) as refused:
        await world.offering(
            "class", pricing={"amount_minor": 0, **pricing}, policy={"no_show": no_show}
        )
    assert field in {fault.field for fault in refused.value.faults}
