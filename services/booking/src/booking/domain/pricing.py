"""What a booking costs, from our own catalogue; an amount sent by a client is never looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from booking.domain.dues import AT_THE_VENUE, IN_FULL, Due, FixedPart
from booking.domain.money import smallest_charge
from booking.domain.ordering import Dish, MenuChoice
from booking.domain.quote import Line
from booking.domain.refusals import Fault, InvalidRequest

CARD = "card"
MOST_TIERS = 20


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be paid for: so many people, of so many of each tier, and these dishes."""

    party_size: int
    quantities: Mapping[str, int] = field(default_factory=dict)
    dishes: tuple[Dish, ...] = ()


@dataclass(frozen=True, slots=True)
class PerBooking:
    """One price for a booking (PRC-03). Zero means that nothing is due (CAT-14)."""

    amount_minor: int
    due: Due = IN_FULL
    payment_methods: tuple[str, ...] = (CARD,)
    menu: MenuChoice | None = None

    def party_of(self, stated: int | None, quantities: Mapping[str, int]) -> int:
        """The size of the party; see ``stated_party``."""
        return stated_party(stated, quantities)

    def lines(self, order: Order) -> tuple[Line, ...]:
        """The booking's price, whatever the party."""
        del order
        return (Line("booking", "", 1, self.amount_minor),)

    def prices(self) -> tuple[int, ...]:
        """What a booking may cost, in minor units: the smallest of each kind."""
        return (self.amount_minor,)

    def price_list(self) -> tuple[Tier, ...]:
        """The one price."""
        return (Tier("booking", "", self.amount_minor),)


@dataclass(frozen=True, slots=True)
class Deposit:
    """A fixed deposit for a booking, whatever the party (PRC-02); dishes are paid at the venue."""

    amount_minor: int
    payment_methods: tuple[str, ...] = (CARD,)
    menu: MenuChoice | None = None

    @property
    def due(self) -> Due:
        """The deposit."""
        return FixedPart(self.amount_minor)

    def party_of(self, stated: int | None, quantities: Mapping[str, int]) -> int:
        """The size of the party; see ``stated_party``."""
        return stated_party(stated, quantities)

    def lines(self, order: Order) -> tuple[Line, ...]:
        """The deposit."""
        del order
        return (Line("deposit", "", 1, self.amount_minor),)

    def prices(self) -> tuple[int, ...]:
        """What a booking may cost, in minor units."""
        return (self.amount_minor,)

    def price_list(self) -> tuple[Tier, ...]:
        """The deposit."""
        return (Tier("deposit", "", self.amount_minor),)


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
    due: Due = IN_FULL
    payment_methods: tuple[str, ...] = (CARD,)
    menu: MenuChoice | None = None

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

    def lines(self, order: Order) -> tuple[Line, ...]:
        """A line for each tier that anybody comes in (PRC-06)."""
        quantities = order.quantities or {self.tiers[0].key: order.party_size}
        return tuple(
            Line(tier.key, tier.label, quantities[tier.key], tier.amount_minor)
            for tier in self.tiers
            if quantities.get(tier.key, 0) > 0
        )

    def prices(self) -> tuple[int, ...]:
        """What one person may cost, in minor units."""
        return tuple(tier.amount_minor for tier in self.tiers)

    def price_list(self) -> tuple[Tier, ...]:
        """What one person of each tier costs."""
        return self.tiers


@dataclass(frozen=True, slots=True)
class Items:
    """A booking costs what its dishes cost (PRC-09)."""

    menu: MenuChoice
    due: Due = IN_FULL
    payment_methods: tuple[str, ...] = (CARD,)

    def party_of(self, stated: int | None, quantities: Mapping[str, int]) -> int:
        """The size of the party; see ``stated_party``."""
        return stated_party(stated, quantities)

    def lines(self, order: Order) -> tuple[Line, ...]:
        """Nothing besides the dishes."""
        del order
        return ()

    def prices(self) -> tuple[int, ...]:
        """None that are known beforehand."""
        return ()

    def price_list(self) -> tuple[Tier, ...]:
        """Nothing: dishes have prices on the menu."""
        return ()


@dataclass(frozen=True, slots=True)
class Free:
    """Nothing is due, ever; dishes, if there are any, are paid at the venue."""

    menu: MenuChoice | None = None

    payment_methods: ClassVar[tuple[str, ...]] = ()
    due: ClassVar[Due] = AT_THE_VENUE

    def party_of(self, stated: int | None, quantities: Mapping[str, int]) -> int:
        """The size of the party; see ``stated_party``."""
        return stated_party(stated, quantities)

    def lines(self, order: Order) -> tuple[Line, ...]:
        """Nothing."""
        del order
        return ()

    def prices(self) -> tuple[int, ...]:
        """Nothing ever costs anything."""
        return (0,)

    def price_list(self) -> tuple[Tier, ...]:
        """Nothing has a price."""
        return ()


Pricing = PerBooking | Deposit | PerHead | Items | Free


def stated_party(stated: int | None, quantities: Mapping[str, int]) -> int:
    """The party where there are no tiers: what was said, else one person.

    Raises:
        InvalidRequest: quantities were given although nothing here is priced by person.
    """
    if quantities:
        raise InvalidRequest(Fault("quantities", "this offering has no prices per person"))
    return 1 if stated is None else stated


_CURRENCIES = {"bacs_debit": "GBP", "swish": "SEK"}
"""Methods that know one currency only."""


def methods_elsewhere(pricing: Pricing, currency: str) -> list[str]:
    """Those of its methods that cannot collect this currency."""
    return [
        method
        for method in pricing.payment_methods
        if _CURRENCIES.get(method, currency) != currency
    ]


def with_first(methods: tuple[str, ...], wished: str | None) -> tuple[str, ...]:
    """The methods with the wished one in front, where it is among them."""
    return tuple(sorted(methods, key=lambda method: method != wished))


def chosen_method(methods: tuple[str, ...], wished: str | None) -> tuple[str, ...]:
    """The offered methods with the guest's choice in front, which is how a booking keeps it.

    Raises:
        InvalidRequest: the choice is not offered, or not so near to the start (F-11).
    """
    if wished is not None and wished not in methods:
        offered = ", ".join(methods)
        raise InvalidRequest(Fault("payment_method", f"is not offered here: one of {offered}"))
    return with_first(methods, wished)


def check_chargeable(pricing: Pricing, currency: str) -> None:
    """Raise ValueError for an amount too small to be collected, other than nothing (F-30)."""
    smallest = smallest_charge(currency)
    if any(0 < price < smallest for price in (*pricing.prices(), *pricing.due.amounts())):
        raise ValueError(f"must be 0 or at least {smallest} (minor units of {currency})")
