"""Quote a booking: what it would cost, and why it would be refused; no place is taken."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from booking.domain.booking import Booking
from booking.domain.holding import Wish, decide
from booking.usecases.find_codes import look_up_codes
from booking.usecases.look import look
from chassis.ids import uuid7

if TYPE_CHECKING:
    from booking.store.contacts import ContactVault
    from booking.store.listings import Listings
    from chassis.db import Transaction


@dataclass(frozen=True, slots=True)
class Quoted:
    """The booking that a wish would become at this instant, if its place is free."""

    booking: Booking
    now: datetime


async def quote_booking(
    tx: Transaction,
    wish: Wish,
    *,
    listings: Listings,
    vault: ContactVault,
    payments_enabled: bool,
) -> Quoted:
    """Decide as a hold would, and write nothing (F-29: the price is ours alone).

    Raises:
        Unknown: there is no such session.
        InvalidRequest, NotOnSale, SessionClosed, SessionStarted, PaymentsOff: see ``decide``.
        PromoRefused, GiftCardRefused: see ``look_up_codes``.
    """
    seen = await look(tx, wish, listings)
    fresh, now = seen.fresh, await tx.now()
    booking = decide(
        wish,
        seen.listing,
        fresh.session,
        fresh.offered,
        span=seen.span,
        taken=fresh.taken,
        booking_id=uuid7(now),
        reference="",
        sealed_contact="",
        payments_enabled=payments_enabled,
        now=now,
        codes=await look_up_codes(tx, wish, vault=vault),
    )
    return Quoted(booking, now)
