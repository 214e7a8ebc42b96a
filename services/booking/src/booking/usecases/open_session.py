"""Open a session: one dated occurrence of an offering, on sale from now on."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import TYPE_CHECKING
from uuid import UUID

from booking.domain.catalogue import Announcement, ListingStatus, Session, SessionStatus
from booking.domain.refusals import Fault, InvalidRequest, NotOnSale
from booking.domain.schedule import (
    FURTHEST_START,
    LONGEST_SESSION,
    NoSuchLocalTime,
    session_span,
    zone,
)
from booking.store import audit, offerings, resources, sessions, venues
from chassis.ids import uuid7

if TYPE_CHECKING:
    from collections.abc import Sequence

    from booking.domain.catalogue import Offering
    from chassis.db import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Instants:
    """When, as two instants."""

    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalTimes:
    """When, by the venue's clock; an end not after the start is on the next day (CAT-04)."""

    date: date
    start_time: time
    end_time: time


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSession:
    """``capacity`` and ``resource_ids`` default to what the offering and its venue have."""

    offering_id: UUID
    when: Instants | LocalTimes
    title: str | None
    capacity: int | None
    resource_ids: tuple[UUID, ...] | None
    actor: str
    announcement: Announcement = field(default_factory=Announcement)


async def open_session(tx: Transaction, command: OpenSession) -> Session:
    """Open it (CAT-01, CAT-09).

    Raises:
        InvalidRequest: no such offering; a local time that the clocks skip; not in the future,
            beyond 10 years, ends before it starts or lasts more than 48 h; capacity or resources
            that do not fit.
        NotOnSale: the offering is archived.
    """
    offering = await offerings.read(tx, command.offering_id)
    if offering is None:
        raise InvalidRequest(Fault("offering_id", "is not one of your offerings"))
    venue = await venues.read(tx, offering.venue_id)
    if venue is None or offering.status is not ListingStatus.ACTIVE:
        raise NotOnSale
    now = await tx.now()
    starts_at, ends_at = span_of(command.when, venue.timezone)
    check_span(starts_at, ends_at, now)
    resource_ids = await resources_to_offer(tx, offering, command.resource_ids)
    session = Session(
        id=uuid7(now),
        org_id=offering.org_id,
        offering_id=offering.id,
        venue_id=offering.venue_id,
        title=command.title or offering.title,
        starts_at=starts_at,
        ends_at=ends_at,
        capacity=offering.inventory.session_capacity(command.capacity),
        taken=0,
        status=SessionStatus.OPEN,
        version=1,
    )
    await sessions.add(tx, session, command.announcement, resource_ids, now)
    await audit.note(
        tx,
        "session",
        session.id,
        "session.opened",
        actor=command.actor,
        at=now,
        after={
            "starts_at": session.starts_at,
            "ends_at": session.ends_at,
            "capacity": session.capacity,
            "resources": len(resource_ids),
        },
    )
    return session


def span_of(when: Instants | LocalTimes, timezone: str) -> tuple[datetime, datetime]:
    """Start and end as instants; raises InvalidRequest for a local time that the clocks skip."""
    if isinstance(when, Instants):
        return when.starts_at, when.ends_at
    try:
        return session_span(when.date, when.start_time, when.end_time, zone(timezone))
    except (NoSuchLocalTime, OverflowError) as wrong:
        raise InvalidRequest(Fault("date", str(wrong))) from wrong


def check_span(starts_at: datetime, ends_at: datetime, now: datetime) -> None:
    """Raise InvalidRequest unless a session may take place then."""
    if starts_at <= now:
        raise InvalidRequest(Fault("starts_at", "must be in the future"))
    if starts_at - now > FURTHEST_START:
        raise InvalidRequest(Fault("starts_at", "must be within 10 years"))
    if ends_at <= starts_at:
        raise InvalidRequest(Fault("ends_at", "must be after the start"))
    if ends_at - starts_at > LONGEST_SESSION:
        raise InvalidRequest(Fault("ends_at", "must be within 48 hours of the start"))


async def resources_to_offer(
    tx: Transaction, offering: Offering, asked: Sequence[UUID] | None
) -> list[UUID]:
    """The resources that a session of this offering offers; all of the venue's by default.

    Raises:
        InvalidRequest: not all are active at the venue, none are left, or the offering has none.
    """
    if not offering.inventory.tables_are_chosen:
        if asked:
            raise InvalidRequest(Fault("resource_ids", "this offering sells places, not tables"))
        return []
    found = await resources.active_ids(tx, offering.venue_id, asked)
    if asked is not None and len(found) != len(set(asked)):
        raise InvalidRequest(Fault("resource_ids", "not all are tables of this venue"))
    if not found:
        raise InvalidRequest(Fault("resource_ids", "the venue has no tables to offer"))
    return found
