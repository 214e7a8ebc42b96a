"""What the customer does at Stripe, and how the booking service hears of it."""

import pytest
from payments_world import Stripe, World


async def test_a_good_card_pays_and_the_secret_is_gone(world: World, stripe: Stripe):
    booking = world.booking()
    payment = await booking.ready()
    await stripe.pay(payment)
    paid = await booking.becomes("succeeded")
    assert paid["client_secret"] is None
    succeeded = (await booking.told())[-1]
    assert succeeded["type"] == "payment.succeeded.v1"
    assert succeeded["amount"] == {"amount_minor": 5000, "currency": "GBP"}
    assert succeeded["provider_ref"] == await booking.ref()
    [row] = await world.rows("SELECT client_secret FROM payments")
    assert row["client_secret"] is None


@pytest.mark.parametrize(
    ("card", "key", "locale", "words"),
    [
        ("declined", "card_declined", "en", "declined"),
        ("poor", "insufficient_funds", "en", "insufficient funds"),
        ("expired", "expired_card", "en", "expired"),
        ("lost", "card_declined", "en", "declined"),
        ("stolen", "card_declined", "sv", "nekades"),
        ("blocked", "card_declined", "en", "declined"),
        ("too often", "too_many_attempts", "en", "wait a moment"),
        ("too often", "too_many_attempts", "sv", "Vänta en stund"),
        ("wrong cvc", "check_details", "en", "check the details"),
        ("wrong cvc", "check_details", "sv", "Kontrollera uppgifterna"),
        ("broken", "generic", "sv", "Försök igen"),
        ("poor", "insufficient_funds", "sv-SE", "täckning"),
        ("expired", "expired_card", "sv", "gått ut"),
    ],
)
async def test_a_refusal_reaches_the_customer_in_their_words(
    world: World, stripe: Stripe, *, card: str, key: str, locale: str, words: str
):
    booking = world.booking(locale=locale)
    await stripe.pay(await booking.ready(), card)
    declined = await booking.becomes("declined")
    assert declined["failure"]["code"] == key
    assert words in declined["failure"]["message"]
    assert declined["client_secret"]
    failed = (await booking.told())[-1]
    assert (failed["type"], failed["message_key"], failed["terminal"]) == (
        "payment.failed.v1",
        f"payment.{key}",
        False,
    )


async def test_every_try_that_fails_is_told_once_and_the_next_may_succeed(
    world: World, stripe: Stripe
):
    booking = world.booking()
    payment = await booking.ready()
    for tries in (1, 2):
        await stripe.pay(payment, "declined")
        await world.quiet()
        assert (await booking.told_types()).count("payment.failed") == tries
    await stripe.pay(payment)
    await booking.becomes("succeeded")
    assert (await world.payment(booking.id))["failure"] is None


async def test_authentication_is_asked_for_and_then_given(world: World, stripe: Stripe):
    booking = world.booking()
    await stripe.pay(await booking.ready(), "asks")
    assert (await booking.becomes("requires_action"))["client_secret"]
    await stripe.authenticate(await booking.ref(), approve=True)
    await booking.becomes("succeeded")
    assert await booking.told_types() == [
        "payment.ready",
        "payment.requires_action",
        "payment.succeeded",
    ]


async def test_authentication_that_fails_is_a_failed_try(world: World, stripe: Stripe):
    booking = world.booking()
    await stripe.pay(await booking.ready(), "asks")
    await booking.becomes("requires_action")
    await stripe.authenticate(await booking.ref(), approve=False)
    declined = await booking.becomes("declined")
    assert declined["failure"]["code"] == "authentication_failed"


async def test_another_amount_is_told_as_it_is(world: World, stripe: Stripe):
    """F-27: booking decides what a wrong amount means; the truth is what Stripe took."""
    booking = world.booking()
    payment = await booking.ready()
    await stripe.call("POST", f"/v1/payment_intents/{await booking.ref()}", form={"amount": "100"})
    await stripe.pay(payment)
    await booking.becomes("succeeded")
    assert (await booking.told())[-1]["amount"] == {"amount_minor": 100, "currency": "GBP"}


async def test_sequences_rise_by_one_with_every_message(world: World, stripe: Stripe):
    booking = world.booking()
    payment = await booking.ready()
    await stripe.pay(payment, "declined")
    await booking.becomes("declined")
    await stripe.pay(payment)
    await booking.becomes("succeeded")
    assert [one["sequence"] for one in await booking.told()] == [2, 3, 4]
