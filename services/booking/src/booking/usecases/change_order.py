"""Change what a booking orders from the menu, and the allergies of its party, until the cut-off."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from uuid import UUID

from booking.domain.edits import check_version
from booking.domain.holding import dishes_of
from booking.domain.lifecycle import Status
from booking.domain.ordering import Choice, Dish, lines_of
from booking.domain.quoting import requoted
from booking.domain.refusals import CannotChange, ChangePending, PaymentDiffers, Unknown
from booking.store import audit, bookings, offerings, orders, promos

if TYPE_CHECKING:
    from collections.abc import Sequence

    from booking.domain.booking import Booking
    from booking.store.listings import Listings
    from chassis.db import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeOrder:
    """The whole new order and the whole new list of allergies; None leaves one as it is.

    ``manage_epoch``: of the guest's token; None for staff.
    """

    booking_id: UUID
    items: tuple[Choice, ...] | None
    allergies: tuple[str, ...] | None
    actor: str
    version: int | None = None
    manage_epoch: int | None = None


async def change_order(
    tx: Transaction, command: ChangeOrder, *, listings: Listings
) -> tuple[Booking, Sequence[Dish]]:
    """Replace the order while nothing more, and nothing less, has to be paid before the visit.

    What the change costs is paid at the venue, where the offering's rule for what is due allows
    that; the promo code's percentage is taken of the new price.

    Raises:
        Unknown: there is no such booking, or the guest's token was revoked.
        StaleVersion: it was changed since the caller read it.
        CannotChange: its state, or the start, forbids it.
        ChangePending: it may be about to move.
        InvalidRequest: a dish cannot be had, or it is too late.
        PaymentDiffers: another amount would be due before the visit.
    """
    before = await bookings.lock(tx, command.booking_id)
    if before is None or command.manage_epoch not in (None, before.manage_epoch):
        raise Unknown
    check_version(command.version, before.version)
    now = await tx.now()
    if before.status is not Status.CONFIRMED or now >= before.occasion.starts_at:
        raise CannotChange
    if before.change_id is not None:
        raise ChangePending
    ordered = await orders.of_booking(tx, before)
    after = before
    dishes: Sequence[Dish] = ordered
    if command.items is not None:
        offering = await offerings.read(tx, before.offering_id)
        if offering is None:
            raise Unknown
        listing = await listings.at(tx, offering.id, offering.version)
        dishes = dishes_of(
            command.items,
            listing,
            party_size=before.party_size,
            starts_at=before.occasion.starts_at,
            now=now,
        )
        promo = await promos.of_booking(tx, before.id) if before.quote.has_promo() else None
        quote = requoted(before.quote, lines_of(dishes), offering.pricing, before.party_size, promo)
        if (quote.due_now, quote.gift) != (before.quote.due_now, before.quote.gift):
            raise PaymentDiffers
        after = replace(after, quote=quote)
    if command.allergies is not None:
        after = replace(after, allergies=command.allergies)
    if after == before and list(dishes) == list(ordered):
        return before, ordered
    after = replace(after, version=before.version + 1)
    await orders.change(tx, before, after, dishes)
    await audit.note(
        tx,
        "booking",
        after.id,
        "booking.order_changed",
        actor=command.actor,
        at=now,
        before=_facts(before, ordered),
        after=_facts(after, dishes),
    )
    return after, dishes


def _facts(booking: Booking, dishes: Sequence[Dish]) -> dict[str, object]:
    # Notes, names and allergies are the guests' own: only how many there are is told (AUD-01).
    return {
        "amount_total": booking.quote.total.amount_minor,
        "dishes": [[dish.label, dish.quantity] for dish in dishes],
        "allergies": len(booking.allergies),
    }
