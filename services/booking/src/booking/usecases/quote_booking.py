"""Quote a booking: what it would cost, and why it would be refused; no place is taken."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from booking.domain.booking import Booking
from booking.domain.holding import Wish, decide
from booking.domain.refusals import Unknown
from booking.store import sessions
from booking.usecases.find_codes import look_up_codes
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
    fresh = await sessions.for_hold(tx, wish.session_id, wish.resource_ids)
    if fresh is None:
        raise Unknown
    now = await tx.now()
    listing = await listings.at(tx, fresh.session.offering_id, fresh.offering_version)
    booking = decide(
        wish,
        listing,
        fresh.session,
        fresh.offered,
        booking_id=uuid7(now),
        reference="",
        sealed_contact="",
        payments_enabled=payments_enabled,
        now=now,
        codes=await look_up_codes(tx, wish, vault=vault),
    )
    return Quoted(booking, now)
