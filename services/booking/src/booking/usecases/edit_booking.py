"""Staff correct what a guest said about themselves, or note something about them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, time
from typing import TYPE_CHECKING, Any
from uuid import UUID

from booking import published
from booking.domain.edits import UNSET, Unset, check_version, keep
from booking.domain.guest import Contact, Name, normal_email
from booking.domain.refusals import Fault, InvalidRequest, Unknown
from booking.domain.schedule import arrival, zone
from booking.phones import normal_phone
from booking.store import bookings, details, organisations

if TYPE_CHECKING:
    from booking.domain.booking import Booking
    from booking.store.contacts import ContactVault
    from chassis.db import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class EditBooking:
    """What to change; None clears a field that may be empty."""

    booking_id: UUID
    actor: str
    version: int | None = None
    reason: str | None = None
    name: Name | Unset = UNSET
    email: str | Unset = UNSET
    phone: str | Unset | None = UNSET
    special_requests: str | Unset | None = UNSET
    allergies: tuple[str, ...] | Unset = UNSET
    arrival_time: time | Unset | None = UNSET
    notes: str | Unset | None = UNSET


async def edit_booking(tx: Transaction, command: EditBooking, *, vault: ContactVault) -> Booking:
    """Correct a booking's details, whatever its state.

    A new e-mail address revokes the links sent to the old one. The audit log names what was
    changed of a person, and holds none of it.

    Raises:
        Unknown: there is no such booking.
        StaleVersion: it was changed since the caller read it.
        InvalidRequest: an address, number or time that cannot be; the field is named.
        AlreadyBooked: another guest with this contact has the one place that each may have.
    """
    before = await bookings.lock(tx, command.booking_id)
    if before is None:
        raise Unknown
    check_version(command.version, before.version)
    was = vault.open(before.sealed_contact, before.id)
    contact = await _contact(tx, command, was)
    after = replace(
        before,
        version=before.version + 1,
        name=keep(command.name, before.name),
        sealed_contact=before.sealed_contact if contact == was else vault.seal(contact, before.id),
        special_requests=keep(command.special_requests, before.special_requests),
        allergies=keep(command.allergies, before.allergies),
        notes=keep(command.notes, before.notes),
        arrives_at=_arrives_at(command, before),
        manage_epoch=before.manage_epoch + (contact.email != was.email),
    )
    changed = _changed(before, after, was, contact)
    if not changed:
        return before
    await details.save(
        tx,
        before,
        after,
        "booking.edited",
        actor=command.actor,
        reason=command.reason,
        hashes=None if contact == was else vault.hashes(contact),
        change=({"manage_epoch": before.manage_epoch}, _facts(after, changed)),
    )
    message = published.details_changed(after, vault.for_bus(after.name, contact))
    tx.publish(message, key=str(after.id), sequence=after.version)
    return after


async def _contact(tx: Transaction, command: EditBooking, was: Contact) -> Contact:
    phone, email = command.phone, command.email
    if isinstance(phone, str):
        organisation = await organisations.read(tx)
        if organisation is None:
            raise Unknown
        phone = normal_phone(phone, organisation.default_country)
    return Contact(
        was.email if isinstance(email, Unset) else normal_email(email), keep(phone, was.phone)
    )


def _arrives_at(command: EditBooking, booking: Booking) -> datetime | None:
    at, span = command.arrival_time, booking.occasion
    if at is None or isinstance(at, Unset):
        return keep(at, booking.arrives_at)
    arrives_at = arrival(at, span.starts_at, span.ends_at, zone(span.timezone))
    if arrives_at is None:
        raise InvalidRequest(Fault("arrival_time", "must lie within the booking"))
    return arrives_at


def _changed(before: Booking, after: Booking, was: Contact, contact: Contact) -> list[str]:
    """Names of what differs; never what it is."""
    pairs = {
        "name": (before.name, after.name),
        "email": (was.email, contact.email),
        "phone": (was.phone, contact.phone),
        "special_requests": (before.special_requests, after.special_requests),
        "allergies": (before.allergies, after.allergies),
        "arrival_time": (before.arrives_at, after.arrives_at),
        "notes": (before.notes, after.notes),
    }
    return [name for name, (old, new) in pairs.items() if old != new]


def _facts(after: Booking, changed: list[str]) -> dict[str, Any]:
    return {"fields": changed, "manage_epoch": after.manage_epoch}
