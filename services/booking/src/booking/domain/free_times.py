"""When a party of some size may still come: pure computing over one read of a day (AVL-07, AVL-14).

The same rules that decide about a hold decide here, so what is shown as free could be booked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING
from uuid import UUID

from booking.domain.catalogue import Listing, Session, check_on_sale
from booking.domain.floor import Floor, Lapsed, Taken
from booking.domain.local_time import Span, zone
from booking.domain.refusals import Full, InvalidRequest, Refusal

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_ALTERNATIVES = 3
"""Before the wanted time, after it, and on other days; each."""


@dataclass(frozen=True, slots=True)
class Service:
    """A session that is on sale, and the covers that arrive in each of its slots."""

    session: Session
    paced: Mapping[datetime, int]


@dataclass(frozen=True, slots=True)
class Holding:
    """A table that a booking has for some time."""

    table_id: UUID
    booking_id: UUID
    span: Span


@dataclass(frozen=True, slots=True)
class Diary:
    """What is on, and what is taken at its tables, over some days; read together."""

    services: Sequence[Service]
    holdings: Sequence[Holding]
    lapsed: tuple[Lapsed, ...]

    def taken(self, service: Service, span: Span) -> Taken:
        """What stands in the way of a party during a span."""
        holders: dict[UUID, tuple[UUID, ...]] = {}
        for held in self.holdings:
            if held.span.starts_at < span.ends_at and held.span.ends_at > span.starts_at:
                holders[held.table_id] = (*holders.get(held.table_id, ()), held.booking_id)
        return Taken(span=span, holders=holders, paced=service.paced, lapsed=self.lapsed)


@dataclass(frozen=True, slots=True)
class Start:
    """A time to come; ``refusal`` None: it is free."""

    session_id: UUID
    span: Span
    refusal: Refusal | None

    @property
    def free(self) -> bool:
        """Whether such a party could book it now."""
        return self.refusal is None

    @property
    def reason(self) -> str | None:
        """The rule that says no, as a code."""
        return None if self.refusal is None else reason_of(self.refusal)


@dataclass(frozen=True, slots=True)
class Alternatives:
    """Free times near a wanted one: before and after it, the nearest first; and on other days."""

    before: list[Start]
    after: list[Start]
    other_days: list[Start]


def reason_of(refusal: Refusal) -> str:
    """The rule that a refusal names, as a code."""
    return refusal.rule if isinstance(refusal, Full) else refusal.code


def starts_on(
    listing: Listing, diary: Diary, day: date, party_size: int, now: datetime
) -> list[Start]:
    """Every start of one local day, by time, each free or with the rule that says no.

    Raises:
        InvalidRequest: no party of this size is taken at all.
    """
    schedule, tz = listing.offering.schedule, zone(listing.venue.timezone)
    return [
        Start(service.session.id, span, _refusal(listing, diary, service, span, party_size, now))
        for service in diary.services
        for span in schedule.within(
            schedule.on_sale(Span(service.session.starts_at, service.session.ends_at), tz),
            party_size,
        )
        if span.starts_at.astimezone(tz).date() == day
    ]


def _refusal(  # noqa: PLR0917 - all of it decides
    listing: Listing, diary: Diary, service: Service, span: Span, party_size: int, now: datetime
) -> Refusal | None:
    offering = listing.offering
    floor = Floor(service.session, listing.tables, diary.taken(service, span))
    try:
        check_on_sale(listing, service.session, now, span.starts_at)
        offering.schedule.check_advance(now, span.starts_at, zone(listing.venue.timezone))
    except Refusal as refusal:
        return refusal
    try:
        offering.inventory.claim(party_size, (), {}, floor)
    except InvalidRequest:
        raise
    except Refusal as refusal:
        return refusal
    return None


def near(wanted: datetime, starts: Iterable[Start], other_days: Sequence[Start]) -> Alternatives:
    """The free starts that are nearest to a wanted one.

    Of each other day, the one nearest to the same time of that day.
    """
    free = [start for start in starts if start.free]
    before = [start for start in free if start.span.starts_at < wanted]
    after = [start for start in free if start.span.starts_at > wanted]
    return Alternatives(
        before=before[: -MOST_ALTERNATIVES - 1 : -1],
        after=after[:MOST_ALTERNATIVES],
        other_days=list(other_days[:MOST_ALTERNATIVES]),
    )


def nearest(starts: Sequence[Start], wanted: datetime) -> Start | None:
    """The free start nearest to an instant; of two equally near ones the earlier."""
    free = [start for start in starts if start.free]
    return min(free, key=lambda start: abs(start.span.starts_at - wanted), default=None)
