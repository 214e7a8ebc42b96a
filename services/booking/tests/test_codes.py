"""Promo codes and gift cards: exact under concurrency, given back with the place, and never twice."""

import asyncio
import random
from collections import Counter
from datetime import timedelta

import pytest
from booking_codes import balance, card, promo, used

from booking.domain.booking import Failure
from booking.domain.catalogue import ListingStatus
from booking.domain.gift_card import CardStatus
from booking.domain.lifecycle import PaymentStatus, Status
from booking.domain.money import Money
from booking.domain.presets import Preset
from booking.domain.refusals import InvalidRequest, Refusal
from booking.usecases.adjust_gift_card import AdjustGiftCard, adjust_gift_card
from booking.usecases.edit_gift_card import EditGiftCard, edit_gift_card
from booking.usecases.edit_promo import EditPromo, edit_promo
from booking.usecases.fail_payment import FailedAttempt, fail_payment
from booking.usecases.quote_booking import quote_booking
from chassis.ids import uuid7


async def outcomes(holds):
    async def one(held):
        try:
            return await held
        except Refusal as refusal:
            return refusal.code

    found = await asyncio.gather(*(one(held) for held in holds))
    held = [one for one in found if not isinstance(one, str)]
    return held, Counter(one for one in found if isinstance(one, str))


async def fail(world, held):
    attempt = FailedAttempt(
        booking_id=held.booking_id,
        payment_id=uuid7(),
        sequence=1,
        failure=Failure("card_declined", "payment.card_declined"),
        terminal=True,
    )
    await world.run(lambda tx: fail_payment(tx, attempt, vault=world.shop.vault))


async def test_a_code_takes_its_part_off_and_is_frozen_on_the_booking(world):
    session = await world.class_session(price=18000)
    made = await promo(world, percent=15)
    held = await world.hold(session, promo_code="summer-10")  # whatever the case
    assert held.total == held.due_now == Money(15300, "GBP")
    booking = await world.booking(held)
    assert booking.quote.discount == Money(2700, "GBP")
    assert [(line.label, line.amount_minor) for line in booking.quote.lines] == [
        ("", 18000),
        ("SUMMER-10", -2700),
    ]
    assert await used(world, made) == 1


async def test_ten_uses_among_a_hundred_guests_are_ten(world):
    session = await world.class_session(capacity=100)
    made = await promo(world, max_uses=10)
    held, refused = await outcomes(world.hold(session, promo_code="SUMMER-10") for _ in range(100))
    assert len(held) == 10
    assert refused == {"PROMO_CODE_USED_UP": 90}
    assert await used(world, made) == 10
    assert await world.taken(session) == 10
    assert not await world.drift()


@pytest.mark.parametrize("same", ["email", "phone"])
async def test_a_guest_is_known_by_address_or_by_phone(world, same):
    session = await world.class_session(policy={"max_unpaid_holds": 10})
    await promo(world, max_per_customer=2)
    guest = {"email": "guest@example.com"} if same == "email" else {"phone": "07123456789"}
    held, refused = await outcomes(
        world.hold(session, promo_code="SUMMER-10", **guest) for _ in range(6)
    )
    assert len(held) == 2
    assert refused == {"PROMO_CODE_USED_BY_YOU": 4}


@pytest.mark.parametrize("end", ["expired", "payment_failed", "cancelled"])
async def test_what_was_never_paid_gives_everything_back(world, end):
    session = await world.class_session(price=18000)
    code = await promo(world, max_uses=1)
    gift, secret = await card(world, 5000)
    held = await world.hold(session, promo_code="SUMMER-10", gift_card=secret)
    assert held.due_now == Money(11200, "GBP")
    assert (await used(world, code), await balance(world, gift)) == (1, 0)
    if end == "expired":
        await world.advance(minutes=15)
        for _ in range(2):
            await world.expire(held)
    elif end == "payment_failed":
        for _ in range(2):
            await fail(world, held)
    else:
        await world.cancel(held)
    assert (await world.booking(held)).status == end
    assert (await used(world, code), await balance(world, gift)) == (0, 5000)
    again = await world.hold(session, promo_code="SUMMER-10", gift_card=secret)
    assert again.due_now == Money(11200, "GBP")


async def test_a_lapsed_hold_keeps_neither_code_nor_card(world):
    session = await world.class_session(price=18000)
    code = await promo(world, max_uses=1, max_per_customer=1)
    gift, secret = await card(world, 5000)
    guest = {"email": "guest@example.com", "phone": "07123456789"}
    codes = {"promo_code": "SUMMER-10", "gift_card": secret}
    lapsed = await world.hold(session, **codes, **guest)
    with pytest.raises(InvalidRequest):
        await world.hold(session, **codes)
    await world.advance(minutes=15)
    held = await world.hold(session, **codes, **guest)
    assert held.due_now == Money(11200, "GBP")
    assert (await world.booking(lapsed)).status is Status.EXPIRED
    assert (await used(world, code), await balance(world, gift)) == (1, 0)


async def test_a_paid_booking_keeps_its_code_when_it_is_cancelled(world):
    session = await world.class_session(policy={"refund_tiers": [{"hours": 48, "percent": 50}]})
    code = await promo(world)
    gift, secret = await card(world, 5000)
    held = await world.hold(session, promo_code="SUMMER-10", gift_card=secret)
    await world.pay(held)
    _, terms = await world.cancel(held)
    assert (terms.refund, terms.to_card) == (Money(5600, "GBP"), Money(2500, "GBP"))
    assert (await used(world, code), await balance(world, gift)) == (1, 2500)


async def test_a_card_that_pays_all_confirms_at_once_and_gets_its_part_back(world):
    session = await world.class_session(
        price=18000, policy={"refund_tiers": [{"hours": 48, "percent": 50}]}
    )
    gift, secret = await card(world, 20000)
    held = await world.hold(session, gift_card=secret.lower().replace("-", " "))
    assert (held.status, held.due_now) == (Status.CONFIRMED, Money(0, "GBP"))
    assert held.payment_status is PaymentStatus.NOT_REQUIRED
    assert await balance(world, gift) == 2000
    await world.cancel(held)
    assert await balance(world, gift) == 11000


async def test_what_remains_due_can_be_collected(world):
    """F-30: 180.00 on a card of 179.90 would leave 10 pence, which no provider takes."""
    session = await world.class_session(price=18000)
    gift, secret = await card(world, 17990)
    held = await world.hold(session, gift_card=secret)
    assert held.due_now == Money(50, "GBP")
    assert await balance(world, gift) == 40


async def test_a_card_raced_by_many_is_never_below_nothing(world):
    session = await world.class_session(price=3000, capacity=100)
    gift, secret = await card(world, 10000)
    held, refused = await outcomes(world.hold(session, gift_card=secret) for _ in range(30))
    shares = sorted(3000 - one.due_now.amount_minor for one in held)
    assert shares == [1000, 3000, 3000, 3000]
    assert refused == {"GIFT_CARD_EMPTY": 26}
    assert await balance(world, gift) == 0


async def test_holds_expiries_and_cancels_at_random_leave_books_that_balance(world):
    chance = random.Random(7)
    session = await world.class_session(price=3000, capacity=200)
    code = await promo(world, max_uses=8)
    gift, secret = await card(world, 15000)
    for _ in range(4):
        held, _ = await outcomes(
            world.hold(
                session,
                promo_code="SUMMER-10" if chance.random() < 0.6 else None,
                gift_card=secret if chance.random() < 0.6 else None,
            )
            for _ in range(20)
        )
        waiting = [one for one in held if one.status is Status.PENDING_PAYMENT]
        chance.shuffle(waiting)
        await asyncio.gather(*(world.cancel(one) for one in waiting[::2]))
        await world.advance(minutes=15)
        lapsed = waiting[1::2] * 2  # each told twice
        await asyncio.gather(*(world.expire(one) for one in lapsed))
        live = await world.admin.fetchrow(
            """SELECT coalesce(sum(amount_gift), 0)::bigint AS gift,
                   count(*) FILTER (WHERE lines::text LIKE '%promo:%') AS promos
               FROM bookings WHERE org_id = $1 AND status = 'confirmed'""",
            world.org_id,
        )
        assert await balance(world, gift) == 15000 - live["gift"]
        assert await used(world, code) == live["promos"]
    assert not await world.drift()


async def test_one_code_one_card_and_one_full_session_never_deadlock(world):
    """Rivals expire each other's lapsed holds for a place, a code or a card, beside the timers."""
    session = await world.class_session(price=3000, capacity=6)
    code = await promo(world, max_uses=4)
    gift, secret = await card(world, 9000)
    waiting = []
    for _ in range(4):
        wishes = ({"promo_code": "SUMMER-10"}, {"gift_card": secret}, {},
                  {"promo_code": "SUMMER-10", "gift_card": secret})  # fmt: skip
        work = [world.hold(session, **wish) for wish in wishes * 6]
        work += [world.expire(one) for one in waiting]
        held, refused = await outcomes(work)
        assert set(refused) <= {
            "CAPACITY_EXCEEDED",
            "PROMO_CODE_USED_UP",
            "GIFT_CARD_EMPTY",
            "BUSY",
        }
        held = [one for one in held if one is not None]
        for one in held:  # what a card has paid for is done; make room for the next round
            if one.status is Status.CONFIRMED:
                await world.cancel(one, cause="staff", reason="Another round")
        waiting = [one for one in held if one.status is Status.PENDING_PAYMENT]
        await world.advance(minutes=15)
    await asyncio.gather(*(world.expire(one) for one in waiting))
    kept = await world.admin.fetchval(
        """SELECT count(*) FROM bookings WHERE org_id = $1 AND status = 'cancelled'
               AND lines::text LIKE '%promo:%'""",
        world.org_id,
    )
    assert await used(world, code) == kept  # of bookings that a card had paid for
    assert await world.taken(session) == 0
    await balance(world, gift)
    assert not await world.drift()


async def test_late_money_takes_code_and_card_again(world):
    session = await world.class_session(price=18000)
    code = await promo(world, max_uses=1, max_per_customer=1)
    gift, secret = await card(world, 5000)
    held = await world.hold(session, promo_code="SUMMER-10", gift_card=secret)
    await world.advance(minutes=15)
    await world.expire(held)
    payment = await world.pay(held)
    await world.pay(held, payment_id=payment)
    assert (await world.booking(held)).status is Status.CONFIRMED
    assert (await used(world, code), await balance(world, gift)) == (1, 0)


@pytest.mark.parametrize("gone", ["code", "card", "place"])
async def test_late_money_goes_back_when_the_price_is_not_to_be_had_any_more(world, gone):
    session = await world.class_session(price=18000, capacity=1)
    other = await world.class_session(price=18000)
    code = await promo(world, max_uses=1)
    gift, secret = await card(world, 5000)
    held = await world.hold(session, promo_code="SUMMER-10", gift_card=secret)
    await world.advance(minutes=15)
    await world.expire(held)
    if gone == "place":
        await world.hold(session)
    else:
        rival = {"promo_code": "SUMMER-10"} if gone == "code" else {"gift_card": secret}
        await world.hold(other, **rival)
    before = (await used(world, code), await balance(world, gift))
    await world.pay(held)
    assert (await world.booking(held)).status is Status.UNFULFILLABLE
    assert (await used(world, code), await balance(world, gift)) == before
    (message,) = await world.published("booking.unfulfillable.v1", about=held)
    cause = "place_taken" if gone == "place" else "code_used"
    assert f'"cause":"{cause}"' in message["payload"]
    assert not await world.drift()


async def _refused(world, session, **codes):
    with pytest.raises(InvalidRequest) as refused:
        await world.hold(session, **codes)
    (fault,) = refused.value.faults
    assert not await world.admin.fetchval(
        "SELECT count(*) FROM bookings WHERE session_id = $1", session.id
    )
    assert await world.taken(session) == 0
    return fault.field, refused.value.code


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        ({"minimum_minor": 18001}, "PROMO_CODE_MINIMUM"),
        ({"currency": "SEK", "amount_minor": 500, "percent": None}, "PROMO_CODE_NOT_HERE"),
        ({"valid_from": timedelta(hours=1)}, "PROMO_CODE_NOT_NOW"),
        ({"valid_until": timedelta(hours=-1)}, "PROMO_CODE_NOT_NOW"),
    ],
)
async def test_each_reason_to_refuse_a_code_has_its_own_name(world, terms, code):
    session = await world.class_session(price=18000)
    now = await world.now()
    given = {
        name: now + value if isinstance(value, timedelta) else value
        for name, value in terms.items()
    }
    await promo(world, **given)
    refusal = await _refused(world, session, promo_code="SUMMER-10")
    assert refusal == ("promo_code", code)


async def test_unknown_archived_and_foreign_codes_are_refused(world):
    session = await world.class_session()
    other = await world.offering(pricing={"kind": "free"})
    assert await _refused(world, session, promo_code="NOBODY") == (
        "promo_code",
        "PROMO_CODE_UNKNOWN",
    )
    await promo(world, "ELSEWHERE", offering_ids=(other.id,))
    assert await _refused(world, session, promo_code="ELSEWHERE") == (
        "promo_code",
        "PROMO_CODE_NOT_HERE",
    )
    made = await promo(world)
    command = EditPromo(promo_id=made.id, status=ListingStatus.ARCHIVED, actor="test")
    await world.run(lambda tx: edit_promo(tx, command))
    assert (await _refused(world, session, promo_code="SUMMER-10"))[1] == "PROMO_CODE_UNKNOWN"


async def test_each_reason_to_refuse_a_card_has_its_own_name(world):
    session = await world.class_session()
    assert await _refused(world, session, gift_card="ABCD-EFGH") == (
        "gift_card",
        "GIFT_CARD_UNKNOWN",
    )
    _, foreign = await card(world, currency="SEK")
    assert (await _refused(world, session, gift_card=foreign))[1] == "GIFT_CARD_CURRENCY"
    _, old = await card(world, expires_at=await world.now() + timedelta(hours=1))
    await world.advance(hours=1)
    assert (await _refused(world, session, gift_card=old))[1] == "GIFT_CARD_EXPIRED"
    blocked, secret = await card(world)
    block = EditGiftCard(card_id=blocked.id, status=CardStatus.BLOCKED, actor="test")
    await world.run(lambda tx: edit_gift_card(tx, block))
    assert (await _refused(world, session, gift_card=secret))[1] == "GIFT_CARD_UNKNOWN"
    empty, secret = await card(world, 500)
    take = AdjustGiftCard(card_id=empty.id, amount_minor=-500, reason="Paid out", actor="test")
    await world.run(lambda tx: adjust_gift_card(tx, take))
    assert (await _refused(world, session, gift_card=secret))[1] == "GIFT_CARD_EMPTY"
    assert await balance(world, empty) == 0


async def test_a_card_is_not_adjusted_below_nothing(world):
    made, _ = await card(world, 500)
    take = AdjustGiftCard(card_id=made.id, amount_minor=-501, reason="Too much", actor="test")
    with pytest.raises(InvalidRequest):
        await world.run(lambda tx: adjust_gift_card(tx, take))
    assert await balance(world, made) == 500


async def test_a_code_cannot_be_limited_to_less_than_its_uses(world):
    session = await world.class_session()
    made = await promo(world)
    await world.hold(session, promo_code="SUMMER-10")
    await world.hold(session, promo_code="SUMMER-10")
    fewer = EditPromo(promo_id=made.id, max_uses=1, actor="test")
    with pytest.raises(InvalidRequest) as refused:
        await world.run(lambda tx: edit_promo(tx, fewer))
    assert refused.value.faults[0].field == "max_uses"


async def test_the_quote_is_what_the_hold_then_costs_and_takes_nothing(world):
    offering = await world.offering(
        Preset.CLASS,
        inventory={"capacity": 20, "units": "person", "party_max": 8},
        pricing={
            "kind": "per_head",
            "tiers": [
                {"key": "adult", "label": "Adult", "amount_minor": 3500},
                {"key": "child", "label": "Child", "amount_minor": 2500},
            ],
            "due": {"kind": "percent", "percent": 50},
        },
    )
    session = await world.open(offering)
    code = await promo(world)
    gift, secret = await card(world, 1000)
    details = {
        "quantities": {"adult": 2, "child": 1},
        "promo_code": "SUMMER-10",
        "gift_card": secret,
    }
    quoted = await world.run(
        lambda tx: quote_booking(
            tx,
            world.wish(session, **details),
            listings=world.shop.listings,
            vault=world.shop.vault,
            payments_enabled=True,
        )
    )
    assert (await used(world, code), await balance(world, gift)) == (0, 1000)
    assert await world.taken(session) == 0
    held = await world.hold(session, **details)
    assert (await world.booking(held)).quote == quoted.booking.quote
    assert quoted.booking.quote.total == Money(8550, "GBP")
    assert quoted.booking.quote.due_now == Money(3275, "GBP")
    assert quoted.booking.quote.at_venue == Money(4275, "GBP")


async def test_a_booking_without_codes_asks_nothing_about_codes(world, monkeypatch):
    from chassis.db import Transaction

    session = await world.class_session()
    asked = []
    for name in ("fetch", "fetchrow", "fetchval", "execute"):
        real = getattr(Transaction, name)

        async def watched(tx, sql, *args, real=real):
            asked.append(sql)
            return await real(tx, sql, *args)

        monkeypatch.setattr(Transaction, name, watched)
    held = await world.hold(session)
    await world.advance(minutes=15)
    await world.expire(held)
    assert asked
    assert not [sql for sql in asked if "promo" in sql or "gift_" in sql.replace("amount_gift", "")]
