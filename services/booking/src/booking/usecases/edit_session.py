"""Edit a session or close its sale, without breaking what was sold."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

from booking.domain.catalogue import Session, SessionStatus
from booking.domain.refusals import Fault, HasBookings, InvalidRequest, Unknown
from booking.store import audit, offerings, sessions, venues
from booking.usecases.open_session import Instants, LocalTimes, check_span, span_of

if TYPE_CHECKING:
    from chassis.db import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class EditSession:
    """What to change; None leaves a field as it is."""

    session_id: UUID
    title: str | None
    when: Instants | LocalTimes | None
    capacity: int | None
    status: SessionStatus | None
    actor: str


async def edit_session(tx: Transaction, command: EditSession) -> Session:
    """Change it (F-18). Holds made at the same moment see it before or after, never half.

    Raises:
        Unknown: there is no such session.
        HasBookings: fewer places than are taken, or another time although there are bookings.
        InvalidRequest: a time or capacity that cannot be.
    """
    before = await sessions.lock(tx, command.session_id)
    if before is None:
        raise Unknown
    offering = await offerings.read(tx, before.offering_id)
    venue = await venues.read(tx, before.venue_id)
    if offering is None or venue is None:
        raise Unknown
    now = await tx.now()
    starts_at, ends_at = before.starts_at, before.ends_at
    if command.when is not None:
        starts_at, ends_at = span_of(command.when, venue.timezone)
    moved = (starts_at, ends_at) != (before.starts_at, before.ends_at)
    if moved:
        check_span(starts_at, ends_at, now)
        if before.taken or await sessions.has_tables_taken(tx, before.id):
            raise HasBookings("A session with bookings cannot be moved.")
    if command.status is SessionStatus.OPEN and now >= starts_at:
        raise InvalidRequest(Fault("status", "the session has started"))
    capacity = before.capacity
    if command.capacity is not None:
        capacity = offering.inventory.session_capacity(command.capacity)
        if capacity is not None and capacity < before.taken:
            raise HasBookings(f"{before.taken} places are taken already.")
    after = replace(
        before,
        title=command.title or before.title,
        starts_at=starts_at,
        ends_at=ends_at,
        capacity=capacity,
        status=command.status or before.status,
        version=before.version + 1,
    )
    await sessions.save(tx, after)
    await audit.note(
        tx,
        "session",
        after.id,
        "session.edited",
        actor=command.actor,
        at=now,
        before=_facts(before),
        after=_facts(after),
    )
    return after


def _facts(session: Session) -> dict[str, Any]:
    return {
        "title": session.title,
        "starts_at": session.starts_at,
        "ends_at": session.ends_at,
        "capacity": session.capacity,
        "status": session.status,
    }
