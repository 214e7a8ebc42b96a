"""What a guest brings to lower a price, or to pay it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from booking.domain.gift_card import GiftCard
from booking.domain.promo import Promo

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID


@dataclass(frozen=True, slots=True)
class Codes:
    """What a guest brings to lower the price, or to pay it."""

    promo: Promo | None = None
    card: GiftCard | None = None

    def check(self, offering_id: UUID, now: datetime, currency: str) -> None:
        """Raises PromoRefused or GiftCardRefused where one of them is not valid."""
        if self.promo is not None:
            self.promo.check(offering_id, now, currency)
        if self.card is not None:
            self.card.check(now, currency)


NO_CODES = Codes()
