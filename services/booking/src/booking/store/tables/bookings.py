"""Bookings and the allocation ledger."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSTZRANGE

from booking.store.tables.columns import INSTANT, metadata

_WAITING = text("status IN ('pending_payment', 'requires_authentication')")
_ONE_PER_CUSTOMER = text(
    "one_per_customer AND status IN ('pending_payment', 'requires_authentication', "
    "'confirmed', 'checked_in', 'completed', 'no_show')"
)

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
    Column("arrives_at", INSTANT),
    Column("special_requests", Text),
    Column("drinks_package", Text),
    Column("created_at", INSTANT, nullable=False),
    Column("expires_at", INSTANT),
    Column("confirmed_at", INSTANT),
    Column("cancelled_at", INSTANT),
    Column("customer_id", Uuid),
    Column("payment_id", Uuid),
    Column("payment_sequence", BigInteger, nullable=False, server_default=text("-1")),
    Column("failure_code", Text),
    Column("failure_message_key", Text),
    Column("manage_epoch", Integer, nullable=False, server_default=text("1")),
    Column("starts_at", INSTANT, nullable=False),
    Column("ends_at", INSTANT, nullable=False),
    Column("quantities", JSONB, nullable=False, server_default=text("'{}'")),
    Column("lines", JSONB, nullable=False, server_default=text("'[]'")),
    Column("amount_gift", BigInteger, nullable=False, server_default=text("0")),
    Column("allergies", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Column("one_per_customer", Boolean, nullable=False, server_default=text("false")),
    Column("status_at", INSTANT, nullable=False),
    Column("change_id", Uuid),
    Column("guest_moves", Integer, nullable=False, server_default=text("0")),
    Column("amount_returned", BigInteger, nullable=False, server_default=text("0")),
    Column("amount_unasked", BigInteger, nullable=False, server_default=text("0")),
    Column("age_attested", SmallInteger),
    Column("waiver_name", Text),
    Column("waiver_at", INSTANT),
    Column("notes", Text),
    UniqueConstraint("org_id", "reference", name="bookings_reference"),
    Index(
        "bookings_waiting",
        "session_id",
        "expires_at",
        postgresql_where=text(f"expires_at IS NOT NULL AND {_WAITING}"),
    ),
    Index("bookings_listed", "org_id", "starts_at", "id", "status", "offering_id"),
    Index("bookings_made", "org_id", "created_at"),
    Index("bookings_email", "org_id", "email_hash"),
    Index(
        "bookings_phone", "org_id", "phone_hash", postgresql_where=text("phone_hash IS NOT NULL")
    ),
    Index(
        "bookings_unfulfillable",
        "org_id",
        "id",
        postgresql_where=text("status = 'unfulfillable'"),
    ),
    Index(
        "bookings_kitchen",
        "session_id",
        "starts_at",
        "id",
        postgresql_where=text(
            """allergies <> '{}' OR lines @? '$[*] ? (@.key starts with "dish:")'"""
        ),
    ),
    Index(
        "bookings_one_per_email",
        "session_id",
        "email_hash",
        unique=True,
        postgresql_where=_ONE_PER_CUSTOMER,
    ),
    Index(
        "bookings_one_per_phone",
        "session_id",
        "phone_hash",
        unique=True,
        postgresql_where=_ONE_PER_CUSTOMER,
    ),
)

Index(
    "bookings_named",
    bookings.c.org_id,
    func.search_name(bookings.c.display_name).label("named"),
    postgresql_using="gin",
    postgresql_ops={"named": "gin_trgm_ops"},
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
    Column("resource_id", Uuid),
    Column("units", Integer, nullable=False),
    Column("during", TSTZRANGE, nullable=False),
    Column("released_at", INSTANT),
    Column("slot", INSTANT),
    Index(
        "allocations_session",
        "session_id",
        text("upper(during)"),
        postgresql_where=text("released_at IS NULL AND resource_id IS NOT NULL"),
    ),
)

pacing = Table(
    "pacing",
    metadata,
    Column("session_id", Uuid, ForeignKey("sessions.id"), primary_key=True),
    Column("slot", INSTANT, primary_key=True),
    Column("org_id", Uuid, nullable=False),
    Column("covers", Integer, nullable=False),
)
