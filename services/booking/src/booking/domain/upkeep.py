"""Keeping sessions in step with the rules: which are wanted, and what becomes of the others."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING
from uuid import UUID

from booking.domain.schedule import DayState, Span

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date
    from zoneinfo import ZoneInfo

    from booking.domain.schedule import Schedule


class ConflictReason(StrEnum):
    """Why a session is not as the rules want it, although it stays."""

    BLOCKED = "blocked"
    CLOSED = "closed"
    NOT_A_SLOT = "not_a_slot"
    OTHER_LENGTH = "other_length"
    CAPACITY = "capacity"
    EDITED_BY_HAND = "edited_by_hand"


@dataclass(frozen=True, slots=True)
class Kept:
    """A session ahead. ``slot_at``: the start of the rule it stands for; None: of no rule.

    ``by_hand``: staff keep it, and the rules leave it alone.
    """

    id: UUID
    slot_at: datetime | None
    span: Span
    title: str
    capacity: int | None
    open: bool
    by_hand: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done so that there are the sessions which the rules want.

    ``missing``: spans to make sessions for. ``misfits``: sessions to change, each with the span
    that the rules want of it; None: to close. ``watched``: sessions that may stand against the
    rules afterwards, those among them, each with what the rules want.
    """

    missing: list[Span]
    misfits: dict[UUID, Span | None]
    watched: dict[UUID, Span | None]


def plan(kept: Sequence[Kept], wanted: Sequence[Span], title: str, capacity: int | None) -> Plan:
    """Compare the sessions that are there with those that the rules want.

    A session that staff opened at a wanted time stands for the rule's.
    """
    by_start = {span.starts_at: span for span in wanted}
    there = {one.slot_at for one in kept}
    there |= {one.span.starts_at for one in kept if one.slot_at is None and one.open}
    misfits: dict[UUID, Span | None] = {}
    watched: dict[UUID, Span | None] = {}
    for one in kept:
        if one.slot_at is None:
            continue
        span = by_start.get(one.slot_at)
        if one.by_hand:
            if span is None:
                watched[one.id] = None
        elif span is None:
            watched[one.id] = None
            if one.open:
                misfits[one.id] = None
        elif (span, title, capacity, True) != (one.span, one.title, one.capacity, one.open):
            misfits[one.id] = watched[one.id] = span
    return Plan([span for span in wanted if span.starts_at not in there], misfits, watched)


def wanted_spans(schedule: Schedule, now: datetime, through: date, tz: ZoneInfo) -> list[Span]:
    """The sessions that the rules want and somebody could still come to, to the end of a date.

    Begins with yesterday, whose hours may reach past midnight (F-85).
    """
    day = now.astimezone(tz).date() - timedelta(days=1)
    spans = []
    while day <= through:
        spans += [span for span in schedule.spans(day, tz) if schedule.is_ahead(span, now)]
        day += timedelta(days=1)
    return spans


def moves(stale: Mapping[UUID, Span], free: Iterable[Span]) -> dict[UUID, Span]:
    """Which session goes over to which wanted span: the one it shares most time with.

    Each session and each span is in one pair at most.
    """
    pairs = [
        (min(span.ends_at, old.ends_at) - max(span.starts_at, old.starts_at), session_id, span)
        for span in free
        for session_id, old in stale.items()
        if span.starts_at < old.ends_at and old.starts_at < span.ends_at
    ]
    pairs.sort(key=lambda pair: (-pair[0], pair[2].starts_at))
    chosen: dict[UUID, Span] = {}
    given: set[Span] = set()
    for _, session_id, span in pairs:
        if session_id not in chosen and span not in given:
            chosen[session_id] = span
            given.add(span)
    return chosen


def reason_of(
    schedule: Schedule,
    starts_at: datetime,
    tz: ZoneInfo,
    *,
    by_hand: bool,
    stale: bool,
    other_end: bool,
) -> ConflictReason:
    """Why a session stands against the rules."""
    if by_hand:
        return ConflictReason.EDITED_BY_HAND
    if not stale:
        return ConflictReason.OTHER_LENGTH if other_end else ConflictReason.CAPACITY
    state = schedule.day(starts_at.astimezone(tz).date()).state
    reasons = {DayState.BLOCKED: ConflictReason.BLOCKED, DayState.CLOSED: ConflictReason.CLOSED}
    return reasons.get(state, ConflictReason.NOT_A_SLOT)
