"""What staff send about menus, promo codes and gift cards."""

import datetime as dt
from typing import Annotated
from uuid import UUID

from pydantic import Field

from booking.api.bodies.fields import Description, Edit, Instant, Title, optional
from booking.domain.catalogue import ListingStatus
from booking.domain.gift_card import CardStatus
from booking.domain.money import LARGEST_AMOUNT
from chassis.http import Body

SortOrder = Annotated[int, Field(ge=0, le=1_000_000, description="The lower comes first")]
Price = Annotated[
    int, Field(ge=0, le=LARGEST_AMOUNT, description="in the venue's currency's minor unit")
]
Words = Annotated[
    tuple[Annotated[str, Field(min_length=1, max_length=50)], ...], Field(max_length=30)
]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$", examples=["GBP"])]
Count = Annotated[int, Field(ge=1, le=1_000_000)]
Offerings = Annotated[tuple[UUID, ...], Field(max_length=50, description="None: all of them")]
Code = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{1,38}$", examples=["SUMMER-10"])]
Value = Annotated[int, Field(ge=1, le=LARGEST_AMOUNT)]
Note = Annotated[str, Field(min_length=1, max_length=500)]


class AddMenuSection(Body):
    """A part of a venue's menu."""

    name: Title
    description: Description | None = None
    sort_order: SortOrder = 100


class EditMenuSection(Edit):
    """What to change."""

    name: Title = optional()
    description: Description | None = optional()
    sort_order: SortOrder = optional()
    status: ListingStatus = optional()


class AddMenuItem(Body):
    """A dish. The dates are the venue's, both included; without them it is there every day."""

    name: Title
    description: Description | None = None
    price_minor: Price
    is_available: bool = True
    sort_order: SortOrder = 100
    dietary: Annotated[Words, Field(examples=[["vegan"]])] = ()
    allergens: Annotated[Words, Field(examples=[["nuts"]])] = ()
    available_from: dt.date | None = None
    available_until: dt.date | None = None


class EditMenuItem(Edit):
    """What to change."""

    section_id: UUID = optional()
    name: Title = optional()
    description: Description | None = optional()
    price_minor: Price = optional()
    is_available: bool = optional()
    sort_order: SortOrder = optional()
    dietary: Words = optional()
    allergens: Words = optional()
    available_from: dt.date | None = optional()
    available_until: dt.date | None = optional()
    status: ListingStatus = optional()


class CreatePromo(Body):
    """A code that takes a percentage or an amount off. Its case does not matter to guests."""

    code: Code
    percent: Annotated[int | None, Field(ge=1, le=100)] = None
    amount_minor: Annotated[int | None, Field(ge=1, le=LARGEST_AMOUNT)] = None
    currency: Annotated[Currency | None, Field(description="Of the amounts")] = None
    minimum_minor: Annotated[Price, Field(description="What the booking costs at least")] = 0
    valid_from: Instant | None = None
    valid_until: Annotated[
        Instant | None, Field(description="The first instant at which it is no longer valid")
    ] = None
    max_uses: Count | None = None
    max_per_customer: Count | None = None
    offering_ids: Offerings = ()


class EditPromo(Edit):
    """What to change; what the code takes off stays as it was made."""

    valid_from: Instant | None = optional()
    valid_until: Instant | None = optional()
    max_uses: Count | None = optional()
    max_per_customer: Count | None = optional()
    offering_ids: Offerings = optional()
    status: ListingStatus = optional()


class IssueGiftCard(Body):
    """A card with a value."""

    amount_minor: Value
    currency: Currency
    expires_at: Instant | None = None
    note: Note | None = None


class EditGiftCard(Edit):
    """What to change."""

    status: CardStatus = optional()
    expires_at: Instant | None = optional()
    note: Note | None = optional()


class AdjustGiftCard(Body):
    """What to add to the balance, or to take from it, and why."""

    amount_minor: Annotated[int, Field(ge=-LARGEST_AMOUNT, le=LARGEST_AMOUNT)]
    reason: Note
