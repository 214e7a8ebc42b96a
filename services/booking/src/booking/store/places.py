"""How each kind of place is taken: pieces of a statement, for a hold and for everything after it.

A place is taken if it is free, and ``granted`` has a row if all of it was. What was taken of a
place that was not granted is on the ledger, so that ``drop`` can give exactly that back.

Locks are always taken in the order session, slot, tables by id; whoever gives a place back does the
same, so that nobody waits in a circle.
"""

# ruff: noqa: S608 - the pieces of these statements are constants
from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from uuid import UUID

    from booking.domain.inventory import Claim
    from chassis.db import Transaction

# Covers or places of a session: the counter's row decides; its CHECK has the last word.
_COUNTED = """
place AS (
    UPDATE sessions s SET taken = s.taken + {units}::integer {welcome}
    WHERE s.id = {session} AND {open}
        AND s.taken + {units}::integer <= coalesce(s.capacity, {uncounted})
    RETURNING s.id
)"""

UNITS = (
    _COUNTED.replace("{uncounted}", "0")
    + """,
ledger AS (
    INSERT INTO allocations
        (booking_id, booking_version, position, org_id, session_id, units, during)
    SELECT {booking}::uuid, {version}, 0, {org}, {session}, {units}::integer, {span}::tstzrange
    FROM place
    RETURNING 1
),
granted AS (SELECT 1 FROM ledger)
"""
)

# Resources: the exclusion constraint decides. The share lock only keeps the session's time still.
# Inserted in id order, losing politely (ON CONFLICT DO NOTHING): plain inserts deadlock under load.
RESOURCES = """
place AS (
    SELECT s.id FROM sessions s {joined}
    WHERE s.id = {session} AND {open}
    FOR KEY SHARE OF s
),
ledger AS (
    INSERT INTO allocations
        (booking_id, booking_version, position, org_id, session_id, resource_id, units, during)
    SELECT {booking}::uuid, {version}, wanted.position, {org}, {session}, wanted.id, 0,
        {span}::tstzrange
    FROM place, unnest({resources}::uuid[]) WITH ORDINALITY AS wanted (id, position)
    ORDER BY wanted.id
    ON CONFLICT DO NOTHING
    RETURNING 1
),
granted AS (SELECT 1 FROM ledger HAVING count(*) = cardinality({resources}::uuid[]))
"""

# A seated party: covers of the session, covers of the slot, and the tables. The first table's row
# has the covers, so a party at one table is one row. Covers that were counted for a party whose
# first table is gone are written by themselves; they name the slot only if its counter took them.
SEATED = (
    _COUNTED.replace("{uncounted}", "s.taken + {units}::integer")
    + """,
paced AS (
    INSERT INTO pacing AS p (session_id, slot, org_id, covers)
    SELECT {session}, {slot}::timestamptz, {org}, {units}::integer FROM place
    WHERE {units}::integer <= {most}::integer
    ON CONFLICT (session_id, slot) DO UPDATE SET covers = p.covers + EXCLUDED.covers
        WHERE p.covers + EXCLUDED.covers <= {most}::integer
    RETURNING p.slot
),
ledger AS (
    INSERT INTO allocations (booking_id, booking_version, position, org_id, session_id,
        resource_id, units, during, slot)
    SELECT {booking}::uuid, {version}, wanted.position, {org}, {session}, wanted.id,
        CASE WHEN wanted.position = 1 THEN {units}::integer ELSE 0 END, {span}::tstzrange,
        CASE WHEN wanted.position = 1 THEN paced.slot END
    FROM paced, unnest({resources}::uuid[]) WITH ORDINALITY AS wanted (id, position)
    ORDER BY wanted.id
    ON CONFLICT DO NOTHING
    RETURNING position
),
stranded AS (
    INSERT INTO allocations
        (booking_id, booking_version, position, org_id, session_id, units, during, slot)
    SELECT {booking}::uuid, {version}, 0, {org}, {session}, {units}::integer, {span}::tstzrange,
        paced.slot
    FROM place LEFT JOIN paced ON true
    WHERE NOT EXISTS (SELECT FROM ledger WHERE position = 1)
),
granted AS (SELECT 1 FROM ledger HAVING count(*) = cardinality({resources}::uuid[]))
"""
)

# live: the ledger rows to give back. The counters first, in the order in which they are taken: a
# hold that has them may be waiting for one of our tables.
COUNT_BACK = """
counted AS (
    UPDATE sessions s SET taken = s.taken - back.units FROM (
        SELECT session_id, sum(units)::integer AS units FROM live GROUP BY session_id
    ) back
    WHERE s.id = back.session_id AND back.units > 0
    RETURNING s.id, s.waiting
),
unpaced AS (
    UPDATE pacing p SET covers = p.covers - back.units FROM (
        SELECT session_id, slot, sum(units)::integer AS units
        FROM live JOIN counted ON counted.id = live.session_id
        WHERE slot IS NOT NULL GROUP BY session_id, slot
    ) back
    WHERE p.session_id = back.session_id AND p.slot = back.slot
    RETURNING p.slot
)
"""

DROP = f"""
live AS (
    SELECT a.session_id, a.units, a.slot FROM allocations a
    WHERE a.booking_id = {{booking}} AND a.booking_version = {{version}}
),
{COUNT_BACK}
DELETE FROM allocations WHERE booking_id = {{booking}} AND booking_version = {{version}}
    AND (SELECT count(*) FROM counted) + (SELECT count(*) FROM unpaced) IS NOT NULL
"""

_DROP = "WITH " + DROP.format(booking="$1::uuid", version="$2::integer")


def kind_of(claim: Claim) -> str:
    """Which of the pieces takes a claim.

    Raises:
        ValueError: covers at tables without the counter that paces them: only assigning makes such
            a claim whole.
    """
    if claim.pace is not None:
        return SEATED
    if claim.units and claim.resource_ids:
        raise ValueError("tables and covers are taken as they were assigned")
    return RESOURCES if claim.resource_ids else UNITS


async def drop(tx: Transaction, booking_id: UUID, version: int) -> None:
    """Give back, without a trace, what a booking took at this version but was not granted."""
    await tx.execute(_DROP, booking_id, version)
