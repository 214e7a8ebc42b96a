"""Edit a venue, or archive it: then nothing there is sold any more."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from uuid import UUID

from booking import published
from booking.domain.catalogue import ListingStatus, Venue
from booking.domain.refusals import Unknown
from booking.store import audit, organisations, venues
from booking.usecases.create_venue import venue_email, venue_phone

if TYPE_CHECKING:
    from chassis.db import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class EditVenue:
    """What to change; None leaves a field as it is."""

    venue_id: UUID
    name: str | None
    locale: str | None
    contact_email: str | None
    contact_phone: str | None
    statement_descriptor: str | None
    status: ListingStatus | None
    actor: str


async def edit_venue(tx: Transaction, command: EditVenue) -> Venue:
    """Change it and tell the other services.

    Raises:
        Unknown: there is no such venue.
        InvalidRequest: wrong contact e-mail or phone.
    """
    organisation = await organisations.read(tx)
    before = await venues.read(tx, command.venue_id, lock=True)
    if before is None or organisation is None:
        raise Unknown
    phone = venue_phone(command.contact_phone, organisation.default_country)
    after = replace(
        before,
        name=command.name or before.name,
        locale=command.locale or before.locale,
        contact_email=venue_email(command.contact_email) or before.contact_email,
        contact_phone=phone or before.contact_phone,
        statement_descriptor=command.statement_descriptor or before.statement_descriptor,
        status=command.status or before.status,
        version=before.version + 1,
    )
    await venues.save(tx, after)
    tx.publish(
        published.venue_changed(organisation, after), key=str(after.id), sequence=after.version
    )
    await audit.note(
        tx,
        "venue",
        after.id,
        "venue.edited",
        actor=command.actor,
        at=await tx.now(),
        before={"name": before.name, "status": before.status},
        after={"name": after.name, "status": after.status},
    )
    return after
