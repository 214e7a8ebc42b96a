"""What a booking costs, from our own catalogue; an amount sent by a client is never looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from booking.domain.money import Money, smallest_charge
from booking.domain.refusals import Fault, InvalidRequest

CARD = "card"
MOST_TIERS = 20


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be paid for: so many people, of so many of each tier."""

    party_size: int
    quantities: Mapping[str, int] = field(default_factory=dict)


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


@dataclass(frozen=True, slots=True)
class InFull:
    """All is due at once."""

    def now(self, total: int, party_size: int) -> int:
        """Minor units due now, of ``total``."""
        del party_size
        return total


@dataclass(frozen=True, slots=True)
class FixedPart:
    """A fixed amount is due now and the rest at the venue."""

    amount_minor: int

    def now(self, total: int, party_size: int) -> int:
        """Minor units due now, never more than ``total``."""
        del party_size
        return min(self.amount_minor, total)


@dataclass(frozen=True, slots=True)
class PartPerHead:
    """An amount for each person is due now and the rest at the venue."""

    amount_minor: int

    def now(self, total: int, party_size: int) -> int:
        """Minor units due now, never more than ``total``."""
        return min(self.amount_minor * party_size, total)


@dataclass(frozen=True, slots=True)
class Percentage:
    """A part of the price is due now, rounded up to whole minor units."""

    percent: int

    def now(self, total: int, party_size: int) -> int:
        """Minor units due now."""
        del party_size
        return -(-total * self.percent // 100)


Due = InFull | FixedPart | PartPerHead | Percentage


def priced(lines: tuple[Line, ...], due: Due, party_size: int, currency: str) -> Quote:
    """The quote of these lines. What is due now can be collected, or nothing is (F-30)."""
    total = sum(line.amount_minor for line in lines)
    now = due.now(total, party_size)
    if now > 0:
        now = min(max(now, smallest_charge(currency)), total)
    return Quote(total=Money(total, currency), due_now=Money(now, currency), lines=lines)


@dataclass(frozen=True, slots=True)
class PerBooking:
    """One price for a booking (PRC-03). Zero means that nothing is due (CAT-14)."""

    amount_minor: int
    due: Due = InFull()
    payment_methods: tuple[str, ...] = (CARD,)

    def party_of(self, stated: int | None, quantities: Mapping[str, int]) -> int:
        """The size of the party; see ``stated_party``."""
        return stated_party(stated, quantities)

    def quote(self, order: Order, currency: str) -> Quote:
        """The price for a party, in the venue's currency."""
        line = Line("booking", "", 1, self.amount_minor)
        return priced((line,), self.due, order.party_size, currency)

    def prices(self) -> tuple[int, ...]:
        """What a booking may cost, in minor units: the smallest of each kind."""
        return (self.amount_minor,)


@dataclass(frozen=True, slots=True)
class Deposit:
    """A fixed deposit for a booking, whatever the party (PRC-02)."""

    amount_minor: int
    payment_methods: tuple[str, ...] = (CARD,)

    def party_of(self, stated: int | None, quantities: Mapping[str, int]) -> int:
        """The size of the party; see ``stated_party``."""
        return stated_party(stated, quantities)

    def quote(self, order: Order, currency: str) -> Quote:
        """The deposit, in the venue's currency."""
        line = Line("deposit", "", 1, self.amount_minor)
        return priced((line,), InFull(), order.party_size, currency)

    def prices(self) -> tuple[int, ...]:
        """What a booking may cost, in minor units."""
        return (self.amount_minor,)


@dataclass(frozen=True, slots=True)
class Tier:
    """A price for one person: adult, child, or whatever the venue calls it (PRC-04)."""

    key: str
    label: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class PerHead:
    """A price for each person by tier; the tiers' quantities are the party (F-17)."""

    tiers: tuple[Tier, ...]
    due: Due = InFull()
    payment_methods: tuple[str, ...] = (CARD,)

    def party_of(self, stated: int | None, quantities: Mapping[str, int]) -> int:
        """The sum of the quantities; without any, so many of the first tier.

        Raises:
            InvalidRequest: no such tier, nobody at all, or another number than was stated.
        """
        known = {tier.key for tier in self.tiers}
        for key in quantities:
            if key not in known:
                raise InvalidRequest(Fault(f"quantities.{key}", "no such price"))
        if not quantities:
            return stated_party(stated, {})
        party_size = sum(quantities.values())
        if party_size < 1:
            raise InvalidRequest(Fault("quantities", "name at least one person"))
        if stated not in (None, party_size):
            raise InvalidRequest(
                Fault("party_size", f"the quantities add up to {party_size}, not to this")
            )
        return party_size

    def quote(self, order: Order, currency: str) -> Quote:
        """A line for each tier that anybody comes in, in the venue's currency (PRC-06)."""
        quantities = order.quantities or {self.tiers[0].key: order.party_size}
        lines = tuple(
            Line(tier.key, tier.label, quantities[tier.key], tier.amount_minor)
            for tier in self.tiers
            if quantities.get(tier.key, 0) > 0
        )
        return priced(lines, self.due, order.party_size, currency)

    def prices(self) -> tuple[int, ...]:
        """What one person may cost, in minor units."""
        return tuple(tier.amount_minor for tier in self.tiers)


@dataclass(frozen=True, slots=True)
class Free:
    """Nothing is due, ever."""

    payment_methods: ClassVar[tuple[str, ...]] = ()

    def party_of(self, stated: int | None, quantities: Mapping[str, int]) -> int:
        """The size of the party; see ``stated_party``."""
        return stated_party(stated, quantities)

    def quote(self, order: Order, currency: str) -> Quote:
        """Zero, in the venue's currency."""
        return priced((), InFull(), order.party_size, currency)

    def prices(self) -> tuple[int, ...]:
        """Nothing ever costs anything."""
        return (0,)


Pricing = PerBooking | Deposit | PerHead | Free


def stated_party(stated: int | None, quantities: Mapping[str, int]) -> int:
    """The party where there are no tiers: what was said, else one person.

    Raises:
        InvalidRequest: quantities were given although nothing here is priced by person.
    """
    if quantities:
        raise InvalidRequest(Fault("quantities", "this offering has no prices per person"))
    return 1 if stated is None else stated


def check_chargeable(pricing: Pricing, currency: str) -> None:
    """Raise ValueError for an amount too small to be collected, other than nothing (F-30)."""
    smallest = smallest_charge(currency)
    if any(0 < price < smallest for price in pricing.prices()):
        raise ValueError(f"must be 0 or at least {smallest} (minor units of {currency})")
