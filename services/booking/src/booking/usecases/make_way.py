"""Expire what stands in the way of a place only because nobody has noticed yet that it lapsed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from booking.domain.refusals import Full, Undecided
from booking.store import bookings, sessions
from booking.usecases.expire import expire_locked
from booking.usecases.expire_change import expire_lapsed_changes

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from booking.domain.booking import Booking
    from booking.domain.floor import Taken
    from booking.domain.refusals import Refusal
    from chassis.db import Transaction


async def make_way(tx: Transaction, wanted: Booking, now: datetime, *, actor: str) -> bool:
    """Expire lapsed holds and changes; whether there is reason to try the place once more.

    A place is held to an exact instant, whoever notices first (HLD-01). Somebody else may be
    noticing: what they have ended meanwhile is reason enough, and what they are ending is not
    waited for, since they may need what is locked here.

    Raises:
        Undecided: lapsed holds in the way are locked; a new transaction will know more.
    """
    lapsed = await bookings.lock_lapsed_in_the_way_of(tx, wanted, now)
    for booking in lapsed:
        await expire_locked(tx, booking, now, actor=actor)
    changes = await expire_lapsed_changes(tx, wanted.venue_id, now, actor=actor)
    if changes or lapsed:
        return True
    standing = await bookings.standing(tx, wanted, now)
    if standing.undecided and not standing.free:
        raise Undecided
    return standing.free


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


class Way:
    """How a party gets to tables that lapsed holds still have; kept over all its attempts.

    ``undecided``: lapsed holds that others are deciding about right now, so nobody can say.
    """

    def __init__(self) -> None:
        self.undecided: set[UUID] = set()
        self._locked = False

    async def displace(
        self, tx: Transaction, wanted: Booking, taken: Taken, now: datetime, *, actor: str
    ) -> None:
        """Expire what a claim displaces; the claim must be made anew afterwards.

        The first time only the sessions are locked: from then on no rival can take or displace
        anything there, and the next decision is made in peace.
        """
        if not self._locked:
            there = {wanted.session_id, *(hold.session_id for hold in taken.lapsed)}
            await sessions.lock_all(tx, there)
            self._locked = True
            return
        lapsed = await bookings.lock_lapsed(tx, wanted.claim.displaces, now)
        for booking in lapsed:
            await expire_locked(tx, booking, now, actor=actor)
        self.undecided |= set(wanted.claim.displaces) - {booking.id for booking in lapsed}

    def refusal(self, reason: Refusal) -> Refusal:
        """The reason; or, when nobody can say whether it is one, that it is worth another try."""
        return Undecided() if self.undecided and isinstance(reason, Full) else reason
