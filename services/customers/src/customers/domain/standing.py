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

from customers.domain.attendance import Attendance, Outcome


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
    visits: int = 0
    completed: int = 0
    no_shows: int = 0
    spend: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))

    def __sub__(self, other: "Tally") -> "Tally":
        currencies = self.spend.keys() | other.spend.keys()
        spend = {c: self.spend.get(c, 0) - other.spend.get(c, 0) for c in currencies}
        return Tally(
            bookings=self.bookings - other.bookings,
            cancellations=self.cancellations - other.cancellations,
            visits=self.visits - other.visits,
            completed=self.completed - other.completed,
            no_shows=self.no_shows - other.no_shows,
            spend={currency: amount for currency, amount in spend.items() if amount},
        )


NOTHING = Tally()


@dataclass(frozen=True, slots=True)
class Refunded:
    """What is back of one payment as of a version of it."""

    total: Money
    version: int


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known here of one booking.

    Confirmation and cancellation are noted once. What was paid for the booking is cumulative and
    only grows. What went back of each of its payments is cumulative too, and falls again when a
    refund bounces: the newest version of the payment says it. Moving the booking to another time is
    no new booking.
    """

    booking_id: UUID
    customer_id: UUID | None = None
    confirmed_at: datetime | None = None
    paid: Money | None = None
    cancelled_at: datetime | None = None
    refunds: Mapping[UUID, Refunded] = field(default_factory=lambda: MappingProxyType({}))
    attendance: Attendance = field(default_factory=Attendance)

    @property
    def refunded(self) -> Money | None:
        """What went back of all payments; a booking has one currency."""
        if not self.refunds:
            return None
        totals = [refunded.total for refunded in self.refunds.values()]
        return Money(sum(total.amount_minor for total in totals), totals[0].currency)

    def confirm(self, customer_id: UUID, at: datetime, paid: Money) -> "Seen":
        """A second confirmation changes nothing, not even the customer."""
        if self.confirmed_at is not None:
            return self
        return replace(self, customer_id=customer_id, confirmed_at=at).pay(paid)

    def pay(self, total: Money) -> "Seen":
        """`total` is everything paid so far, so a smaller one is merely late."""
        if self.paid is not None and total.amount_minor <= self.paid.amount_minor:
            return self
        return replace(self, paid=total)

    def cancel(self, at: datetime) -> "Seen":
        return self if self.cancelled_at is not None else replace(self, cancelled_at=at)

    def refund(self, payment_id: UUID, total: Money, version: int) -> "Seen":
        """`total` is everything refunded of one payment as of its `version`; older is merely late.

        Several facts may tell of one version: they tell the same total.
        """
        known = self.refunds.get(payment_id)
        if known is not None and version <= known.version:
            return self
        now = Refunded(total, version)
        return replace(self, refunds=MappingProxyType({**self.refunds, payment_id: now}))

    def attend(self, outcome: Outcome, version: int, *, holds: bool) -> "Seen":
        """Note a visit's outcome, or that it was a slip; `version` is the booking's."""
        heard = self.attendance.hear(outcome, version, holds=holds)
        return self if heard is self.attendance else replace(self, attendance=heard)

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
            visits=int(self.attendance.visited),
            completed=int(self.attendance.completed),
            no_shows=int(self.attendance.missed),
            spend={currency: amount for currency, amount in spend.items() if amount},
        )
