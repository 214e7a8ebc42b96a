"""Keep an offering's sessions in step with the rules of its schedule.

The one way in which rules make, change and close sessions: at creation, after an edit, every night
and by hand alike. What is booked is kept as it was booked, and reported.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from booking import timers
from booking.domain.catalogue import ListingStatus, SessionStatus
from booking.domain.inventory import Exclusive
from booking.domain.local_time import next_occurrence, zone
from booking.domain.schedule import Span
from booking.domain.upkeep import ConflictReason, moves, reason_of, wanted_spans
from booking.store import audit, resources, rule_conflicts, rule_sessions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from booking.domain.catalogue import Offering, Venue
    from booking.store.rule_sessions import Misfit, Rule
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
    last = await rule_sessions.last_slot(tx, offering.id)
    known = through if last is None else max(through, last.astimezone(tz).date())
    spans = wanted_spans(rules, now, known, tz)
    rule = rule_sessions.Rule(offering, spans, offering.inventory.session_capacity(None), now)
    changes = await _mend(tx, rule) if last is not None else []
    # Sessions further ahead may be there from a longer horizon; more of them are not made.
    near = [span for span in spans if span.starts_at.astimezone(tz).date() <= through]
    made = await rule_sessions.make(tx, rule, near, await _tables(tx, offering)) if near else 0
    standing, total = await rule_conflicts.conflicts(tx, rule)
    closed = sum(after == SessionStatus.CLOSED for _, after in changes)
    done = InStep(
        made=made,
        changed=len(changes) - closed,
        closed=closed,
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
    if made or changes:
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


async def _mend(tx: Transaction, rule: Rule) -> list[tuple[str, str]]:
    misfits = await rule_sessions.lock_misfits(tx, rule)
    if not misfits:
        return []
    if rule.offering.schedule.starts_are_chosen:
        await _move(tx, rule, misfits)
    return await rule_sessions.align(tx, rule, [misfit.id for misfit in misfits])


async def _move(tx: Transaction, rule: Rule, misfits: Sequence[Misfit]) -> None:
    stale = {one.id: Span(one.starts_at, one.ends_at) for one in misfits if one.stale}
    if not stale:
        return
    taken = await rule_sessions.slots(tx, rule)
    pairs = moves(stale, [span for span in rule.spans if span.starts_at not in taken])
    if pairs:
        await rule_sessions.move(tx, pairs)


async def _tables(tx: Transaction, offering: Offering) -> list[UUID]:
    if not isinstance(offering.inventory, Exclusive):
        return []
    return await resources.active_ids(tx, offering.venue_id, None)
