"""Bookings that are paid on Stripe's own page."""

from typing import Any

from payments_world import Booking, World

from contracts import Money
from contracts.booking import PriceLine

CARD = "pm_card_visa"
POOR = "pm_card_visa_chargeDeclinedInsufficientFunds"
ASKS = "pm_card_authenticationRequired"


def usd(amount: int) -> Money:
    return Money(amount_minor=amount, currency="USD")


FAMILY = (
    PriceLine(key="adult", label="Adult", quantity=2, unit_minor=3500),
    PriceLine(key="child", label="Child", quantity=1, unit_minor=2500),
)
"""Two adults and a child: 95.00 (PRC-06)."""


def at_checkout(world: World, **held: Any) -> Booking:
    """A family's booking, who chose to pay on the page."""
    usual = {
        "payment_methods": ("checkout", "card"),
        "payment_method": "checkout",
        "amount_total": usd(9500),
        "amount_due_now": usd(9500),
        "lines": FAMILY,
    }
    return world.booking(**{**usual, **held})
