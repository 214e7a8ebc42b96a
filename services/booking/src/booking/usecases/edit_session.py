"""Edit a session, close its sale or archive it, without breaking what was sold."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

from booking import timers
from booking.domain.catalogue import Announcement, Session, SessionOrigin, SessionStatus
from booking.domain.edits import UNSET, Unset, check_version, keep
from booking.domain.refusals import Fault, HasBookings, InvalidRequest, Text, Unknown
from booking.store import audit, offerings, sessions, upcoming, venues, waitlist
from booking.store.sessions import SessionView
from booking.store.upcoming import Within
from booking.usecases.open_session import (
    Instants,
    LocalTimes,
    check_span,
    resources_to_offer,
    span_of,
)

if TYPE_CHECKING:
    from booking.domain.catalogue import Offering, Venue
    from chassis.db import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class EditSession:
    """What to change; None clears a field that may be empty."""

    session_id: UUID
    actor: str
    title: str | Unset = UNSET
    description: str | Unset | None = UNSET
    image_url: str | Unset | None = UNSET
    ticket_url: str | Unset | None = UNSET
    when: Instants | LocalTimes | Unset = UNSET
    capacity: int | Unset = UNSET
    resource_ids: tuple[UUID, ...] | Unset = UNSET
    status: SessionStatus | Unset = UNSET
    version: int | None = None


async def edit_session(tx: Transaction, command: EditSession) -> SessionView:
    """Change it (F-18). Holds made at the same moment see it before or after, never half.

    Raises:
        Unknown: there is no such session.
        StaleVersion: it was changed since the caller read it.
        HasBookings: fewer places than are taken, another time although there are bookings, without
            a table that is booked, or archived with live bookings (CAT-13, F-84).
        InvalidRequest: a time, capacity or table that cannot be.
    """
    found = await sessions.lock(tx, command.session_id)
    if found is None:
        raise Unknown
    before, announced = found.session, found.announcement
    check_version(command.version, before.version)
    offering = await offerings.read(tx, before.offering_id)
    venue = await venues.read(tx, before.venue_id)
    if offering is None or venue is None:
        raise Unknown
    when, status = command.when, keep(command.status, before.status)
    starts_at, ends_at = (
        (before.starts_at, before.ends_at)
        if isinstance(when, Unset)
        else span_of(when, venue.timezone)
    )
    after = replace(
        before,
        title=keep(command.title, before.title),
        starts_at=starts_at,
        ends_at=ends_at,
        capacity=before.capacity
        if isinstance(command.capacity, Unset)
        else offering.inventory.session_capacity(command.capacity),
        status=status,
    )
    announcement = Announcement(
        description=keep(command.description, announced.description),
        image_url=keep(command.image_url, announced.image_url),
        ticket_url=keep(command.ticket_url, announced.ticket_url),
    )
    tables = await _tables(tx, command, offering, venue)
    if (after, announcement, tables) == (before, announced, None):
        return found
    await _check(tx, before, after, venue)
    if after != before or tables is not None:
        # What staff change by hand is theirs from then on: no rule touches it again.
        after = replace(after, origin=SessionOrigin.MANUAL)
    after = replace(after, version=before.version + 1)
    waited_for = await sessions.save(tx, after, announcement)
    had = [] if tables is None else await sessions.resource_ids_of(tx, after.id)
    if tables is not None:
        await sessions.offer(tx, after.id, tables)
    old, new = audit.differing(
        {**_facts(before, announced), "resource_ids": _texts(had)},
        {**_facts(after, announcement), "resource_ids": _texts(tables or [])},
    )
    await audit.note(
        tx,
        "session",
        after.id,
        "session.edited",
        actor=command.actor,
        at=await tx.now(),
        before=old,
        after=new,
    )
    if waited_for:
        await waitlist.shift(tx, after.id, after.starts_at - before.starts_at)
        timers.wake_waitlists(tx, [after.id], await tx.now())
    raised = (after.capacity or 0) - (before.capacity or 0)
    return SessionView(
        after, announcement, None if found.remaining is None else found.remaining + raised
    )


async def _tables(
    tx: Transaction, command: EditSession, offering: Offering, venue: Venue
) -> list[UUID] | None:
    if isinstance(command.resource_ids, Unset):
        return None
    wanted = await resources_to_offer(tx, offering, command.resource_ids)
    if await upcoming.has_other_tables(tx, command.session_id, wanted):
        raise HasBookings(text=Text("has_bookings.tables", venue.locale))
    return wanted


async def _check(tx: Transaction, before: Session, after: Session, venue: Venue) -> None:
    now = await tx.now()
    if (after.starts_at, after.ends_at) != (before.starts_at, before.ends_at):
        check_span(after.starts_at, after.ends_at, now)
        if before.taken or await sessions.has_tables_taken(tx, before.id):
            raise HasBookings(text=Text("has_bookings.moved", venue.locale))
    if after.capacity is not None and after.capacity < before.taken:
        taken = {"taken": before.taken}
        raise HasBookings(text=Text("has_bookings.capacity", venue.locale, taken))
    if after.status is before.status:
        return
    if after.status is SessionStatus.OPEN and now >= after.starts_at:
        raise InvalidRequest(Fault("status", "the session has started"))
    if after.status is SessionStatus.ARCHIVED and await upcoming.have_bookings(
        tx, Within.SESSION, after.id
    ):
        raise HasBookings(text=Text("has_bookings.session", venue.locale))


def _texts(ids: list[UUID]) -> list[str]:
    return sorted(str(one) for one in ids)


def _facts(session: Session, announcement: Announcement) -> dict[str, Any]:
    return {
        "title": session.title,
        "description": announcement.description,
        "image_url": announcement.image_url,
        "ticket_url": announcement.ticket_url,
        "starts_at": session.starts_at,
        "ends_at": session.ends_at,
        "capacity": session.capacity,
        "status": session.status,
    }
