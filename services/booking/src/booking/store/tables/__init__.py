"""The business tables as SQLAlchemy knows them; a test holds them equal to the migrations.

The catalogue is written and read through these. Bookings and the ledger have statements of their
own, in which each round trip counts.
"""

from booking.store.tables.attendance import (
    blocked_contacts,
    customer_standings,
    refund_approvals,
)
from booking.store.tables.bookings import allocations, bookings, pacing
from booking.store.tables.catalogue import (
    offerings,
    organisations,
    resources,
    session_resources,
    sessions,
    venues,
)
from booking.store.tables.changes import changes
from booking.store.tables.columns import metadata
from booking.store.tables.prices import (
    booking_items,
    gift_cards,
    gift_entries,
    menu_items,
    menu_sections,
    promo_codes,
    promo_guests,
    promo_uses,
)
from booking.store.tables.records import audit, idempotency, receipts
from booking.store.tables.waitlist import waitlist_entries

__all__ = [
    "allocations",
    "audit",
    "blocked_contacts",
    "booking_items",
    "bookings",
    "changes",
    "customer_standings",
    "gift_cards",
    "gift_entries",
    "idempotency",
    "menu_items",
    "menu_sections",
    "metadata",
    "offerings",
    "organisations",
    "pacing",
    "promo_codes",
    "promo_guests",
    "promo_uses",
    "receipts",
    "refund_approvals",
    "resources",
    "session_resources",
    "sessions",
    "venues",
    "waitlist_entries",
]
