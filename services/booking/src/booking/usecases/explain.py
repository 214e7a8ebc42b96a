"""Explain to staff what the house would say to a party at a time, and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from booking.domain import explaining
from booking.domain.explaining import Arrivals, Considered
from booking.domain.floor import Floor
from booking.domain.free_times import reason_of
from booking.domain.guest import Name
from booking.domain.holding import LocalStart, Wish, party_of
from booking.domain.local_time import Span
from booking.domain.refusals import InvalidRequest, Refusal, RuleRefusal
from booking.store import bookings
from booking.usecases.look import look

if TYPE_CHECKING:
    from booking.store.listings import Listings
    from booking.usecases.look import Seen
    from chassis.db import Transaction

_NOBODY = Name(given="", family="", display="")


@dataclass(frozen=True, slots=True)
class Question:
    """A party of so many, at an offering, at a time."""

    offering_id: UUID
    start: datetime | LocalStart
    party_size: int


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a hold would come to now. ``reason`` None: it would succeed, at these tables.

    ``references``: of the bookings that have tables then; for staff alone.
    """

    reason: str | None
    message: str | None
    session_id: UUID | None = None
    span: Span | None = None
    tables: tuple[UUID, ...] = ()
    considered: list[Considered] = field(default_factory=list)
    arrivals: Arrivals | None = None
    covers: tuple[int, int | None] | None = None
    references: dict[UUID, str] = field(default_factory=dict)


async def explain(tx: Transaction, question: Question, *, listings: Listings) -> Explanation:
    """Decide as a hold would, write nothing, and keep what was considered on the way.

    Raises:
        Unknown: there is no such offering.
        InvalidRequest: the question itself is wrong: the party's size, or a time that never is.
    """
    await listings.current(tx, question.offering_id)
    wish = _wish(question)
    try:
        seen = await look(tx, wish, listings)
    except Refusal as refusal:
        if isinstance(refusal, InvalidRequest) and not isinstance(refusal, RuleRefusal):
            raise
        return Explanation(reason_of(refusal), str(refusal))
    return await _of_session(tx, wish, seen)


async def _of_session(tx: Transaction, wish: Wish, seen: Seen) -> Explanation:
    session, inventory = seen.fresh.session, seen.listing.offering.inventory
    party_size = party_of(wish, seen.listing)
    floor = None
    if seen.fresh.taken is not None:
        floor = Floor(session, seen.listing.tables, seen.fresh.taken)
    reason = message = None
    tables: tuple[UUID, ...] = ()
    try:
        tables = inventory.claim(party_size, (), seen.listing.seats, floor).resource_ids
    except InvalidRequest:
        raise
    except Refusal as refusal:
        reason, message = reason_of(refusal), str(refusal)
    considered, arrivals = explaining.examine(inventory, floor, party_size)
    holders = {holder for one in considered for holder in one.holders}
    return Explanation(
        reason,
        message,
        session.id,
        seen.span,
        tables,
        considered,
        arrivals,
        (session.taken, session.capacity),
        await bookings.references_of(tx, holders),
    )


def _wish(question: Question) -> Wish:
    return Wish(
        offering_id=question.offering_id,
        start=question.start,
        party_size=question.party_size,
        resource_ids=(),
        name=_NOBODY,
        locale=None,
        arrival_time=None,
        special_requests=None,
        drinks_package=None,
        source="staff",
    )
