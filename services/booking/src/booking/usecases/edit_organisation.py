"""Edit an organisation: rename it, suspend it, take it up again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from booking import published
from booking.domain.catalogue import Organisation, OrganisationStatus
from booking.domain.refusals import Unknown
from booking.store import audit, organisations, venues

if TYPE_CHECKING:
    from chassis.db import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class EditOrganisation:
    """What to change; None leaves a field as it is."""

    name: str | None
    status: OrganisationStatus | None
    actor: str


async def edit_organisation(tx: Transaction, command: EditOrganisation) -> Organisation:
    """Change it, and tell the other services through its venues (OPN-10).

    Raises:
        Unknown: there is no such organisation.
    """
    before = await organisations.read(tx, lock=True)
    if before is None:
        raise Unknown
    after = replace(
        before,
        name=command.name or before.name,
        status=command.status or before.status,
        version=before.version + 1,
    )
    await organisations.save(tx, after)
    for venue in await venues.renew_all(tx):
        tx.publish(published.venue_changed(after, venue), key=str(venue.id), sequence=venue.version)
    await audit.note(
        tx,
        "organisation",
        after.org_id,
        "organisation.edited",
        actor=command.actor,
        at=await tx.now(),
        before={"name": before.name, "status": before.status},
        after={"name": after.name, "status": after.status},
    )
    return after
