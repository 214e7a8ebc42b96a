"""Answers about the day itself. They are kept for replays, so they hold nothing of a person."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from pydantic import BaseModel

from booking.api.views.shared import Money
from booking.domain.lifecycle import Verb, allows

if TYPE_CHECKING:
    from booking.domain.booking import Booking
    from booking.store.approvals import Approval


class Attendance(BaseModel):
    """How the booking stands now. `undo_until`: when this can no longer be taken back."""

    id: UUID
    reference: str
    status: str
    status_at: datetime
    version: int
    undo_until: datetime | None

    @classmethod
    def of(cls, booking: Booking) -> Attendance:
        undoable = allows(Verb.UNDO, booking.status)
        return cls(
            id=booking.id,
            reference=booking.reference,
            status=booking.status,
            status_at=booking.status_at,
            version=booking.version,
            undo_until=booking.policy.undo_ends(booking.status_at) if undoable else None,
        )


class WaiverSigned(BaseModel):
    """The waiver is signed."""

    id: UUID
    signed_at: datetime
    version: int

    @classmethod
    def of(cls, booking: Booking) -> WaiverSigned:
        assert booking.waiver is not None  # noqa: S101 - it was just signed
        return cls(id=booking.id, signed_at=booking.waiver.signed_at, version=booking.version)


class LinksRevoked(BaseModel):
    """Links given out before open nothing any more."""

    id: UUID
    manage_epoch: int
    version: int

    @classmethod
    def of(cls, booking: Booking) -> LinksRevoked:
        return cls(id=booking.id, manage_epoch=booking.manage_epoch, version=booking.version)


class RefundDecided(BaseModel):
    """What became of a refund that waited; `refund` is what goes back."""

    booking_id: UUID
    decision: str
    refund: Money


class RefundApproval(BaseModel):
    """A cancelled booking whose refund waits for a decision."""

    booking_id: UUID
    reference: str
    name: str
    title: str
    starts_at: datetime
    amount: Money
    requested_at: datetime
    requested_by: str

    @classmethod
    def of(cls, approval: Approval) -> RefundApproval:
        return cls(
            booking_id=approval.booking_id,
            reference=approval.reference,
            name=approval.name,
            title=approval.title,
            starts_at=approval.starts_at,
            amount=Money.of(approval.amount),
            requested_at=approval.requested_at,
            requested_by=approval.requested_by,
        )
