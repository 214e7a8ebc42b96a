"""Both sides of every contract this service has a part in."""

import dataclasses
from datetime import timedelta
from uuid import UUID

import pytest

from booking import messages, timers
from booking.domain.catalogue import ListingStatus
from booking.domain.lifecycle import Status
from booking.timers import HoldDue
from booking.usecases import attend
from booking.usecases.edit_offering import EditOffering, edit_offering
from booking.usecases.edit_venue import EditVenue, edit_venue
from booking.usecases.revoke_links import RevokeLinks, revoke_links
from chassis.ids import uuid7
from chassis.messaging import Meta
from chassis.messaging.meta import Park
from contracts import Message
from contracts.payments import Transfer
from contracts.registry import consumed_by, contract, published_by
from contracts.testing import example, same_shape


async def sent(world, held, type_):
    (row,) = await world.published(type_, about=held)
    return contract(type_).model.from_json(row["payload"])


async def held_then(world, *steps, **session):
    opened, (table,) = await world.table_session(**session)
    held = await world.hold(opened, [table])
    for step in steps:
        await step(held)
    return held


async def test_the_service_handles_all_that_is_sent_to_it_and_its_timers(shop):
    own = {
        each.TYPE
        for each in vars(timers).values()
        if isinstance(each, type) and issubclass(each, Message) and each is not Message
    }
    assert messages.build(shop).types == {*consumed_by("booking"), *own}


async def test_venue_changed(world):
    command = EditVenue(
        venue_id=world.venue_id,
        address="1 Example Street",
        manager_email="manager@example.com",
        kitchen_email="kitchen@example.com",
        review_url="https://example.com/review",
        billing_countries=("GB",),
        actor="test",
    )
    await world.run(lambda tx: edit_venue(tx, command))
    _, row = await world.published("venue.changed.v1")
    message = contract("venue.changed.v1").model.from_json(row["payload"])
    assert same_shape(message, example("venue.changed.v1"))


async def test_offering_changed_when_it_is_made_repriced_and_archived(world):
    tiers = [{"key": "adult", "label": "Adult", "amount_minor": 3500}]
    pricing = {"kind": "per_head", "tiers": tiers, "payment_methods": ["checkout"]}
    offering = await world.offering("class", pricing=pricing)
    dearer = [{"key": "adult", "label": "Adult", "amount_minor": 4000}]
    for change in (
        {"overrides": {"pricing": {"tiers": dearer}}},
        {"status": ListingStatus.ARCHIVED},
    ):
        command = EditOffering(offering_id=offering.id, actor="test", **change)
        await world.run(lambda tx, command=command: edit_offering(tx, command))
    rows = await world.published("offering.changed.v1")
    told = [contract("offering.changed.v1").model.from_json(row["payload"]) for row in rows]
    told = [one for one in told if one.offering_id == offering.id]
    assert [one.prices[0].amount_minor for one in told] == [3500, 4000, 4000]
    assert [one.status for one in told] == ["active", "active", "archived"]
    assert same_shape(told[0], example("offering.changed.v1"), without=["description"])


async def test_offering_changed_when_its_venue_takes_another_currency(world):
    offering = await world.offering("class", pricing={"amount_minor": 5000})
    command = EditVenue(venue_id=world.venue_id, currency="EUR", actor="test")
    await world.run(lambda tx: edit_venue(tx, command))
    rows = await world.published("offering.changed.v1")
    told = [contract("offering.changed.v1").model.from_json(row["payload"]) for row in rows]
    assert [one.currency for one in told if one.offering_id == offering.id] == ["GBP", "EUR"]


async def test_held_confirmed_and_cancelled(world):
    held = await held_then(world, world.pay, world.cancel)
    assert same_shape(
        await sent(world, held, "booking.held.v1"),
        example("booking.held.v1"),
        without=["lines[].label"],
    )
    confirmed = await sent(world, held, "booking.confirmed.v1")
    assert same_shape(confirmed, example("booking.confirmed.v1"))
    assert confirmed.manage_expires_at == held.manage_expires_at
    cancelled = await sent(world, held, "booking.cancelled.v1")
    assert same_shape(
        cancelled, example("booking.cancelled.v1"), without=["reason", "refund_awaiting"]
    )


async def test_expired_and_unfulfillable(world):
    opened, (table,) = await world.table_session()
    held = await world.hold(opened, [table])
    await world.advance(minutes=15)
    await world.hold(opened, [table])
    await world.pay(held)
    assert same_shape(await sent(world, held, "booking.expired.v1"), example("booking.expired.v1"))
    message = await sent(world, held, "booking.unfulfillable.v1")
    assert same_shape(message, example("booking.unfulfillable.v1"))


async def test_refund_due(world):
    held = await held_then(world, world.pay, world.pay)
    message = await sent(world, held, "booking.refund_due.v1")
    assert same_shape(
        message, example("booking.refund_due.v1"), without=["change_id", "refund_goal"]
    )


async def moved_to_a_dearer_place(world):
    pricing = {
        "kind": "per_head",
        "tiers": [{"key": "adult", "label": "Adult", "amount_minor": 5000}],
    }
    places = {"capacity": 9, "units": "person", "party_max": 9}
    offering = await world.offering("class", inventory=places, pricing=pricing)
    first, second = await world.open(offering), await world.open(offering)
    held = await world.hold(first)
    await world.pay(held)
    return held, (await world.reschedule(held, second, party_size=2)).change


async def test_rescheduled(world):
    opened, tables = await world.table_session(tables=2)
    held = await world.hold(opened, tables[:1])
    await world.pay(held)
    await world.reschedule(held, resource_ids=(tables[1].id,))
    message = await sent(world, held, "booking.rescheduled.v1")
    assert same_shape(message, example("booking.rescheduled.v1"))


async def test_change_held_and_expired(world):
    held, change = await moved_to_a_dearer_place(world)
    message = await sent(world, held, "booking.change_held.v1")
    assert same_shape(message, example("booking.change_held.v1"))
    await world.advance(minutes=15)
    await world.expire_change(held, change)
    message = await sent(world, held, "booking.change_expired.v1")
    assert same_shape(message, example("booking.change_expired.v1"))


async def test_a_change_is_paid_as_payments_tells_it(world, tell):
    held, change = await moved_to_a_dearer_place(world)
    before = await world.booking(held)
    facts = {"change_id": change.id, "payment_id": uuid7()}
    await tell("payment.ready.v1", held, **facts)
    await tell("payment.requires_action.v1", held, sequence=2, **facts)
    await tell("payment.processing.v1", held, sequence=3, **facts)
    assert await world.booking(held) == before
    stranger = {**facts, "change_id": uuid7()}
    with pytest.raises(Park):
        await tell("payment.succeeded.v1", held, sequence=4, **stranger)
    for _ in range(2):
        await tell("payment.succeeded.v1", held, sequence=4, **facts)
    after = await world.booking(held)
    assert (after.session_id, after.paid.amount_minor) == (change.place.session_id, 10_000)
    # Told late, a failure undoes nothing.
    await tell("payment.failed.v1", held, sequence=3, **facts, terminal=True)
    await tell("payment.cancelled.v1", held, sequence=3, **facts)
    assert await world.booking(held) == after


async def test_a_change_ends_when_its_payment_cannot_be_made(world, tell):
    held, change = await moved_to_a_dearer_place(world)
    await tell("payment.cancelled.v1", held, change_id=change.id)
    after = await world.booking(held)
    assert (after.change_id, after.status) == (None, Status.CONFIRMED)


async def test_the_day_itself(world):
    held = await held_then(world, world.pay)
    await world.day_of(held)
    for step in (attend.check_in, attend.complete, attend.undo, attend.undo, attend.mark_no_show):
        await world.attend(step, held)
    for type_ in ("checked_in", "completed", "no_show"):
        message = await sent(world, held, f"booking.{type_}.v1")
        assert same_shape(message, example(f"booking.{type_}.v1"))
    rows = await world.published("booking.attendance_undone.v1", about=held)
    model = contract("booking.attendance_undone.v1").model
    undone = [model.from_json(row["payload"]) for row in rows]
    assert [(m.undone, m.status) for m in undone] == [
        ("completed", "checked_in"),
        ("checked_in", "confirmed"),
    ]
    assert all(same_shape(m, example("booking.attendance_undone.v1")) for m in undone)


async def test_details_changed(world):
    held = await held_then(world, world.pay)
    command = RevokeLinks(booking_id=held.booking_id, actor="test")
    await world.run(lambda tx: revoke_links(tx, command, vault=world.shop.vault))
    message = await sent(world, held, "booking.details_changed.v1")
    assert same_shape(message, example("booking.details_changed.v1"))
    assert (message.manage_epoch, message.manage_expires_at) == (2, held.manage_expires_at)


async def test_a_cancellation_that_waits_for_approval_refunds_nothing_yet(world):
    tiers = {"refund_mode": "approve", "refund_tiers": [{"hours": 48, "percent": 50}]}
    held = await held_then(world, world.pay, world.cancel, policy=tiers)
    message = await sent(world, held, "booking.cancelled.v1")
    assert (message.refund.amount_minor, message.refund_percent) == (0, 0)
    assert (message.refund_awaiting.amount_minor, message.refund_awaiting.currency) == (2500, "GBP")


async def test_waitlisted_and_offered(world):
    session = await world.class_session()
    entry = await world.wait_for(session)
    (row,) = await world.published("booking.waitlisted.v1")
    assert row["ordering_key"] == str(entry.id)
    message = contract("booking.waitlisted.v1").model.from_json(row["payload"])
    assert same_shape(message, example("booking.waitlisted.v1"))
    await world.offer(session)
    (row,) = await world.published("booking.offered.v1")
    message = contract("booking.offered.v1").model.from_json(row["payload"])
    assert same_shape(message, example("booking.offered.v1"))


async def test_how_to_pay_by_hand_is_told_while_it_is_waited_for(world, tell):
    """Of the booking, and of its change to a dearer place (PAY-32)."""
    pricing = {
        "kind": "per_head",
        "tiers": [{"key": "adult", "label": "Adult", "amount_minor": 5000}],
    }
    places = {"capacity": 9, "units": "person", "party_max": 9}
    offering = await world.offering("class", inventory=places, pricing=pricing)
    first, second = [await world.open(offering, starts_in=timedelta(days=day)) for day in (9, 12)]
    held, lapsed = await world.hold(first), await world.hold(first)
    transfer = Transfer(payee="1231234567", message="BRL-2030-7KQ4M")
    facts = {"transfer": transfer, "provider": "swish"}
    payment = uuid7()
    await tell("payment.ready.v1", held, payment_id=payment, **facts)
    message = await sent(world, held, "booking.transfer_awaited.v1")
    assert same_shape(message, example("booking.transfer_awaited.v1"), without=["change_id"])
    assert (message.payment_id, message.change_id, message.method) == (payment, None, "swish")
    assert (message.pay_by, message.starts_at) == (held.expires_at, first.starts_at)

    await world.pay(held)
    await tell("payment.ready.v1", held, payment_id=payment, **facts)
    change = (await world.reschedule(held, second, party_size=2)).change
    for of in (change.id, uuid7()):
        await tell("payment.ready.v1", held, payment_id=uuid7(), change_id=of, **facts)
    await world.advance(days=1, minutes=1)
    await tell("payment.ready.v1", held, payment_id=uuid7(), change_id=change.id, **facts)
    await tell("payment.ready.v1", lapsed, payment_id=uuid7(), **facts)
    told = await world.published("booking.transfer_awaited.v1")
    (_, row) = told
    message = contract("booking.transfer_awaited.v1").model.from_json(row["payload"])
    assert (message.change_id, message.starts_at) == (change.id, second.starts_at)
    assert message.pay_by == change.expires_at


@pytest.fixture
def tell(world):
    """Feed the golden example of a message to its handler, about a booking of ours."""
    handlers = messages.build(world.shop)

    async def tell(type_, held, *, sequence=1, payment_id=None, **changes):
        model, handler = handlers.find(type_)
        message = example(type_)
        facts = {"booking_id": held.booking_id, "org_id": world.org_id, **changes}
        if "change_id" in model.model_fields:
            facts.setdefault("change_id", None)
        if payment_id:
            facts["payment_id"] = payment_id
        message = model.from_json(message.model_copy(update=facts).to_json())
        meta = Meta(
            message_id=uuid7(),
            type=type_,
            org_id=world.org_id,
            key=str(held.booking_id),
            sequence=sequence,
            time=await world.now(),
            attempt=1,
            traceparent=None,
        )
        await world.db.run(world.org_id, lambda tx: handler(tx, message, meta), cause=meta)

    return tell


async def test_a_payments_story_as_payments_tells_it(world, tell):
    held = await held_then(world)  # due: 5000 GBP, as in the examples
    payment = uuid7()
    await tell("payment.ready.v1", held, payment_id=payment)
    await tell("payment.requires_action.v1", held, payment_id=payment, sequence=2)
    assert (await world.booking(held)).status is Status.REQUIRES_AUTHENTICATION
    message = await sent(world, held, "booking.requires_authentication.v1")
    assert same_shape(message, example("booking.requires_authentication.v1"))
    await tell("payment.processing.v1", held, payment_id=payment, sequence=3)
    await tell("payment.succeeded.v1", held, payment_id=payment, sequence=4)
    booking = await world.booking(held)
    assert (booking.status, booking.payment_id) == (Status.CONFIRMED, payment)
    await tell("customer.resolved.v1", held)
    assert (await world.booking(held)).customer_id == example("customer.resolved.v1").customer_id
    await tell("payment.refund_requested.v1", held, payment_id=payment, sequence=5)
    assert (await world.booking(held)).status is Status.CANCELLED
    await tell("payment.refunded.v1", held, payment_id=payment, sequence=6)
    assert (await world.booking(held)).refunded.amount_minor > 0
    await tell("payment.refund_failed.v1", held, payment_id=payment, sequence=6)


async def test_a_dispute_is_noted_and_changes_nothing_else(world, tell):
    held = await held_then(world, world.pay)
    before = await world.booking(held)
    await tell("payment.disputed.v1", held, sequence=5)
    await tell("payment.dispute_closed.v1", held, sequence=6)
    assert await world.booking(held) == before
    (opened,) = await world.audited(held, "booking.payment_disputed")
    (closed,) = await world.audited(held, "booking.dispute_closed")
    golden = example("payment.disputed.v1")
    for row in (opened, closed):
        noted = row["after"]
        assert (row["actor"], row["reason"]) == ("payments", golden.reason)
        assert noted["dispute_id"] == str(golden.dispute_id)
        assert noted["amount_minor"] == golden.amount.amount_minor
    assert opened["after"]["evidence_due_by"] == golden.evidence_due_by.isoformat()
    assert closed["after"]["outcome"] == "won"


async def test_a_failure_as_payments_tells_it(world, tell):
    held = await held_then(world)
    await tell("payment.failed.v1", held)
    message = await sent(world, held, "booking.payment_failed.v1")
    assert same_shape(message, example("booking.payment_failed.v1"))


async def test_a_payment_cancelled_at_the_provider_gives_the_place_up(world, tell):
    held = await held_then(world)
    await tell("payment.cancelled.v1", held)
    assert (await world.booking(held)).status is Status.PAYMENT_FAILED


async def test_cancelling_after_expiry_is_no_news(world, tell):
    held = await held_then(world)
    await world.advance(minutes=15)
    await world.expire(held)
    await tell("payment.cancelled.v1", held)
    assert (await world.booking(held)).status is Status.EXPIRED


async def test_money_for_an_unknown_booking_is_parked(world, tell):
    held = await held_then(world)
    stranger = dataclasses.replace(held, booking_id=UUID(int=1))
    with pytest.raises(Park):
        await tell("payment.succeeded.v1", stranger)


async def test_cus17_blocked_and_unblocked_as_customers_tells_it(world, tell):
    held = await held_then(world)
    type_ = "customer.blocked.v1"
    mine = await world.admin.fetchval(
        "SELECT encode(email_hash, 'hex') FROM bookings WHERE id = $1", held.booking_id
    )
    blocked = "SELECT encode(hash, 'hex') FROM blocked_contacts WHERE org_id = $1 ORDER BY 1"

    async def refused():
        return [row[0] for row in await world.admin.fetch(blocked, world.org_id)]

    customer = {"customer_id": uuid7()}
    await tell(type_, held, sequence=3, **customer)
    assert await refused() == sorted(example(type_).hashes)
    # Said again with other identifiers: the whole present state, not something added to it.
    await tell(type_, held, sequence=4, hashes=(mine,), **customer)
    assert await refused() == [mine]
    await tell("customer.unblocked.v1", held, sequence=5, hashes=(mine,), **customer)
    assert await refused() == []
    # News of before the unblocking, delivered late or twice, block nobody.
    for stale in (4, 5):
        await tell(type_, held, sequence=stale, hashes=(mine,), **customer)
    assert await refused() == []
    entries = await world.admin.fetch(
        "SELECT action FROM audit WHERE entity_id = $1 ORDER BY at", customer["customer_id"]
    )
    assert [entry["action"] for entry in entries] == [
        "customer.blocked",
        "customer.blocked",
        "customer.unblocked",
    ]


async def test_cus17_two_customers_with_one_phone_are_unblocked_one_by_one(world, tell):
    held = await held_then(world)
    first, second = {"customer_id": uuid7()}, {"customer_id": uuid7()}
    for customer in (first, second):
        await tell("customer.blocked.v1", held, hashes=("ab" * 32,), **customer)
    await tell("customer.unblocked.v1", held, sequence=2, hashes=("ab" * 32,), **first)
    count = "SELECT count(*) FROM blocked_contacts WHERE org_id = $1"
    assert await world.admin.fetchval(count, world.org_id) == 1


async def test_everything_published_is_covered_here(world):
    covered = {
        "venue.changed.v1", "booking.held.v1", "booking.confirmed.v1", "booking.cancelled.v1",
        "booking.expired.v1", "booking.unfulfillable.v1", "booking.refund_due.v1",
        "booking.requires_authentication.v1", "booking.payment_failed.v1",
        "booking.rescheduled.v1", "booking.change_held.v1", "booking.change_expired.v1",
        "booking.checked_in.v1", "booking.completed.v1", "booking.no_show.v1",
        "booking.attendance_undone.v1", "booking.details_changed.v1",
        "booking.waitlisted.v1", "booking.offered.v1", "offering.changed.v1",
        "booking.transfer_awaited.v1",
        # By test_guarantee.py:
        "booking.no_show_fee_due.v1", "booking.no_show_fee_action_required.v1",
        "booking.guarantee_released.v1",
    }  # fmt: skip
    assert covered == set(published_by("booking"))


async def test_the_timer_carries_its_booking(world):
    held = await held_then(world)
    handlers = messages.build(world.shop)
    _, handler = handlers.find(HoldDue.TYPE)
    await world.advance(minutes=15)
    await world.run(lambda tx: handler(tx, HoldDue(booking_id=held.booking_id), None))
    assert (await world.booking(held)).status is Status.EXPIRED
    assert held.expires_at - (await world.booking(held)).created_at == timedelta(minutes=15)
