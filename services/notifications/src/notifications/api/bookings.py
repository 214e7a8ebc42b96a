"""What was told about a booking, for staff."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from chassis.auth import Principal
from chassis.http import DB, part, require
from notifications.domain.notice import FOR_THE_VENUE, Kind, State
from notifications.store.messages import Entry, Messages

router = APIRouter(tags=["messages"])

Viewer = Annotated[Principal, Depends(require("bookings:view"))]
Table = Annotated[Messages, Depends(part(Messages))]


class MessageView(BaseModel):
    """A message. `message_id`: its Message-ID header, as mail servers log it."""

    id: UUID
    kind: Kind
    to: Literal["guest", "venue"]
    cause: str
    channel: Literal["email"] = "email"
    recipient: str | None
    subject: str
    message_id: str
    state: State
    attempts: int
    error: str | None
    planned_at: datetime
    sent_at: datetime | None


class MessagesOfBooking(BaseModel):
    """All messages about a booking, oldest first."""

    items: list[MessageView]


class TimelineEntry(BaseModel):
    """One thing that this service did because of a booking."""

    at: datetime
    service: Literal["notifications"] = "notifications"
    type: str
    message_id: UUID | None
    summary: str
    data: dict[str, object]


class Timeline(BaseModel):
    """What happened to a booking here, oldest first."""

    entries: list[TimelineEntry]


@router.get("/bookings/{booking_id}/messages")
async def messages(booking_id: UUID, viewer: Viewer, table: Table, db: DB) -> MessagesOfBooking:
    """What the guest and the venue were told, when, and whether their mail server took it."""
    entries = await db.run(viewer.org_id, lambda tx: table.of_booking(tx, booking_id))
    return MessagesOfBooking(
        items=[
            MessageView(
                id=entry.id,
                kind=entry.kind,
                to=_to(entry.kind),
                cause=entry.cause,
                recipient=entry.recipient,
                subject=entry.subject,
                message_id=entry.message_id,
                state=entry.state,
                attempts=entry.attempts,
                error=entry.error,
                planned_at=entry.planned_at,
                sent_at=entry.settled_at if entry.state == "sent" else None,
            )
            for entry in entries
        ]
    )


@router.get("/bookings/{booking_id}/timeline")
async def timeline(booking_id: UUID, viewer: Viewer, table: Table, db: DB) -> Timeline:
    """This service's part of a booking's timeline."""
    entries = await db.run(viewer.org_id, lambda tx: table.of_booking(tx, booking_id))
    steps = [step for entry in entries for step in _steps(entry)]
    return Timeline(entries=sorted(steps, key=lambda step: step.at))


def _to(kind: Kind) -> Literal["guest", "venue"]:
    return "venue" if kind in FOR_THE_VENUE else "guest"


def _steps(entry: Entry) -> list[TimelineEntry]:
    steps = [
        TimelineEntry(
            at=entry.planned_at,
            type="notification.planned",
            message_id=entry.planned_by,
            summary=f"A {entry.kind} mail to the {_to(entry.kind)} is planned",
            data={"message": entry.id, "kind": entry.kind, "cause": entry.cause},
        )
    ]
    if entry.settled_at is not None:
        sent = entry.state == "sent"
        steps.append(
            TimelineEntry(
                at=entry.settled_at,
                type="notification.sent.v1" if sent else "notification.failed.v1",
                message_id=entry.settled_by,
                summary=f"The {entry.kind} mail {'was sent' if sent else 'failed'}",
                data={"message": entry.id, "attempts": entry.attempts, "error": entry.error},
            )
        )
    return steps
