"""Edit an offering. Bookings already made keep the price and policy they were made under."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

import orjson

from booking.documents import document_of, read_settings
from booking.domain.catalogue import ListingStatus, Offering
from booking.domain.refusals import Fault, InvalidRequest, Unknown
from booking.store import audit, offerings, venues
from booking.usecases.create_offering import check_price

if TYPE_CHECKING:
    from chassis.db import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class EditOffering:
    """What to change; None leaves a field as it is, overrides lie over the present settings."""

    offering_id: UUID
    title: str | None
    description: str | None
    status: ListingStatus | None
    overrides: Mapping[str, Mapping[str, Any]]
    actor: str


async def edit_offering(tx: Transaction, command: EditOffering) -> Offering:
    """Change it; its next hold sees the change (F-18: only these fields, each checked).

    Raises:
        Unknown: there is no such offering.
        InvalidRequest: a setting is out of range, or another kind of inventory.
    """
    before = await offerings.read(tx, command.offering_id, lock=True)
    if before is None:
        raise Unknown
    venue = await venues.read(tx, before.venue_id)
    if venue is None:
        raise Unknown
    present = {
        "schedule": before.schedule,
        "inventory": before.inventory,
        "pricing": before.pricing,
        "policy": before.policy,
    }
    settings = read_settings(
        {name: _laid_over(now, command.overrides.get(name, {})) for name, now in present.items()}
    )
    if type(settings.inventory) is not type(before.inventory):
        raise InvalidRequest(Fault("inventory.kind", "cannot change: sessions depend on it"))
    check_price(settings.pricing, venue.currency)
    after = replace(
        before,
        title=command.title or before.title,
        description=before.description if command.description is None else command.description,
        status=command.status or before.status,
        schedule=settings.schedule,
        inventory=settings.inventory,
        pricing=settings.pricing,
        policy=settings.policy,
        version=before.version + 1,
    )
    await offerings.save(tx, after)
    await audit.note(
        tx,
        "offering",
        after.id,
        "offering.edited",
        actor=command.actor,
        at=await tx.now(),
        before=_facts(before),
        after=_facts(after),
    )
    return after


def _laid_over(setting: object, override: Mapping[str, Any]) -> dict[str, Any]:
    present: dict[str, Any] = orjson.loads(document_of(setting))
    same_kind = override.get("kind", present.get("kind")) == present.get("kind")
    return {**present, **override} if same_kind else dict(override)


def _facts(offering: Offering) -> dict[str, Any]:
    return {
        "title": offering.title,
        "status": offering.status,
        "inventory": orjson.loads(document_of(offering.inventory)),
        "pricing": orjson.loads(document_of(offering.pricing)),
        "policy": orjson.loads(document_of(offering.policy)),
    }
