"""Read a booking, with what may be done with it now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from booking.domain.booking import BookedResource, Booking, Cancellation, cancellation
from booking.domain.guarantee import Fee
from booking.domain.moving import Change, may_move
from booking.domain.ordering import Dish
from booking.domain.refusals import Unknown
from booking.store import bookings, changes, history, no_show_fees, orders
from booking.store.history import Visit

if TYPE_CHECKING:
    from uuid import UUID

    from chassis.db import Transaction


@dataclass(frozen=True, slots=True)
class BookingView:
    """A booking at an instant; ``cancellation`` is what cancelling would do right now."""

    booking: Booking
    resources: list[BookedResource]
    cancellation: Cancellation
    can_reschedule: bool
    change: Change | None
    dishes: list[Dish]
    now: datetime
    visit: Visit
    by_staff: bool = False
    fee: Fee | None = None


async def read_booking(
    tx: Transaction, booking_id: UUID, *, manage_epoch: int | None = None, by_staff: bool = False
) -> BookingView:
    """The booking as a guest or staff may see it (LIF-22).

    ``manage_epoch``: of the guest's token, which a newer epoch revokes; None for staff.

    Raises:
        Unknown: there is no such booking, or the token was revoked.
    """
    booking = await bookings.read(tx, booking_id)
    if booking is None or manage_epoch not in (None, booking.manage_epoch):
        raise Unknown
    now = await tx.now()
    change = None
    if booking.change_id is not None:
        change = await changes.read(tx, booking.change_id, booking.id)
    return BookingView(
        booking=booking,
        resources=await bookings.resources_of(tx, booking.claim.resource_ids),
        cancellation=cancellation(booking, now, by_staff=by_staff),
        can_reschedule=may_move(booking, now, by_staff=by_staff),
        change=change,
        dishes=await orders.of_booking(tx, booking),
        now=now,
        visit=await history.visit_of(tx, booking),
        by_staff=by_staff,
        fee=await no_show_fees.read(tx, booking.id) if booking.policy.no_show else None,
    )
