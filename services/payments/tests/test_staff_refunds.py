"""Staff give money back by payment: exactly what they ask for, once, or a refusal that says why."""

import asyncio
import random
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from payments_world import Stripe, World, gbp, goal

from chassis.auth import HEADER
from chassis.db import Transaction
from chassis.ids import uuid7
from payments.api.parts import Public
from payments.domain.money import Money
from payments.domain.payment import Payment, Status
from payments.domain.refunds import Request
from payments.problems import AlreadyRefunded, MoreThanLeft
from payments.store import payments
from payments.usecases.refund_payment import RefundPayment, refund_payment


async def ask(
    world: World, payment_id: str, key: str | None = None, may: str = "payments:refund", **body: Any
) -> tuple[int, Any, str | None]:
    """The answer to a request for a refund, and whether it is an old one."""
    headers = {
        HEADER: world.minter.mint(world.staff(may), "payments"),
        "Idempotency-Key": key or uuid4().hex,
    }
    url = f"{world.url}/payments/{payment_id}/refunds"
    async with world.http.post(url, json=body, headers=headers) as answer:
        return answer.status, await answer.json(), answer.headers.get("Idempotent-Replayed")


async def seen(world: World, payment_id: str) -> Any:
    status, body = await world.request(
        "GET", f"/payments/{payment_id}", world.staff("bookings:view")
    )
    assert status == 200, body
    return body


async def test_a_part_then_the_rest(world: World, stripe: Stripe):
    """PAY-38: cumulative; only what gives back all may free the place."""
    booking = world.booking()
    payment = (await booking.paid())["id"]
    status, part, _ = await ask(world, payment, amount={"amount_minor": 1500}, reason="Cold room")
    assert (status, part["status"], part["amount"]["amount_minor"]) == (201, "pending", 1500)
    assert (part["reason"], part["requested_by"], part["cause"]) == (
        "Cold room",
        "key:key-1",
        "staff",
    )
    status, rest, _ = await ask(world, payment, reason="Closed")
    assert (status, rest["amount"]["amount_minor"]) == (201, 3500)
    await world.quiet()
    money = await seen(world, payment)
    assert [one["status"] for one in money["refunds"]] == ["succeeded", "succeeded"]
    assert money["refundable"]["amount_minor"] == 0
    assert (money["refunded_total"], money["amount_captured"]) == (money["amount"],) * 2
    assert all(one["settled_at"] for one in money["refunds"])
    told = [one for one in await booking.told() if one["type"] == "payment.refund_requested.v1"]
    assert [(one["amount"]["amount_minor"], one["release_place"]) for one in told] == [
        (1500, False),
        (3500, True),
    ]
    assert [one["unasked_total"]["amount_minor"] for one in told] == [1500, 5000]
    assert sorted(one["amount"] for one in await stripe.refunds_of(await booking.ref())) == [
        1500,
        3500,
    ]


async def test_already_refunded_is_reported_not_repeated(world: World, stripe: Stripe):
    """IDM-05: also while it is only on its way."""
    booking = world.booking()
    payment = (await booking.paid())["id"]
    assert (await ask(world, payment, reason="Ill"))[0] == 201
    status, no, _ = await ask(world, payment, reason="Ill")
    assert (status, no["code"]) == (409, "ALREADY_REFUNDED")
    await world.quiet()
    status, no, _ = await ask(world, payment, amount={"amount_minor": 1}, reason="Ill")
    assert (status, no["code"]) == (409, "ALREADY_REFUNDED")
    assert len(await stripe.refunds_of(await booking.ref())) == 1


async def test_more_than_is_left_is_refused_whole_and_told_how_much_is(world: World):
    booking = world.booking()
    payment = (await booking.paid())["id"]
    assert (await ask(world, payment, amount={"amount_minor": 4000}, reason="Ill"))[0] == 201
    status, no, _ = await ask(world, payment, amount={"amount_minor": 1001}, reason="Ill")
    assert (status, no["code"]) == (422, "MORE_THAN_LEFT")
    assert no["errors"] == [
        {"field": "amount.amount_minor", "message": "no more than 1000 GBP is left"}
    ]
    await world.quiet()
    assert await world.amounts_of(booking) == [4000]


async def test_what_was_not_captured_cannot_go_back(world: World):
    booking = world.booking()
    payment = (await booking.ready())["id"]
    status, no, _ = await ask(world, payment, reason="Ill")
    assert (status, no["code"]) == (409, "NOTHING_CAPTURED")


async def test_the_same_key_is_one_refund_however_many_ask_at_once(world: World, stripe: Stripe):
    booking = world.booking()
    payment = (await booking.paid())["id"]
    key, body = uuid4().hex, {"amount": {"amount_minor": 500}, "reason": "Ill"}
    answers = await asyncio.gather(*(ask(world, payment, key, **body) for _ in range(16)))
    assert {(status, answer["id"]) for status, answer, _ in answers} == {(201, answers[0][1]["id"])}
    assert [replayed for *_, replayed in answers].count("true") == 15
    status, no, _ = await ask(world, payment, key, reason="Ill")
    assert (status, no["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
    await world.quiet()
    assert len(await stripe.refunds_of(await booking.ref())) == 1


async def test_a_lost_answer_of_the_provider_refunds_once(world: World, stripe: Stripe):
    booking = world.booking()
    payment = (await booking.paid())["id"]
    await stripe.fault(method="POST", path="/v1/refunds", drop=True, after=True)
    assert (await ask(world, payment, reason="Ill"))[0] == 201
    await world.hurry()
    await world.hurry()
    assert len(await stripe.refunds_of(await booking.ref())) == 1
    assert [one["status"] for one in (await seen(world, payment))["refunds"]] == ["succeeded"]


async def test_a_booking_that_is_gone_does_not_matter(world: World, stripe: Stripe):
    """F-32: cancelled without a refund; its payment is refunded all the same."""
    booking = world.booking()
    payment = (await booking.paid())["id"]
    await world.hand(booking.cancelled(refund=0))
    assert (await ask(world, payment, reason="On second thought"))[0] == 201
    await world.quiet()
    assert len(await stripe.refunds_of(await booking.ref())) == 1


async def test_what_failed_is_seen_and_tried_again(world: World, stripe: Stripe):
    """A retry keeps what the refund was for: a cheaper move's is still no gift of staff."""
    booking = world.booking()
    payment = (await booking.paid())["id"]
    await stripe.fault(method="POST", path="/v1/refunds", status=400)
    move = goal(1000, [payment], for_changes=True)
    await world.hand(booking.refund_due(None, "price_difference", gbp(1000), uuid4(), goal=move))
    await world.quiet()
    [failed] = (await seen(world, payment))["refunds"]
    assert (failed["status"], failed["cause"]) == ("failed", "price_difference")
    assert failed["failure_code"]

    status, again, _ = await ask(world, payment, reason="Once more", retry_of=failed["id"])
    assert (status, again["amount"]["amount_minor"]) == (201, 1000)
    status, no, _ = await ask(world, payment, reason="And again", retry_of=failed["id"])
    assert (status, no["code"]) == (409, "REFUND_NOT_FAILED")
    status, no, _ = await ask(world, payment, reason="What?", retry_of=str(uuid4()))
    assert (status, no["code"]) == (409, "REFUND_NOT_FAILED")
    status, no, _ = await ask(
        world, payment, reason="x", retry_of=failed["id"], amount={"amount_minor": 1}
    )
    assert (status, no["errors"][0]["field"]) == (422, "amount")
    await world.quiet()
    told = (await booking.told())[-1]
    assert (told["refunded_total"]["amount_minor"], told["unasked_total"]["amount_minor"]) == (
        1000,
        0,
    )


async def test_who_may(world: World):
    booking = world.booking()
    payment = (await booking.paid())["id"]
    assert (await ask(world, payment, may="bookings:manage", reason="Ill"))[0] == 403
    assert (await ask(world.of_another_organisation(), payment, reason="Ill"))[0] == 404
    stranger = world.of_another_organisation()
    viewer = stranger.staff("bookings:view")
    assert (await stranger.request("GET", f"/payments/{payment}", viewer))[0] == 404
    status, body = await stranger.request("GET", f"/bookings/{booking.id}/payments", viewer)
    assert (status, body) == (200, {"items": []})
    viewer = world.staff("bookings:view")
    _, body = await world.request("GET", f"/bookings/{booking.id}/payments", viewer)
    assert [one["id"] for one in body["items"]] == [payment]
    assert (await world.request("GET", f"/payments/{payment}", world.staff()))[0] == 403


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "reason"),
        ({"reason": "  "}, "reason"),
        ({"reason": "x" * 501}, "reason"),
        ({"reason": "x", "amount": {"amount_minor": 0}}, "amount.amount_minor"),
        ({"reason": "x", "amount": {"amount_minor": -1}}, "amount.amount_minor"),
        ({"reason": "x", "amount": {"amount_minor": 10**30}}, "amount.amount_minor"),
        ({"reason": "x", "amount": {"amount_minor": 1, "currency": "SEK"}}, "amount.currency"),
        ({"reason": "x", "amount": 5}, "amount"),
        ({"reason": "x", "release_place": "yes"}, "release_place"),
        ({"reason": "x", "retry_of": "the last one"}, "retry_of"),
        ({"reason": "x", "percent": 50}, "percent"),
    ],
)
async def test_nonsense_names_its_field_and_stores_nothing(
    world: World, body: dict[str, Any], field: str
):
    booking = world.booking()
    payment = str(uuid4())
    status, refused, _ = await ask(world, payment, **body)
    assert status == 422, refused
    assert field in [error["field"] for error in refused["errors"]]
    assert await world.amounts_of(booking) == []


async def test_a_key_that_is_none(world: World):
    for key in ("short", "x" * 256, "sp ace" * 4):
        status, refused, _ = await ask(world, str(uuid4()), key, reason="Ill")
        assert (status, refused["code"]) == (400, "IDEMPOTENCY_KEY_REQUIRED")


class Undo(Exception):
    """Nothing of a story reaches the provider."""


@pytest.mark.parametrize("seed", range(60))
async def test_what_is_owed_goes_back_and_never_more_in_any_order(world: World, seed: int):
    """Moves, a cancellation and staff, each told twice and in any order; 5000 + 1500 were paid."""
    chance = random.Random(seed)
    booking = world.booking()
    own, further = uuid7(), uuid7()
    both = [str(further), str(own)]
    owed_besides = chance.choice([0, 1300, 2550, 5100])
    messages: list[Any] = [
        booking.refund_due(
            None, "price_difference", gbp(1000), uuid4(), goal=goal(1000, both, for_changes=True)
        ),
        booking.refund_due(
            None, "price_difference", gbp(400), uuid4(), goal=goal(1400, both, for_changes=True)
        ),
        booking.cancelled(owed_besides, goal=goal(owed_besides, both) if owed_besides else None),
    ] * 2
    messages += [
        (chance.choice([own, further]), chance.choice([None, 200, 1500, 4000]))
        for _ in range(chance.randrange(4))
    ]
    chance.shuffle(messages)

    async def story(tx: Transaction) -> None:
        await _captured(tx, world, booking.id, own, None, 5000)
        await _captured(tx, world, booking.id, further, uuid4(), 1500)
        cancelled, gifts, late = False, 0, False
        for message in messages:
            if isinstance(message, tuple):
                given = await _give(tx, world, *message)
                gifts += given
                late |= cancelled and given > 0
            else:
                cancelled |= message.TYPE == "booking.cancelled.v1" and owed_besides > 0
                await world.handed(tx, message)
        back = await tx.fetchval(
            "SELECT coalesce(sum(amount_minor), 0) FROM refunds "
            "WHERE booking_id = $1 AND status <> 'failed'",
            booking.id,
        )
        owed = min(6500, 1400 + max(owed_besides, gifts))
        assert owed <= back <= 6500
        assert late or back == owed
        over = await tx.fetchval(
            "SELECT count(*) FROM payments p WHERE captured_minor < (SELECT sum(amount_minor) "
            "FROM refunds r WHERE r.payment_id = p.id AND r.status <> 'failed')"
        )
        assert over == 0
        raise Undo

    with pytest.raises(Undo):
        await world.db.run(world.org_id, story)


async def _captured(
    tx: Transaction, world: World, booking_id: Any, payment_id: Any, change_id: Any, amount: int
) -> None:
    payment = Payment(
        id=payment_id,
        org_id=world.org_id,
        booking_id=booking_id,
        change_id=change_id,
        account_id="platform",
        provider="stripe",
        amount=Money(amount, "GBP"),
        status=Status.PREPARING,
        version=1,
        expires_at=await tx.now(),
    )
    await payments.insert(tx, payment)
    ref, captured = f"pi_{payment_id.hex}", payment.amount
    paid = replace(payment, status=Status.SUCCEEDED, provider_ref=ref, captured=captured)
    await payments.save(tx, paid)


async def _give(tx: Transaction, world: World, payment_id: Any, amount: int | None) -> int:
    """What staff gave back: exactly that, or nothing."""
    [public] = [part for part in world.service.parts if isinstance(part, Public)]
    command = RefundPayment(
        payment_id=payment_id,
        amount_minor=amount,
        retry_of=None,
        request=Request("key:k", "Ill", uuid4().hex, b"", release_place=True),
    )
    try:
        recorded = await refund_payment(tx, command, providers=public.providers)
    except (AlreadyRefunded, MoreThanLeft):
        return 0
    assert amount in (None, recorded.refund.amount.amount_minor)
    return recorded.refund.amount.amount_minor
