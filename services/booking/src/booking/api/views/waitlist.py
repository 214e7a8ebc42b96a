"""Groups in line, as they see themselves and as staff see them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from pydantic import BaseModel

from booking.api.views.shared import Money

if TYPE_CHECKING:
    from booking.domain.waiting import Entry
    from booking.usecases.read_waitlist import EntryView


class WaitlistJoined(BaseModel):
    """A group is in line; its token is shown only here."""

    id: UUID
    position: int
    token: str


class Offer(BaseModel):
    """The place that the group is offered; `manage_token` only for the group itself."""

    booking_id: UUID
    reference: str
    status: str
    starts_at: datetime
    ends_at: datetime
    amount_due_now: Money
    expires_at: datetime | None
    seconds_left: int
    manage_token: str | None


class WaitlistEntry(BaseModel):
    """A group in line, or that was: its state says which."""

    id: UUID
    session_id: UUID
    state: str
    position: int | None
    party_size: int
    joined_at: datetime
    offer: Offer | None

    @classmethod
    def of(cls, view: EntryView, manage_token: str | None) -> WaitlistEntry:
        entry, booking = view.entry, view.offer
        offer = None
        if booking is not None:
            offer = Offer(
                booking_id=booking.id,
                reference=booking.reference,
                status=booking.status,
                starts_at=booking.occasion.starts_at,
                ends_at=booking.occasion.ends_at,
                amount_due_now=Money.of(booking.quote.due_now),
                expires_at=booking.expires_at,
                seconds_left=booking.seconds_left(view.now),
                manage_token=manage_token,
            )
        return cls(
            id=entry.id,
            session_id=entry.session_id,
            state=entry.state,
            position=view.position,
            party_size=entry.party_size,
            joined_at=entry.joined_at,
            offer=offer,
        )


class WaitlistRow(BaseModel):
    """A group in line, for staff."""

    id: UUID
    state: str
    name: str
    party_size: int
    joined_at: datetime
    booking_id: UUID | None

    @classmethod
    def of(cls, entry: Entry) -> WaitlistRow:
        return cls(
            id=entry.id,
            state=entry.state,
            name=entry.name.display,
            party_size=entry.party_size,
            joined_at=entry.joined_at,
            booking_id=entry.booking_id,
        )


class Accepted(BaseModel):
    """The offer is taken."""

    id: UUID
    reference: str
    status: str
