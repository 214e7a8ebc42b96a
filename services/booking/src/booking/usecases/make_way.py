"""Expire what stands in the way of a place only because nobody has noticed yet that it lapsed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from booking.store import bookings
from booking.usecases.expire import expire_locked
from booking.usecases.expire_change import expire_lapsed_changes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from booking.domain.booking import Booking
    from chassis.db import Transaction


async def make_way(tx: Transaction, wanted: Booking, now: datetime, *, actor: str) -> bool:
    """Expire lapsed holds and changes; whether there is reason to try the place once more.

    A place is held to an exact instant, whoever notices first (HLD-01).
    """
    lapsed = await bookings.lock_lapsed_in_the_way_of(tx, wanted, now)
    for booking in lapsed:
        await expire_locked(tx, booking, now, actor=actor)
    changes = await expire_lapsed_changes(tx, wanted.venue_id, now, actor=actor)
    return changes or bool(lapsed)


async def make_way_for_guest(
    tx: Transaction,
    wanted: Booking,
    hashes: tuple[bytes, bytes | None],
    now: datetime,
    *,
    actor: str,
) -> bool:
    """Expire the guest's own lapsed holds, where each has one place (INV-05); False: they have it.

    Where a guest may have several there is nothing to expire.
    """
    if not wanted.policy.one_per_customer:
        return True
    for booking in await bookings.lock_of_guest(tx, wanted, hashes):
        if not booking.has_lapsed(now):
            return False
        await expire_locked(tx, booking, now, actor=actor)
    return True


async def displace(
    tx: Transaction, booking_ids: Sequence[UUID], now: datetime, *, wait: bool, actor: str
) -> bool:
    """Expire these lapsed holds; whether all that are still lapsed could be.

    ``wait``: for others who are deciding about one of them, up to 2 s. Who has locked a session or
    a booking must not: the others may be waiting for that.

    Raises:
        Busy: somebody took longer than that.
    """
    lapsed = await bookings.lock_lapsed(tx, booking_ids, now, wait=wait)
    for booking in lapsed:
        await expire_locked(tx, booking, now, actor=actor)
    return wait or len(lapsed) == len(booking_ids)
