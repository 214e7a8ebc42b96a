"""Everything at once: whatever the interleaving, places and money add up in the end."""

import asyncio
import random

import pytest

from booking.domain.lifecycle import OCCUPYING, Status
from booking.domain.refusals import Refusal


async def quietly(coroutine):
    try:
        return await coroutine
    except Refusal:
        return None


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", ["class", "tables"])
async def test_a_crowd_holding_paying_cancelling_and_expiring(world, kind, seed):
    choice = random.Random(seed)
    tables = []
    if kind == "class":
        session = await world.class_session(capacity=4, policy={"hold_minutes": 1})
    else:
        session, tables = await world.table_session(
            tables=4, max_resources=2, policy={"hold_minutes": 1, "release_on_failure": False}
        )

    async def newcomer():
        wanted = choice.sample(tables, 2) if tables else []
        return await quietly(world.hold(session, wanted, party=6 if tables else 1))

    deeds = [world.expire, world.cancel, world.pay, world.pay, lambda _: newcomer()]
    held = []
    for _ in range(4):
        held += [one for one in await asyncio.gather(*(newcomer() for _ in range(6))) if one]
        await world.advance(seconds=choice.choice([0, 59, 61]))
        chosen = [
            (deed, one) for one in held for deed in choice.sample(deeds, choice.randint(0, 5))
        ]
        choice.shuffle(chosen)
        results = await asyncio.gather(*(quietly(deed(one)) for deed, one in chosen))
        held += [one for one in results if hasattr(one, "booking_id")]

    assert not await world.drift()
    receipts = await world.admin.fetch("SELECT * FROM receipts WHERE org_id = $1", world.org_id)
    due_back = {
        payment["payload"].split('"payment_id":"')[1][:36]
        for type_ in ("booking.refund_due.v1", "booking.unfulfillable.v1")
        for payment in await world.published(type_)
    }
    kept = set()
    for one in held:
        booking = await world.booking(one)
        live = await world.admin.fetchval(
            "SELECT count(*) FROM allocations WHERE booking_id = $1 AND released_at IS NULL",
            booking.id,
        )
        assert bool(live) is (booking.status in OCCUPYING)
        if booking.status in {Status.CONFIRMED, Status.CANCELLED} and booking.paid.amount_minor:
            kept.add(str(booking.payment_id))
    # Every payment either paid for exactly one booking or is on its way back, never both.
    assert {str(receipt["payment_id"]) for receipt in receipts} == kept | due_back
    assert not kept & due_back
