"""Moves of bookings."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from booking.store.tables.columns import INSTANT, metadata

_PENDING = text("state = 'pending'")

changes = Table(
    "changes",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("org_id", Uuid, nullable=False),
    Column("venue_id", Uuid, nullable=False),
    Column("booking_id", Uuid, ForeignKey("bookings.id"), nullable=False),
    Column("state", Text, nullable=False),
    Column("by_guest", Boolean, nullable=False),
    Column("ledger_version", Integer, nullable=False),
    Column("amount_due", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("expires_at", INSTANT),
    Column("created_at", INSTANT, nullable=False),
    Column("settled_at", INSTANT),
    Column("payment_id", Uuid),
    Column("place", JSONB, nullable=False),
    Index("changes_one_pending", "booking_id", unique=True, postgresql_where=_PENDING),
    Index("changes_lapsing", "venue_id", "expires_at", postgresql_where=_PENDING),
)
