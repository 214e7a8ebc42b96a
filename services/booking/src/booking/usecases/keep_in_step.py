"""Keep an offering's sessions in step with the rules of its schedule.

The one way in which rules make, change and close sessions: at creation, after an edit, every night
and by hand alike. What is booked is kept as it was booked, and reported.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from booking import timers
from booking.domain.catalogue import ListingStatus
from booking.domain.local_time import next_occurrence, zone
from booking.domain.schedule import Span
from booking.domain.upkeep import ConflictReason, moves, plan, reason_of, wanted_spans
from booking.store import audit, resources, rule_conflicts, rule_sessions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from booking.domain.catalogue import Offering, Venue
    from booking.domain.upkeep import Kept, Plan
    from chassis.db import Transaction

NIGHT = time(2)
"""When the next day's sessions are made, by the venue's clock (SCH-10)."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """A session that stays although the rules want it otherwise (F-14)."""

    session_id: UUID
    starts_at: datetime
    bookings: int
    reason: ConflictReason


@dataclass(frozen=True, slots=True, kw_only=True)
class InStep:
    """What was done. ``conflicts``: the first 100 of ``conflicts_total``, by start.

    ``through``: the last local date for which there are sessions now; None where no rules are.
    """

    made: int = 0
    changed: int = 0
    closed: int = 0
    through: date | None = None
    conflicts: list[Conflict] = field(default_factory=list)
    conflicts_total: int = 0


async def keep_in_step(tx: Transaction, offering: Offering, venue: Venue, *, actor: str) -> InStep:
    """Make what the rules want, open or change what they want otherwise, close the rest.

    The offering's row must be new or locked in this transaction: that is what keeps two workers
    apart. Sets the timer for the coming night. A hold taking a place at the same moment either
    comes first, and its session counts as booked, or finds the session closed.
    """
    key = timers.generation_key(offering.id)
    if offering.status is not ListingStatus.ACTIVE:
        tx.unschedule(key)
        return InStep()
    now, tz = await tx.now(), zone(venue.timezone)
    rules = offering.schedule
    if rules.makes_sessions():
        tx.schedule(
            timers.GenerationDue(offering_id=offering.id),
            due_at=next_occurrence(NIGHT, now, tz),
            key=key,
        )
    else:
        tx.unschedule(key)
    through = now.astimezone(tz).date() + timedelta(days=rules.horizon())
    there = await rule_sessions.ahead(tx, offering.id, now)
    kept = [one for one in there if rules.is_ahead(one.span, now)]
    slots = [one.slot_at for one in kept if one.slot_at is not None]
    # Sessions further ahead may be there from a longer horizon; more of them are not made.
    last = max([through, *(slot.astimezone(tz).date() for slot in slots)])
    spans = wanted_spans(rules, now, last, tz)
    capacity = offering.inventory.session_capacity(None)
    todo = plan(kept, spans, offering.title, capacity)
    near = [span for span in todo.missing if span.starts_at.astimezone(tz).date() <= through]
    todo = replace(todo, missing=near)
    mended = await _mend(tx, offering, kept, todo, now)
    given = set(mended.moved.values())
    missing = [span for span in near if span not in given]
    made = await rule_sessions.make(tx, offering, missing, now) if missing else 0
    if rules.makes_sessions():
        await rule_sessions.offer(tx, offering.id, await _tables(tx, offering), now)
    watched = {**todo.watched, **mended.moved}
    standing, total = await rule_conflicts.conflicts(tx, _ends(watched), capacity)
    done = InStep(
        made=made,
        changed=len(mended.changed),
        closed=len(mended.closed),
        through=through if rules.makes_sessions() else None,
        conflicts=[
            Conflict(
                one.id,
                one.starts_at,
                one.bookings,
                reason_of(
                    rules,
                    one.starts_at,
                    tz,
                    by_hand=one.by_hand,
                    stale=one.stale,
                    other_end=one.other_end,
                ),
            )
            for one in standing
        ],
        conflicts_total=total,
    )
    if made or mended.changed or mended.closed:
        await audit.note(
            tx,
            "offering",
            offering.id,
            "sessions.generated",
            actor=actor,
            at=now,
            after={
                "made": done.made,
                "changed": done.changed,
                "closed": done.closed,
                "conflicts": done.conflicts_total,
                "through": through,
            },
        )
    return done


@dataclass(frozen=True, slots=True)
class _Mended:
    changed: set[UUID] = field(default_factory=set)
    closed: set[UUID] = field(default_factory=set)
    moved: dict[UUID, Span] = field(default_factory=dict)


async def _mend(
    tx: Transaction, offering: Offering, kept: Sequence[Kept], todo: Plan, now: datetime
) -> _Mended:
    if not todo.misfits:
        return _Mended()
    await rule_sessions.lock(tx, todo.misfits)
    moved: dict[UUID, Span] = {}
    if offering.schedule.starts_are_chosen:
        # Services that moved take their bookings along.
        stale = {one.id: one.span for one in kept if todo.misfits.get(one.id, one) is None}
        pairs = moves(stale, todo.missing)
        went = await rule_sessions.move(tx, pairs) if pairs else set()
        moved = {one: span for one, span in pairs.items() if one in went}
    aligned = await rule_sessions.align(tx, offering, _ends({**todo.misfits, **moved}))
    # More places, or places again: who stands in line for them comes first.
    timers.wake_waitlists(tx, [one.id for one in aligned if one.waited_for], now)
    closed = {one.id for one in aligned if one.closed}
    return _Mended(moved.keys() | {one.id for one in aligned} - closed, closed, moved)


def _ends(wanted: Mapping[UUID, Span | None]) -> dict[UUID, datetime | None]:
    return {one: None if span is None else span.ends_at for one, span in wanted.items()}


async def _tables(tx: Transaction, offering: Offering) -> list[UUID]:
    if not offering.inventory.tables_are_chosen:
        return []
    return await resources.active_ids(tx, offering.venue_id, None)
