"""Customers whom an organisation refuses, fees of no-shows, refunds that wait for a decision."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    Table,
    Text,
    Uuid,
    text,
)

from booking.store.tables.columns import INSTANT, metadata

blocked_contacts = Table(
    "blocked_contacts",
    metadata,
    Column("org_id", Uuid, primary_key=True),
    Column("hash", LargeBinary, primary_key=True),
    Column("customer_id", Uuid, primary_key=True),
    Index("blocked_contacts_customer", "customer_id"),
)

customer_standings = Table(
    "customer_standings",
    metadata,
    Column("customer_id", Uuid, primary_key=True),
    Column("org_id", Uuid, nullable=False),
    Column("blocked", Boolean, nullable=False),
    Column("sequence", BigInteger, nullable=False),
)

no_show_fees = Table(
    "no_show_fees",
    metadata,
    Column("booking_id", Uuid, ForeignKey("bookings.id"), primary_key=True),
    Column("org_id", Uuid, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("failure_code", Text),
    Column("payment_sequence", BigInteger, nullable=False, server_default=text("-1")),
    Column("pay_until", INSTANT, nullable=False),
    Column("due_at", INSTANT, nullable=False),
)

refund_approvals = Table(
    "refund_approvals",
    metadata,
    Column("booking_id", Uuid, ForeignKey("bookings.id"), primary_key=True),
    Column("org_id", Uuid, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("in_all_minor", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("requested_at", INSTANT, nullable=False),
    Column("requested_by", Text, nullable=False),
    Column("decided_at", INSTANT),
    Column("decided_by", Text),
    Column("reason", Text),
    Index(
        "refund_approvals_pending",
        "org_id",
        "requested_at",
        "booking_id",
        postgresql_where=text("status = 'pending'"),
    ),
)
