"""What is kept of each payment, change and request."""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from booking.store.tables.columns import INSTANT, metadata

receipts = Table(
    "receipts",
    metadata,
    Column("payment_id", Uuid, primary_key=True),
    Column("org_id", Uuid, nullable=False),
    Column("booking_id", Uuid, ForeignKey("bookings.id"), nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("refunded_minor", BigInteger, nullable=False, server_default=text("0")),
    Column("received_at", INSTANT, nullable=False),
    Column("unasked_minor", BigInteger, nullable=False, server_default=text("0")),
    Column("refunds_sequence", BigInteger, nullable=False, server_default=text("0")),
    Index("receipts_booking", "booking_id"),
    Index("receipts_received", "org_id", "received_at"),
    Index(
        "receipts_unreturned",
        "org_id",
        "received_at",
        postgresql_where=text("outcome <> 'counted' AND refunded_minor < amount_minor"),
    ),
)

audit = Table(
    "audit",
    metadata,
    Column("entity_id", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("org_id", Uuid, nullable=False),
    Column("entity", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("at", INSTANT, nullable=False),
    Column("actor", Text, nullable=False),
    Column("reason", Text),
    Column("before", JSONB),
    Column("after", JSONB),
    Column("message_id", Uuid),
    Column("position", BigInteger, Identity(always=True), nullable=False),
    Index("audit_time", "org_id", "id"),
    Index(
        "audit_staff",
        "org_id",
        "actor",
        "id",
        postgresql_where=text("position(':' in actor) > 0"),
    ),
    Index(
        "audit_catalogue",
        "org_id",
        "entity",
        "id",
        postgresql_where=text("entity <> 'booking'"),
    ),
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("org_id", Uuid, primary_key=True),
    Column("principal", Text, primary_key=True),
    Column("route", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("request_hash", LargeBinary, nullable=False),
    Column("answer", JSONB, nullable=False),
    Column("expires_at", INSTANT, nullable=False),
    Index("idempotency_expiry", "expires_at"),
)
