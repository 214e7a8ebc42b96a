"""Looks that overlap, mistake the payment, or come back to a refund days later."""

from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest
from payments_world import Booking, Stripe, World

from chassis.sealing import Sealer
from payments.domain.failures import Failure
from payments.domain.money import Money
from payments.domain.payment import Fact
from payments.domain.snapshot import RefundSnapshot, RefundStatus, Snapshot
from payments.store import payments
from payments.usecases.observe import Outcome, observe
from payments.usecases.record_refunds import record_refunds

SECRETS = Sealer({"test": b"c" * 32})


async def _snapshot(world: World, booking: Booking, fact: Fact, **changes: Any) -> Snapshot:
    payment = await world.payment(booking.id)
    metadata = {
        "payment_id": payment["id"],
        "booking_id": str(booking.id),
        "org_id": str(world.org_id),
    }
    seen = Snapshot(
        ref=await booking.ref(),
        fact=fact,
        amount=Money(5000, "GBP"),
        received=Money(5000 if fact is Fact.SUCCEEDED else 0, "GBP"),
        metadata=metadata,
        failure=Failure("card_declined") if fact is Fact.DECLINED else None,
    )
    return replace(seen, **changes)


async def _observe(
    world: World, snapshot: Snapshot, seen_version: int | None, account: str = "platform"
) -> Outcome:
    async with world.db.transaction(world.org_id) as tx:
        return await observe(
            tx, snapshot, account_id=account, seen_version=seen_version, secrets=SECRETS
        )


async def test_a_look_that_was_overtaken_is_repeated_unless_it_settles(world: World):
    booking = world.booking()
    await booking.ready()
    processing = await _snapshot(world, booking, Fact.PROCESSING)
    assert await _observe(world, processing, 1) is Outcome.LOOK_AGAIN
    assert await _observe(world, processing, None) is Outcome.LOOK_AGAIN
    assert await _observe(world, processing, 2) is Outcome.APPLIED
    assert await _observe(world, processing, 2) is Outcome.NOTHING_NEW
    succeeded = await _snapshot(world, booking, Fact.SUCCEEDED)
    assert await _observe(world, succeeded, None) is Outcome.APPLIED
    assert await _observe(world, processing, 2) is Outcome.NOTHING_NEW
    assert await booking.told_types() == [
        "payment.ready",
        "payment.processing",
        "payment.succeeded",
    ]


@pytest.mark.parametrize("name", ["payment_id", "booking_id", "org_id"])
async def test_a_snapshot_with_another_id_is_foreign(world: World, name: str):
    booking = world.booking()
    await booking.ready()
    good = await _snapshot(world, booking, Fact.SUCCEEDED)
    for other in (str(uuid4()), "nonsense", ""):
        wrong = replace(good, metadata={**good.metadata, name: other})
        assert await _observe(world, wrong, None) is Outcome.FOREIGN
    assert (await world.payment(booking.id))["status"] == "ready"


async def test_another_intent_or_account_is_foreign(world: World):
    booking = world.booking()
    await booking.ready()
    good = await _snapshot(world, booking, Fact.SUCCEEDED)
    assert await _observe(world, replace(good, ref="pi_other"), None) is Outcome.FOREIGN
    assert await _observe(world, good, None, account=str(uuid4())) is Outcome.FOREIGN
    assert await _observe(world.of_another_organisation(), good, None) is Outcome.FOREIGN


async def test_a_refund_may_take_days_and_bounce_in_the_end(world: World, stripe: Stripe):
    booking = world.booking()
    payment = await booking.paid()

    async def shows(status: RefundStatus, code: str | None = None) -> bool:
        seen = RefundSnapshot("re_1", status, Money(3000, "GBP"), {}, code)
        async with world.db.transaction(world.org_id) as tx:
            locked = await payments.lock(tx, UUID(payment["id"]))
            assert locked is not None
            return await record_refunds(tx, locked, [seen])

    async def refunded() -> int:
        found = await world.payment(booking.id)
        return int(found["refunded_total"]["amount_minor"])

    assert await shows(RefundStatus.PENDING)
    assert await refunded() == 0
    assert await shows(RefundStatus.SUCCEEDED)
    assert await refunded() == 3000
    assert not await shows(RefundStatus.PENDING)
    assert not await shows(RefundStatus.SUCCEEDED)
    assert await shows(RefundStatus.FAILED, "lost_or_stolen_card")
    assert await refunded() == 0
    assert not await shows(RefundStatus.SUCCEEDED)
    assert (await booking.told_types())[-2:] == ["payment.refunded", "payment.refund_failed"]
    assert (await booking.told())[-1]["code"] == "lost_or_stolen_card"
