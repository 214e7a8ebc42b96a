"""Sessions: opening and editing them, and what is left of them."""

# ruff: noqa: S608 - the pieces of these statements are constants
from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import insert, select

from booking.domain.catalogue import Announcement, Session, SessionOrigin, SessionStatus
from booking.store import tables

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime
    from uuid import UUID

    import asyncpg

    from chassis.db import Transaction

COLUMNS = """s.id, s.org_id, s.offering_id, s.venue_id, s.title, s.starts_at, s.ends_at,
    s.capacity, s.taken, s.status, s.version, s.origin"""
_ANNOUNCED = "s.description, s.image_url, s.ticket_url"

# A lapsed hold that nobody has expired yet does not count: a new one may have its place.
_LAPSED = """coalesce((
    SELECT sum(b.units) FROM bookings b
    WHERE b.session_id = s.id AND b.status IN ('pending_payment', 'requires_authentication')
        AND b.expires_at <= messaging.now()), 0)::integer AS lapsed"""

ONE = f"SELECT {COLUMNS}, {_ANNOUNCED}, {_LAPSED} FROM sessions s WHERE s.id = $1"
PAGE = f"""
SELECT {COLUMNS}, {_ANNOUNCED}, {_LAPSED} FROM sessions s
WHERE s.offering_id = $1 AND s.starts_at >= $2 AND s.starts_at < $3
    AND (s.starts_at, s.id) > ($4, $5) AND s.status = ANY($6)
ORDER BY s.starts_at, s.id LIMIT $7
"""

_LOCK = f"SELECT {COLUMNS}, {_ANNOUNCED}, {_LAPSED} FROM sessions s WHERE s.id = $1 FOR UPDATE"
# Counters and times stand still; in id order, so that two opposite moves do not deadlock.
_LOCK_ALL = """
SELECT id FROM sessions WHERE id = ANY($1::uuid[]) ORDER BY id FOR NO KEY UPDATE
"""
_HAS_TABLES_TAKEN = """
SELECT EXISTS (SELECT FROM allocations
    WHERE session_id = $1 AND released_at IS NULL AND resource_id IS NOT NULL)
"""
_OFFER = """
WITH dropped AS (
    DELETE FROM session_resources WHERE session_id = $1 AND NOT (resource_id = ANY($3::uuid[]))
)
INSERT INTO session_resources (session_id, resource_id, org_id)
SELECT $1, wanted, $2 FROM unnest($3::uuid[]) wanted
ON CONFLICT DO NOTHING
"""
_SAVE = """
UPDATE sessions SET title = $2, starts_at = $3, ends_at = $4, capacity = $5, status = $6,
    version = $7, description = $8, image_url = $9, ticket_url = $10,
    origin = $11
WHERE id = $1
RETURNING waiting > 0
"""


@dataclass(frozen=True, slots=True)
class SessionView:
    """A session, how it is announced, and how many places are left; None if it sells resources."""

    session: Session
    announcement: Announcement
    remaining: int | None


async def add(
    tx: Transaction,
    session: Session,
    announcement: Announcement,
    resource_ids: Sequence[UUID],
    now: datetime,
) -> None:
    """Write a new session and the resources it offers."""
    await tx.core(
        insert(tables.sessions).values(
            id=session.id,
            org_id=session.org_id,
            offering_id=session.offering_id,
            venue_id=session.venue_id,
            title=session.title,
            starts_at=session.starts_at,
            ends_at=session.ends_at,
            capacity=session.capacity,
            status=session.status,
            version=session.version,
            created_at=now,
            description=announcement.description,
            image_url=announcement.image_url,
            ticket_url=announcement.ticket_url,
        )
    )
    await offer(tx, session.id, resource_ids)


async def offer(tx: Transaction, session_id: UUID, resource_ids: Sequence[UUID]) -> None:
    """Let the session offer exactly these resources."""
    await tx.execute(_OFFER, session_id, tx.org_id, list(resource_ids))


async def read(tx: Transaction, session_id: UUID) -> SessionView | None:
    """One session with what is left of it."""
    row = await tx.fetchrow(ONE, session_id)
    return None if row is None else _view_of(row)


async def lock(tx: Transaction, session_id: UUID) -> SessionView | None:
    """One session, locked against holds: they wait, and then find its new version."""
    row = await tx.fetchrow(_LOCK, session_id)
    return None if row is None else _view_of(row)


async def lock_all(tx: Transaction, session_ids: Collection[UUID]) -> None:
    """Lock the counters and times of some sessions, in the one order that all keep to."""
    await tx.execute(_LOCK_ALL, list(session_ids))


async def save(tx: Transaction, session: Session, announcement: Announcement) -> bool:
    """Write what may be edited; whether anybody is in line for the session."""
    waited_for = await tx.fetchval(
        _SAVE,
        session.id,
        session.title,
        session.starts_at,
        session.ends_at,
        session.capacity,
        session.status.value,
        session.version,
        announcement.description,
        announcement.image_url,
        announcement.ticket_url,
        session.origin.value,
    )
    return bool(waited_for)


async def has_tables_taken(tx: Transaction, session_id: UUID) -> bool:
    """Whether any booking of this session has a resource."""
    return bool(await tx.fetchval(_HAS_TABLES_TAKEN, session_id))


async def page(
    tx: Transaction,
    offering_id: UUID,
    *,
    since: datetime,
    until: datetime,
    after: tuple[datetime, UUID],
    statuses: Sequence[SessionStatus],
    limit: int,
) -> list[SessionView]:
    """Sessions of an offering by start, those after the given start and id."""
    rows = await tx.fetch(
        PAGE, offering_id, since, until, *after, [status.value for status in statuses], limit
    )
    return [_view_of(row) for row in rows]


async def resource_ids_of(tx: Transaction, session_id: UUID) -> list[UUID]:
    """The resources a session offers."""
    table = tables.session_resources
    query = select(table.c.resource_id).where(table.c.session_id == session_id)
    return list((await tx.core(query)).scalars())


def session_of(row: asyncpg.Record) -> Session:
    """The session in a row."""
    return Session(
        id=row["id"],
        org_id=row["org_id"],
        offering_id=row["offering_id"],
        venue_id=row["venue_id"],
        title=row["title"],
        starts_at=row["starts_at"],
        ends_at=row["ends_at"],
        capacity=row["capacity"],
        taken=row["taken"],
        status=SessionStatus(row["status"]),
        version=row["version"],
        origin=SessionOrigin(row["origin"]),
    )


def _announcement_of(row: asyncpg.Record) -> Announcement:
    return Announcement(
        description=row["description"], image_url=row["image_url"], ticket_url=row["ticket_url"]
    )


def _view_of(row: asyncpg.Record) -> SessionView:
    session = session_of(row)
    remaining = None
    if session.capacity is not None:
        remaining = session.capacity - session.taken + row["lapsed"]
    return SessionView(session, _announcement_of(row), remaining)
