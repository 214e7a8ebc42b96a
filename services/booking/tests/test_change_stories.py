"""What is told of a change, in every order and twice: the booking moves once, or all goes back."""

from itertools import permutations

import orjson
import pytest

from booking import messages
from booking.domain.lifecycle import Status
from booking.timers import ChangeDue, WaitlistDue
from chassis.ids import uuid7
from chassis.messaging import Meta
from contracts.testing import example

TOLD = ("succeeded", "failed", "cancelled", "timer", "processing")


async def dearer_change(world):
    offering = await world.offering(
        "class",
        inventory={"capacity": 4, "units": "person", "party_max": 4},
        pricing={
            "kind": "per_head",
            "tiers": [{"key": "adult", "label": "Adult", "amount_minor": 5000}],
        },
    )
    first, second = await world.open(offering), await world.open(offering)
    held = await world.hold(first)
    await world.pay(held)
    change = (await world.reschedule(held, second, party_size=2)).change
    return held, change


@pytest.fixture
def tell(world):
    handlers = messages.build(world.shop)

    async def tell(what, held, change, payment_id):
        if what == "timer":
            message = ChangeDue(booking_id=held.booking_id, change_id=change.id)
        else:
            golden = example(f"payment.{what}.v1")
            facts = {
                "booking_id": held.booking_id,
                "org_id": world.org_id,
                "change_id": change.id,
                "payment_id": payment_id,
            }
            if what == "failed":
                facts["terminal"] = False
            message = type(golden).from_json(golden.model_copy(update=facts).to_json())
        meta = Meta(
            message_id=uuid7(),
            type=message.TYPE,
            org_id=world.org_id,
            key=str(held.booking_id),
            sequence=2,
            time=await world.now(),
            attempt=1,
            traceparent=None,
        )
        _, handler = handlers.find(message.TYPE)
        await world.db.run(world.org_id, lambda tx: handler(tx, message, meta), cause=meta)

    return tell


@pytest.mark.parametrize("lapsed", [False, True])
async def test_in_every_order_and_twice_money_moves_the_booking_or_goes_back(world, tell, lapsed):
    for order in permutations(TOLD, 3):
        held, change = await dearer_change(world)
        if lapsed:
            await world.advance(minutes=16)
        payment = uuid7()
        for what in (*order, *order):
            await tell(what, held, change, payment)
        booking = await world.booking(held)
        due = [
            orjson.loads(row["payload"])["refund"]["amount_minor"]
            for row in await world.published("booking.refund_due.v1", about=held)
        ]
        moved = booking.session_id == change.place.session_id
        paid = 5000 if "succeeded" in order else 0
        assert booking.status is Status.CONFIRMED
        assert booking.paid.amount_minor - 5000 + sum(due) == paid, order
        assert moved is (paid > 0 and not due), order
        assert len(await world.published("booking.rescheduled.v1", about=held)) == moved
        ended = {"succeeded", "cancelled"} & set(order) or (lapsed and "timer" in order)
        if "processing" not in order or not lapsed:
            assert (booking.change_id is None) is bool(ended), order
        assert not await world.drift()


async def test_the_line_is_looked_at_by_its_timer(world):
    session = await world.class_session(capacity=1)
    entry = await world.wait_for(session)
    _, handler = messages.build(world.shop).find(WaitlistDue.TYPE)
    for _ in range(2):
        await world.run(lambda tx: handler(tx, WaitlistDue(session_id=session.id), None))
    assert (await world.entry(entry)).state == "offered"
    assert len(await world.published("booking.offered.v1")) == 1
