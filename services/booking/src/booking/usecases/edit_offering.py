"""Edit an offering. Bookings already made keep the price and policy they were made under."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

import orjson

from booking.documents import document_of, read_settings
from booking.domain.catalogue import ListingStatus, Offering
from booking.domain.edits import UNSET, Unset, check_version, keep
from booking.domain.guarantee import check_guarantee
from booking.domain.refusals import Fault, HasBookings, InvalidRequest, Text, Unknown
from booking.store import audit, offerings, upcoming, venues
from booking.store.upcoming import Within
from booking.usecases.create_offering import check_menu, check_price, tell
from booking.usecases.keep_in_step import InStep, keep_in_step

if TYPE_CHECKING:
    from booking.domain.catalogue import Venue
    from chassis.db import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class EditOffering:
    """What to change; overrides lie over the present settings."""

    offering_id: UUID
    actor: str
    title: str | Unset = UNSET
    description: str | Unset | None = UNSET
    image_url: str | Unset | None = UNSET
    sort_order: int | Unset = UNSET
    status: ListingStatus | Unset = UNSET
    overrides: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    version: int | None = None


@dataclass(frozen=True, slots=True)
class EditedOffering:
    """The offering as it is now, and what became of its sessions."""

    offering: Offering
    sessions: InStep


async def edit_offering(tx: Transaction, command: EditOffering) -> EditedOffering:
    """Change it; its next hold sees the change (F-18: only these fields, each checked).

    Sessions that its rules make follow the change; those with bookings are kept and reported.

    Raises:
        Unknown: there is no such offering.
        StaleVersion: it was changed since the caller read it.
        InvalidRequest: a setting is out of range, or another kind of inventory.
        HasBookings: archived with live bookings (CAT-13).
    """
    before = await offerings.read(tx, command.offering_id, lock=True)
    if before is None:
        raise Unknown
    venue = await venues.read(tx, before.venue_id)
    if venue is None:
        raise Unknown
    check_version(command.version, before.version)
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
    check_guarantee(settings.policy, settings.pricing, venue.currency)
    if settings.pricing != before.pricing:
        await check_menu(tx, settings.pricing, venue.id)
    after = replace(
        before,
        title=keep(command.title, before.title),
        description=keep(command.description, before.description),
        image_url=keep(command.image_url, before.image_url),
        sort_order=keep(command.sort_order, before.sort_order),
        status=keep(command.status, before.status),
        schedule=settings.schedule,
        inventory=settings.inventory,
        pricing=settings.pricing,
        policy=settings.policy,
    )
    if after == before:
        return EditedOffering(before, InStep())
    if after.status is ListingStatus.ARCHIVED and before.status is not after.status:
        await upcoming.keep_holds_out(tx, Within.OFFERING, after.id)
        if await upcoming.have_bookings(tx, Within.OFFERING, after.id):
            raise HasBookings(text=Text("has_bookings.offering", venue.locale))
    after = replace(after, version=before.version + 1)
    await offerings.save(tx, after)
    tell(tx, after, venue.currency)
    old, new = audit.differing(_facts(before), _facts(after))
    await audit.note(
        tx,
        "offering",
        after.id,
        "offering.edited",
        actor=command.actor,
        at=await tx.now(),
        before=old,
        after=new,
    )
    return EditedOffering(after, await _sessions(tx, before, after, venue, command.actor))


async def _sessions(
    tx: Transaction, before: Offering, after: Offering, venue: Venue, actor: str
) -> InStep:
    by_rule = before.schedule.makes_sessions() or after.schedule.makes_sessions()
    if not by_rule or _rule(before) == _rule(after):
        return InStep()
    return await keep_in_step(tx, after, venue, actor=actor)


def _rule(offering: Offering) -> tuple[object, ...]:
    """What the sessions that rules make depend on."""
    return offering.schedule, offering.inventory, offering.title, offering.status


def _laid_over(setting: object, override: Mapping[str, Any]) -> dict[str, Any]:
    present: dict[str, Any] = orjson.loads(document_of(setting))
    same_kind = override.get("kind", present.get("kind")) == present.get("kind")
    return {**present, **override} if same_kind else dict(override)


def _facts(offering: Offering) -> dict[str, Any]:
    return {
        "title": offering.title,
        "description": offering.description,
        "image_url": offering.image_url,
        "sort_order": offering.sort_order,
        "status": offering.status,
        "schedule": orjson.loads(document_of(offering.schedule)),
        "inventory": orjson.loads(document_of(offering.inventory)),
        "pricing": orjson.loads(document_of(offering.pricing)),
        "policy": orjson.loads(document_of(offering.policy)),
    }
