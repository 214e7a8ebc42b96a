"""How much of a price is due while the place is held; the rest is paid at the venue."""

from __future__ import annotations

from dataclasses import dataclass

from booking.domain.money import smallest_charge


@dataclass(frozen=True, slots=True)
class InFull:
    """All is due at once."""

    def now(self, total: int, party_size: int) -> int:
        """Minor units due now, of ``total``."""
        del party_size
        return total

    def amounts(self) -> tuple[int, ...]:
        """Amounts that one person or booking may be asked for, in minor units."""
        return ()


@dataclass(frozen=True, slots=True)
class FixedPart:
    """A fixed amount is due now and the rest at the venue."""

    amount_minor: int

    def now(self, total: int, party_size: int) -> int:
        """Minor units due now, never more than ``total``."""
        del party_size
        return min(self.amount_minor, total)

    def amounts(self) -> tuple[int, ...]:
        """The amount, in minor units."""
        return (self.amount_minor,)


@dataclass(frozen=True, slots=True)
class PartPerHead:
    """An amount for each person is due now and the rest at the venue."""

    amount_minor: int

    def now(self, total: int, party_size: int) -> int:
        """Minor units due now, never more than ``total``."""
        return min(self.amount_minor * party_size, total)

    def amounts(self) -> tuple[int, ...]:
        """What one person alone would be asked for, in minor units."""
        return (self.amount_minor,)


@dataclass(frozen=True, slots=True)
class Percentage:
    """A part of the price is due now, rounded up to whole minor units."""

    percent: int

    def now(self, total: int, party_size: int) -> int:
        """Minor units due now."""
        del party_size
        return -(-total * self.percent // 100)

    def amounts(self) -> tuple[int, ...]:
        """None that are known beforehand."""
        return ()


Due = InFull | FixedPart | PartPerHead | Percentage
IN_FULL = InFull()
AT_THE_VENUE = Percentage(0)


def collectable(due: int, total: int, currency: str) -> int:
    """``due`` raised to what a provider collects; nothing, where even the total is less (F-30).

    What is not collected now is paid at the venue.
    """
    smallest = smallest_charge(currency)
    if due == 0 or total < smallest:
        return 0
    return max(due, smallest)
