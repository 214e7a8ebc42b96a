"""Prices: menus, quotes, promo codes, gift cards, and what the kitchen cooks."""

from __future__ import annotations

import datetime as dt
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from pydantic import BaseModel

from booking.api.views.bookings import OrderedItem, PriceLine, RefundTerm
from booking.api.views.shared import Money

if TYPE_CHECKING:
    from collections.abc import Sequence

    from booking.domain import menus
    from booking.domain.booking import Booking
    from booking.domain.catalogue import Venue
    from booking.domain.ordering import Dish
    from booking.usecases.kitchen import PrepList
    from booking.usecases.quote_booking import Quoted


class MenuSection(BaseModel):
    """A part of a venue's menu."""

    id: UUID
    venue_id: UUID
    name: str
    description: str | None
    sort_order: int
    status: str
    version: int

    @classmethod
    def of(cls, section: menus.MenuSection) -> MenuSection:
        return cls(
            id=section.id,
            venue_id=section.venue_id,
            name=section.name,
            description=section.description,
            sort_order=section.sort_order,
            status=section.status,
            version=section.version,
        )


class MenuItem(BaseModel):
    """A dish, as staff see it."""

    id: UUID
    venue_id: UUID
    section_id: UUID
    name: str
    description: str | None
    price_minor: int
    is_available: bool
    sort_order: int
    dietary: list[str]
    allergens: list[str]
    available_from: dt.date | None
    available_until: dt.date | None
    status: str
    version: int

    @classmethod
    def of(cls, item: menus.MenuItem) -> MenuItem:
        return cls(
            id=item.id,
            venue_id=item.venue_id,
            section_id=item.section_id,
            name=item.name,
            description=item.description,
            price_minor=item.price_minor,
            is_available=item.is_available,
            sort_order=item.sort_order,
            dietary=list(item.dietary),
            allergens=list(item.allergens),
            available_from=item.available_from,
            available_until=item.available_until,
            status=item.status,
            version=item.version,
        )


class OfferedItem(BaseModel):
    """A dish that can be ordered."""

    menu_item_id: UUID
    section_id: UUID
    name: str
    description: str | None
    price: Money
    dietary: list[str]
    allergens: list[str]


class Menu(BaseModel):
    """What can be had on a day, in the menu's order."""

    date: dt.date
    items: list[OfferedItem]

    @classmethod
    def of(cls, venue: Venue, day: dt.date, items: Sequence[menus.MenuItem]) -> Menu:
        return cls(
            date=day,
            items=[
                OfferedItem(
                    menu_item_id=item.id,
                    section_id=item.section_id,
                    name=item.name,
                    description=item.description,
                    price=Money(amount_minor=item.price_minor, currency=venue.currency),
                    dietary=list(item.dietary),
                    allergens=list(item.allergens),
                )
                for item in items
            ],
        )


class Quote(BaseModel):
    """What a booking would cost now, and on what terms. No place is taken."""

    session_id: UUID
    party_size: int
    lines: list[PriceLine]
    discount: Money
    gift_card: Money
    amount_total: Money
    amount_due_now: Money
    amount_at_venue: Money
    payment_methods: list[str]
    hold_minutes: int
    refund_terms: list[RefundTerm]
    no_show_fee: Money | None = None
    """Charged to the card saved when booking, if nobody comes; null: there is none."""

    @classmethod
    def of(cls, quoted: Quoted) -> Quote:
        booking = quoted.booking
        quote, policy = booking.quote, booking.policy
        return cls(
            session_id=booking.session_id,
            party_size=booking.party_size,
            lines=[PriceLine.of(line) for line in quote.lines],
            discount=Money.of(quote.discount),
            gift_card=Money.of(quote.gift) if quote.gift else _nothing(quote.total.currency),
            amount_total=Money.of(quote.total),
            amount_due_now=Money.of(quote.due_now),
            amount_at_venue=Money.of(quote.at_venue),
            payment_methods=list(booking.payment_methods),
            hold_minutes=policy.minutes_to_pay(booking.method),
            refund_terms=RefundTerm.of(policy, booking.locale),
            no_show_fee=policy.no_show
            and Money(
                amount_minor=policy.no_show.amount(booking.party_size),
                currency=quote.total.currency,
            ),
        )


def _nothing(currency: str) -> Money:
    return Money(amount_minor=0, currency=currency)


class Order(BaseModel):
    """What a booking orders, and what its party cannot eat."""

    booking_id: UUID
    version: int
    items: list[OrderedItem]
    allergies: list[str]
    amount_total: Money

    @classmethod
    def of(cls, booking: Booking, dishes: Sequence[Dish]) -> Order:
        return cls(
            booking_id=booking.id,
            version=booking.version,
            items=[OrderedItem.of(dish) for dish in dishes],
            allergies=list(booking.allergies),
            amount_total=Money.of(booking.quote.total),
        )


class DishTotal(BaseModel):
    """How many of a dish are wanted."""

    menu_item_id: UUID
    label: str
    quantity: int


class TicketDish(BaseModel):
    """A dish of one party."""

    menu_item_id: UUID
    label: str
    quantity: int
    note: str | None
    whom: str | None


class Ticket(BaseModel):
    """One party, for the kitchen."""

    booking_id: UUID
    reference: str
    starts_at: datetime
    party_size: int
    name: str
    allergies: list[str]
    items: list[TicketDish]


class Kitchen(BaseModel):
    """Totals of the whole session, and a page of its parties by the time they come."""

    totals: list[DishTotal]
    items: list[Ticket]
    next_cursor: str | None

    @classmethod
    def of(cls, prep: PrepList, next_cursor: str | None) -> Kitchen:
        return cls(
            totals=[
                DishTotal(menu_item_id=one.menu_item_id, label=one.label, quantity=one.quantity)
                for one in prep.totals
            ],
            items=[
                Ticket(
                    booking_id=ticket.booking_id,
                    reference=ticket.reference,
                    starts_at=ticket.starts_at,
                    party_size=ticket.party_size,
                    name=ticket.name,
                    allergies=list(ticket.allergies),
                    items=[
                        TicketDish(
                            menu_item_id=dish.menu_item_id,
                            label=dish.label,
                            quantity=dish.quantity,
                            note=dish.note,
                            whom=dish.whom,
                        )
                        for dish in ticket.dishes
                    ],
                )
                for ticket in prep.tickets
            ],
            next_cursor=next_cursor,
        )
