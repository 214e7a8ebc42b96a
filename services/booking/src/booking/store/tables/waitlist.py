"""Groups that wait for a place."""

from sqlalchemy import Column, ForeignKey, Index, Integer, LargeBinary, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB

from booking.store.tables.columns import INSTANT, metadata

_LIVE = text("state IN ('waiting', 'offered')")

waitlist_entries = Table(
    "waitlist_entries",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("org_id", Uuid, nullable=False),
    Column("venue_id", Uuid, nullable=False),
    Column("offering_id", Uuid, nullable=False),
    Column("session_id", Uuid, ForeignKey("sessions.id"), nullable=False),
    Column("state", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("party_size", Integer, nullable=False),
    Column("quantities", JSONB, nullable=False),
    Column("units", Integer, nullable=False),
    Column("given_name", Text, nullable=False),
    Column("family_name", Text, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("sealed_contact", Text, nullable=False),
    Column("email_hash", LargeBinary, nullable=False),
    Column("phone_hash", LargeBinary),
    Column("locale", Text, nullable=False),
    Column("earliest", INSTANT),
    Column("latest", INSTANT),
    Column("until", INSTANT, nullable=False),
    Column("booking_id", Uuid, ForeignKey("bookings.id")),
    Column("joined_at", INSTANT, nullable=False),
    Column("settled_at", INSTANT),
    Index(
        "waitlist_one_per_email", "session_id", "email_hash", unique=True, postgresql_where=_LIVE
    ),
    Index(
        "waitlist_one_per_phone", "session_id", "phone_hash", unique=True, postgresql_where=_LIVE
    ),
    Index("waitlist_line", "session_id", "joined_at", "id"),
    Index("waitlist_offers", "booking_id", postgresql_where=text("state = 'offered'")),
)
