"""The ways to pay that histories are told of, and what is offered for each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

PRICE = 5000
FEE = 2500
"""Of a guest who saved a card and did not come."""
PERCENT = 5
"""What the platform keeps of what is charged for a connected organisation."""


@dataclass(frozen=True, slots=True)
class Way:
    """What an offering of this way is like, and how often a history is about it.

    `guaranteed`: a card is saved and nothing is due. `connected`: the organisation is paid through
    the platform. `moves`: bookings are moved to dearer and cheaper places.
    """

    name: str
    method: str
    weight: int = 0
    price: int = PRICE
    policy: Mapping[str, Any] = field(default_factory=dict)
    guaranteed: bool = False
    connected: bool = False
    moves: bool = False

    @property
    def by_hand(self) -> bool:
        return self.method == "manual"

    @property
    def at_paypal(self) -> bool:
        return self.method == "paypal"

    @property
    def clears(self) -> bool:
        """Whether a bank has to be waited for."""
        return self.method == "bacs_debit"

    @property
    def goes_on(self) -> bool:
        """Whether what matters most comes after the guest has paid."""
        return self.moves or self.guaranteed or self.at_paypal or self.connected

    @property
    def by_card(self) -> bool:
        return not (self.by_hand or self.at_paypal or self.clears)


WAYS = (
    Way("card", "card", 22),
    Way("checkout", "checkout", 12),
    Way("connect", "card", 8, connected=True),
    Way("moves", "card", 16, moves=True),
    Way("guarantee", "card", 12, price=0, policy={"no_show": {"fee_minor": FEE}}, guaranteed=True),
    Way("paypal", "paypal", 12),
    Way("debit", "bacs_debit", 9),
    Way("by hand", "manual", 9, policy={"by_hand_minutes": 15}),
)
ELSEWHERE = (Way("dearer", "card", price=7500), Way("cheaper", "card", price=3000))
"""Where bookings are moved to."""
OFFERED = WAYS + ELSEWHERE
PRICES = {way.name: way.price for way in OFFERED}


def way(name: str) -> Way:
    return next(one for one in WAYS if one.name == name)
