"""The waitlist's rows. Whoever changes the line locks entries first, then the session's row."""

# ruff: noqa: S608 - the pieces of these statements are constants
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import asyncpg
import orjson

from booking.domain.guest import Name
from booking.domain.inventory import Seats
from booking.domain.refusals import AlreadyWaiting, GuestRefused, WaitlistFull
from booking.domain.waiting import MOST_WAITING, Entry, EntryState
from booking.store import audit, idempotency
from chassis.ids import uuid7

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta
    from uuid import UUID

    from chassis.db import Transaction

_COLUMNS = """w.id, w.org_id, w.venue_id, w.offering_id, w.session_id, w.state, w.version,
    w.party_size, w.quantities::text AS quantities, w.units, w.given_name, w.family_name,
    w.display_name, w.sealed_contact, w.locale, w.earliest, w.latest, w.until, w.booking_id,
    w.joined_at"""

JOIN = """
WITH welcome AS (
    SELECT NOT EXISTS (SELECT FROM blocked_contacts k
        WHERE k.org_id = $2 AND k.hash IN ($14::bytea, $15::bytea)) AS yes
),
session AS (
    UPDATE sessions SET waiting = waiting + 1 FROM welcome
    WHERE id = $5 AND waiting < $22::integer AND welcome.yes
    RETURNING id
),
entry AS (
    INSERT INTO waitlist_entries (id, org_id, venue_id, offering_id, session_id, state, version,
        party_size, quantities, units, given_name, family_name, display_name, sealed_contact,
        email_hash, phone_hash, locale, earliest, latest, until, joined_at)
    SELECT $1::uuid, $2::uuid, $3::uuid, $4::uuid, $5::uuid, 'waiting', 1, $6::integer,
        $7::text::jsonb, $8::integer, $9::text, $10::text, $11::text, $12::text, $14::bytea,
        $15::bytea, $13::text, $16::timestamptz, $17::timestamptz, $18::timestamptz,
        $19::timestamptz
    FROM session
    ON CONFLICT DO NOTHING
    RETURNING id
),
noted AS (
    INSERT INTO audit (entity_id, id, org_id, entity, action, at, actor, after)
    SELECT entry.id, $20::uuid, $2, 'waitlist_entry', 'waitlist.joined', $19, $21::text,
        $23::text::jsonb
    FROM entry
)
SELECT (SELECT yes FROM welcome) AS welcome, EXISTS (SELECT FROM session) AS counted,
    EXISTS (SELECT FROM entry) AS joined
"""

READ = f"SELECT {_COLUMNS} FROM waitlist_entries w WHERE w.id = $1"
_LOCK = f"{READ} FOR UPDATE"
PAGE = f"""
SELECT {_COLUMNS} FROM waitlist_entries w
WHERE w.session_id = $1 AND (w.joined_at, w.id) > ($2, $3) AND w.state = ANY($4)
ORDER BY w.joined_at, w.id LIMIT $5
"""
_POSITION = """
SELECT count(*) + 1 FROM waitlist_entries
WHERE session_id = $1 AND state = 'waiting' AND (joined_at, id) < ($2, $3)
"""

# One look at a line at a time: the session's number in a space of its own.
_ALONE = "SELECT pg_advisory_xact_lock(7301, uuid_hash($1))"

# First come, first served. Those who are just leaving are theirs to settle.
LINE = f"""
SELECT {_COLUMNS} FROM waitlist_entries w JOIN sessions s ON s.id = w.session_id
WHERE w.session_id = $1 AND w.state = 'waiting' AND w.until > $2
    AND (s.capacity IS NULL OR w.units <= s.capacity - s.taken)
    AND (w.joined_at, w.id) > ($3, $4)
ORDER BY w.joined_at, w.id LIMIT 1
FOR UPDATE OF w SKIP LOCKED
"""
_NEXT_END = "SELECT min(until) FROM waitlist_entries WHERE session_id = $1 AND state = 'waiting'"

# From the line to anywhere else: the entry, the count, and the record of it.
_STEP = """
WITH stepped AS (
    UPDATE waitlist_entries SET state = $2::text, version = version + 1, booking_id = $3::uuid,
        settled_at = CASE WHEN $2 = 'offered' THEN NULL ELSE $4::timestamptz END
    WHERE id = $1 AND state = 'waiting'
    RETURNING id, org_id, session_id
),
counted AS (
    UPDATE sessions s SET waiting = s.waiting - 1 FROM stepped WHERE s.id = stepped.session_id
)
INSERT INTO audit (entity_id, id, org_id, entity, action, at, actor, reason, message_id)
SELECT id, $5::uuid, org_id, 'waitlist_entry', 'waitlist.' || $2, $4::timestamptz, $6::text,
    $7::text, $8::uuid
FROM stepped
"""
_OVER = """
SELECT id FROM waitlist_entries WHERE session_id = $1 AND state = 'waiting' AND until <= $2
ORDER BY id FOR UPDATE SKIP LOCKED
"""
_END = """
WITH ended AS (
    UPDATE waitlist_entries SET state = 'ended', version = version + 1, settled_at = $2
    FROM unnest($3::uuid[], $4::uuid[]) over(id, audit_id)
    WHERE waitlist_entries.id = over.id
    RETURNING waitlist_entries.id, org_id, audit_id
),
counted AS (
    UPDATE sessions SET waiting = waiting - gone.count
    FROM (SELECT count(*)::integer AS count FROM ended) gone WHERE id = $1 AND gone.count > 0
)
INSERT INTO audit (entity_id, id, org_id, entity, action, at, actor)
SELECT id, audit_id, org_id, 'waitlist_entry', 'waitlist.ended', $2, 'timer' FROM ended
"""

_SHIFT = """
UPDATE waitlist_entries SET until = until + $2::interval
WHERE session_id = $1 AND state = 'waiting' AND earliest IS NULL
"""

_FREE_TABLES = """
WITH offered AS (
    SELECT r.id, r.seats_min, r.seats_max, s.starts_at, s.ends_at
    FROM sessions s JOIN session_resources sr ON sr.session_id = s.id
        JOIN resources r ON r.id = sr.resource_id
    WHERE s.id = $1 AND r.status = 'active'
)
SELECT id, seats_min, seats_max FROM offered
WHERE id NOT IN (SELECT live.resource_id FROM live_allocations(
    ARRAY(SELECT id FROM offered),
    (SELECT tstzrange(min(starts_at), max(ends_at)) FROM offered)) live)
"""
_TABLES = """
SELECT r.id, r.seats_min, r.seats_max
FROM session_resources sr JOIN resources r ON r.id = sr.resource_id
WHERE sr.session_id = $1 AND r.status = 'active'
"""


async def join(
    tx: Transaction, entry: Entry, hashes: tuple[bytes, bytes | None], *, actor: str
) -> None:
    """Put a group at the end of the line.

    Raises:
        GuestRefused: the organisation takes no bookings of this guest.
        WaitlistFull: 200 groups are in line. AlreadyWaiting: this guest is one of them.
        Busy: the session was locked by others for more than 2 s.
    """
    try:
        row = await tx.fetchrow(
            JOIN,
            entry.id,
            entry.org_id,
            entry.venue_id,
            entry.offering_id,
            entry.session_id,
            entry.party_size,
            orjson.dumps(entry.quantities).decode(),
            entry.units,
            entry.name.given,
            entry.name.family,
            entry.name.display,
            entry.sealed_contact,
            entry.locale,
            *hashes,
            entry.earliest,
            entry.latest,
            entry.until,
            entry.joined_at,
            uuid7(entry.joined_at),
            actor,
            MOST_WAITING,
            audit.document({"session_id": entry.session_id, "party_size": entry.party_size}),
        )
    except asyncpg.PostgresError as error:
        if refusal := idempotency.refusal_of(error):
            raise refusal from error
        raise
    assert row is not None  # noqa: S101 - the outer SELECT has no FROM
    if not row["welcome"]:
        raise GuestRefused
    if not row["counted"]:
        raise WaitlistFull
    if not row["joined"]:
        raise AlreadyWaiting


async def read(tx: Transaction, entry_id: UUID) -> Entry | None:
    """A group in line, or that was."""
    row = await tx.fetchrow(READ, entry_id)
    return None if row is None else _entry_of(row)


async def lock(tx: Transaction, entry_id: UUID) -> Entry | None:
    """The same, locked."""
    row = await tx.fetchrow(_LOCK, entry_id)
    return None if row is None else _entry_of(row)


async def position(tx: Transaction, entry: Entry) -> int:
    """Its place in the line, from 1."""
    found: int = await tx.fetchval(_POSITION, entry.session_id, entry.joined_at, entry.id)
    return found


async def page(
    tx: Transaction,
    session_id: UUID,
    *,
    after: tuple[datetime, UUID],
    states: Sequence[EntryState],
    limit: int,
) -> list[Entry]:
    """Groups of a session in the order in which they came."""
    rows = await tx.fetch(PAGE, session_id, *after, [state.value for state in states], limit)
    return [_entry_of(row) for row in rows]


async def look_alone(tx: Transaction, session_id: UUID) -> None:
    """Until the transaction ends, nobody else makes offers for this session."""
    await tx.execute(_ALONE, session_id)


async def next_in_line(
    tx: Transaction, session_id: UUID, now: datetime, after: tuple[datetime, UUID]
) -> Entry | None:
    """The first group behind ``after`` for which there are units enough, locked."""
    row = await tx.fetchrow(LINE, session_id, now, *after)
    return None if row is None else _entry_of(row)


async def step(
    tx: Transaction,
    entry: Entry,
    state: EntryState,
    *,
    actor: str,
    reason: str | None = None,
    booking_id: UUID | None = None,
) -> None:
    """Take a locked group out of the line; nothing happens if it is not in it."""
    now = await tx.now()
    await tx.execute(
        _STEP,
        entry.id,
        state.value,
        booking_id,
        now,
        uuid7(now),
        actor,
        reason,
        tx.cause.message_id if tx.cause else None,
    )


async def end(tx: Transaction, session_id: UUID, now: datetime) -> None:
    """End the waiting of those whose time has come."""
    over = [row["id"] for row in await tx.fetch(_OVER, session_id, now)]
    if over:
        await tx.execute(_END, session_id, now, over, [uuid7(now) for _ in over])


async def shift(tx: Transaction, session_id: UUID, by: timedelta) -> None:
    """The session moved, and the waiting for it with it; times that groups named stay."""
    await tx.execute(_SHIFT, session_id, by)


async def next_end(tx: Transaction, session_id: UUID) -> datetime | None:
    """When the next group's waiting is over; None when nobody waits."""
    found: datetime | None = await tx.fetchval(_NEXT_END, session_id)
    return found


async def free_tables(tx: Transaction, session_id: UUID) -> dict[UUID, Seats]:
    """Tables of a session that nobody has at its time."""
    return _seats(await tx.fetch(_FREE_TABLES, session_id))


async def tables_of(tx: Transaction, session_id: UUID) -> dict[UUID, Seats]:
    """Tables of a session, free or not."""
    return _seats(await tx.fetch(_TABLES, session_id))


def _seats(rows: Sequence[Any]) -> dict[UUID, Seats]:
    return {row["id"]: Seats(row["seats_min"], row["seats_max"]) for row in rows}


def _entry_of(row: asyncpg.Record) -> Entry:
    return Entry(
        id=row["id"],
        org_id=row["org_id"],
        venue_id=row["venue_id"],
        offering_id=row["offering_id"],
        session_id=row["session_id"],
        state=EntryState(row["state"]),
        version=row["version"],
        party_size=row["party_size"],
        quantities=orjson.loads(row["quantities"]),
        units=row["units"],
        name=Name(row["given_name"], row["family_name"], row["display_name"]),
        sealed_contact=row["sealed_contact"],
        locale=row["locale"],
        earliest=row["earliest"],
        latest=row["latest"],
        until=row["until"],
        booking_id=row["booking_id"],
        joined_at=row["joined_at"],
    )
