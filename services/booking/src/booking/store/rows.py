"""Rows of the bookings table as the domain's bookings, and the columns that make one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from booking.documents import read_policy
from booking.domain.booking import Booking, Failure, Occasion, Waiver
from booking.domain.guest import Name
from booking.domain.inventory import Claim
from booking.domain.lifecycle import PaymentStatus, Status
from booking.domain.money import Money
from booking.domain.quote import Line, Quote

if TYPE_CHECKING:
    import asyncpg

# b: bookings, s: sessions, v: venues, o: offerings
COLUMNS = """
    b.id, b.org_id, b.venue_id, b.offering_id, b.session_id, b.reference, b.status,
    b.payment_status, b.version, b.party_size, b.units, b.resource_ids, b.currency,
    b.amount_total, b.amount_due_now, b.amount_paid, b.amount_refunded, b.policy::text AS policy,
    b.payment_methods, b.given_name, b.family_name, b.display_name, b.sealed_contact, b.locale,
    b.source, b.arrives_at, b.special_requests, b.drinks_package, b.created_at, b.expires_at,
    b.confirmed_at, b.cancelled_at, b.customer_id, b.payment_id, b.payment_sequence,
    b.failure_code, b.failure_message_key, b.manage_epoch,
    b.starts_at, b.ends_at, b.status_at, b.quantities::text AS quantities, b.lines::text AS lines,
    b.amount_gift, b.allergies, b.change_id, b.guest_moves, b.amount_returned,
    b.amount_unasked, b.age_attested, b.waiver_name, b.waiver_at, b.notes, s.title, v.timezone,
    v.name AS venue_name, o.preset
"""

TABLES = """
    bookings b JOIN sessions s ON s.id = b.session_id JOIN venues v ON v.id = b.venue_id
    JOIN offerings o ON o.id = b.offering_id
"""


def booking_of(row: asyncpg.Record) -> Booking:
    """The booking in a row of ``COLUMNS``."""
    currency = row["currency"]
    code = row["failure_code"]
    return Booking(
        id=row["id"],
        org_id=row["org_id"],
        venue_id=row["venue_id"],
        offering_id=row["offering_id"],
        session_id=row["session_id"],
        reference=row["reference"],
        status=Status(row["status"]),
        payment_status=PaymentStatus(row["payment_status"]),
        version=row["version"],
        party_size=row["party_size"],
        claim=Claim(row["units"], tuple(row["resource_ids"])),
        quote=Quote(
            total=Money(row["amount_total"], currency),
            due_now=Money(row["amount_due_now"], currency),
            lines=tuple(Line(**line) for line in orjson.loads(row["lines"])),
            gift=Money(row["amount_gift"], currency) if row["amount_gift"] else None,
        ),
        paid=Money(row["amount_paid"], currency),
        refunded=Money(row["amount_refunded"], currency),
        policy=read_policy(row["policy"]),
        payment_methods=tuple(row["payment_methods"]),
        name=Name(row["given_name"], row["family_name"], row["display_name"]),
        sealed_contact=row["sealed_contact"],
        locale=row["locale"],
        source=row["source"],
        arrives_at=row["arrives_at"],
        special_requests=row["special_requests"],
        drinks_package=row["drinks_package"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        confirmed_at=row["confirmed_at"],
        cancelled_at=row["cancelled_at"],
        customer_id=row["customer_id"],
        payment_id=row["payment_id"],
        payment_sequence=row["payment_sequence"],
        failure=None if code is None else Failure(code, row["failure_message_key"]),
        manage_epoch=row["manage_epoch"],
        change_id=row["change_id"],
        guest_moves=row["guest_moves"],
        returned_minor=row["amount_returned"],
        unasked_minor=row["amount_unasked"],
        status_at=row["status_at"],
        quantities=orjson.loads(row["quantities"]),
        allergies=tuple(row["allergies"]),
        age_attested=row["age_attested"],
        waiver=Waiver(row["waiver_name"], row["waiver_at"]) if row["waiver_at"] else None,
        notes=row["notes"],
        occasion=Occasion(
            title=row["title"],
            starts_at=row["starts_at"],
            ends_at=row["ends_at"],
            timezone=row["timezone"],
            venue_name=row["venue_name"],
            offering_kind=row["preset"],
        ),
    )
