"""What one booking adds to its customer's counters (CUS-11).

Facts about a booking arrive more than once and in any order. So nothing is added per message:
each fact is noted on the booking, the note yields a tally, and the customer's counters change by
the difference between the tally before and after. Whatever the order, the sum is the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in the currency's minor unit (pence, öre)."""

    amount_minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class Tally:
    """A booking's share of its customer's counters. Spend is per currency, in minor units."""

    bookings: int = 0
    cancellations: int = 0
    spend: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))

    def __sub__(self, other: "Tally") -> "Tally":
        currencies = self.spend.keys() | other.spend.keys()
        spend = {c: self.spend.get(c, 0) - other.spend.get(c, 0) for c in currencies}
        return Tally(
            bookings=self.bookings - other.bookings,
            cancellations=self.cancellations - other.cancellations,
            spend={currency: amount for currency, amount in spend.items() if amount},
        )


NOTHING = Tally()


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known here of one booking.

    Confirmation and cancellation are noted once; the refunded amount is cumulative and only grows.
    """

    booking_id: UUID
    customer_id: UUID | None = None
    confirmed_at: datetime | None = None
    paid: Money | None = None
    cancelled_at: datetime | None = None
    refunded: Money | None = None

    def confirm(self, customer_id: UUID, at: datetime, paid: Money) -> "Seen":
        """A second confirmation changes nothing, not even the customer."""
        if self.confirmed_at is not None:
            return self
        return replace(self, customer_id=customer_id, confirmed_at=at, paid=paid)

    def cancel(self, at: datetime) -> "Seen":
        return self if self.cancelled_at is not None else replace(self, cancelled_at=at)

    def refund(self, total: Money) -> "Seen":
        """`total` is everything refunded so far, so a smaller one is merely late."""
        if self.refunded is not None and total.amount_minor <= self.refunded.amount_minor:
            return self
        return replace(self, refunded=total)

    def tally(self) -> Tally:
        """The booking's share of its customer's counters; nothing before the confirmation.

        Giving up an unpaid hold is not a cancellation, and money returned for a booking that never
        was does not lower what the customer spent.
        """
        if self.confirmed_at is None:
            return NOTHING
        spend: dict[str, int] = {}
        if self.paid is not None:
            spend[self.paid.currency] = self.paid.amount_minor
        if self.refunded is not None:
            currency = self.refunded.currency
            spend[currency] = spend.get(currency, 0) - self.refunded.amount_minor
        return Tally(
            bookings=1,
            cancellations=0 if self.cancelled_at is None else 1,
            spend={currency: amount for currency, amount in spend.items() if amount},
        )
