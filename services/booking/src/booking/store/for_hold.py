"""What a hold must know afresh: one round trip for all of it; the rest is cached by version."""

# ruff: noqa: S608 - the pieces of these statements are constants
from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from asyncpg import Range

from booking.domain.catalogue import Session
from booking.domain.floor import Around, Lapsed, Taken
from booking.store.sessions import COLUMNS, session_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import asyncpg

    from booking.domain.local_time import Span
    from chassis.db import Transaction

# The end counts as within: whether a booking may start there is for the schedule to say. No session
# lasts longer than 48 hours, so the past of an offering is never looked through.
_BY_ID = "s.id = $1"
_BY_START = """
    s.offering_id = $1 AND s.starts_at <= $2
    AND s.starts_at >= $2::timestamptz - interval '48 hours' AND s.ends_at >= $2
    ORDER BY s.status = 'open' DESC, s.starts_at DESC LIMIT 1
"""

_AFRESH = f"""{COLUMNS}, messaging.now() AS now,
    (SELECT o.version FROM offerings o WHERE o.id = s.offering_id) AS offering_version"""

# Tables are chosen by the guest, among those that the session offers, or by the house, among those
# that nobody at the venue has: a party needs to know of one or of the other.
_WITH_TABLES = f"""
SELECT {_AFRESH}, ARRAY(SELECT sr.resource_id FROM session_resources sr
    WHERE sr.session_id = s.id AND sr.resource_id = ANY({{resources}}::uuid[])) AS offered
FROM sessions s WHERE {{target}}
"""
_WITH_FLOOR = f"""
WITH s AS MATERIALIZED (SELECT * FROM sessions s WHERE {{target}})
SELECT {_AFRESH}, f.tables, f.holders, f.lapsed, f.lapsed_sessions, f.lapsed_slots,
    f.lapsed_covers, p.slots, p.covers
FROM s CROSS JOIN LATERAL floor_at(s.venue_id, {{span}}::tstzrange) f
CROSS JOIN LATERAL (
    SELECT array_agg(slot) AS slots, array_agg(covers) AS covers FROM pacing
    WHERE session_id = s.id AND slot > lower({{span}}) - {{within}}::interval
        AND slot < lower({{span}}) + {{within}}) p
"""

BY_ID = _WITH_TABLES.format(target=_BY_ID, resources="$2")
BY_START = _WITH_TABLES.format(target=_BY_START, resources="$3")
BY_ID_WITH_FLOOR = _WITH_FLOOR.format(target=_BY_ID, span="$2", within="$3")
BY_START_WITH_FLOOR = _WITH_FLOOR.format(target=_BY_START, span="$3", within="$4")


@dataclass(frozen=True, slots=True)
class ForHold:
    """A session, the version of its offering, and what is known of its tables.

    ``taken``: what stands in the way at the venue, where that was asked for; else ``offered``:
    which of the wished resources the session offers.
    """

    session: Session
    offering_version: int
    offered: list[UUID]
    taken: Taken | None


@dataclass(frozen=True, slots=True)
class At:
    """The session of an offering within which, or at whose end, this instant lies."""

    offering_id: UUID
    starts_at: datetime


async def read(
    tx: Transaction, target: UUID | At, resource_ids: Sequence[UUID], around: Around | None = None
) -> ForHold | None:
    """The session, and what is taken ``around`` a party if that is given.

    ``tx.now()`` is free after it.
    """
    if isinstance(target, At):
        key: tuple[UUID | datetime, ...] = (target.offering_id, target.starts_at)
        with_tables, with_floor = BY_START, BY_START_WITH_FLOOR
    else:
        key = (target,)
        with_tables, with_floor = BY_ID, BY_ID_WITH_FLOOR
    if around is None:
        row = await tx.fetchrow(with_tables, *key, resource_ids)
    else:
        row = await tx.fetchrow(with_floor, *key, Range(*around.span), around.within)
    if row is None:
        return None
    tx.observe_now(row["now"])
    return ForHold(
        session_of(row),
        row["offering_version"],
        [] if around else row["offered"],
        None if around is None else _taken(row, around.span),
    )


def _taken(row: asyncpg.Record, span: Span) -> Taken:
    return Taken(
        span=span,
        holders=holders_of(zip(row["tables"] or (), row["holders"] or (), strict=True)),
        paced=dict(zip(row["slots"] or (), row["covers"] or (), strict=True)),
        lapsed=lapsed_of(row),
    )


def holders_of(pairs: Iterable[tuple[UUID, UUID]]) -> dict[UUID, tuple[UUID, ...]]:
    """Who has each table, from pairs of a table and a booking."""
    holders: dict[UUID, tuple[UUID, ...]] = defaultdict(tuple)
    for table, booking in pairs:
        holders[table] += (booking,)
    return holders


def lapsed_of(row: asyncpg.Record) -> tuple[Lapsed, ...]:
    """The lapsed holds in a row of ``floor_at``."""
    if not row["lapsed"]:
        return ()
    columns = (row["lapsed"], row["lapsed_sessions"], row["lapsed_slots"], row["lapsed_covers"])
    return tuple(Lapsed(*hold) for hold in zip(*columns, strict=True))
