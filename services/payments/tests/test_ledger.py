"""Every movement of money stands in the ledger, once, and the sums are Stripe's own."""

import asyncio
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from payments_checkout import CARD, at_checkout
from payments_ledger import BALANCE, CHARGED, FEE, REFUNDED, balances
from payments_world import Stripe, World

from chassis.sealing import Sealer
from payments.domain.money import Money
from payments.domain.payment import Fact
from payments.domain.snapshot import RefundSnapshot, RefundStatus, Snapshot
from payments.store import payments
from payments.usecases.observe import observe
from payments.usecases.record_refunds import record_refunds

SECRETS = Sealer({"test": b"c" * 32})


async def at_stripe(stripe: Stripe, ref: str) -> dict[str, int]:
    """What the account's balance there says about a payment and its refunds."""
    intent = await stripe.intent(ref)
    sources = [intent["latest_charge"], *(one["id"] for one in await stripe.refunds_of(ref))]
    moved: list[Any] = []
    for source in sources:
        page = await stripe.call("GET", f"/v1/balance_transactions?source={source}")
        moved += page["data"]
    return {
        CHARGED: -sum(one["amount"] for one in moved if one["amount"] > 0),
        REFUNDED: -sum(one["amount"] for one in moved if one["amount"] < 0),
        FEE: sum(one["fee"] for one in moved),
        BALANCE: sum(one["net"] for one in moved),
    }


async def test_the_ledgers_sums_are_the_payments_and_stripes(world: World, stripe: Stripe):
    booking = world.booking()
    await booking.paid()
    cancelled = booking.cancelled(refund=2000)
    await asyncio.gather(*(world.hand(cancelled) for _ in range(3)))
    await world.quiet()
    ref = await booking.ref()
    await stripe.call("POST", "/v1/refunds", form={"payment_intent": ref, "amount": "700"})
    await stripe.deliver(ref, 3)
    await world.quiet()
    found = await balances(world, booking)
    assert found == await at_stripe(stripe, ref)
    assert found == {CHARGED: -5000, REFUNDED: 2700, FEE: 95, BALANCE: 2205}
    [row] = await world.rows(
        "SELECT captured_minor, refunded_minor FROM payments WHERE booking_id = $1", booking.id
    )
    assert (row["captured_minor"], row["refunded_minor"]) == (-found[CHARGED], found[REFUNDED])


async def test_what_is_paid_on_stripes_page_is_booked_with_its_fee(world: World, stripe: Stripe):
    booking = at_checkout(world)
    await booking.ready()
    await stripe.at_checkout(await booking.ref(), "pay", card=CARD)
    await booking.becomes("succeeded")
    await world.quiet()
    assert await balances(world, booking) == {CHARGED: -9500, FEE: 172, BALANCE: 9328}


async def test_what_is_not_paid_is_not_booked(world: World, stripe: Stripe):
    booking = world.booking()
    payment = await booking.ready()
    await stripe.pay(payment, "declined")
    await booking.becomes("declined")
    await world.hand(booking.expired())
    await booking.becomes("cancelled")
    assert await balances(world, booking) == {}


async def test_a_fee_told_late_is_booked_by_a_later_look(world: World, stripe: Stripe):
    booking = world.booking()
    await stripe.pause()
    payment = await booking.ready()
    await stripe.pay(payment)
    shown = Snapshot(
        ref=await booking.ref(),
        fact=Fact.SUCCEEDED,
        amount=Money(5000, "GBP"),
        received=Money(5000, "GBP"),
        metadata={
            "payment_id": payment["id"],
            "booking_id": str(booking.id),
            "org_id": str(world.org_id),
        },
    )
    async with world.db.transaction(world.org_id) as tx:
        await observe(tx, shown, account_id="platform", seen_version=None, secrets=SECRETS)
    assert await balances(world, booking) == {CHARGED: -5000, BALANCE: 5000}
    await stripe.resume()
    await world.quiet()
    assert await balances(world, booking) == {CHARGED: -5000, FEE: 95, BALANCE: 4905}


async def test_a_refund_that_bounces_is_booked_back_once(world: World):
    booking = world.booking()
    payment = await booking.paid()
    stages = (RefundStatus.PENDING, RefundStatus.SUCCEEDED, RefundStatus.FAILED)
    for status in [stage for stage in stages for _ in range(2)]:
        async with world.db.transaction(world.org_id) as tx:
            locked = await payments.lock(tx, UUID(payment["id"]))
            assert locked is not None
            shown = RefundSnapshot("re_bounces", status, Money(1200, "GBP"), {})
            await record_refunds(tx, locked, [shown])
        returned = (await balances(world, booking)).get(REFUNDED)
        assert returned == {"pending": None, "succeeded": 1200, "failed": 0}[status]
    kinds = await world.rows("SELECT kind FROM ledger WHERE booking_id = $1", booking.id)
    assert sorted(row["kind"] for row in kinds) == [
        "captured",
        "fee",
        "refund_bounced",
        "refunded",
    ]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE ledger SET amount_minor = 1",
        "DELETE FROM ledger",
        "TRUNCATE ledger",
    ],
)
async def test_the_service_can_only_append(world: World, change: str):
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await world.rows(change)


async def test_the_database_refuses_a_movement_between_the_wrong_accounts(world: World):
    booking = world.booking()
    payment = await booking.ready()
    with pytest.raises(asyncpg.CheckViolationError, match="ledger_accounts"):
        await world.rows(
            "INSERT INTO ledger (org_id, booking_id, payment_id, kind, cause, debit, credit, "
            "amount_minor, currency, booked_at) "
            "VALUES ($1, $2, $3, 'fee', '', 'refunded', 'charged', 1, 'GBP', now())",
            world.org_id,
            booking.id,
            UUID(payment["id"]),
        )
