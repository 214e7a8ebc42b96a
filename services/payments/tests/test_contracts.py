"""Both sides of every contract that payments has a part in."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from payments_guarantee import fee_due, with_card
from payments_world import Stripe, World, gbp

import contracts.payments as wire
from contracts import Message, Money
from contracts.booking import (
    BookingCancelled,
    BookingExpired,
    BookingHeld,
    BookingPaymentFailed,
    BookingRefundDue,
    BookingUnfulfillable,
    VenueChanged,
)
from contracts.changes import BookingChangeExpired, BookingChangeHeld
from contracts.offerings import OfferingChanged
from contracts.registry import consumed_by, published_by
from contracts.testing import example, same_shape
from contracts.visits import BookingGuaranteeReleased, BookingNoShowFeeDue
from payments import timers

CONSUMED = (
    VenueChanged,
    BookingHeld,
    BookingExpired,
    BookingPaymentFailed,
    BookingCancelled,
    BookingUnfulfillable,
    BookingRefundDue,
    BookingChangeHeld,
    BookingChangeExpired,
    OfferingChanged,
    BookingNoShowFeeDue,
    BookingGuaranteeReleased,
)


def test_every_message_for_payments_has_a_handler_and_no_other(world: World):
    assert world.service.handlers is not None
    own = {timers.LastLookDue.TYPE, timers.FeeLapsed.TYPE}
    assert world.service.handlers.types == {*consumed_by("payments"), *own}
    assert {model.TYPE for model in CONSUMED} == set(consumed_by("payments"))


async def test_what_payments_tells_is_in_the_shape_of_the_examples(world: World, stripe: Stripe):
    """One story that ends in every message that payments publishes."""
    good, bad = world.booking(), world.booking()
    payment = await good.ready()
    await stripe.pay(payment, "poor")
    await good.becomes("declined")
    await stripe.pay(payment, "asks")
    await good.becomes("requires_action")
    await stripe.authenticate(await good.ref(), approve=True)
    await good.becomes("succeeded")
    await world.hand(good.unfulfillable(payment["id"], 2000))
    await world.gives_back(payment["id"], 1000)
    await world.hand(good.refund_due(payment["id"], "cancelled", gbp(5001)))
    await bad.ready()
    await world.hand(bad.expired())
    came, missing = await with_card(world, "fails later"), await with_card(world)
    for each in (came, missing):
        await world.hand(fee_due(each))
    await world.quiet()

    seen = set()
    for told in [one for each in (good, bad, came, missing) for one in await each.told()]:
        golden = example(told["type"])
        body = {name: told[name] for name in type(golden).model_fields if name in told}
        message = type(golden).model_validate_json(_json(body))
        assert same_shape(message, golden, without=["change_id", "transfer"])
        seen.add(told["type"])
    # Cards are never "processing"; see test_processing below. Of disputes: see test_disputes.
    elsewhere = {wire.PaymentProcessing, wire.PaymentDisputed, wire.PaymentDisputeClosed}
    assert seen == set(published_by("payments")) - {model.TYPE for model in elsewhere}


def test_processing_is_in_the_shape_of_its_example():
    from payments import published
    from payments.domain import money
    from payments.domain.payment import Fact, Payment, Status

    class Outbox:
        def publish(self, message: Message, *, key: str, sequence: int) -> UUID:
            assert same_shape(message, example(wire.PaymentProcessing), without=["change_id"])
            return UUID(int=sequence)

    golden = example(wire.PaymentProcessing)
    payment = Payment(
        id=golden.payment_id,
        org_id=golden.org_id,
        booking_id=golden.booking_id,
        account_id="platform",
        provider="stripe",
        amount=money.Money(5000, "GBP"),
        status=Status.PROCESSING,
        version=3,
        expires_at=datetime.now(UTC),
    )
    told = published.learnt(Outbox(), payment, Fact.PROCESSING, datetime.now(UTC))  # type: ignore[arg-type]
    assert told == UUID(int=3)


@pytest.mark.parametrize("model", CONSUMED, ids=lambda model: model.TYPE)
async def test_the_examples_are_understood(world: World, stripe: Stripe, model: type[Message]):
    """Handed as they are but for the organisation, whatever came before."""
    booking = world.booking()
    changes: dict[str, object] = {"org_id": world.org_id}
    golden: Any = example(model)
    if "payment_id" in model.model_fields or model is BookingCancelled:
        payment = await booking.paid()
        changes["booking_id"] = booking.id
        if "payment_id" in model.model_fields:
            changes["payment_id"] = UUID(payment["id"])
        if "refund_goal" in model.model_fields:
            goal = {"payment_ids": (UUID(payment["id"]),)}
            changes["refund_goal"] = golden.refund_goal.model_copy(update=goal)
    elif "booking_id" in model.model_fields:
        changes["booking_id"] = booking.id
    await world.hand(golden.model_copy(update=changes))
    await world.quiet()
    refund = getattr(golden, "refund", Money(amount_minor=0, currency="GBP"))
    if refund.amount_minor:
        assert (await booking.told_types())[-1] == "payment.refunded"


def _json(body: dict[str, object]) -> bytes:
    import orjson

    return orjson.dumps(body)
