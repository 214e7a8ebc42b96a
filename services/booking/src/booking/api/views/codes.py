"""Promo codes and gift cards, as staff see them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from pydantic import BaseModel

from booking.api.views.shared import Money
from booking.domain.promo import AmountOff, PercentOff

if TYPE_CHECKING:
    from booking.domain import gift_card
    from booking.domain.promo import Promo
    from booking.store import gift_cards


class PromoCode(BaseModel):
    """A promo code; `used` is how many bookings have it now."""

    id: UUID
    code: str
    percent: int | None
    amount_minor: int | None
    currency: str | None
    minimum_minor: int
    valid_from: datetime | None
    valid_until: datetime | None
    max_uses: int | None
    max_per_customer: int | None
    offering_ids: list[UUID]
    used: int
    status: str
    version: int

    @classmethod
    def of(cls, promo: Promo) -> PromoCode:
        discount = promo.discount
        return cls(
            id=promo.id,
            code=promo.code,
            percent=discount.percent if isinstance(discount, PercentOff) else None,
            amount_minor=discount.amount_minor if isinstance(discount, AmountOff) else None,
            currency=promo.currency,
            minimum_minor=promo.minimum_minor,
            valid_from=promo.valid_from,
            valid_until=promo.valid_until,
            max_uses=promo.max_uses,
            max_per_customer=promo.max_per_customer,
            offering_ids=list(promo.offering_ids),
            used=promo.used,
            status=promo.status,
            version=promo.version,
        )


class GiftCard(BaseModel):
    """A gift card, known by the last four of its code."""

    id: UUID
    last4: str
    balance: Money
    issued: Money
    expires_at: datetime | None
    status: str
    note: str | None
    version: int

    @classmethod
    def of(cls, card: gift_card.GiftCard) -> GiftCard:
        return cls(
            id=card.id,
            last4=card.last4,
            balance=Money.of(card.balance),
            issued=Money.of(card.issued),
            expires_at=card.expires_at,
            status=card.status,
            note=card.note,
            version=card.version,
        )


class IssuedGiftCard(GiftCard):
    """A new gift card with its code, shown this once."""

    code: str


class GiftCardEntry(BaseModel):
    """One change of a card's balance; negative where it paid."""

    id: UUID
    kind: str
    amount_minor: int
    balance_minor: int
    booking_id: UUID | None
    at: datetime
    actor: str
    reason: str | None

    @classmethod
    def of(cls, entry: gift_cards.Entry) -> GiftCardEntry:
        return cls(
            id=entry.id,
            kind=entry.kind,
            amount_minor=entry.amount_minor,
            balance_minor=entry.balance_minor,
            booking_id=entry.booking_id,
            at=entry.at,
            actor=entry.actor,
            reason=entry.reason,
        )
