"""Edit a venue, or archive it: then nothing there is sold any more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

from booking import published
from booking.domain.catalogue import ListingStatus, Venue
from booking.domain.edits import UNSET, Unset, check_version, keep
from booking.domain.guarantee import check_guarantee
from booking.domain.refusals import HasBookings, HasSessions, Text, Unknown
from booking.store import audit, offerings, organisations, upcoming, venues
from booking.store.upcoming import Within
from booking.usecases.create_offering import check_price, tell
from booking.usecases.create_venue import check_timezone, venue_email, venue_phone

if TYPE_CHECKING:
    from chassis.db import Transaction

_PERSONAL = frozenset({"contact_email", "contact_phone", "manager_email", "kitchen_email"})


@dataclass(frozen=True, slots=True, kw_only=True)
class EditVenue:
    """What to change; None clears a field that may be empty."""

    venue_id: UUID
    actor: str
    name: str | Unset = UNSET
    timezone: str | Unset = UNSET
    currency: str | Unset = UNSET
    locale: str | Unset = UNSET
    contact_email: str | Unset | None = UNSET
    contact_phone: str | Unset | None = UNSET
    address: str | Unset | None = UNSET
    manager_email: str | Unset | None = UNSET
    kitchen_email: str | Unset | None = UNSET
    review_url: str | Unset | None = UNSET
    statement_descriptor: str | Unset | None = UNSET
    billing_countries: tuple[str, ...] | Unset = UNSET
    theme: Mapping[str, Any] | Unset = UNSET
    status: ListingStatus | Unset = UNSET
    version: int | None = None


async def edit_venue(tx: Transaction, command: EditVenue) -> Venue:
    """Change it and tell the other services (TEN-03, TEN-10).

    Raises:
        Unknown: there is no such venue.
        StaleVersion: it was changed since the caller read it.
        InvalidRequest: wrong time zone, contact e-mail or phone; a price too small to be collected
            in the new currency.
        HasBookings: archived with live bookings, or another currency once there was any booking.
        HasSessions: another time zone with sessions to come.
    """
    organisation = await organisations.read(tx)
    before = await venues.read(tx, command.venue_id, lock=True)
    if before is None or organisation is None:
        raise Unknown
    check_version(command.version, before.version)
    country = organisation.default_country
    email, manager, kitchen, phone = (
        command.contact_email,
        command.manager_email,
        command.kitchen_email,
        command.contact_phone,
    )
    after = replace(
        before,
        name=keep(command.name, before.name),
        timezone=keep(command.timezone, before.timezone),
        currency=keep(command.currency, before.currency),
        locale=keep(command.locale, before.locale),
        contact_email=_email("contact_email", email, before.contact_email),
        contact_phone=before.contact_phone
        if isinstance(phone, Unset)
        else venue_phone(phone, country),
        address=keep(command.address, before.address),
        manager_email=_email("manager_email", manager, before.manager_email),
        kitchen_email=_email("kitchen_email", kitchen, before.kitchen_email),
        review_url=keep(command.review_url, before.review_url),
        statement_descriptor=keep(command.statement_descriptor, before.statement_descriptor),
        billing_countries=keep(command.billing_countries, before.billing_countries),
        theme=keep(command.theme, before.theme),
        status=keep(command.status, before.status),
    )
    if after == before:
        return before
    await _check(tx, before, after)
    return await save_edited(tx, before, after, command.actor, "venue.edited")


def _email(field: str, new: str | Unset | None, old: str | None) -> str | None:
    return old if isinstance(new, Unset) else venue_email(new, field)


async def _check(tx: Transaction, before: Venue, after: Venue) -> None:
    archived = after.status is ListingStatus.ARCHIVED and before.status is not after.status
    dearer = after.currency != before.currency
    moved = after.timezone != before.timezone
    if not (archived or dearer or moved):
        return
    check_timezone(after.timezone)
    await upcoming.keep_holds_out(tx, Within.VENUE, after.id)
    if archived and await upcoming.have_bookings(tx, Within.VENUE, after.id):
        raise HasBookings(text=Text("has_bookings.venue", before.locale))
    if dearer:
        if await upcoming.ever_booked(tx, after.id):
            raise HasBookings(text=Text("has_bookings.currency", before.locale))
        for offering in await offerings.of_venue(tx, after.id):
            check_price(offering.pricing, after.currency)
            check_guarantee(offering.policy, offering.pricing, after.currency)
            repriced = replace(offering, version=offering.version + 1)
            await offerings.save(tx, repriced)
            tell(tx, repriced, after.currency)
    if moved and await upcoming.has_sessions(tx, after.id):
        raise HasSessions


async def save_edited(
    tx: Transaction, before: Venue, after: Venue, actor: str, action: str
) -> Venue:
    """Write a changed venue under its next version, tell the other services, and note it."""
    organisation = await organisations.read(tx)
    if organisation is None:
        raise Unknown
    after = replace(after, version=before.version + 1)
    await venues.save(tx, after)
    tx.publish(
        published.venue_changed(organisation, after), key=str(after.id), sequence=after.version
    )
    old, new = audit.differing(_facts(before), _facts(after), hidden=_PERSONAL)
    await audit.note(
        tx, "venue", after.id, action, actor=actor, at=await tx.now(), before=old, after=new
    )
    return after


def _facts(venue: Venue) -> dict[str, Any]:
    return {
        "name": venue.name,
        "timezone": venue.timezone,
        "currency": venue.currency,
        "locale": venue.locale,
        "contact_email": venue.contact_email,
        "contact_phone": venue.contact_phone,
        "address": venue.address,
        "manager_email": venue.manager_email,
        "kitchen_email": venue.kitchen_email,
        "review_url": venue.review_url,
        "statement_descriptor": venue.statement_descriptor,
        "billing_countries": list(venue.billing_countries),
        "embed_key": venue.embed_key,
        "theme": dict(venue.theme),
        "status": venue.status,
    }
