"""The business tables as SQLAlchemy knows them; a test holds them equal to the migrations.

The catalogue is written and read through these. Bookings and the ledger have statements of their
own, in which each round trip counts.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSTZRANGE

metadata = MetaData()
_INSTANT = DateTime(timezone=True)

organisations = Table(
    "organisations",
    metadata,
    Column("org_id", Uuid, primary_key=True),
    Column("slug", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("default_country", Text, nullable=False),
    Column("locale", Text, nullable=False),
    Column("reference_template", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at", _INSTANT, nullable=False),
    UniqueConstraint("slug", name="organisations_slug"),
)

venues = Table(
    "venues",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("org_id", Uuid, ForeignKey("organisations.org_id"), nullable=False),
    Column("slug", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("timezone", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("locale", Text, nullable=False),
    Column("contact_email", Text),
    Column("contact_phone", Text),
    Column("statement_descriptor", Text),
    Column("status", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at", _INSTANT, nullable=False),
    UniqueConstraint("org_id", "slug", name="venues_slug"),
)

offerings = Table(
    "offerings",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("org_id", Uuid, ForeignKey("organisations.org_id"), nullable=False),
    Column("venue_id", Uuid, ForeignKey("venues.id"), nullable=False),
    Column("preset", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("description", Text),
    Column("schedule", JSONB, nullable=False),
    Column("inventory", JSONB, nullable=False),
    Column("pricing", JSONB, nullable=False),
    Column("policy", JSONB, nullable=False),
    Column("status", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at", _INSTANT, nullable=False),
    Index("offerings_org", "org_id", "id"),
    Index("offerings_venue", "venue_id"),
)

resources = Table(
    "resources",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("org_id", Uuid, ForeignKey("organisations.org_id"), nullable=False),
    Column("venue_id", Uuid, ForeignKey("venues.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("label", Text, nullable=False),
    Column("floor", Text),
    Column("seats_min", Integer, nullable=False),
    Column("seats_max", Integer, nullable=False),
    Column("features", ARRAY(Text), nullable=False),
    Column("vip", Boolean, nullable=False),
    Column("description", Text),
    Column("status", Text, nullable=False),
    Column("created_at", _INSTANT, nullable=False),
    UniqueConstraint("venue_id", "number", name="resources_number"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("org_id", Uuid, ForeignKey("organisations.org_id"), nullable=False),
    Column("offering_id", Uuid, ForeignKey("offerings.id"), nullable=False),
    Column("venue_id", Uuid, ForeignKey("venues.id"), nullable=False),
    Column("title", Text, nullable=False),
    Column("starts_at", _INSTANT, nullable=False),
    Column("ends_at", _INSTANT, nullable=False),
    Column("capacity", Integer),
    Column("taken", Integer, nullable=False, server_default=text("0")),
    Column("status", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at", _INSTANT, nullable=False),
    Index("sessions_offering", "offering_id", "starts_at", "id"),
)

session_resources = Table(
    "session_resources",
    metadata,
    Column("session_id", Uuid, ForeignKey("sessions.id"), primary_key=True),
    Column("resource_id", Uuid, ForeignKey("resources.id"), primary_key=True),
    Column("org_id", Uuid, nullable=False),
)

_WAITING = text("status IN ('pending_payment', 'requires_authentication')")

bookings = Table(
    "bookings",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("org_id", Uuid, nullable=False),
    Column("venue_id", Uuid, nullable=False),
    Column("offering_id", Uuid, nullable=False),
    Column("session_id", Uuid, ForeignKey("sessions.id"), nullable=False),
    Column("reference", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("previous_status", Text),
    Column("payment_status", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("party_size", Integer, nullable=False),
    Column("units", Integer, nullable=False),
    Column("resource_ids", ARRAY(Uuid), nullable=False),
    Column("currency", Text, nullable=False),
    Column("amount_total", BigInteger, nullable=False),
    Column("amount_due_now", BigInteger, nullable=False),
    Column("amount_paid", BigInteger, nullable=False, server_default=text("0")),
    Column("amount_refunded", BigInteger, nullable=False, server_default=text("0")),
    Column("policy", JSONB, nullable=False),
    Column("payment_methods", ARRAY(Text), nullable=False),
    Column("given_name", Text, nullable=False),
    Column("family_name", Text, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("sealed_contact", Text, nullable=False),
    Column("email_hash", LargeBinary, nullable=False),
    Column("phone_hash", LargeBinary),
    Column("locale", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("arrives_at", _INSTANT),
    Column("special_requests", Text),
    Column("drinks_package", Text),
    Column("created_at", _INSTANT, nullable=False),
    Column("expires_at", _INSTANT),
    Column("confirmed_at", _INSTANT),
    Column("cancelled_at", _INSTANT),
    Column("customer_id", Uuid),
    Column("payment_id", Uuid),
    Column("payment_sequence", BigInteger, nullable=False, server_default=text("-1")),
    Column("failure_code", Text),
    Column("failure_message_key", Text),
    Column("manage_epoch", Integer, nullable=False, server_default=text("1")),
    UniqueConstraint("org_id", "reference", name="bookings_reference"),
    Index("bookings_waiting", "session_id", "expires_at", postgresql_where=_WAITING),
)

allocations = Table(
    "allocations",
    metadata,
    Column(
        "booking_id",
        Uuid,
        ForeignKey("bookings.id", deferrable=True, initially="DEFERRED"),
        primary_key=True,
    ),
    Column("booking_version", Integer, primary_key=True),
    Column("position", SmallInteger, primary_key=True),
    Column("org_id", Uuid, nullable=False),
    Column("session_id", Uuid, nullable=False),
    Column("resource_id", Uuid, ForeignKey("resources.id")),
    Column("units", Integer, nullable=False),
    Column("during", TSTZRANGE, nullable=False),
    Column("released_at", _INSTANT),
    Index(
        "allocations_session",
        "session_id",
        postgresql_where=text("released_at IS NULL AND resource_id IS NOT NULL"),
    ),
)

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
    Column("received_at", _INSTANT, nullable=False),
    Index("receipts_booking", "booking_id"),
)

audit = Table(
    "audit",
    metadata,
    Column("entity_id", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("org_id", Uuid, nullable=False),
    Column("entity", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("at", _INSTANT, nullable=False),
    Column("actor", Text, nullable=False),
    Column("reason", Text),
    Column("before", JSONB),
    Column("after", JSONB),
    Column("message_id", Uuid),
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
    Column("expires_at", _INSTANT, nullable=False),
    Index("idempotency_expiry", "expires_at"),
)
