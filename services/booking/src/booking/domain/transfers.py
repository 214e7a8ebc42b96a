"""Payments that a guest makes by hand: where the money goes, for what, until when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from booking.domain.booking import Booking, Occasion
from booking.domain.money import Money

if TYPE_CHECKING:
    from booking.domain.moving import Change


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """What a guest has to do. ``payee``: where the money goes; None: the venue says it otherwise.

    ``message``: the words that tell whose money it is. ``change_id``: of the change that is paid
    for; None: the booking itself.
    """

    booking_id: UUID
    payment_id: UUID
    change_id: UUID | None
    method: str
    amount: Money
    payee: str | None
    message: str


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a transfer pays for, and until when it is waited for."""

    occasion: Occasion
    pay_by: datetime


def purpose_of(booking: Booking, change: Change | None, now: datetime) -> Purpose | None:
    """What waits for its payment now, the booking or its change; None: nothing does any more."""
    if change is not None:
        if change.expires_at is None or change.has_lapsed(now):
            return None
        return Purpose(change.place.occasion, change.expires_at)
    if booking.expires_at is None or not booking.is_waiting() or booking.has_lapsed(now):
        return None
    return Purpose(booking.occasion, booking.expires_at)
