"""The allocation ledger, apart from the first hold: taking, keeping and freeing places.

A booking's row is locked by whoever calls these.
"""

# ruff: noqa: S608 - the pieces of these statements are constants

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from asyncpg import Range

from booking.domain.inventory import UNLIMITED
from booking.domain.seating import Pace
from booking.store import places

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from booking.domain.booking import Booking
    from booking.domain.inventory import Claim
    from booking.domain.moving import Place
    from chassis.db import Transaction

# Sessions where somebody waits for what has just been freed: places of the session itself, as its
# row says once it is ours, and tables in any session that offers them at that time. Where nobody
# waits anywhere it costs one look into an empty index.
WAITED_FOR = """
ARRAY(
    SELECT counted.id FROM counted WHERE counted.waiting > 0
    UNION
    SELECT s.id FROM freed JOIN sessions s
        ON s.waiting > 0 AND s.starts_at < upper(freed.during) AND s.ends_at > lower(freed.during)
    WHERE EXISTS (SELECT FROM session_resources sr
        WHERE sr.session_id = s.id AND sr.resource_id = freed.resource_id)
)
"""

# All that a booking has, or what one of its changes holds beside it.
RELEASE = f"""
WITH live AS (
    SELECT session_id, units, slot FROM allocations
    WHERE booking_id = $1 AND released_at IS NULL
        AND ($3::integer IS NULL OR booking_version = $3)
),
{places.COUNT_BACK},
freed AS (
    UPDATE allocations SET released_at = $2
    WHERE booking_id = $1 AND released_at IS NULL
        AND ($3::integer IS NULL OR booking_version = $3)
        AND (SELECT count(*) FROM counted) + (SELECT count(*) FROM unpaced) IS NOT NULL
    RETURNING session_id, resource_id, units, during
)
SELECT {WAITED_FOR}
"""

# The covers of a table that is given up stay, without one.
RELEASE_TABLES = f"""
WITH freed AS (
    UPDATE allocations SET released_at = $2
    WHERE booking_id = $1 AND released_at IS NULL AND resource_id = ANY($3::uuid[])
    RETURNING org_id, session_id, resource_id, units, during, slot
),
covers AS (
    INSERT INTO allocations
        (booking_id, booking_version, position, org_id, session_id, units, during, slot)
    SELECT $1::uuid, $4::integer, 0, org_id, session_id, units, during, slot FROM freed
    WHERE units > 0
),
counted AS (SELECT s.id, s.waiting FROM sessions s WHERE s.id IN (SELECT session_id FROM freed))
SELECT {WAITED_FOR}
"""

# A new place held beside the old one. Of a session that has the old place too, only the units that
# are wanted beyond it; of a resource that the booking has already, only the time beyond it.
BESIDE_UNITS = """
WITH place AS (
    UPDATE sessions SET taken = taken + $4::integer
    WHERE id = $2 AND taken + $4::integer <= capacity
    RETURNING org_id
)
INSERT INTO allocations (booking_id, booking_version, position, org_id, session_id, units, during)
SELECT $1::uuid, $3::integer, 0, org_id, $2, $4::integer, $5::tstzrange FROM place
"""
BESIDE_RESOURCES = """
WITH parts AS (
    SELECT wanted.id, part
    FROM unnest($4::uuid[]) AS wanted (id), unnest(
        tstzmultirange($5::tstzrange) - CASE WHEN wanted.id = ANY($7::uuid[])
            THEN tstzmultirange($8::tstzrange) ELSE '{}'::tstzmultirange END) AS part
),
ledger AS (
    INSERT INTO allocations
        (booking_id, booking_version, position, org_id, session_id, resource_id, units, during)
    SELECT $1::uuid, $3::integer, row_number() OVER (ORDER BY id, part), $6::uuid, $2::uuid, id, 0,
        part
    FROM parts ORDER BY id, part
    ON CONFLICT DO NOTHING
    RETURNING 1
)
SELECT (SELECT count(*) FROM ledger) = (SELECT count(*) FROM parts)
"""


def _take(place: str) -> str:
    taking = place.format(
        org="$1::uuid",
        booking="$2",
        version="$3::integer",
        session="$4::uuid",
        open="true",
        welcome="",
        joined="",
        span="$5",
        units="$6",
        resources="$7",
        slot="$8",
        most="$9",
    )
    # The rest gives a type to those parameters that some kind of place does not use.
    return f"WITH {taking} SELECT EXISTS (SELECT FROM granted), $6::integer, $7::uuid[]"


TAKE = {kind: _take(kind) for kind in (places.UNITS, places.RESOURCES, places.SEATED)}


async def take(tx: Transaction, booking: Booking, claim: Claim) -> bool:
    """Take a claim on a booking's session for its times, under the version after its own.

    Beside what the booking has, even if the session is closed. False when not all is free now, with
    nothing written.
    """
    version = booking.version + 1
    taken = await tx.fetchval(
        TAKE[places.kind_of(claim)],
        booking.org_id,
        booking.id,
        version,
        booking.session_id,
        Range(booking.occasion.starts_at, booking.occasion.ends_at),
        claim.units,
        list(claim.resource_ids),
        *(() if claim.pace is None else (claim.pace.slot, claim.pace.most)),
    )
    if not taken:
        await places.drop(tx, booking.id, version)
    return bool(taken)


async def retake(tx: Transaction, booking: Booking) -> bool:
    """Take exactly what a booking had, whatever its offering's rules would give it now.

    Its arrival is counted at its own start: slots are added up, so that counts in any interval.
    """
    claim = booking.claim
    if claim.units and claim.resource_ids:
        claim = replace(claim, pace=Pace(booking.occasion.starts_at, UNLIMITED))
    return await take(tx, booking, claim)


async def release(
    tx: Transaction, booking_id: UUID, now: datetime, *, version: int | None = None
) -> list[UUID]:
    """Free what a booking has, or only what it took at ``version``.

    The answer: sessions in which somebody waits for it.
    """
    waited_for: list[UUID] = await tx.fetchval(RELEASE, booking_id, now, version)
    return waited_for


async def release_tables(
    tx: Transaction, booking: Booking, resource_ids: Sequence[UUID], now: datetime
) -> list[UUID]:
    """Free some of a booking's tables, under the version after its own; its covers stay counted.

    The answer: sessions in which somebody waits for one of them.
    """
    waited_for: list[UUID] = await tx.fetchval(
        RELEASE_TABLES, booking.id, now, list(resource_ids), booking.version + 1
    )
    return waited_for


async def hold_beside(tx: Transaction, booking: Booking, place: Place) -> bool:
    """Hold a place for a booking that keeps its own; False when it is not all free now.

    Held under the version after ``booking.version``. Nothing is written when it answers False.
    """
    version = booking.version + 1
    during = Range(place.occasion.starts_at, place.occasion.ends_at)
    same_session = booking.session_id == place.session_id
    more = place.claim.units - (booking.claim.units if same_session else 0)
    if more > 0:
        tag = await tx.execute(BESIDE_UNITS, booking.id, place.session_id, version, more, during)
        if _count(tag) != 1:
            return False
    if not place.claim.resource_ids:
        return True
    held = await tx.fetchval(
        BESIDE_RESOURCES,
        booking.id,
        place.session_id,
        version,
        list(place.claim.resource_ids),
        during,
        booking.org_id,
        list(booking.claim.resource_ids),
        Range(booking.occasion.starts_at, booking.occasion.ends_at),
    )
    if not held:
        await places.drop(tx, booking.id, version)
    return bool(held)


def _count(tag: str) -> int:
    return int(tag.rpartition(" ")[2])
