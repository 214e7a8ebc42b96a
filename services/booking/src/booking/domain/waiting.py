"""The waitlist: groups in line for a session, and the place that one of them is offered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING
from uuid import UUID

from booking.domain.booking import MANAGEABLE_AFTER_END
from booking.domain.guest import Name
from booking.domain.lifecycle import Status
from booking.domain.refusals import CannotAccept, OfferEnded

if TYPE_CHECKING:
    from booking.domain.booking import Booking

MOST_WAITING = 200
"""Groups in line for one session; the database's check says the same."""

SOURCE = "waitlist"
"""What a booking's source says when it began as an offer."""

EPOCH = 1
"""Of the tokens of those in line: there is nothing to revoke."""


class EntryState(StrEnum):
    """Where a group in line stands. Whoever lets an offer lapse is out, and may join again."""

    WAITING = "waiting"
    OFFERED = "offered"
    ACCEPTED = "accepted"
    LAPSED = "lapsed"
    LEFT = "left"
    REMOVED = "removed"
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A group in line. ``units``: what of a session's capacity it waits for.

    ``earliest`` and ``latest``: between which starts it would come, where guests choose one.
    ``until``: when waiting is over. ``booking_id``: of the offer it was made.
    """

    id: UUID
    org_id: UUID
    venue_id: UUID
    offering_id: UUID
    session_id: UUID
    state: EntryState
    version: int
    party_size: int
    quantities: Mapping[str, int]
    units: int
    name: Name
    sealed_contact: str
    locale: str
    earliest: datetime | None
    latest: datetime | None
    until: datetime
    booking_id: UUID | None
    joined_at: datetime

    @property
    def token_expires_at(self) -> datetime:
        """Until when its token is good, in whole seconds."""
        return (self.until + MANAGEABLE_AFTER_END).replace(microsecond=0)


def as_offer(booking: Booking, now: datetime) -> Booking:
    """A booking just decided, held for a waiting group for as long as an offer lasts.

    It waits to be taken even where nothing is due: nobody is booked without saying so.
    """
    return replace(
        booking,
        status=Status.PENDING_PAYMENT,
        expires_at=booking.policy.offer_ends(now, booking.occasion.starts_at),
        confirmed_at=None,
    )


def check_acceptable(booking: Booking, now: datetime) -> None:
    """Refuse to accept what is no offer, has ended, or is taken by paying for it.

    Raises:
        CannotAccept, OfferEnded: see above.
    """
    if booking.status is Status.EXPIRED or booking.has_lapsed(now):
        raise OfferEnded
    if not booking.is_waiting():
        raise CannotAccept
    if booking.quote.due_now.amount_minor:
        raise CannotAccept("It is taken by paying what is due.")
    if booking.awaits_only_card:
        raise CannotAccept("It is taken by saving a card.")
