"""Create an offering: a preset's settings, with whatever the request says laid over them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from booking import published
from booking.documents import read_settings
from booking.domain.catalogue import ListingStatus, Offering
from booking.domain.guarantee import check_guarantee
from booking.domain.presets import Preset, settings_of
from booking.domain.pricing import Pricing, check_chargeable, methods_elsewhere
from booking.domain.refusals import Fault, InvalidRequest
from booking.store import audit, menus, offerings, venues
from booking.usecases.keep_in_step import keep_in_step
from chassis.ids import uuid7

if TYPE_CHECKING:
    from chassis.db import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateOffering:
    """``overrides``: settings documents by name, each as a whole or in part."""

    venue_id: UUID
    preset: Preset
    title: str
    description: str | None
    overrides: Mapping[str, Mapping[str, Any]]
    actor: str
    image_url: str | None = None
    sort_order: int = 100


async def create_offering(tx: Transaction, command: CreateOffering) -> Offering:
    """Create it, its four settings checked field by field, with the sessions its rules make.

    Raises:
        InvalidRequest: a setting is missing, unknown or out of range; or no such venue.
    """
    venue = await venues.read(tx, command.venue_id)
    if venue is None:
        raise InvalidRequest(Fault("venue_id", "is not one of your venues"))
    settings = read_settings(settings_of(command.preset, command.overrides))
    check_price(settings.pricing, venue.currency)
    check_guarantee(settings.policy, settings.pricing, venue.currency)
    await check_menu(tx, settings.pricing, venue.id)
    now = await tx.now()
    offering = Offering(
        id=uuid7(now),
        org_id=venue.org_id,
        venue_id=venue.id,
        preset=command.preset,
        title=command.title,
        description=command.description,
        image_url=command.image_url,
        sort_order=command.sort_order,
        schedule=settings.schedule,
        inventory=settings.inventory,
        pricing=settings.pricing,
        policy=settings.policy,
        status=ListingStatus.ACTIVE,
        version=1,
    )
    await offerings.add(tx, offering, now)
    tell(tx, offering, venue.currency)
    await keep_in_step(tx, offering, venue, actor=command.actor)
    await audit.note(
        tx,
        "offering",
        offering.id,
        "offering.created",
        actor=command.actor,
        at=now,
        after={"preset": offering.preset, "title": offering.title},
    )
    return offering


def tell(tx: Transaction, offering: Offering, currency: str) -> None:
    """Tell the other services what the offering is now."""
    tx.publish(
        published.offering_changed(offering, currency),
        key=str(offering.id),
        sequence=offering.version,
    )


def check_price(pricing: Pricing, currency: str) -> None:
    """Raise InvalidRequest for an amount or a method that no provider would collect (F-30)."""
    if foreign := methods_elsewhere(pricing, currency):
        raise InvalidRequest(
            Fault("pricing.payment_methods", f"{', '.join(foreign)} cannot collect {currency}")
        )
    try:
        check_chargeable(pricing, currency)
    except ValueError as wrong:
        raise InvalidRequest(Fault("pricing.amount_minor", str(wrong))) from wrong


async def check_menu(tx: Transaction, pricing: Pricing, venue_id: UUID) -> None:
    """Raise InvalidRequest for a section that is not an active one of the venue's menu (F-29)."""
    if pricing.menu is None:
        return
    wanted = pricing.menu.section_ids
    known = await menus.active_sections(tx, venue_id, wanted)
    faults = [
        Fault(f"pricing.menu.section_ids.{position}", "is not a section of this venue's menu")
        for position, section_id in enumerate(wanted)
        if section_id not in known
    ]
    if faults:
        raise InvalidRequest(*faults)
