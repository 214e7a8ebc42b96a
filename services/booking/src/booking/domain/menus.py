"""Menus: what a kitchen offers on a day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from booking.domain.catalogue import ListingStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class MenuSection:
    """A part of a venue's menu (CAT-21). The lower ``sort_order`` comes first."""

    id: UUID
    org_id: UUID
    venue_id: UUID
    name: str
    description: str | None
    sort_order: int
    status: ListingStatus
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MenuItem:
    """A dish (CAT-22). ``available_from`` and ``available_until`` are dates at the venue, both in.

    ``price_minor`` is in the venue's currency.
    """

    id: UUID
    org_id: UUID
    venue_id: UUID
    section_id: UUID
    name: str
    description: str | None
    price_minor: int
    is_available: bool
    sort_order: int
    dietary: tuple[str, ...]
    allergens: tuple[str, ...]
    available_from: date | None
    available_until: date | None
    status: ListingStatus
    version: int

    def is_offered(self, day: date) -> bool:
        """Whether it can be had on a day at the venue."""
        return (
            self.is_available
            and self.status is ListingStatus.ACTIVE
            and (self.available_from is None or self.available_from <= day)
            and (self.available_until is None or day <= self.available_until)
        )
