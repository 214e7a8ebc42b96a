"""What is on offer, page by page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID

from booking.domain.catalogue import ListingStatus, Offering, SessionStatus, Venue
from booking.domain.refusals import Unknown
from booking.store import offerings as stored_offerings
from booking.store import organisations as stored_organisations
from booking.store import resources as stored_resources
from booking.store import sessions
from booking.store import venues as stored_venues
from booking.store.sessions import SessionView

if TYPE_CHECKING:
    from collections.abc import Sequence

    from booking.domain.catalogue import Organisation, Resource
    from chassis.db import Transaction

_FIRST_ID = UUID(int=0)
_FIRST_INSTANT = datetime.min.replace(tzinfo=UTC)
_LAST_INSTANT = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class OnSale:
    """Sessions of an offering, each with what is left of it, and where they take place."""

    offering: Offering
    venue: Venue
    sessions: list[SessionView]


async def organisation(tx: Transaction) -> Organisation:
    """Raises Unknown when the tenant does not exist."""
    found = await stored_organisations.read(tx)
    if found is None:
        raise Unknown
    return found


async def venue(tx: Transaction, venue_id: UUID) -> Venue:
    """Raises Unknown when the organisation has no such venue."""
    found = await stored_venues.read(tx, venue_id)
    if found is None:
        raise Unknown
    return found


async def embedded_venue(
    tx: Transaction, embed_key: str, *, after: tuple[int, UUID] | None, limit: int
) -> tuple[Venue, list[Offering]]:
    """The venue with this embed key and what is on sale there (CAT-20, WID-03).

    Raises:
        Unknown: no active venue has this key now.
    """
    found = await stored_venues.with_embed_key(tx, embed_key)
    if found is None:
        raise Unknown
    return found, await stored_offerings.page(tx, after=after, limit=limit, venue_id=found.id)


async def offering(tx: Transaction, offering_id: UUID) -> tuple[Offering, Venue]:
    """An offering and where it takes place; raises Unknown when there is none."""
    found = await stored_offerings.read(tx, offering_id)
    if found is None:
        raise Unknown
    return found, await venue(tx, found.venue_id)


async def offerings(
    tx: Transaction, *, after: tuple[int, UUID] | None, limit: int
) -> list[tuple[Offering, Venue]]:
    """What is on sale, each with its venue, in the organisation's own order (CAT-10)."""
    page = await stored_offerings.page(tx, after=after, limit=limit)
    venues = {venue_id: await venue(tx, venue_id) for venue_id in {o.venue_id for o in page}}
    return [(found, venues[found.venue_id]) for found in page]


async def offerings_of(
    tx: Transaction, venue_id: UUID, *, after: tuple[int, UUID] | None, limit: int
) -> tuple[Venue, list[Offering]]:
    """All that a venue offers or offered; raises Unknown when there is no such venue."""
    where = await venue(tx, venue_id)
    return where, await stored_offerings.of_venue(tx, venue_id, after=after, limit=limit)


async def venues(tx: Transaction, *, after: UUID | None, limit: int) -> list[Venue]:
    """Venues in the order of their making."""
    return await stored_venues.page(tx, after=after, limit=limit)


async def resources(
    tx: Transaction, venue_id: UUID, *, after: tuple[int, UUID] | None, limit: int
) -> list[Resource]:
    """A venue's resources by number (CAT-06); raises Unknown when there is no such venue."""
    await venue(tx, venue_id)
    return await stored_resources.page(tx, venue_id, after=after, limit=limit)


async def resource(tx: Transaction, resource_id: UUID) -> Resource:
    """Raises Unknown when the organisation has no such resource."""
    found = await stored_resources.read(tx, resource_id)
    if found is None:
        raise Unknown
    return found


async def session(tx: Transaction, session_id: UUID) -> SessionView:
    """A session with what is left of it; raises Unknown when the organisation has no such."""
    found = await sessions.read(tx, session_id)
    if found is None:
        raise Unknown
    return found


async def sessions_of(
    tx: Transaction,
    offering_id: UUID,
    *,
    since: datetime | None,
    until: datetime | None,
    after: tuple[datetime, UUID] | None,
    statuses: Sequence[SessionStatus],
    limit: int,
) -> list[SessionView]:
    """Sessions of an offering by start, past ones too; raises Unknown for another's offering."""
    await offering(tx, offering_id)
    earliest = since or _FIRST_INSTANT
    return await sessions.page(
        tx,
        offering_id,
        since=earliest,
        until=until or _LAST_INSTANT,
        after=after or (earliest, _FIRST_ID),
        statuses=statuses,
        limit=limit,
    )


async def future_sessions(
    tx: Transaction,
    offering_id: UUID,
    *,
    since: datetime | None,
    until: datetime | None,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> OnSale:
    """Open sessions that have not started, by start; none of what is archived (CAT-10).

    Raises:
        Unknown: there is no such offering.
    """
    found, where = await offering(tx, offering_id)
    if ListingStatus.ARCHIVED in (found.status, where.status):
        return OnSale(found, where, [])
    now = await tx.now()
    earliest = now if since is None else max(now, since)
    page = await sessions.page(
        tx,
        offering_id,
        since=earliest,
        until=until or _LAST_INSTANT,
        after=after or (earliest, _FIRST_ID),
        statuses=[SessionStatus.OPEN],
        limit=limit,
    )
    return OnSale(found, where, page)
