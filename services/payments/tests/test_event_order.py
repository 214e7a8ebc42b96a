"""Events come in any order and any number; the effect is the same as in order and once."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from payments_world import Stripe, World

from payments.domain.failures import Failure
from payments.domain.money import Money
from payments.domain.payment import (
    AT_PROVIDER,
    PAYABLE,
    TRANSITIONS,
    Fact,
    Payment,
    StaleFact,
    Status,
)

ORG, BOOKING, PAYMENT = uuid4(), uuid4(), uuid4()


def _payment(status: Status = Status.PREPARING) -> Payment:
    return Payment(
        id=PAYMENT,
        org_id=ORG,
        booking_id=BOOKING,
        account_id="platform",
        provider="stripe",
        amount=Money(5000, "GBP"),
        status=status,
        version=1,
        expires_at=datetime.now(UTC) + timedelta(minutes=15),
    )


def _learn(payment: Payment, fact: Fact, failure: Failure | None = None) -> Payment:
    try:
        return payment.learn(fact, failure)
    except StaleFact:
        return payment


def test_the_table_names_every_status_and_only_known_ones():
    assert set(TRANSITIONS) == set(Status)
    assert all(to in Status for steps in TRANSITIONS.values() for to in steps.values())
    assert PAYABLE < AT_PROVIDER


@given(st.lists(st.sampled_from(Fact), max_size=30))
def test_money_that_arrived_is_never_forgotten_and_never_invented(facts: list[Fact]):
    payment = _payment()
    for fact in facts:
        before = payment
        payment = _learn(payment, fact, Failure("card_declined"))
        assert payment.version == before.version + (payment is not before)
        if before.status is Status.SUCCEEDED:
            assert payment is before
    assert (payment.status is Status.SUCCEEDED) == (Fact.SUCCEEDED in facts)


@given(st.permutations([Fact.ACTION_REQUIRED, Fact.PROCESSING, Fact.SUCCEEDED] * 3))
def test_success_is_learnt_once_in_any_order(facts: list[Fact]):
    payment = _learn(_payment(), Fact.PREPARED)
    successes = 0
    for fact in facts:
        after = _learn(payment, fact)
        successes += after is not payment and after.status is Status.SUCCEEDED
        payment = after
    assert successes == 1


async def test_every_event_five_times_in_random_order_has_one_effect(world: World, stripe: Stripe):
    booking = world.booking()
    payment = await booking.ready()
    await stripe.pay(payment, "declined")
    await booking.becomes("declined")
    await stripe.pay(payment, "asks")
    await booking.becomes("requires_action")
    await stripe.authenticate(await booking.ref(), approve=True)
    await booking.becomes("succeeded")
    await world.hand(booking.unfulfillable(payment["id"], 2000))
    await world.quiet()
    told = await booking.told()
    await stripe.deliver(await booking.ref(), 5)
    # As after a restore from a backup: nothing is remembered of the events.
    async with world.db.transaction(None) as tx:
        await tx.execute("DELETE FROM messaging.provider_events")
    await stripe.deliver(await booking.ref(), 5)
    await world.quiet()
    assert await booking.told() == told
    assert len(await stripe.refunds_of(await booking.ref())) == 1


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    cards=st.lists(st.sampled_from(["declined", "poor", "asks"]), max_size=3), paid=st.booleans()
)
async def test_a_whole_story_delivered_shuffled_and_repeated_is_told_once(
    world: World, stripe: Stripe, cards: list[str], *, paid: bool
):
    """Nothing is delivered until the story is over; then all of it, five times, shuffled."""
    booking = world.booking()
    payment = await booking.ready()
    await stripe.pause()
    for card in cards:
        await stripe.pay(payment, card)
        if card == "asks":
            await stripe.authenticate(await booking.ref(), approve=False)
    if paid:
        await stripe.pay(payment)
    await stripe.deliver(await booking.ref(), 5)
    await stripe.resume()
    await world.quiet()
    told = await booking.told()
    types = [one["type"] for one in told]
    assert types.count("payment.succeeded.v1") == paid
    assert types[-1] == ("payment.succeeded.v1" if paid else types[-1])
    sequences = [one["sequence"] for one in told]
    assert sequences == sorted(set(sequences))
    status = (await world.payment(booking.id))["status"]
    assert status == ("succeeded" if paid else "declined" if cards else "ready")
