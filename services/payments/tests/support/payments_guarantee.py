"""Bookings whose guests leave a card, and are charged when they do not come."""

from datetime import UTC, datetime, timedelta
from typing import Any

from payments_world import Booking, World, gbp

from contracts.testing import example
from contracts.visits import BookingGuaranteeReleased, BookingNoShowFeeDue

SAVED = {
    "good": "pm_card_visa",
    "asks once": "pm_card_authenticationRequiredOnSetup",
    "asks always": "pm_card_authenticationRequired",
    "fails later": "pm_card_chargeCustomerFail",
    "declined": "pm_card_visa_chargeDeclined",
}


def guaranteed(world: World, due: int = 0, **held: Any) -> Booking:
    """A hold for which so much is due now, and a card to be saved."""
    return world.booking(amount_due_now=gbp(due), guaranteed=True, lines=(), **held)


def fee_due(booking: Booking, amount: int = 2500, **said: Any) -> BookingNoShowFeeDue:
    usual = {
        "fee": gbp(amount),
        "pay_until": datetime.now(UTC) + timedelta(hours=72),
        "contact": booking.hold().contact,
    }
    return booking._like(example(BookingNoShowFeeDue), **{**usual, **said})


def released(booking: Booking) -> BookingGuaranteeReleased:
    return booking._like(example(BookingGuaranteeReleased))


async def save_card(booking: Booking, card: str = "good") -> Any:
    """What Stripe.js does to save a card, with the client secret and the publishable key only."""
    stripe, payment = booking.world.stripe, await booking.world.payment(booking.id)
    secret = payment["client_secret"]
    ref = secret.partition("_secret_")[0]
    answer = await stripe.call(
        "POST",
        f"/v1/setup_intents/{ref}/confirm",
        form={"client_secret": secret, "payment_method": SAVED[card]},
        key=payment["publishable_key"],
    )
    if answer.get("status") == "requires_action":
        await stripe.call("POST", f"/_sandbox/setup_intents/{ref}/authenticate", {"approve": True})
    return answer


async def with_card(world: World, card: str = "good") -> Booking:
    """Held, and its card saved."""
    booking = guaranteed(world)
    await booking.ready()
    await save_card(booking, card)
    await booking.becomes("succeeded")
    await world.quiet()
    return booking


async def customers_of(booking: Booking) -> list[Any]:
    page = await booking.world.stripe.call("GET", "/v1/customers?limit=100")
    return [one for one in page["data"] if one["metadata"].get("booking_id") == str(booking.id)]


async def fees_of(booking: Booking) -> list[dict[str, Any]]:
    """What was told about the fee, in order."""
    return [one for one in await booking.told() if one["type"].startswith("payment.fee_")]
