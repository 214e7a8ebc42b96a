"""A price, line by line, as it is told beforehand and frozen on the booking."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from booking.domain.money import Money

DISH: Final = "dish:"
PROMO: Final = "promo:"
"""How keys of lines begin that are no tier's: a tier's key has no colon."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a price. ``unit_minor`` is negative where something is taken off."""

    key: str
    label: str
    quantity: int
    unit_minor: int

    @property
    def amount_minor(self) -> int:
        """The line's sum, in minor units."""
        return self.quantity * self.unit_minor


@dataclass(frozen=True, slots=True)
class Quote:
    """The frozen price of a booking: all of it, and what is due while the place is held.

    ``gift`` is the part of the total that a gift card has paid. The lines add up to the total.
    """

    total: Money
    due_now: Money
    lines: tuple[Line, ...] = ()
    gift: Money | None = None

    @property
    def discount(self) -> Money:
        """What a promo code takes off."""
        off = sum(line.amount_minor for line in self.lines if line.key.startswith(PROMO))
        return Money(-off, self.total.currency)

    @property
    def at_venue(self) -> Money:
        """What remains to be paid at the venue."""
        return self.total - self.due_now - (self.gift or Money(0, self.total.currency))

    @property
    def owed(self) -> Money:
        """What is to be paid in money, now or at the venue."""
        return self.due_now + self.at_venue

    def has_promo(self) -> bool:
        """Whether a promo code was used."""
        return any(line.key.startswith(PROMO) for line in self.lines)

    def has_dishes(self) -> bool:
        """Whether dishes were ordered."""
        return any(line.key.startswith(DISH) for line in self.lines)
