"""Change the tables of a party: staff put it where they like, whoever it was meant for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from uuid import UUID

from booking import timers
from booking.domain.edits import check_version
from booking.domain.inventory import Claim
from booking.domain.lifecycle import OCCUPYING
from booking.domain.refusals import (
    CannotReschedule,
    ChangePending,
    Fault,
    InvalidRequest,
    ResourceTaken,
    Unknown,
)
from booking.store import audit, bookings, changes, ledger, resources, sessions
from booking.usecases.make_way import make_way

if TYPE_CHECKING:
    from booking.domain.booking import Booking
    from booking.domain.catalogue import Resource
    from chassis.db import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeTables:
    """Which tables the party shall have, all of them. ``version``: the one the caller has seen."""

    booking_id: UUID
    resource_ids: tuple[UUID, ...]
    actor: str
    reason: str | None = None
    version: int | None = None


async def change_tables(tx: Transaction, command: ChangeTables) -> Booking:
    """Take the new tables, then give up those that are not among them, in one transaction.

    Any tables of the venue that seat the party together may be put together; pacing and the span
    stay as they are.

    Raises:
        Unknown: there is no such booking.
        StaleVersion: it changed since the caller read it.
        CannotReschedule: it has no tables, or none any more. ChangePending: a move waits for money.
        InvalidRequest: no tables, twice the same, not of this venue, or too few seats.
        ResourceTaken: somebody else has one of them; the party stays where it was.
    """
    booking = await bookings.lock(tx, command.booking_id)
    if booking is None:
        raise Unknown
    check_version(command.version, booking.version)
    if booking.status not in OCCUPYING or not booking.claim.resource_ids:
        raise CannotReschedule("This booking has no tables.")
    if booking.change_id is not None:
        raise ChangePending
    # The session first, as everybody does who may have to expire a hold in it; and from here on
    # none of its tables is archived.
    await sessions.lock_all(tx, {booking.session_id})
    wanted = await _tables(tx, booking, command.resource_ids)
    had = set(booking.claim.resource_ids)
    new = tuple(sorted({table.id for table in wanted} - had))
    await _take(tx, booking, new)
    now = await tx.now()
    kept = tuple(table.id for table in wanted)
    freed = sorted(had.difference(kept))
    timers.wake_waitlists(tx, await ledger.release_tables(tx, booking, freed, now), now)
    moved = replace(
        booking, version=booking.version + 1, claim=replace(booking.claim, resource_ids=kept)
    )
    await changes.change_tables(tx, booking, moved)
    before = await bookings.resources_of(tx, booking.claim.resource_ids)
    await audit.note(
        tx,
        "booking",
        booking.id,
        "booking.tables_changed",
        actor=command.actor,
        reason=command.reason,
        at=now,
        before={"tables": [table.number for table in before]},
        after={"tables": [table.number for table in wanted]},
    )
    return moved


async def _tables(
    tx: Transaction, booking: Booking, resource_ids: tuple[UUID, ...]
) -> list[Resource]:
    if not resource_ids or len(set(resource_ids)) != len(resource_ids):
        raise InvalidRequest(Fault("resource_ids", "name each table once, and at least one"))
    found = await resources.active(tx, booking.venue_id, resource_ids)
    if len(found) != len(resource_ids):
        raise InvalidRequest(Fault("resource_ids", "not all are tables of this venue"))
    seats = sum(table.seats.most for table in found)
    if seats < booking.party_size:
        raise InvalidRequest(Fault("resource_ids", f"these seat {seats} people"))
    return found


async def _take(tx: Transaction, booking: Booking, new: tuple[UUID, ...]) -> None:
    """Take further tables for the booking's own time, expiring lapsed holds in their way."""
    if not new or await ledger.take(tx, booking, Claim(resource_ids=new)):
        return
    wanted = replace(booking, claim=Claim(resource_ids=new))
    if await make_way(tx, wanted, await tx.now(), actor="change_tables") and await ledger.take(
        tx, booking, Claim(resource_ids=new)
    ):
        return
    raise ResourceTaken
